//! Quotas: what projects use.

use serde_json::json;

use super::Harbor;
use crate::registry::TestRegistry;
use crate::registry::content::{OCI_CONFIG, OCI_LAYER, descriptor, image_manifest};

/// An image of a config of two bytes and one layer of a hundred, whose bytes `letter` fills.
async fn push(registry: &TestRegistry, repository: &str, tag: &str, letter: &str) {
    let layer = letter.repeat(100);
    registry.push_blob(repository, "{}").await;
    registry.push_blob(repository, layer.clone()).await;
    let layers = [descriptor(OCI_LAYER, &layer)];
    let manifest = image_manifest(&descriptor(OCI_CONFIG, "{}"), &layers);
    registry.push_manifest(repository, tag, &manifest).await;
}

#[tokio::test]
async fn a_project_uses_each_digest_once() {
    let registry = TestRegistry::start().await;
    for name in ["one", "two"] {
        registry.admin(&["namespace", "create", name]);
    }
    push(&registry, "one/app", "v1", "a").await;
    push(&registry, "one/copy", "v1", "a").await;
    push(&registry, "one/app", "v2", "b").await;
    push(&registry, "two/app", "v1", "a").await;
    let listed = registry
        .api_get("/quotas/?page=1&page_size=100&sort=name")
        .await
        .assert_status(200);
    assert_eq!(listed.header("x-total-count"), "3");
    let quotas = listed.json();
    let used: Vec<_> = quotas
        .as_array()
        .expect("a list")
        .iter()
        .map(|quota| {
            (
                quota["ref"]["name"].clone(),
                quota["used"]["storage"].clone(),
            )
        })
        .collect();
    assert_eq!(
        used,
        [
            (json!("library"), json!(0)),
            (json!("one"), json!(202)),
            (json!("two"), json!(102)),
        ]
    );
    let one = &quotas[1];
    assert_eq!(one["hard"], json!({ "storage": -1 }));
    assert_eq!(one["id"], one["ref"]["id"]);
    let number = one["id"].as_i64().expect("a number");
    assert_eq!(
        registry
            .api_get(&format!("/quotas/{number}"))
            .await
            .assert_status(200)
            .json(),
        *one
    );
    // What is deleted is free at once.
    let digest = registry.describe("one/app", "v2").await["digest"].clone();
    let path = format!(
        "/v2/one/app/manifests/{}",
        digest.as_str().expect("a digest")
    );
    registry.delete(&path).await.assert_status(202);
    let left = registry.api_get(&format!("/quotas/{number}")).await.json();
    assert_eq!(left["used"], json!({ "storage": 102 }));
}

#[tokio::test]
async fn a_quota_is_found_by_what_it_is_of() {
    let registry = TestRegistry::start().await;
    let listed = registry.api_get("/quotas").await.assert_status(200).json();
    let (one, number) = (&listed[0], &listed[0]["id"]);
    let by_reference = |query: String| registry.api_get(&format!("/quotas?{query}"));
    let found = by_reference(format!("reference=project&reference_id={number}")).await;
    assert_eq!(
        (found.header("x-total-count"), found.json()),
        ("1", json!([one]))
    );
    for query in [
        "reference=project&reference_id=99",
        "reference=project&reference_id=x",
        "reference=galaxy",
    ] {
        let found = by_reference(query.to_owned()).await.assert_status(200);
        assert_eq!(
            (found.header("x-total-count"), found.json()),
            ("0", json!([])),
            "{query}"
        );
    }
    registry
        .api_get("/quotas/99")
        .await
        .assert_harbor_error(404, "NOT_FOUND");
}

#[tokio::test]
async fn quotas_are_for_those_who_manage_the_account() {
    let registry = TestRegistry::start().await;
    let owner = registry.create_member("library", "owner", "project-admin");
    for path in ["/quotas", "/quotas/1", "/quotas?reference=galaxy"] {
        owner
            .api_get(path)
            .await
            .assert_harbor_error(403, "FORBIDDEN");
        registry
            .anonymous()
            .api_get(path)
            .await
            .assert_harbor_error(401, "UNAUTHORIZED");
    }
    let boss = registry.create_account("other", "boss");
    assert_eq!(registry.api_get("/quotas").await.each("id"), [1]);
    assert_eq!(
        boss.api_get("/quotas").await.assert_status(200).json(),
        json!([])
    );
    boss.api_get("/quotas/1")
        .await
        .assert_harbor_error(404, "NOT_FOUND");
}
