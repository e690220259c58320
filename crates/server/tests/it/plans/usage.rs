//! What is counted for a bill, and who may read it.

use serde_json::{Value, json};

use super::{account_with, push_layer, until};
use crate::account_api::AccountApi as _;
use crate::registry::TestRegistry;
use crate::registry::client::Client;

async fn usage(client: &Client, path: &str) -> Value {
    client.v1_get(path).await.assert_status(200).json()
}

#[tokio::test]
async fn an_account_sees_what_it_and_its_namespaces_use() {
    let registry = TestRegistry::start().await;
    let limits = json!({ "storage_bytes": 1000, "pull_bytes_per_month": 9000, "namespaces": 5 });
    let acme = account_with(&registry, "acme", &limits).await;
    registry.admin(&["--account", "acme", "namespace", "create", "beta"]);
    push_layer(&acme, "acme/app", "v1", (1, 500)).await;
    push_layer(&acme, "beta/app", "v1", (1, 500)).await;
    let counted = || async {
        let found = usage(&acme, "/accounts/acme/usage").await;
        (found["traffic"]["pushes"] == 2).then_some(found)
    };
    let found = until("both pushes are counted", counted).await;
    let month = found["month"].as_str().expect("a month").to_owned();
    assert_eq!(
        found,
        json!({
            "account": "acme",
            "month": month,
            "closed_at": null,
            "plan": "plan-of-acme",
            "storage": { "byte_hours": 0, "hours": 0, "mean_bytes": 0, "peak_bytes": 0 },
            "traffic": { "pull_bytes": 0, "pulls": 0, "pushes": 2 },
            "now": {
                "used_bytes": 502,
                "storage_limit_bytes": 1000,
                "pull_limit_bytes": 9000,
                "namespaces": 2,
                "namespaces_limit": 5,
                "storage_warning_percent": null,
                "pull_warning_percent": null,
            },
        })
    );
    let of = |name: &str| {
        json!({
            "namespace": name,
            "traffic": { "pull_bytes": 0, "pulls": 0, "pushes": 1 },
            "used_bytes": 502,
            "limit_bytes": null,
        })
    };
    let path = "/accounts/acme/usage/namespaces";
    assert_eq!(
        usage(&acme, path).await,
        json!({ "items": [of("acme"), of("beta")], "next": null })
    );
    let first = usage(&acme, &format!("{path}?page_size=1")).await;
    assert_eq!(first, json!({ "items": [of("acme")], "next": "acme" }));
    let csv = acme
        .v1_get(&format!("{path}?format=csv"))
        .await
        .assert_status(200);
    assert_eq!(csv.header("content-type"), "text/csv; charset=utf-8");
    assert_eq!(
        csv.text(),
        format!(
            "month,namespace,pull_bytes,pulls,pushes,used_bytes,limit_bytes\n\
             {month},acme,0,0,1,502,\n{month},beta,0,0,1,502,\n"
        )
    );
}

#[tokio::test]
async fn months_that_are_over_and_none_are_told_apart() {
    let registry = TestRegistry::start().await;
    let acme = account_with(&registry, "acme", &json!({})).await;
    let past = usage(&acme, "/accounts/acme/usage?month=2020-02").await;
    assert_eq!(
        (&past["month"], &past["plan"]),
        (&json!("2020-02"), &json!(null))
    );
    assert_eq!(past.get("now"), None);
    for wrong in ["2020-13", "2020", "now"] {
        let path = format!("/accounts/acme/usage?month={wrong}");
        acme.v1_get(&path).await.assert_error(400, "BAD_REQUEST");
    }
    let stranger = registry.create_account("globex", "globex-admin");
    stranger
        .v1_get("/accounts/acme/usage")
        .await
        .assert_error(404, "NOT_FOUND");
}

#[tokio::test]
async fn operators_see_what_all_accounts_use_as_lines_for_a_bill() {
    let registry = TestRegistry::start().await;
    let acme = account_with(&registry, "acme", &json!({})).await;
    push_layer(&acme, "acme/app", "v1", (1, 500)).await;
    let counted = || async {
        let listed = usage(&registry, "/deployment/usage").await;
        let items = listed["items"].as_array().expect("a list").clone();
        items
            .into_iter()
            .find(|one| one["account"] == "acme" && one["traffic"]["pushes"] == 1)
    };
    let acme_used = until("the push is counted", counted).await;
    assert_eq!(acme_used["traffic"]["pulls"], 0);
    // An hour's look, as the job takes it: time does not pass for tests, so it is put into the records.
    let month = usage(&acme, "/accounts/acme/usage").await["month"].clone();
    let month = month.as_str().expect("a month");
    registry.sql(&format!(
        "INSERT INTO account_storage (account_id, month, byte_hours, hours, peak_bytes, plan) \
         SELECT id, '{month}', 1005, 2, 502, 'S' FROM accounts WHERE name = 'acme' RETURNING 1"
    ));
    let csv = registry.v1_get("/deployment/usage?format=csv").await;
    assert_eq!(
        csv.assert_status(200).text(),
        format!(
            "month,account,plan,byte_hours,hours,mean_bytes,peak_bytes,pull_bytes,pulls,pushes\n\
             {month},acme,S,1005,2,502,502,0,0,1\n"
        )
    );
    let none = usage(&registry, "/deployment/usage?month=2020-02").await;
    assert_eq!(none, json!({ "items": [], "next": null }));
    acme.v1_get("/deployment/usage")
        .await
        .assert_error(404, "NOT_FOUND");
    registry.admin(&["jobs", "run", "take_usage"]);
}

#[tokio::test]
async fn an_account_is_warned_when_a_push_crosses_a_threshold() {
    let registry = TestRegistry::builder()
        .setting("ACCOUNTS__STORAGE_WARNING_PERCENT", 50)
        .start()
        .await;
    let acme = account_with(&registry, "acme", &json!({ "storage_bytes": 1000 })).await;
    let events = || {
        let rows = registry
            .sql("SELECT payload FROM events WHERE kind = 'account.storage_warning' ORDER BY id");
        let rows = rows.into_iter().flatten();
        rows.map(|row| serde_json::from_str::<Value>(&row).expect("JSON")["percent"].clone())
            .collect::<Vec<_>>()
    };
    let mut expected = Vec::new();
    for (seed, bytes, used, percent) in [
        (1, 400, 402, Value::Null),
        (2, 98, 500, json!(50)),
        (3, 100, 600, json!(50)),
        (4, 350, 950, json!(95)),
        (5, 50, 1000, json!(95)),
    ] {
        push_layer(&acme, "acme/app", &format!("v{seed}"), (seed, bytes)).await;
        let now = usage(&acme, "/accounts/acme/usage").await["now"].clone();
        assert_eq!(
            (&now["used_bytes"], &now["storage_warning_percent"]),
            (&json!(used), &percent)
        );
        if !percent.is_null() && !expected.contains(&percent) {
            expected.push(percent);
        }
        assert_eq!(events(), expected, "at {used}");
    }
}
