//! Certificates of accounts' host names, as clients see them in real handshakes.

use std::process::Output;

use http::Method;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use serde_json::{Value, json};

use super::tls::{Listener, Request, fingerprint};
use super::{Acme, error, send};
use crate::registry::TestRegistry;
use crate::registry::client::{Answer, Client};

const HOST: &str = "registry.acme.test";
const OTHER: &str = "images.acme.test";
pub(super) const CERTIFICATE: &str =
    "/api/v1/accounts/acme/addresses/registry.acme.test/certificate";

/// A certificate with its key.
pub(crate) struct Made {
    pub(crate) chain: String,
    pub(crate) key: String,
    /// SHA-256 of the server's own.
    pub(crate) fingerprint: String,
}

/// A certificate for names, from one year to the other.
pub(crate) fn made(names: &[&str], (from, until): (i32, i32)) -> Made {
    let mut authority = CertificateParams::new(Vec::new()).expect("parameters");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("a key");
    let authority = CertifiedIssuer::self_signed(authority, key).expect("an authority");
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let mut parameters = CertificateParams::new(names).expect("parameters");
    parameters.not_before = date_time_ymd(from, 1, 1);
    parameters.not_after = date_time_ymd(until, 1, 1);
    let key = KeyPair::generate().expect("a key");
    let made = parameters
        .signed_by(&key, &authority)
        .expect("a certificate");
    Made {
        chain: format!("{}{}", made.pem(), authority.pem()),
        key: key.serialize_pem(),
        fingerprint: fingerprint(made.der()),
    }
}

pub(crate) fn good(names: &[&str]) -> Made {
    made(names, (2020, 2100))
}

pub(super) async fn put(by: &Client, path: &str, made: &Made) -> Answer {
    let body = json!({ "certificate_chain": made.chain, "private_key": made.key });
    send(by, Method::PUT, path, &body).await
}

async fn start(listener: &Listener) -> Acme {
    let acme = Acme::start_on(listener.on(TestRegistry::builder())).await;
    acme.registry
        .admin(&["--account", "acme", "address", "add", HOST]);
    acme
}

#[tokio::test]
async fn a_name_shows_its_own_certificate_and_every_other_the_listeners() {
    let listener = Listener::new();
    let acme = start(&listener).await;
    let (registry, admin) = (&acme.registry, &acme.admin);
    registry.admin(&["--account", "acme", "address", "add", OTHER]);
    let address = Listener::address(registry);
    let shown = |name: &'static str| async move { Request::new(name).shown_by(address).await };
    assert_eq!(shown(HOST).await, listener.fingerprint);
    admin.get(CERTIFICATE).await.assert_error(404, "NOT_FOUND");

    let first = good(&[HOST, "*.acme.test"]);
    let answer = put(admin, CERTIFICATE, &first).await.assert_status(200);
    let mut view = answer.json();
    assert!(view["updated_at"].take().is_string() && view["days_left"].take().is_i64());
    assert_eq!(
        view,
        json!({
            "subject": "CN=rcgen self signed cert",
            "issuer": "CN=rcgen self signed cert",
            "names": [HOST, "*.acme.test"],
            "fingerprint": first.fingerprint,
            "not_before": "2020-01-01T00:00:00.000Z",
            "not_after": "2100-01-01T00:00:00.000Z",
            "days_left": null,
            "updated_at": null,
        })
    );
    // At once, on new connections, in whatever case they ask.
    for name in [HOST, "REGISTRY.acme.TEST"] {
        assert_eq!(shown(name).await, first.fingerprint, "{name}");
    }
    // For that name only, though it is for others, too; and not for who asks for none.
    for name in [
        OTHER,
        "a.acme.test",
        "localhost",
        "127.0.0.1",
        "globex.test",
    ] {
        assert_eq!(shown(name).await, listener.fingerprint, "{name}");
    }
    let listed = admin.get("/api/v1/accounts/acme/addresses").await.json();
    assert_eq!(listed["addresses"][1]["certificate"], answer.json());
    assert_eq!(listed["addresses"][0]["certificate"], Value::Null);
    assert_eq!(admin.get(CERTIFICATE).await.json(), answer.json());
}

