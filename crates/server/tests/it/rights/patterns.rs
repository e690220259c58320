//! Grants on the repositories of a namespace whose names are like a pattern: what is like it is there, all else is not.

use serde_json::{Value, json};

use super::{DEFAULT, grant, seen};
use crate::account_api::AccountApi as _;
use crate::registry::TestRegistry;
use crate::registry::client::Client;

struct Team {
    registry: TestRegistry,
    /// Developer of `web/*` in `team`.
    dev: Client,
    /// The digest of a layer that only `team/secret` has.
    secret: String,
}

async fn team() -> Team {
    let registry = TestRegistry::start().await;
    registry.admin(&["namespace", "create", "team"]);
    for repository in [
        "team/web/app",
        "team/web/api",
        "team/web/deep/app",
        "team/secret",
    ] {
        registry.push_image(repository, "v1").await;
    }
    let dev = registry.create_user("dev");
    let body =
        json!({ "user": "dev", "role": "developer", "namespace": "team", "pattern": "web/*" });
    grant(&registry, &body).await;
    let secret = registry.push_blob("team/secret", "only here").await;
    Team {
        registry,
        dev,
        secret,
    }
}

fn names(list: &Value, field: &str) -> Vec<String> {
    let list = list.as_array().expect("a list");
    let mut names: Vec<_> = list
        .iter()
        .map(|one| one[field].as_str().expect("a name").to_owned())
        .collect();
    names.sort_unstable();
    names
}

#[tokio::test]
async fn what_is_like_the_pattern_may_be_used_and_the_rest_is_not_there() {
    let Team { registry, dev, .. } = team().await;
    dev.push_image("team/web/new", "v1").await;
    dev.get("/v2/team/web/app/manifests/v1")
        .await
        .assert_status(200);
    dev.delete("/v2/team/web/app/manifests/v1")
        .await
        .assert_status(403);
    // T9: what is there and may not be seen is like what is not there, whatever is asked.
    for path in [
        "manifests/v1",
        "tags/list",
        "blobs/uploads/",
        &format!("referrers/sha256:{}", "0".repeat(64)),
    ] {
        let ask = |repository: &str| {
            let target = format!("/v2/{repository}/{path}");
            if path.ends_with("uploads/") {
                dev.post(&target)
            } else {
                dev.get(&target)
            }
        };
        let hidden = ask("team/secret").await;
        let missing = ask("team/nothin").await;
        assert_eq!(seen(&hidden), seen(&missing), "{path}");
        assert_eq!(hidden.status(), 404, "{path}");
    }
    // T14: a token for both is one for what is like the pattern.
    let token = dev
        .with_token(&[
            "repository:team/web/app:pull,push",
            "repository:team/secret:pull",
        ])
        .await;
    token
        .get("/v2/team/web/app/manifests/v1")
        .await
        .assert_status(200);
    token
        .get("/v2/team/secret/manifests/v1")
        .await
        .assert_status(401);
    let deep = dev.get("/v2/team/web/deep/app/manifests/v1").await;
    assert_eq!(deep.status(), 404);
    drop(registry);
}

#[tokio::test]
async fn every_list_and_every_count_is_of_what_is_like_the_pattern() {
    let Team { registry, dev, .. } = team().await;
    let expected = ["team/web/api", "team/web/app"];
    // T8: pages have no holes.
    let catalog = dev.get("/v2/_catalog?n=1").await.assert_status(200);
    assert_eq!(catalog.json()["repositories"], json!([expected[0]]));
    let next = catalog.next_page().expect("another page");
    let rest = dev.get(&next).await.assert_status(200);
    assert_eq!(rest.json()["repositories"], json!([expected[1]]));
    assert_eq!(rest.next_page(), None);

    let api = "/api/v2.0";
    for path in ["/projects/team/repositories", "/repositories"] {
        let listed = dev
            .get(&format!("{api}{path}?page_size=1"))
            .await
            .assert_status(200);
        assert_eq!(listed.header("x-total-count"), "2", "{path}");
        let listed = dev.get(&format!("{api}{path}")).await.assert_status(200);
        assert_eq!(names(&listed.json(), "name"), expected, "{path}");
    }
    let project = dev
        .get(&format!("{api}/projects/team"))
        .await
        .assert_status(200)
        .json();
    assert_eq!(
        (&project["name"], &project["repo_count"]),
        (&json!("team"), &json!(2))
    );
    let projects = dev.get(&format!("{api}/projects")).await.assert_status(200);
    let listed = projects.json();
    assert_eq!(
        (names(&listed, "name"), &listed[0]["repo_count"]),
        (vec!["team".to_owned()], &json!(2))
    );
    let summary = dev
        .get(&format!("{api}/projects/team/summary"))
        .await
        .assert_status(200);
    assert_eq!(summary.json()["repo_count"], 2);
    let counts = dev
        .get(&format!("{api}/statistics"))
        .await
        .assert_status(200)
        .json();
    assert_eq!(
        (
            &counts["private_project_count"],
            &counts["private_repo_count"]
        ),
        (&json!(1), &json!(2))
    );
    let found = dev
        .get(&format!("{api}/search?q=team"))
        .await
        .assert_status(200)
        .json();
    assert_eq!(names(&found["repository"], "repository_name"), expected);
    assert_eq!(found["project"][0]["repo_count"], 2);
    let artifacts = dev
        .get(&format!("{api}/projects/team/artifacts"))
        .await
        .assert_status(200);
    assert_eq!(artifacts.header("x-total-count"), "2");
    sees_nothing_else(&dev).await;
    drop(registry);
}

