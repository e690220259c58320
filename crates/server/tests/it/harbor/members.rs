//! Members of projects: users and groups, and their roles.

use http::Method;
use serde_json::{Value, json};

use super::{API, Harbor};
use crate::registry::TestRegistry;

/// Makes projects, and says which numbers they have.
async fn projects<const N: usize>(registry: &TestRegistry, names: [&str; N]) -> [i64; N] {
    let mut numbers = [0; N];
    for (number, name) in numbers.iter_mut().zip(names) {
        let made = registry.api_post("/projects", &json!({ "project_name": name }));
        let location = made.await.assert_status(201).location();
        *number = location
            .rsplit_once('/')
            .and_then(|(_, last)| last.parse().ok())
            .expect("a number");
    }
    numbers
}

fn last(location: &str) -> i64 {
    location
        .rsplit_once('/')
        .and_then(|(_, last)| last.parse().ok())
        .expect("a number")
}

fn user(name: &str, role_id: i64) -> Value {
    json!({ "role_id": role_id, "member_user": { "username": name } })
}

#[tokio::test]
async fn a_member_is_added_read_changed_and_removed() {
    let registry = TestRegistry::start().await;
    let [team] = projects(&registry, ["team"]).await;
    let zoe = registry.create_user("zoe");
    zoe.api_get("/projects/team")
        .await
        .assert_harbor_error(403, "FORBIDDEN");
    let added = registry
        .api_post("/projects/team/members", &user("zoe", 3))
        .await
        .assert_status(201);
    assert_eq!(added.text(), "");
    let member = last(&added.location());
    assert_eq!(
        added.location(),
        format!("{API}/projects/team/members/{member}")
    );
    let path = format!("/projects/{team}/members/{member}");
    let seen = registry.api_get(&path).await.assert_status(200).json();
    assert_eq!(
        seen,
        json!({
            "id": member, "project_id": team, "entity_name": "zoe", "entity_id": 2, "entity_type": "u",
            "role_id": 3, "role_name": "guest",
        })
    );
    // Who made the project administers it.
    let all = registry
        .api_get("/projects/team/members")
        .await
        .assert_status(200);
    assert_eq!(
        (all.each("entity_name"), all.header("x-total-count")),
        (vec![json!("admin"), json!("zoe")], "2")
    );
    assert_eq!(all.json()[1], seen);
    let found = registry
        .api_get("/projects/team/members?entityname=ZO&page_size=1")
        .await;
    assert_eq!(found.assert_status(200).json(), json!([seen]));
    zoe.api_get("/projects/team").await.assert_status(200);

    let by_number = json!({ "role_id": 2, "member_user": { "user_id": 2 } });
    for again in [user("zoe", 1), by_number] {
        let refused = registry
            .api_post(&format!("/projects/{team}/members"), &again)
            .await;
        let refused = refused.assert_harbor_error(409, "CONFLICT");
        assert_eq!(
            refused.error_message(),
            "The project member specified already exist"
        );
    }
}

#[tokio::test]
async fn a_member_gets_other_roles_and_goes() {
    let registry = TestRegistry::start().await;
    projects(&registry, ["team"]).await;
    let zoe = registry.create_user("zoe");
    let members = "/projects/team/members";
    let added = registry.api_post(members, &user("zoe", 3)).await;
    let member = last(&added.assert_status(201).location());
    let path = format!("{members}/{member}");
    for (id, name) in [
        (1, "projectAdmin"),
        (2, "developer"),
        (4, "maintainer"),
        (5, "limitedGuest"),
    ] {
        let role = json!({ "role_id": id });
        registry.api_put(&path, &role).await.assert_done();
        let seen = registry.api_get(&path).await.json();
        assert_eq!(
            (&seen["role_id"], &seen["role_name"]),
            (&json!(id), &json!(name))
        );
    }
    registry.api_delete(&path).await.assert_done();
    for gone in [
        registry.api_get(&path),
        registry.api_delete(&path),
        registry.api_put(&path, &json!({ "role_id": 1 })),
    ] {
        gone.await.assert_harbor_error(404, "NOT_FOUND");
    }
    let refused = zoe.api_get("/projects/team").await;
    refused.assert_harbor_error(403, "FORBIDDEN");
    // The number is not used again.
    let anew = registry.api_post(members, &user("zoe", 3)).await;
    assert_ne!(last(&anew.assert_status(201).location()), member);
    // The last administrator of a project may go: the account's are left.
    let found = registry
        .api_get(&format!("{members}?entityname=admin"))
        .await;
    let admin = found.json()[0]["id"].clone();
    registry
        .api_delete(&format!("{members}/{admin}"))
        .await
        .assert_done();
    assert_eq!(registry.api_get(members).await.each("entity_name"), ["zoe"]);
}

