//! Rules hold on every replica.

use std::future::IntoFuture as _;
use std::time::Instant;

use http::Method;
use serde_json::json;

use super::certificates::{CERTIFICATE, good, put};
use super::dns::Dns;
use super::tls::{Listener, Request};
use super::{names, ranges, send};
use crate::registry::backends::Backends;
use crate::registry::client::Client;
use crate::registry::{PATIENCE, TestRegistry};
use crate::replicas::Replicas;

const HOST: &str = "registry.acme.test";
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

/// Two registries on one database, each with a listener that speaks TLS.
async fn two_with_tls(listener: &Listener, dns: &Dns) -> [TestRegistry; 2] {
    let provided = tokio::task::spawn_blocking(|| Backends::PRODUCTION.provide());
    let settings = provided.await.expect("the engines run");
    let setup = || {
        let setup = names::asking(dns)
            .on(Backends::EMBEDDED)
            .with_deployment_key(&[7; 32]);
        let settings = settings.iter();
        let setup = settings.fold(setup, |setup, (name, value)| setup.setting(name, value));
        listener.on(setup)
    };
    [setup().start().await, setup().start().await]
}

/// Asks a listener until it shows this certificate.
async fn until_shown(registry: &TestRegistry, fingerprint: &str) {
    let deadline = Instant::now() + PATIENCE;
    let address = Listener::address(registry);
    while Request::new(HOST).shown_by(address).await != fingerprint {
        assert!(Instant::now() < deadline, "never shown: {fingerprint}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_one_replica_took_all_show() {
    let (listener, dns) = (Listener::new(), Dns::start().await);
    let both = two_with_tls(&listener, &dns).await;
    let acme = both[0].create_account("acme", "acme-admin");
    both[0].admin(&["--account", "acme", "address", "add", HOST]);
    for registry in &both {
        until_shown(registry, &listener.fingerprint).await;
    }
    for writer in [0, 1, 0] {
        let made = good(&[HOST]);
        let by = acme.asking(both[writer].origin());
        put(&by, CERTIFICATE, &made).await.assert_status(200);
        // At once where it was made.
        let address = Listener::address(&both[writer]);
        assert_eq!(Request::new(HOST).shown_by(address).await, made.fingerprint);
        until_shown(&both[1 - writer], &made.fingerprint).await;
    }
    both[1].admin(&["--account", "acme", "address", "remove", HOST]);
    for registry in &both {
        until_shown(registry, &listener.fingerprint).await;
    }
}

/// Whoever proves a name first has it; the other hears why it has not.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_accounts_that_prove_a_name_at_once_one_has_it() {
    let (listener, dns) = (Listener::new(), Dns::start().await);
    let both = two_with_tls(&listener, &dns).await;
    let acme = both[0].create_account("acme", "acme-admin");
    let globex = both[0].create_account("globex", "globex-admin");
    let globex = globex.asking(both[1].origin());
    for round in 0..5 {
        let host = format!("n{round}.acme.test");
        let mut contents = Vec::new();
        for (by, account) in [(&acme, "acme"), (&globex, "globex")] {
            let path = format!("/api/v1/accounts/{account}/addresses");
            let body = json!({ "host": host });
            let claimed = send(by, Method::POST, &path, &body).await;
            contents.push(names::content(&claimed.assert_status(201)));
        }
        let texts: Vec<&str> = contents.iter().map(String::as_str).collect();
        dns.set_texts(&format!("_roadstead-challenge.{host}"), &texts);
        let proved = |by: &Client, account: &str| {
            let path = format!("/api/v1/accounts/{account}/addresses/{host}/proof");
            send(by, Method::POST, &path, &json!({ "method": "dns" })).into_future()
        };
        let (one, other) = tokio::join!(proved(&acme, "acme"), proved(&globex, "globex"));
        let mut statuses = [one.status(), other.status()];
        let loser = if one.status() == 200 { other } else { one };
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 412], "{loser:?}");
        assert!(
            loser.error_message().contains("another account"),
            "{loser:?}"
        );
    }
    let sql = "SELECT COUNT(*) FROM account_addresses";
    assert_eq!(both[0].sql(sql)[0][0], "5");
}
