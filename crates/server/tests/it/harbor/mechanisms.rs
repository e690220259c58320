//! What all operations have in common: who is calling, errors, pages, and paths that are not there.

use serde_json::json;

use super::{API, Harbor};
use crate::registry::{ADMIN, TestRegistry};

#[tokio::test]
async fn clients_find_out_what_they_talk_to() {
    let registry = TestRegistry::start().await;
    let anonymous = registry.anonymous();
    let version = anonymous.get("/api/version").await.assert_status(200);
    assert_eq!(version.json(), json!({ "version": "v2.0" }));
    let pong = anonymous.api_get("/ping").await.assert_status(200);
    assert_eq!(
        (pong.text().as_str(), pong.header("content-type")),
        ("Pong", "text/plain; charset=utf-8")
    );
    let health = anonymous.api_get("/health").await.assert_status(200).json();
    assert_eq!(health["status"], "healthy");
    let little = anonymous
        .api_get("/systeminfo")
        .await
        .assert_status(200)
        .json();
    assert_eq!(
        little,
        json!({ "auth_mode": "db_auth", "primary_auth_mode": false, "self_registration": false })
    );
    let much = registry
        .api_get("/systeminfo")
        .await
        .assert_status(200)
        .json();
    assert_eq!(much["registry_url"], registry.host());
    assert_eq!(much["registry_storage_provider_name"], "filesystem");
    let version = much["harbor_version"].as_str().expect("a version");
    assert!(version.starts_with("v2."), "{version}");
    anonymous
        .api_get("/systeminfo/getcert")
        .await
        .assert_harbor_error(404, "NOT_FOUND");
}

#[tokio::test]
async fn a_login_is_checked_by_asking_who_one_is() {
    let registry = TestRegistry::start().await;
    let me = registry
        .api_get("/users/current")
        .await
        .assert_status(200)
        .json();
    assert_eq!(
        (&me["username"], &me["user_id"], &me["sysadmin_flag"]),
        (&json!(ADMIN), &json!(1), &json!(true))
    );
    let bob = registry.create_user("bob");
    let me = bob
        .api_get("/users/current")
        .await
        .assert_status(200)
        .json();
    assert_eq!(
        (&me["username"], &me["user_id"], &me["sysadmin_flag"]),
        (&json!("bob"), &json!(2), &json!(false))
    );
    // A wrong login is an anonymous request: it gets what everyone gets, and nothing that needs a login.
    for caller in [
        registry.anonymous(),
        registry.as_user("bob", "wrong"),
        registry.as_user("nobody", "x"),
    ] {
        caller
            .api_get("/users/current")
            .await
            .assert_harbor_error(401, "UNAUTHORIZED");
        caller.api_get("/projects").await.assert_status(200);
    }
}

#[tokio::test]
async fn what_is_not_there_is_said_to_be_not_there() {
    let registry = TestRegistry::start().await;
    for path in [
        "/replication/policies",
        "/system/scanAll/schedule",
        "/nothing",
        "",
    ] {
        registry
            .api_get(path)
            .await
            .assert_harbor_error(404, "NOT_FOUND");
    }
    for path in ["/api/v1.0/projects", "/api/", "/c/anything"] {
        registry
            .get(path)
            .await
            .assert_harbor_error(404, "NOT_FOUND");
    }
    let answer = registry
        .request(http::Method::PATCH, &format!("{API}/projects"))
        .await;
    answer.assert_harbor_error(405, "METHOD_NOT_ALLOWED");
}

#[tokio::test]
async fn lists_are_paged_filtered_and_sorted() {
    let registry = TestRegistry::start().await;
    for name in ["alpha", "beta", "gamma", "alphabet"] {
        let body =
            json!({ "project_name": name, "metadata": { "public": (name == "beta").to_string() } });
        registry
            .api_post("/projects", &body)
            .await
            .assert_status(201);
    }
    let page = registry
        .api_get("/projects?page=2&page_size=2")
        .await
        .assert_status(200);
    assert_eq!(page.header("x-total-count"), "5");
    assert_eq!(page.each("name"), ["beta", "gamma"]);
    assert_eq!(
        page.header("link"),
        "</api/v2.0/projects?page=1&page_size=2>; rel=\"prev\" , </api/v2.0/projects?page=3&page_size=2>; rel=\"next\""
    );
    let beyond = registry
        .api_get("/projects?page=9")
        .await
        .assert_status(200);
    assert_eq!(
        (beyond.json(), beyond.find_header("link").is_some()),
        (json!([]), true)
    );
    for (query, expected) in [
        ("q=name%3D~ALPHA", &["alpha", "alphabet"][..]),
        ("q=name%3Dalpha", &["alpha"]),
        ("q=name%253Dalpha", &["alpha"]),
        (
            "q=name%3D%7Balpha%20gamma%7D&sort=-name",
            &["gamma", "alpha"],
        ),
        ("q=public%3Dtrue", &["beta"]),
        ("q=name%3D~%25", &[]),
        ("q=password%3Dx,name%3Dbeta", &["beta"]),
        (
            "q=creation_time%3D%5B2000-01-01T00:00:00~%5D&sort=-creation_time,password&page_size=1",
            &["alphabet"],
        ),
        ("name=gam", &["gamma"]),
        ("public=true", &["beta"]),
        (
            "with_detail=false&whatever=1&public=false&owner=admin",
            &["alpha", "alphabet", "gamma"],
        ),
    ] {
        let listed = registry
            .api_get(&format!("/projects?{query}"))
            .await
            .assert_status(200);
        assert_eq!(listed.each("name"), expected, "{query}");
    }
    for (query, status, code) in [
        ("page_size=101", 422, "UNPROCESSABLE_ENTITY"),
        ("page=0", 422, "UNPROCESSABLE_ENTITY"),
        ("page=x", 422, "UNPROCESSABLE_ENTITY"),
        ("q=name", 400, "BAD_REQUEST"),
    ] {
        let refused = registry.api_get(&format!("/projects?{query}")).await;
        refused.assert_harbor_error(status, code);
    }
}

/// harborapi and others write every field of a type, those that they say nothing of as null.
#[tokio::test]
async fn a_field_that_is_null_is_as_if_it_were_not_there() {
    let registry = TestRegistry::start().await;
    let body = json!({
        "project_name": "nulls", "public": null, "storage_limit": null, "registry_id": null,
        "metadata": { "public": "true", "auto_scan": null },
    });
    registry
        .api_post("/projects", &body)
        .await
        .assert_status(201);
    let project = registry.api_get("/projects/nulls").await.json();
    assert_eq!(project["metadata"], json!({ "public": "true" }));
}
