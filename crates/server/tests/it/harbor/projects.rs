//! Projects and their metadata.

use serde_json::json;

use super::{API, Harbor};
use crate::registry::TestRegistry;
use crate::registry::client::Client;

#[tokio::test]
async fn a_project_is_made_read_changed_and_deleted() {
    let registry = TestRegistry::start().await;
    let body = json!({
        "project_name": "team", "public": true, "storage_limit": -1, "unknown": "passed over",
        "metadata": { "severity": "low", "auto_scan": "false", "retention_id": "7" },
    });
    let made = registry
        .api_post("/projects", &body)
        .await
        .assert_status(201);
    assert_eq!(made.text(), "");
    let location = made.location();
    let number = location
        .strip_prefix("/api/v2.0/projects/")
        .expect("a path and a number");
    let number: i64 = number.parse().expect("a number");

    let project = registry.get(&location).await.assert_status(200).json();
    assert_eq!(project["project_id"], number);
    assert_eq!(
        (&project["name"], &project["owner_name"]),
        (&json!("team"), &json!("admin"))
    );
    assert_eq!(
        project["metadata"],
        json!({ "public": "true", "severity": "low", "auto_scan": "false" })
    );
    assert_eq!(
        (&project["current_user_role_id"], &project["repo_count"]),
        (&json!(1), &json!(0))
    );
    assert_eq!(registry.api_get("/projects/team").await.json(), project);
    registry
        .head(&format!("{API}/projects?project_name=team"))
        .await
        .assert_status(200);
    registry
        .head(&format!("{API}/projects?project_name=none"))
        .await
        .assert_status(404);

    let again = registry
        .api_post("/projects", &body)
        .await
        .assert_harbor_error(409, "CONFLICT");
    assert_eq!(
        again.error_message(),
        "The project named team already exists"
    );
    let change = json!({ "metadata": { "public": "false", "severity": "high" } });
    registry
        .api_put(&format!("/projects/{number}"), &change)
        .await
        .assert_done();
    let metadata = registry.api_get("/projects/team").await.json()["metadata"].clone();
    assert_eq!(
        metadata,
        json!({ "public": "false", "severity": "high", "auto_scan": "false" })
    );
}

#[tokio::test]
async fn a_project_is_deleted_when_it_is_empty_and_its_number_is_not_used_again() {
    let registry = TestRegistry::start().await;
    let new = json!({ "project_name": "team" });
    registry
        .api_post("/projects", &new)
        .await
        .assert_status(201);
    let deletable = registry
        .api_get("/projects/team/_deletable")
        .await
        .assert_status(200);
    assert_eq!(deletable.json(), json!({ "deletable": true }));
    registry.push_image("team/app", "v1").await;
    let full = "the project contains repositories, can not be deleted";
    let deletable = registry.api_get("/projects/team/_deletable").await.json();
    assert_eq!(deletable, json!({ "deletable": false, "message": full }));
    let refused = registry.api_delete("/projects/team").await;
    assert_eq!(
        refused
            .assert_harbor_error(412, "PRECONDITION")
            .error_message(),
        full
    );
    assert_eq!(
        registry.api_get("/projects/team").await.json()["repo_count"],
        1
    );

    let new = json!({ "project_name": "empty" });
    let made = registry.api_post("/projects", &new).await;
    let made = made.assert_status(201).location();
    registry.api_delete("/projects/empty").await.assert_done();
    registry
        .api_get("/projects/empty")
        .await
        .assert_harbor_error(404, "NOT_FOUND");
    let next = registry.api_post("/projects", &new).await;
    assert_ne!(next.assert_status(201).location(), made);
}

