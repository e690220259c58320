//! Someone who talks to the registry over HTTP.

use std::future::{Future, IntoFuture};
use std::net::IpAddr;
use std::pin::Pin;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use http::{HeaderMap, Method};
use serde_json::Value;

use super::PATIENCE;

/// What a caller shows on every request.
#[derive(Clone, Debug)]
pub(crate) enum Credentials {
    None,
    Basic { name: String, password: String },
    Bearer(String),
}

impl Credentials {
    pub(crate) fn basic(name: &str, password: &str) -> Self {
        Self::Basic {
            name: name.to_owned(),
            password: password.to_owned(),
        }
    }

    /// The `Authorization` header's value.
    pub(crate) fn header(&self) -> Option<String> {
        match self {
            Self::None => None,
            Self::Basic { name, password } => Some(format!(
                "Basic {}",
                BASE64.encode(format!("{name}:{password}"))
            )),
            Self::Bearer(token) => Some(format!("Bearer {token}")),
        }
    }
}

/// A caller. Follows no redirect, keeps connections alive, and asks for no compression.
#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    origin: String,
    credentials: Credentials,
}

impl Client {
    /// `origin` is scheme, host and port.
    pub(crate) fn new(origin: String, credentials: Credentials) -> Self {
        Self {
            http: http_from(None),
            origin,
            credentials,
        }
    }

    /// The same caller at another address of this machine, such as `127.0.0.2`.
    pub(crate) fn at(&self, address: &str) -> Self {
        Self {
            http: http_from(address.parse().ok()),
            ..self.clone()
        }
    }

    /// The same caller, who asks another listener or replica.
    pub(crate) fn asking(&self, origin: &str) -> Self {
        Self {
            origin: origin.to_owned(),
            ..self.clone()
        }
    }

    pub(crate) fn with_credentials(&self, credentials: Credentials) -> Self {
        Self {
            credentials,
            ..self.clone()
        }
    }

    /// The same caller, who gets a token for these scopes and shows that instead.
    pub(crate) async fn with_token(&self, scopes: &[&str]) -> Self {
        let mut target = "/service/token?service=roadstead".to_owned();
        for scope in scopes {
            target.push_str("&scope=");
            target.push_str(scope);
        }
        let answer = self.get(&target).await.assert_status(200).json();
        let token = answer["token"].as_str().expect("a token").to_owned();
        self.with_credentials(Credentials::Bearer(token))
    }

    pub(crate) fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// Scheme, host and port.
    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    /// Host and port, as in an image's name.
    pub(crate) fn host(&self) -> &str {
        self.origin.split_once("://").map_or("", |(_, host)| host)
    }

    /// A request to a path with its query, or to a whole URL such as a `Location` may be.
    pub(crate) fn request(&self, method: Method, target: &str) -> Call {
        let url = if target.starts_with('/') {
            format!("{}{target}", self.origin)
        } else {
            target.to_owned()
        };
        let what = format!("{method} {target}");
        let mut request = self.http.request(method, url);
        if let Some(value) = self.credentials.header() {
            request = request.header("authorization", value);
        }
        Call { what, request }
    }

    pub(crate) fn get(&self, target: &str) -> Call {
        self.request(Method::GET, target)
    }

    pub(crate) fn head(&self, target: &str) -> Call {
        self.request(Method::HEAD, target)
    }

    pub(crate) fn delete(&self, target: &str) -> Call {
        self.request(Method::DELETE, target)
    }

    pub(crate) fn post(&self, target: &str) -> Call {
        self.request(Method::POST, target)
            .header("content-length", "0")
    }

    pub(crate) fn put(&self, target: &str) -> Call {
        self.request(Method::PUT, target)
    }

    pub(crate) fn patch(&self, target: &str) -> Call {
        self.request(Method::PATCH, target)
    }
}

fn http_from(address: Option<IpAddr>) -> reqwest::Client {
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .danger_accept_invalid_certs(true)
        .timeout(PATIENCE)
        .local_address(address)
        .build()
        .expect("a client can be made")
}

/// A request that is sent when it is awaited.
#[must_use = "a request is sent when it is awaited"]
pub(crate) struct Call {
    what: String,
    request: reqwest::RequestBuilder,
}

