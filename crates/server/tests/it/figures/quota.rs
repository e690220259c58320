//! A quota costs a push next to nothing.

use serde_json::json;

use super::statements;
use crate::account_api::AccountApi as _;
use crate::harbor::Harbor as _;
use crate::registry::TestRegistry;
use crate::registry::content::{OCI_CONFIG, OCI_LAYER, descriptor, image_manifest, noise};

/// Statements of a push of a new image.
#[expect(
    clippy::async_yields_async,
    reason = "what is got ready is counted later"
)]
async fn push(registry: &TestRegistry, seed: u64) -> u64 {
    let client = &registry
        .with_token(&["repository:library/app:pull,push"])
        .await;
    statements(registry, async |number| {
        let (config, layer) = (
            noise(seed + 2 * number, 60),
            noise(seed + 2 * number + 1, 70),
        );
        let layers = [descriptor(OCI_LAYER, &layer)];
        let manifest = image_manifest(&descriptor(OCI_CONFIG, &config), &layers);
        async move {
            client.push_blob("library/app", config).await;
            client.push_blob("library/app", layer).await;
            client.push_manifest("library/app", "v1", &manifest).await;
        }
    })
    .await
}

#[tokio::test]
async fn a_push_with_a_quota_asks_hardly_more_than_one_without() {
    let registry = TestRegistry::start().await;
    registry.push_image("library/app", "v0").await;
    let without = push(&registry, 1000).await;
    let wide = json!({ "name": "wide", "storage_bytes": 1_000_000_000, "namespaces": 10,
        "pull_bytes_per_month": 1_000_000_000 });
    registry
        .v1_post("/deployment/plans", &wide)
        .await
        .assert_status(201);
    let path = "/deployment/accounts/default/plan";
    registry
        .v1_put(path, &json!({ "plan": "wide" }))
        .await
        .assert_no_content();
    let with_plan = push(&registry, 2000).await;
    let project = registry.api_get("/projects/library").await.json();
    let path = format!("/quotas/{}", project["project_id"]);
    let limit = json!({ "hard": { "storage": 1_000_000_000 } });
    registry.api_put(&path, &limit).await.assert_status(200);
    let with_both = push(&registry, 3000).await;
    assert!(without > 0);
    assert!(
        with_both * 10 <= without * 12 && with_plan <= with_both,
        "{without} statements without a quota, {with_plan} with a plan, {with_both} with a limit of the namespace, too"
    );
}
