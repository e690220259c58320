//! Manifests: end-3, end-7a, end-7b, end-9.

use super::Exchange;
use super::error::OciError;
use super::response::{CONTENT_DIGEST, OCI_SUBJECT, OCI_TAG, names_entity, respond};
use crate::body::Body;
use http::{Method, Response, StatusCode, header};
use oci::{EndpointError, Reference, RepositoryName, Tag};
use services::{Delete, ManifestPush, Pull, Push};

/// `GET` and `HEAD /v2/<name>/manifests/<reference>`, end-3.
pub(super) async fn get(
    exchange: &Exchange<'_>,
    name: &RepositoryName,
    reference: &Reference,
) -> Result<Response<Body>, OciError> {
    let access = exchange.authorize::<Pull>(name).await?;
    let manifest = exchange
        .registry
        .services
        .manifests
        .get(&access, reference)
        .await?;
    let digest = manifest.digest.as_str();
    let if_none_match = exchange.request.headers().get(header::IF_NONE_MATCH);
    let responder = if names_entity(if_none_match, digest) {
        respond(StatusCode::NOT_MODIFIED, Body::empty())
    } else {
        let body = Body::full(manifest.content.clone());
        let body = if exchange.request.method() == Method::GET {
            exchange.require_pull()?;
            let traffic = &exchange.registry.services.traffic;
            traffic.pulled(&access, reference, &manifest.digest).await;
            if let Some(meter) = exchange.meter(name) {
                meter.pulled();
            }
            exchange.content(name, body)
        } else {
            body
        };
        respond(StatusCode::OK, body).shared(header::CONTENT_TYPE, &manifest.media_type)
    };
    let responder = responder
        .shared(CONTENT_DIGEST, &manifest.digest_text)
        .shared(header::ETAG, &manifest.entity_tag);
    Ok(match reference {
        Reference::Digest(_) => responder.immutable().done(),
        Reference::Tag(_) => responder.revalidated().done(),
    })
}

/// `PUT /v2/<name>/manifests/<reference>`, end-7a and end-7b.
pub(super) async fn put(
    exchange: Exchange<'_>,
    name: &RepositoryName,
    reference: &Reference,
    tags: &[Tag],
) -> Result<Response<Body>, OciError> {
    let access = exchange.authorize::<Push>(name).await?;
    let meter = exchange.meter(name);
    let registry = exchange.registry;
    let most = registry.settings.tags_per_put;
    if tags.len() > most {
        let message =
            format!("a push may set at most {most} tags; push the manifest again with the others");
        return Err(OciError::Endpoint(EndpointError::UriTooLong(message)));
    }
    let (head, body) = exchange.request.into_parts();
    let content_type = head
        .headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let push = ManifestPush {
        reference: reference.clone(),
        tags: tags.to_vec(),
        content_type: content_type.unwrap_or_default().to_owned(),
        content: body.read_to_limit(registry.settings.manifest_bytes).await?,
    };
    let pushed = registry.services.manifests.put(&access, push).await?;
    if let Some(meter) = meter {
        meter.pushed();
    }
    let location = format!("/v2/{name}/manifests/{}", pushed.digest);
    let mut responder = respond(StatusCode::CREATED, Body::empty())
        .header(header::LOCATION, &location)
        .header(CONTENT_DIGEST, pushed.digest.as_str());
    if let Some(subject) = &pushed.subject {
        responder = responder.header(OCI_SUBJECT, subject.as_str());
    }
    for tag in &pushed.tags {
        responder = responder.header(OCI_TAG, tag.as_str());
    }
    Ok(responder.done())
}

/// `DELETE /v2/<name>/manifests/<reference>`, end-9.
pub(super) async fn delete(
    exchange: &Exchange<'_>,
    name: &RepositoryName,
    reference: &Reference,
) -> Result<Response<Body>, OciError> {
    let access = exchange.authorize::<Delete>(name).await?;
    exchange
        .registry
        .services
        .manifests
        .delete(&access, reference)
        .await?;
    Ok(respond(StatusCode::ACCEPTED, Body::empty()).done())
}
