//! Limits that an account sets for itself.

use serde_json::{Value, json};

use super::{account_with, create_plan, give_plan, push_layer};
use crate::account_api::AccountApi as _;
use crate::harbor::Harbor as _;
use crate::registry::TestRegistry;
use crate::registry::client::Client;
use crate::registry::content::noise;

const PATH: &str = "/accounts/acme/limits";

async fn in_effect(client: &Client) -> Value {
    client.v1_get(PATH).await.assert_status(200).json()["in_effect"].clone()
}

#[tokio::test]
async fn they_hold_where_they_are_below_the_plan() {
    let registry = TestRegistry::start().await;
    let limits = json!({ "storage_bytes": 10_000, "pull_bytes_per_month": 50_000 });
    let acme = account_with(&registry, "acme", &limits).await;
    let nothing = json!({ "storage_bytes": null, "pull_bytes_per_month": null });
    assert_eq!(
        acme.v1_get(PATH).await.assert_status(200).json(),
        json!({ "own": nothing, "plan": limits, "in_effect": limits })
    );
    let own = json!({ "storage_bytes": 5000, "pull_bytes_per_month": 6000 });
    acme.v1_put(PATH, &own).await.assert_no_content();
    assert_eq!(
        acme.v1_get(PATH).await.json(),
        json!({ "own": own, "plan": limits, "in_effect": own })
    );
    for wanted in [
        json!({ "storage_bytes": 10_001 }),
        json!({ "storage_bytes": 1, "pull_bytes_per_month": 50_001 }),
        json!({ "storage_bytes": 9_000_000_000_000_000_000_u64 }),
    ] {
        let refused = acme.v1_put(PATH, &wanted).await.assert_status(422);
        let said = refused.error_message();
        assert!(
            said.contains("larger") || said.contains("at most"),
            "{said}"
        );
    }
    assert_eq!(in_effect(&acme).await, own);
    // A smaller plan holds, too; a larger one gives no more than what the account wants.
    create_plan(&registry, "smaller", &json!({ "storage_bytes": 3000 })).await;
    give_plan(&registry, "acme", "smaller").await;
    let smaller = json!({ "storage_bytes": 3000, "pull_bytes_per_month": 6000 });
    assert_eq!(in_effect(&acme).await, smaller);
    create_plan(&registry, "larger", &json!({ "storage_bytes": 90_000 })).await;
    give_plan(&registry, "acme", "larger").await;
    assert_eq!(in_effect(&acme).await, own);
    acme.v1_put(PATH, &json!({})).await.assert_no_content();
    let free = json!({ "storage_bytes": 90_000, "pull_bytes_per_month": null });
    assert_eq!(in_effect(&acme).await, free);
    let events = registry.sql("SELECT COUNT(*) FROM events WHERE kind = 'account.limited'");
    assert_eq!(events, [["2"]]);
}

#[tokio::test]
async fn what_reaches_one_is_told_which_and_what_to_do() {
    let registry = TestRegistry::start().await;
    let limits = json!({ "storage_bytes": 10_000, "pull_bytes_per_month": 50_000 });
    let acme = account_with(&registry, "acme", &limits).await;
    let (_, digest) = push_layer(&acme, "acme/app", "v1", (1, 3000)).await;
    let own = json!({ "storage_bytes": 4000, "pull_bytes_per_month": 2000 });
    acme.v1_put(PATH, &own).await.assert_no_content();
    let layer = noise(2, 2000);
    let blob = acme.push_blob("acme/app", layer.clone()).await;
    let manifest = json!({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": { "mediaType": "application/vnd.oci.empty.v1+json", "digest": blob, "size": 2000 }, "layers": [],
    });
    let push = async || {
        acme.put("/v2/acme/app/manifests/v2")
            .content_type("application/vnd.oci.image.manifest.v1+json")
            .body(manifest.to_string())
            .await
    };
    let refused = push().await;
    assert_eq!(
        refused.error_message(),
        "the account's storage is full: it allows itself 4000 bytes; delete images or ask its administrators for a higher limit"
    );
    refused.assert_error(403, "DENIED");
    // Everyone sees it where they look for quotas.
    let quotas = acme.api_get("/quotas").await.assert_status(200).json();
    assert_eq!(quotas[0]["ref"]["account_storage_limit"], 4000);
    assert_eq!(quotas[0]["hard"]["storage"], -1);
    let usage = acme.v1_get("/accounts/acme/usage").await.json();
    let now = &usage["now"];
    assert_eq!(
        (&now["storage_limit_bytes"], &now["pull_limit_bytes"]),
        (&json!(4000), &json!(2000))
    );
    let blob = format!("/v2/acme/app/blobs/{digest}");
    acme.get(&blob).await.assert_status(200);
    let refused = acme.get(&blob).await;
    let said = refused.error_message();
    assert!(
        said.starts_with("3000 bytes were pulled from this account this month, and it allows itself 2000; pull again after 20"),
        "{said}"
    );
    assert!(
        said.ends_with(", or ask its administrators for a higher limit"),
        "{said}"
    );
    refused.assert_error(403, "DENIED");
    // A higher limit takes effect at once, and one below what is used is fine.
    let higher = json!({ "storage_bytes": 9000 });
    acme.v1_put(PATH, &higher).await.assert_no_content();
    acme.get(&blob).await.assert_status(200);
    push().await.assert_status(201);
    let lower = json!({ "storage_bytes": 1000 });
    acme.v1_put(PATH, &lower).await.assert_no_content();
    acme.post("/v2/acme/app/blobs/uploads/")
        .await
        .assert_error(403, "DENIED");
    acme.delete("/v2/acme/app/manifests/v2")
        .await
        .assert_status(202);
}

#[tokio::test]
async fn they_are_for_those_who_manage_the_account() {
    let registry = TestRegistry::start().await;
    let acme = account_with(&registry, "acme", &json!({})).await;
    let own = json!({ "storage_bytes": 5000 });
    acme.v1_put(PATH, &own).await.assert_no_content();
    let globex = account_with(&registry, "globex", &json!({})).await;
    globex.v1_get(PATH).await.assert_status(404);
    globex.v1_put(PATH, &own).await.assert_status(404);
    registry.anonymous().v1_get(PATH).await.assert_status(401);
    for wrong in [
        json!({ "storage_bytes": -1 }),
        json!({ "requests_at_once": 1 }),
    ] {
        acme.v1_put(PATH, &wrong).await.assert_status(422);
    }
    let without_plan = json!({ "storage_bytes": 5000, "pull_bytes_per_month": null });
    assert_eq!(in_effect(&acme).await, without_plan);
}
