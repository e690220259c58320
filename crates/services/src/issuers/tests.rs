//! An issuer that the tests make answer, or not.

use super::*;
use crate::testing::{TestRegistry, settings};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

struct Issuer {
    url: String,
    asked: Arc<AtomicUsize>,
    is_down: Arc<AtomicBool>,
    /// What its description says of it instead of its URL.
    alias: Arc<Mutex<Option<String>>>,
    keys: Arc<Mutex<String>>,
}

impl Issuer {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let issuer = Self {
            url: url.clone(),
            asked: Arc::default(),
            is_down: Arc::default(),
            alias: Arc::default(),
            keys: Arc::new(Mutex::new(keys(&["one"]))),
        };
        let (asked, is_down) = (issuer.asked.clone(), issuer.is_down.clone());
        let (alias, keys) = (issuer.alias.clone(), issuer.keys.clone());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = vec![0; 4096];
                let read = stream.read(&mut request).await.unwrap_or(0);
                let request = String::from_utf8_lossy(&request[..read]).into_owned();
                let body = if request.starts_with("GET /.well-known/openid-configuration ") {
                    asked.fetch_add(1, Ordering::SeqCst);
                    let alias = alias.lock().expect("the alias").clone();
                    let issuer = alias.unwrap_or_else(|| url.clone());
                    serde_json::json!({ "issuer": issuer, "jwks_uri": format!("{url}/keys") })
                        .to_string()
                } else {
                    keys.lock().expect("the keys").clone()
                };
                let status = if is_down.load(Ordering::SeqCst) {
                    "500 Internal Server Error"
                } else {
                    "200 OK"
                };
                let length = body.len();
                let answer = format!(
                    "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
                );
                _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        issuer
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    fn set_keys(&self, names: &[&str]) {
        *self.keys.lock().expect("the keys") = keys(names);
    }
}

/// Ed25519 keys of these names; no token of the tests is signed by one.
fn keys(names: &[&str]) -> String {
    let keys: Vec<_> = names
        .iter()
        .map(|name| serde_json::json!({ "kty": "OKP", "crv": "Ed25519", "kid": name, "x": "A".repeat(43) }))
        .collect();
    serde_json::json!({ "keys": keys }).to_string()
}

/// A token that says to be signed by a key of this name: `{"alg":"EdDSA","kid":…}` and `{}`.
fn token(header: &str) -> String {
    format!("{header}.e30.AAAA")
}

// {"alg":"EdDSA","kid":"one"}, … "two", … "tri"
const ONE: &str = "eyJhbGciOiJFZERTQSIsImtpZCI6Im9uZSJ9";
const TWO: &str = "eyJhbGciOiJFZERTQSIsImtpZCI6InR3byJ9";
const TRI: &str = "eyJhbGciOiJFZERTQSIsImtpZCI6InRyaSJ9";

/// What comes of a token: a known key finds the signature wrong.
async fn verdict(issuers: &Issuers, issuer: &Issuer, header: &str) -> &'static str {
    let text = token(header);
    let token = IdentityToken::parse(&text).expect("a token");
    let expected = IdentityExpected {
        issuer: &issuer.url,
        audience: "us",
        nonce: None,
    };
    match issuers.verify(token, &expected).await {
        Err(NotBelieved::Rejected(IdentityTokenRejected::Signature)) => "known key",
        Err(NotBelieved::Rejected(IdentityTokenRejected::UnknownKey)) => "unknown key",
        Err(NotBelieved::Unavailable) => "unavailable",
        _ => "something else",
    }
}

async fn issuers() -> (TestRegistry, Issuers) {
    let registry = TestRegistry::start(settings()).await;
    let core = registry.services.core.clone();
    let client = HttpClient::new(core.settings.outbound.clone()).expect("a client");
    (registry, Issuers::new(core, client))
}

#[tokio::test]
async fn an_issuer_is_asked_when_something_is_not_known_and_not_again_at_once() {
    let (registry, issuers) = issuers().await;
    let issuer = Issuer::start().await;
    assert_eq!(verdict(&issuers, &issuer, ONE).await, "known key");
    assert_eq!(verdict(&issuers, &issuer, ONE).await, "known key");
    assert_eq!(issuer.asked(), 1);
    // Made-up key names ask once in a while, whatever they are.
    issuer.set_keys(&["one", "two"]);
    assert_eq!(verdict(&issuers, &issuer, TWO).await, "unknown key");
    assert_eq!(issuer.asked(), 1);
    registry.clock.advance(ASK_EVERY_MS);
    assert_eq!(verdict(&issuers, &issuer, TWO).await, "known key");
    for _ in 0..5 {
        assert_eq!(verdict(&issuers, &issuer, TRI).await, "unknown key");
    }
    assert_eq!(issuer.asked(), 2);
    // A key that was taken back is gone after an hour at most.
    issuer.set_keys(&["two"]);
    registry.clock.advance(FRESH_MS);
    assert_eq!(verdict(&issuers, &issuer, ONE).await, "unknown key");
    assert_eq!(issuer.asked(), 3);
}

#[tokio::test]
async fn what_is_known_of_an_issuer_that_is_down_is_good_for_a_day() {
    let (registry, issuers) = issuers().await;
    let issuer = Issuer::start().await;
    issuer.is_down.store(true, Ordering::SeqCst);
    assert_eq!(verdict(&issuers, &issuer, ONE).await, "unavailable");
    assert_eq!(verdict(&issuers, &issuer, ONE).await, "unavailable");
    assert_eq!(issuer.asked(), 1);
    issuer.is_down.store(false, Ordering::SeqCst);
    registry.clock.advance(ASK_EVERY_MS);
    assert_eq!(verdict(&issuers, &issuer, ONE).await, "known key");
    issuer.is_down.store(true, Ordering::SeqCst);
    registry.clock.advance(STALE_MS - 1);
    assert_eq!(verdict(&issuers, &issuer, ONE).await, "known key");
    assert_eq!(issuer.asked(), 3);
    registry.clock.advance(ASK_EVERY_MS);
    assert_eq!(verdict(&issuers, &issuer, ONE).await, "unavailable");
}

#[tokio::test]
async fn an_issuer_speaks_for_itself_only() {
    let (_registry, issuers) = issuers().await;
    let issuer = Issuer::start().await;
    for alias in ["https://accounts.example.com", &format!("{}/", issuer.url)] {
        *issuer.alias.lock().expect("the alias") = Some(alias.to_owned());
        assert!(issuers.ping(&issuer.url).await.is_err(), "{alias}");
    }
    *issuer.alias.lock().expect("the alias") = None;
    assert!(issuers.ping(&issuer.url).await.is_ok());
}
