//! `stick-table` lines (manual 4.2).

use std::time::Duration;

use crate::rules::Kind;

/// One stick table.
#[derive(Clone, Debug)]
pub struct StickTable {
    /// The section that declares it.
    pub name: String,
    pub key: Kind,
    /// Longest key kept, for strings and binaries.
    pub key_length: usize,
    pub size: u64,
    pub expire: Option<Duration>,
    pub nopurge: bool,
    pub server_key_is_address: bool,
    pub peers: Option<String>,
    /// Data types stored, with the period of rates.
    pub store: Vec<(DataType, Option<Duration>)>,
}

/// What an entry can hold (manual: `store <data_type>`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DataType {
    ServerId,
    ServerKey,
    Gpt0,
    Gpc0,
    Gpc0Rate,
    Gpc1,
    Gpc1Rate,
    ConnCnt,
    ConnRate,
    ConnCur,
    SessCnt,
    SessRate,
    HttpReqCnt,
    HttpReqRate,
    HttpErrCnt,
    HttpErrRate,
    HttpFailCnt,
    HttpFailRate,
    BytesInCnt,
    BytesInRate,
    BytesOutCnt,
    BytesOutRate,
}

/// How a data type's values behave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataKind {
    /// A number of 32 bits.
    Number,
    /// A number of 64 bits.
    Long,
    /// Events over the period given with the type.
    Rate,
    /// A server's name or address.
    Text,
}

impl DataType {
    /// All types, in the order `show table` prints them.
    pub const ALL: [DataType; 22] = [
        DataType::ServerId,
        DataType::Gpt0,
        DataType::Gpc0,
        DataType::Gpc0Rate,
        DataType::ConnCnt,
        DataType::ConnRate,
        DataType::ConnCur,
        DataType::SessCnt,
        DataType::SessRate,
        DataType::HttpReqCnt,
        DataType::HttpReqRate,
        DataType::HttpErrCnt,
        DataType::HttpErrRate,
        DataType::BytesInCnt,
        DataType::BytesInRate,
        DataType::BytesOutCnt,
        DataType::BytesOutRate,
        DataType::Gpc1,
        DataType::Gpc1Rate,
        DataType::ServerKey,
        DataType::HttpFailCnt,
        DataType::HttpFailRate,
    ];

    /// The name in the language.
    pub fn name(self) -> &'static str {
        match self {
            DataType::ServerId => "server_id",
            DataType::ServerKey => "server_key",
            DataType::Gpt0 => "gpt0",
            DataType::Gpc0 => "gpc0",
            DataType::Gpc0Rate => "gpc0_rate",
            DataType::Gpc1 => "gpc1",
            DataType::Gpc1Rate => "gpc1_rate",
            DataType::ConnCnt => "conn_cnt",
            DataType::ConnRate => "conn_rate",
            DataType::ConnCur => "conn_cur",
            DataType::SessCnt => "sess_cnt",
            DataType::SessRate => "sess_rate",
            DataType::HttpReqCnt => "http_req_cnt",
            DataType::HttpReqRate => "http_req_rate",
            DataType::HttpErrCnt => "http_err_cnt",
            DataType::HttpErrRate => "http_err_rate",
            DataType::HttpFailCnt => "http_fail_cnt",
            DataType::HttpFailRate => "http_fail_rate",
            DataType::BytesInCnt => "bytes_in_cnt",
            DataType::BytesInRate => "bytes_in_rate",
            DataType::BytesOutCnt => "bytes_out_cnt",
            DataType::BytesOutRate => "bytes_out_rate",
        }
    }

    /// The type that the language calls `name`.
    pub fn parse(name: &str) -> Option<DataType> {
        DataType::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// How its values behave.
    pub fn kind(self) -> DataKind {
        match self {
            DataType::ServerKey => DataKind::Text,
            DataType::BytesInCnt | DataType::BytesOutCnt => DataKind::Long,
            DataType::Gpc0Rate
            | DataType::Gpc1Rate
            | DataType::ConnRate
            | DataType::SessRate
            | DataType::HttpReqRate
            | DataType::HttpErrRate
            | DataType::HttpFailRate
            | DataType::BytesInRate
            | DataType::BytesOutRate => DataKind::Rate,
            _ => DataKind::Number,
        }
    }
}
