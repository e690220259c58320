//! What rules of immutability cost a push.

use serde_json::json;

use super::statements;
use crate::account_api::AccountApi as _;
use crate::registry::TestRegistry;
use crate::registry::content::{OCI_CONFIG, descriptor, image_manifest, noise};

/// Statements of a push of a new manifest whose blobs are there.
#[expect(
    clippy::async_yields_async,
    reason = "what is got ready is counted later"
)]
async fn push(registry: &TestRegistry, seed: u64) -> u64 {
    let client = &registry
        .with_token(&["repository:library/app:pull,push"])
        .await;
    statements(registry, async |number| {
        let config = noise(seed + number, 60);
        client.push_blob("library/app", config.clone()).await;
        let manifest = image_manifest(&descriptor(OCI_CONFIG, &config), &[]);
        let tag = format!("t{seed}-{number}");
        async move {
            client.push_manifest("library/app", &tag, &manifest).await;
        }
    })
    .await
}

#[tokio::test]
async fn a_push_asks_once_whether_there_are_rules_at_all() {
    let registry = TestRegistry::start().await;
    registry.push_image("library/app", "v0").await;
    let without = push(&registry, 1000).await;
    let all = json!([{ "kind": "doublestar", "pattern": "**" }]);
    let rule = json!({ "repositories": all, "tags": [{ "kind": "doublestar", "pattern": "v*" }] });
    let path = "/accounts/default/namespaces/library/immutability";
    registry.v1_post(path, &rule).await.assert_status(201);
    let with_rule = push(&registry, 2000).await;
    for number in 1..15 {
        let pattern = format!("w{number}*");
        let tags = json!([{ "kind": "doublestar", "pattern": pattern }]);
        let rule = json!({ "repositories": all, "tags": tags });
        registry.v1_post(path, &rule).await.assert_status(201);
    }
    let with_all = push(&registry, 3000).await;
    let rules = registry.v1_get(path).await.assert_status(200);
    assert_eq!(rules.items("id").len(), 15);
    // Which rules there are is asked only where there are some, and all at once.
    assert_eq!((with_rule - without, with_all - with_rule), (1, 0));
}
