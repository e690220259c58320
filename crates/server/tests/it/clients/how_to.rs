//! Pages for administrators of accounts: every request that one shows is sent as it stands, and is answered with success.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::account_api::AccountApi as _;
use crate::registry::{ADMIN, ADMIN_PASSWORD, TestRegistry};

const PAGES: [&str; 6] = [
    "retention",
    "immutable-tags",
    "trash",
    "webhooks",
    "sinks",
    "collect-garbage",
];
const ADDRESS: &str = "https://registry.example.com";
/// An identifier and a digest, as pages shorten them.
const ID: &str = "019a…";
const DIGEST: &str = "sha256:6a1f…";

/// The requests of a page: what begins with `curl`, up to the next one.
fn requests(page: &str) -> Vec<String> {
    let mut requests: Vec<String> = Vec::new();
    let blocks = page.split("```").skip(1).step_by(2);
    for block in blocks {
        let Some((kind, lines)) = block.split_once('\n') else {
            continue;
        };
        if kind != "sh" && kind != "console" {
            continue;
        }
        let mut is_open = false;
        for line in lines.lines() {
            let line = line.strip_prefix("$ ").unwrap_or(line);
            if line.starts_with("curl ") {
                requests.push(line.to_owned());
                is_open = true;
            } else if is_open && line.starts_with(' ') {
                let last = requests.last_mut().expect("it was begun");
                last.push('\n');
                last.push_str(line);
            } else {
                // What it prints.
                is_open = false;
            }
        }
    }
    requests
}

/// Sends a request of a page; answers with the status and the body.
fn send(registry: &TestRegistry, request: &str) -> (u16, String) {
    let login = format!("{ADMIN}:{ADMIN_PASSWORD} ");
    let request = request
        .replacen("curl ", "curl --silent --write-out '\\n%{http_code}' ", 1)
        .replace("-su alice ", &format!("-u {login}"))
        .replace("-u alice ", &format!("-u {login}"))
        .replace("--user admin ", &format!("-u {login}"))
        .replace(ADDRESS, registry.origin());
    let sent = Command::new("bash")
        .args(["-c", &request])
        .stdin(Stdio::null())
        .output()
        .expect("bash is a shell");
    let printed = String::from_utf8_lossy(&sent.stdout).into_owned();
    let (body, status) = printed.rsplit_once('\n').expect("a status");
    let status = status.parse().expect("a number");
    (status, body.to_owned())
}

/// Makes what the pages are about: images, of which one lies in the trash if that is what the request is about. Answers with
/// the request about these.
async fn prepared(registry: &TestRegistry, request: &str) -> String {
    for image in ["library/app:v1", "library/app:pr-17", "team/app:latest"] {
        let (repository, tag) = image.split_once(':').expect("a tag");
        registry.push_image(repository, tag).await;
    }
    let digest = registry.push_image("team/app", "v1").await;
    let mut request = request.replace(DIGEST, &digest);
    if request.contains("/trash") {
        let path = format!("/v2/team/app/manifests/{digest}");
        registry.delete(&path).await.assert_status(202);
        let listed = registry.v1_get("/accounts/default/trash").await.json();
        let items = listed["items"].as_array().expect("items");
        let id = items.iter().find(|item| item["digest"] == digest.as_str());
        let id = id.and_then(|item| item["id"].as_str()).expect("an id");
        request = request.replace(ID, id);
    }
    assert!(!request.contains('…'), "{request}");
    request
}

#[tokio::test(flavor = "multi_thread")]
async fn every_request_that_a_page_shows_is_done() {
    let registry = TestRegistry::start().await;
    registry.admin(&["namespace", "create", "team"]);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/how-to");
    for page in PAGES {
        let text = std::fs::read_to_string(folder.join(format!("{page}.md")));
        let requests = requests(&text.expect("the page is there"));
        assert!(!requests.is_empty(), "{page}");
        for request in requests {
            let request = prepared(&registry, &request).await;
            let (status, body) = send(&registry, &request);
            assert!(
                (200..300).contains(&status),
                "{page}: {request}\n{status} {body}"
            );
            if body.starts_with('{') {
                let body: Result<Value, _> = serde_json::from_str(&body);
                body.expect("JSON");
            }
        }
    }
}
