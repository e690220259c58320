//! Images: listed and inspected.

use serde_json::{Value, json};

use super::{Ibm, administrator, create_key, with_key};
use crate::account_api::AccountApi as _;
use crate::registry::TestRegistry;
use crate::registry::client::Client;
use crate::registry::content::OCI_MANIFEST;

impl Client {
    /// Pushes an image as whoever shows this token, which is a password for the login that pushes.
    pub(super) async fn push_image_as(&self, registry: &TestRegistry, repository: &str) -> String {
        let crate::registry::client::Credentials::Bearer(token) = self.credentials() else {
            panic!("no token");
        };
        let client = registry.as_user("iambearer", token);
        client.push_image(repository, "v1").await
    }
}

/// A name as it stands in a path.
pub(crate) fn encoded(image: &str) -> String {
    let escaped = image.replace('/', "%2F").replace(':', "%3A");
    escaped.replace('@', "%40")
}

/// The images of a list by name, each with its tags.
fn tags(list: &Value) -> Vec<Value> {
    let list = list.as_array().expect("a list");
    let mut tags: Vec<Value> = list.iter().map(|image| image["RepoTags"].clone()).collect();
    tags.sort_by_key(Value::to_string);
    tags
}

/// Pushes an image with two tags and what is about it, and an index with a tag of its one image; returns the digest of the
/// first.
async fn push_some(registry: &TestRegistry) -> String {
    registry.admin(&["namespace", "create", "team"]);
    let app = registry.push_image("library/app", "v1").await;
    let manifest = registry
        .get(&format!("/v2/library/app/manifests/{app}"))
        .await;
    registry
        .put("/v2/library/app/manifests/v2")
        .content_type(manifest.header("content-type"))
        .body(manifest.bytes().clone())
        .await
        .assert_status(201);
    let other = registry.push_image("team/nested/app", "v1").await;
    registry
        .push_index("team/nested/app", "all", &[&other])
        .await;
    registry
        .push_referrer("library/app", &app, "application/example", &Value::Null)
        .await;
    app
}

#[tokio::test]
async fn images_are_listed() {
    let registry = TestRegistry::start().await;
    let admin = administrator(&registry).await;
    let host = registry.host().to_owned();
    let app = push_some(&registry).await;
    let name = |image: &str| format!("{host}/{image}");

    let mut listed = admin.ibm_get("/images").await.assert_status(200).json();
    let library = listed[0].as_object_mut().expect("an object");
    let created = library.remove("Created").and_then(|time| time.as_i64());
    assert!(created.is_some_and(|secs| secs > 1_700_000_000));
    let size = library.remove("Size").expect("a size");
    assert_eq!(library.remove("VirtualSize"), Some(size.clone()));
    assert!(size.as_i64().is_some_and(|bytes| bytes > 300));
    let both = json!([name("library/app:v1"), name("library/app:v2")]);
    assert_eq!(
        json!(library),
        json!({
            "Id": app,
            "ParentId": "",
            "RepoTags": both,
            "DigestTags": { app.as_str(): both },
            "RepoDigests": [name(&format!("library/app@{app}"))],
            "ManifestType": OCI_MANIFEST,
        })
    );
    let nested = json!([name("team/nested/app:v1")]);
    let all = json!([name("team/nested/app:all")]);
    for (query, expected) in [
        ("", vec![&both, &nested]),
        ("includeManifestLists=false", vec![&both, &nested]),
        ("includeManifestLists=true", vec![&both, &all, &nested]),
        (
            "includeManifestLists=true&includeManifestLists=false",
            vec![&both, &nested],
        ),
        ("includePrivate=false", vec![]),
        ("includeIBM=true&vulnerabilities=true", vec![&both, &nested]),
        ("namespace=team", vec![&nested]),
        ("namespace=team&namespace=library", vec![&both, &nested]),
        ("namespace=nothing", vec![]),
        ("repository=team/nested/app", vec![&nested]),
        (&format!("repository={host}/library/app"), vec![&both]),
        ("repository=library/app&namespace=team", vec![]),
    ] {
        let listed = admin
            .ibm_get(&format!("/images?{query}"))
            .await
            .assert_status(200);
        let listed = tags(&listed.json());
        assert_eq!(listed.iter().collect::<Vec<_>>(), expected, "{query}");
    }
    let odd = admin.ibm_get("/images?includeIBM=perhaps").await;
    odd.assert_ibm_error(400, "BAD_REQUEST");
}

