//! Text and pictures that strangers wrote, and people's browsers read.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::account_api::AccountApi as _;
use crate::harbor::Harbor as _;
use crate::harbor::additions::{CHART, CHART_LAYER, archive, push};
use crate::registry::TestRegistry;
use crate::registry::client::Answer;
use crate::registry::content::{OCI_CONFIG, OCI_LAYER};

const SCRIPT: &str = "<script>alert(document.cookie)</script>";
const LINK: &str = "[click](javascript:alert(1)) <img src=x onerror=alert(1)>";

/// Fails unless no browser takes it for a page.
#[track_caller]
fn assert_is_no_page(answer: &Answer) {
    let kind = answer.header("content-type");
    for page in ["html", "svg", "xml", "javascript"] {
        assert!(!kind.contains(page), "{kind}");
    }
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
}

/// T59: what a chart shows is its text, not a page; a document that would grow when it is read is not read as one; and a
/// picture that can carry a script is no icon.
#[tokio::test]
async fn t59_what_strangers_wrote_is_shown_as_text() {
    let registry = TestRegistry::start().await;
    // Each line names the one before nine times.
    let mut growing = "a: &a [x,x,x,x,x,x,x,x,x]\n".to_owned();
    for (name, before) in "bcdefghijklmnop".chars().zip("abcdefghijklmno".chars()) {
        let nine = vec![format!("*{before}"); 9].join(",");
        // Writing into a text does not fail.
        let _ = writeln!(growing, "{name}: &{name} [{nine}]");
    }
    let readme = format!("# App\n{SCRIPT}\n{LINK}\n");
    let files = [
        ("app/Chart.yaml", growing.as_str()),
        ("app/values.yaml", growing.as_str()),
        ("app/README.md", readme.as_str()),
    ];
    let config = json!({ "name": SCRIPT, "version": "1.0.0", "description": LINK, "icon": "javascript:alert(1)",
        "dependencies": [{ "name": SCRIPT, "version": "1", "repository": "javascript:alert(1)" }] });
    let layer = (CHART_LAYER, archive(&files, "-z"), json!(null));
    push(&registry, "v1", (CHART, &config), &[layer]).await;
    let app = "/projects/library/repositories/app/artifacts/v1";
    for (name, text) in [("values.yaml", &growing), ("readme.md", &readme)] {
        let shown = registry.api_get(&format!("{app}/additions/{name}")).await;
        let shown = shown.assert_status(200);
        assert_is_no_page(&shown);
        assert_eq!(&shown.text(), text, "as it was written");
    }
    for path in [app.to_owned(), format!("{app}/additions/dependencies")] {
        let shown = registry.api_get(&path).await.assert_status(200);
        assert_is_no_page(&shown);
    }
    let blob = registry.push_blob("library/app", SCRIPT).await;
    let blob = registry.get(&format!("/v2/library/app/blobs/{blob}")).await;
    assert_is_no_page(&blob.assert_status(200));

    let picture = format!("<svg xmlns=\"http://www.w3.org/2000/svg\">{SCRIPT}</svg>");
    let layer = (OCI_LAYER, b"x".to_vec(), json!(null));
    let own = json!({ "io.goharbor.artifact.v1alpha1.icon": "" });
    for kind in ["image/svg+xml", "image/png"] {
        let icon = (kind, picture.clone().into_bytes(), own.clone());
        let config = (OCI_CONFIG, &json!({ "of": kind }));
        push(&registry, "icon", config, &[layer.clone(), icon]).await;
        let shown = registry.api_get("/projects/library/repositories/app/artifacts/icon");
        let icon = shown.await.assert_status(200).json()["icon"].clone();
        let Value::String(digest) = icon else {
            continue;
        };
        let shown = registry.api_get(&format!("/icons/{digest}")).await;
        assert!(shown.status() == 404 || !shown.text().contains("PHNjcmlwdD"));
        assert!(!shown.text().contains("script"));
    }
}

/// T59: names and descriptions that are markup come back in JSON as they were written, or are refused.
#[tokio::test]
async fn t59_descriptions_are_text_in_every_answer() {
    let registry = TestRegistry::start().await;
    registry.push_image("library/app", "v1").await;
    let repository = "/projects/library/repositories/app";
    let text = json!({ "description": SCRIPT });
    registry.api_put(repository, &text).await.assert_status(200);
    let webhook = json!({ "name": SCRIPT, "description": LINK, "url": "https://hooks.example.com/",
        "event_types": ["PUSH_ARTIFACT"] });
    let webhooks = "/accounts/default/namespaces/library/webhooks";
    registry
        .v1_post(webhooks, &webhook)
        .await
        .assert_status(201);
    for shown in [
        registry.api_get(repository).await,
        registry.api_get("/projects/library/webhook/policies").await,
        registry.v1_get(webhooks).await,
        registry.v1_get("/accounts/default/audit-events").await,
        registry.api_get("/audit-logs").await,
        registry.api_get(&format!("/projects/{SCRIPT}")).await,
        registry.v1_get(&format!("/accounts/{SCRIPT}")).await,
        registry
            .get(&format!("/v2/library/{SCRIPT}/tags/list"))
            .await,
        registry.get(&format!("/{SCRIPT}")).await,
    ] {
        assert_is_no_page(&shown);
    }
    let shown = registry.api_get(repository).await.json();
    assert_eq!(shown["description"], SCRIPT);
}
