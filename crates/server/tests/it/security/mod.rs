//! What strangers, tenants and broken clients try, and what they get: the cases T1 to T72 of the threat list that
//! concern what is built, one test or more per case, its number in the first line.
//!
//! The matrices of every endpoint and every kind of caller are [`authorization_matrix`] and [`harbor_matrix`]; accounts
//! that must not see each other are tested below the API too, in the `isolation` tests of `services`.

mod account_api_matrix;
mod account_states;
mod authorization_matrix;
mod changes;
mod deletion;
mod existence_parity;
mod forgery;
mod harbor_matrix;
mod hidden;
mod http_framing;
mod ibm_matrix;
mod identifier_swaps;
mod lifecycle;
mod lists;
mod login;
mod manifests;
mod mass_assignment;
mod matrix;
mod names;
mod nesting;
mod pages;
mod resources;
mod scopes;
mod secrets;
mod signed_urls;
mod storage;
mod tenants;
mod tokens;
mod upload_sessions;

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

use crate::registry::client::{Answer, Client, Credentials};
use crate::registry::content::OCI_INDEX;
use crate::registry::{ADMIN, ADMIN_PASSWORD, TestRegistry};

/// A blob's digest that nothing has.
const NOWHERE: &str = "sha256:00000000000000000000000000000000000000000000000000000000000000ff";
/// An upload's id that nobody was given.
const NO_UPLOAD: &str = "01931c5e-7b1a-7c3d-9e4f-0123456789ab";

/// Everything of an answer that a stranger could learn from, with the names of what was asked for taken out.
fn seen(answer: &Answer, names: &[&str]) -> String {
    let mut text = format!("{}\n", answer.status());
    let mut headers: Vec<String> = answer
        .headers()
        .iter()
        .filter(|(name, _)| !matches!(name.as_str(), "date" | "x-request-id"))
        .map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value.as_bytes())))
        .collect();
    headers.sort();
    _ = write!(text, "{}\n\n{}", headers.join("\n"), answer.text());
    for name in names {
        text = text.replace(name, "<asked>");
    }
    text
}

/// Fails unless two answers are the same for whoever got them.
#[track_caller]
fn assert_same(left: &Answer, right: &Answer, names: &[&str]) {
    assert_eq!(seen(left, names), seen(right, names));
}

/// The `Authorization` header of the administrator.
fn admin_header() -> String {
    format!(
        "Authorization: Basic {}\r\n",
        BASE64.encode(format!("{ADMIN}:{ADMIN_PASSWORD}"))
    )
}

/// A request as bytes; `headers` end with CR LF each. The connection closes after it.
fn request(start: &str, headers: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let mut bytes =
        format!("{start} HTTP/1.1\r\nHost: registry.test\r\nConnection: close\r\n{headers}\r\n")
            .into_bytes();
    bytes.extend_from_slice(body.as_ref());
    bytes
}

/// The status of the first answer among some bytes, and the whole as text.
#[track_caller]
fn raw_status(answer: &[u8]) -> (u16, String) {
    let text = String::from_utf8_lossy(answer).into_owned();
    let status = text
        .strip_prefix("HTTP/1.1 ")
        .or_else(|| text.strip_prefix("HTTP/1.0 "));
    let status = status.and_then(|rest| rest.get(..3)?.parse().ok());
    (
        status.unwrap_or_else(|| panic!("no answer: {text:?}")),
        text,
    )
}

/// An index without children: a manifest that needs nothing but itself. Each seed makes another.
fn lone_manifest(seed: &str) -> Value {
    json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [], "annotations": { "seed": seed } })
}

/// A text with every byte percent-encoded.
fn escaped(text: &str) -> String {
    text.bytes().fold(String::new(), |mut escaped, byte| {
        _ = write!(escaped, "%{byte:02x}");
        escaped
    })
}

/// Posts a form to the token endpoint, as clients of the OAuth2 protocol do.
async fn post_form(registry: &TestRegistry, form: &str) -> Answer {
    registry
        .anonymous()
        .request(http::Method::POST, "/service/token")
        .content_type("application/x-www-form-urlencoded")
        .body(form.to_owned())
        .await
}

/// What a caller's secret is: the password or personal access token it shows.
fn secret_of(client: &Client) -> String {
    match client.credentials() {
        Credentials::Basic { password, .. } => password.clone(),
        other => panic!("no name and secret: {other:?}"),
    }
}

impl TestRegistry {
    /// Makes a personal access token of a user; `may` is what it is restricted to. Answers with a caller that shows it.
    fn create_access_token(&self, user: &str, name: &str, may: &[&str]) -> Client {
        let mut arguments = vec!["token", "create", user, name];
        for action in may {
            arguments.extend(["--may", action]);
        }
        let made = self.admin(&arguments);
        self.as_user(user, made["secret"].as_str().expect("a secret"))
    }

    /// Memory of the process that no file backs, in bytes.
    pub(crate) fn anonymous_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid()));
        let status = status.expect("the process runs");
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("RssAnon:"));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
        kib.and_then(|kib| kib.trim().parse::<u64>().ok())
            .expect("a number of kB")
            * 1024
    }
}