#[tokio::test]
async fn images_are_listed_by_digest() {
    let registry = TestRegistry::start().await;
    let admin = administrator(&registry).await;
    let host = registry.host().to_owned();
    let app = registry.push_image("library/app", "v1").await;
    let loose = registry.push_image("library/app", "gone").await;
    admin
        .ibm_delete(&format!("/tags/{}", encoded("library/app:gone")))
        .await
        .assert_status(200);
    let path =
        format!("/images/tags?fromimage={host}/library/app:v1&toimage={host}/library/copy:v9");
    admin.ibm_post(&path, &Value::Null).await.assert_status(201);
    let ask = async |body: Value| {
        let answer = admin.ibm_post("/images/digests", &body).await;
        let mut listed = answer.assert_status(200).json();
        for one in listed.as_array_mut().expect("a list") {
            let one = one.as_object_mut().expect("an object");
            assert!(one.remove("created").is_some_and(|time| time.is_i64()));
            assert!(one.remove("size").is_some_and(|size| size.is_i64()));
            assert_eq!(
                one.remove("manifestType"),
                Some(json!("OCI Image Manifest v1"))
            );
        }
        listed
    };
    let (first, second) = (
        format!("{host}/library/app"),
        format!("{host}/library/copy"),
    );
    let tagged = json!({ "id": app, "repoTags": { &first: { "v1": {} }, &second: { "v9": {} } } });
    let untagged = json!({ "id": loose, "repoTags": { &first: {} } });
    let mut both = vec![tagged.clone(), untagged.clone()];
    both.sort_by_key(|one| one["id"].to_string());
    assert_eq!(ask(json!({})).await, json!(both));
    let body = json!({ "exclude_tagged": true, "exclude_va": true, "include_ibm": false });
    assert_eq!(ask(body).await, json!([untagged]));
    let body = json!({ "repositories": [second] });
    assert_eq!(
        ask(body).await,
        json!([{ "id": app, "repoTags": { &second: { "v9": {} } } }])
    );
    let odd = admin
        .ibm_post("/images/digests", &json!({ "exclude": true }))
        .await;
    odd.assert_ibm_error(400, "BAD_REQUEST");
}

#[tokio::test]
async fn an_image_is_inspected() {
    let registry = TestRegistry::start().await;
    let admin = administrator(&registry).await;
    let host = registry.host().to_owned();
    let app = registry.push_image("library/app", "v1").await;
    let index = registry.push_index("library/app", "all", &[&app]).await;
    let path = |image: &str, what: &str| format!("/images/{}/{what}", encoded(image));
    let whole = format!("{host}/library/app:v1");
    let manifest = admin
        .ibm_get(&path(&whole, "manifest"))
        .await
        .assert_status(200);
    assert_eq!(manifest.header("content-type"), "application/json");
    let stored = registry.get("/v2/library/app/manifests/v1").await;
    let manifest = manifest.assert_body(stored.bytes()).json();

    let shown = admin
        .ibm_get(&path(&whole, "json"))
        .await
        .assert_status(200);
    let mut shown = shown.json();
    let size = shown["Size"].take();
    assert!(size.as_i64().is_some_and(|bytes| bytes > 300));
    assert_eq!(
        shown,
        json!({
            "Id": manifest["config"]["digest"],
            "ManifestType": stored.header("content-type"),
            "Architecture": "amd64",
            "Os": "linux",
            "Config": { "Labels": { "name": "library/app:v1" } },
            "RootFS": { "Type": "layers", "Layers": [] },
            "Size": null,
            "VirtualSize": manifest["layers"][0]["size"],
        })
    );
    for image in [
        format!("library/app@{app}"),
        format!("{host}/library/app:v1@{app}"),
    ] {
        let by_digest = admin
            .ibm_get(&path(&image, "json"))
            .await
            .assert_status(200);
        assert_eq!(by_digest.json()["Architecture"], "amd64");
    }
    let of_index = admin
        .ibm_get(&path("library/app:all", "json"))
        .await
        .assert_status(200);
    assert_eq!(of_index.json()["Id"], index);
    assert_eq!(of_index.json().get("Config"), None);
}

