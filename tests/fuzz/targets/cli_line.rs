//! Fuzzes lines of the runtime API.
#![no_main]

#[path = "../properties/cli.rs"]
mod cli;

libfuzzer_sys::fuzz_target!(|input: &[u8]| cli::line(input));
