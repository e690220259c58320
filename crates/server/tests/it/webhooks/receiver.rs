//! A receiver over TLS, which answers as the test says and hands on what it was sent.

use crate::registry::PATIENCE;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use http::HeaderMap;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;

/// What was sent.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).expect("the header is there");
        value.to_str().expect("text")
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("JSON")
    }
}

/// An answer: a status, and where it redirects to.
type Answer = (u16, Option<String>);

/// The receiver; it ends with the test.
pub(crate) struct Receiver {
    pub(crate) origin: String,
    answers: Arc<Mutex<VecDeque<Answer>>>,
    received: mpsc::UnboundedReceiver<Received>,
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        let key = KeyPair::generate().expect("a key");
        let certificate = CertificateParams::new(["127.0.0.1".to_owned()])
            .and_then(|wanted| wanted.self_signed(&key))
            .expect("a certificate");
        let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
        let config = rustls::ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .expect("they belong together");
        let tls = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let answers = Arc::new(Mutex::new(VecDeque::new()));
        let (hand_on, received) = mpsc::unbounded_channel();
        let told = answers.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (tls, told, hand_on) = (tls.clone(), told.clone(), hand_on.clone());
                tokio::spawn(async move {
                    let Ok(stream) = tls.accept(stream).await else {
                        return;
                    };
                    let service = service_fn(|request| answer(request, &told, &hand_on));
                    let serving = http1::Builder::new();
                    _ = serving
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        Self {
            origin: format!("https://{address}"),
            answers,
            received,
        }
    }

    /// The next requests are answered so; all others with 200.
    pub(crate) fn answer_with(&self, answers: &[u16]) {
        let answers = answers.iter().map(|status| (*status, None));
        self.answers.lock().expect("no panic").extend(answers);
    }

    /// The next request is redirected.
    pub(crate) fn redirect_to(&self, location: &str) {
        let answer = (307, Some(location.to_owned()));
        self.answers.lock().expect("no panic").push_back(answer);
    }

    /// What comes next.
    pub(crate) async fn next(&mut self) -> Received {
        let received = tokio::time::timeout(PATIENCE, self.received.recv()).await;
        received.expect("it comes").expect("the receiver runs")
    }

    /// What has come already and was not looked at.
    pub(crate) fn waiting(&mut self) -> Option<Received> {
        self.received.try_recv().ok()
    }

    /// Whether nothing has come that was not looked at.
    pub(crate) fn is_quiet(&mut self) -> bool {
        self.received.try_recv().is_err()
    }
}

async fn answer(
    request: http::Request<Incoming>,
    answers: &Mutex<VecDeque<Answer>>,
    hand_on: &mpsc::UnboundedSender<Received>,
) -> Result<http::Response<Full<bytes::Bytes>>, hyper::Error> {
    let (head, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let auth = head.headers.get("authorization").cloned();
    let (status, location) = answers
        .lock()
        .expect("no panic")
        .pop_front()
        .unwrap_or((200, None));
    let received = Received {
        path: head.uri.to_string(),
        headers: head.headers,
        body: String::from_utf8_lossy(&body).into_owned(),
    };
    _ = hand_on.send(received);
    // As receivers do that log what they got.
    let auth = auth.map_or_else(String::new, |auth| {
        auth.to_str().unwrap_or_default().to_owned()
    });
    let text = format!("you sent {auth}\n{}", "x".repeat(9000));
    let mut response = http::Response::builder().status(status);
    if let Some(location) = location {
        response = response.header("location", location);
    }
    Ok(response.body(Full::from(text)).expect("an answer"))
}
