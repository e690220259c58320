//! IBM's API of its container registry: each operation as its SDKs send it, and what they read from the answers.

mod images;
mod long_lists;
mod namespaces;
mod quotas;
mod settings;
mod tags;
mod token;

pub(crate) use images::encoded;

use std::fmt::Write as _;

use serde_json::Value;

use crate::registry::TestRegistry;
use crate::registry::client::{Answer, Call, Client, Credentials};

/// Where the API is.
const API: &str = "/api/v1";

/// The methods of IBM's clients: paths below the API, bodies of JSON.
pub(crate) trait Ibm {
    fn ibm_get(&self, path: &str) -> Call;
    fn ibm_delete(&self, path: &str) -> Call;
    fn ibm_put(&self, path: &str) -> Call;
    fn ibm_post(&self, path: &str, body: &Value) -> Call;
    fn ibm_patch(&self, path: &str, body: &Value) -> Call;
}

impl Ibm for Client {
    fn ibm_get(&self, path: &str) -> Call {
        self.get(&format!("{API}{path}"))
    }

    fn ibm_delete(&self, path: &str) -> Call {
        self.delete(&format!("{API}{path}"))
    }

    fn ibm_put(&self, path: &str) -> Call {
        self.put(&format!("{API}{path}"))
    }

    fn ibm_post(&self, path: &str, body: &Value) -> Call {
        let call = self.request(http::Method::POST, &format!("{API}{path}"));
        call.content_type("application/json").body(body.to_string())
    }

    fn ibm_patch(&self, path: &str, body: &Value) -> Call {
        let call = self.patch(&format!("{API}{path}"));
        call.content_type("application/json").body(body.to_string())
    }
}

impl Answer {
    /// An error in the form of IBM's API.
    #[track_caller]
    fn assert_ibm_error(self, status: u16, code: &str) -> Self {
        let answer = self.assert_status(status);
        assert_eq!(answer.header("content-type"), "application/json");
        let body = answer.json();
        assert_eq!(body["code"], code, "{body}");
        assert!(!answer.ibm_message().is_empty());
        let request = answer.header("x-request-id");
        assert_eq!(body["request-id"], request);
        assert_eq!(answer.header("x-global-transaction-id"), request);
        answer
    }

    /// What an error says to people.
    #[track_caller]
    fn ibm_message(&self) -> String {
        let message = &self.json()["message"];
        message.as_str().expect("a message").to_owned()
    }
}

/// Asks for a token with an API key.
async fn ask_for_token(registry: &TestRegistry, key: &str) -> Answer {
    let escaped = key.bytes().fold(String::new(), |mut escaped, byte| {
        _ = write!(escaped, "%{byte:02x}");
        escaped
    });
    let form = format!(
        "grant_type=urn%3Aibm%3Aparams%3Aoauth%3Agrant-type%3Aapikey&apikey={escaped}&response_type=cloud_iam"
    );
    registry
        .anonymous()
        .request(http::Method::POST, "/identity/token")
        .content_type("application/x-www-form-urlencoded")
        .body(form)
        .await
}

/// A caller who shows a token that it got with an API key.
async fn with_key(registry: &TestRegistry, key: &str) -> Client {
    let answer = ask_for_token(registry, key).await.assert_status(200);
    let token = answer.json()["access_token"].clone();
    let token = token.as_str().expect("a token").to_owned();
    registry.client(Credentials::Bearer(token))
}

/// Makes a personal access token of a user; `may` is what it is restricted to.
fn create_key(registry: &TestRegistry, user: &str, name: &str, may: &[&str]) -> String {
    let mut arguments = vec!["token", "create", user, name];
    for action in may {
        arguments.extend(["--may", action]);
    }
    let made = registry.admin(&arguments);
    made["secret"].as_str().expect("a secret").to_owned()
}

/// The administrator, as IBM's clients log in.
pub(crate) async fn administrator(registry: &TestRegistry) -> Client {
    with_key(registry, &create_key(registry, "admin", "ibm", &[])).await
}
