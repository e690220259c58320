//! Pushes as clients make them, in every shape, until something fails.

use super::registry::{Registry, Snapshot};
use crate::{Chunk, Error, ManifestPush};
use bytes::Bytes;
use futures_util::{Stream, stream};
use oci::{Algorithm, Digest, Reference, Tag, UploadId};

/// How the bytes of a blob come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// All with the last request.
    Monolithic,
    /// In two chunks, and nothing with the last request.
    Chunked,
    /// In two chunks and the rest with the last request.
    ChunkedWithRest,
    /// The first request breaks off; the client asks how far it came and goes on.
    Resumed,
    /// Announced as sha256, and then named by its sha512.
    OtherAlgorithm,
}

pub(super) const SHAPES: [Shape; 5] = [
    Shape::Monolithic,
    Shape::Chunked,
    Shape::ChunkedWithRest,
    Shape::Resumed,
    Shape::OtherAlgorithm,
];

/// Bytes that differ from place to place and from number to number.
pub(super) fn content(number: u8, len: usize) -> Bytes {
    (0..len)
        .map(|at| u8::try_from((at * 7 + at / 251) % 256).unwrap() ^ number)
        .collect()
}

pub(super) fn body(bytes: &Bytes) -> impl Stream<Item = Result<Bytes, Error>> + use<> {
    let pieces: Vec<_> = bytes.chunks(900).map(Bytes::copy_from_slice).collect();
    stream::iter(pieces.into_iter().map(Ok))
}

fn whole<S>(body: S) -> Chunk<S> {
    Chunk { range: None, body }
}

/// A client that pushes, and remembers what it was promised.
#[derive(Default)]
pub(super) struct Client {
    pub(super) blobs: Vec<(String, Digest)>,
    /// Repository, bytes, and the blobs it needs.
    pub(super) manifests: Vec<(String, Bytes, Vec<Digest>)>,
    /// An upload that was begun and not ended.
    pub(super) open: Option<(String, UploadId)>,
    /// The database after the last promise that survives a power cut.
    pub(super) safe: Option<Snapshot>,
    /// Not even that: nothing will be cut.
    pub(super) takes_no_snapshots: bool,
}

impl Client {
    /// For tests that cut no power.
    pub(super) fn without_snapshots() -> Self {
        Self {
            takes_no_snapshots: true,
            ..Self::default()
        }
    }

    fn is_promised(&mut self, registry: &Registry) {
        if !self.takes_no_snapshots {
            self.safe = Some(registry.snapshot());
        }
    }

    pub(super) async fn push_blob(
        &mut self,
        registry: &Registry,
        repository: &str,
        shape: Shape,
        bytes: &Bytes,
    ) -> Result<Digest, Error> {
        let algorithm = match shape {
            Shape::OtherAlgorithm => Algorithm::Sha512,
            _ => Algorithm::Sha256,
        };
        let digest = Digest::of(algorithm, bytes);
        let (uploads, access) = (&registry.services.uploads, registry.push(repository).await);
        let id = uploads.start(&access, Algorithm::Sha256).await?;
        self.open = Some((repository.to_owned(), id.clone()));
        self.is_promised(registry);
        let third = bytes.len() / 3;
        let sent = match shape {
            Shape::Monolithic | Shape::OtherAlgorithm => 0,
            Shape::Chunked | Shape::ChunkedWithRest => {
                let first = whole(body(&bytes.slice(..third)));
                uploads.append(&access, &id, first).await?;
                let second = whole(body(&bytes.slice(third..2 * third)));
                uploads.append(&access, &id, second).await?
            }
            Shape::Resumed => {
                let (begun, end) = (bytes.slice(..third), Err(Error::Internal));
                let broken = whole(stream::iter([Ok(begun), end]));
                match uploads.append(&access, &id, broken).await {
                    Err(Error::BodyBrokeOff { .. }) => {}
                    Err(error) => return Err(error),
                    Ok(_) => panic!("a body that breaks off was taken for a whole one"),
                }
                uploads.status(&access, &id).await?.offset
            }
        };
        let rest = bytes.slice(usize::try_from(sent).unwrap()..);
        if shape == Shape::Chunked {
            uploads.append(&access, &id, whole(body(&rest))).await?;
            let nothing = None::<Chunk<stream::Empty<Result<Bytes, Error>>>>;
            uploads.complete(&access, &id, nothing, &digest).await?;
        } else {
            let last = Some(whole(body(&rest)));
            uploads.complete(&access, &id, last, &digest).await?;
        }
        self.open = None;
        self.is_promised(registry);
        self.blobs.push((repository.to_owned(), digest.clone()));
        Ok(digest)
    }

