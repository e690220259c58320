//! Repositories: lists, what is said of them, and deleting one.

use serde_json::{Value, json};

use super::{API, Harbor};
use crate::registry::TestRegistry;
use crate::registry::client::{Answer, Call};
use crate::registry::content::sha256;

/// An answer of this status.
pub(super) async fn answer(call: Call, status: u16) -> Answer {
    call.await.assert_status(status)
}

/// An error of this status, with Harbor's word for it.
pub(super) async fn refuse(call: Call, status: u16) -> Answer {
    let code = match status {
        400 => "BAD_REQUEST",
        401 => "UNAUTHORIZED",
        403 => "FORBIDDEN",
        404 => "NOT_FOUND",
        405 => "METHOD_NOT_ALLOWED",
        409 => "CONFLICT",
        412 => "PRECONDITION",
        _ => "UNPROCESSABLE_ENTITY",
    };
    call.await.assert_harbor_error(status, code)
}

/// What the account's manifests need.
pub(super) async fn used_bytes(registry: &TestRegistry) -> Value {
    let statistics = answer(registry.api_get("/statistics"), 200).await.json();
    statistics["total_storage_consumption"].clone()
}

#[tokio::test]
async fn repositories_are_listed_described_and_found_by_what_is_in_them() {
    let registry = TestRegistry::start().await;
    answer(
        registry.api_post("/projects", &json!({ "project_name": "other" })),
        201,
    )
    .await;
    registry.push_image("library/b", "v1").await;
    registry.push_image("library/a/deep", "v1").await;
    registry.push_image("other/c", "v1").await;
    let blob = registry.push_blob("library/b", "only here").await;
    // It only ever saw an upload.
    registry.push_blob("library/unlisted", "only here").await;

    let listed = answer(registry.api_get("/projects/library/repositories"), 200).await;
    assert_eq!(listed.each("name"), ["library/a/deep", "library/b"]);
    assert_eq!(listed.header("x-total-count"), "2");
    let all = answer(registry.api_get("/repositories?page_size=1&page=3"), 200).await;
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
        let found = answer(registry.api_get(&format!("/repositories?{query}")), 200).await;
        assert_eq!(found.each("name"), expected, "{query}");
    }

    // However a client encodes a slash.
    for name in ["a%2Fdeep", "a%252Fdeep", "a%252fdeep/"] {
        let path = format!("/projects/library/repositories/{name}");
        let one = answer(registry.api_get(&path), 200).await.json();
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
    refuse(registry.api_put(path, &long), 400).await;
    for name in ["none", "unlisted", "Upper", "%252E%252E", "a%252Fnone"] {
        let path = format!("/projects/library/repositories/{name}");
        refuse(registry.api_get(&path), 404).await;
        refuse(registry.api_put(&path, &change), 404).await;
    }
}

#[tokio::test]
async fn a_deleted_repository_is_gone_and_can_be_pushed_again() {
    let registry = TestRegistry::start().await;
    answer(
        registry.api_post("/projects", &json!({ "project_name": "team" })),
        201,
    )
    .await;
    let path = "/projects/team/repositories/a%252Fb";
    let image = registry.push_image("team/a/b", "v1").await;
    registry.push_index("team/a/b", "all", &[&image]).await;
    registry
        .push_referrer("team/a/b", &image, "application/x.note", &json!(null))
        .await;
    // What was deleted before, and an upload that goes on.
    let old = registry.push_image("team/a/b", "old").await;
    answer(
        registry.delete(&format!("/v2/team/a/b/manifests/{old}")),
        202,
    )
    .await;
    let upload = registry.start_upload("team/a/b").await;
    let used = async || used_bytes(&registry).await;
    let before = answer(registry.api_get(path), 200).await.json();
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
    answer(registry.get("/v2/team/a/b/manifests/v1"), 404).await;
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
    let after = answer(registry.api_get(path), 200).await.json();
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
    refuse(registry.api_get(path), 404).await;
    assert_eq!(used_bytes(&registry).await, json!(0));
}

/// T8, T9, T12: who may see and do what; what may not be seen looks like what is not there.
#[tokio::test]
async fn t08_t09_t12_repositories_show_themselves_to_those_who_may_see_them() {
    let registry = TestRegistry::start().await;
    for (name, public) in [("own", false), ("foreign", false), ("open", true)] {
        let body = json!({ "project_name": name, "public": public });
        answer(registry.api_post("/projects", &body), 201).await;
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
        let listed = answer(caller.api_get("/repositories"), 200).await;
        assert_eq!(listed.each("name"), expected);
        assert_eq!(listed.header("x-total-count"), expected.len().to_string());
    }
    let own = "/projects/own/repositories/app";
    let change = json!({ "description": "x" });
    answer(guest.api_get(own), 200).await;
    answer(limited.api_get(own), 200).await;
    answer(limited.api_get("/projects/own/repositories"), 200).await;
    answer(anonymous.api_get("/projects/open/repositories"), 200).await;
    refuse(anonymous.api_get("/projects/open/repositories/app"), 401).await;
    refuse(guest.api_put(own, &change), 403).await;
    developer.api_put(own, &change).await.assert_done();
    for caller in [&guest, &developer] {
        refuse(caller.api_delete(own), 403).await;
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
    refuse(token.get(&format!("{API}/repositories")), 403).await;
    maintainer.api_delete(own).await.assert_done();
    answer(registry.api_get("/projects/foreign/repositories/app"), 200).await;
}
