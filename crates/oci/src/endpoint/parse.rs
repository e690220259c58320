//! Raw request line → [`Endpoint`].

use std::borrow::Cow;

use super::query::{self, Query};
use super::{Endpoint, EndpointError};
use crate::{Digest, ErrorCode, Reference, ReferenceInvalid, RepositoryName, UploadId};

const ALLOW_READ: &str = "GET, HEAD";
const ALLOW_BLOB: &str = "GET, HEAD, DELETE";
const ALLOW_MANIFEST: &str = "GET, HEAD, PUT, DELETE";
const ALLOW_UPLOADS: &str = "POST";
const ALLOW_UPLOAD: &str = "GET, HEAD, PATCH, PUT, DELETE";

/// A path cut at its fixed words. The name and the last segment are still raw text.
enum Route<'a> {
    Ping,
    Catalog,
    Manifest { name: &'a str, reference: &'a str },
    Blob { name: &'a str, digest: &'a str },
    Uploads { name: &'a str },
    Upload { name: &'a str, id: &'a str },
    Tags { name: &'a str },
    Referrers { name: &'a str, digest: &'a str },
}

impl<'a> Route<'a> {
    /// Cuts from the right, because names may hold the fixed words: in `a/blobs/uploads/manifests/b`
    /// the repository is `a/blobs/uploads`.
    fn of(path: &'a str) -> Option<Self> {
        let rest = match path.strip_prefix("/v2")? {
            "" | "/" => return Some(Self::Ping),
            rest => rest.strip_prefix('/')?,
        };
        if rest == "_catalog" {
            return Some(Self::Catalog);
        }
        // Clients post to `uploads/`; those that leave the slash out mean the same.
        if let Some(name) = rest
            .strip_suffix('/')
            .unwrap_or(rest)
            .strip_suffix("/blobs/uploads")
        {
            return Some(Self::Uploads { name });
        }
        let (before, last) = rest.rsplit_once('/')?;
        let (name, word) = before.rsplit_once('/')?;
        match word {
            _ if last.is_empty() => None,
            "manifests" => Some(Self::Manifest {
                name,
                reference: last,
            }),
            "blobs" => Some(Self::Blob { name, digest: last }),
            "referrers" => Some(Self::Referrers { name, digest: last }),
            "tags" if last == "list" => Some(Self::Tags { name }),
            "uploads" => name
                .strip_suffix("/blobs")
                .map(|name| Self::Upload { name, id: last }),
            _ => None,
        }
    }
}

pub(super) fn parse(method: &str, path: &str, query: &str) -> Result<Endpoint, EndpointError> {
    let query = Query::new(query);
    match Route::of(path).ok_or(EndpointError::NotFound)? {
        Route::Ping => read_only(method).map(|()| Endpoint::Ping),
        Route::Catalog => {
            read_only(method)?;
            let (n, last) = query.page()?;
            Ok(Endpoint::Catalog { n, last })
        }
        Route::Manifest { name, reference } => manifest(method, name, reference, query),
        Route::Blob { name, digest } => blob(method, name, digest),
        Route::Uploads { name } => uploads(method, name, query),
        Route::Upload { name, id } => upload(method, name, id, query),
        Route::Tags { name } => {
            read_only(method)?;
            let name = repository(name)?;
            let (n, last) = query.page()?;
            Ok(Endpoint::ListTags { name, n, last })
        }
        Route::Referrers { name, digest } => {
            read_only(method)?;
            let (name, digest) = (repository(name)?, path_digest(digest)?);
            let artifact_types = query.artifact_types()?;
            let (n, last) = query.page()?;
            Ok(Endpoint::Referrers {
                name,
                digest,
                artifact_types,
                n,
                last,
            })
        }
    }
}

fn manifest(
    method: &str,
    name: &str,
    raw: &str,
    query: Query<'_>,
) -> Result<Endpoint, EndpointError> {
    if !matches!(method, "GET" | "HEAD" | "PUT" | "DELETE") {
        return Err(EndpointError::MethodNotAllowed(ALLOW_MANIFEST));
    }
    let name = repository(name)?;
    let reference = Reference::parse(&with_colon(raw)).map_err(|why| match why {
        ReferenceInvalid::Digest(why) => EndpointError::protocol(ErrorCode::DigestInvalid, &why),
        // The spec has no code for tags: one that cannot exist is unknown, and cannot be pushed.
        ReferenceInvalid::Tag(why) if method == "PUT" => {
            EndpointError::protocol(ErrorCode::ManifestInvalid, &why)
        }
        ReferenceInvalid::Tag(why) => EndpointError::protocol(ErrorCode::ManifestUnknown, &why),
    })?;
    match method {
        "PUT" => {
            let tags = match reference {
                Reference::Digest(_) => query.tags()?,
                Reference::Tag(_) => Vec::new(),
            };
            Ok(Endpoint::PutManifest {
                name,
                reference,
                tags,
            })
        }
        "DELETE" => Ok(Endpoint::DeleteManifest { name, reference }),
        _ => Ok(Endpoint::GetManifest {
            head: method == "HEAD",
            name,
            reference,
        }),
    }
}

fn blob(method: &str, name: &str, digest: &str) -> Result<Endpoint, EndpointError> {
    if !matches!(method, "GET" | "HEAD" | "DELETE") {
        return Err(EndpointError::MethodNotAllowed(ALLOW_BLOB));
    }
    let (name, digest) = (repository(name)?, path_digest(digest)?);
    if method == "DELETE" {
        return Ok(Endpoint::DeleteBlob { name, digest });
    }
    Ok(Endpoint::GetBlob {
        head: method == "HEAD",
        name,
        digest,
    })
}

fn uploads(method: &str, name: &str, query: Query<'_>) -> Result<Endpoint, EndpointError> {
    if method != "POST" {
        return Err(EndpointError::MethodNotAllowed(ALLOW_UPLOADS));
    }
    let name = repository(name)?;
    let mount = query.digest("mount")?;
    let from = match query.first("from") {
        Some(from) if mount.is_some() && !from.is_empty() => Some(repository(&from)?),
        _ => None,
    };
    let digest = query.digest("digest")?;
    let algorithm = query.algorithm()?;
    Ok(Endpoint::StartUpload {
        name,
        mount,
        from,
        digest,
        algorithm,
    })
}

fn upload(method: &str, name: &str, id: &str, query: Query<'_>) -> Result<Endpoint, EndpointError> {
    if !matches!(method, "GET" | "HEAD" | "PATCH" | "PUT" | "DELETE") {
        return Err(EndpointError::MethodNotAllowed(ALLOW_UPLOAD));
    }
    let name = repository(name)?;
    let id = UploadId::parse(id)
        .map_err(|why| EndpointError::protocol(ErrorCode::BlobUploadUnknown, &why))?;
    match method {
        "PATCH" => Ok(Endpoint::PatchUpload { name, id }),
        "PUT" => {
            let digest = query.digest("digest")?.ok_or_else(|| {
                let why = "the digest parameter is missing; finish an upload with PUT <location>?digest=<digest of the blob>";
                EndpointError::protocol(ErrorCode::DigestInvalid, why)
            })?;
            Ok(Endpoint::PutUpload { name, id, digest })
        }
        "DELETE" => Ok(Endpoint::CancelUpload { name, id }),
        _ => Ok(Endpoint::UploadStatus { name, id }),
    }
}

fn read_only(method: &str) -> Result<(), EndpointError> {
    match method {
        "GET" | "HEAD" => Ok(()),
        _ => Err(EndpointError::MethodNotAllowed(ALLOW_READ)),
    }
}

fn repository(text: &str) -> Result<RepositoryName, EndpointError> {
    RepositoryName::parse(text).map_err(|why| EndpointError::protocol(ErrorCode::NameInvalid, &why))
}

fn path_digest(text: &str) -> Result<Digest, EndpointError> {
    query::digest(&with_colon(text))
}

/// Some clients escape the colon of a digest in the path. It is the only escape that is undone.
fn with_colon(text: &str) -> Cow<'_, str> {
    match text.split_once("%3A").or_else(|| text.split_once("%3a")) {
        Some((algorithm, encoded)) => Cow::Owned(format!("{algorithm}:{encoded}")),
        None => Cow::Borrowed(text),
    }
}
