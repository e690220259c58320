//! What is set of an account: authorization, settings, plan, quota, messages; and what is the same for all operations.

use serde_json::{Value, json};

use super::{Ibm, administrator, with_key};
use crate::registry::TestRegistry;

#[tokio::test]
async fn an_account_tells_its_plan_and_chooses_another_that_is_offered() {
    let registry = TestRegistry::start().await;
    registry.create_account("acme", "acme-admin");
    let made = registry.admin(&["--account", "acme", "token", "create", "acme-admin", "ibm"]);
    let acme = with_key(&registry, made["secret"].as_str().expect("a secret")).await;
    assert_eq!(
        acme.ibm_get("/plans").await.assert_status(200).json(),
        json!({})
    );
    let quota = acme.ibm_get("/quotas").await.assert_status(200).json();
    assert_eq!(
        quota,
        json!({
            "limit": { "storage_bytes": -1, "traffic_bytes": -1 },
            "usage": { "storage_bytes": 0, "traffic_bytes": 0 },
        })
    );
    registry.admin(&["account", "set-plan", "acme", "S"]);
    assert_eq!(acme.ibm_get("/plans").await.json(), json!({ "plan": "S" }));
    let limit = acme.ibm_get("/quotas").await.json()["limit"].clone();
    assert_eq!(limit["storage_bytes"], 200_u64 << 30);

    let choose = |plan: &Value| acme.ibm_patch("/plans", &json!({ "plan": plan }));
    let chosen = choose(&json!("M")).await.assert_status(200);
    assert_eq!(chosen.text(), "");
    assert_eq!(acme.ibm_get("/plans").await.json(), json!({ "plan": "M" }));
    choose(&json!("nothing")).await.assert_status(404);
    choose(&Value::Null)
        .await
        .assert_ibm_error(400, "BAD_REQUEST");
    assert_eq!(acme.ibm_get("/plans").await.json(), json!({ "plan": "M" }));

    let quota = json!({ "storage_megabytes": 700 * 1024, "traffic_megabytes": -1 });
    let refused = acme.ibm_patch("/quotas", &quota).await;
    let refused = refused.assert_ibm_error(400, "BAD_REQUEST");
    assert!(refused.ibm_message().contains("plan"));
    acme.ibm_patch("/quotas", &json!({}))
        .await
        .assert_ibm_error(400, "BAD_REQUEST");
}

#[tokio::test]
async fn what_an_account_uses_is_told() {
    let registry = TestRegistry::start().await;
    let admin = administrator(&registry).await;
    registry.push_image("library/app", "v1").await;
    let quota = admin.ibm_get("/quotas").await.assert_status(200).json();
    let used = quota["usage"]["storage_bytes"].as_i64();
    assert!(used.is_some_and(|bytes| bytes > 100), "{quota}");
}

#[tokio::test]
async fn settings_have_the_values_that_they_can_have() {
    let registry = TestRegistry::start().await;
    let admin = administrator(&registry).await;
    let off = json!({ "platform_metrics": false });
    let settings = admin.ibm_get("/settings").await.assert_status(200);
    assert_eq!(settings.json(), off);
    admin.ibm_patch("/settings", &off).await.assert_status(204);
    for (body, code) in [
        (json!({ "platform_metrics": true }), "UNSUPPORTED"),
        (json!({}), "BAD_REQUEST"),
        (json!({ "platform_metrics": "no" }), "BAD_REQUEST"),
        (json!({ "other": false }), "BAD_REQUEST"),
    ] {
        let answer = admin.ibm_patch("/settings", &body).await;
        answer.assert_ibm_error(400, code);
    }
    let auth = admin.ibm_get("/auth").await.assert_status(200);
    assert_eq!(
        auth.json(),
        json!({ "iam_authz": true, "private_only": false })
    );
    let update = |body: Value| admin.ibm_patch("/auth", &body);
    update(json!({ "iam_authz": true }))
        .await
        .assert_status(204);
    update(json!({ "private_only": false }))
        .await
        .assert_status(204);
    update(json!({ "iam_authz": false }))
        .await
        .assert_ibm_error(400, "UNSUPPORTED");
    assert_eq!(admin.ibm_get("/auth").await.json()["private_only"], false);
}

#[tokio::test]
async fn messages_are_the_accounts_banner() {
    let registry = TestRegistry::start().await;
    let admin = administrator(&registry).await;
    assert_eq!(
        admin.ibm_get("/messages").await.assert_status(200).json(),
        ""
    );
    let banner = json!({ "closable": true, "message": "closed at noon", "type": "info" });
    let change = json!({ "banner_message": banner.to_string() });
    registry
        .put("/api/v2.0/configurations")
        .content_type("application/json")
        .body(change.to_string())
        .await
        .assert_status(200);
    for client in [&admin, &registry.anonymous()] {
        let messages = client.ibm_get("/messages").await.assert_status(200);
        assert_eq!(messages.json(), "closed at noon");
    }
}

#[tokio::test]
async fn what_does_not_work_is_not_there() {
    let registry = TestRegistry::start().await;
    let admin = administrator(&registry).await;
    let path = "/images/a/b/json";
    admin.ibm_get(path).await.assert_status(404);
    admin.ibm_post(path, &json!({})).await.assert_status(404);
    admin
        .get("/va/api/v4/report/account")
        .await
        .assert_status(404);
    admin
        .ibm_patch("/images", &json!({}))
        .await
        .assert_ibm_error(405, "METHOD_NOT_ALLOWED");
    let head = admin.head("/api/v1/namespaces").await.assert_status(200);
    assert_eq!(head.text(), "");
    // A browser that remembers a login asks for pages of other sites, too.
    let foreign = registry
        .ibm_put("/namespaces/theirs")
        .header("sec-fetch-site", "cross-site");
    foreign.await.assert_ibm_error(403, "FORBIDDEN");
    let large = admin.ibm_post("/images/bulkdelete", &json!("x".repeat(1 << 20)));
    large.await.assert_ibm_error(413, "TOO_LARGE");
}
