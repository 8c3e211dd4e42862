//! What a `stick-table` line says (manual 4.2).

use std::time::Duration;

/// One stick table.
#[derive(Clone, Debug)]
pub struct StickTable {
    /// The section that declares it.
    pub name: String,
    pub key: KeyType,
    /// Bytes of an address or a number; of a string or a binary, those that are kept.
    pub key_length: usize,
    pub size: u64,
    pub expire: Option<Duration>,
    pub nopurge: bool,
    pub server_key_is_address: bool,
    pub peers: Option<String>,
    /// Data types stored, with the period of rates.
    pub store: Vec<(DataType, Option<Duration>)>,
}

impl StickTable {
    /// A table of that many entries that stores nothing.
    pub fn new(name: &str, key: KeyType, size: u64) -> StickTable {
        StickTable {
            name: name.to_owned(),
            key,
            key_length: key.default_length(),
            size,
            expire: None,
            nopurge: false,
            server_key_is_address: false,
            peers: None,
            store: Vec::new(),
        }
    }
}

/// What keys are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyType {
    Ip,
    Ipv6,
    Integer,
    String,
    Binary,
}

impl KeyType {
    const ALL: [KeyType; 5] = [
        KeyType::Ip,
        KeyType::Ipv6,
        KeyType::Integer,
        KeyType::String,
        KeyType::Binary,
    ];

    /// The name in the language.
    pub fn name(self) -> &'static str {
        match self {
            KeyType::Ip => "ip",
            KeyType::Ipv6 => "ipv6",
            KeyType::Integer => "integer",
            KeyType::String => "string",
            KeyType::Binary => "binary",
        }
    }

    /// The type that the language calls `name`.
    pub fn parse(name: &str) -> Option<KeyType> {
        KeyType::ALL.into_iter().find(|key| key.name() == name)
    }

    /// The length of keys where the line does not say it.
    pub fn default_length(self) -> usize {
        match self {
            KeyType::Ip | KeyType::Integer => 4,
            KeyType::Ipv6 => 16,
            KeyType::String | KeyType::Binary => 32,
        }
    }

    /// Does the line say how long keys are (`len`)?
    pub fn has_length(self) -> bool {
        matches!(self, KeyType::String | KeyType::Binary)
    }
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
