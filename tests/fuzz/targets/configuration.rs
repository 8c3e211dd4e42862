//! Fuzzes reading of configurations.
#![no_main]

#[path = "../properties/configuration.rs"]
mod configuration;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    configuration::line(input);
    configuration::file(input);
});
