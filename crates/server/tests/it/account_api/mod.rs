//! Our own API at `/api/v1`: each operation as its clients send it, and what they read from the answers.

mod access_tokens;
mod accounts;
mod audit_events;
mod deployment;
mod members;
mod openapi;
mod repositories;
mod requests;
mod work;

use http::Method;
use serde_json::Value;

use crate::registry::client::{Answer, Call, Client};

/// The methods of clients: paths below the API, bodies of JSON.
pub(crate) trait AccountApi {
    fn v1(&self, method: Method, path: &str) -> Call;

    fn v1_get(&self, path: &str) -> Call {
        self.v1(Method::GET, path)
    }

    fn v1_delete(&self, path: &str) -> Call {
        self.v1(Method::DELETE, path)
    }

    fn v1_post(&self, path: &str, body: &Value) -> Call {
        with_json(self.v1(Method::POST, path), body)
    }

    fn v1_put(&self, path: &str, body: &Value) -> Call {
        with_json(self.v1(Method::PUT, path), body)
    }

    fn v1_patch(&self, path: &str, body: &Value) -> Call {
        with_json(self.v1(Method::PATCH, path), body)
    }
}

impl AccountApi for Client {
    fn v1(&self, method: Method, path: &str) -> Call {
        self.request(method, &format!("/api/v1{path}"))
    }
}

fn with_json(call: Call, body: &Value) -> Call {
    call.content_type("application/json").body(body.to_string())
}

impl Answer {
    /// 204, and nothing inside.
    #[track_caller]
    pub(crate) fn assert_no_content(self) {
        let answer = self.assert_status(204);
        assert_eq!(
            (answer.text().as_str(), answer.find_header("content-type")),
            ("", None)
        );
    }

    /// What each item of a list has in a field.
    #[track_caller]
    pub(crate) fn items(&self, field: &str) -> Vec<Value> {
        let body = self.json();
        let items = body["items"].as_array().expect("items");
        items.iter().map(|item| item[field].clone()).collect()
    }
}
