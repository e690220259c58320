//! What operators do: accounts, plans, and how much there is.

use serde_json::{Value, json};

use super::AccountApi;
use crate::registry::TestRegistry;
use crate::registry::client::Client;

/// What an account's show says of its state.
async fn state(caller: &Client, path: &str) -> (Value, Value) {
    let shown = caller.v1_get(path).await.assert_status(200).json();
    (shown["state"].clone(), shown["state_reason"].clone())
}

#[tokio::test]
async fn an_operator_makes_accounts_and_finds_them() {
    let registry = TestRegistry::start().await;
    let make = |body: Value| registry.v1_post("/deployment/accounts", &body);
    let made = make(json!({ "name": "acme", "plan": "S" }))
        .await
        .assert_status(201);
    assert_eq!(made.location(), "/api/v1/deployment/accounts/acme");
    let expected = json!({
        "name": "acme", "state": "active", "state_reason": null, "destroy_at": null,
        "terms": {
            "plan": {
                "name": "S", "description": "for a team", "storage_bytes": 214_748_364_800_u64,
                "pull_bytes_per_month": null, "requests_at_once": 15, "namespaces": null, "is_offered": true,
            },
            "used_bytes": 0, "limit_bytes": 214_748_364_800_u64, "namespaces": 0,
        },
    });
    assert_eq!(made.json(), expected);
    let shown = registry
        .v1_get("/deployment/accounts/acme")
        .await
        .assert_status(200);
    assert_eq!(shown.json(), expected);
    make(json!({ "name": "beta" })).await.assert_status(201);

    make(json!({ "name": "acme" }))
        .await
        .assert_error(409, "CONFLICT");
    make(json!({ "name": "Not-A-Name" }))
        .await
        .assert_error(422, "INVALID");
    make(json!({ "name": "gamma", "plan": "none" }))
        .await
        .assert_error(404, "NOT_FOUND");
    let none = registry.v1_get("/deployment/accounts/gamma").await;
    none.assert_error(404, "NOT_FOUND");

    let names = |query: &str| registry.v1_get(&format!("/deployment/accounts{query}"));
    assert_eq!(names("").await.items("name"), ["acme", "beta", "default"]);
    assert_eq!(names("?q=AC").await.items("name"), ["acme"]);
    assert_eq!(names("?q=%25").await.items("name"), [""; 0]);
    assert_eq!(names("?plan=S").await.items("name"), ["acme"]);
    assert_eq!(names("?state=suspended").await.items("name"), [""; 0]);
    let first = names("?page_size=2").await;
    assert_eq!(first.items("name"), ["acme", "beta"]);
    assert_eq!(first.json()["next"], "beta");
    let next = first.next_page().expect("more");
    assert_eq!(next, "/api/v1/deployment/accounts?page_size=2&cursor=beta");
    let second = registry.get(&next).await.assert_status(200);
    assert_eq!(second.items("name"), ["default"]);
    assert_eq!(
        (&second.json()["next"], second.next_page()),
        (&Value::Null, None)
    );
}

#[tokio::test]
async fn an_account_is_suspended_and_resumed_with_a_reason() {
    let registry = TestRegistry::start().await;
    let acme = registry.create_account("acme", "ann");
    let namespace = json!({ "project_name": "own" }).to_string();
    let call = acme.request(http::Method::POST, "/api/v2.0/projects");
    call.content_type("application/json")
        .body(namespace)
        .await
        .assert_status(201);
    acme.push_image("own/app", "v1").await;
    let path = "/deployment/accounts/acme/suspension";
    let suspend = |mode: &str, reason: &str| {
        registry.v1_put(path, &json!({ "mode": mode, "reason": reason }))
    };
    let pull = || acme.get("/v2/own/app/manifests/v1");
    let push = || acme.post("/v2/own/app/blobs/uploads/");

    suspend("pull", "an unpaid bill").await.assert_no_content();
    pull().await.assert_status(200);
    push().await.assert_status(403);
    let own = state(&acme, "/accounts/acme").await;
    assert_eq!(own, (json!("suspended"), json!("an unpaid bill")));
    acme.v1_post(
        "/accounts/acme/members",
        &json!({ "name": "bob", "password": "Correct-horse-7" }),
    )
    .await
    .assert_error(403, "DENIED");

    suspend("nothing", "").await.assert_no_content();
    pull().await.assert_status(403);
    push().await.assert_status(403);
    let seen = state(&registry, "/deployment/accounts/acme").await;
    assert_eq!(seen, (json!("suspended"), Value::Null));
    let listed = registry
        .v1_get("/deployment/accounts?state=suspended")
        .await;
    assert_eq!(listed.items("name"), ["acme"]);

    registry.v1_delete(path).await.assert_no_content();
    pull().await.assert_status(200);
    assert_eq!(
        state(&acme, "/accounts/acme").await,
        (json!("active"), Value::Null)
    );

    suspend("never", "").await.assert_error(422, "INVALID");
    suspend("pull", &"a".repeat(1001))
        .await
        .assert_error(422, "INVALID");
    suspend("pull", "two\nlines")
        .await
        .assert_error(422, "INVALID");
    let none = registry
        .v1_delete("/deployment/accounts/none/suspension")
        .await;
    none.assert_error(404, "NOT_FOUND");
    // Its own people can do nothing of that.
    acme.v1_delete(path).await.assert_error(404, "NOT_FOUND");
}

