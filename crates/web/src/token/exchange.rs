//! Workloads at the token endpoint: a token of their issuer becomes one of the registry (RFC 8693).

use super::{Parameters, TokenError, value};
use crate::authentication::authenticate_as;
use crate::body::{Body, IncomingBody};
use crate::exchange::RequestContext;
use crate::refusals::Asked;
use crate::registry::Registry;
use http::{HeaderValue, Request, Response, StatusCode, header};
use oci::Scope;
use serde_json::json;
use services::{CallerContext, Credentials, Exchange, ExchangeRefused, RefusalKind};

/// What `grant_type` says then.
pub(super) const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
/// What a registry token is called in the answer (section 2.2.1).
pub(super) const ISSUED_TOKEN_TYPE: &str = "urn:ietf:params:oauth:token-type:access_token";
/// What is exchanged.
const SUBJECT_TOKEN_TYPES: [&str; 2] = [
    "urn:ietf:params:oauth:token-type:id_token",
    "urn:ietf:params:oauth:token-type:jwt",
];

/// The caller that a workload's token makes it.
pub(super) async fn caller(
    registry: &Registry,
    request: &Request<IncomingBody>,
    context: &RequestContext,
    parameters: &Parameters<'_>,
    scopes: &[Scope],
) -> Result<CallerContext, TokenError> {
    let get = |name| value(parameters, name).filter(|value| !value.is_empty());
    let invalid = |why| TokenError::Request(StatusCode::BAD_REQUEST, why);
    if !get("subject_token_type").is_some_and(|kind| SUBJECT_TOKEN_TYPES.contains(&kind)) {
        return Err(invalid(
            "subject_token_type must be urn:ietf:params:oauth:token-type:id_token or …:jwt",
        ));
    }
    if get("requested_token_type").is_some_and(|kind| kind != ISSUED_TOKEN_TYPE) {
        return Err(invalid(
            "requested_token_type must be left out, or be …:access_token",
        ));
    }
    if get("actor_token").is_some() {
        return Err(invalid("a workload acts for itself: leave actor_token out"));
    }
    let service = &registry.services.settings().service;
    if ["audience", "service"]
        .iter()
        .any(|name| get(name).is_some_and(|wanted| wanted != service))
    {
        return Err(invalid(
            "audience and service, where they are given, must be the service of the registry's challenge",
        ));
    }
    let subject_token = get("subject_token").ok_or(invalid("subject_token is missing"))?;
    let nobody = authenticate_as(registry, request, context, Credentials::None).await?;
    let exchanged = registry.services.workloads.exchange(Exchange {
        subject_token,
        account: get("account"),
        rule: get("trust_rule"),
        scopes,
        address: &nobody.address,
        origin: &nobody.origin,
    });
    let exchanged = exchanged.await;
    if matches!(exchanged, Err(ExchangeRefused::NotTrusted)) {
        Asked::keep(request).note_as(registry, context, (RefusalKind::Login, None));
    }
    let caller = exchanged.map_err(|refused| match refused {
        ExchangeRefused::Failed(error) => TokenError::Service(error),
        refused => TokenError::Exchange(refused),
    })?;
    registry.services.traffic.logged_in(&caller, "token");
    Ok(caller)
}

/// The refusal, for clients of OAuth 2.0 (RFC 6749, section 5.2) and those of registries alike.
pub(super) fn refuse(refused: &ExchangeRefused) -> Response<Body> {
    let (status, error, code) = match refused {
        ExchangeRefused::AccountMissing => {
            (StatusCode::BAD_REQUEST, "invalid_request", "UNSUPPORTED")
        }
        ExchangeRefused::NotTrusted => (StatusCode::UNAUTHORIZED, "invalid_grant", "UNAUTHORIZED"),
        ExchangeRefused::Throttled { .. } => (
            StatusCode::TOO_MANY_REQUESTS,
            "temporarily_unavailable",
            "TOOMANYREQUESTS",
        ),
        ExchangeRefused::IssuerUnavailable | ExchangeRefused::Failed(_) => (
            StatusCode::SERVICE_UNAVAILABLE,
            "temporarily_unavailable",
            "UNAVAILABLE",
        ),
    };
    let message = refused.to_string();
    let body = json!({
        "error": error,
        "error_description": message,
        "errors": [{ "code": code, "message": message }],
    });
    let mut response = Response::new(Body::full(body.to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    let json = HeaderValue::from_static("application/json");
    headers.insert(header::CONTENT_TYPE, json);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let ExchangeRefused::Throttled { secs } = refused {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(*secs));
    }
    response
}
