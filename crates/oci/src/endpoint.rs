//! Method and path ⇄ [`Endpoint`].

mod parse;
mod query;
mod target;
#[cfg(test)]
mod tests;

use crate::{Algorithm, Digest, ErrorCode, Reference, RepositoryName, Tag, UploadId};

/// The most entries one page of a listing is asked for: a larger `n` is lowered to this. The spec
/// lets an answer be shorter than asked for as long as it links to the next page.
pub const MAX_PAGE_SIZE: u64 = 10_000;

/// How much of `last` is kept, in bytes. Names and tags are shorter, so the rest of a longer marker
/// cannot change what comes after it.
pub const MAX_MARKER_BYTES: usize = 300;

/// How many different `tag=` values a manifest may be pushed with (the spec asks for ten or more).
pub const MAX_TAGS_PER_PUT: usize = 100;

/// How many different `artifactType=` values a referrers request may filter by.
pub const MAX_ARTIFACT_TYPES: usize = 32;

/// One request of the distribution-spec, with every value in the path and query already valid.
///
/// Listings answer HEAD as they answer GET; only manifests and blobs tell the two apart (`head`),
/// because there a HEAD saves opening the content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// end-1: `GET /v2/`
    Ping,
    /// end-2: `GET`/`HEAD /v2/<name>/blobs/<digest>`
    GetBlob {
        /// Whether only the headers are wanted.
        head: bool,
        /// The repository.
        name: RepositoryName,
        /// The blob.
        digest: Digest,
    },
    /// end-3: `GET`/`HEAD /v2/<name>/manifests/<reference>`
    GetManifest {
        /// Whether only the headers are wanted.
        head: bool,
        /// The repository.
        name: RepositoryName,
        /// A tag or digest.
        reference: Reference,
    },
    /// end-4a, end-4b, end-4c, end-11: `POST /v2/<name>/blobs/uploads/[?…]`
    StartUpload {
        /// The repository.
        name: RepositoryName,
        /// end-11: the blob to mount.
        mount: Option<Digest>,
        /// end-11: where to mount from; without it, from wherever the caller may read. Only set
        /// together with `mount`.
        from: Option<RepositoryName>,
        /// end-4b: the digest of the request's body, which is the whole blob.
        digest: Option<Digest>,
        /// end-4c: what the upload will be hashed with.
        algorithm: Option<Algorithm>,
    },
    /// end-5: `PATCH <Location>`
    PatchUpload {
        /// The repository.
        name: RepositoryName,
        /// The upload.
        id: UploadId,
    },
    /// end-6: `PUT <Location>?digest=<digest>`
    PutUpload {
        /// The repository.
        name: RepositoryName,
        /// The upload.
        id: UploadId,
        /// What the whole blob must hash to.
        digest: Digest,
    },
    /// end-7a, end-7b: `PUT /v2/<name>/manifests/<reference>[?tag=…]`
    PutManifest {
        /// The repository.
        name: RepositoryName,
        /// A tag or digest.
        reference: Reference,
        /// end-7b: tags to make, each once, in the order given. Always empty for a push by tag.
        tags: Vec<Tag>,
    },
    /// end-8a, end-8b: `GET /v2/<name>/tags/list[?n=&last=]`
    ListTags {
        /// The repository.
        name: RepositoryName,
        /// The most tags wanted, at most [`MAX_PAGE_SIZE`].
        n: Option<u64>,
        /// Only tags after this one, which need not exist.
        last: Option<String>,
    },
    /// end-9: `DELETE /v2/<name>/manifests/<reference>`
    DeleteManifest {
        /// The repository.
        name: RepositoryName,
        /// A tag or digest.
        reference: Reference,
    },
    /// end-10: `DELETE /v2/<name>/blobs/<digest>`
    DeleteBlob {
        /// The repository.
        name: RepositoryName,
        /// The blob.
        digest: Digest,
    },
    /// end-12a, end-12b: `GET /v2/<name>/referrers/<digest>[?artifactType=]`
    Referrers {
        /// The repository.
        name: RepositoryName,
        /// The subject, which need not exist.
        digest: Digest,
        /// Only referrers of one of these types; all of them if empty.
        artifact_types: Vec<String>,
        /// The most referrers wanted, at most [`MAX_PAGE_SIZE`].
        n: Option<u64>,
        /// Where the page begins, as our own `Link` said.
        last: Option<String>,
    },
    /// end-13: `GET <Location>`
    UploadStatus {
        /// The repository.
        name: RepositoryName,
        /// The upload.
        id: UploadId,
    },
    /// end-14: `DELETE <Location>`
    CancelUpload {
        /// The repository.
        name: RepositoryName,
        /// The upload.
        id: UploadId,
    },
    /// `GET /v2/_catalog[?n=&last=]`: not in the spec, but clients know it.
    Catalog {
        /// The most names wanted, at most [`MAX_PAGE_SIZE`].
        n: Option<u64>,
        /// Only names after this one, which need not exist.
        last: Option<String>,
    },
}