    pub(super) async fn push_manifest(
        &mut self,
        registry: &Registry,
        repository: &str,
        tag: &str,
        blobs: &[(Digest, usize)],
    ) -> Result<(), Error> {
        let content = manifest(blobs);
        let push = ManifestPush {
            reference: Reference::Tag(Tag::parse(tag).unwrap()),
            tags: Vec::new(),
            content_type: MEDIA_TYPE.to_owned(),
            content: content.clone(),
        };
        let access = registry.push(repository).await;
        registry.services.manifests.put(&access, push).await?;
        self.is_promised(registry);
        let needed = blobs.iter().map(|(digest, _)| digest.clone()).collect();
        self.manifests
            .push((repository.to_owned(), content, needed));
        Ok(())
    }

    /// An image of a configuration and a layer.
    pub(super) async fn push_image(
        &mut self,
        registry: &Registry,
        repository: &str,
        shape: Shape,
    ) -> Result<(), Error> {
        let (config, layer) = image();
        let mut needed = Vec::new();
        for (bytes, shape) in [(config, Shape::Monolithic), (layer, shape)] {
            let digest = self.push_blob(registry, repository, shape, &bytes).await?;
            needed.push((digest, bytes.len()));
        }
        self.push_manifest(registry, repository, "latest", &needed)
            .await
    }

    /// Fails unless every promise is kept.
    pub(super) async fn assert_promises_are_kept(&self, registry: &Registry) {
        for (repository, digest) in &self.blobs {
            let bytes = registry.read_blob(repository, digest).await;
            let bytes = bytes.unwrap_or_else(|error| panic!("{repository}, {digest}: {error}"));
            assert_eq!(Digest::of(digest.algorithm(), &bytes), *digest);
        }
        for (repository, content, blobs) in &self.manifests {
            let access = registry.pull(repository).await;
            let reference = Reference::Digest(Digest::sha256_of(content));
            let pulled = registry.services.manifests.get(&access, &reference);
            let pulled = pulled
                .await
                .unwrap_or_else(|error| panic!("{repository}: {error}"));
            assert_eq!(pulled.digest, Digest::sha256_of(content));
            for blob in blobs {
                let bytes = registry.read_blob(repository, blob).await.unwrap();
                assert_eq!(Digest::of(blob.algorithm(), &bytes), *blob);
            }
        }
    }
}

pub(super) const MEDIA_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";

/// The bytes of a configuration and of a layer.
pub(super) fn image() -> (Bytes, Bytes) {
    (content(1, 700), content(2, 6000))
}

/// Every digest that [`image`] can be stored under.
pub(super) fn image_digests() -> Vec<Digest> {
    let (config, layer) = image();
    let mut digests = Vec::new();
    for bytes in [config, layer] {
        for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
            digests.push(Digest::of(algorithm, &bytes));
        }
    }
    digests
}

pub(super) fn manifest(blobs: &[(Digest, usize)]) -> Bytes {
    let descriptor = |(digest, size): &(Digest, usize)| {
        serde_json::json!({
            "mediaType": "application/octet-stream",
            "digest": digest.as_str(),
            "size": size,
        })
    };
    let manifest = serde_json::json!({
        "schemaVersion": 2,
        "mediaType": MEDIA_TYPE,
        "config": descriptor(&blobs[0]),
        "layers": blobs[1..].iter().map(descriptor).collect::<Vec<_>>(),
    });
    Bytes::from(manifest.to_string())
}
