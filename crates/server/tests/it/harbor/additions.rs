//! What is read out of charts and models for people, and icons.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};
use std::process::{Command, Stdio};

use super::{API, Harbor};
use crate::registry::TestRegistry;
use crate::registry::client::{Answer, Client};
use crate::registry::content::{OCI_CONFIG, OCI_LAYER, descriptor, image_manifest};

pub(crate) const CHART: &str = "application/vnd.cncf.helm.config.v1+json";
pub(crate) const CHART_LAYER: &str = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";
const MODEL: &str = "application/vnd.cncf.model.config.v1+json";
const APP: &str = "/projects/library/repositories/app/artifacts";

/// An archive of these files, as the system's own program packs it.
pub(crate) fn archive(files: &[(&str, &str)], options: &str) -> Vec<u8> {
    let directory = tempfile::TempDir::new().expect("a directory");
    for (path, content) in files {
        let path = directory.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, content).expect("a file");
    }
    let names = files.iter().map(|(path, _)| *path);
    let packed = Command::new("tar")
        .args(["-c", options, "-C"])
        .arg(directory.path())
        .args(names)
        .stderr(Stdio::inherit())
        .output()
        .expect("tar runs");
    assert!(packed.status.success());
    packed.stdout
}

/// Pushes a manifest of these layers: media type, content, annotations.
pub(crate) async fn push(
    caller: &Client,
    tag: &str,
    config: (&str, &Value),
    layers: &[(&str, Vec<u8>, Value)],
) {
    let repository = "library/app";
    caller.push_blob(repository, config.1.to_string()).await;
    let mut described = Vec::new();
    for (media_type, content, annotations) in layers {
        caller.push_blob(repository, content.clone()).await;
        let mut layer = descriptor(media_type, content);
        if annotations.is_object() {
            layer["annotations"] = annotations.clone();
        }
        described.push(layer);
    }
    let config = descriptor(config.0, config.1.to_string());
    let manifest = image_manifest(&config, &described);
    caller.push_manifest(repository, tag, &manifest).await;
}

async fn addition(caller: &Client, tag: &str, name: &str) -> Answer {
    caller
        .api_get(&format!("{APP}/{tag}/additions/{name}"))
        .await
}

/// An addition that is there: its type and text.
async fn read(caller: &Client, tag: &str, name: &str) -> (String, String) {
    let answer = addition(caller, tag, name).await.assert_status(200);
    (answer.header("content-type").to_owned(), answer.text())
}

#[tokio::test]
async fn a_chart_shows_its_values_its_readme_and_what_it_needs() {
    let registry = TestRegistry::start().await;
    let files = [
        ("app/charts/db/values.yaml", "of: another"),
        ("app/Chart.yaml", "name: app"),
        ("app/values.yaml", "replicas: 3\n"),
        ("app/README.md", "# App\n"),
    ];
    let config = json!({
        "name": "app", "version": "1.0.0", "apiVersion": "v2",
        "dependencies": [{ "name": "db", "version": "2.x", "repository": "https://example.com", "of": "no interest" }],
    });
    let layer = (CHART_LAYER, archive(&files, "-z"), json!(null));
    push(&registry, "v1", (CHART, &config), &[layer]).await;
    let text = |kind: &str, text: &str| (format!("text/{kind}; charset=utf-8"), text.to_owned());
    assert_eq!(
        read(&registry, "v1", "values.yaml").await,
        text("plain", "replicas: 3\n")
    );
    assert_eq!(
        read(&registry, "v1", "readme.md").await,
        text("markdown", "# App\n")
    );
    let needed = addition(&registry, "v1", "dependencies")
        .await
        .assert_status(200);
    assert_eq!(
        needed.json(),
        json!([{ "name": "db", "version": "2.x", "repository": "https://example.com" }])
    );
    // Where they are is told by the artifact itself.
    let shown = registry.api_get(&format!("{APP}/v1")).await.json();
    let links = shown["addition_links"].as_object().expect("links");
    let names: Vec<&String> = links.keys().collect();
    assert_eq!(names, ["dependencies", "readme.md", "values.yaml"]);
    let link = links["readme.md"]["href"].as_str().expect("a path");
    assert!(link.starts_with(API), "{link}");
    assert_eq!(
        registry.get(link).await.assert_status(200).text(),
        "# App\n"
    );

    let bare = (CHART_LAYER, archive(&files[..2], "-z"), json!(null));
    push(&registry, "v2", (CHART, &json!({ "name": "app" })), &[bare]).await;
    for name in ["values.yaml", "readme.md"] {
        let missing = addition(&registry, "v2", name).await;
        missing.assert_harbor_error(404, "NOT_FOUND");
    }
    let none = addition(&registry, "v2", "dependencies").await;
    assert_eq!(none.assert_status(200).json(), json!([]));
    let stranger = registry.anonymous();
    for name in ["values.yaml", "dependencies"] {
        let refused = addition(&stranger, "v1", name).await;
        refused.assert_harbor_error(401, "UNAUTHORIZED");
    }
}

#[tokio::test]
async fn an_archive_that_is_none_or_much_too_large_is_refused_and_nothing_falls() {
    let registry = TestRegistry::start().await;
    let config = json!({ "name": "app" });
    let bomb = "0".repeat((32 << 20) + 1);
    let large = "x".repeat((1 << 20) + 1);
    let layers = [
        ("text", b"no archive".to_vec()),
        ("cut", archive(&[("app/x", &large)], "-z")[..200].to_vec()),
        (
            "bomb",
            archive(&[("app/a", &bomb), ("app/values.yaml", "x")], "-z"),
        ),
        ("large", archive(&[("app/values.yaml", &large)], "-z")),
    ];
    for (tag, layer) in layers {
        let layer = (CHART_LAYER, layer, json!(null));
        push(&registry, tag, (CHART, &config), &[layer]).await;
        let refused = addition(&registry, tag, "values.yaml").await;
        refused.assert_harbor_error(400, "BAD_REQUEST");
    }
    let none = (OCI_LAYER, b"x".to_vec(), json!(null));
    push(&registry, "none", (CHART, &config), &[none]).await;
    let refused = addition(&registry, "none", "values.yaml").await;
    refused.assert_harbor_error(400, "BAD_REQUEST");
}