#[tokio::test]
async fn a_group_is_a_member_like_a_user() {
    let registry = TestRegistry::start().await;
    projects(&registry, ["team"]).await;
    let zoe = registry.create_user("zoe");
    let made = registry.api_post(
        "/usergroups",
        &json!({ "group_name": "builders", "group_type": 2 }),
    );
    let group = last(&made.await.assert_status(201).location());
    registry.admin(&["group", "add-member", "builders", "zoe"]);
    zoe.api_get("/projects/team")
        .await
        .assert_harbor_error(403, "FORBIDDEN");
    let by_name =
        json!({ "role_id": 2, "member_group": { "group_name": "builders", "group_type": 2 } });
    let added = registry
        .api_post("/projects/team/members", &by_name)
        .await
        .assert_status(201);
    let path = format!("/projects/team/members/{}", last(&added.location()));
    let seen = registry.api_get(&path).await.assert_status(200).json();
    assert_eq!(
        (&seen["entity_type"], &seen["entity_id"]),
        (&json!("g"), &json!(group))
    );
    assert_eq!(
        (&seen["entity_name"], &seen["role_name"]),
        (&json!("builders"), &json!("developer"))
    );
    zoe.push_image("team/app", "v1").await;
    let by_number = json!({ "role_id": 3, "member_group": { "id": group } });
    registry
        .api_post("/projects/team/members", &by_number)
        .await
        .assert_harbor_error(409, "CONFLICT");
    // T21: out of the group is out of its roles.
    registry.admin(&["group", "remove-member", "builders", "zoe"]);
    zoe.api_get("/projects/team")
        .await
        .assert_harbor_error(403, "FORBIDDEN");
    registry.admin(&["group", "add-member", "builders", "zoe"]);
    zoe.api_get("/projects/team").await.assert_status(200);
    registry
        .api_delete(&format!("/usergroups/{group}"))
        .await
        .assert_done();
    zoe.api_get("/projects/team")
        .await
        .assert_harbor_error(403, "FORBIDDEN");
    registry
        .api_get(&path)
        .await
        .assert_harbor_error(404, "NOT_FOUND");
    assert_eq!(
        registry
            .api_get("/projects/team/members")
            .await
            .each("entity_name"),
        ["admin"]
    );
}

#[tokio::test]
async fn what_cannot_be_a_member_is_refused_and_changes_nothing() {
    let registry = TestRegistry::start().await;
    registry.create_member("library", "zoe", "guest");
    let path = "/projects/library/members";
    let before = registry.api_get(path).await.json();
    for (body, status, code) in [
        (json!({}), 400, "BAD_REQUEST"),
        (json!({ "role_id": 2 }), 400, "BAD_REQUEST"),
        (
            json!({ "role_id": 2, "member_user": {} }),
            400,
            "BAD_REQUEST",
        ),
        (
            json!({ "role_id": 0, "member_user": { "username": "admin" } }),
            400,
            "BAD_REQUEST",
        ),
        (
            json!({ "role_id": 6, "member_user": { "username": "admin" } }),
            400,
            "BAD_REQUEST",
        ),
        (
            json!({ "role_id": -1, "member_user": { "user_id": 1 } }),
            400,
            "BAD_REQUEST",
        ),
        (
            json!({ "role_id": "2", "member_user": { "user_id": 1 } }),
            422,
            "UNPROCESSABLE_ENTITY",
        ),
        (user("nobody", 2), 404, "NOT_FOUND"),
        (
            json!({ "role_id": 2, "member_user": { "user_id": 77 } }),
            404,
            "NOT_FOUND",
        ),
        (
            json!({ "role_id": 2, "member_group": { "id": 77 } }),
            404,
            "NOT_FOUND",
        ),
        (
            json!({ "role_id": 2, "member_group": { "group_name": "none", "group_type": 2 } }),
            404,
            "NOT_FOUND",
        ),
        (
            json!({ "role_id": 2, "member_group": { "group_name": "none", "group_type": 3 } }),
            400,
            "BAD_REQUEST",
        ),
        (
            json!({ "role_id": 2, "member_group": { "ldap_group_dn": "cn=x", "group_type": 1 } }),
            400,
            "BAD_REQUEST",
        ),
    ] {
        registry
            .api_post(path, &body)
            .await
            .assert_harbor_error(status, code);
    }
    assert_eq!(registry.api_get(path).await.json(), before);
}

#[tokio::test]
async fn what_cannot_be_a_role_is_refused_and_changes_nothing() {
    let registry = TestRegistry::start().await;
    registry.create_member("library", "zoe", "guest");
    let path = "/projects/library/members";
    let before = registry.api_get(path).await.json();
    let one = format!("{path}/{}", before[0]["id"]);
    for (body, status, code) in [
        (json!({}), 400, "BAD_REQUEST"),
        (json!({ "role_id": 9 }), 400, "BAD_REQUEST"),
        (json!({ "role_id": "1" }), 422, "UNPROCESSABLE_ENTITY"),
    ] {
        let put = registry.api_put(&one, &body).await;
        put.assert_harbor_error(status, code);
    }
    let unread = registry.api_get(&format!("{path}/x")).await;
    unread.assert_harbor_error(422, "UNPROCESSABLE_ENTITY");
    assert_eq!(registry.api_get(path).await.json(), before);
}

