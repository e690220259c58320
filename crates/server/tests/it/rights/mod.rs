//! Who may do what: roles of an account's own, grants on parts of namespaces, operators and what they may see.

mod content_requests;
mod operators;
mod patterns;
mod retention;
mod roles;

use crate::registry::PATIENCE;
use std::time::Instant;

use serde_json::Value;

use crate::account_api::AccountApi as _;
use crate::registry::client::{Answer, Client};

/// Where the account `default` is.
const DEFAULT: &str = "/accounts/default";

/// Gives a role in the account `default`; returns the grant's path.
async fn grant(by: &Client, body: &Value) -> String {
    let path = format!("{DEFAULT}/grants");
    let made = by.v1_post(&path, body).await.assert_status(201);
    let location = made.location();
    let below = location.strip_prefix("/api/v1").expect("a path of the API");
    below.to_owned()
}

/// The first event of a log of that kind, once it was sealed.
async fn event(by: &Client, log: &str, kind: &str) -> Value {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        let found = by.v1_get(&format!("{log}?kind={kind}")).await;
        let found = found.assert_status(200).json();
        if let Some(event) = found["items"].as_array().and_then(|items| items.first()) {
            return event.clone();
        }
        tokio::task::yield_now().await;
    }
    panic!("there is no event of the kind {kind}");
}

/// What tells a caller that there is nothing: the answer but for what is about this request alone.
fn seen(answer: &Answer) -> (u16, String) {
    (answer.status(), answer.text())
}
