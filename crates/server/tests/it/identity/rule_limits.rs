//! What can be no trust rule, and issuers that do not answer.

use http::Method;
use serde_json::json;

use super::trust_rules::{MAIN, RULES};
use super::{AUDIENCE, Api, Outside, exchange, rule};

#[tokio::test]
async fn what_is_no_rule_is_refused() {
    let outside = Outside::start().await;
    let registry = &outside.registry;
    let good = rule("ci", &outside.provider.issuer(), MAIN);
    for (field, value) in [
        ("name", json!("CI")),
        ("name", json!("")),
        ("name", json!("a".repeat(64))),
        ("audience", json!("")),
        ("audience", json!("a b")),
        ("claims", json!({})),
        ("claims", json!({ "sub": ["**"] })),
        ("claims", json!({ "sub": [] })),
        ("permissions", json!([])),
        (
            "permissions",
            json!([{ "place": "account", "namespace": "library", "actions": ["repository:pull"] }]),
        ),
        (
            "permissions",
            json!([{ "place": "namespace", "actions": ["repository:pull"] }]),
        ),
        (
            "permissions",
            json!([{ "place": "every_namespace", "actions": ["everything"] }]),
        ),
        (
            "permissions",
            json!([{ "place": "every_namespace", "actions": ["trust-rule:create"] }]),
        ),
        ("token_lifetime_secs", json!(59)),
        ("token_lifetime_secs", json!(3601)),
        ("description", json!("a".repeat(1025))),
        ("secret", json!("a field that there is not")),
    ] {
        let mut body = good.clone();
        body[field] = value.clone();
        let refused = registry.api(Method::POST, RULES, &body).await;
        assert_eq!(
            refused.status(),
            422,
            "{field}: {value}: {}",
            refused.text()
        );
    }
    let listed = registry
        .get(&format!("/api/v1{RULES}"))
        .await
        .assert_status(200);
    assert_eq!(listed.json()["total"], 0);
}

#[tokio::test]
async fn an_issuer_that_is_down_is_believed_by_what_it_said_before() {
    let mut outside = Outside::start().await;
    let body = rule("ci", &outside.provider.issuer(), MAIN);
    outside
        .registry
        .api(Method::POST, RULES, &body)
        .await
        .assert_status(201);
    let token = outside.token(AUDIENCE, MAIN).await;
    let scope = [("scope", "repository:library/app:pull")];
    exchange(&outside.registry, &token, &scope)
        .await
        .assert_status(200);
    outside.provider.stop().expect("it ends");
    exchange(&outside.registry, &token, &scope)
        .await
        .assert_status(200);
    // One that was never heard of cannot be believed yet.
    let registry = super::registry().await;
    registry
        .api(Method::POST, RULES, &body)
        .await
        .assert_status(201);
    exchange(&registry, &token, &scope).await.assert_status(503);
}