#[tokio::test]
async fn a_project_may_be_named_like_a_number() {
    let registry = TestRegistry::start().await;
    let call = registry.api_post("/projects", &json!({ "project_name": "1" }));
    let made = call
        .header("x-resource-name-in-location", "true")
        .await
        .assert_status(201);
    assert_eq!(made.location(), format!("{API}/projects/1"));
    let by_number = registry
        .api_get("/projects/1")
        .await
        .assert_status(200)
        .json();
    let by_name = registry
        .api_get("/projects/1")
        .header("x-is-resource-name", "true");
    let by_name = by_name.await.assert_status(200).json();
    assert_ne!(by_number["name"], by_name["name"]);
    assert_eq!(by_name["name"], "1");
}

#[tokio::test]
async fn what_cannot_be_is_refused_and_changes_nothing() {
    let registry = TestRegistry::start().await;
    for (body, status, code) in [
        (json!({ "project_name": "Upper" }), 400, "BAD_REQUEST"),
        (json!({ "project_name": "" }), 400, "BAD_REQUEST"),
        (json!({}), 400, "BAD_REQUEST"),
        (json!({ "project_name": 7 }), 422, "UNPROCESSABLE_ENTITY"),
        (json!([]), 422, "UNPROCESSABLE_ENTITY"),
        (
            json!({ "project_name": "p", "registry_id": 1 }),
            400,
            "BAD_REQUEST",
        ),
        (
            json!({ "project_name": "p", "storage_limit": -2 }),
            422,
            "UNPROCESSABLE_ENTITY",
        ),
        (
            json!({ "project_name": "p", "metadata": { "prevent_vul": "true" } }),
            400,
            "BAD_REQUEST",
        ),
        (
            json!({ "project_name": "p", "metadata": { "enable_content_trust": "true" } }),
            400,
            "BAD_REQUEST",
        ),
    ] {
        registry
            .api_post("/projects", &body)
            .await
            .assert_harbor_error(status, code);
    }
    let empty = registry
        .request(http::Method::POST, &format!("{API}/projects"))
        .body("");
    empty.await.assert_harbor_error(422, "UNPROCESSABLE_ENTITY");
    let large = registry.request(http::Method::POST, &format!("{API}/projects"));
    let large = large.body(vec![b' '; (1 << 20) + 1]).await;
    large.assert_harbor_error(413, "REQUEST_ENTITY_TOO_LARGE");
    assert_eq!(
        registry.api_get("/projects").await.each("name"),
        ["library"]
    );
}

#[tokio::test]
async fn metadata_come_one_at_a_time() {
    let registry = TestRegistry::start().await;
    let path = "/projects/library/metadatas";
    // harbor-cli's way of writing the path.
    let all = registry
        .api_get(&format!("{path}/"))
        .await
        .assert_status(200);
    assert_eq!(all.json(), json!({ "public": "false" }));
    registry
        .api_post(path, &json!({ "severity": "low" }))
        .await
        .assert_done();
    registry
        .api_put(&format!("{path}/severity"), &json!({ "severity": "high" }))
        .await
        .assert_done();
    let one = registry
        .api_get(&format!("{path}/severity"))
        .await
        .assert_status(200);
    assert_eq!(one.json(), json!({ "severity": "high" }));
    registry
        .api_delete(&format!("{path}/severity"))
        .await
        .assert_done();
    assert_eq!(
        registry.api_get(&format!("{path}/severity")).await.json(),
        json!({})
    );
    registry
        .api_put(&format!("{path}/public"), &json!({ "public": "true" }))
        .await
        .assert_done();
    assert_eq!(
        registry.anonymous().api_get("/projects").await.each("name"),
        ["library"]
    );
    for body in [json!({}), json!({ "severity": "low", "public": "true" })] {
        registry
            .api_post(path, &body)
            .await
            .assert_harbor_error(400, "BAD_REQUEST");
    }
    let other = registry.api_put(&format!("{path}/severity"), &json!({ "public": "false" }));
    other.await.assert_harbor_error(400, "BAD_REQUEST");
    registry
        .api_post(path, &json!({ "retention_id": "1" }))
        .await
        .assert_harbor_error(400, "BAD_REQUEST");
}

