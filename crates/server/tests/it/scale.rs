//! What `cargo xtask` decides about a run: how often a test repeats itself, and its seed.

use std::hash::{BuildHasher, RandomState};
use std::sync::OnceLock;

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

#[expect(clippy::disallowed_methods, reason = "the only settings of the tests")]
fn setting(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
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
