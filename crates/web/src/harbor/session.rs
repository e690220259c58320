//! Logins by form, and the token that keeps other sites' pages from using them.

use super::HarborError;
use super::oidc;
use super::reply::Reply;
use crate::authentication::{host_name, origin};
use crate::body::{Body, IncomingBody};
use crate::exchange::RequestContext;
use crate::refusals::Asked;
use crate::registry::Registry;
use crate::token::decode;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, header, request};
use services::{AuthenticationFailed, RefusalKind, SecretString};
use std::fmt::Write as _;

/// The cookie of a session. Harbor's clients know it by this name.
const COOKIE: &str = "sid";
/// The cookie that Harbor's clients send back beside the token.
const CSRF_COOKIE: &str = "_gorilla_csrf";
const CSRF_TOKEN: HeaderName = HeaderName::from_static("x-harbor-csrf-token");
const NO_RENEWAL: HeaderName = HeaderName::from_static("x-harbor-no-session-renewal");
/// The largest form.
const FORM_BYTES: u64 = 8 * 1024;

/// Whether a request counts as use of its session, or says that nobody is there: what a page asks by itself, again and again.
pub(crate) fn is_use(headers: &HeaderMap) -> bool {
    headers.get(NO_RENEWAL).is_none_or(|value| value != "true")
}

/// The session that a request's cookies name.
pub(crate) fn cookie(headers: &HeaderMap) -> Option<String> {
    let lines = headers.get_all(header::COOKIE).iter();
    let pairs = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'));
    let mut values = pairs.filter_map(|pair| pair.trim().strip_prefix("sid="));
    values.next().map(str::to_owned)
}

/// What stands between a session and whoever would use it.
pub(crate) struct Guard<'a> {
    registry: &'a Registry,
    cookie: Option<&'a str>,
    is_change: bool,
    /// Whether the request counts as use; pages that only look for news say that theirs does not.
    is_use: bool,
    token: Option<String>,
}

impl<'a> Guard<'a> {
    pub(crate) fn of(
        registry: &'a Registry,
        head: &request::Parts,
        cookie: Option<&'a str>,
    ) -> Self {
        let is_safe = matches!(head.method, Method::GET | Method::HEAD | Method::OPTIONS);
        let mut tokens = head.headers.get_all(CSRF_TOKEN).iter();
        let token = tokens.next().and_then(|token| token.to_str().ok());
        Self {
            registry,
            cookie: cookie.filter(|_| !head.headers.contains_key(header::AUTHORIZATION)),
            is_change: !is_safe,
            is_use: is_use(&head.headers),
            token: token.map(str::to_owned).filter(|_| tokens.next().is_none()),
        }
    }

    /// Refuses a change that shows a session but not its token, and says why.
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        let Some(cookie) = self.cookie.filter(|_| self.is_change) else {
            return Ok(());
        };
        let Some(token) = &self.token else {
            return Err("CSRF token not found in request");
        };
        if self.registry.services.sessions.is_csrf_token(cookie, token) {
            Ok(())
        } else {
            Err("CSRF token invalid")
        }
    }

    /// Lets a session that was used live on.
    pub(crate) async fn renew(&self) -> services::Result<()> {
        if let Some(cookie) = self.cookie.filter(|_| self.is_use) {
            self.registry.services.sessions.renew(cookie).await?;
        }
        Ok(())
    }

    /// Tells whoever showed a session its token.
    pub(crate) fn mark(&self, mut response: Response<Body>) -> Response<Body> {
        let Some(cookie) = self.cookie else {
            return response;
        };
        let token = self.registry.services.sessions.csrf_token(cookie);
        let headers = response.headers_mut();
        if let Ok(value) = HeaderValue::from_str(&token) {
            headers.insert(CSRF_TOKEN, value);
        }
        let text = format!("{CSRF_COOKIE}={token}; Path=/; HttpOnly; SameSite=Strict");
        if let Ok(value) = HeaderValue::from_str(&text) {
            headers.append(header::SET_COOKIE, value);
        }
        response
    }
}

/// `POST /c/login` and `GET /c/log_out`.
pub(super) async fn answer(
    registry: &Registry,
    request: Request<IncomingBody>,
    context: &RequestContext,
) -> Result<Response<Body>, HarborError> {
    match (request.method(), request.uri().path()) {
        (&Method::POST, "/c/login") => log_in(registry, request, context).await,
        (&Method::GET, "/c/log_out") => {
            if let Some(cookie) = cookie(request.headers()) {
                let origin = origin(request.headers(), context);
                registry.services.sessions.end(&cookie, &origin).await?;
            }
            Ok(Reply::done()
                .header(header::SET_COOKIE, &set_cookie("", context, Some(0)))
                .into_response())
        }
        (_, path) if path.starts_with("/c/oidc/") => {
            oidc::answer(registry, &request, context).await
        }
        (_, "/c/login" | "/c/log_out") => Err(HarborError::method_not_allowed()),
        _ => Err(HarborError::not_found("there is no such page")),
    }
}

async fn log_in(
    registry: &Registry,
    request: Request<IncomingBody>,
    context: &RequestContext,
) -> Result<Response<Body>, HarborError> {
    require_own_page(&request, context)?;
    let (asked, origin) = (Asked::keep(&request), origin(request.headers(), context));
    let host = context.host(request.uri(), request.headers());
    let door = host_name(host.unwrap_or_default());
    let (_, body) = request.into_parts();
    let form = body.read_to_limit(FORM_BYTES).await?;
    let text = std::str::from_utf8(&form).unwrap_or_default();
    let fields = decode(text);
    let field = |name: &str| {
        let found = fields.iter().find(|(known, _)| known == name);
        found
            .map(|(_, value)| value.to_string())
            .unwrap_or_default()
    };
    let (name, password) = (field("principal"), SecretString::new(field("password")));
    let services = &registry.services;
    let door = services.address_of(&door).await?;
    let shown = (name.clone(), password);
    let begun = services
        .sessions
        .begin(&services.authenticator, shown, &origin, &door);
    let begun = begun.await;
    if matches!(begun, Err(AuthenticationFailed::Wrong)) {
        asked.note_as(registry, context, (RefusalKind::Login, Some(&name)));
    }
    let secret = begun?;
    let cookie = set_cookie(secret.expose(), context, None);
    Ok(Reply::done()
        .header(header::SET_COOKIE, &cookie)
        .into_response())
}

/// Another site's page must not log its visitors in as somebody else. Browsers say where a form comes from; programs need not.
fn require_own_page(
    request: &Request<IncomingBody>,
    context: &RequestContext,
) -> Result<(), HarborError> {
    let Some(origin) = request.headers().get(header::ORIGIN) else {
        return Ok(());
    };
    let host = context.host(request.uri(), request.headers());
    let from = origin
        .to_str()
        .ok()
        .and_then(|origin| origin.split_once("://"));
    match (from, host) {
        (Some((_, from)), Some(host)) if from.eq_ignore_ascii_case(host) => Ok(()),
        _ => Err(HarborError::forbidden(
            "this login comes from the page of another site",
        )),
    }
}

pub(crate) fn set_cookie(
    value: &str,
    context: &RequestContext,
    max_age_secs: Option<u32>,
) -> String {
    let mut text = format!("{COOKIE}={value}; Path=/; HttpOnly; SameSite=Lax");
    if context.client.is_secure {
        text.push_str("; Secure");
    }
    if let Some(secs) = max_age_secs {
        _ = write!(text, "; Max-Age={secs}");
    }
    text
}
