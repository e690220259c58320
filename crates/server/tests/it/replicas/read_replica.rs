//! Lists from a standby of PostgreSQL.

use std::time::{Duration, Instant};

use engines::Postgres;
use serde_json::Value;

use crate::registry::backends::{Backends, database_settings};
use crate::registry::{PATIENCE, TestRegistry};

/// Asks again until it is so.
async fn until(what: &str, is_so: impl AsyncFn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so().await {
        assert!(Instant::now() < deadline, "never: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn names(registry: &TestRegistry, target: &str, field: &str) -> Vec<String> {
    let list = registry.get(target).await.assert_status(200).json();
    let names = list[field].as_array().cloned().unwrap_or_default();
    let name = |name: Value| name.as_str().expect("a name").to_owned();
    names.into_iter().map(name).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_read_from_a_standby_and_are_whole_without_it() {
    let engines = tokio::task::spawn_blocking(|| {
        let primary = Postgres::start().expect("PostgreSQL starts");
        let settings = database_settings(&primary, "registry");
        let standby = primary.standby().expect("its standby starts");
        (standby, primary, settings)
    });
    let (mut standby, _primary, settings) = engines.await.expect("no panic");
    let mut setup = TestRegistry::builder()
        .on(Backends::EMBEDDED)
        .setting("DATABASE__READ_URL", standby.url_of("registry"))
        .setting("DATABASE__READ_MAX_LAG_SECS", 2);
    for (name, value) in &settings {
        setup = setup.setting(name, value);
    }
    let registry = setup.start().await;
    registry.push_image("library/app", "1.0").await;
    // At once, whether the standby has heard of the repository or not.
    let tags = || names(&registry, "/v2/library/app/tags/list", "tags");
    assert_eq!(tags().await, ["1.0"]);

    let who = "SELECT 1 FROM pg_stat_activity WHERE application_name = 'roadstead' AND query LIKE '%tags%'";
    until("the standby is asked", async || {
        tags().await;
        let asked = tokio::task::block_in_place(|| standby.psql("registry", who));
        asked.is_ok_and(|rows| !rows.is_empty())
    })
    .await;
    registry.push_image("library/app", "2.0").await;
    until("the new tag is in the list", async || {
        tags().await == ["1.0", "2.0"]
    })
    .await;
    let catalog = names(&registry, "/v2/_catalog", "repositories").await;
    assert_eq!(catalog, ["library/app"]);

    tokio::task::block_in_place(|| standby.stop()).expect("it ends");
    registry.push_image("library/app", "3.0").await;
    assert_eq!(tags().await, ["1.0", "2.0", "3.0"]);
    registry.get("/readyz").await.assert_status(200);
}
