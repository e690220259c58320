//! A client that tries again where a container engine would: after a broken connection, and after an answer that asks for
//! it. Everything else that it did not expect is a fault of the registry.

use crate::registry::PATIENCE;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, Method};
use serde_json::Value;

use crate::faults::pusher::Random;
use crate::registry::content::{
    OCI_CONFIG, OCI_LAYER, OCI_MANIFEST, descriptor, image_manifest, noise, sha256,
};

/// Between two tries, unless the answer says when.
const PAUSE: Duration = Duration::from_millis(100);
/// Most that is waited when an answer says when.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// An upload whose bytes cannot be continued so often is begun anew.
const TRIES_PER_UPLOAD: u32 = 5;

/// An image whose manifest was answered with 201.
#[derive(Clone)]
pub(super) struct Image {
    pub(super) repository: String,
    pub(super) tag: String,
    pub(super) manifest: Value,
}

/// An answer, read to its end.
struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    fn text(&self, name: &str) -> Option<String> {
        Some(self.headers.get(name)?.to_str().ok()?.to_owned())
    }

    fn location(&self) -> String {
        self.text("location").expect("it has a Location")
    }
}

/// Someone who pushes or pulls through the balancer.
pub(super) struct Retrying {
    pub(super) http: reqwest::Client,
    origin: String,
    authorization: String,
    pub(super) random: Random,
    /// How often something was tried again.
    pub(super) retries: u64,
}

impl Retrying {
    pub(super) fn new(origin: &str, authorization: &str, seed: u64) -> Self {
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(PATIENCE)
            .build();
        let http = http.expect("a client can be made");
        Self::sharing(&http, origin, authorization, seed)
    }

    /// The same, on connections that others use, too.
    pub(super) fn sharing(
        http: &reqwest::Client,
        origin: &str,
        authorization: &str,
        seed: u64,
    ) -> Self {
        Self {
            http: http.clone(),
            origin: origin.to_owned(),
            authorization: authorization.to_owned(),
            random: Random::new(seed),
            retries: 0,
        }
    }

    /// Once. `None` is what every client tries again: a broken connection, or an answer that says so.
    async fn try_once(
        &mut self,
        method: &Method,
        target: &str,
        headers: &[(&str, String)],
        body: Bytes,
    ) -> Option<Answer> {
        let mut request = self
            .http
            .request(method.clone(), format!("{}{target}", self.origin))
            .header("authorization", &self.authorization)
            .header("content-length", body.len())
            .body(body);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let answer = async {
            let answer = request.send().await?;
            let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
            let body = answer.bytes().await?;
            Ok::<_, reqwest::Error>(Answer {
                status,
                headers,
                body,
            })
        };
        let mut pause = PAUSE;
        if let Ok(answer) = answer.await {
            if !matches!(answer.status, 429 | 502 | 503 | 504) {
                return Some(answer);
            }
            let asked = answer
                .text("retry-after")
                .and_then(|text| text.parse().ok());
            pause = asked.map_or(pause, Duration::from_secs).min(LONGEST_PAUSE);
        }
        self.retries += 1;
        // Not waiting for an event, but as long as a client is asked to.
        tokio::time::sleep(pause).await;
        None
    }

