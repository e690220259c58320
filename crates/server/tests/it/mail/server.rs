//! How the mail server is spoken to: with TLS or not at all, and with a password that nobody reads.

use std::path::Path;
use std::time::Instant;

use engines::{MailAccess, MailReceiver};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::Value;

use super::{PATIENCE, add, builder, mails, receiver};
use crate::account_api::AccountApi as _;
use crate::registry::TestRegistry;
use crate::registry::backends::Backends;

const PASSWORD: &str = "only-the-mail-server-knows";

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

fn written(directory: &Path, name: &str, text: &str) -> String {
    let file = directory.join(name);
    std::fs::write(&file, text).expect("it is written");
    file.display().to_string()
}

/// Waits until the code for the first address could not be sent; answers with why.
async fn trouble(registry: &TestRegistry) -> String {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let shown: Value = registry.v1_get(super::MAIL).await.assert_status(200).json();
        if let Some(why) = shown["addresses"][0]["error"].as_str() {
            return why.to_owned();
        }
        assert!(Instant::now() < deadline, "it is sent: {shown}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn with_tls_a_password_and_the_right_authority_mail_goes_out() {
    let directory = tempfile::tempdir().expect("a directory");
    let (authority, certificate, key) = certificate();
    let authority = written(directory.path(), "authority.pem", &authority);
    let password = written(directory.path(), "password", &format!("{PASSWORD}\n"));
    for security in ["starttls", "tls"] {
        let receiver = MailReceiver::start(MailAccess {
            security,
            certificate: Some((&certificate, &key)),
            login: Some(("registry", PASSWORD)),
        });
        let receiver = receiver.expect("a mail server");
        let setup = builder(Backends::EMBEDDED, receiver.port())
            .setting("MAIL__SECURITY", security)
            .setting("MAIL__CA_CERTIFICATES", &authority)
            .setting("MAIL__USER_NAME", "registry")
            .setting("MAIL__PASSWORD_FILE", &password);
        let looked = setup.command(&["doctor"]).output().expect("it runs");
        let looked = String::from_utf8_lossy(&looked.stdout).into_owned();
        assert!(
            looked.contains("is there and lets the registry in"),
            "{looked}"
        );
        let registry = setup.start().await;
        add(&registry, "ops@example.com").await;
        let mail = mails(&receiver, 1).await[0].clone();
        assert!(mail.is_secure && mail.is_known, "{mail:?}");
        assert!(!registry.log().contains(PASSWORD));
    }
}

#[tokio::test]
async fn a_server_without_starttls_gets_neither_a_password_nor_a_mail() {
    let directory = tempfile::tempdir().expect("a directory");
    let password = written(directory.path(), "password", PASSWORD);
    let receiver = receiver();
    let registry = builder(Backends::EMBEDDED, receiver.port())
        .setting("MAIL__SECURITY", "starttls")
        .setting("MAIL__USER_NAME", "registry")
        .setting("MAIL__PASSWORD_FILE", &password)
        .start()
        .await;
    add(&registry, "ops@example.com").await;
    assert_eq!(
        trouble(&registry).await,
        "the mail server takes nothing at present"
    );
    registry.log_line_with("it does not offer STARTTLS");
    assert!(receiver.mails().is_empty());
}

#[tokio::test]
async fn a_certificate_of_somebody_else_is_believed_by_nobody() {
    let directory = tempfile::tempdir().expect("a directory");
    let (_, shown, key) = certificate();
    let (other, ..) = certificate();
    let authority = written(directory.path(), "authority.pem", &other);
    let receiver = MailReceiver::start(MailAccess {
        security: "tls",
        certificate: Some((&shown, &key)),
        login: None,
    });
    let receiver = receiver.expect("a mail server");
    let registry = builder(Backends::EMBEDDED, receiver.port())
        .setting("MAIL__SECURITY", "tls")
        .setting("MAIL__CA_CERTIFICATES", &authority)
        .start()
        .await;
    add(&registry, "ops@example.com").await;
    trouble(&registry).await;
    assert!(receiver.mails().is_empty());
}

#[tokio::test]
async fn a_wrong_password_stops_nobody_but_mail_and_is_written_nowhere() {
    let directory = tempfile::tempdir().expect("a directory");
    let password = written(directory.path(), "password", "wrong-but-secret");
    let receiver = MailReceiver::start(MailAccess {
        login: Some(("registry", PASSWORD)),
        ..MailAccess::default()
    });
    let receiver = receiver.expect("a mail server");
    let setup = builder(Backends::EMBEDDED, receiver.port())
        .setting("MAIL__USER_NAME", "registry")
        .setting("MAIL__PASSWORD_FILE", &password)
        .setting("LOG__LEVEL", "trace");
    let looked = setup.command(&["doctor"]).output().expect("it runs");
    let looked = String::from_utf8_lossy(&looked.stdout).into_owned();
    assert!(
        looked.contains("it does not let the registry in"),
        "{looked}"
    );
    let registry = setup.start().await;
    add(&registry, "ops@example.com").await;
    assert_eq!(
        trouble(&registry).await,
        "the mail server takes nothing at present"
    );
    let log = registry.log();
    // As it is, and as SMTP writes it.
    let written = [
        "wrong-but-secret",
        "d3JvbmctYnV0LXNlY3JldA",
        "AHJlZ2lzdHJ5AHdyb25nLWJ1dC1zZWNyZXQ",
    ];
    for secret in written {
        assert!(
            !log.contains(secret) && !looked.contains(secret),
            "{secret}"
        );
    }
    assert!(log.contains("a mail was not sent"), "{log}");
    assert!(receiver.mails().is_empty());
}
