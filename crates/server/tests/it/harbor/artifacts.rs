//! Artifacts: what is told of them, what they are asked for, and deleting and copying them.

use serde_json::{Value, json};

use super::repositories::{answer, refuse, used_bytes};
use super::{API, Harbor};
use crate::registry::TestRegistry;
use crate::registry::client::Client;
use crate::registry::content::{
    OCI_CONFIG, OCI_EMPTY, OCI_INDEX, OCI_LAYER, OCI_MANIFEST, descriptor, image_manifest, index,
    sha256,
};

const CHART: &str = "application/vnd.cncf.helm.config.v1+json";

/// Pushes a manifest with a configuration of a media type; returns its digest.
async fn push(
    caller: &Client,
    repository: &str,
    tag: &str,
    media_type: &str,
    config: &Value,
) -> String {
    let config = config.to_string();
    caller.push_blob(repository, config.clone()).await;
    caller.push_blob(repository, "a layer").await;
    let layer = descriptor(OCI_LAYER, "a layer");
    let mut manifest = image_manifest(&descriptor(media_type, config), &[layer]);
    manifest["annotations"] = json!({ "made.by": "tests" });
    caller.push_manifest(repository, tag, &manifest).await
}

fn image_config(architecture: &str) -> Value {
    json!({
        "architecture": architecture, "os": "linux", "author": "somebody", "created": "2026-01-02T03:04:05Z",
        "config": { "Cmd": ["sh"] }, "rootfs": { "type": "layers", "diff_ids": [] },
        "history": [{ "created_by": "RUN one" }, { "created_by": "CMD sh", "empty_layer": true }],
    })
}

#[tokio::test]
async fn an_image_is_told_in_full() {
    let registry = TestRegistry::start().await;
    let config = image_config("arm64");
    let digest = push(&registry, "library/a/app", "v1", OCI_CONFIG, &config).await;
    let path = "/projects/library/repositories/a%252Fapp/artifacts";
    let by_tag = answer(registry.api_get(&format!("{path}/v1")), 200)
        .await
        .json();
    let encoded = digest.replace(':', "%3A");
    for reference in [digest.as_str(), &encoded] {
        let by_digest = answer(registry.api_get(&format!("{path}/{reference}")), 200).await;
        assert_eq!(by_digest.json(), by_tag);
    }
    let manifest = registry
        .get(&format!("/v2/library/a/app/manifests/{digest}"))
        .await;
    let size = manifest.bytes().len() + config.to_string().len() + "a layer".len();
    let mut told = by_tag.clone();
    let fields = told.as_object_mut().expect("an object");
    let time = fields.remove("push_time").expect("a time");
    let time = time.as_str().expect("text");
    assert!(time.starts_with("20") && time.ends_with('Z'), "{time}");
    fields["tags"][0]["push_time"].take();
    assert!(fields.remove("icon").is_some());
    assert_eq!(
        told,
        json!({
            "id": 1, "type": "IMAGE", "media_type": OCI_CONFIG, "manifest_media_type": OCI_MANIFEST,
            "artifact_type": OCI_CONFIG, "project_id": 1, "repository_id": 1, "repository_name": "library/a/app",
            "digest": digest, "size": size, "pull_time": "0001-01-01T00:00:00.000Z",
            "annotations": { "made.by": "tests" },
            "extra_attrs": {
                "architecture": "arm64", "os": "linux", "author": "somebody", "created": "2026-01-02T03:04:05Z",
                "config": { "Cmd": ["sh"] },
            },
            "tags": [{
                "id": 1, "repository_id": 1, "artifact_id": 1, "name": "v1", "push_time": null,
                "pull_time": "0001-01-01T00:00:00.000Z", "immutable": false,
            }],
            "addition_links": { "build_history": {
                "absolute": false,
                "href": format!("{API}/projects/library/repositories/a%252Fapp/artifacts/{digest}/additions/build_history"),
            } },
        })
    );
    let history = by_tag["addition_links"]["build_history"]["href"]
        .as_str()
        .expect("a link");
    let history = answer(registry.get(history), 200).await;
    assert_eq!(history.json(), config["history"]);
    let bare = registry
        .api_get(&format!("{path}/v1?with_tag=false&with_signature=false"))
        .await;
    assert_eq!(bare.assert_status(200).json().get("tags"), None);
    for (reference, status) in [("v2", 404), ("UPPER%20CASE", 404), ("sha256:abc", 404)] {
        let unknown = registry.api_get(&format!("{path}/{reference}")).await;
        unknown.assert_harbor_error(status, "NOT_FOUND");
    }
    let other = registry
        .api_get(&format!("{path}/v1/additions/readme.md"))
        .await;
    other.assert_harbor_error(400, "BAD_REQUEST");
}

