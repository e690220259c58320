//! Time and identity as parameters. The binary supplies the real ones; tests own theirs.

/// Tells the time.
pub trait Clock: Send + Sync + 'static {
    /// Milliseconds since the Unix epoch.
    fn now_ms(&self) -> i64;
}

/// Makes identifiers that were never made before.
pub trait IdSource: Send + Sync + 'static {
    /// A new UUIDv7 in its hyphenated lower-case form (36 characters). Later ids sort after earlier ones.
    fn next_id(&self) -> String;
}