/// Why a request is not an [`Endpoint`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// The path is none of ours: 404.
    #[error("no such endpoint")]
    NotFound,
    /// The path is ours, the method is not: 405 with this `Allow` header.
    #[error("the method is not allowed here; allowed: {0}")]
    MethodNotAllowed(&'static str),
    /// The query asks for more at once than one request may: 414.
    #[error("{0}")]
    UriTooLong(String),
    /// A value is wrong: the status belongs to the code.
    #[error("{message}")]
    Protocol {
        /// What to answer.
        code: ErrorCode,
        /// What happened and what to do next. Never repeats the input.
        message: String,
    },
}

impl EndpointError {
    pub(crate) fn protocol(code: ErrorCode, why: &(impl ToString + ?Sized)) -> Self {
        Self::Protocol {
            code,
            message: why.to_string(),
        }
    }
}

impl Endpoint {
    /// Reads a request line. `path` is the raw path, `query` the raw query without the `?`.
    ///
    /// Nothing in a name is percent-decoded, so every path variant of an endpoint is either this
    /// endpoint or no endpoint at all. Unknown query parameters are ignored; of a repeated one the
    /// first counts, except for `tag` and `artifactType`, which may be repeated.
    pub fn parse(method: &str, path: &str, query: Option<&str>) -> Result<Self, EndpointError> {
        parse::parse(method, path, query.unwrap_or_default())
    }

    /// The number in the spec's table of endpoints; `catalog` for the one that has none.
    pub fn id(&self) -> &'static str {
        match self {
            Self::Ping => "end-1",
            Self::GetBlob { .. } => "end-2",
            Self::GetManifest { .. } => "end-3",
            Self::StartUpload { mount: Some(_), .. } => "end-11",
            Self::StartUpload {
                digest: Some(_), ..
            } => "end-4b",
            Self::StartUpload {
                algorithm: Some(_), ..
            } => "end-4c",
            Self::StartUpload { .. } => "end-4a",
            Self::PatchUpload { .. } => "end-5",
            Self::PutUpload { .. } => "end-6",
            Self::PutManifest { tags, .. } if tags.is_empty() => "end-7a",
            Self::PutManifest { .. } => "end-7b",
            Self::ListTags {
                n: None,
                last: None,
                ..
            } => "end-8a",
            Self::ListTags { .. } => "end-8b",
            Self::DeleteManifest { .. } => "end-9",
            Self::DeleteBlob { .. } => "end-10",
            Self::Referrers { artifact_types, .. } if artifact_types.is_empty() => "end-12a",
            Self::Referrers { .. } => "end-12b",
            Self::UploadStatus { .. } => "end-13",
            Self::CancelUpload { .. } => "end-14",
            Self::Catalog { .. } => "catalog",
        }
    }

    /// The name of this endpoint in metrics and logs: one of a fixed set, whatever the request.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Ping => "ping",
            Self::GetBlob { head: false, .. } => "get_blob",
            Self::GetBlob { .. } => "head_blob",
            Self::GetManifest { head: false, .. } => "get_manifest",
            Self::GetManifest { .. } => "head_manifest",
            Self::StartUpload { mount: Some(_), .. } => "mount_blob",
            Self::StartUpload { .. } => "start_upload",
            Self::PatchUpload { .. } => "patch_upload",
            Self::PutUpload { .. } => "put_upload",
            Self::PutManifest { .. } => "put_manifest",
            Self::ListTags { .. } => "list_tags",
            Self::DeleteManifest { .. } => "delete_manifest",
            Self::DeleteBlob { .. } => "delete_blob",
            Self::Referrers { .. } => "referrers",
            Self::UploadStatus { .. } => "upload_status",
            Self::CancelUpload { .. } => "cancel_upload",
            Self::Catalog { .. } => "catalog",
        }
    }

    /// The repository the request is about; `None` for the ping and the catalog.
    pub fn repository(&self) -> Option<&RepositoryName> {
        match self {
            Self::Ping | Self::Catalog { .. } => None,
            Self::GetBlob { name, .. }
            | Self::GetManifest { name, .. }
            | Self::StartUpload { name, .. }
            | Self::PatchUpload { name, .. }
            | Self::PutUpload { name, .. }
            | Self::PutManifest { name, .. }
            | Self::ListTags { name, .. }
            | Self::DeleteManifest { name, .. }
            | Self::DeleteBlob { name, .. }
            | Self::Referrers { name, .. }
            | Self::UploadStatus { name, .. }
            | Self::CancelUpload { name, .. } => Some(name),
        }
    }
}
