//! Repositories: lists, what is said of them, and deleting one.

use serde_json::{Value, json};

use super::{API, Harbor};
use crate::registry::TestRegistry;
use crate::registry::content::sha256;

/// What the account's manifests need.
pub(super) async fn used_bytes(registry: &TestRegistry) -> Value {
    let statistics = registry
        .api_get("/statistics")
        .await
        .assert_status(200)
        .json();
    statistics["total_storage_consumption"].clone()
}

#[tokio::test]
async fn repositories_are_listed_described_and_found_by_what_is_in_them() {
    let registry = TestRegistry::start().await;
    registry
        .api_post("/projects", &json!({ "project_name": "other" }))
        .await
        .assert_status(201);
    registry.push_image("library/b", "v1").await;
    registry.push_image("library/a/deep", "v1").await;
    registry.push_image("other/c", "v1").await;
    let blob = registry.push_blob("library/b", "only here").await;
    // It only ever saw an upload.
    registry.push_blob("library/unlisted", "only here").await;

    let listed = registry
        .api_get("/projects/library/repositories")
        .await
        .assert_status(200);
    assert_eq!(listed.each("name"), ["library/a/deep", "library/b"]);
    assert_eq!(listed.header("x-total-count"), "2");
    let all = registry
        .api_get("/repositories?page_size=1&page=3")
        .await
        .assert_status(200);
    assert_eq!(
        (all.each("name"), all.header("x-total-count")),
        (vec![json!("other/c")], "3")
    );
    for (query, expected) in [
        (format!("q=blob_digest%3D{blob}"), &["library/b"][..]),
        (format!("q=blob_digest%3D{}", sha256("nowhere")), &[]),
        ("q=name%3D~DEEP".to_owned(), &["library/a/deep"]),
        ("q=name%3Dother/c&sort=-name".to_owned(), &["other/c"]),
    ] {
        let found = registry
            .api_get(&format!("/repositories?{query}"))
            .await
            .assert_status(200);
        assert_eq!(found.each("name"), expected, "{query}");
    }

    // However a client encodes a slash.
    for name in ["a%2Fdeep", "a%252Fdeep", "a%252fdeep/"] {
        let path = format!("/projects/library/repositories/{name}");
        let one = registry.api_get(&path).await.assert_status(200).json();
        assert_eq!(
            (&one["name"], &one["artifact_count"], &one["pull_count"]),
            (&json!("library/a/deep"), &json!(1), &json!(0))
        );
        assert_eq!(one.get("description"), None);
        assert!(
            one["id"].is_i64() && one["project_id"].is_i64() && one["creation_time"].is_string(),
            "{one}"
        );
    }
    let path = "/projects/library/repositories/a%252Fdeep";
    let before = registry.api_get(path).await.json();
    let change = json!({ "id": 99, "name": "x/y", "pull_count": 7, "description": "# What it is" });
    registry.api_put(path, &change).await.assert_done();
    let after = registry.api_get(path).await.json();
    assert_eq!(after["description"], "# What it is");
    for field in [
        "id",
        "name",
        "pull_count",
        "artifact_count",
        "creation_time",
    ] {
        assert_eq!(after[field], before[field], "{field}");
    }
    let long = json!({ "description": "x".repeat(65 * 1024) });
    registry
        .api_put(path, &long)
        .await
        .assert_harbor_error(400, "BAD_REQUEST");
    for name in ["none", "unlisted", "Upper", "%252E%252E", "a%252Fnone"] {
        let path = format!("/projects/library/repositories/{name}");
        registry
            .api_get(&path)
            .await
            .assert_harbor_error(404, "NOT_FOUND");
        registry
            .api_put(&path, &change)
            .await
            .assert_harbor_error(404, "NOT_FOUND");
    }
}

#[tokio::test]
async fn a_deleted_repository_is_gone_and_can_be_pushed_again() {
    let registry = TestRegistry::start().await;
    registry
        .api_post("/projects", &json!({ "project_name": "team" }))
        .await
        .assert_status(201);
    let path = "/projects/team/repositories/a%252Fb";
    let image = registry.push_image("team/a/b", "v1").await;
    registry.push_index("team/a/b", "all", &[&image]).await;
    registry
        .push_referrer("team/a/b", &image, "application/x.note", &json!(null))
        .await;
    // What was deleted before, and an upload that goes on.
    let old = registry.push_image("team/a/b", "old").await;
    registry
        .delete(&format!("/v2/team/a/b/manifests/{old}"))
        .await
        .assert_status(202);
    let upload = registry.start_upload("team/a/b").await;
    let used = async || used_bytes(&registry).await;
    let before = registry.api_get(path).await.assert_status(200).json();
    assert_ne!(used().await, json!(0));

    registry.api_delete(path).await.assert_done();
    assert_eq!(used().await, json!(0));
    for gone in [
        registry.api_get(path).await,
        registry.api_delete(path).await,
        registry.api_get(&format!("{path}/artifacts")).await,
    ] {
        gone.assert_harbor_error(404, "NOT_FOUND");
    }
    assert_eq!(registry.api_get("/repositories").await.json(), json!([]));
    registry
        .get("/v2/team/a/b/manifests/v1")
        .await
        .assert_status(404);
    registry
        .get("/v2/team/a/b/tags/list")
        .await
        .assert_error(404, "NAME_UNKNOWN");
    registry
        .patch(&upload)
        .body("late")
        .await
        .assert_status(404);
    let deletable = registry.api_get("/projects/team/_deletable").await.json();
    assert_eq!(deletable, json!({ "deletable": true }));

    registry.push_image("team/a/b", "v2").await;
    let after = registry.api_get(path).await.assert_status(200).json();
    assert_eq!(after["artifact_count"], 1);
    // It is another repository.
    assert_ne!(after["id"], before["id"]);
    let tags = registry.get("/v2/team/a/b/tags/list").await.json();
    assert_eq!(tags["tags"], json!(["v2"]));
    registry.api_delete(path).await.assert_done();
    registry.api_delete("/projects/team").await.assert_done();
}