    /// Again and again; only for what may be repeated.
    async fn send(
        &mut self,
        method: Method,
        target: &str,
        headers: &[(&str, String)],
        body: Bytes,
    ) -> Answer {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let tried = self.try_once(&method, target, headers, body.clone()).await;
            if let Some(answer) = tried {
                return answer;
            }
            assert!(
                Instant::now() < deadline,
                "{method} {target} never succeeds"
            );
        }
    }

    /// An image that nobody else pushes, of one or two layers; its manifest was answered with 201.
    pub(super) async fn push_image(&mut self, repository: &str) -> Image {
        let config = Bytes::from(format!("{{\"number\":{}}}", self.random.next()));
        self.push_blob(repository, &config).await;
        let mut layers = Vec::new();
        for _ in 0..=self.random.below(2) {
            let size = usize::try_from(1 + self.random.below(400_000)).expect("it fits");
            let layer = noise(self.random.next(), size);
            self.push_blob(repository, &layer).await;
            layers.push(descriptor(OCI_LAYER, &layer));
        }
        let manifest = image_manifest(&descriptor(OCI_CONFIG, &config), &layers);
        let tag = format!("t{}", self.random.next());
        let target = format!("/v2/{repository}/manifests/{tag}");
        let media_type = [("content-type", OCI_MANIFEST.to_owned())];
        let body = Bytes::from(manifest.to_string());
        let answer = self.send(Method::PUT, &target, &media_type, body).await;
        expect(&answer, 201, &target);
        Image {
            repository: repository.to_owned(),
            tag,
            manifest,
        }
    }

    /// In one request or in chunks.
    async fn push_blob(&mut self, repository: &str, bytes: &Bytes) {
        let digest = sha256(bytes);
        let uploads = format!("/v2/{repository}/blobs/uploads/");
        if self.random.below(2) == 0 {
            let target = format!("{uploads}?digest={digest}");
            let stream = [("content-type", "application/octet-stream".to_owned())];
            let answer = self
                .send(Method::POST, &target, &stream, bytes.clone())
                .await;
            expect(&answer, 201, &target);
            return;
        }
        let deadline = Instant::now() + PATIENCE;
        loop {
            let begun = self.send(Method::POST, &uploads, &[], Bytes::new()).await;
            expect(&begun, 202, &uploads);
            if self.push_chunks(begun.location(), bytes, &digest).await {
                return;
            }
            assert!(
                Instant::now() < deadline,
                "a blob of {repository} is never there"
            );
        }
    }

    /// Continues an upload where its status says, as often as it breaks off. `false`: it must be begun anew.
    async fn push_chunks(&mut self, mut location: String, bytes: &Bytes, digest: &str) -> bool {
        let chunk = bytes.len().div_ceil(3).max(1);
        let mut offset = 0;
        for _ in 0..TRIES_PER_UPLOAD {
            while offset < bytes.len() {
                let end = (offset + chunk).min(bytes.len());
                let range = [("content-range", format!("{offset}-{}", end - 1))];
                let body = bytes.slice(offset..end);
                let patch = self.try_once(&Method::PATCH, &location, &range, body).await;
                match patch {
                    Some(answer) if answer.status == 202 => {
                        location = answer.location();
                        offset = end;
                    }
                    // The chunk, or a part of it, may have arrived; or the dead replica still has the upload.
                    None => break,
                    Some(answer) if matches!(answer.status, 409 | 416) => break,
                    Some(answer) => expect(&answer, 202, &location),
                }
            }
            if offset == bytes.len() {
                let separator = if location.contains('?') { '&' } else { '?' };
                let target = format!("{location}{separator}digest={digest}");
                let put = self
                    .try_once(&Method::PUT, &target, &[], Bytes::new())
                    .await;
                match put {
                    Some(answer) if answer.status == 201 => return true,
                    None => {}
                    Some(answer) if matches!(answer.status, 409 | 416) => {}
                    Some(answer) => expect(&answer, 201, &target),
                }
                continue;
            }
            let status = self.send(Method::GET, &location, &[], Bytes::new()).await;
            expect(&status, 204, &location);
            let range = status.text("range").expect("it has a Range");
            let last: usize = range
                .rsplit('-')
                .next()
                .and_then(|last| last.parse().ok())
                .expect("a number");
            // "0-0" is nothing, or one byte; a chunk is more than one, unless all of it is.
            offset = if last == 0 { 0 } else { last + 1 };
            tokio::time::sleep(PAUSE).await;
        }
        false
    }

    /// Pulls an image by tag and by digest and hashes everything again.
    pub(super) async fn pull_image(&mut self, image: &Image) {
        let (repository, expected) = (&image.repository, image.manifest.to_string());
        for reference in [&image.tag, &sha256(&expected)] {
            let target = format!("/v2/{repository}/manifests/{reference}");
            let answer = self.send(Method::GET, &target, &[], Bytes::new()).await;
            expect(&answer, 200, &target);
            assert!(answer.body == expected, "{target} has other bytes");
        }
        let layers = image.manifest["layers"].as_array().expect("layers");
        for blob in std::iter::once(&image.manifest["config"]).chain(layers) {
            let digest = blob["digest"].as_str().expect("a digest");
            let target = format!("/v2/{repository}/blobs/{digest}");
            let answer = self.send(Method::GET, &target, &[], Bytes::new()).await;
            expect(&answer, 200, &target);
            assert_eq!(sha256(&answer.body), digest, "{target} has other bytes");
        }
    }
}

#[track_caller]
fn expect(answer: &Answer, status: u16, target: &str) {
    assert_eq!(
        answer.status,
        status,
        "{target}: {:?} {}",
        answer.headers,
        String::from_utf8_lossy(&answer.body)
    );
}
