//! An account's end.

use serde_json::{Value, json};

use super::{account_with, push_layer, until};
use crate::account_api::AccountApi as _;
use crate::registry::TestRegistry;
use crate::registry::client::Client;

/// Tables that keep rows of an account that is closed, and why.
const KEPT: &[(&str, &str)] = &[
    ("account_terms", "the receipt"),
    (
        "account_usage",
        "nothing is used; the row is the account's for ever",
    ),
    ("account_traffic", "for bills"),
    ("namespace_traffic", "for bills"),
    ("account_storage", "for bills"),
    (
        "account_days",
        "they are forgotten after a quarter of a year",
    ),
    ("audit_retention", "for how long the audit log is kept"),
    ("events", "the audit log"),
    ("event_chains", "where that stands"),
    ("jobs", "they are forgotten after a while by themselves"),
];

#[tokio::test]
async fn an_account_that_is_closing_can_be_restored() {
    let registry = TestRegistry::start().await;
    let acme = account_with(&registry, "acme", &json!({})).await;
    push_layer(&acme, "acme/app", "v1", (1, 100)).await;
    let state = || registry.admin(&["account", "show", "acme"])["state"].clone();
    for (flag, pulled) in [("--allow-pull", 200), ("--grace-days=5", 403)] {
        let closing = [
            "account",
            "close",
            "acme",
            "--reason",
            "the contract has ended",
            flag,
        ];
        let closed = registry.admin(&closing);
        assert_eq!(
            (&closed["state"], state()),
            (&json!("closing"), json!("closing"))
        );
        acme.get("/v2/acme/app/manifests/v1")
            .await
            .assert_status(pulled);
        for refused in [
            acme.post("/v2/acme/app/blobs/uploads/").await,
            acme.delete("/v2/acme/app/manifests/v1").await,
        ] {
            refused.assert_error(403, "DENIED");
        }
        let body = json!({ "project_name": "more" }).to_string();
        let made = acme.request(http::Method::POST, "/api/v2.0/projects");
        made.content_type("application/json")
            .body(body)
            .await
            .assert_harbor_error(403, "DENIED");
        let shown = acme
            .v1_get("/accounts/acme")
            .await
            .assert_status(200)
            .json();
        assert_eq!(
            (&shown["state"], &shown["state_reason"]),
            (&json!("closing"), &json!("the contract has ended"))
        );
        let again = registry.v1_put("/deployment/accounts/acme/closing", &json!({}));
        again.await.assert_error(412, "NOT_NOW");
        let resumed = registry.v1_delete("/deployment/accounts/acme/suspension");
        resumed.await.assert_error(412, "NOT_NOW");
        registry
            .v1_get("/deployment/accounts/acme/receipt")
            .await
            .assert_error(404, "NOT_FOUND");
        registry.admin(&["account", "restore", "acme"]);
        assert_eq!(state(), "active");
    }
    push_layer(&acme, "acme/app", "v2", (2, 100)).await;
}

#[tokio::test]
async fn what_cannot_be_closed_stays_as_it_is() {
    let registry = TestRegistry::start().await;
    let acme = account_with(&registry, "acme", &json!({})).await;
    let not_closing = registry.v1_delete("/deployment/accounts/acme/closing");
    not_closing.await.assert_error(412, "NOT_NOW");
    for (account, body, status) in [
        ("default", json!({}), 403),
        ("none", json!({}), 404),
        ("acme", json!({ "grace_days": 3651 }), 422),
        ("acme", json!({ "reason": "a\nb" }), 422),
        ("acme", json!({ "now": true }), 422),
    ] {
        let path = format!("/deployment/accounts/{account}/closing");
        let answer = registry.v1_put(&path, &body).await;
        assert_eq!(answer.status(), status, "{account}: {body}");
    }
    let path = "/deployment/accounts/acme/closing";
    acme.v1_put(path, &json!({}))
        .await
        .assert_error(404, "NOT_FOUND");
    let shown = registry.admin(&["account", "show", "acme"]);
    assert_eq!(shown["state"], "active");
}

