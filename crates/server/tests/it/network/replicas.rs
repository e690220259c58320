//! Rules hold on every replica.

use std::time::{Duration, Instant};

use http::Method;
use serde_json::json;

use super::{ranges, send};
use crate::registry::client::Client;
use crate::replicas::Replicas;

const PATIENCE: Duration = Duration::from_mins(1);
const NETWORK: &str = "/api/v1/accounts/default/network";
const IMAGE: &str = "/v2/library/app/manifests/v1";

/// Asks a replica until it answers so.
async fn until(caller: &Client, status: u16) {
    let deadline = Instant::now() + PATIENCE;
    while caller.get(IMAGE).await.status() != status {
        assert!(Instant::now() < deadline, "never: {status} for {IMAGE}");
        tokio::task::yield_now().await;
    }
}

/// Every replica looks at the database twice a second for changes of policy, whoever made them.
#[tokio::test(flavor = "multi_thread")]
async fn a_rule_that_one_replica_made_all_keep() {
    let replicas = Replicas::start(3).await;
    replicas.push_image("library/app", "v1").await;
    let token = replicas.with_token(&["repository:library/app:pull"]).await;
    let callers: Vec<Client> = replicas
        .each()
        .map(|replica| token.asking(replica.origin()))
        .collect();
    for caller in &callers {
        caller.get(IMAGE).await.assert_status(200);
    }
    for (writer, range, status) in [
        (0, "127.0.0.2", 403),
        (1, "127.0.0.1", 200),
        (2, "::1", 403),
    ] {
        let change = json!({ "registry": ranges(&[range]) });
        let replica = replicas.replica(writer);
        send(replica, Method::PATCH, NETWORK, &change)
            .await
            .assert_status(204);
        // At once where it was made.
        callers[writer].get(IMAGE).await.assert_status(status);
        for caller in &callers {
            until(caller, status).await;
        }
    }
}