#[tokio::test]
async fn plans_are_made_given_and_taken_away() {
    let registry = TestRegistry::start().await;
    let tiny = json!({
        "name": "tiny", "description": "for one", "storage_bytes": 1000, "pull_bytes_per_month": null,
        "requests_at_once": 2, "namespaces": 1, "is_offered": false,
    });
    let made = registry
        .v1_post("/deployment/plans", &tiny)
        .await
        .assert_status(201);
    assert_eq!(
        (made.location().as_str(), made.json()),
        ("/api/v1/deployment/plans/tiny", tiny.clone())
    );
    let shown = registry
        .v1_get("/deployment/plans/tiny")
        .await
        .assert_status(200);
    assert_eq!(shown.json(), tiny);
    registry
        .v1_post("/deployment/plans", &tiny)
        .await
        .assert_error(409, "CONFLICT");
    let listed = registry
        .v1_get("/deployment/plans")
        .await
        .assert_status(200);
    assert_eq!(listed.items("name"), ["L", "M", "S", "tiny"]);

    let acme = registry.create_account("acme", "ann");
    let give = |plan: &str| {
        let choice = json!({ "plan": plan });
        registry.v1_put("/deployment/accounts/acme/plan", &choice)
    };
    give("M").await.assert_no_content();
    registry.admin(&["--account", "acme", "namespace", "create", "one"]);
    registry.admin(&["--account", "acme", "namespace", "create", "two"]);
    let refused = give("tiny").await.assert_error(403, "DENIED");
    assert_eq!(
        refused.error_message(),
        "the plan tiny is too small: the account uses 2 namespaces, and it allows 1; delete some first"
    );
    give("none").await.assert_error(404, "NOT_FOUND");
    let own = acme
        .v1_get("/accounts/acme")
        .await
        .assert_status(200)
        .json();
    assert_eq!(own["terms"]["plan"]["name"], "M");

    registry
        .v1_delete("/deployment/plans/M")
        .await
        .assert_error(412, "NOT_NOW");
    registry
        .v1_delete("/deployment/plans/tiny")
        .await
        .assert_no_content();
    registry
        .v1_delete("/deployment/plans/tiny")
        .await
        .assert_error(404, "NOT_FOUND");
}

#[tokio::test]
async fn an_inventory_tells_how_much_there_is() {
    let registry = TestRegistry::start().await;
    registry.create_account("acme", "ann");
    let body = json!({ "plan": "S" });
    let given = registry.v1_put("/deployment/accounts/acme/plan", &body);
    given.await.assert_no_content();
    let told = registry
        .v1_get("/deployment")
        .await
        .assert_status(200)
        .json();
    assert_eq!(told["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(told["accounts"], json!({ "active": 2 }));
    assert_eq!(told["plans"], json!({ "L": 0, "M": 0, "S": 1 }));
    assert_eq!(
        (&told["accounts_without_plan"], &told["used_bytes"]),
        (&json!(1), &json!(0))
    );
    let health = registry
        .v1_get("/deployment/health")
        .await
        .assert_status(200);
    assert_eq!(health.json(), json!({ "is_well": true, "problems": [] }));
}

/// What operators do stands in the account's log and in the deployment's, with who did it.
#[tokio::test]
async fn what_an_operator_did_can_be_read_in_both_logs() {
    let registry = TestRegistry::start().await;
    let acme = registry.create_account("acme", "ann");
    let suspension = json!({ "mode": "pull", "reason": "a test" });
    let suspended = registry.v1_put("/deployment/accounts/acme/suspension", &suspension);
    suspended
        .header("user-agent", "curl/8")
        .await
        .assert_no_content();
    for (caller, path) in [
        (&*registry, "/deployment/audit-events"),
        (&acme, "/accounts/acme/audit-events"),
    ] {
        let path = format!("{path}?kind=account.state_changed");
        let event = super::audit_events::first(caller, &path).await;
        assert_eq!(event["caller"], "admin", "{path}");
        assert_eq!(
            (&event["credential"], &event["agent"]),
            (&json!("password"), &json!("curl/8"))
        );
        assert_eq!(event["resource"], "acme");
        assert_eq!(event["event"]["state"], "suspended");
    }
}