#[tokio::test]
async fn an_image_that_is_not_there_or_has_no_name_is_not_inspected() {
    let registry = TestRegistry::start().await;
    let admin = administrator(&registry).await;
    registry.push_image("library/app", "v1").await;
    let path = |image: &str, what: &str| format!("/images/{}/{what}", encoded(image));
    for image in [
        "library/app:none",
        "library/none:v1",
        "nothing/app:v1",
        "library/app",
    ] {
        for what in ["json", "manifest"] {
            let answer = admin.ibm_get(&path(image, what)).await;
            answer.assert_ibm_error(404, "NOT_FOUND");
        }
    }
    for image in [
        "app:v1",
        "LIBRARY/app:v1",
        "library/app:..",
        "library/app@sha256:1",
    ] {
        let answer = admin.ibm_get(&path(image, "json")).await;
        answer.assert_ibm_error(400, "BAD_REQUEST");
    }
}

/// What whoever pushes writes into a configuration does not reach clients as another type than they expect.
#[tokio::test]
async fn a_strange_configuration_is_shown_as_far_as_it_goes() {
    use crate::registry::content::{OCI_CONFIG, OCI_LAYER, descriptor, image_manifest};
    let registry = TestRegistry::start().await;
    let admin = administrator(&registry).await;
    for (tag, config, os) in [
        (
            "a",
            r#"{"os":7,"architecture":["x"],"config":"x","rootfs":[]}"#,
            Value::Null,
        ),
        ("b", r#"["os"]"#, Value::Null),
        ("c", "no JSON", Value::Null),
        (
            "d",
            r#"{"os":"plan9","rootfs":{"type":1,"diff_ids":2}}"#,
            json!("plan9"),
        ),
    ] {
        registry.push_blob("library/odd", config).await;
        registry.push_blob("library/odd", tag).await;
        let layers = [descriptor(OCI_LAYER, tag)];
        let manifest = image_manifest(&descriptor(OCI_CONFIG, config), &layers);
        registry.push_manifest("library/odd", tag, &manifest).await;
        let path = format!("/images/{}/json", encoded(&format!("library/odd:{tag}")));
        let shown = admin.ibm_get(&path).await.assert_status(200).json();
        assert_eq!(shown["Os"], os, "{tag}");
        assert_eq!(
            (shown.get("Architecture"), shown.get("Config")),
            (None, None),
            "{tag}"
        );
    }
}

/// Whoever may read some repositories of a private namespace finds those, and nothing of the others, however it asks.
#[tokio::test]
async fn a_list_shows_what_is_like_the_pattern_of_a_grant() {
    let registry = TestRegistry::start().await;
    registry.admin(&["namespace", "create", "team"]);
    for repository in [
        "team/web/app",
        "team/web/api",
        "team/web/deep/app",
        "team/other",
    ] {
        registry.push_image(repository, "v1").await;
    }
    registry.push_image("library/app", "v1").await;
    registry.create_user("dev");
    let part = json!({ "user": "dev", "role": "guest", "namespace": "team", "pattern": "web/*" });
    let granted = registry.v1_post("/accounts/default/grants", &part).await;
    granted.assert_status(201);
    let dev = with_key(&registry, &create_key(&registry, "dev", "ibm", &[])).await;
    let image = |name: &str| json!([format!("{}/team/web/{name}:v1", registry.host())]);
    for query in ["", "?namespace=team", "?namespace=team&namespace=library"] {
        let listed = dev.ibm_get(&format!("/images{query}")).await;
        let listed = listed.assert_status(200).json();
        assert_eq!(tags(&listed), [image("api"), image("app")], "{query}");
    }
    for (repository, expected) in [
        ("team/web/app", 1),
        ("team/other", 0),
        ("team/web/deep/app", 0),
    ] {
        let listed = dev
            .ibm_get(&format!("/images?repository={repository}"))
            .await;
        let listed = listed.assert_status(200).json();
        assert_eq!(tags(&listed).len(), expected, "{repository}");
        let wanted = json!({ "repositories": [repository] });
        let digests = dev.ibm_post("/images/digests", &wanted).await;
        let digests = digests.assert_status(200).json();
        assert_eq!(
            digests.as_array().map(Vec::len),
            Some(expected),
            "{repository}"
        );
    }
    let all = dev.ibm_post("/images/digests", &json!({})).await;
    assert_eq!(
        all.assert_status(200).json().as_array().map(Vec::len),
        Some(2)
    );
    // A right to push alone is none to list.
    let writer = json!({ "user": "dev", "role": "writer", "namespace": "library", "pattern": "*" });
    let granted = registry.v1_post("/accounts/default/grants", &writer).await;
    granted.assert_status(201);
    let listed = dev.ibm_get("/images").await.assert_status(200).json();
    assert_eq!(tags(&listed).len(), 2);
}
