//! Something sent to a receiver that an account chose: a webhook, or a sink.

use super::{HttpAnswer, HttpClient, HttpFailed, failed, is_listed_only};
use reqwest::{Method, Url, header};

/// What is sent, and where.
#[derive(Clone, Copy)]
pub struct HttpPost<'a> {
    /// The receiver. It may carry secrets, so it stands in no error.
    pub url: &'a str,
    /// Headers beside those of every request.
    pub headers: &'a [(&'a str, &'a str)],
    /// The media type of `body`.
    pub content_type: &'a str,
    /// What is sent.
    pub body: &'a [u8],
    /// Whether the receiver may show any certificate.
    pub accepts_any_certificate: bool,
}

/// What a receiver's URL says that may be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receiver {
    /// Scheme, host and port.
    pub origin: String,
    /// That and the path, without query and fragment, which may carry secrets.
    pub without_query: String,
    /// Whether there is a query or a fragment.
    pub has_query: bool,
}

impl HttpClient {
    /// Whether something could be sent to this URL at all, as far as that can be said without resolving its name, and what
    /// of it may be shown.
    pub fn check_receiver(&self, url: &str) -> Result<Receiver, HttpFailed> {
        self.check_url(url)?;
        let parsed = Url::parse(url).map_err(|_| HttpFailed::Url("it is not one"))?;
        let host = parsed.host_str().unwrap_or_default();
        // What may only be sent to what is listed can go nowhere when nothing is that the name could stand for.
        if is_listed_only(&parsed) && !self.destinations.may_list(host) {
            return Err(HttpFailed::Refused(host.to_owned()));
        }
        let origin = parsed.origin().ascii_serialization();
        Ok(Receiver {
            without_query: format!("{origin}{}", parsed.path()),
            has_query: parsed.query().is_some() || parsed.fragment().is_some(),
            origin,
        })
    }

    /// Sends something. Of the answer at most `limit` bytes are read; a longer one is cut, and what comes after is never
    /// read.
    pub async fn post(&self, post: HttpPost<'_>, limit: usize) -> Result<HttpAnswer, HttpFailed> {
        self.send(Method::POST, post, limit).await
    }

    /// The same, to be what stands at the URL from then on.
    pub async fn put(&self, put: HttpPost<'_>, limit: usize) -> Result<HttpAnswer, HttpFailed> {
        self.send(Method::PUT, put, limit).await
    }

    async fn send(
        &self,
        method: Method,
        post: HttpPost<'_>,
        limit: usize,
    ) -> Result<HttpAnswer, HttpFailed> {
        let clients = match &self.trusting {
            [wide, narrow] if post.accepts_any_certificate => [wide, narrow],
            _ => [&self.wide, &self.narrow],
        };
        let mut request = self
            .request_by(clients, method, post.url)?
            .header(header::CONTENT_TYPE, post.content_type)
            .body(post.body.to_vec());
        for (name, value) in post.headers {
            request = request.header(*name, *value);
        }
        let mut response = request.send().await.map_err(failed)?;
        let mut body = Vec::new();
        // The status says that the receiver has it, however its answer ends.
        while let Ok(Some(chunk)) = response.chunk().await {
            let room = limit - body.len();
            body.extend(chunk.iter().take(room));
            if body.len() >= limit {
                break;
            }
        }
        Ok(HttpAnswer {
            status: response.status().as_u16(),
            body,
        })
    }
}
