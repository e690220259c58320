//! Whoever manages sinks sends away only what they may read themselves.

use serde_json::json;

use super::{SINKS, create};
use crate::account_api::AccountApi as _;
use crate::registry::TestRegistry;

#[tokio::test]
async fn whoever_may_not_read_the_log_or_the_metrics_has_them_sent_nowhere() {
    let registry = TestRegistry::start().await;
    let alice = registry.create_user("alice");
    let url = "https://logs.example.com/v1/logs";
    let body = |metrics: bool| json!({ "name": "mine", "type": "otlp", "url": url, "enabled": false, "metrics": metrics });
    let others = json!({ "name": "others", "type": "otlp", "url": url, "enabled": false });
    let others = create(&registry, &others).await;
    let manages = ["sink:list", "sink:read", "sink:create", "sink:update"];
    let role = |more: &[&str]| {
        let actions = [&manages[..], more].concat();
        json!({ "name": "manager-of-sinks", "actions": actions })
    };
    let roles = "/accounts/default/roles";
    registry.v1_post(roles, &role(&[])).await.assert_status(201);
    let grant = json!({ "user": "alice", "role": "manager-of-sinks" });
    registry
        .v1_post("/accounts/default/grants", &grant)
        .await
        .assert_status(201);
    // Sees that they are there, and points none of them anywhere.
    alice.v1_get(SINKS).await.assert_status(200);
    alice.v1_post(SINKS, &body(false)).await.assert_status(403);
    alice.v1_put(&others, &body(false)).await.assert_status(403);

    let change = |more: &'static [&'static str]| {
        registry.v1_put("/accounts/default/roles/manager-of-sinks", &role(more))
    };
    change(&["audit-log:list"]).await.assert_status(200);
    alice.v1_post(SINKS, &body(true)).await.assert_status(403);
    alice.v1_put(&others, &body(true)).await.assert_status(403);
    alice.v1_post(SINKS, &body(false)).await.assert_status(201);
    change(&["audit-log:list", "metrics:read"])
        .await
        .assert_status(200);
    alice.v1_put(&others, &body(true)).await.assert_status(409);
    let mut renamed = body(true);
    renamed["name"] = json!("others");
    alice.v1_put(&others, &renamed).await.assert_status(200);
}