#[tokio::test]
async fn what_a_closed_account_had_is_destroyed_and_a_receipt_stays() {
    let registry = TestRegistry::start().await;
    let acme = account_with(&registry, "acme", &json!({})).await;
    let globex = account_with(&registry, "globex", &json!({})).await;
    for repository in ["acme/app", "acme/other"] {
        push_layer(&acme, repository, "v1", (1, 100)).await;
        push_layer(&acme, repository, "v2", (2, 300)).await;
    }
    push_layer(&globex, "globex/app", "v1", (1, 100)).await;
    push_layer(&acme, "acme/app", "v3", (3, 50)).await;
    let gone = acme.describe("acme/app", "v3").await["digest"].clone();
    let gone = gone.as_str().expect("a digest");
    let gone = acme.delete(&format!("/v2/acme/app/manifests/{gone}"));
    gone.await.assert_status(202);
    let trashed = registry.sql("SELECT COUNT(*) FROM trash_item_blobs");
    assert_eq!(trashed, [["2"]]);
    fill(&registry, &acme).await;
    let id = registry.sql("SELECT id FROM accounts WHERE name = 'acme'")[0][0].clone();

    let receipt = destroy(&registry).await;
    let counts = &receipt["counts"];
    for (what, count) in [
        ("manifests", 4),
        ("repositories", 2),
        ("namespaces", 1),
        ("users", 2),
    ] {
        assert_eq!(counts[what], count, "{what} in {receipt}");
    }
    assert_eq!(receipt["bytes"], 402);
    assert!(receipt["audit"]["hash"].is_string(), "{receipt}");
    assert_eq!(
        registry.admin(&["account", "receipt", "acme"])["bytes"],
        402
    );

    assert_nothing_is_left(&registry, &id);

    // Its people are gone, its name is nobody's, and others have what they had.
    acme.get("/v2/").await.assert_status(401);
    registry
        .get("/v2/acme/app/manifests/v1")
        .await
        .assert_status(404);
    let shown = registry.admin(&["account", "show", "acme"]);
    assert_eq!(shown["state"], "closed");
    let late = registry.command(&["admin", "--account", "acme", "namespace", "create", "late"]);
    assert_refused(late);
    let body = json!({ "name": "acme" });
    let again = registry.v1_post("/deployment/accounts", &body).await;
    again.assert_error(409, "CONFLICT");
    registry
        .v1_delete("/deployment/accounts/acme/closing")
        .await
        .assert_error(412, "NOT_NOW");
    let (_, layer) = push_layer(&globex, "globex/app", "v2", (1, 100)).await;
    globex
        .get(&format!("/v2/globex/app/blobs/{layer}"))
        .await
        .assert_status(200);
    let destroyed = registry
        .sql("SELECT payload FROM events WHERE kind = 'account.destroyed' AND account_id IS NULL");
    let event: Value = serde_json::from_str(&destroyed[0][0]).expect("JSON");
    assert_eq!(
        (&event["account"], &event["manifests"]),
        (&json!("acme"), &json!(4))
    );
}

fn assert_refused(mut command: std::process::Command) {
    let output = command.output().expect("the program runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("is closed for good"), "{said}");
}

/// What an account has besides images.
async fn fill(registry: &TestRegistry, acme: &Client) {
    registry.admin(&["--account", "acme", "user", "create", "zoe"]);
    let body = json!({ "hard": { "storage": 5000 } });
    let quota = acme
        .put("/api/v2.0/quotas/1")
        .content_type("application/json");
    quota.body(body.to_string()).await.assert_status(200);
    let label = json!({ "name": "old", "scope": "g" }).to_string();
    let labels = acme.request(http::Method::POST, "/api/v2.0/labels");
    labels
        .content_type("application/json")
        .body(label)
        .await
        .assert_status(201);
    acme.start_upload("acme/app").await;
}

/// Closes the account `acme` and waits until nothing is left; returns the receipt.
async fn destroy(registry: &TestRegistry) -> Value {
    let closing = json!({ "grace_days": 0 });
    registry
        .v1_put("/deployment/accounts/acme/closing", &closing)
        .await
        .assert_status(200);
    registry.admin(&["jobs", "run", "destroy_accounts"]);
    let path = "/deployment/accounts/acme/receipt";
    until("the account is destroyed", || async {
        let answer = registry.v1_get(path).await;
        let receipt = (answer.status() == 200).then(|| answer.json())?;
        receipt["destroyed_at"].is_string().then_some(receipt)
    })
    .await
}

/// Nothing of the account is left in any table but those that keep it.
fn assert_nothing_is_left(registry: &TestRegistry, id: &str) {
    let mut left = Vec::new();
    let tables = "SELECT DISTINCT m.name FROM sqlite_schema m, pragma_table_info(m.name) c \
                  WHERE m.type = 'table' AND c.name = 'account_id'";
    for table in registry.sql(tables).into_iter().flatten() {
        let rows = registry.sql(&format!(
            "SELECT COUNT(*) FROM {table} WHERE account_id = '{id}'"
        ));
        if rows[0][0] != "0" && !KEPT.iter().any(|(kept, _)| *kept == table) {
            left.push(table);
        }
    }
    assert_eq!(left, Vec::<String>::new());
    let home = registry.sql(&format!(
        "SELECT COUNT(*) FROM users WHERE home_account_id = '{id}'"
    ));
    assert_eq!(home, [["0"]]);
    let used = registry.sql(&format!(
        "SELECT used_bytes FROM account_usage WHERE account_id = '{id}'"
    ));
    assert_eq!(used, [["0"]]);
}