/// Every operation about members, of `member`, with a body that would be fine.
fn operations(member: i64) -> [(Method, String, Option<Value>); 5] {
    let one = format!("/{member}");
    [
        (Method::GET, String::new(), None),
        (Method::POST, String::new(), Some(user("mallory", 1))),
        (Method::GET, one.clone(), None),
        (Method::PUT, one.clone(), Some(json!({ "role_id": 1 }))),
        (Method::DELETE, one, None),
    ]
}

/// Harbor's table: who sees the members of a project, and who changes them.
#[tokio::test]
async fn each_role_does_with_members_what_it_may() {
    let registry = TestRegistry::start().await;
    projects(&registry, ["team", "other"]).await;
    registry.create_user("mallory");
    let added = registry
        .api_post("/projects/team/members", &user("mallory", 5))
        .await;
    let member = last(&added.assert_status(201).location());
    for (role, may_see) in [
        ("maintainer", true),
        ("developer", true),
        ("guest", true),
        ("limited-guest", false),
        ("none", false),
        ("anonymous", false),
    ] {
        let caller = match role {
            "anonymous" => registry.anonymous(),
            "none" => registry.create_member("other", "none", "project-admin"),
            role => registry.create_member("team", role, role),
        };
        let (status, code) = if role == "anonymous" {
            (401, "UNAUTHORIZED")
        } else {
            (403, "FORBIDDEN")
        };
        for (method, path, body) in operations(member) {
            let target = format!("{API}/projects/team/members{path}");
            let mut call = caller.request(method.clone(), &target);
            if let Some(body) = body {
                call = call.content_type("application/json").body(body.to_string());
            }
            if may_see && method == Method::GET {
                call.await.assert_status(200);
            } else {
                call.await.assert_harbor_error(status, code);
            }
        }
    }
    let owner = registry.create_member("team", "owner", "project-admin");
    owner
        .api_put(
            &format!("/projects/team/members/{member}"),
            &json!({ "role_id": 1 }),
        )
        .await
        .assert_done();
    owner
        .api_delete(&format!("/projects/team/members/{member}"))
        .await
        .assert_done();
    owner
        .api_post("/projects/team/members", &user("mallory", 3))
        .await
        .assert_status(201);
}

/// T12: a member's number is good in its own project only, and a project that may not be seen looks like none.
#[tokio::test]
async fn t12_numbers_of_other_projects_and_accounts_are_none() {
    let registry = TestRegistry::start().await;
    projects(&registry, ["own", "foreign"]).await;
    registry.create_user("mallory");
    let owner = registry.create_member("own", "owner", "project-admin");
    let added = registry
        .api_post("/projects/foreign/members", &user("mallory", 5))
        .await;
    let member = last(&added.assert_status(201).location());
    for (method, path, body) in operations(member) {
        let mut seen = Vec::new();
        let send = |project: &str| {
            let target = format!("{API}/projects/{project}/members{path}");
            let call = owner.request(method.clone(), &target);
            match &body {
                Some(body) => call.content_type("application/json").body(body.to_string()),
                None => call,
            }
        };
        for project in ["foreign", "none", "77"] {
            seen.push(
                send(project)
                    .await
                    .assert_harbor_error(403, "FORBIDDEN")
                    .text(),
            );
        }
        assert!(seen.iter().all(|text| *text == seen[0]), "{seen:?}");
        if !path.is_empty() {
            send("own").await.assert_harbor_error(404, "NOT_FOUND");
        }
    }
    let kept = registry
        .api_get(&format!("/projects/foreign/members/{member}"))
        .await;
    assert_eq!(kept.assert_status(200).json()["role_id"], 5);

    let brewer = registry.create_account("brew", "brewer");
    brewer
        .api_post("/projects", &json!({ "project_name": "beer" }))
        .await
        .assert_status(201);
    for (method, path, body) in operations(member) {
        let mut call = brewer.request(method, &format!("{API}/projects/own/members{path}"));
        if let Some(body) = body {
            call = call.content_type("application/json").body(body.to_string());
        }
        call.await.assert_harbor_error(404, "NOT_FOUND");
    }
    // Users of another account are nobody, by name or number.
    brewer
        .api_post("/projects/beer/members", &user("mallory", 3))
        .await
        .assert_harbor_error(404, "NOT_FOUND");
    let by_number = json!({ "role_id": 3, "member_user": { "user_id": 3 } });
    brewer
        .api_post("/projects/beer/members", &by_number)
        .await
        .assert_harbor_error(404, "NOT_FOUND");
}
