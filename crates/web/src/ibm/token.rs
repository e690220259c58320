//! `POST /identity/token`: an API key becomes a token, as clients of IBM's identity service ask for it.

use super::TOKEN_PATH;
use super::reply;
use crate::authentication::{authenticate_as, origin};
use crate::body::{Body, IncomingBody};
use crate::exchange::RequestContext;
use crate::refusals::Asked;
use crate::registry::Registry;
use crate::token::decode;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use serde_json::json;
use services::{
    AuthenticationFailed, CallerContext, Credentials, IssuedToken, RefusalKind, SecretString,
};
use std::sync::Arc;

/// The one thing that a token is given for.
const GRANT_TYPE: &str = "urn:ibm:params:oauth:grant-type:apikey";
/// The largest form.
const FORM_BYTES: u64 = 64 * 1024;

/// Why there is no token, in the form of IBM's identity service.
struct TokenError {
    status: StatusCode,
    /// Its code in the identity service where there is one, the product's otherwise.
    code: &'static str,
    message: String,
    retry_after_secs: Option<u64>,
}

impl TokenError {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            retry_after_secs: None,
        }
    }

    fn into_response(self, context: &RequestContext) -> Response<Body> {
        let body = json!({
            "errorCode": self.code,
            "errorMessage": self.message,
            "context": { "requestId": context.request_id.as_str(), "url": TOKEN_PATH },
        });
        let mut response = reply::json(self.status, &body);
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(secs) = self.retry_after_secs {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(secs));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("apikey"));
        }
        if self.status == StatusCode::METHOD_NOT_ALLOWED {
            headers.insert(header::ALLOW, HeaderValue::from_static("POST"));
        }
        response
    }
}

impl From<AuthenticationFailed> for TokenError {
    fn from(failed: AuthenticationFailed) -> Self {
        let message = failed.to_string();
        match failed {
            AuthenticationFailed::Failed(services::Error::Unavailable) => Self {
                retry_after_secs: Some(1),
                ..Self::new(StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE", message)
            },
            AuthenticationFailed::Failed(_) => {
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "UNKNOWN", message)
            }
            AuthenticationFailed::Throttled { secs } => Self {
                retry_after_secs: Some(secs),
                ..Self::new(StatusCode::TOO_MANY_REQUESTS, "TOO_MANY_REQUESTS", message)
            },
            AuthenticationFailed::Expired => {
                Self::new(StatusCode::UNAUTHORIZED, "BXNIM0415E", message)
            }
            AuthenticationFailed::Wrong | AuthenticationFailed::TokenInvalid => Self::new(
                StatusCode::UNAUTHORIZED,
                "BXNIM0415E",
                "the API key is wrong: it is a personal access token, or a robot account's name and secret with a colon between",
            ),
        }
    }
}

/// Answers [`TOKEN_PATH`].
pub(super) async fn answer(
    registry: &Registry,
    request: Request<IncomingBody>,
    context: &RequestContext,
) -> (Response<Body>, Option<Arc<str>>) {
    match give(registry, request, context).await {
        Ok((issued, caller)) => (token_response(&issued), caller),
        Err(error) => (error.into_response(context), None),
    }
}

async fn give(
    registry: &Registry,
    mut request: Request<IncomingBody>,
    context: &RequestContext,
) -> Result<(IssuedToken, Option<Arc<str>>), TokenError> {
    if *request.method() != Method::POST {
        let text = "a token is asked for with POST";
        return Err(TokenError::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "METHOD_NOT_ALLOWED",
            text,
        ));
    }
    let bad = |text: &str| TokenError::new(StatusCode::BAD_REQUEST, "BXNIM0109E", text);
    let body = std::mem::replace(request.body_mut(), IncomingBody::full(""));
    let form = body.read_to_limit(FORM_BYTES).await.map_err(|_| {
        let text = "the form is larger than 64 KiB or ended early";
        TokenError::new(StatusCode::PAYLOAD_TOO_LARGE, "TOO_LARGE", text)
    })?;
    let form = std::str::from_utf8(&form).map_err(|_| bad("the form is not text"))?;
    let parameters = decode(form);
    let get = |name: &str| {
        let found = parameters.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value.as_ref())
    };
    if get("grant_type") != GRANT_TYPE {
        return Err(bad(&format!("grant_type must be {GRANT_TYPE}")));
    }
    let key = get("apikey");
    if key.is_empty() {
        return Err(bad("apikey is missing"));
    }
    let authenticator = &registry.services.authenticator;
    let from = Some(context.client.address);
    let given = authenticator
        .give_management_token(SecretString::new(key), from)
        .await;
    if matches!(
        given,
        Err(AuthenticationFailed::Wrong | AuthenticationFailed::Expired)
    ) {
        // Of a key that stands alone nothing may be told.
        let name = key.split_once(':').map(|(name, _)| name);
        let name = name.filter(|name| name.len() <= 255).unwrap_or("iamapikey");
        Asked::keep(&request).note_as(registry, context, (RefusalKind::Login, Some(name)));
    }
    let (authenticated, issued) = given?;
    let nobody = authenticate_as(registry, &request, context, Credentials::None).await?;
    let name = authenticated.name.clone();
    let caller = CallerContext {
        authenticated,
        origin: origin(request.headers(), context),
        address: nobody.address,
    };
    registry
        .services
        .traffic
        .logged_in(&caller, "management_token");
    Ok((issued, name))
}

fn token_response(issued: &IssuedToken) -> Response<Body> {
    let body = json!({
        "access_token": issued.token,
        // What IBM's service says to those who are to ask again with the key.
        "refresh_token": "not_supported",
        "token_type": "Bearer",
        "expires_in": issued.expires_in_secs,
        "expiration": issued.issued_at_ms / 1000 + issued.expires_in_secs,
        "scope": "ibm openid",
    });
    let mut response = reply::json(StatusCode::OK, &body);
    let no_store = HeaderValue::from_static("no-store");
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, no_store);
    response
}
