//! From where accounts may be reached: rules of their administrators, listeners, and proxies that say whose a connection is.

mod addresses;
pub(crate) mod certificates;
pub(crate) mod dns;
mod http_proofs;
mod names;
mod private_only;
mod proxy_protocol;
mod replicas;
mod rules;
mod tls;

use std::time::Instant;

use http::Method;
use serde_json::{Value, json};

use crate::registry::client::{Answer, Call, Client};
use crate::registry::{Setup, TestRegistry};

/// An account with a private and a public image, and its administrator at 127.0.0.1.
pub(super) struct Acme {
    pub(super) registry: TestRegistry,
    pub(super) admin: Client,
}

pub(super) const PRIVATE: &str = "/v2/acme/app/manifests/v1";
pub(super) const PUBLIC: &str = "/v2/open/app/manifests/v1";

impl Acme {
    pub(super) async fn start() -> Self {
        Self::start_on(TestRegistry::builder()).await
    }

    pub(super) async fn start_on(setup: Setup) -> Self {
        let registry = setup.start().await;
        let admin = registry.create_account("acme", "acme-admin");
        registry.admin(&["--account", "acme", "namespace", "create", "acme"]);
        registry.admin(&[
            "--account",
            "acme",
            "namespace",
            "create",
            "open",
            "--public",
        ]);
        for repository in ["acme/app", "open/app"] {
            admin.push_image(repository, "v1").await;
        }
        Self { registry, admin }
    }

    /// Changes rules of the account, whatever they were.
    pub(super) async fn set(&self, change: Value) {
        let path = "/api/v1/accounts/acme/network";
        send(&self.admin, Method::PATCH, path, &change)
            .await
            .assert_status(204);
    }
}

/// A request with a body of JSON.
pub(super) fn send(caller: &Client, method: Method, path: &str, body: &Value) -> Call {
    let call = caller.request(method, path);
    call.content_type("application/json").body(body.to_string())
}

/// A list of ranges as requests have it.
pub(super) fn ranges(ranges: &[&str]) -> Value {
    ranges
        .iter()
        .map(|range| json!({ "range": range, "description": "" }))
        .collect()
}

/// Code and message of an error's only entry.
pub(super) fn error(answer: &Answer) -> (u16, String, String) {
    let body = answer.json();
    let text = |field: &str| {
        body["errors"][0][field]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    (answer.status(), text("code"), text("message"))
}

/// Waits until something is so that is done beside the requests.
pub(super) async fn until(is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + crate::registry::PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "it never is");
        tokio::task::yield_now().await;
    }
}
