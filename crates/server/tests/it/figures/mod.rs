//! What requests cost, by the registry's own counters: statements of the database, passwords hashed. The times are measured by
//! `cargo xtask soak`.

mod authorization;
mod immutability;
mod inventory;
mod logins;
mod pages;
mod quota;

use crate::registry::TestRegistry;

/// The value of a counter without labels.
async fn counter(registry: &TestRegistry, name: &str) -> u64 {
    let metrics = registry.metrics().await;
    let value = |line: &str| {
        let value = line.strip_prefix(name)?.strip_prefix(' ')?;
        value.split('.').next()?.parse().ok()
    };
    let found = metrics.lines().find_map(value);
    found.unwrap_or_else(|| panic!("there is no {name}"))
}

/// Statements that `ask` has the database run. The registry may be about something of its own, so it is asked some times.
async fn statements<F: Future>(registry: &TestRegistry, ask: impl AsyncFn(u64) -> F) -> u64 {
    const NAME: &str = "roadstead_database_statements_total";
    let mut least = u64::MAX;
    for number in 0..8 {
        let prepared = ask(number).await;
        let before = counter(registry, NAME).await;
        prepared.await;
        least = least.min(counter(registry, NAME).await - before);
    }
    least
}
