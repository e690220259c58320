//! Tags that end by themselves, by an annotation or because somebody said so.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{BOTH, PATIENCE, events};
use crate::account_api::AccountApi as _;
use crate::harbor::Harbor as _;
use crate::registry::TestRegistry;
use crate::registry::backends::Backends;
use crate::registry::content::{OCI_CONFIG, descriptor, image_manifest, index, sha256};

const ENDS: &str = "/accounts/default/tag-ends";

/// Pushes an image that says when its tags end.
async fn push_ending(registry: &TestRegistry, tag: &str, name: &str, end: &str) -> String {
    registry.push_blob("library/app", "{}").await;
    let config = descriptor(OCI_CONFIG, "{}");
    let mut manifest = image_manifest(&config, &[]);
    manifest["annotations"] = json!({ name: end, "for": tag });
    registry.push_manifest("library/app", tag, &manifest).await
}

async fn listed(registry: &TestRegistry) -> Vec<Value> {
    let path = format!("{ENDS}?repository=library/app");
    let answer = registry.v1_get(&path).await.assert_status(200).json();
    answer["items"].as_array().expect("items").clone()
}

async fn tags_end(backends: Backends) {
    let registry = TestRegistry::builder().on(backends).start().await;
    let image = registry.push_image("library/app", "stays").await;
    let digest = push_ending(&registry, "short", "quay.expires-after", "1s").await;
    push_ending(
        &registry,
        "past",
        "roadstead.expires",
        "2020-01-01T00:00:00Z",
    )
    .await;
    push_ending(&registry, "long", "roadstead.expires", "2w").await;
    push_ending(&registry, "odd", "quay.expires-after", "soon").await;
    push_ending(&registry, "kept", "quay.expires-after", "1s").await;
    let lock = json!({ "repository": "library/app", "reference": "kept" });
    registry
        .v1_post("/accounts/default/locks", &lock)
        .await
        .assert_no_content();
    // What is pushed over it has no end.
    push_ending(&registry, "moved", "quay.expires-after", "1h").await;
    registry.push_image("library/app", "moved").await;

    let deadline = Instant::now() + PATIENCE;
    let there = async |tag: &str| {
        let path = format!("/v2/library/app/manifests/{tag}");
        registry.get(&path).await.status() == 200
    };
    while there("short").await || there("past").await {
        assert!(Instant::now() < deadline, "they do not end");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    for tag in ["stays", "long", "odd", "kept", "moved", &digest] {
        assert!(there(tag).await, "{tag} is gone");
    }
    let tags: Vec<Value> = listed(&registry)
        .await
        .iter()
        .map(|item| item["tag"].clone())
        .collect();
    assert_eq!(tags, ["kept", "long"]);
    ends_are_set_and_taken_away(&registry).await;
    assert!(there(&image).await);
}

async fn ends_are_set_and_taken_away(registry: &TestRegistry) {
    let said =
        |tag: &str, end: Value| json!({ "repository": "library/app", "tag": tag, "end": end });
    let set = registry
        .v1_put(ENDS, &said("stays", json!("2099-01-01T00:00:00Z")))
        .await;
    assert_eq!(
        set.assert_status(200).json()["ends_at"],
        "2099-01-01T00:00:00.000Z"
    );
    registry
        .v1_put(ENDS, &said("long", Value::Null))
        .await
        .assert_status(200);
    assert_eq!(listed(registry).await.len(), 2);
    for (tag, end, status) in [
        ("stays", "2020-01-01T00:00:00Z", 422),
        ("stays", "2999-01-01T00:00:00Z", 422),
        ("stays", "0d", 400),
        ("stays", "tomorrow", 400),
        ("none", "1d", 404),
        ("kept", "1d", 412),
    ] {
        let answer = registry.v1_put(ENDS, &said(tag, json!(end))).await;
        assert_eq!(answer.status(), status, "{tag} {end}: {}", answer.text());
    }
    for (kind, expected) in [
        ("tag.expired", 2),
        ("tag_end.updated", 2),
        ("lock.created", 1),
    ] {
        let found = events(registry, kind, expected).await;
        assert_eq!(found.len(), expected, "{kind}");
    }
}

/// Pushes an image whose configuration says when its tags end.
async fn push_labelled(registry: &TestRegistry, tag: &str, config: &str) -> String {
    registry.push_blob("library/app", config.to_owned()).await;
    let config = descriptor(OCI_CONFIG, config);
    let mut manifest = image_manifest(&config, &[]);
    manifest["annotations"] = json!({ "for": tag });
    registry.push_manifest("library/app", tag, &manifest).await
}

async fn labels_end_tags(backends: Backends) {
    let registry = TestRegistry::builder().on(backends).start().await;
    let labelled =
        |end: &str| json!({ "config": { "Labels": { "quay.expires-after": end } } }).to_string();
    push_labelled(&registry, "before", &labelled("2w")).await;
    let switch = async |value: &str| {
        let body = json!({ "metadata": { "labels_end_tags": value } });
        let path = "/projects/library";
        registry.api_put(path, &body).await.status()
    };
    assert_eq!(switch("perhaps").await, 400);
    assert_eq!(switch("true").await, 200);
    let long = labelled("2w");
    push_labelled(&registry, "labelled", &long).await;
    push_labelled(&registry, "odd", &labelled("soon")).await;
    push_labelled(&registry, "no-json", "{").await;
    let large = format!("{}{}", long, " ".repeat(64 << 10));
    push_labelled(&registry, "large", &large).await;
    // An annotation comes first, and a push by digest alone has no tag to end.
    registry.push_blob("library/app", long.clone()).await;
    let mut both = image_manifest(&descriptor(OCI_CONFIG, &long), &[]);
    both["annotations"] = json!({ "roadstead.expires": "2098-01-01T00:00:00Z" });
    registry.push_manifest("library/app", "both", &both).await;
    // A configuration that the repository does not have is what it is without the switch.
    let missing = image_manifest(&descriptor(OCI_CONFIG, labelled("3w")), &[]);
    let refused = registry
        .put("/v2/library/app/manifests/missing")
        .content_type(missing["mediaType"].as_str().expect("a media type"))
        .body(missing.to_string())
        .await;
    assert_eq!(refused.status(), 400, "{}", refused.text());
    let tags: Vec<(Value, bool)> = listed(&registry)
        .await
        .iter()
        .map(|item| {
            (
                item["tag"].clone(),
                item["ends_at"].to_string().contains("2098"),
            )
        })
        .collect();
    assert_eq!(tags, [(json!("both"), true), (json!("labelled"), false)]);
    assert_eq!(switch("false").await, 200);
    push_labelled(&registry, "after", &labelled("2d")).await;
    assert_eq!(listed(&registry).await.len(), 2);
}

/// What `docker buildx` pushes by default: an index of the image and of an attestation about it.
async fn labels_of_an_index_end_tags(backends: Backends) {
    let registry = TestRegistry::builder().on(backends).start().await;
    let body = json!({ "project_name": "built", "metadata": { "labels_end_tags": "true" } });
    let made = registry.api_post("/projects", &body).await;
    assert_eq!(made.status(), 201, "{}", made.text());
    let labelled = json!({ "config": { "Labels": { "quay.expires-after": "2w" } } }).to_string();
    let mut entries = Vec::new();
    for (at, config) in [labelled.as_str(), "{}"].into_iter().enumerate() {
        registry.push_blob("built/app", config.to_owned()).await;
        let mut manifest = image_manifest(&descriptor(OCI_CONFIG, config), &[]);
        manifest["annotations"] = json!({ "at": at.to_string() });
        let digest = sha256(manifest.to_string());
        registry
            .push_manifest("built/app", &digest, &manifest)
            .await;
        entries.push(registry.describe("built/app", &digest).await);
    }
    let ends = async || {
        let path = format!("{ENDS}?repository=built/app");
        let listed = registry.v1_get(&path).await.assert_status(200).json();
        let items = listed["items"].as_array().expect("items").iter();
        items.map(|item| item["tag"].clone()).collect::<Vec<_>>()
    };
    // The attestation stands before the image: it says nothing.
    entries[1]["annotations"] = json!({ "vnd.docker.reference.type": "attestation-manifest" });
    entries[1]["platform"] = json!({ "architecture": "unknown", "os": "unknown" });
    entries.reverse();
    registry
        .push_manifest("built/app", "first", &index(&entries))
        .await;
    assert_eq!(ends().await, [json!("first")]);
    // Without a mark it is an image, and the first one: no label of it ends anything.
    entries[0]["annotations"] = json!({});
    entries[0]["platform"] = json!({ "architecture": "amd64", "os": "linux" });
    registry
        .push_manifest("built/app", "other", &index(&entries))
        .await;
    registry
        .push_manifest("built/app", "none", &index(&[]))
        .await;
    assert_eq!(ends().await, [json!("first")]);
}

#[tokio::test]
async fn labels_of_an_index_are_those_of_its_first_image() {
    for backends in BOTH {
        labels_of_an_index_end_tags(backends).await;
    }
}

#[tokio::test]
async fn labels_end_tags_where_the_namespace_wants_it() {
    for backends in BOTH {
        labels_end_tags(backends).await;
    }
}

#[tokio::test]
async fn a_tag_is_deleted_when_its_end_has_come() {
    for backends in BOTH {
        tags_end(backends).await;
    }
}
