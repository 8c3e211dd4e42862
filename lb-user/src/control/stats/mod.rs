//! Statistics (management manual 9.1, 9.2): one table of fields, printed in each format.

pub mod fields;
pub mod info;
pub mod print;
pub mod subject;
pub mod value;