#[tokio::test]
async fn a_certificate_goes_when_it_is_replaced_and_with_its_name() {
    let listener = Listener::new();
    let acme = start(&listener).await;
    let (registry, admin) = (&acme.registry, &acme.admin);
    let address = Listener::address(registry);
    let shown = |name: &'static str| async move { Request::new(name).shown_by(address).await };
    let first = good(&[HOST]);
    put(admin, CERTIFICATE, &first).await.assert_status(200);
    assert_eq!(shown(HOST).await, first.fingerprint);
    let second = good(&[HOST]);
    put(admin, CERTIFICATE, &second).await.assert_status(200);
    assert_eq!(shown(HOST).await, second.fingerprint);
    admin.delete(CERTIFICATE).await.assert_status(204);
    admin
        .delete(CERTIFICATE)
        .await
        .assert_error(404, "NOT_FOUND");
    assert_eq!(shown(HOST).await, listener.fingerprint);
    // A name takes its certificate along.
    let of_operators = CERTIFICATE.replace("/accounts/", "/deployment/accounts/");
    put(registry, &of_operators, &first)
        .await
        .assert_status(200);
    assert_eq!(shown(HOST).await, first.fingerprint);
    registry.admin(&["--account", "acme", "address", "remove", HOST]);
    assert_eq!(shown(HOST).await, listener.fingerprint);
    // Somebody else gets the name, and nothing with it.
    let globex = registry.create_account("globex", "globex-admin");
    registry.admin(&["--account", "globex", "address", "add", HOST]);
    assert_eq!(shown(HOST).await, listener.fingerprint);
    put(admin, CERTIFICATE, &first)
        .await
        .assert_error(404, "NOT_FOUND");
    let theirs = CERTIFICATE.replace("acme/addresses", "globex/addresses");
    globex.get(&theirs).await.assert_error(404, "NOT_FOUND");
}

#[tokio::test]
async fn what_clients_would_not_accept_is_refused_and_changes_nothing() {
    let listener = Listener::new();
    let acme = start(&listener).await;
    let admin = &acme.admin;
    let kept = good(&[HOST]);
    put(admin, CERTIFICATE, &kept).await.assert_status(200);
    let wrong_key = Made {
        key: good(&[HOST]).key,
        ..good(&[HOST])
    };
    let no_chain = Made {
        chain: kept.key.clone(),
        ..good(&[HOST])
    };
    for (refused, why) in [
        (made(&[HOST], (2020, 2021)), "expired"),
        (made(&[HOST], (2090, 2100)), "not valid yet"),
        (
            good(&["acme.test", "*.registry.acme.test"]),
            "not for registry.acme.test but for acme.test",
        ),
        (good(&[]), "no DNS name"),
        (wrong_key, "does not belong"),
        (no_chain, "not PEM"),
    ] {
        let answer = put(admin, CERTIFICATE, &refused).await;
        let answer = answer.assert_error(422, "INVALID");
        let said = answer.error_message();
        assert!(said.contains(why), "{said}");
        assert!(!answer.text().contains("PRIVATE"), "{said}");
    }
    let too_long = Made {
        chain: kept.chain.repeat(60),
        ..good(&[HOST])
    };
    put(admin, CERTIFICATE, &too_long)
        .await
        .assert_error(422, "INVALID");
    let shown = admin.get(CERTIFICATE).await.json();
    assert_eq!(shown["fingerprint"], kept.fingerprint);
    // Only for names that are the account's own by now.
    let claim = json!({ "host": OTHER });
    let claimed = send(
        admin,
        Method::POST,
        "/api/v1/accounts/acme/addresses",
        &claim,
    );
    claimed.await.assert_status(201);
    for host in [OTHER, "none.acme.test"] {
        let path = CERTIFICATE.replace(HOST, host);
        put(admin, &path, &good(&[host]))
            .await
            .assert_error(404, "NOT_FOUND");
    }
}

