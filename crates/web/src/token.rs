//! The token endpoint: a login becomes a token (the distribution project's token and OAuth2 specifications).

mod exchange;

use crate::authentication::{authenticate, authenticate_as};
use crate::body::{Body, IncomingBody};
use crate::exchange::{Answer, RequestContext};
use crate::oci::error::error_response;
use crate::refusals::{Asked, Noted};
use crate::registry::{Registry, label};
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use model::CredentialKind;
use oci::{ErrorCode, Scope, parse_scopes};
use percent_encoding::percent_decode_str;
use serde::Serialize;
use services::{
    AuthenticationFailed, CallerContext, Credentials, Error, ExchangeRefused, IssuedToken,
    RefusalKind, Refused, SecretString,
};
use std::borrow::Cow;
use std::sync::Arc;

/// The largest form.
const FORM_BYTES: u64 = 64 * 1024;
/// The most parameters looked at.
const MAX_PARAMETERS: usize = 1200;

/// A decoded query or form: names and values, in order.
pub(crate) type Parameters<'a> = Vec<(Cow<'a, str>, Cow<'a, str>)>;

#[derive(Serialize)]
struct TokenAnswer<'a> {
    token: &'a str,
    access_token: &'a str,
    expires_in: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    issued_token_type: Option<&'static str>,
    issued_at: String,
    scope: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<&'a str>,
}

/// Why no token was given.
enum TokenError {
    Authentication(AuthenticationFailed),
    Service(Error),
    /// The account's network rules keep the caller out.
    Outside(String),
    /// A workload is not believed.
    Exchange(ExchangeRefused),
    Request(StatusCode, &'static str),
}

impl From<AuthenticationFailed> for TokenError {
    fn from(failed: AuthenticationFailed) -> Self {
        Self::Authentication(failed)
    }
}

impl From<Refused> for TokenError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Failed(error) => Self::Service(error),
            refused => Self::Outside(refused.to_string()),
        }
    }
}

impl From<Error> for TokenError {
    fn from(error: Error) -> Self {
        Self::Service(error)
    }
}

/// Answers `GET` and `POST /service/token`.
pub(crate) async fn answer(
    registry: &Registry,
    request: Request<IncomingBody>,
    context: &RequestContext,
) -> Answer {
    let service = &registry.services.settings().service;
    let (response, caller) = match *request.method() {
        Method::GET | Method::HEAD => split(by_query(registry, &request, context).await, service),
        Method::POST => split(by_form(registry, request, context).await, service),
        _ => {
            let code = ErrorCode::Unsupported;
            let mut response = error_response(StatusCode::METHOD_NOT_ALLOWED, code, code.message());
            response
                .headers_mut()
                .insert(header::ALLOW, HeaderValue::from_static("GET, HEAD, POST"));
            (response, None)
        }
    };
    Answer {
        response,
        endpoint: label("token"),
        caller,
    }
}

type Given = (Response<Body>, Arc<str>);

fn split(result: Result<Given, TokenError>, service: &str) -> (Response<Body>, Option<Arc<str>>) {
    match result {
        Ok((response, caller)) => (response, Some(caller)),
        Err(error) => (refuse(error, service), None),
    }
}

/// `GET`: Basic credentials or none; `scope` may be repeated, and may hold several.
async fn by_query(
    registry: &Registry,
    request: &Request<IncomingBody>,
    context: &RequestContext,
) -> Result<Given, TokenError> {
    let caller = authenticate(registry, request, context).await?;
    // A token is got for a secret, never for a token: otherwise one that leaked would live for ever.
    if matches!(
        caller.authenticated.rights,
        services::access::Rights::Token(_)
    ) {
        return Err(AuthenticationFailed::TokenInvalid.into());
    }
    registry.services.traffic.logged_in(&caller, "token");
    let parameters = decode(request.uri().query().unwrap_or_default());
    let wants_refresh_token = value(&parameters, "offline_token") == Some("true");
    let scopes = wanted(registry, &parameters);
    give(registry, &caller, &scopes, wants_refresh_token).await
}

