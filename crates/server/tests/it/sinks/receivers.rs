//! Receivers that others made: rsyslog, an S3 store; and syslog over TLS.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use engines::SeaweedFs;
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use serde_json::{Value, json};
use tokio::io::AsyncReadExt as _;
use tokio_rustls::TlsAcceptor;

use super::{PATIENCE, caught_up, create, log_from, registry};
use crate::registry::backends::Backends;

/// rsyslog, which ends with the test.
struct Rsyslog {
    child: Child,
    port: u16,
}

impl Rsyslog {
    fn start(directory: &Path) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = free.local_addr().expect("an address").port();
        drop(free);
        let written = directory.join("messages");
        let config = format!(
            "global(workDirectory=\"{work}\" maxMessageSize=\"64k\")\nmodule(load=\"imtcp\")\n\
             input(type=\"imtcp\" address=\"127.0.0.1\" port=\"{port}\")\n\
             template(name=\"all\" type=\"string\" string=\"%app-name% %msgid% %structured-data% %msg%\\n\")\n\
             action(type=\"omfile\" file=\"{written}\" template=\"all\")\n",
            work = directory.display(),
            written = written.display(),
        );
        let path = directory.join("rsyslog.conf");
        std::fs::write(&path, config).expect("it is written");
        let child = Command::new("/usr/sbin/rsyslogd")
            .args(["-n", "-f"])
            .arg(&path)
            .arg("-i")
            .arg(directory.join("pid"))
            .stdin(Stdio::null())
            .spawn()
            .expect("the Debian package rsyslog is installed");
        let deadline = Instant::now() + PATIENCE;
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < deadline, "rsyslog does not listen");
            std::thread::yield_now();
        }
        Self { child, port }
    }
}

impl Drop for Rsyslog {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// The numbers of the events in a text of which each line ends with one.
fn numbers(text: &str) -> Vec<i64> {
    let events = text.lines().map(|line| {
        let begin = line.find('{').expect("an object");
        let event: Value = serde_json::from_str(&line[begin..]).expect("JSON");
        event["number"].as_i64().expect("a number")
    });
    events.collect()
}

#[tokio::test]
async fn rsyslog_writes_down_what_the_log_says() {
    let registry = registry(Backends::EMBEDDED).await;
    let directory = tempfile::tempdir().expect("a directory");
    let rsyslog = Rsyslog::start(directory.path());
    let url = format!("syslog://127.0.0.1:{}", rsyslog.port);
    let body = json!({ "name": "syslog", "type": "syslog", "url": url });
    let path = create(&registry, &body).await;
    for tag in ["v1", "v2", "v3"] {
        registry.push_image("library/app", tag).await;
    }
    caught_up(&registry, &path).await;
    let deadline = Instant::now() + PATIENCE;
    loop {
        let written = std::fs::read_to_string(directory.path().join("messages"));
        let written = written.unwrap_or_default();
        let complete = written.rfind('\n').map_or("", |end| &written[..=end]);
        let got = numbers(complete);
        let begin = got.first().copied().unwrap_or_default();
        let log = log_from(&registry, begin).expect("all is sealed");
        if !got.is_empty() && got.iter().copied().eq(log.into_keys()) {
            let first = format!("roadstead sink.created [meta sequenceId=\"{begin}\"]");
            assert!(written.starts_with(&first), "{written}");
            return;
        }
        assert!(Instant::now() < deadline, "{written}");
        tokio::task::yield_now().await;
    }
}

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
async fn a_bucket_gets_objects_named_by_their_first_event() {
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
    let mut firsts: Vec<i64> = objects
        .iter()
        .map(|name| {
            assert!(name.starts_with("logs/default/"), "{name}");
            let number = name
                .rsplit('/')
                .next()
                .and_then(|name| name.strip_suffix(".jsonl"));
            number.expect("a name").parse().expect("a number")
        })
        .collect();
    firsts.sort_unstable();
    let log = log_from(&registry, firsts[0]).expect("all is sealed");
    assert!(firsts.iter().all(|first| log.contains_key(first)));
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
