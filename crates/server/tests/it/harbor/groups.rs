//! Groups of users.

use http::Method;
use serde_json::{Value, json};

use super::{API, Harbor};
use crate::registry::TestRegistry;
use crate::registry::client::Client;

fn named(name: &str) -> Value {
    json!({ "group_name": name, "group_type": 2 })
}

#[tokio::test]
async fn a_group_is_made_read_renamed_and_deleted() {
    let registry = TestRegistry::start().await;
    let made = registry
        .api_post("/usergroups", &named("Builders"))
        .await
        .assert_status(201);
    assert_eq!(
        (made.text().as_str(), made.location()),
        ("", format!("{API}/usergroups/1"))
    );
    let seen = registry
        .api_get("/usergroups/1")
        .await
        .assert_status(200)
        .json();
    assert_eq!(
        seen,
        json!({ "id": 1, "group_name": "Builders", "group_type": 2 })
    );
    let made = registry
        .api_post("/usergroups", &json!({ "group_name": "testers" }))
        .await;
    assert_eq!(
        made.assert_status(201).location(),
        format!("{API}/usergroups/2")
    );
    registry
        .api_post("/usergroups", &named("testers"))
        .await
        .assert_harbor_error(409, "CONFLICT");
    let change = json!({ "group_name": "checkers", "group_type": 1, "id": 1 });
    registry
        .api_put("/usergroups/2", &change)
        .await
        .assert_done();
    registry
        .api_put("/usergroups/2", &change)
        .await
        .assert_done();
    registry
        .api_put("/usergroups/2", &named("Builders"))
        .await
        .assert_harbor_error(409, "CONFLICT");
    registry.api_delete("/usergroups/1").await.assert_done();
    for path in ["/usergroups/1", "/usergroups/77"] {
        for gone in [
            registry.api_get(path),
            registry.api_delete(path),
            registry.api_put(path, &named("x")),
        ] {
            gone.await.assert_harbor_error(404, "NOT_FOUND");
        }
    }
    // The name is free, the number is not used again.
    let made = registry.api_post("/usergroups", &named("Builders")).await;
    assert_eq!(
        made.assert_status(201).location(),
        format!("{API}/usergroups/3")
    );
}

#[tokio::test]
async fn groups_are_listed_by_name() {
    let registry = TestRegistry::start().await;
    for name in ["checkers", "Builders"] {
        let made = registry.api_post("/usergroups", &named(name)).await;
        made.assert_status(201);
    }
    for (query, total, expected) in [
        ("", "2", &["Builders", "checkers"][..]),
        ("group_name=BUILD", "1", &["Builders"]),
        ("group_name=%25", "0", &[]),
        ("ldap_group_dn=cn%3Dx", "0", &[]),
        ("page=2&page_size=1", "2", &["checkers"]),
    ] {
        let listed = registry.api_get(&format!("/usergroups?{query}")).await;
        let listed = listed.assert_status(200);
        assert_eq!(listed.each("group_name"), expected, "{query}");
        assert_eq!(listed.header("x-total-count"), total, "{query}");
    }
}

#[tokio::test]
async fn groups_of_directories_and_issuers_are_refused_and_nothing_changes() {
    let registry = TestRegistry::start().await;
    for body in [
        json!({}),
        json!({ "group_name": "" }),
        json!({ "group_name": " x" }),
        json!({ "group_name": "a\nb" }),
        json!({ "group_name": "x", "group_type": 1, "ldap_group_dn": "cn=x" }),
        json!({ "group_name": "x", "group_type": 3 }),
        json!({ "group_name": "x", "group_type": 4 }),
    ] {
        registry
            .api_post("/usergroups", &body)
            .await
            .assert_harbor_error(400, "BAD_REQUEST");
    }
    let wrong = json!({ "group_name": 7 });
    registry
        .api_post("/usergroups", &wrong)
        .await
        .assert_harbor_error(422, "UNPROCESSABLE_ENTITY");
    assert_eq!(registry.api_get("/usergroups").await.json(), json!([]));
}