const APP: &str = "/projects/library/repositories/app/artifacts";

/// An index with a tag, its child without one, and what is about the index.
async fn family(registry: &TestRegistry) -> (String, String, String) {
    let (repository, config) = ("library/app", image_config("arm64"));
    let arm = push(registry, repository, "arm", OCI_CONFIG, &config).await;
    answer(registry.delete("/v2/library/app/manifests/arm"), 202).await;
    let mut entry = registry.describe(repository, &arm).await;
    entry["platform"] = json!({ "architecture": "arm64", "os": "linux", "variant": "v8" });
    let parent = index(&[entry]);
    let parent = registry.push_manifest(repository, "all", &parent).await;
    let cosign = "application/vnd.dev.cosign.artifact.sig.v1+json";
    let note = registry
        .push_referrer(repository, &parent, cosign, &json!(null))
        .await;
    (arm, parent, note)
}

/// An image, a chart, and an artifact of a kind of its own without a tag.
async fn one_of_each_kind(registry: &TestRegistry) -> (String, String, String) {
    let (repository, config) = ("library/app", image_config("amd64"));
    let image = push(registry, repository, "v1", OCI_CONFIG, &config).await;
    let config = json!({ "name": "c", "version": "1.0.0" });
    let chart = push(registry, repository, "c1", CHART, &config).await;
    let own = "application/vnd.acme.box.config.v1+json";
    let other = push(registry, repository, "gone", own, &json!({})).await;
    answer(registry.delete("/v2/library/app/manifests/gone"), 202).await;
    (image, chart, other)
}

#[tokio::test]
async fn an_index_shows_its_children_and_a_list_does_not() {
    let registry = TestRegistry::start().await;
    let (arm, parent, _) = family(&registry).await;
    let listed = answer(registry.api_get(APP), 200).await;
    assert_eq!(listed.each("digest"), [json!(parent)]);
    let told = &listed.json()[0];
    let kind = (&told["type"], &told["media_type"]);
    assert_eq!(kind, (&json!("IMAGE"), &json!(OCI_INDEX)));
    let child = registry.api_get(&format!("{APP}/{arm}"));
    let child = answer(child, 200).await.json();
    assert_eq!(
        told["references"],
        json!([{
            "parent_id": told["id"], "child_id": child["id"], "child_digest": arm,
            "platform": { "architecture": "arm64", "os": "linux", "variant": "v8" },
        }])
    );
    let own = registry.get(&format!("/v2/library/app/manifests/{parent}"));
    let own = own.await.bytes().len() as u64;
    let size = child["size"].as_u64().map(|size| size + own);
    assert_eq!(told["size"].as_u64(), size);
    let everything = registry.api_get(&format!("{APP}?q=base%3D*"));
    let everything = answer(everything, 200).await;
    assert_eq!(everything.header("x-total-count"), "3");
    let repository = registry.api_get("/projects/library/repositories/app");
    assert_eq!(repository.await.json()["artifact_count"], 1);
}

