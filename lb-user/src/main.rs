//! The `lb` program.
fn main() {}
