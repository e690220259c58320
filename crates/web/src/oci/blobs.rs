//! Blobs: end-2, end-10.

use super::Exchange;
use super::error::OciError;
use super::response::{Responder, names_entity, respond};
use crate::body::{Body, byteranges};
use crate::sendfile::FileSource;
use http::{Response, StatusCode, header};
use oci::{Digest, RangeLimits, RangeOutcome, RepositoryName, content_range, parse_ranges};
use services::{BlobFile, Delete, Pull};
use std::ops::Range;
use std::sync::Arc;

const OCTET_STREAM: &str = "application/octet-stream";

/// `HEAD /v2/<name>/blobs/<digest>`, end-2: one question to the database, none to the store.
pub(super) async fn head(
    exchange: &Exchange<'_>,
    name: &RepositoryName,
    digest: &Digest,
) -> Result<Response<Body>, OciError> {
    let access = exchange.authorize::<Pull>(name)?;
    let size_bytes = exchange
        .registry
        .services
        .blobs
        .stat(&access, digest)
        .await?;
    if is_known(exchange, digest) {
        return Ok(not_modified(digest));
    }
    let length = size_bytes.to_string();
    Ok(headers(StatusCode::OK, Body::empty(), digest)
        .header(header::CONTENT_LENGTH, &length)
        .done())
}

/// `GET /v2/<name>/blobs/<digest>`, end-2, whole or in parts.
pub(super) async fn get(
    exchange: &Exchange<'_>,
    name: &RepositoryName,
    digest: &Digest,
) -> Result<Response<Body>, OciError> {
    let access = exchange.authorize::<Pull>(name)?;
    if is_known(exchange, digest) {
        exchange
            .registry
            .services
            .blobs
            .stat(&access, digest)
            .await?;
        return Ok(not_modified(digest));
    }
    let file = exchange
        .registry
        .services
        .blobs
        .open(&access, digest)
        .await?;
    let size_bytes = file.len();
    match asked_ranges(exchange, digest, size_bytes) {
        RangeOutcome::Whole => {
            Ok(headers(StatusCode::OK, part(file, 0..size_bytes), digest).done())
        }
        RangeOutcome::Single(range) => {
            let content_range = content_range(&range, size_bytes);
            Ok(
                headers(StatusCode::PARTIAL_CONTENT, part(file, range), digest)
                    .header(header::CONTENT_RANGE, &content_range)
                    .done(),
            )
        }
        RangeOutcome::Multi(ranges) => parts(exchange, file, &ranges, digest),
        RangeOutcome::Unsatisfiable => Err(OciError::RangeUnsatisfiable { size_bytes }),
    }
}

/// `DELETE /v2/<name>/blobs/<digest>`, end-10.
pub(super) async fn delete(
    exchange: &Exchange<'_>,
    name: &RepositoryName,
    digest: &Digest,
) -> Result<Response<Body>, OciError> {
    let access = exchange.authorize::<Delete>(name)?;
    exchange
        .registry
        .services
        .blobs
        .delete(&access, digest)
        .await?;
    Ok(respond(StatusCode::ACCEPTED, Body::empty()).done())
}

fn is_known(exchange: &Exchange<'_>, digest: &Digest) -> bool {
    names_entity(
        exchange.request.headers().get(header::IF_NONE_MATCH),
        digest.as_str(),
    )
}

fn not_modified(digest: &Digest) -> Response<Body> {
    respond(StatusCode::NOT_MODIFIED, Body::empty())
        .digest(digest.as_str())
        .immutable()
        .done()
}

/// What the `Range` header asks for, unless `If-Range` names other content.
fn asked_ranges(exchange: &Exchange<'_>, digest: &Digest, size_bytes: u64) -> RangeOutcome {
    let headers = exchange.request.headers();
    let if_range = headers.get(header::IF_RANGE);
    let counts = if_range.is_none() || names_entity(if_range, digest.as_str());
    let asked = headers
        .get(header::RANGE)
        .and_then(|value| value.to_str().ok());
    let limits = RangeLimits {
        max_ranges: exchange.registry.settings.ranges_per_request,
    };
    match asked.filter(|_| counts) {
        Some(asked) => parse_ranges(asked, size_bytes, limits),
        None => RangeOutcome::Whole,
    }
}

fn headers(status: StatusCode, body: Body, digest: &Digest) -> Responder {
    respond(status, body)
        .content_type(OCTET_STREAM)
        .digest(digest.as_str())
        .header(header::ACCEPT_RANGES, "bytes")
        .immutable()
}

fn part(file: BlobFile, range: Range<u64>) -> Body {
    Body::file(Arc::new(file), range)
}

fn parts(
    exchange: &Exchange<'_>,
    file: BlobFile,
    ranges: &[Range<u64>],
    digest: &Digest,
) -> Result<Response<Body>, OciError> {
    let size_bytes = file.len();
    let source: Arc<dyn FileSource> = Arc::new(file);
    let boundary = exchange.registry.services.new_id();
    let multipart = byteranges(&source, ranges, OCTET_STREAM, size_bytes, &boundary)
        .map_err(|_| services::Error::Internal)?;
    let mut response = headers(StatusCode::PARTIAL_CONTENT, multipart.body, digest).done();
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, multipart.content_type);
    Ok(response)
}
