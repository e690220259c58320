//! Quotas: what the account may use, by its plan and by its own will.

use serde_json::{Value, json};

use super::{Ibm, create_key, with_key};
use crate::account_api::AccountApi as _;
use crate::registry::TestRegistry;
use crate::registry::client::Client;

const MIB: u64 = 1 << 20;

/// What may be stored and pulled.
async fn limits(client: &Client) -> Value {
    client.ibm_get("/quotas").await.assert_status(200).json()["limit"].clone()
}

#[tokio::test]
async fn an_account_limits_itself_below_its_plan() {
    let registry = TestRegistry::start().await;
    let plan =
        json!({ "name": "small", "storage_bytes": 10 * MIB, "pull_bytes_per_month": 100 * MIB });
    registry
        .v1_post("/deployment/plans", &plan)
        .await
        .assert_status(201);
    let given = json!({ "plan": "small" });
    let path = "/deployment/accounts/default/plan";
    registry.v1_put(path, &given).await.assert_no_content();
    let client = with_key(&registry, &create_key(&registry, "admin", "ibm", &[])).await;
    let of_plan = json!({ "storage_bytes": 10 * MIB, "traffic_bytes": 100 * MIB });
    assert_eq!(limits(&client).await, of_plan);

    let set = async |wanted: Value| {
        let done = client.ibm_patch("/quotas", &wanted).await;
        done.assert_status(200);
    };
    set(json!({ "storage_megabytes": 4, "traffic_megabytes": 100 })).await;
    assert_eq!(
        limits(&client).await,
        json!({ "storage_bytes": 4 * MIB, "traffic_bytes": 100 * MIB })
    );
    // What is not named stays.
    set(json!({ "traffic_megabytes": 7 })).await;
    let own = json!({ "storage_bytes": 4 * MIB, "traffic_bytes": 7 * MIB });
    assert_eq!(limits(&client).await, own);
    for wanted in [
        json!({ "storage_megabytes": 11 }),
        json!({ "storage_megabytes": 1, "traffic_megabytes": 101 }),
        json!({ "storage_megabytes": -2 }),
        json!({ "storage_megabytes": i64::MAX }),
        json!({}),
        json!({ "storage_bytes": 1 }),
    ] {
        let refused = client.ibm_patch("/quotas", &wanted).await;
        assert_eq!(refused.status(), 400, "{wanted} {}", refused.text());
    }
    assert_eq!(limits(&client).await, own, "an error changes nothing");
    set(json!({ "storage_megabytes": -1, "traffic_megabytes": 0 })).await;
    assert_eq!(limits(&client).await, of_plan);
    let reader = registry.create_member("library", "reader", "guest");
    let reader = reader
        .ibm_patch("/quotas", &json!({ "storage_megabytes": 1 }))
        .await;
    reader.assert_ibm_error(403, "FORBIDDEN");
}