#[tokio::test]
async fn what_is_about_an_artifact_is_its_accessory() {
    let registry = TestRegistry::start().await;
    let (_, parent, note) = family(&registry).await;
    let listed = registry.api_get(&format!("{APP}?with_accessory=true"));
    let told = answer(listed, 200).await.json()[0].clone();
    assert_eq!(told["accessories"][0]["digest"], note);
    assert_eq!(told["accessories"][0]["type"], "signature.cosign");
    let accessories = registry.api_get(&format!("{APP}/all/accessories"));
    let accessories = answer(accessories, 200).await;
    assert_eq!(accessories.header("x-total-count"), "1");
    let one = accessories.json()[0].clone();
    for (field, expected) in [
        ("digest", json!(note)),
        ("subject_artifact_digest", json!(parent)),
        ("subject_artifact_id", told["id"].clone()),
        ("subject_artifact_repo", json!("library/app")),
        ("icon", json!("")),
    ] {
        assert_eq!(one[field], expected, "{field}");
    }
}

#[tokio::test]
async fn lists_are_narrowed_in_harbors_words() {
    let registry = TestRegistry::start().await;
    let (image, chart, other) = one_of_each_kind(&registry).await;
    let wrong = registry.api_put(APP, &json!({}));
    refuse(wrong, 405).await;
    let by_type = format!("q=media_type%3D{}", CHART.replace('+', "%252B"));
    let by_digest = format!("q=digest%3D{image}");
    // What is found: the image, the chart, the other one.
    for (query, expected) in [
        ("", "oci"),
        ("q=tags%3D*", "ci"),
        ("q=tags%3Dnil", "o"),
        ("q=tags%3Dv1", "i"),
        ("q=tags%3D~C", "c"),
        ("q=type%3DIMAGE", "i"),
        ("q=type%3D%7BIMAGE%20CHART%7D", "ci"),
        ("q=type%3DBOX", "o"),
        ("q=type%3DUNKNOWN", ""),
        (&by_type, "c"),
        (&by_digest, "i"),
        ("q=push_time%3D%5B2000-01-01T00:00:00~%5D", "oci"),
        ("q=push_time%3D%5B~2000-01-01T00:00:00%5D", ""),
        ("q=pull_time%3D%5B2000-01-01T00:00:00~%5D", ""),
        ("q=labels%3D(1%202)", ""),
        ("q=content%3D~layer,secret%3Dx", "oci"),
        ("q=digest%3D'%20OR%201=1%20--", ""),
        ("sort=push_time&page_size=2", "ic"),
        ("sort=m.content,push_time%20DESC", "oci"),
    ] {
        let listed = answer(registry.api_get(&format!("{APP}?{query}")), 200).await;
        let expected: Vec<&String> = expected
            .chars()
            .map(|letter| match letter {
                'i' => &image,
                'c' => &chart,
                _ => &other,
            })
            .collect();
        assert_eq!(json!(listed.each("digest")), json!(expected), "{query}");
    }
    let kinds = registry.api_get(&format!("{APP}?sort=push_time")).await;
    assert_eq!(kinds.each("type"), ["IMAGE", "CHART", "BOX"]);
    let chart = json!({ "name": "c", "version": "1.0.0" });
    assert_eq!(kinds.json()[1]["extra_attrs"], chart);
}

#[tokio::test]
async fn the_artifacts_of_a_project_are_listed_or_the_latest_of_each_repository() {
    let registry = TestRegistry::start().await;
    let (image, ..) = one_of_each_kind(&registry).await;
    let config = image_config("amd64");
    let newest = push(&registry, "library/other", "v2", OCI_CONFIG, &config).await;
    let path = "/projects/library/artifacts";
    let whole = answer(registry.api_get(path), 200).await;
    assert_eq!(whole.header("x-total-count"), "4");
    let config = OCI_CONFIG.replace('+', "%252B");
    let latest = format!("{path}?latest_in_repository=true&q=artifact_type%3D{config}");
    let latest = answer(registry.api_get(&latest), 200).await;
    assert_eq!(latest.each("digest"), [json!(newest), json!(image)]);
    for query in ["", "&q=tags%3D*", "&q=media_type%3Da,artifact_type%3Da"] {
        let wrong = format!("{path}?latest_in_repository=true{query}");
        refuse(registry.api_get(&wrong), 400).await;
    }
    refuse(registry.anonymous().api_get(path), 401).await;
}

