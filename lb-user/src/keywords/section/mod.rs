//! Keywords of the small sections: `userlist`, `http-errors`, `ring`.

pub mod http_errors;
pub mod ring;
pub mod userlist;
