//! rsyslog, as people run it, takes an account's log: over TCP, and over TLS from whoever believes its authority.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{PATIENCE, caught_up, create, log_from, registry};
use crate::account_api::AccountApi as _;
use crate::registry::TestRegistry;
use crate::registry::backends::Backends;

/// rsyslog, which ends with the test.
struct Rsyslog {
    child: Child,
    port: u16,
    directory: TempDir,
}

impl Rsyslog {
    /// With these lines before all others, and these options of its module for TCP.
    fn start(directory: TempDir, global: &str, module: &str) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = free.local_addr().expect("an address").port();
        drop(free);
        let path = |name: &str| directory.path().join(name);
        let config = format!(
            "global(workDirectory=\"{work}\" maxMessageSize=\"64k\" {global})\nmodule(load=\"imtcp\" {module})\n\
             input(type=\"imtcp\" address=\"127.0.0.1\" port=\"{port}\")\n\
             template(name=\"all\" type=\"string\" string=\"%app-name% %msgid% %structured-data% %msg%\\n\")\n\
             action(type=\"omfile\" file=\"{written}\" template=\"all\")\n",
            work = directory.path().display(),
            written = path("messages").display(),
        );
        std::fs::write(path("rsyslog.conf"), config).expect("it is written");
        let child = Command::new("/usr/sbin/rsyslogd")
            .args(["-n", "-f"])
            .arg(path("rsyslog.conf"))
            .arg("-i")
            .arg(path("pid"))
            .stdin(Stdio::null())
            .spawn()
            .expect("the Debian package rsyslog is installed");
        let deadline = Instant::now() + PATIENCE;
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < deadline, "rsyslog does not listen");
            std::thread::yield_now();
        }
        Self {
            child,
            port,
            directory,
        }
    }

    fn plain() -> Self {
        Self::start(directory(), "", "")
    }

    /// Over TLS only, with a certificate of an authority, which comes along.
    fn secured() -> (Self, String) {
        let directory = directory();
        let (authority, certificate, key) = certificate();
        let written = |name: &str, text: &str| -> PathBuf {
            let path = directory.path().join(name);
            std::fs::write(&path, text).expect("it is written");
            path
        };
        let global = format!(
            "defaultNetstreamDriver=\"gtls\" defaultNetstreamDriverCAFile=\"{}\" \
             defaultNetstreamDriverCertFile=\"{}\" defaultNetstreamDriverKeyFile=\"{}\"",
            written("authority.pem", &authority).display(),
            written("certificate.pem", &certificate).display(),
            written("key.pem", &key).display(),
        );
        let module =
            "streamDriver.name=\"gtls\" streamDriver.mode=\"1\" streamDriver.authMode=\"anon\"";
        (Self::start(directory, &global, module), authority)
    }

    fn messages(&self) -> String {
        written(self.directory.path())
    }
}

impl Drop for Rsyslog {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

fn directory() -> TempDir {
    tempfile::tempdir().expect("a directory")
}

/// The lines that are complete.
fn written(directory: &Path) -> String {
    let written = std::fs::read_to_string(directory.join("messages")).unwrap_or_default();
    let end = written.rfind('\n').map_or(0, |end| end + 1);
    written[..end].to_owned()
}

/// An authority's certificate, one for this machine that it gave, and its key, in PEM.
fn certificate() -> (String, String, String) {
    let mut authority = CertificateParams::new(Vec::new()).expect("no names");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().expect("a key"));
    let authority = authority.expect("an authority");
    let key = KeyPair::generate().expect("a key");
    let certificate = CertificateParams::new(["127.0.0.1".to_owned()])
        .and_then(|wanted| wanted.signed_by(&key, &authority))
        .expect("a certificate");
    (authority.pem(), certificate.pem(), key.serialize_pem())
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

/// Waits until what is written are the events of the log, from the one on that says that the sink was made.
async fn require_the_log(registry: &TestRegistry, rsyslog: &Rsyslog) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let written = rsyslog.messages();
        let got = numbers(&written);
        let begin = got.first().copied().unwrap_or_default();
        let log = log_from(registry, begin).expect("all is sealed");
        if !got.is_empty() && got.iter().copied().eq(log.into_keys()) {
            let first = format!("roadstead sink.created [meta sequenceId=\"{begin}\"]");
            assert!(written.starts_with(&first), "{written}");
            return;
        }
        assert!(Instant::now() < deadline, "{written}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn rsyslog_writes_down_what_the_log_says() {
    let registry = registry(Backends::EMBEDDED).await;
    let rsyslog = Rsyslog::plain();
    let url = format!("syslog://127.0.0.1:{}", rsyslog.port);
    let body = json!({ "name": "syslog", "type": "syslog", "url": url });
    let path = create(&registry, &body).await;
    for tag in ["v1", "v2", "v3"] {
        registry.push_image("library/app", tag).await;
    }
    caught_up(&registry, &path).await;
    require_the_log(&registry, &rsyslog).await;
}

#[tokio::test]
async fn rsyslog_over_tls_is_told_by_whoever_believes_its_authority_and_by_nobody_else() {
    let registry = registry(Backends::EMBEDDED).await;
    let (rsyslog, authority) = Rsyslog::secured();
    let (other_authority, ..) = certificate();
    let url = format!("syslogs://127.0.0.1:{}", rsyslog.port);
    // By the wrong authority, and by none but those of the system: it is reached, and refused.
    for believed in [other_authority.as_str(), ""] {
        let body =
            json!({ "name": "wrong", "type": "syslog", "url": url, "ca_certificates": believed });
        let path = create(&registry, &body).await;
        let tried = registry.v1_test(&format!("{path}/test")).await;
        let error =
            format!("{url} cannot be reached, or the deployment does not allow connections there");
        assert_eq!(tried, json!({ "delivered": false, "error": error }));
        registry.v1_delete(&path).await.assert_no_content();
    }
    let refused = registry.log_line_with("a sink's receiver was not reached");
    assert!(refused.contains("certificate"), "{refused}");
    assert_eq!(rsyslog.messages(), "");

    let body =
        json!({ "name": "right", "type": "syslog", "url": url, "ca_certificates": authority });
    let path = create(&registry, &body).await;
    registry.push_image("library/app", "v1").await;
    let sink = caught_up(&registry, &path).await;
    assert_eq!(sink["ca_certificates"], authority);
    require_the_log(&registry, &rsyslog).await;
}