/// Beside what is like its pattern, somebody sees only that the namespace is there.
async fn sees_nothing_else(dev: &Client) {
    let api = "/api/v2.0";
    // What is the whole namespace's is not for whoever holds a part.
    for path in [
        "/projects/team/members",
        "/projects/team/logs",
        "/projects/team/metadatas/",
    ] {
        assert_eq!(
            dev.get(&format!("{api}{path}")).await.status(),
            403,
            "{path}"
        );
    }
    let hidden = dev
        .get(&format!("{api}/projects/team/repositories/secret"))
        .await;
    let missing = dev
        .get(&format!("{api}/projects/team/repositories/nothin"))
        .await;
    // Harbor's word for what may not be seen.
    assert_eq!((hidden.status(), missing.status()), (403, 403));
    assert_eq!(
        hidden.error_message().replace("secret", ""),
        missing.error_message().replace("nothin", "")
    );
    dev.get(&format!(
        "{api}/projects/team/repositories/web%252Fapp/artifacts"
    ))
    .await
    .assert_status(200);
}

/// T2, T3, T15: a mount from outside of the pattern is an upload, as if there were no such blob; also of Harbor's copies.
#[tokio::test]
async fn nothing_is_mounted_or_copied_from_outside_of_the_pattern() {
    let Team {
        registry,
        dev,
        secret,
    } = team().await;
    for from in ["", "&from=team/secret"] {
        let target = format!("/v2/team/web/app/blobs/uploads/?mount={secret}{from}");
        dev.post(&target).await.assert_status(202);
        registry
            .head(&format!("/v2/team/web/app/blobs/{secret}"))
            .await
            .assert_status(404);
    }
    let copy = "/api/v2.0/projects/team/repositories/web%252Fcopy/artifacts?from=";
    dev.post(&format!("{copy}team/secret:v1"))
        .await
        .assert_status(403);
    dev.post(&format!("{copy}team/web/app:v1"))
        .await
        .assert_status(201);
    let out = "/api/v2.0/projects/team/repositories/other/artifacts?from=team/web/app:v1";
    dev.post(out).await.assert_status(403);
}

#[tokio::test]
async fn groups_and_robots_have_parts_too_and_lose_them_at_once() {
    let Team { registry, .. } = team().await;
    let gil = registry.create_user("gil");
    registry.admin(&["group", "create", "builders"]);
    registry.admin(&["group", "add-member", "builders", "gil"]);
    let body =
        json!({ "group": "builders", "role": "guest", "namespace": "team", "pattern": "**/app" });
    let of_group = grant(&registry, &body).await;
    gil.get("/v2/team/web/deep/app/manifests/v1")
        .await
        .assert_status(200);
    gil.get("/v2/team/web/api/manifests/v1")
        .await
        .assert_status(404);
    registry.v1_delete(&of_group).await.assert_no_content();
    gil.get("/v2/team/web/deep/app/manifests/v1")
        .await
        .assert_status(404);

    let robot = json!({
        "name": "ci", "level": "system", "duration": 1,
        "permissions": [{ "kind": "project", "namespace": "library", "access": [{ "resource": "repository", "action": "pull" }] }],
    });
    let call = registry.request(http::Method::POST, "/api/v2.0/robots");
    let made = call
        .content_type("application/json")
        .body(robot.to_string())
        .await;
    let made = made.assert_status(201).json();
    let text = |field: &str| made[field].as_str().expect("a text").to_owned();
    let ci = registry.as_user(&text("name"), &text("secret"));
    ci.get("/v2/team/web/app/manifests/v1")
        .await
        .assert_status(404);
    let body = json!({ "robot": text("name"), "role": "developer", "namespace": "team", "pattern": "web/*" });
    grant(&registry, &body).await;
    ci.push_image("team/web/app", "v2").await;
    ci.get("/v2/team/secret/manifests/v1")
        .await
        .assert_status(404);
    for role in ["administrator", "manager"] {
        let body = json!({ "robot": text("name"), "role": role });
        let refused = registry.v1_post(&format!("{DEFAULT}/grants"), &body).await;
        assert_eq!(refused.status(), 422, "{role}");
    }
}
