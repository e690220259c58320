//! Blobs: end-2, end-10.

use super::Exchange;
use super::error::OciError;
use super::response::{CONTENT_DIGEST, Responder, names_entity, respond};
use crate::body::{Body, byteranges, byteranges_of_streams};
use crate::sendfile::FileSource;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::{HeaderName, Response, StatusCode, Version, header};
use oci::{Digest, RangeLimits, RangeOutcome, RepositoryName, content_range, parse_ranges};
use services::{BlobStream, Delete, OpenBlob, Pull};
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

const OCTET_STREAM: &str = "application/octet-stream";

/// A client that cannot or does not want to fetch blobs from the object store itself sends this, with any value but `0`
/// and `false`.
const NO_REDIRECT: HeaderName = HeaderName::from_static("x-roadstead-no-redirect");

/// `HEAD /v2/<name>/blobs/<digest>`, end-2: one question to the database, none to the store.
pub(super) async fn head(
    exchange: &Exchange<'_>,
    name: &RepositoryName,
    digest: &Digest,
) -> Result<Response<Body>, OciError> {
    let access = exchange.authorize::<Pull>(name).await?;
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

/// `GET /v2/<name>/blobs/<digest>`, end-2, whole or in parts: one question to the database, and one to a remote store for
/// each part. Or a redirect to that store.
pub(super) async fn get(
    exchange: &Exchange<'_>,
    name: &RepositoryName,
    digest: &Digest,
) -> Result<Response<Body>, OciError> {
    let access = exchange.authorize::<Pull>(name).await?;
    let blobs = &exchange.registry.services.blobs;
    if is_known(exchange, digest) {
        blobs.stat(&access, digest).await?;
        return Ok(not_modified(digest));
    }
    exchange.require_pull()?;
    let blob = blobs.open(&access, digest).await?;
    let size_bytes = blob.len();
    let asked = asked_ranges(exchange, digest, size_bytes);
    if allows_redirect(exchange, &asked)
        && let Some(url) = blob.signed_url().await?
    {
        // What the store sends is not seen: it counts as taken to the end.
        if let Some(meter) = exchange.meter(name) {
            meter.sent(asked_bytes(&asked, size_bytes));
        }
        return Ok(redirect(&url, digest));
    }
    match asked {
        RangeOutcome::Whole => {
            let body = Body::blob(blob.body(0..size_bytes).await?);
            let body = exchange.content(name, body);
            Ok(headers(StatusCode::OK, body, digest).done())
        }
        RangeOutcome::Single(range) => {
            let content_range = content_range(&range, size_bytes);
            let body = Body::blob(blob.body(range).await?);
            let body = exchange.content(name, body);
            Ok(headers(StatusCode::PARTIAL_CONTENT, body, digest)
                .header(header::CONTENT_RANGE, &content_range)
                .done())
        }
        RangeOutcome::Multi(ranges) => {
            let response = parts(exchange, blob, &ranges, digest).await?;
            Ok(response.map(|body| exchange.content(name, body)))
        }
        RangeOutcome::Unsatisfiable => Err(OciError::RangeUnsatisfiable { size_bytes }),
    }
}

/// How many bytes are asked for, of one range at most.
fn asked_bytes(asked: &RangeOutcome, size_bytes: u64) -> u64 {
    match asked {
        RangeOutcome::Single(range) => range.end - range.start,
        _ => size_bytes,
    }
}

/// Whether the client may be sent to the store. Not one that says no, nor one of an age in which nobody knew the status;
/// and several ranges at once are ours to put together: few stores can.
fn allows_redirect(exchange: &Exchange<'_>, asked: &RangeOutcome) -> bool {
    let says_no = exchange
        .request
        .headers()
        .get(NO_REDIRECT)
        .is_some_and(|value| !matches!(value.as_bytes(), b"0" | b"false"));
    matches!(asked, RangeOutcome::Whole | RangeOutcome::Single(_))
        && exchange.request.version() > Version::HTTP_10
        && !says_no
}

/// The URL is a right to read for whoever has it: nothing on the way may keep it.
fn redirect(url: &str, digest: &Digest) -> Response<Body> {
    respond(StatusCode::TEMPORARY_REDIRECT, Body::empty())
        .header(CONTENT_DIGEST, digest.as_str())
        .header(header::LOCATION, url)
        .header(header::CACHE_CONTROL, "no-store")
        .done()
}

/// `DELETE /v2/<name>/blobs/<digest>`, end-10.
pub(super) async fn delete(
    exchange: &Exchange<'_>,
    name: &RepositoryName,
    digest: &Digest,
) -> Result<Response<Body>, OciError> {
    let access = exchange.authorize::<Delete>(name).await?;
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

async fn parts(
    exchange: &Exchange<'_>,
    blob: OpenBlob,
    ranges: &[Range<u64>],
    digest: &Digest,
) -> Result<Response<Body>, OciError> {
    let size_bytes = blob.len();
    let boundary = exchange.registry.services.new_id();
    let multipart = if let Some(file) = blob.as_file() {
        let source: Arc<dyn FileSource> = Arc::new(file.clone());
        byteranges(&source, ranges, OCTET_STREAM, size_bytes, &boundary)
    } else {
        let open = opener(blob, ranges).await?;
        byteranges_of_streams(ranges, OCTET_STREAM, size_bytes, &boundary, open)
    };
    let multipart = multipart.map_err(|_| services::Error::Internal)?;
    let mut response = headers(StatusCode::PARTIAL_CONTENT, multipart.body, digest).done();
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, multipart.content_type);
    Ok(response)
}

/// Opens ranges one after the other. The first one is opened here: when it cannot be, the answer is an error.
async fn opener(
    blob: OpenBlob,
    ranges: &[Range<u64>],
) -> Result<impl Fn(Range<u64>) -> BoxFuture<'static, io::Result<BlobStream>> + use<>, OciError> {
    let first = match ranges.first() {
        Some(range) => Some(blob.body(range.clone()).await?.into_stream()),
        None => None,
    };
    let (blob, first) = (Arc::new(blob), Mutex::new(first));
    Ok(move |range| {
        let opened = first.lock().unwrap_or_else(PoisonError::into_inner).take();
        let blob = Arc::clone(&blob);
        async move {
            match opened {
                Some(stream) => Ok(stream),
                None => Ok(blob
                    .body(range)
                    .await
                    .map_err(io::Error::other)?
                    .into_stream()),
            }
        }
        .boxed()
    })
}