#[tokio::test]
async fn a_model_shows_its_documents_and_files() {
    let registry = TestRegistry::start().await;
    let path = |path: &str| json!({ "org.cncf.model.filepath": path });
    let layers = [
        (
            "application/vnd.cncf.model.doc.v1.tar",
            archive(&[("README.md", "# Model")], "--format=ustar"),
            path("README.md"),
        ),
        (
            "application/vnd.cncf.model.doc.v1.raw",
            b"Do what you like.".to_vec(),
            path("LICENSE"),
        ),
        (
            "application/vnd.cncf.model.weight.v1.raw",
            b"weights".to_vec(),
            path("deep/model.bin"),
        ),
    ];
    push(&registry, "m1", (MODEL, &json!({})), &layers).await;
    assert_eq!(read(&registry, "m1", "readme.md").await.1, "# Model");
    let license = read(&registry, "m1", "license").await;
    assert_eq!(
        license,
        (
            "text/plain; charset=utf-8".to_owned(),
            "Do what you like.".to_owned()
        )
    );
    let files = addition(&registry, "m1", "files")
        .await
        .assert_status(200)
        .json();
    assert_eq!(
        files[0],
        json!({ "name": "deep", "type": "directory",
            "children": [{ "name": "model.bin", "type": "file", "size": 7 }] })
    );
    assert_eq!(files[1]["name"], "LICENSE");
    push(&registry, "m2", (MODEL, &json!({})), &[]).await;
    let missing = addition(&registry, "m2", "license").await;
    missing.assert_harbor_error(404, "NOT_FOUND");
}

#[tokio::test]
async fn what_an_artifact_does_not_have_is_said() {
    let registry = TestRegistry::start().await;
    let layer = (OCI_LAYER, b"x".to_vec(), json!(null));
    push(&registry, "v1", (OCI_CONFIG, &json!({})), &[layer]).await;
    for (name, status, code) in [
        ("values.yaml", 400, "BAD_REQUEST"),
        ("license", 400, "BAD_REQUEST"),
        ("vulnerabilities", 404, "NOT_FOUND"),
        ("sbom", 404, "NOT_FOUND"),
        ("anything", 422, "UNPROCESSABLE_ENTITY"),
    ] {
        let refused = addition(&registry, "v1", name).await;
        refused.assert_harbor_error(status, code);
    }
}

const PNG: &[u8] = b"\x89PNG\r\n\x1a\nand so on";

#[tokio::test]
async fn an_artifact_has_the_icon_of_its_kind_or_its_own() {
    let registry = TestRegistry::start().await;
    let layer = || (OCI_LAYER, b"x".to_vec(), json!(null));
    push(&registry, "v1", (OCI_CONFIG, &json!({})), &[layer()]).await;
    push(&registry, "c1", (CHART, &json!({})), &[layer()]).await;
    let own = json!({ "io.goharbor.artifact.v1alpha1.icon": "" });
    let own = ("image/png", PNG.to_vec(), own);
    push(
        &registry,
        "o1",
        (OCI_CONFIG, &json!({ "o": 1 })),
        &[layer(), own],
    )
    .await;
    let mut digests = Vec::new();
    for tag in ["v1", "c1", "o1"] {
        let shown = registry.api_get(&format!("{APP}/{tag}")).await;
        let icon = shown.assert_status(200).json()["icon"].clone();
        digests.push(icon.as_str().expect("a digest").to_owned());
    }
    let listed = registry.api_get(&format!("{APP}?sort=push_time")).await;
    assert_eq!(listed.each("icon"), digests);
    let icon = async |caller: &Client, digest: &str| {
        let shown = caller.api_get(&format!("/icons/{digest}")).await;
        let shown = shown.assert_status(200).json();
        let content = shown["content"].as_str().expect("text");
        let content = BASE64.decode(content).expect("base64");
        (shown["content-type"].clone(), content)
    };
    let stranger = registry.anonymous();
    for digest in &digests[..2] {
        let (media_type, content) = icon(&stranger, digest).await;
        assert_eq!(media_type, "image/svg+xml");
        assert!(content.starts_with(b"<svg "));
    }
    assert_ne!(digests[0], digests[1]);
    assert_eq!(
        icon(&registry, &digests[2]).await,
        (json!("image/png"), PNG.to_vec())
    );
    // Whoever may not pull it is told what it is told of one that is not there.
    let boss = registry.create_account("other", "boss");
    let unknown = format!("sha256:{}", "0".repeat(64));
    for caller in [&stranger, &boss] {
        let mut said = Vec::new();
        for digest in [&digests[2], &unknown] {
            let refused = caller.api_get(&format!("/icons/{digest}")).await;
            said.push(refused.error_message().replace(digest.as_str(), "…"));
            refused.assert_harbor_error(404, "NOT_FOUND");
        }
        assert_eq!(said[0], said[1]);
    }
    // What is no picture is no icon, whatever it says of itself.
    let config = crate::registry::content::sha256(json!({}).to_string());
    let refused = registry.api_get(&format!("/icons/{config}")).await;
    refused.assert_harbor_error(404, "NOT_FOUND");
    let refused = registry.api_get("/icons/none").await;
    refused.assert_harbor_error(400, "BAD_REQUEST");
}