#[tokio::test]
async fn a_repository_of_many_manifests_is_deleted_in_parts() {
    let registry = TestRegistry::start().await;
    registry.push_blob("library/many", "{}").await;
    for number in 0..420 {
        let empty = crate::registry::content::descriptor(crate::registry::content::OCI_EMPTY, "{}");
        let mut manifest = crate::registry::content::image_manifest(&empty, &[]);
        manifest["annotations"] = json!({ "number": number.to_string() });
        registry
            .push_manifest("library/many", &format!("t{number}"), &manifest)
            .await;
    }
    let path = "/projects/library/repositories/many";
    assert_eq!(registry.api_get(path).await.json()["artifact_count"], 420);
    registry.api_delete(path).await.assert_done();
    registry
        .api_get(path)
        .await
        .assert_harbor_error(404, "NOT_FOUND");
    assert_eq!(used_bytes(&registry).await, json!(0));
}

/// T8, T9, T12: who may see and do what; what may not be seen looks like what is not there.
#[tokio::test]
async fn t08_t09_t12_repositories_show_themselves_to_those_who_may_see_them() {
    let registry = TestRegistry::start().await;
    for (name, public) in [("own", false), ("foreign", false), ("open", true)] {
        let body = json!({ "project_name": name, "public": public });
        registry
            .api_post("/projects", &body)
            .await
            .assert_status(201);
        registry.push_image(&format!("{name}/app"), "v1").await;
    }
    let guest = registry.create_member("own", "guest", "guest");
    let limited = registry.create_member("own", "limited", "limited-guest");
    let developer = registry.create_member("own", "dev", "developer");
    let maintainer = registry.create_member("own", "main", "maintainer");
    let (stranger, anonymous) = (registry.create_user("stranger"), registry.anonymous());
    for (caller, expected) in [
        (&guest, &["open/app", "own/app"][..]),
        (&stranger, &["open/app"]),
        (&anonymous, &["open/app"]),
    ] {
        let listed = caller.api_get("/repositories").await.assert_status(200);
        assert_eq!(listed.each("name"), expected);
        assert_eq!(listed.header("x-total-count"), expected.len().to_string());
    }
    let own = "/projects/own/repositories/app";
    let change = json!({ "description": "x" });
    guest.api_get(own).await.assert_status(200);
    limited.api_get(own).await.assert_status(200);
    limited
        .api_get("/projects/own/repositories")
        .await
        .assert_status(200);
    anonymous
        .api_get("/projects/open/repositories")
        .await
        .assert_status(200);
    anonymous
        .api_get("/projects/open/repositories/app")
        .await
        .assert_harbor_error(401, "UNAUTHORIZED");
    guest
        .api_put(own, &change)
        .await
        .assert_harbor_error(403, "FORBIDDEN");
    developer.api_put(own, &change).await.assert_done();
    for caller in [&guest, &developer] {
        caller
            .api_delete(own)
            .await
            .assert_harbor_error(403, "FORBIDDEN");
    }
    for caller in [&guest, &maintainer, &stranger] {
        let mut texts = Vec::new();
        for path in [
            "foreign/repositories/app",
            "foreign/repositories/none",
            "none/repositories/app",
        ] {
            for refused in [
                caller.api_get(&format!("/projects/{path}")).await,
                caller.api_put(&format!("/projects/{path}"), &change).await,
                caller.api_delete(&format!("/projects/{path}")).await,
                caller.api_get(&format!("/projects/{path}/artifacts")).await,
                caller
                    .api_get(&format!("/projects/{path}/artifacts/v1"))
                    .await,
                caller
                    .api_delete(&format!("/projects/{path}/artifacts/v1"))
                    .await,
                caller
                    .api_get(&format!("/projects/{path}/artifacts/v1/tags"))
                    .await,
            ] {
                texts.push(refused.assert_harbor_error(403, "FORBIDDEN").text());
            }
        }
        texts.dedup();
        assert_eq!(texts.len(), 1, "{texts:?}");
    }
    let token = registry.with_token(&["repository:own/app:pull"]).await;
    token
        .get(&format!("{API}/repositories"))
        .await
        .assert_harbor_error(403, "FORBIDDEN");
    maintainer.api_delete(own).await.assert_done();
    registry
        .api_get("/projects/foreign/repositories/app")
        .await
        .assert_status(200);
}
