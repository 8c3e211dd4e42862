//! .

use super::ProxyRow;

pub const ROWS: &[ProxyRow] = &[];
