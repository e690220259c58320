//! What is pulled in a month.

use serde_json::{Value, json};

use super::{account_with, create_plan, give_plan, push_layer, until};
use crate::account_api::AccountApi as _;
use crate::registry::TestRegistry;
use crate::registry::client::Client;

/// The account's traffic of this month, once it has so many pushes.
async fn traffic(client: &Client, account: &str, pushes: u64) -> Value {
    let path = format!("/accounts/{account}/usage");
    let ask = || async {
        let usage = client.v1_get(&path).await.assert_status(200).json();
        (usage["traffic"]["pushes"] == pushes).then(|| usage["traffic"].clone())
    };
    until("what was counted is written", ask).await
}

#[tokio::test]
async fn what_is_sent_of_manifests_and_blobs_is_counted_and_nothing_else() {
    let registry = TestRegistry::start().await;
    let acme = account_with(&registry, "acme", &json!({})).await;
    let (manifest, digest) = push_layer(&acme, "acme/app", "v1", (1, 5000)).await;
    let blob = format!("/v2/acme/app/blobs/{digest}");
    acme.get(&blob).await.assert_status(200);
    acme.head(&blob).await.assert_status(200);
    acme.get(&blob)
        .header("range", "bytes=0-99")
        .await
        .assert_status(206);
    let known = format!("\"{digest}\"");
    acme.get(&blob)
        .header("if-none-match", &known)
        .await
        .assert_status(304);
    acme.get("/v2/acme/app/manifests/v1")
        .await
        .assert_status(200);
    acme.head("/v2/acme/app/manifests/v1")
        .await
        .assert_status(200);
    acme.get("/v2/acme/app/tags/list").await.assert_status(200);
    acme.get("/v2/acme/app/manifests/none")
        .await
        .assert_status(404);
    // Written in the order of time: with the last push everything before it is.
    push_layer(&acme, "acme/app", "v2", (2, 100)).await;
    let bytes = 5000 + 100 + manifest.to_string().len();
    assert_eq!(
        traffic(&acme, "acme", 2).await,
        json!({ "pull_bytes": bytes, "pulls": 1, "pushes": 2 })
    );
}

/// Anonymous callers and robots are held to it like everyone, and it never stands in the way of anything else.
#[tokio::test]
async fn who_has_pulled_enough_waits_for_the_next_month_or_gets_a_larger_plan() {
    let registry = TestRegistry::start().await;
    let acme = account_with(&registry, "acme", &json!({ "pull_bytes_per_month": 5500 })).await;
    let globex = account_with(&registry, "globex", &json!({})).await;
    let public = json!({ "metadata": { "public": "true" } }).to_string();
    acme.put("/api/v2.0/projects/acme")
        .content_type("application/json")
        .body(public)
        .await
        .assert_status(200);
    let (_, digest) = push_layer(&acme, "acme/app", "v1", (1, 5000)).await;
    push_layer(&globex, "globex/app", "v1", (1, 5000)).await;
    let blob = format!("/v2/acme/app/blobs/{digest}");
    // What begins below the limit is sent to its end.
    acme.get(&blob).await.assert_status(200);
    registry.anonymous().get(&blob).await.assert_status(200);
    for caller in [&acme, &registry.anonymous()] {
        for path in [blob.as_str(), "/v2/acme/app/manifests/v1"] {
            let refused = caller.get(path).await;
            let said = refused.error_message();
            assert!(
                said.starts_with("10000 bytes were pulled from this account this month, and its plan allows 5500; pull again after 20"),
                "{said}"
            );
            assert!(
                said.ends_with("-01T00:00:00Z, or ask for a larger plan"),
                "{said}"
            );
            refused.assert_error(403, "DENIED");
            caller.head(path).await.assert_status(200);
        }
    }
    push_layer(&acme, "acme/app", "v2", (2, 100)).await;
    acme.get("/api/v2.0/projects/acme/repositories")
        .await
        .assert_status(200);
    acme.delete("/v2/acme/app/manifests/v2")
        .await
        .assert_status(202);
    globex
        .get("/v2/globex/app/manifests/v1")
        .await
        .assert_status(200);
    let usage = acme.v1_get("/accounts/acme/usage").await.assert_status(200);
    assert_eq!(usage.json()["now"]["pull_limit_bytes"], 5500);
    create_plan(
        &registry,
        "larger",
        &json!({ "pull_bytes_per_month": 1_000_000 }),
    )
    .await;
    give_plan(&registry, "acme", "larger").await;
    acme.get(&blob).await.assert_status(200);
}
