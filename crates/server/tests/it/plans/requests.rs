//! Requests at once.

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{account_with, create_plan, give_plan, push_layer, until};
use crate::account_api::AccountApi as _;
use crate::registry::TestRegistry;
use crate::registry::client::Client;

/// More than sockets hold.
const LARGE: usize = 24 << 20;

/// Asks for a blob, and reads the beginning of the answer only.
async fn begin_pull(registry: &TestRegistry, client: &Client, path: &str) -> TcpStream {
    let mut stream = registry.connect().await;
    let login = client.credentials().header().expect("a login");
    let request =
        format!("GET {path} HTTP/1.1\r\nhost: registry\r\nauthorization: {login}\r\n\r\n");
    stream
        .write_all(request.as_bytes())
        .await
        .expect("it is sent");
    let mut beginning = [0; 15];
    stream
        .read_exact(&mut beginning)
        .await
        .expect("it is answered");
    assert_eq!(&beginning, b"HTTP/1.1 200 OK");
    stream
}

/// A place is taken from when the request's account is known until the last byte of its answer was taken, or the client has
/// gone away.
#[tokio::test]
async fn an_account_has_as_many_requests_at_once_as_its_plan_says() {
    let registry = TestRegistry::start().await;
    let acme = account_with(&registry, "acme", &json!({ "requests_at_once": 2 })).await;
    let globex = account_with(&registry, "globex", &json!({ "requests_at_once": 2 })).await;
    let (_, digest) = push_layer(&acme, "acme/app", "v1", (1, LARGE)).await;
    push_layer(&globex, "globex/app", "v1", (2, 100)).await;
    let blob = format!("/v2/acme/app/blobs/{digest}");
    let first = begin_pull(&registry, &acme, &blob).await;
    let _second = begin_pull(&registry, &acme, &blob).await;

    let message = "the account has 2 requests under way, as many as its plan allows at once; try again, or ask for a larger plan";
    let refused = acme.get("/v2/acme/app/manifests/v1").await;
    assert_eq!(refused.header("retry-after"), "1");
    assert_eq!(refused.error_message(), message);
    refused.assert_error(429, "TOOMANYREQUESTS");
    acme.post("/v2/acme/app/blobs/uploads/")
        .await
        .assert_error(429, "TOOMANYREQUESTS");
    let refused = acme.get("/api/v2.0/projects").await;
    assert_eq!(refused.header("retry-after"), "1");
    assert_eq!(refused.error_message(), message);
    refused.assert_harbor_error(429, "TOO_MANY_REQUEST");
    let refused = acme.v1_get("/accounts/acme/usage").await;
    assert_eq!(refused.header("retry-after"), "1");
    refused.assert_error(429, "TOO_MANY_REQUESTS");

    // Nobody else notices, and whoever runs the deployment can still help.
    globex
        .get("/v2/globex/app/manifests/v1")
        .await
        .assert_status(200);
    registry.get("/api/v2.0/projects").await.assert_status(200);
    create_plan(&registry, "three", &json!({ "requests_at_once": 3 })).await;
    give_plan(&registry, "acme", "three").await;
    acme.get("/v2/acme/app/manifests/v1")
        .await
        .assert_status(200);
    give_plan(&registry, "acme", "plan-of-acme").await;
    acme.get("/v2/acme/app/manifests/v1")
        .await
        .assert_status(429);

    // A client that went away gives its place back.
    drop(first);
    let pull = || async {
        let answer = acme.get("/v2/acme/app/manifests/v1").await;
        (answer.status() == 200).then_some(())
    };
    until("a place that was given back", pull).await;
    // One that takes its answer to the end does, too: many in a row find the one place.
    for _ in 0..5 {
        acme.get("/v2/acme/app/manifests/v1")
            .await
            .assert_status(200);
        acme.get(&blob)
            .header("range", "bytes=0-99")
            .await
            .assert_status(206);
    }
}
