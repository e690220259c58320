//! Syslog over TLS, to the byte; and an S3 store that others made.

use std::sync::Arc;

use engines::SeaweedFs;
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use serde_json::{Value, json};
use tokio::io::AsyncReadExt as _;
use tokio_rustls::TlsAcceptor;

use super::{caught_up, create, log_from, registry};
use crate::registry::backends::Backends;

#[tokio::test]
async fn syslog_goes_over_tls_to_those_whose_certificate_is_believed() {
    let registry = registry(Backends::EMBEDDED).await;
    let key = KeyPair::generate().expect("a key");
    let certificate = CertificateParams::new(["127.0.0.1".to_owned()])
        .and_then(|wanted| wanted.self_signed(&key))
        .expect("a certificate");
    let (pem, der) = (certificate.pem(), certificate.der().clone());
    let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![der], key)
        .expect("they belong together");
    let tls = TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let url = format!("syslogs://{}", listener.local_addr().expect("an address"));
    let mut body = json!({ "name": "tls", "type": "syslog", "url": url, "enabled": false });
    let path = create(&registry, &body).await;

    // Nobody in the system's list knows this certificate.
    let test = format!("{path}/test");
    let (tried, refused) = tokio::join!(registry.v1_test(&test), async {
        let (stream, _) = listener.accept().await.expect("it comes");
        tls.accept(stream).await.is_err()
    });
    assert_eq!((&tried["delivered"], refused), (&json!(false), true));

    body["ca_certificates"] = json!(pem);
    registry.v1_change(&path, &body).await;
    let (tried, text) = tokio::join!(registry.v1_test(&test), async {
        let (stream, _) = listener.accept().await.expect("it comes");
        let mut stream = tls.accept(stream).await.expect("it believes us");
        let mut text = String::new();
        stream.read_to_string(&mut text).await.expect("text");
        text
    });
    assert_eq!(tried, json!({ "delivered": true, "error": null }));
    let (length, message) = text.split_once(' ').expect("a length");
    assert_eq!(length.parse(), Ok(message.len()));
    assert!(message.starts_with("<110>1 "), "{message}");
    assert!(message.contains(" roadstead - sink.trial [meta sequenceId="));
}

#[tokio::test]
async fn a_bucket_gets_objects_named_by_their_events() {
    let registry = registry(Backends::EMBEDDED).await;
    let store = SeaweedFs::shared();
    store
        .create_bucket("audit-sink")
        .expect("the store takes it");
    let body = json!({ "name": "bucket", "type": "s3", "url": format!("{}/audit-sink/logs", store.endpoint()),
                       "access_key_id": store.access_key(), "secret": store.secret_key(), "region": store.region() });
    let path = create(&registry, &body).await;
    registry.push_image("library/app", "v1").await;
    let sink = caught_up(&registry, &path).await;
    assert_eq!(sink["last_error"], Value::Null);
    let sent = sink["sent_events"].as_i64().expect("a number");
    let objects = store.list_objects("audit-sink").expect("a list");
    let mut named: Vec<i64> = Vec::new();
    for name in &objects {
        assert!(name.starts_with("logs/default/"), "{name}");
        let numbers = name
            .rsplit('/')
            .next()
            .and_then(|name| name.strip_suffix(".jsonl"));
        let (first, last) = numbers
            .and_then(|name| name.split_once('-'))
            .expect("a name");
        let (first, last): (i64, i64) = (first.parse().expect("one"), last.parse().expect("one"));
        named.extend(first..=last);
    }
    named.sort_unstable();
    let log = log_from(&registry, named[0]).expect("all is sealed");
    assert!(named.into_iter().eq(log.keys().copied()), "{objects:?}");
    assert!(
        sent >= i64::try_from(log.len()).expect("few"),
        "{sent} of {log:?}"
    );

    // A key that the store does not know is told of, and nothing is counted.
    let mut wrong = body.clone();
    wrong["secret"] = json!("another");
    wrong["enabled"] = json!(false);
    registry.v1_change(&path, &wrong).await;
    let tried = registry.v1_test(&format!("{path}/test")).await;
    let error = format!("{} answered with status 403", store.endpoint());
    assert_eq!(tried, json!({ "delivered": false, "error": error }));
}