#[tokio::test]
async fn a_deleted_artifact_takes_its_tags_and_what_only_it_kept() {
    let registry = TestRegistry::start().await;
    let repository = "library/app";
    let child = push(
        &registry,
        repository,
        "child",
        OCI_CONFIG,
        &image_config("arm64"),
    )
    .await;
    let tagged = push(
        &registry,
        repository,
        "kept",
        OCI_CONFIG,
        &image_config("amd64"),
    )
    .await;
    answer(registry.delete("/v2/library/app/manifests/child"), 202).await;
    let parent = registry
        .push_index(repository, "all", &[&child, &tagged])
        .await;
    let manifest = registry.get("/v2/library/app/manifests/all").await.json();
    registry.push_manifest(repository, "again", &manifest).await;
    let note = registry
        .push_referrer(repository, &parent, "application/x.note", &json!(null))
        .await;
    let about_child = registry
        .push_referrer(repository, &child, "application/x.note", &json!(null))
        .await;

    let path = "/projects/library/repositories/app/artifacts";
    let developer = registry.create_member("library", "dev", "developer");
    refuse(developer.api_delete(&format!("{path}/again")), 403).await;
    registry
        .api_delete(&format!("{path}/again"))
        .await
        .assert_done();
    for gone in [parent.as_str(), "all", "again", &child, &note, &about_child] {
        refuse(registry.api_get(&format!("{path}/{gone}")), 404).await;
        answer(
            registry.get(&format!("/v2/library/app/manifests/{gone}")),
            404,
        )
        .await;
    }
    let left = registry.api_get(&format!("{path}?q=base%3D*")).await;
    assert_eq!(left.each("digest"), [json!(tagged)]);
    refuse(registry.api_delete(&format!("{path}/again")), 404).await;
}

#[tokio::test]
async fn an_artifact_is_copied_with_what_belongs_to_it() {
    let registry = TestRegistry::start().await;
    answer(
        registry.api_post("/projects", &json!({ "project_name": "target" })),
        201,
    )
    .await;
    let child = push(
        &registry,
        "library/app",
        "child",
        OCI_CONFIG,
        &image_config("arm64"),
    )
    .await;
    let parent = registry.push_index("library/app", "v1", &[&child]).await;
    let note = registry
        .push_referrer("library/app", &child, "application/x.note", &json!(null))
        .await;
    let path = "/projects/target/repositories/a%252Fb/artifacts";
    let empty = || {
        registry.request(
            http::Method::POST,
            &format!("{API}{path}?from=library/app:v1"),
        )
    };
    let before = used_bytes(&registry).await;
    let made = empty().await.assert_status(201);
    assert_eq!(made.location(), format!("{API}{path}/v1"));
    for digest in [&child, &parent, &note] {
        answer(
            registry.get(&format!("/v2/target/a/b/manifests/{digest}")),
            200,
        )
        .await;
    }
    answer(
        registry.get(&format!("/v2/target/a/b/blobs/{}", sha256("a layer"))),
        200,
    )
    .await;
    let copied = answer(registry.api_get(&format!("{path}/v1")), 200)
        .await
        .json();
    assert_eq!(
        (&copied["digest"], &copied["tags"][0]["name"]),
        (&json!(parent), &json!("v1"))
    );
    // The child's tag was not asked for, and bytes are counted once.
    let tags = registry.get("/v2/target/a/b/tags/list").await.json();
    assert_eq!(tags["tags"], json!(["v1"]));
    assert_eq!(used_bytes(&registry).await, before);
    empty().await.assert_harbor_error(409, "CONFLICT");
    let post =
        |from: &str| registry.request(http::Method::POST, &format!("{API}{path}?from={from}"));
    let by_digest = post(&format!("library/app@{child}")).await;
    by_digest.assert_harbor_error(409, "CONFLICT");
    for (from, status, code) in [
        ("", 422, "UNPROCESSABLE_ENTITY"),
        ("library/app", 400, "BAD_REQUEST"),
        ("app:v1", 400, "BAD_REQUEST"),
        ("library/app:none", 404, "NOT_FOUND"),
        ("library/none:v1", 404, "NOT_FOUND"),
    ] {
        post(from).await.assert_harbor_error(status, code);
    }
}

