//! Harbor's API v2.0: each operation as its clients send it, and what they read from the answers.

pub(crate) mod additions;
mod allowlists;
mod artifacts;
mod audit_logs;
mod collections;
mod configurations;
mod groups;
mod harbor_cli;
mod job_queues;
mod labels;
mod mechanisms;
mod members;
mod projects;
mod purges;
mod quotas;
mod repositories;
mod retentions;
mod robots;
mod search;
mod sessions;
mod statistics;
mod tags;
mod terraform;
mod users;

use serde_json::Value;

use crate::registry::client::{Answer, Call, Client};

/// Where the API is.
const API: &str = "/api/v2.0";

/// The methods of Harbor's clients: paths below the API, bodies of JSON.
pub(crate) trait Harbor {
    fn api_get(&self, path: &str) -> Call;
    fn api_delete(&self, path: &str) -> Call;
    fn api_post(&self, path: &str, body: &Value) -> Call;
    fn api_put(&self, path: &str, body: &Value) -> Call;
}

impl Harbor for Client {
    fn api_get(&self, path: &str) -> Call {
        self.get(&format!("{API}{path}"))
    }

    fn api_delete(&self, path: &str) -> Call {
        self.delete(&format!("{API}{path}"))
    }

    fn api_post(&self, path: &str, body: &Value) -> Call {
        let call = self.request(http::Method::POST, &format!("{API}{path}"));
        call.content_type("application/json").body(body.to_string())
    }

    fn api_put(&self, path: &str, body: &Value) -> Call {
        let call = self.put(&format!("{API}{path}"));
        call.content_type("application/json").body(body.to_string())
    }
}

impl Answer {
    /// Harbor's answer to a change: 200, and nothing that says it were JSON.
    #[track_caller]
    pub(crate) fn assert_done(self) -> Self {
        let answer = self.assert_status(200);
        assert_eq!(answer.text(), "");
        assert_eq!(answer.find_header("content-type"), None);
        answer
    }

    /// An error in Harbor's form.
    #[track_caller]
    pub(crate) fn assert_harbor_error(self, status: u16, code: &str) -> Self {
        let answer = self.assert_status(status);
        assert_eq!(
            answer.header("content-type"),
            "application/json; charset=utf-8"
        );
        let body = answer.json();
        assert_eq!(body["errors"][0]["code"], code, "{body}");
        assert!(!answer.error_message().is_empty());
        answer
    }

    /// What each entry of a list has in a field.
    #[track_caller]
    fn each(&self, field: &str) -> Vec<Value> {
        let list = self.json();
        let list = list.as_array().expect("a list");
        list.iter().map(|entry| entry[field].clone()).collect()
    }
}