/// `POST`: `grant_type` says whether a password, a refresh token or the token of a workload's issuer is shown.
async fn by_form(
    registry: &Registry,
    mut request: Request<IncomingBody>,
    context: &RequestContext,
) -> Result<Given, TokenError> {
    let body = std::mem::replace(request.body_mut(), IncomingBody::full(""));
    let form = body.read_to_limit(FORM_BYTES).await.map_err(|_| {
        TokenError::Request(
            StatusCode::PAYLOAD_TOO_LARGE,
            "the form is larger than 64 KiB or ended early",
        )
    })?;
    let form = std::str::from_utf8(&form)
        .map_err(|_| TokenError::Request(StatusCode::BAD_REQUEST, "the form is not text"))?;
    let parameters = decode(form);
    let get = |name| value(&parameters, name).unwrap_or_default();
    let scopes = wanted(registry, &parameters);
    let caller = match get("grant_type") {
        "password" => {
            let name = get("username");
            let credentials = Credentials::Basic {
                name: name.to_owned(),
                secret: SecretString::new(get("password")),
            };
            let caller = authenticate_as(registry, &request, context, credentials).await;
            if matches!(
                caller,
                Err(AuthenticationFailed::Wrong | AuthenticationFailed::Expired)
            ) {
                let refused = (RefusalKind::Login, Some(name));
                Asked::keep(&request).note_as(registry, context, refused);
            }
            let caller = caller?;
            registry.services.traffic.logged_in(&caller, "token");
            caller
        }
        "refresh_token" => {
            let secret = SecretString::new(get("refresh_token"));
            let authenticated = registry.services.tokens.refresh(&secret).await?;
            let nobody = authenticate_as(registry, &request, context, Credentials::None).await?;
            CallerContext {
                authenticated,
                origin: nobody.origin,
                address: nobody.address,
            }
        }
        exchange::GRANT_TYPE => {
            exchange::caller(registry, &request, context, &parameters, &scopes).await?
        }
        _ => {
            return Err(TokenError::Request(
                StatusCode::BAD_REQUEST,
                "grant_type must be password, refresh_token or urn:ietf:params:oauth:grant-type:token-exchange",
            ));
        }
    };
    let wants_refresh_token = get("access_type") == "offline" && get("grant_type") == "password";
    give(registry, &caller, &scopes, wants_refresh_token).await
}

/// What the token is to be for.
fn wanted(registry: &Registry, parameters: &Parameters<'_>) -> Vec<Scope> {
    let asked = parameters
        .iter()
        .filter(|(name, _)| name == "scope")
        .map(|(_, value)| value.as_ref());
    let mut scopes = parse_scopes(asked);
    scopes.truncate(registry.settings.scopes_per_token);
    scopes
}

async fn give(
    registry: &Registry,
    caller: &CallerContext,
    scopes: &[Scope],
    wants_refresh_token: bool,
) -> Result<Given, TokenError> {
    let services = &registry.services;
    let issued = services
        .tokens
        .issue(&services.authorizer, caller, scopes)
        .await?;
    let who = &caller.authenticated.caller;
    let is_exchanged = who.credential == CredentialKind::Workload;
    let refresh_token = if wants_refresh_token {
        services
            .tokens
            .create_refresh_token(&caller.authenticated)
            .await?
    } else {
        None
    };
    Ok((
        token_response(&issued, refresh_token.as_ref(), is_exchanged)?,
        Arc::from(who.display_name()),
    ))
}

