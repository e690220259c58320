//! What `cargo xtask` decides about a run: how often a test repeats itself, its seed, and what registries run on.

use std::hash::{BuildHasher, RandomState};
use std::sync::OnceLock;

use crate::registry::backends::Backends;

/// How often to repeat: `small`, unless `cargo xtask soak` asks for its own count.
pub(crate) fn count(small: u64) -> u64 {
    setting("TEST_COUNT").unwrap_or(small)
}

/// Where random choices of this run begin. Print it when a test fails.
pub(crate) fn seed() -> u64 {
    static SEED: OnceLock<u64> = OnceLock::new();
    *SEED.get_or_init(|| {
        let random = || RandomState::new().hash_one(0) >> 32;
        let seed = setting("TEST_SEED").unwrap_or_else(random);
        eprintln!("TEST_SEED={seed}");
        seed
    })
}

/// Where registries keep everything, unless a test says so itself.
pub(crate) fn backends() -> Backends {
    match text("TEST_BACKENDS").as_deref() {
        None => Backends::EMBEDDED,
        Some("postgresql+s3") => Backends::PRODUCTION,
        Some(other) => panic!("TEST_BACKENDS must be postgresql+s3, not {other:?}"),
    }
}

#[expect(clippy::disallowed_methods, reason = "the only settings of the tests")]
fn text(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn setting(name: &str) -> Option<u64> {
    let text = text(name)?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{name} must be a number, not {text:?}")),
    )
}

#[test]
fn a_run_has_one_seed_and_counts_above_zero() {
    assert_eq!(seed(), seed());
    assert!(count(1) > 0);
}