/// T63, T70: a key goes in and never comes out.
#[tokio::test]
async fn a_key_is_in_no_answer_no_log_and_no_audit_and_sealed_in_the_database() {
    let listener = Listener::new();
    let acme = start(&listener).await;
    let (registry, admin) = (&acme.registry, &acme.admin);
    let made = good(&[HOST]);
    // With the key in the chain, as in files that hold both.
    let both = Made {
        chain: format!("{}{}", made.key, made.chain),
        key: made.key.clone(),
        fingerprint: String::new(),
    };
    let mut seen = vec![
        put(admin, CERTIFICATE, &both)
            .await
            .assert_status(200)
            .text(),
    ];
    let of_operators = CERTIFICATE.replace("/accounts/", "/deployment/accounts/");
    for path in [
        CERTIFICATE,
        "/api/v1/accounts/acme/addresses",
        "/api/v1/deployment/accounts/acme/addresses",
        "/api/v1/accounts/acme/audit-events",
        &of_operators,
    ] {
        let by = if path.contains("deployment") {
            registry
        } else {
            admin
        };
        seen.push(by.get(path).await.assert_status(200).text());
    }
    seen.push(registry.log());
    seen.extend(registry.rows().into_iter().map(|row| row.concat()));
    let lines = made.key.lines().filter(|line| !line.starts_with("-----"));
    let lines: Vec<&str> = lines.collect();
    assert!(lines.len() > 1);
    for text in &seen {
        assert!(!text.contains("PRIVATE KEY"), "{text}");
        for line in &lines {
            assert!(!text.contains(line), "{text}");
        }
    }
    let sealed = registry.sql("SELECT sealed_key FROM address_certificates");
    assert!(sealed[0][0].starts_with("v1."), "{sealed:?}");
    // Copied to another name, it opens nothing: the listener's certificate is shown there.
    registry.admin(&["--account", "acme", "address", "add", OTHER]);
    let moved = registry.sql(&format!(
        "UPDATE address_certificates SET host = '{OTHER}' RETURNING host"
    ));
    assert_eq!(moved[0][0], OTHER);
    // Whatever changes policy has everybody look again.
    registry.admin(&["--account", "acme", "address", "add", "third.acme.test"]);
    let address = Listener::address(registry);
    let shown = Request::new(OTHER).shown_by(address).await;
    assert_eq!(shown, listener.fingerprint);
    registry.log_line_with("a certificate cannot be used");
}

#[tokio::test]
async fn a_connection_that_showed_a_names_certificate_is_for_that_name() {
    let listener = Listener::new();
    let acme = start(&listener).await;
    let (registry, admin) = (&acme.registry, &acme.admin);
    registry.admin(&["--account", "acme", "address", "add", OTHER]);
    put(admin, CERTIFICATE, &good(&[HOST, "*.acme.test"]))
        .await
        .assert_status(200);
    let address = Listener::address(registry);
    for is_http2 in [false, true] {
        let ask = |name: &'static str, host: &'static str| async move {
            let request = Request::new(name).for_host(host);
            let request = if is_http2 {
                request.by_http2()
            } else {
                request
            };
            request.status(address).await
        };
        assert_eq!(ask(HOST, HOST).await, 401);
        assert_eq!(ask(HOST, "Registry.acme.test:443").await, 401);
        for host in [OTHER, "globex.test", "127.0.0.1", "a.acme.test"] {
            assert_eq!(ask(HOST, host).await, 421, "{host}");
        }
        // The listener's certificate is for every host: a proxy in front asks for its own name, or for none.
        for name in [OTHER, "localhost", "127.0.0.1"] {
            assert_eq!(ask(name, HOST).await, 401, "{name}");
        }
    }
    let refused = Request::new(HOST).for_host(OTHER).body(address).await;
    assert!(refused.contains("MISDIRECTED"), "{refused}");
}