fn token_response(
    issued: &IssuedToken,
    refresh_token: Option<&SecretString>,
    is_exchanged: bool,
) -> Result<Response<Body>, TokenError> {
    let issued_at =
        jiff::Timestamp::from_millisecond(issued.issued_at_ms).map_err(|_| Error::Internal)?;
    let scopes: Vec<String> = issued.scopes.iter().map(ToString::to_string).collect();
    let answer = TokenAnswer {
        token: &issued.token,
        access_token: &issued.token,
        expires_in: issued.expires_in_secs,
        token_type: is_exchanged.then_some("Bearer"),
        issued_token_type: is_exchanged.then_some(exchange::ISSUED_TOKEN_TYPE),
        issued_at: issued_at.to_string(),
        scope: scopes.join(" "),
        refresh_token: refresh_token.map(SecretString::expose),
    };
    let bytes = serde_json::to_vec(&answer).map_err(|_| Error::Internal)?;
    let mut response = Response::new(Body::full(bytes));
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

fn refuse(error: TokenError, service: &str) -> Response<Body> {
    let unauthorized = |message: &str| {
        let mut response =
            error_response(StatusCode::UNAUTHORIZED, ErrorCode::Unauthorized, message);
        if let Ok(value) = HeaderValue::try_from(format!("Basic realm=\"{service}\"")) {
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, value);
        }
        response
    };
    match error {
        TokenError::Authentication(AuthenticationFailed::Throttled { secs }) => {
            let message = AuthenticationFailed::Throttled { secs }.to_string();
            let code = ErrorCode::TooManyRequests;
            let mut response = error_response(StatusCode::TOO_MANY_REQUESTS, code, &message);
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(secs));
            response
        }
        TokenError::Authentication(AuthenticationFailed::Failed(error))
        | TokenError::Service(error) => {
            let (status, code) = match error {
                Error::Unavailable | Error::DirectoryUnavailable(_) => {
                    (StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Unavailable)
                }
                Error::Invalid(_) => (StatusCode::BAD_REQUEST, ErrorCode::Unsupported),
                _ => (StatusCode::INTERNAL_SERVER_ERROR, ErrorCode::Unknown),
            };
            error_response(status, code, &error.to_string())
        }
        TokenError::Authentication(failed) => unauthorized(&failed.to_string()),
        TokenError::Outside(message) => {
            let mut response = error_response(StatusCode::FORBIDDEN, ErrorCode::Denied, &message);
            response.extensions_mut().insert(Noted);
            response
        }
        TokenError::Exchange(refused) => exchange::refuse(&refused),
        TokenError::Request(status, message) => {
            error_response(status, ErrorCode::Unsupported, message)
        }
    }
}

/// Decodes `application/x-www-form-urlencoded` text. What is not UTF-8 is left out.
pub(crate) fn decode(text: &str) -> Parameters<'_> {
    let pairs = text
        .split('&')
        .filter(|pair| !pair.is_empty())
        .take(MAX_PARAMETERS);
    let decoded = pairs.filter_map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        Some((decode_text(name)?, decode_text(value)?))
    });
    decoded.collect()
}

fn decode_text(text: &str) -> Option<Cow<'_, str>> {
    if text.contains('+') {
        let spaced = text.replace('+', " ");
        let decoded = percent_decode_str(&spaced).decode_utf8().ok()?;
        return Some(Cow::Owned(decoded.into_owned()));
    }
    percent_decode_str(text).decode_utf8().ok()
}

fn value<'a>(parameters: &'a Parameters<'_>, name: &str) -> Option<&'a str> {
    parameters
        .iter()
        .find(|(known, _)| known == name)
        .map(|(_, value)| value.as_ref())
}

#[cfg(test)]
mod tests {
    use super::{decode, value};

    #[test]
    fn a_form_is_decoded_once_and_in_order() {
        let parameters = decode("scope=repository%3Aa%2Fb%3Apull+x&scope=y&empty=&bare&=z&bad=%ff");
        let scopes: Vec<&str> = parameters
            .iter()
            .filter(|(name, _)| name == "scope")
            .map(|(_, v)| v.as_ref())
            .collect();
        assert_eq!(scopes, ["repository:a/b:pull x", "y"]);
        assert_eq!(value(&parameters, "empty"), Some(""));
        assert_eq!(value(&parameters, "bare"), Some(""));
        assert_eq!(value(&parameters, "bad"), None);
        assert_eq!(value(&decode("a=%2525"), "a"), Some("%25"));
    }
}
