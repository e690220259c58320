//! Credentials that the platform gives to machines, containers and pods.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use engines::SeaweedFs;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::proxy::{Fault, Proxy};
use super::{bucket, open};
use crate::{CheckFault, CheckOutcome, S3Credentials, S3Options};

const ROLE: &str = "/latest/meta-data/iam/security-credentials/";

/// Whoever gives out credentials, and notes what it was asked. Ends when dropped.
struct Giver {
    url: String,
    heads: Arc<Mutex<Vec<String>>>,
    accepting: JoinHandle<()>,
}

impl Giver {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let heads = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&heads);
        let accepting = tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let mut head = vec![0; 8192];
                let read = client.read(&mut head).await.unwrap_or(0);
                let head = String::from_utf8_lossy(&head[..read]).to_lowercase();
                let body = answer_to(&head);
                noted
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(head);
                let answer = format!(
                    "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                    body.len()
                );
                client.write_all(answer.as_bytes()).await.ok();
            }
        });
        Self {
            url,
            heads,
            accepting,
        }
    }

    fn heads(&self) -> Vec<String> {
        std::mem::take(&mut *self.heads.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Giver {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// As the services on machines (a token first, then a role's name), in containers and in pods answer.
fn answer_to(head: &str) -> String {
    if head.starts_with("put /latest/api/token ") {
        return "session-7".to_owned();
    }
    if head.starts_with(&format!("get {ROLE} ")) {
        return "registry".to_owned();
    }
    r#"{"AccessKeyId":"AKID7","SecretAccessKey":"given","Token":"temporary-7","Expiration":"2099-01-01T00:00:00Z"}"#
        .to_owned()
}

/// Two requests, signed with what was given. The store of these tests knows no temporary keys, so it is not asked.
async fn assert_signed_as_given(options: S3Options) {
    let proxy = Proxy::to(SeaweedFs::shared().port()).await;
    proxy.all(Some(Fault::Answer(403, "AccessDenied")));
    let store = open(&S3Options {
        endpoint: Some(proxy.endpoint.clone()),
        ..options
    });
    for _ in 0..2 {
        assert!(store.probe().await.is_err());
        let head = proxy.last_head();
        assert!(head.contains("credential=akid7/"), "{head}");
        assert!(head.contains("x-amz-security-token: temporary-7"), "{head}");
    }
}

fn options(places: &[(&str, &str)]) -> S3Options {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    S3Options {
        credentials: S3Credentials::Instance(places.iter().map(owned).collect()),
        retry_for: Duration::from_secs(1),
        ..bucket::options()
    }
}

#[tokio::test]
async fn a_machine_is_asked_once_with_a_token_of_the_session() {
    let giver = Giver::start().await;
    assert_signed_as_given(options(&[("aws_metadata_endpoint", &giver.url)])).await;
    let heads = giver.heads();
    assert_eq!(heads.len(), 3, "{heads:?}");
    assert!(heads[0].starts_with("put /latest/api/token "), "{heads:?}");
    for (head, path) in heads[1..]
        .iter()
        .zip([ROLE.to_owned(), format!("{ROLE}registry")])
    {
        assert!(head.starts_with(&format!("get {path} ")), "{head}");
        assert!(
            head.contains("x-aws-ec2-metadata-token: session-7"),
            "{head}"
        );
    }
}

#[tokio::test]
async fn a_pod_shows_the_token_that_it_was_given() {
    let giver = Giver::start().await;
    let token = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(token.path(), "pod-token-7").unwrap();
    let url = format!("{}/v1/credentials", giver.url);
    assert_signed_as_given(options(&[
        ("aws_container_credentials_full_uri", &url),
        (
            "aws_container_authorization_token_file",
            token.path().to_str().unwrap(),
        ),
    ]))
    .await;
    let heads = giver.heads();
    assert_eq!(heads.len(), 1, "{heads:?}");
    assert!(heads[0].starts_with("get /v1/credentials "), "{heads:?}");
    assert!(heads[0].contains("authorization: pod-token-7"), "{heads:?}");
}

/// The machine is asked by plain HTTP also where the store is not.
#[tokio::test]
async fn a_store_that_speaks_tls_does_not_keep_the_machine_from_being_asked() {
    let giver = Giver::start().await;
    let store = open(&S3Options {
        endpoint: Some("https://127.0.0.1:1".to_owned()),
        ..options(&[("aws_metadata_endpoint", &giver.url)])
    });
    let checks = store.check().await;
    assert!(
        matches!(
            checks[..],
            [crate::Check {
                outcome: CheckOutcome::Bad(CheckFault::Unreachable, _),
                ..
            }]
        ),
        "{checks:?}"
    );
    assert_eq!(giver.heads().len(), 3);
}

#[tokio::test]
async fn a_machine_that_gives_none_is_named() {
    let store = open(&options(&[("aws_metadata_endpoint", "http://127.0.0.1:1")]));
    let checks = store.check().await;
    assert!(
        matches!(
            checks[..],
            [crate::Check {
                outcome: CheckOutcome::Bad(CheckFault::Credentials, _),
                ..
            }]
        ),
        "{checks:?}"
    );
}