/// T2, T12: a copy needs the right to read there and to write here.
#[tokio::test]
async fn t02_t12_a_copy_takes_nothing_that_may_not_be_read() {
    let registry = TestRegistry::start().await;
    for name in ["a", "b"] {
        answer(
            registry.api_post("/projects", &json!({ "project_name": name })),
            201,
        )
        .await;
        registry.push_image(&format!("{name}/app"), "v1").await;
    }
    let alice = registry.create_member("a", "alice", "developer");
    registry.admin(&["member", "add", "b", "alice", "--role", "guest"]);
    let bob = registry.create_member("b", "bob", "project-admin");
    let copy = |caller: &Client, to: &str, from: &str| {
        let path = format!("{API}/projects/{to}/repositories/copy/artifacts?from={from}");
        caller.request(http::Method::POST, &path)
    };
    copy(&alice, "b", "a/app:v1")
        .await
        .assert_harbor_error(403, "FORBIDDEN");
    let mut texts = Vec::new();
    for from in ["a/app:v1", "a/none:v1", "none/app:v1"] {
        texts.push(
            copy(&bob, "b", from)
                .await
                .assert_harbor_error(403, "FORBIDDEN")
                .text(),
        );
    }
    texts.dedup();
    assert_eq!(texts.len(), 1);
    registry
        .anonymous()
        .request(
            http::Method::POST,
            &format!("{API}/projects/b/repositories/copy/artifacts?from=b/app:v1"),
        )
        .await
        .assert_harbor_error(401, "UNAUTHORIZED");
    refuse(registry.api_get("/projects/b/repositories/copy"), 404).await;
    copy(&alice, "a", "b/app:v1").await.assert_status(201);
}

/// T13: what is told of an image comes from the repository that was asked about, by whoever may read that.
#[tokio::test]
async fn t13_the_same_image_elsewhere_tells_nothing() {
    let registry = TestRegistry::start().await;
    for name in ["a", "b"] {
        answer(
            registry.api_post("/projects", &json!({ "project_name": name })),
            201,
        )
        .await;
    }
    let secret = push(&registry, "b/app", "v1", OCI_CONFIG, &image_config("amd64")).await;
    let alice = registry.create_member("a", "alice", "maintainer");
    alice.push_image("a/app", "v1").await;
    for rest in ["", "/additions/build_history", "/accessories", "/tags"] {
        let foreign = format!("/projects/b/repositories/app/artifacts/{secret}{rest}");
        refuse(alice.api_get(&foreign), 403).await;
        let own = format!("/projects/a/repositories/app/artifacts/{secret}{rest}");
        refuse(alice.api_get(&own), 404).await;
    }
    // A configuration that is too large is not read.
    let large = json!({ "architecture": "x".repeat(2 << 20) });
    push(&registry, "b/app", "large", OCI_CONFIG, &large).await;
    let told = answer(
        registry.api_get("/projects/b/repositories/app/artifacts/large"),
        200,
    )
    .await;
    assert_eq!(told.json()["extra_attrs"], json!({}));
    let history =
        registry.api_get("/projects/b/repositories/app/artifacts/large/additions/build_history");
    history.await.assert_harbor_error(400, "BAD_REQUEST");
    let note = registry
        .push_referrer("b/app", &secret, "application/spdx+json", &json!(null))
        .await;
    let told = registry
        .api_get(&format!("/projects/b/repositories/app/artifacts/{note}"))
        .await
        .json();
    assert_eq!(
        (&told["type"], &told["media_type"]),
        (&json!("UNKNOWN"), &json!(OCI_EMPTY))
    );
    assert_eq!(told["artifact_type"], "application/spdx+json");
}
