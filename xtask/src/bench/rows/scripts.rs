//! What one iteration of a mix asks for.

use std::time::Instant;

use super::uploads::{push_blob, step};
use crate::bench::content::{Blob, MANIFEST, Manifest};
use crate::bench::driver::client::{accept, with_digest};
use crate::bench::driver::{Connection, Failure, Keep, Payload, Request, Tally, Work};

/// The tag of every image.
pub(crate) const TAG: &str = "latest";

/// What an iteration does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Script {
    Catalog,
    Monolith,
    Chunked,
    Pull,
    /// Three pulls to one push.
    PullOrPush,
}

/// An image and what its requests carry.
pub(crate) struct Image {
    pub repository: String,
    pub layer: Blob,
    pub manifest: Manifest,
    pub authorization: Vec<String>,
}

pub(crate) struct Images {
    pub script: Script,
    pub config: Blob,
    /// One for each client, there before the measured time.
    pub pulled: Vec<Image>,
    /// One for each iteration that pushes.
    pub pushed: Vec<Option<Image>>,
    pub catalog: Vec<String>,
}

impl Work for Images {
    async fn iterate(
        &self,
        connection: &mut Connection,
        ticket: u64,
        tally: &mut Tally,
    ) -> Result<(), Failure> {
        let at = usize::try_from(ticket).unwrap_or(usize::MAX);
        if let Some(Some(image)) = self.pushed.get(at) {
            return match self.script {
                Script::Chunked => self.push_chunked(connection, image, tally).await,
                _ => self.push_monolith(connection, image, tally).await,
            };
        }
        if self.script == Script::Catalog {
            let request = Request::new("GET", "/v2/_catalog", &self.catalog, Payload::Nothing);
            let response = connection
                .exchange(&request, Payload::Nothing, Keep::Nothing)
                .await?;
            return tally.expect("GET /v2/_catalog", response.status, 200);
        }
        self.pull(connection, &self.pulled[at % self.pulled.len()], tally)
            .await
    }
}

impl Images {
    /// Layer and config by POST and one PUT each, then the manifest: five requests.
    async fn push_monolith(
        &self,
        connection: &mut Connection,
        image: &Image,
        tally: &mut Tally,
    ) -> Result<(), Failure> {
        let uploads = format!("/v2/{}/blobs/uploads/", image.repository);
        for blob in [&image.layer, &self.config] {
            let authorization = &image.authorization;
            let location = step(
                connection,
                tally,
                ("POST", &uploads, 202),
                authorization,
                Payload::Nothing,
            )
            .await?;
            let closing = with_digest(&location, &blob.digest);
            step(
                connection,
                tally,
                ("PUT", &closing, 201),
                authorization,
                Payload::Blob(blob),
            )
            .await?;
        }
        put_manifest(connection, image, tally).await
    }

    /// Layer by POST, PATCH, PUT; config with an empty PATCH before the full one, both at the same address, as
    /// zb does it; then the manifest: eight requests.
    async fn push_chunked(
        &self,
        connection: &mut Connection,
        image: &Image,
        tally: &mut Tally,
    ) -> Result<(), Failure> {
        let uploads = format!("/v2/{}/blobs/uploads/", image.repository);
        let authorization = &image.authorization;
        push_blob(connection, &uploads, authorization, &image.layer, tally).await?;
        let config = Payload::Blob(&self.config);
        let location = step(
            connection,
            tally,
            ("POST", &uploads, 202),
            authorization,
            Payload::Nothing,
        )
        .await?;
        step(
            connection,
            tally,
            ("PATCH", &location, 202),
            authorization,
            Payload::Nothing,
        )
        .await?;
        let location = step(
            connection,
            tally,
            ("PATCH", &location, 202),
            authorization,
            config,
        )
        .await?;
        let closing = with_digest(&location, &self.config.digest);
        step(
            connection,
            tally,
            ("PUT", &closing, 201),
            authorization,
            Payload::Nothing,
        )
        .await?;
        put_manifest(connection, image, tally).await
    }

    /// HEAD and GET of manifest, config and layer: six requests.
    async fn pull(
        &self,
        connection: &mut Connection,
        image: &Image,
        tally: &mut Tally,
    ) -> Result<(), Failure> {
        let repository = &image.repository;
        let mut headers = image.authorization.clone();
        headers.push(accept());
        let paths = [
            ("manifest", format!("/v2/{repository}/manifests/{TAG}")),
            (
                "config",
                format!("/v2/{repository}/blobs/{}", self.config.digest),
            ),
            (
                "layer",
                format!("/v2/{repository}/blobs/{}", image.layer.digest),
            ),
        ];
        for (name, path) in paths {
            for method in ["HEAD", "GET"] {
                let request = Request::new(method, &path, &headers, Payload::Nothing);
                let begin = Instant::now();
                let response = connection
                    .exchange(&request, Payload::Nothing, Keep::Nothing)
                    .await?;
                tally.expect(&path, response.status, 200)?;
                if method == "GET" {
                    tally.record_step(name, begin.elapsed());
                }
            }
        }
        Ok(())
    }
}

async fn put_manifest(
    connection: &mut Connection,
    image: &Image,
    tally: &mut Tally,
) -> Result<(), Failure> {
    let path = format!("/v2/{}/manifests/{TAG}", image.repository);
    let mut headers = image.authorization.clone();
    headers.push(format!("Content-Type: {MANIFEST}"));
    let payload = Payload::Bytes(&image.manifest.bytes);
    let request = Request::new("PUT", &path, &headers, payload);
    let response = connection
        .exchange(&request, payload, Keep::Nothing)
        .await?;
    tally.expect("PUT manifest", response.status, 201)
}