impl Call {
    /// Sets a header; one set before is replaced.
    pub(crate) fn header(mut self, name: &str, value: impl AsRef<str>) -> Self {
        let mut headers = HeaderMap::new();
        let name: http::HeaderName = name.parse().expect("a header's name");
        headers.insert(name, value.as_ref().parse().expect("a header's value"));
        self.request = self.request.headers(headers);
        self
    }

    /// A body of known length.
    pub(crate) fn body(mut self, body: impl Into<Bytes>) -> Self {
        let body: Bytes = body.into();
        self = self.header("content-length", body.len().to_string());
        self.request = self.request.body(body);
        self
    }

    /// A body in pieces, whose length is not announced.
    pub(crate) fn stream(mut self, pieces: Vec<Bytes>) -> Self {
        let pieces = pieces.into_iter().map(Ok::<_, std::io::Error>);
        let body = reqwest::Body::wrap_stream(futures_util::stream::iter(pieces));
        self.request = self.request.body(body);
        self
    }

    pub(crate) fn content_type(self, value: &str) -> Self {
        self.header("content-type", value)
    }
}

impl IntoFuture for Call {
    type Output = Answer;
    type IntoFuture = Pin<Box<dyn Future<Output = Answer> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let Self { what, request } = self;
            let answer = request.send().await;
            let answer = answer.unwrap_or_else(|error| panic!("{what}: {error:?}"));
            let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
            let body = answer.bytes().await;
            let body = body.unwrap_or_else(|error| panic!("{what}: {error:?}"));
            Answer {
                what,
                status,
                headers,
                body,
            }
        })
    }
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    what: String,
    status: u16,
    headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    pub(crate) fn status(&self) -> u16 {
        self.status
    }

    pub(crate) fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    pub(crate) fn bytes(&self) -> &Bytes {
        &self.body
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{}: {error}: {}", self.what, self.text()))
    }

    /// A header that is there once, or not.
    #[track_caller]
    pub(crate) fn find_header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        let value = values.next()?.to_str().expect("a header is text");
        assert!(values.next().is_none(), "{}: {name} twice", self.what);
        Some(value)
    }

    /// A header that must be there, once.
    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> &str {
        self.find_header(name)
            .unwrap_or_else(|| panic!("{} has no {name}: {:?}", self.what, self.headers))
    }

    /// Where the answer sends the client.
    #[track_caller]
    pub(crate) fn location(&self) -> String {
        self.header("location").to_owned()
    }

    /// Where `Link: <…>; rel="next"` leads, if there is more.
    #[track_caller]
    pub(crate) fn next_page(&self) -> Option<String> {
        let link = self.find_header("link")?;
        let target = link.strip_prefix('<')?.strip_suffix(">; rel=\"next\"");
        Some(target.expect("a link to the next page").to_owned())
    }

    /// What the first error says to people.
    #[track_caller]
    pub(crate) fn error_message(&self) -> String {
        let message = &self.json()["errors"][0]["message"];
        message.as_str().expect("a message").to_owned()
    }

    #[track_caller]
    pub(crate) fn assert_status(self, status: u16) -> Self {
        assert_eq!(
            self.status,
            status,
            "{}: {:?} {}",
            self.what,
            self.headers,
            self.text().chars().take(500).collect::<String>()
        );
        self
    }

    /// An error in the specification's form: status, JSON type, one code, and a sentence.
    #[track_caller]
    pub(crate) fn assert_error(self, status: u16, code: &str) -> Self {
        let answer = self.assert_status(status);
        assert_eq!(answer.header("content-type"), "application/json");
        let body = answer.json();
        assert_eq!(body["errors"][0]["code"], code, "{}: {body}", answer.what);
        assert!(!answer.error_message().is_empty(), "{}", answer.what);
        answer
    }

    #[track_caller]
    pub(crate) fn assert_header(self, name: &str, value: &str) -> Self {
        assert_eq!(self.header(name), value, "{}: {name}", self.what);
        self
    }

    #[track_caller]
    pub(crate) fn assert_body(self, body: impl AsRef<[u8]>) -> Self {
        assert!(
            self.body == body.as_ref(),
            "{}: {} bytes instead of {}",
            self.what,
            self.body.len(),
            body.as_ref().len()
        );
        self
    }
}
