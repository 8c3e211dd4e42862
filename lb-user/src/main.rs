//! The `lb` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    lb_user::process::startup::main(std::env::args_os())
}
