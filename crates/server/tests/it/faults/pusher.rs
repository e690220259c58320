//! A client that pushes until the registry is gone, and remembers what was acknowledged.

use bytes::Bytes;
use futures_util::stream;
use http::Method;
use serde_json::Value;

use crate::registry::TestRegistry;
use crate::registry::content::{
    OCI_CONFIG, OCI_LAYER, OCI_MANIFEST, descriptor, image_manifest, noise, sha256,
};

/// The registry did not answer, or not with what a push goes on with.
pub(super) struct Gone;

/// The same numbers for the same seed (SplitMix64).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

/// An image whose manifest was answered with 201.
#[derive(Clone)]
pub(super) struct Image {
    pub(super) repository: String,
    pub(super) manifest: Value,
}

/// An upload that has begun: where it goes on, and all the bytes that belong to it.
pub(super) struct Begun {
    location: String,
    bytes: Bytes,
}

/// What one client was promised.
#[derive(Default)]
pub(super) struct Promises {
    /// Repository and digest of blobs answered with 201.
    pub(super) blobs: Vec<(String, String)>,
    pub(super) images: Vec<Image>,
    pub(super) begun: Option<Begun>,
}

pub(super) struct Pusher {
    http: reqwest::Client,
    origin: String,
    authorization: String,
    repository: String,
    random: Random,
    pub(super) promises: Promises,
}

impl Pusher {
    pub(super) fn new(
        registry: &TestRegistry,
        authorization: &str,
        repository: &str,
        seed: u64,
    ) -> Self {
        let http = reqwest::Client::builder().no_proxy().build();
        Self {
            http: http.expect("a client can be made"),
            origin: registry.origin().to_owned(),
            authorization: authorization.to_owned(),
            repository: repository.to_owned(),
            random: Random::new(seed),
            promises: Promises::default(),
        }
    }

    /// Goes on with an upload of before, and then pushes images until the registry is gone.
    pub(super) async fn run(mut self, begun: Option<Begun>) -> Promises {
        // Whatever ends it is the end of the registry; what counts is what was promised before.
        _ = self.push_on(begun).await;
        self.promises
    }

    async fn push_on(&mut self, begun: Option<Begun>) -> Result<(), Gone> {
        if let Some(begun) = begun {
            self.resume(begun).await?;
        }
        loop {
            self.push_image().await?;
        }
    }

    async fn push_image(&mut self) -> Result<(), Gone> {
        let config = format!("{{\"number\":{}}}", self.random.next());
        let config = Bytes::from(config);
        let size = usize::try_from(1 + self.random.below(200_000)).expect("it fits");
        let layer = noise(self.random.next(), size);
        self.push_blob(&config).await?;
        self.push_blob(&layer).await?;
        let manifest = image_manifest(
            &descriptor(OCI_CONFIG, &config),
            &[descriptor(OCI_LAYER, &layer)],
        );
        let target = format!("/v2/{}/manifests/t{}", self.repository, self.random.next());
        let request = self
            .request(Method::PUT, &target)
            .header("content-type", OCI_MANIFEST)
            .body(manifest.to_string());
        send(request, 201).await?;
        self.promises.images.push(Image {
            repository: self.repository.clone(),
            manifest,
        });
        Ok(())
    }

    /// In one request, in two, or in pieces.
    async fn push_blob(&mut self, bytes: &Bytes) -> Result<(), Gone> {
        let digest = sha256(bytes);
        let uploads = format!("/v2/{}/blobs/uploads/", self.repository);
        match self.random.below(3) {
            0 => {
                let request = self
                    .request(Method::POST, &format!("{uploads}?digest={digest}"))
                    .header("content-type", "application/octet-stream")
                    .body(bytes.clone());
                send(request, 201).await?;
            }
            1 => {
                let location = self.begin(&uploads, bytes).await?;
                // In pieces of no announced length, so that the registry dies in the middle of bodies.
                let pieces: Vec<Bytes> = bytes.chunks(8192).map(Bytes::copy_from_slice).collect();
                let body = stream::iter(pieces.into_iter().map(Ok::<_, std::io::Error>));
                self.complete(&location, &digest, reqwest::Body::wrap_stream(body))
                    .await?;
            }
            _ => {
                let mut location = self.begin(&uploads, bytes).await?;
                let half = bytes.slice(..bytes.len() / 2);
                if !half.is_empty() {
                    let range = format!("0-{}", half.len() - 1);
                    let request = self
                        .request(Method::PATCH, &location)
                        .header("content-range", range)
                        .header("content-type", "application/octet-stream")
                        .body(half);
                    location = location_of(&send(request, 202).await?)?;
                }
                let rest = bytes.slice(bytes.len() / 2..);
                self.complete(&location, &digest, rest.into()).await?;
            }
        }
        self.promises.blobs.push((self.repository.clone(), digest));
        Ok(())
    }

    async fn begin(&mut self, uploads: &str, bytes: &Bytes) -> Result<String, Gone> {
        let request = self
            .request(Method::POST, uploads)
            .header("content-length", "0");
        let location = location_of(&send(request, 202).await?)?;
        self.promises.begun = Some(Begun {
            location: location.clone(),
            bytes: bytes.clone(),
        });
        Ok(location)
    }

    async fn complete(
        &mut self,
        location: &str,
        digest: &str,
        rest: reqwest::Body,
    ) -> Result<(), Gone> {
        let separator = if location.contains('?') { '&' } else { '?' };
        let request = self
            .request(
                Method::PUT,
                &format!("{location}{separator}digest={digest}"),
            )
            .header("content-type", "application/octet-stream")
            .body(rest);
        send(request, 201).await?;
        self.promises.begun = None;
        Ok(())
    }

    /// An upload that the last life of the registry left: it is where its status says, or gone.
    async fn resume(&mut self, begun: Begun) -> Result<(), Gone> {
        let request = self.request(Method::GET, &begun.location);
        let Ok(answer) = request.send().await else {
            return Err(Gone);
        };
        if answer.status() != 204 {
            return Ok(());
        }
        let range = answer.headers().get("range").ok_or(Gone)?;
        let last = range.to_str().map_err(|_| Gone)?.rsplit('-').next();
        let last: usize = last.and_then(|last| last.parse().ok()).ok_or(Gone)?;
        // "0-0" means nothing, or one byte: the registry takes the rest after either only where it is right.
        let offset = if last == 0 { 0 } else { last + 1 };
        let digest = sha256(&begun.bytes);
        let rest = begun.bytes.slice(offset.min(begun.bytes.len())..);
        // Refused when its bytes are gone; a client begins again then.
        if self
            .complete(&begun.location, &digest, rest.into())
            .await
            .is_ok()
        {
            self.promises.blobs.push((self.repository.clone(), digest));
        }
        Ok(())
    }

    fn request(&self, method: Method, target: &str) -> reqwest::RequestBuilder {
        let url = if target.starts_with('/') {
            format!("{}{target}", self.origin)
        } else {
            target.to_owned()
        };
        self.http
            .request(method, url)
            .header("authorization", &self.authorization)
    }
}

async fn send(request: reqwest::RequestBuilder, status: u16) -> Result<reqwest::Response, Gone> {
    let answer = request.send().await.map_err(|_| Gone)?;
    if answer.status() == status {
        Ok(answer)
    } else {
        Err(Gone)
    }
}

fn location_of(answer: &reqwest::Response) -> Result<String, Gone> {
    let location = answer.headers().get("location").ok_or(Gone)?;
    Ok(location.to_str().map_err(|_| Gone)?.to_owned())
}
