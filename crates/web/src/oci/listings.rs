//! Lists: end-8a, end-8b, end-12a, end-12b and the catalogue.

use super::Exchange;
use super::error::OciError;
use super::response::{OCI_FILTERS_APPLIED, respond};
use crate::body::Body;
use http::{Response, StatusCode, header};
use oci::{Digest, RepositoryName, media_type};
use serde::Serialize;
use serde_json::value::RawValue;
use services::{Pull, Referrer, ReferrersQuery};

/// The page that a client asks for.
pub(super) struct Asked<'a> {
    /// At most so many.
    pub(super) n: Option<u64>,
    /// After this one.
    pub(super) last: Option<&'a str>,
}

#[derive(Serialize)]
struct TagList<'a> {
    name: &'a str,
    tags: &'a [String],
}

#[derive(Serialize)]
struct Catalog<'a> {
    repositories: &'a [String],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Index<'a> {
    schema_version: u8,
    media_type: &'static str,
    manifests: Vec<IndexEntry<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct IndexEntry<'a> {
    media_type: &'a str,
    digest: &'a str,
    size: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    artifact_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    annotations: Option<&'a RawValue>,
}

/// `GET /v2/<name>/tags/list`, end-8a and end-8b.
pub(super) async fn tags(
    exchange: &Exchange<'_>,
    name: &RepositoryName,
    n: Option<u64>,
    last: Option<&str>,
) -> Result<Response<Body>, OciError> {
    let access = exchange.authorize::<Pull>(name).await?;
    let limit = limit(n, exchange.registry.settings.tags_page);
    let after = last.unwrap_or_default().to_owned();
    let page = exchange
        .registry
        .services
        .listings
        .tags(&access, after, limit)
        .await?;
    let body = json(&TagList {
        name: name.as_str(),
        tags: &page.items,
    })?;
    Ok(paged(
        exchange,
        "application/json",
        body,
        page.next.as_deref(),
    ))
}

/// `GET /v2/_catalog`: the repositories that this caller may pull.
pub(super) async fn catalog(
    exchange: &Exchange<'_>,
    n: Option<u64>,
    last: Option<&str>,
) -> Result<Response<Body>, OciError> {
    let services = &exchange.registry.services;
    let limit = limit(n, exchange.registry.settings.catalog_page);
    let after = last.unwrap_or_default().to_owned();
    let page = services
        .listings
        .catalog(&services.authorizer, &exchange.caller, after, limit)
        .await?;
    let body = json(&Catalog {
        repositories: &page.items,
    })?;
    Ok(paged(
        exchange,
        "application/json",
        body,
        page.next.as_deref(),
    ))
}

/// `GET /v2/<name>/referrers/<digest>`, end-12a and end-12b. Always an index, which may be empty.
pub(super) async fn referrers(
    exchange: &Exchange<'_>,
    name: &RepositoryName,
    subject: &Digest,
    artifact_types: &[String],
    asked: Asked<'_>,
) -> Result<Response<Body>, OciError> {
    let access = exchange.authorize::<Pull>(name).await?;
    let query = ReferrersQuery {
        subject: subject.clone(),
        artifact_types: artifact_types.to_vec(),
        limit: limit(asked.n, usize::MAX),
        after: asked.last.unwrap_or_default().to_owned(),
    };
    let page = exchange
        .registry
        .services
        .listings
        .referrers(&access, query)
        .await?;
    let index = Index {
        schema_version: 2,
        media_type: media_type::OCI_IMAGE_INDEX,
        manifests: page.items.iter().map(entry).collect(),
    };
    let mut response = paged(
        exchange,
        media_type::OCI_IMAGE_INDEX,
        json(&index)?,
        page.next.as_deref(),
    );
    if !artifact_types.is_empty() {
        let applied = http::HeaderValue::from_static("artifactType");
        response.headers_mut().insert(OCI_FILTERS_APPLIED, applied);
    }
    Ok(response)
}

fn entry(referrer: &Referrer) -> IndexEntry<'_> {
    let annotations = referrer.annotations.as_deref();
    IndexEntry {
        media_type: &referrer.media_type,
        digest: &referrer.digest,
        size: referrer.size_bytes,
        artifact_type: referrer.artifact_type.as_deref(),
        annotations: annotations.and_then(|text| serde_json::from_str(text).ok()),
    }
}

/// What the client asks for, within what a page may hold.
fn limit(n: Option<u64>, most: usize) -> usize {
    n.and_then(|n| usize::try_from(n).ok())
        .map_or(most, |n| n.min(most))
}

fn json(value: &impl Serialize) -> Result<Body, OciError> {
    let bytes = serde_json::to_vec(value).map_err(|_| services::Error::Internal)?;
    Ok(Body::full(bytes))
}

fn paged(
    exchange: &Exchange<'_>,
    content_type: &str,
    body: Body,
    next: Option<&str>,
) -> Response<Body> {
    let mut responder = respond(StatusCode::OK, body)
        .content_type(content_type)
        .revalidated();
    if let Some(link) = next.and_then(|next| exchange.endpoint.next_link(next)) {
        responder = responder.header(header::LINK, &link);
    }
    responder.done()
}
