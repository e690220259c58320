//! The audit log by API: what is asked for, in three forms.

use serde_json::{Value, json};

use super::AccountApi;
use crate::registry::TestRegistry;
use crate::registry::client::Answer;
use crate::registry::client::Client;

/// The first event of a list, once it was sealed.
pub(super) async fn first(caller: &Client, path: &str) -> Value {
    loop {
        let listed = caller.v1_get(path).await.assert_status(200).json();
        if let Some(event) = listed["items"].get(0) {
            return event.clone();
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn events_are_found_by_what_they_are_and_leave_in_three_forms() {
    let registry = TestRegistry::start().await;
    for name in ["one", "two", "three"] {
        registry.admin(&["namespace", "create", name]);
    }
    let bob = json!({ "name": "bob", "password": "Correct-horse-7" });
    let made = registry.v1_post("/accounts/default/members", &bob).await;
    made.assert_status(201);
    let made = first(
        &registry,
        "/accounts/default/audit-events?kind=user.created&actor=admin",
    )
    .await;
    assert_eq!(
        (&made["resource"], &made["event"]["user"]),
        (&json!("bob"), &json!("bob"))
    );
    assert!(!made.to_string().contains("Correct-horse"));

    let path = "/accounts/default/audit-events?kind=namespace.created";
    let page = registry
        .v1_get(&format!("{path}&page_size=2"))
        .await
        .assert_status(200);
    assert_eq!(page.items("resource"), ["three", "two"]);
    let rest = registry.get(&page.next_page().expect("more")).await;
    assert_eq!(rest.items("resource")[0], "one");
    let none = registry.v1_get(&format!("{path}&actor=nobody")).await;
    assert_eq!(none.items("id"), [""; 0]);
    let at = page.items("at");
    let since = at[0].as_str().expect("a time");
    let later = registry.v1_get(&format!("{path}&since={since}")).await;
    assert_eq!(later.items("resource")[0], "three");
    let before = registry
        .v1_get(&format!("{path}&until=2020-01-01T00:00:00Z"))
        .await;
    assert_eq!(before.items("resource"), [""; 0]);

    they_leave_in_three_forms(&registry, path, &page).await;
    for wrong in ["format=xml", "since=yesterday", "cursor=-1", "cursor=x"] {
        let answer = registry
            .v1_get(&format!("/accounts/default/audit-events?{wrong}"))
            .await;
        answer.assert_error(400, "BAD_REQUEST");
    }
}

async fn they_leave_in_three_forms(registry: &TestRegistry, path: &str, page: &Answer) {
    let lines = registry
        .v1_get(&format!("{path}&format=jsonl&page_size=2"))
        .await;
    assert_eq!(lines.header("content-type"), "application/x-ndjson");
    let parsed: Vec<Value> = lines
        .text()
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(json!(parsed), page.json()["items"]);
    assert_eq!(
        lines
            .next_page()
            .expect("more")
            .replace("format=jsonl&", ""),
        page.next_page().expect("more")
    );
    let asked = registry
        .v1_get(&format!("{path}&page_size=2"))
        .header("accept", "application/x-ndjson");
    assert_eq!(asked.await.text(), lines.text());
    let cadf = registry
        .v1_get(&format!("{path}&format=cadf&page_size=1"))
        .await;
    let event: Value = serde_json::from_str(&cadf.text()).expect("one line");
    assert_eq!(
        event["typeURI"],
        "http://schemas.dmtf.org/cloud/audit/1.0/event"
    );
    assert_eq!(
        (&event["account"], &event["target"]["name"]),
        (&json!("default"), &json!("three"))
    );
}

#[tokio::test]
async fn a_log_is_for_whoever_may_read_all_of_it() {
    let registry = TestRegistry::start().await;
    registry.admin(&["namespace", "create", "own"]);
    let ann = registry.create_account("acme", "ann");
    let member = registry.create_member("own", "pat", "project-admin");
    member
        .v1_get("/accounts/default/audit-events")
        .await
        .assert_error(403, "FORBIDDEN");
    ann.v1_get("/accounts/default/audit-events")
        .await
        .assert_error(404, "NOT_FOUND");
    registry
        .v1_get("/accounts/acme/audit-events")
        .await
        .assert_error(404, "NOT_FOUND");
    let own = first(&ann, "/accounts/acme/audit-events?kind=user.created").await;
    assert_eq!(own["resource"], "ann");
}