/// A registry with three projects, and people of one of them.
struct People {
    registry: TestRegistry,
    guest: Client,
    owner: Client,
    stranger: Client,
    anonymous: Client,
}

async fn people() -> People {
    let registry = TestRegistry::start().await;
    for (name, public) in [("own", false), ("foreign", false), ("open", true)] {
        let body = json!({ "project_name": name, "public": public });
        registry
            .api_post("/projects", &body)
            .await
            .assert_status(201);
    }
    People {
        guest: registry.create_member("own", "guest", "guest"),
        owner: registry.create_member("own", "owner", "project-admin"),
        stranger: registry.create_user("stranger"),
        anonymous: registry.anonymous(),
        registry,
    }
}

#[tokio::test]
async fn members_see_their_projects_and_no_others() {
    let people = people().await;
    for (caller, expected) in [
        (&people.guest, &["open", "own"][..]),
        (&people.owner, &["open", "own"]),
        (&people.stranger, &["open"]),
        (&people.anonymous, &["open"]),
    ] {
        let listed = caller.api_get("/projects").await.assert_status(200);
        assert_eq!(listed.each("name"), expected);
        assert_eq!(listed.header("x-total-count"), expected.len().to_string());
    }
    let People {
        guest,
        owner,
        anonymous,
        ..
    } = &people;
    anonymous.api_get("/projects/open").await.assert_status(200);
    let seen = guest
        .api_get("/projects/own")
        .await
        .assert_status(200)
        .json();
    assert_eq!(
        (
            &seen["current_user_role_id"],
            &seen["current_user_role_ids"]
        ),
        (&json!(3), &json!([3]))
    );
    let change = json!({ "metadata": { "severity": "low" } });
    owner.api_put("/projects/own", &change).await.assert_done();
    // Harbor's table: a project's administrator changes metadata but does not list them.
    owner
        .api_get("/projects/own/metadatas")
        .await
        .assert_harbor_error(403, "FORBIDDEN");
    owner
        .api_get("/projects/own/metadatas/severity")
        .await
        .assert_status(200);
    owner
        .head(&format!("{API}/projects?project_name=foreign"))
        .await
        .assert_status(404);
    anonymous
        .head(&format!("{API}/projects?project_name=open"))
        .await
        .assert_status(401);
    owner.api_delete("/projects/own").await.assert_done();
}

/// A project that is not there looks like one that may not be seen.
#[tokio::test]
async fn what_may_not_be_seen_looks_like_what_is_not_there() {
    let People {
        registry: _registry,
        guest,
        owner,
        stranger,
        anonymous,
    } = people().await;
    let change = json!({ "metadata": { "severity": "low" } });
    for (caller, status, code) in [
        (&guest, 403, "FORBIDDEN"),
        (&stranger, 403, "FORBIDDEN"),
        (&anonymous, 401, "UNAUTHORIZED"),
    ] {
        let new = json!({ "project_name": "mine" });
        caller
            .api_post("/projects", &new)
            .await
            .assert_harbor_error(status, code);
        for project in ["own", "foreign", "none", "77"] {
            let path = format!("/projects/{project}");
            caller
                .api_put(&path, &change)
                .await
                .assert_harbor_error(status, code);
            caller
                .api_delete(&path)
                .await
                .assert_harbor_error(status, code);
            caller
                .api_get(&format!("{path}/_deletable"))
                .await
                .assert_harbor_error(status, code);
            caller
                .api_get(&format!("{path}/metadatas"))
                .await
                .assert_harbor_error(status, code);
        }
    }
    for project in ["foreign", "none", "77"] {
        let path = format!("/projects/{project}");
        let guest = guest
            .api_get(&path)
            .await
            .assert_harbor_error(403, "FORBIDDEN");
        let owner = owner
            .api_get(&path)
            .await
            .assert_harbor_error(403, "FORBIDDEN");
        assert_eq!(guest.text(), owner.text());
        anonymous
            .api_get(&path)
            .await
            .assert_harbor_error(401, "UNAUTHORIZED");
    }
}
