//! The people of an account.

use serde_json::json;

use super::AccountApi;
use crate::registry::TestRegistry;

#[tokio::test]
async fn an_administrator_manages_the_people_of_its_account() {
    let registry = TestRegistry::start().await;
    let ann = registry.create_account("acme", "ann");
    let bob = json!({ "name": "bob", "password": "Correct-horse-7", "email": "bob@example.com" });
    let made = ann.v1_post("/accounts/acme/members", &bob).await;
    let made = made.assert_status(201);
    let location = made.location();
    let number = made.json()["number"].as_i64().expect("a number");
    assert_eq!(location, format!("/api/v1/accounts/acme/members/{number}"));
    let shown = ann.get(&location).await.assert_status(200).json();
    assert_eq!(shown, made.json());
    let since = shown["created_at"].as_str().expect("a time");
    assert!(since.ends_with('Z'), "{shown}");
    assert_eq!(
        (&shown["email"], &shown["is_administrator"]),
        (&json!("bob@example.com"), &json!(false))
    );
    assert!(!made.text().contains("Correct-horse"));

    let as_bob = registry.as_user("bob", "Correct-horse-7");
    as_bob.v1_get("/accounts/acme").await.assert_status(200);
    as_bob
        .v1_get("/accounts/acme/members")
        .await
        .assert_error(403, "FORBIDDEN");
    as_bob.get(&location).await.assert_status(200);
    let listed = ann.v1_get("/accounts/acme/members?q=B").await;
    let listed = listed.assert_status(200);
    assert_eq!(
        (listed.items("name"), &listed.json()["total"]),
        (vec![json!("bob")], &json!(1))
    );
    let first = ann.v1_get("/accounts/acme/members?page_size=1").await;
    assert_eq!(first.items("name"), ["ann"]);
    let second = ann.get(&first.next_page().expect("more")).await;
    assert_eq!(
        (second.items("name"), second.next_page()),
        (vec![json!("bob")], None)
    );

    let path = format!("/accounts/acme/members/{number}");
    let change = |is_administrator: bool| json!({ "is_administrator": is_administrator });
    as_bob
        .v1_patch(&path, &change(true))
        .await
        .assert_error(403, "FORBIDDEN");
    ann.v1_patch(&path, &change(true)).await.assert_no_content();
    as_bob
        .v1_get("/accounts/acme/members")
        .await
        .assert_status(200);
    ann.v1_patch(&path, &change(false))
        .await
        .assert_no_content();
    let own = first.items("number")[0].clone();
    let own = format!("/accounts/acme/members/{own}");
    ann.v1_patch(&own, &change(false))
        .await
        .assert_error(412, "NOT_NOW");
    ann.v1_delete(&own).await.assert_error(403, "FORBIDDEN");

    ann.v1_delete(&path).await.assert_no_content();
    ann.v1_get(&path).await.assert_error(404, "NOT_FOUND");
    as_bob
        .v1_get("/user")
        .await
        .assert_error(401, "UNAUTHORIZED");
}

#[tokio::test]
async fn what_a_request_brings_besides_is_refused() {
    let registry = TestRegistry::start().await;
    let make = |field: &str, value: serde_json::Value| {
        let mut body = json!({ "name": "eve", "password": "Correct-horse-7" });
        body[field] = value;
        registry.v1_post("/accounts/default/members", &body)
    };
    for field in [
        "number",
        "is_operator",
        "account",
        "home_account_id",
        "id",
        "role",
    ] {
        let refused = make(field, json!(1)).await.assert_error(422, "INVALID");
        let text = format!("unknown field `{field}`");
        assert!(
            refused.error_message().contains(&text),
            "{}",
            refused.text()
        );
    }
    for (field, value) in [
        ("name", json!("robot$eve")),
        ("name", json!("a".repeat(256))),
        ("password", json!("weak")),
        ("email", json!("no address")),
        ("comment", json!("a\nb")),
    ] {
        make(field, value).await.assert_error(422, "INVALID");
    }
    for id in ["0", "-1", "99999", "9223372036854775808", "x"] {
        let path = format!("/accounts/default/members/{id}");
        registry.v1_get(&path).await.assert_error(404, "NOT_FOUND");
    }
    let listed = registry.v1_get("/accounts/default/members?q=eve").await;
    assert_eq!(listed.json()["total"], 0);
}