#[tokio::test]
async fn everyone_in_an_account_finds_its_groups() {
    let registry = TestRegistry::start().await;
    let made = registry.api_post("/usergroups", &named("builders")).await;
    made.assert_status(201);
    let (user, brewer) = (
        registry.create_user("zoe"),
        registry.create_account("brew", "brewer"),
    );
    let search = async |caller: &Client, query: &str| {
        caller.api_get(&format!("/usergroups/search{query}")).await
    };
    let found = search(&user, "?groupname=BUILD").await.assert_status(200);
    let entry = json!({ "id": 1, "group_name": "builders", "group_type": 2 });
    assert_eq!(found.json(), json!([entry]));
    assert_eq!(search(&user, "?groupname=x").await.json(), json!([]));
    let incomplete = search(&user, "").await;
    incomplete.assert_harbor_error(422, "UNPROCESSABLE_ENTITY");
    assert_eq!(search(&brewer, "?groupname=b").await.json(), json!([]));
    assert_eq!(brewer.api_get("/usergroups").await.json(), json!([]));
    let anonymous = search(&registry.anonymous(), "?groupname=b").await;
    anonymous.assert_harbor_error(401, "UNAUTHORIZED");
}

#[tokio::test]
async fn t12_only_the_accounts_administrators_manage_its_groups() {
    let registry = TestRegistry::start().await;
    let made = registry.api_post("/usergroups", &named("builders")).await;
    made.assert_status(201);
    let owner = registry.create_member("library", "owner", "project-admin");
    let (brewer, anonymous) = (
        registry.create_account("brew", "brewer"),
        registry.anonymous(),
    );
    for (method, path, body) in [
        (Method::GET, "", None),
        (Method::POST, "", Some(named("mine"))),
        (Method::GET, "/1", None),
        (Method::PUT, "/1", Some(named("mine"))),
        (Method::DELETE, "/1", None),
    ] {
        let send = |caller: &Client| {
            let call = caller.request(method.clone(), &format!("{API}/usergroups{path}"));
            match &body {
                Some(body) => call.content_type("application/json").body(body.to_string()),
                None => call,
            }
        };
        send(&owner).await.assert_harbor_error(403, "FORBIDDEN");
        send(&anonymous)
            .await
            .assert_harbor_error(401, "UNAUTHORIZED");
        if !path.is_empty() {
            send(&brewer).await.assert_harbor_error(404, "NOT_FOUND");
        }
    }
    let left = registry.api_get("/usergroups").await;
    assert_eq!(left.each("group_name"), ["builders"]);
}

#[tokio::test]
async fn the_command_line_manages_groups() {
    let registry = TestRegistry::start().await;
    registry.create_user("zoe");
    registry.admin(&["group", "create", "builders"]);
    registry.admin(&["group", "add-member", "builders", "zoe"]);
    assert_eq!(
        registry.admin(&["group", "members", "builders"]),
        json!([{ "user": "zoe" }])
    );
    assert_eq!(registry.admin(&["group", "list"])[0]["name"], "builders");
    registry.admin(&[
        "member", "add", "library", "builders", "--group", "--role", "guest",
    ]);
    registry.admin(&[
        "member",
        "add",
        "library",
        "builders",
        "--group",
        "--role",
        "developer",
    ]);
    registry.admin(&["member", "add", "library", "zoe", "--role", "guest"]);
    assert_eq!(
        registry.admin(&["member", "list", "library"]),
        json!([{ "group": "builders", "role": "developer" }, { "user": "zoe", "role": "guest" }])
    );
    registry.admin(&["member", "remove", "library", "builders", "--group"]);
    registry.admin(&["group", "remove-member", "builders", "zoe"]);
    assert_eq!(registry.admin(&["group", "members", "builders"]), json!([]));
    registry.admin(&["group", "delete", "builders"]);
    assert_eq!(registry.admin(&["group", "list"]), json!([]));
}
