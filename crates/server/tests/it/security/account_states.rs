//! What an account that is suspended, or is being closed, still does: nothing changes in it by any operation, and its content
//! is pulled only where that was left to it.

use std::fmt::Write as _;

use serde_json::json;

use super::changes::{Things, requests};
use super::matrix::Face;
use super::{lone_manifest, seen};
use crate::account_api::AccountApi as _;
use crate::registry::client::Client;
use crate::registry::content::{OCI_INDEX, sha256};

/// How an operator stops an account, what takes that back, and whether the account may still pull.
const STATES: &[(&str, &str, bool)] = &[
    ("suspension", r#"{"mode":"pull","reason":"a bill"}"#, true),
    (
        "suspension",
        r#"{"mode":"nothing","reason":"abuse"}"#,
        false,
    ),
    ("closing", r#"{"allows_pull":true}"#, true),
    ("closing", r#"{"allows_pull":false}"#, false),
];

/// One's own login can be taken back always, and so can what an operator was allowed to see; a preview only looks.
const ALWAYS: &[&str] = &[
    "revokeAccessToken",
    "decideContentRequest",
    "previewRetention",
    "AnalyzeRetentionPolicy",
];

async fn stop(things: &Things, (how, body, _): (&str, &str, bool)) {
    let path = format!("/deployment/accounts/own/{how}");
    let body = serde_json::from_str(body).expect("JSON");
    let stopped = things.registry.v1_put(&path, &body).await;
    assert!(matches!(stopped.status(), 200 | 204), "{}", stopped.text());
}

async fn go_on(things: &Things, (how, _, _): (&str, &str, bool)) {
    let path = format!("/deployment/accounts/own/{how}");
    let resumed = things.registry.v1_delete(&path).await;
    assert_eq!(resumed.status(), 204, "{}", resumed.text());
}

/// Every change of every face, as the account's administrator.
#[tokio::test]
async fn a_stopped_account_changes_nothing_by_any_operation() {
    let things = Things::start().await;
    let mut problems = String::new();
    for state in STATES {
        stop(&things, *state).await;
        let before = things.contents_of("own");
        for face in [Face::harbor(), Face::ibm(), Face::account_api()] {
            for request in requests(&face) {
                let is_read = matches!(request.method, "GET" | "HEAD");
                if is_read
                    || request.is_of_deployment
                    || !request.is_done
                    || ALWAYS.contains(&request.operation)
                {
                    continue;
                }
                let answer = request.call(&face, &things.ann, &things).await;
                if answer.status() != 403 {
                    let (operation, text) = (request.operation, answer.text());
                    let status = answer.status();
                    _ = writeln!(problems, "{operation} in {state:?}: {status} {text}");
                }
            }
        }
        let after = things.contents_of("own");
        let tables = after
            .iter()
            .filter(|(table, rows)| before.get(*table) != Some(rows));
        for (table, _) in tables {
            _ = writeln!(problems, "{table} was changed in {state:?}");
        }
        go_on(&things, *state).await;
    }
    assert!(problems.is_empty(), "{problems}");
}

struct Pullers {
    own: Vec<Client>,
    strangers: Vec<Client>,
}

async fn pullers(things: &Things) -> Pullers {
    let robot = things.registry.admin(&[
        "--account",
        "own",
        "robot",
        "create",
        "puller",
        "--may",
        "pull",
    ]);
    let text = |field: &str| robot[field].as_str().expect("a text").to_owned();
    let robot = things.registry.as_user(&text("name"), &text("secret"));
    let mia = things.registry.as_user("mia", "Correct-horse-9-battery");
    let token = things
        .ann
        .with_token(&["repository:own/app:pull,push,delete"])
        .await;
    Pullers {
        own: vec![things.ann.clone(), robot, mia, token],
        strangers: vec![
            things.fay.clone(),
            things.registry.anonymous(),
            things
                .registry
                .client(things.registry.credentials().clone()),
        ],
    }
}

/// Pulls and pushes by everyone of the account, and what strangers learn of its state: nothing.
#[tokio::test]
async fn a_stopped_account_is_pulled_from_as_far_as_that_was_left_to_it() {
    let things = Things::start().await;
    let Pullers { own, strangers } = pullers(&things).await;
    let layer = things.ann.push_blob("own/app", "a layer").await;
    let upload = things.ann.start_upload("own/app").await;
    let mut before = Vec::new();
    for stranger in &strangers {
        let answer = stranger.get("/v2/own/app/manifests/v1").await;
        before.push(seen(&answer, &[]));
    }
    for state in STATES {
        stop(&things, *state).await;
        let pulled = if state.2 { 200 } else { 403 };
        for client in &own {
            for path in [
                "/v2/own/app/manifests/v1".to_owned(),
                format!("/v2/own/app/blobs/{layer}"),
            ] {
                assert_eq!(client.get(&path).await.status(), pulled, "{state:?}");
                assert_eq!(client.head(&path).await.status(), pulled, "{state:?}");
            }
        }
        let ann = &things.ann;
        let manifest = lone_manifest("more").to_string();
        let put = ann
            .put("/v2/own/app/manifests/more")
            .content_type(OCI_INDEX);
        let finish = format!("{upload}?digest={}", sha256("more"));
        for refused in [
            ann.post("/v2/own/app/blobs/uploads/").await,
            put.body(manifest).await,
            ann.patch(&upload).body("more").await,
            ann.put(&finish).body("more").await,
            ann.delete("/v2/own/app/manifests/v1").await,
            ann.delete(&format!("/v2/own/app/blobs/{layer}")).await,
            ann.post("/v2/fresh/app/blobs/uploads/").await,
        ] {
            assert_eq!(refused.status(), 403, "{state:?}: {}", refused.text());
        }
        for (stranger, before) in strangers.iter().zip(&before) {
            let answer = stranger.get("/v2/own/app/manifests/v1").await;
            assert_eq!(seen(&answer, &[]), *before, "{state:?}");
        }
        go_on(&things, *state).await;
    }
    // What was open before goes on afterwards.
    let finish = format!("{upload}?digest={}", sha256("more"));
    things
        .ann
        .put(&finish)
        .body("more")
        .await
        .assert_status(201);
    let listed = things.ann.v1_get("/accounts/own").await.json();
    assert_eq!(listed["state"], json!("active"));
}
