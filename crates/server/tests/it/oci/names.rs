//! Names of repositories and tags, and where a new repository may be.

use super::REPOSITORY;
use crate::registry::TestRegistry;
use crate::registry::content::{OCI_CONFIG, OCI_MANIFEST, descriptor, image_manifest};

/// names, code-8: A name that does not follow the grammar is refused, whatever is asked of it.
#[tokio::test]
async fn a_repository_name_follows_the_grammar() {
    let registry = TestRegistry::start().await;
    let long = format!("library/{}", "a".repeat(248));

    for name in [
        "Library/app",
        "library/App",
        "library//app",
        "library/-app",
        "library/app-",
        "library/a..b",
        "library/a___b",
        "library/a.-b",
        "library/caf%C3%A9",
        &long,
    ] {
        let list = registry.get(&format!("/v2/{name}/tags/list"));
        list.await.assert_error(400, "NAME_INVALID");
        let push = registry.post(&format!("/v2/{name}/blobs/uploads/"));
        push.await.assert_error(400, "NAME_INVALID");
    }
}

/// names: Every name of the grammar is a repository's, up to 255 characters, and may hold the words of the API.
#[tokio::test]
async fn every_name_of_the_grammar_is_accepted() {
    let registry = TestRegistry::start().await;
    let long = format!("library/{}", "a".repeat(247));

    for name in [
        "library/a",
        "library/a.b_c__d-e---f/0",
        "library/blobs/uploads/manifests/tags/list",
        "library/referrers",
        &long,
    ] {
        let digest = registry.push_image(name, "1.0").await;
        let pulled = registry.get(&format!("/v2/{name}/manifests/1.0"));
        let pulled = pulled.await.assert_status(200);
        assert_eq!(pulled.header("docker-content-digest"), digest);
    }
}

/// names, end-7a: A tag has up to 128 letters, digits, `.`, `_` and `-`, and begins with none of `.` and `-`.
#[tokio::test]
async fn a_tag_follows_the_grammar() {
    let registry = TestRegistry::start().await;
    registry.push_blob(REPOSITORY, "{}").await;
    let manifest = image_manifest(&descriptor(OCI_CONFIG, "{}"), &[]).to_string();
    let put = |tag: &str| {
        let put = registry.put(&format!("/v2/{REPOSITORY}/manifests/{tag}"));
        put.content_type(OCI_MANIFEST).body(manifest.clone())
    };

    for tag in ["_", "A.b_c-d", "0", &"x".repeat(128)] {
        put(tag).await.assert_status(201);
    }
    for tag in [".a", "-a", "a+b", "caf%C3%A9", "a%20b", &"x".repeat(129)] {
        put(tag).await.assert_error(400, "MANIFEST_INVALID");
        let pull = registry.get(&format!("/v2/{REPOSITORY}/manifests/{tag}"));
        pull.await.assert_error(404, "MANIFEST_UNKNOWN");
    }
}

/// names, code-8: A push without a namespace is refused with a sentence that says what to type.
#[tokio::test]
async fn a_push_without_a_namespace_is_told_what_to_type() {
    let registry = TestRegistry::start().await;
    let host = registry.host();

    let with_token = registry.with_token(&["repository:app:pull,push"]).await;
    for client in [&*registry, &with_token] {
        let push = client.post("/v2/app/blobs/uploads/").await;
        let push = push.assert_error(400, "NAME_INVALID");
        let message = push.error_message();
        assert!(
            message.contains(&format!("{host}/<namespace>/app")),
            "{message}"
        );
        assert!(
            message.contains(&format!("{host}/library/app")),
            "{message}"
        );
    }
}

/// names: An administrator makes a namespace by pushing to it, with a password as with a token.
#[tokio::test]
async fn an_administrator_makes_a_namespace_by_pushing() {
    let registry = TestRegistry::start().await;

    registry.push_image("team/app", "1.0").await;
    let token = registry
        .with_token(&["repository:crew/app:pull,push"])
        .await;
    token.push_image("crew/app", "1.0").await;

    let namespaces = registry.admin(&["namespace", "list"]);
    let namespaces = namespaces.as_array().expect("a list").iter();
    let private: Vec<&str> = namespaces
        .filter(|namespace| namespace["is_public"] == false)
        .filter_map(|namespace| namespace["name"].as_str())
        .collect();
    assert_eq!(private, ["crew", "library", "team"]);
}

/// names, code-9: Nobody else makes a namespace by pushing.
#[tokio::test]
async fn others_cannot_make_a_namespace_by_pushing() {
    let registry = TestRegistry::start().await;
    let alice = registry.create_member("library", "alice", "project-admin");

    let push = alice.post("/v2/team/app/blobs/uploads/").await;
    push.assert_error(404, "NAME_UNKNOWN");
    let token = alice.with_token(&["repository:team/app:pull,push"]).await;
    let push = token.post("/v2/team/app/blobs/uploads/").await;
    push.assert_error(401, "UNAUTHORIZED");
    let namespaces = registry.admin(&["namespace", "list"]);
    assert_eq!(namespaces.as_array().map(Vec::len), Some(1));
}

/// names, code-9: A setting turns that off, and the answer says what to do instead.
#[tokio::test]
async fn a_namespace_is_not_made_where_the_setting_is_off() {
    let settings = TestRegistry::builder().setting("REGISTRY__CREATE_NAMESPACE_ON_PUSH", false);
    let registry = settings.start().await;

    let push = registry.post("/v2/team/app/blobs/uploads/").await;
    let push = push.assert_error(404, "NAME_UNKNOWN");
    assert!(
        push.error_message()
            .contains("namespace team does not exist")
    );

    registry.admin(&["namespace", "create", "team"]);
    registry.push_image("team/app", "1.0").await;
}
