//! The audit log: of the account, and of one project.

use std::time::{Duration, Instant};

use serde_json::json;

use super::Harbor;
use crate::registry::client::{Answer, Client};
use crate::registry::{ADMIN, PATIENCE, TestRegistry};

/// Asks until the newest event is about this, as it is about a second after it happened.
async fn until_newest(caller: &Client, path: &str, resource: &str) -> Answer {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer = caller.api_get(path).await.assert_status(200);
        if answer.json()[0]["resource"] == resource {
            return answer;
        }
        assert!(
            Instant::now() < deadline,
            "{resource} does not come: {}",
            answer.json()
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A registry where a project was made, and an image pushed, pulled and deleted; with what its deletion is called.
async fn busy() -> (TestRegistry, String) {
    let registry = TestRegistry::start().await;
    registry
        .api_post("/projects", &json!({ "project_name": "team" }))
        .await
        .assert_status(201);
    let digest = registry.push_image("team/app", "v1").await;
    registry
        .get("/v2/team/app/manifests/v1")
        .await
        .assert_status(200);
    // What is counted is written now and then; both ways of asking are one pull each.
    until_newest(
        &registry,
        "/auditlog-exts?q=operation%3Dpull",
        "team/app:v1",
    )
    .await;
    registry
        .delete(&format!("/v2/team/app/manifests/{digest}"))
        .await
        .assert_status(202);
    let gone = format!("team/app@{digest}");
    until_newest(&registry, "/auditlog-exts", &gone).await;
    (registry, gone)
}

#[tokio::test]
async fn an_administrator_reads_what_was_done_the_newest_first() {
    let (registry, gone) = busy().await;
    let answer = registry.api_get("/auditlog-exts").await.assert_status(200);
    let mut newest = answer.json()[0].clone();
    let id = newest["id"].as_i64().expect("a number");
    assert_eq!(answer.header("x-total-count"), id.to_string());
    let time = newest["op_time"].take();
    assert!(
        time.as_str().is_some_and(|time| time.ends_with('Z')),
        "{time}"
    );
    assert_eq!(
        newest,
        json!({
            "id": id, "username": ADMIN, "resource": gone, "resource_type": "artifact", "operation": "delete",
            "operation_description": format!("delete artifact {gone}"), "operation_result": true, "op_time": null,
        })
    );
    let legacy = registry.api_get("/audit-logs").await.assert_status(200);
    assert_eq!(legacy.json()[0].as_object().expect("an object").len(), 6);
    assert_eq!(
        legacy.each("operation"),
        ["delete", "pull", "create", "create"]
    );
    assert_eq!(
        legacy.each("resource_type"),
        ["artifact", "artifact", "artifact", "project"]
    );
}

#[tokio::test]
async fn a_log_is_filtered_and_sorted_by_what_it_shows_and_nothing_else() {
    let (registry, gone) = busy().await;
    for (query, expected) in [
        ("q=operation%3Dpull", &["team/app:v1"][..]),
        ("q=operation%3D~EAT,resource_type%3Dproject", &["team"]),
        ("q=resource%3Dteam", &["team"]),
        (
            "q=resource%3D~app,username%3Dadmin&page_size=1",
            &[gone.as_str()],
        ),
        (
            "q=resource%3D~app&sort=op_time&page_size=1",
            &["team/app:v1"],
        ),
        ("q=op_time%3D%5B2100-01-01T00:00:00~%5D", &[]),
        ("q=username%3Dnobody", &[]),
        (
            "q=resource_type%3Dproject,kind%3Dtag.put,hash%3Dx&page_size=0",
            &["team"],
        ),
    ] {
        let listed = registry
            .api_get(&format!("/auditlog-exts?{query}"))
            .await
            .assert_status(200);
        assert_eq!(listed.each("resource"), expected, "{query}");
    }
    let types = registry
        .api_get("/auditlog-exts/events")
        .await
        .assert_status(200);
    let types = types.each("event_type");
    for expected in [
        "create_artifact",
        "delete_project",
        "login_user",
        "pull_artifact",
    ] {
        assert!(types.contains(&json!(expected)), "{types:?}");
    }
}

#[tokio::test]
async fn members_read_what_happened_in_projects_that_they_administer() {
    let registry = TestRegistry::start().await;
    for name in ["own", "foreign"] {
        registry
            .api_post("/projects", &json!({ "project_name": name }))
            .await
            .assert_status(201);
    }
    let owner = registry.create_member("own", "owner", "project-admin");
    let guest = registry.create_member("own", "guest", "guest");
    let (stranger, anonymous) = (registry.create_user("stranger"), registry.anonymous());
    registry.push_image("own/app", "v1").await;
    registry.push_image("foreign/app", "v1").await;
    until_newest(&registry, "/audit-logs", "foreign/app:v1").await;
    let all = owner.api_get("/auditlog-exts").await.assert_status(200);
    assert_eq!(
        all.each("resource"),
        ["own/app:v1", "guest", "owner", "own"]
    );
    assert_eq!(all.header("x-total-count"), "4");
    let legacy = owner.api_get("/projects/own/logs").await.assert_status(200);
    assert_eq!(legacy.each("resource"), ["own/app:v1", "own"]);
    let own = owner
        .api_get("/projects/own/auditlog-exts?page_size=1&page=2")
        .await;
    assert_eq!(own.assert_status(200).each("resource"), ["guest"]);
    owner
        .api_get("/auditlog-exts/events")
        .await
        .assert_harbor_error(403, "FORBIDDEN");
    for caller in [&guest, &stranger] {
        let empty = caller.api_get("/auditlog-exts").await.assert_status(200);
        assert_eq!(
            (empty.json(), empty.header("x-total-count")),
            (json!([]), "0")
        );
        caller
            .api_get("/projects/own/logs")
            .await
            .assert_harbor_error(403, "FORBIDDEN");
    }
    for path in [
        "/projects/foreign/logs",
        "/projects/foreign/auditlog-exts",
        "/projects/none/logs",
    ] {
        owner
            .api_get(path)
            .await
            .assert_harbor_error(403, "FORBIDDEN");
    }
    for path in [
        "/audit-logs",
        "/auditlog-exts",
        "/auditlog-exts/events",
        "/projects/own/logs",
    ] {
        anonymous
            .api_get(path)
            .await
            .assert_harbor_error(401, "UNAUTHORIZED");
    }
    registry
        .api_get("/projects/none/logs")
        .await
        .assert_harbor_error(404, "NOT_FOUND");
}

#[tokio::test]
async fn a_token_that_may_only_pull_reads_no_log_whoever_it_stands_for() {
    let registry = TestRegistry::start().await;
    let made = registry.admin(&["token", "create", ADMIN, "narrow", "--may", "pull"]);
    let narrow = registry.as_user(ADMIN, made["secret"].as_str().expect("a secret"));
    narrow
        .api_get("/audit-logs")
        .await
        .assert_harbor_error(403, "FORBIDDEN");
}

/// Whoever gets a name gets nothing of what happened under it before.
#[tokio::test]
async fn a_project_made_anew_begins_with_an_empty_log() {
    let registry = TestRegistry::start().await;
    let body = json!({ "project_name": "name" });
    registry
        .api_post("/projects", &body)
        .await
        .assert_status(201);
    registry.create_member("name", "first", "project-admin");
    registry.api_delete("/projects/name").await.assert_done();
    registry
        .api_post("/projects", &body)
        .await
        .assert_status(201);
    let second = registry.create_member("name", "second", "project-admin");
    let log = until_newest(&second, "/projects/name/auditlog-exts", "second").await;
    assert_eq!(log.each("resource"), ["second", "name"]);
    let everything = registry
        .api_get("/auditlog-exts?page_size=100")
        .await
        .each("resource");
    let named = everything.iter().filter(|resource| *resource == "name");
    assert_eq!(named.count(), 3);
}
