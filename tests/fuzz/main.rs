//! Fuzz smoke: good input, harmed a little, must never panic and must mean the same however it is split.
//!
//! The seed is fixed, so that a failure stays one. To search further: `PROPTEST_RNG_SEED=… PROPTEST_CASES=1000000 cargo test --test fuzz`.
mod configuration;
mod harm;
mod http;

use proptest::test_runner::{Config, RngSeed};

/// How a target is run: so many cases, unless the environment wants otherwise.
fn settings(cases: u32) -> Config {
    let wanted = |name| std::env::var_os(name).is_some();
    let mut settings = Config {
        failure_persistence: None,
        ..Config::default()
    };
    if !wanted("PROPTEST_CASES") {
        settings.cases = cases;
    }
    if !wanted("PROPTEST_RNG_SEED") {
        settings.rng_seed = RngSeed::Fixed(1);
    }
    settings
}
