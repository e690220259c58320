//! Uploads: end-4a to end-6, end-11, end-13, end-14.

use super::Exchange;
use super::error::OciError;
use super::response::{CONTENT_DIGEST, UPLOAD_UUID, respond};
use crate::body::{Body, IncomingBody};
use http::{HeaderMap, Response, StatusCode, header};
use oci::{Algorithm, ContentRange, Digest, ErrorCode, RepositoryName, UploadId, upload_range};
use services::{Access, Chunk, Pull, Push};

/// `POST /v2/<name>/blobs/uploads/`, end-4a and end-4c.
pub(super) async fn start(
    exchange: &Exchange<'_>,
    name: &RepositoryName,
    algorithm: Option<Algorithm>,
) -> Result<Response<Body>, OciError> {
    let access = exchange.authorize::<Push>(name).await?;
    begin(exchange, &access, algorithm.unwrap_or(Algorithm::Sha256)).await
}

/// `POST /v2/<name>/blobs/uploads/?digest=<digest>` with the whole blob, end-4b.
pub(super) async fn start_with_body(
    exchange: Exchange<'_>,
    name: &RepositoryName,
    digest: &Digest,
) -> Result<Response<Body>, OciError> {
    let access = exchange.authorize::<Push>(name).await?;
    let _transfer = exchange.begin_transfer()?;
    let uploads = &exchange.registry.services.uploads;
    let id = uploads.start(&access, digest.algorithm()).await?;
    let chunk = Chunk {
        range: None,
        body: exchange.request.into_body(),
    };
    match uploads.complete(&access, &id, Some(chunk), digest).await {
        Ok(()) => Ok(created(name, digest)),
        Err(error) => {
            // The client never learnt the upload's id, so nobody would go on with it.
            if let Err(left) = uploads.cancel(&access, &id).await {
                tracing::debug!(%left, upload = %id, "an upload is left to expire");
            }
            Err(error.into())
        }
    }
}

/// `POST /v2/<name>/blobs/uploads/?mount=<digest>[&from=<repository>]`, end-11. Whatever stands in the way of a mount,
/// the answer is an ordinary upload: it tells nothing about what other repositories have.
pub(super) async fn mount(
    exchange: &Exchange<'_>,
    name: &RepositoryName,
    digest: &Digest,
    from: Option<&RepositoryName>,
) -> Result<Response<Body>, OciError> {
    let access = exchange.authorize::<Push>(name).await?;
    let services = &exchange.registry.services;
    let source = if let Some(from) = from {
        exchange.authorize::<Pull>(from).await.ok()
    } else {
        let (uploads, authorizer) = (&services.uploads, &services.authorizer);
        uploads
            .find_mount_source(authorizer, &exchange.caller, &access, digest)
            .await?
    };
    if let Some(source) = source
        && services.uploads.mount(&access, &source, digest).await?
    {
        return Ok(created(name, digest));
    }
    begin(exchange, &access, digest.algorithm()).await
}

/// `GET <Location>`, end-13.
pub(super) async fn status(
    exchange: &Exchange<'_>,
    name: &RepositoryName,
    id: &UploadId,
) -> Result<Response<Body>, OciError> {
    let access = exchange.authorize::<Push>(name).await?;
    let uploads = &exchange.registry.services.uploads;
    let status = uploads.status(&access, id).await?;
    Ok(standing(StatusCode::NO_CONTENT, name, id, status.offset))
}

/// `PATCH <Location>`, end-5: a chunk with `Content-Range`, or bytes of any length to be added at the end.
pub(super) async fn patch(
    exchange: Exchange<'_>,
    name: &RepositoryName,
    id: &UploadId,
) -> Result<Response<Body>, OciError> {
    let access = exchange.authorize::<Push>(name).await?;
    let _transfer = exchange.begin_transfer()?;
    let range = chunk_range(&exchange)?;
    let uploads = &exchange.registry.services.uploads;
    let chunk = Chunk {
        range,
        body: exchange.request.into_body(),
    };
    let offset = uploads.append(&access, id, chunk).await?;
    Ok(standing(StatusCode::ACCEPTED, name, id, offset))
}

/// `PUT <Location>?digest=<digest>`, end-6, with or without the last chunk.
pub(super) async fn put(
    exchange: Exchange<'_>,
    name: &RepositoryName,
    id: &UploadId,
    digest: &Digest,
) -> Result<Response<Body>, OciError> {
    let access = exchange.authorize::<Push>(name).await?;
    let _transfer = exchange.begin_transfer()?;
    let range = chunk_range(&exchange)?;
    let uploads = &exchange.registry.services.uploads;
    let body: IncomingBody = exchange.request.into_body();
    let has_body = body.announced_length() != Some(0);
    let chunk = has_body.then_some(Chunk { range, body });
    uploads.complete(&access, id, chunk, digest).await?;
    Ok(created(name, digest))
}

/// `DELETE <Location>`, end-14. Who may push may also give up.
pub(super) async fn cancel(
    exchange: &Exchange<'_>,
    name: &RepositoryName,
    id: &UploadId,
) -> Result<Response<Body>, OciError> {
    let access = exchange.authorize::<Push>(name).await?;
    exchange
        .registry
        .services
        .uploads
        .cancel(&access, id)
        .await?;
    Ok(respond(StatusCode::NO_CONTENT, Body::empty()).done())
}

async fn begin(
    exchange: &Exchange<'_>,
    access: &Access<Push>,
    algorithm: Algorithm,
) -> Result<Response<Body>, OciError> {
    let id = exchange
        .registry
        .services
        .uploads
        .start(access, algorithm)
        .await?;
    Ok(standing(StatusCode::ACCEPTED, access.repository(), &id, 0))
}

/// Where an upload stands. The `Location` is relative and holds the id and nothing else, so that clients that rebuild or
/// cut its query lose nothing.
fn standing(
    status: StatusCode,
    name: &RepositoryName,
    id: &UploadId,
    offset: u64,
) -> Response<Body> {
    respond(status, Body::empty())
        .header(header::LOCATION, &format!("/v2/{name}/blobs/uploads/{id}"))
        .header(header::RANGE, &upload_range(offset))
        .header(UPLOAD_UUID, id.as_str())
        .done()
}

fn created(name: &RepositoryName, digest: &Digest) -> Response<Body> {
    respond(StatusCode::CREATED, Body::empty())
        .header(header::LOCATION, &format!("/v2/{name}/blobs/{digest}"))
        .header(CONTENT_DIGEST, digest.as_str())
        .done()
}

/// The request's `Content-Range`, which must fit its length where both are given.
fn chunk_range(exchange: &Exchange<'_>) -> Result<Option<ContentRange>, OciError> {
    let headers: &HeaderMap = exchange.request.headers();
    let Some(value) = headers.get(header::CONTENT_RANGE) else {
        return Ok(None);
    };
    let invalid = |message: String| OciError::Header(ErrorCode::BlobUploadInvalid, message);
    let text = value
        .to_str()
        .map_err(|_| invalid("the Content-Range is not text".to_owned()))?;
    let range = ContentRange::parse(text).map_err(|error| invalid(error.to_string()))?;
    match exchange.request.body().announced_length() {
        Some(length) if length != range.len() => {
            Err(OciError::Service(services::Error::ChunkSizeMismatch))
        }
        _ => Ok(Some(range)),
    }
}