/// It shares its connections out among its clients, and says whom each request is for.
#[tokio::test]
async fn a_trusted_proxy_uses_one_connection_for_many_names() {
    let listener = Listener::new();
    let trusting = |proxies: &str| {
        let setup = listener.on(TestRegistry::builder());
        Acme::start_on(setup.setting("NETWORK__TRUSTED_PROXIES", proxies))
    };
    for (proxies, expected) in [(r#"["127.0.0.1"]"#, 401), (r#"["127.0.0.2"]"#, 421)] {
        let acme = trusting(proxies).await;
        let (registry, admin) = (&acme.registry, &acme.admin);
        for host in [HOST, OTHER] {
            registry.admin(&["--account", "acme", "address", "add", host]);
        }
        put(admin, CERTIFICATE, &good(&[HOST]))
            .await
            .assert_status(200);
        let address = Listener::address(registry);
        for host in [OTHER, "globex.test"] {
            let one = Request::new(HOST).for_host(host);
            assert_eq!(one.status(address).await, expected, "{host} {proxies}");
            let other = Request::new(HOST).for_host(host).by_http2();
            assert_eq!(other.status(address).await, expected, "{host} {proxies}");
        }
        assert_eq!(Request::new(HOST).status(address).await, 401);
    }
}

fn run(registry: &TestRegistry, arguments: &[&str]) -> Output {
    let all = ["admin", "--account", "acme", "address", "certificate"];
    let mut command = registry.command(&[&all, arguments].concat());
    command.output().expect("the program runs")
}

#[tokio::test]
async fn on_the_machine_a_certificate_comes_from_files() {
    let listener = Listener::new();
    let acme = start(&listener).await;
    let registry = &acme.registry;
    let made = good(&[HOST]);
    let folder = tempfile::tempdir().expect("a directory");
    let (chain, key) = (
        folder.path().join("chain.pem"),
        folder.path().join("key.pem"),
    );
    std::fs::write(&chain, &made.chain).expect("it is ours");
    std::fs::write(&key, &made.key).expect("it is ours");
    let files = [
        "--certificate",
        chain.to_str().expect("text"),
        "--private-key",
        key.to_str().expect("text"),
    ];
    let set = run(registry, &[&["set", HOST], &files[..]].concat());
    let said = String::from_utf8_lossy(&set.stdout).into_owned();
    assert!(
        set.status.success() && said.contains(&made.fingerprint),
        "{set:?}"
    );
    assert!(!said.contains("PRIVATE"), "{said}");
    let address = Listener::address(registry);
    assert_eq!(Request::new(HOST).shown_by(address).await, made.fingerprint);
    let show = run(registry, &["show", HOST]);
    assert!(String::from_utf8_lossy(&show.stdout).contains(&made.fingerprint));
    assert!(
        !run(registry, &[&["set", OTHER], &files[..]].concat())
            .status
            .success()
    );
    let removed = run(registry, &["remove", HOST]);
    assert!(removed.status.success(), "{removed:?}");
    let gone = run(registry, &["show", HOST]);
    assert!(!gone.status.success());
    let listed = acme.admin.get("/api/v1/accounts/acme/addresses").await;
    assert_eq!(error(&listed).0, 200);
}

#[tokio::test]
async fn the_end_of_a_certificate_is_told_of_and_measured() {
    let listener = Listener::new();
    let acme = start(&listener).await;
    let registry = &acme.registry;
    put(&acme.admin, CERTIFICATE, &good(&[HOST]))
        .await
        .assert_status(200);
    let ended = "UPDATE address_certificates SET ends_at_ms = 1000 RETURNING host";
    assert_eq!(registry.sql(ended).len(), 1);
    let view = acme.admin.get(CERTIFICATE).await.json();
    assert!(
        view["days_left"].as_i64().is_some_and(|days| days < 0),
        "{view}"
    );
    let told = "SELECT payload FROM events WHERE kind = 'address.certificate_ending'";
    for _ in 0..2 {
        registry.admin(&["jobs", "run", "tend_addresses"]);
        super::until(|| !registry.sql(told).is_empty()).await;
    }
    let events = registry.sql(told);
    assert_eq!(events.len(), 1, "once: {events:?}");
    let event: Value = serde_json::from_str(&events[0][0]).expect("JSON");
    assert_eq!(
        (&event["address"], &event["days"], &event["ends_at"]),
        (&json!(HOST), &json!(0), &json!("1970-01-01T00:00:01Z"))
    );
}
