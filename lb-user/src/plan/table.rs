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
