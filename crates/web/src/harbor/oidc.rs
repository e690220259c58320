//! Logins elsewhere: the browser goes to an identity source and comes back with what that says.

use super::reply::Reply;
use super::session::{cookie, set_cookie};
use super::{Call, HarborError};
use crate::authentication::{host_name, origin};
use crate::body::{Body, IncomingBody};
use crate::exchange::RequestContext;
use crate::refusals::Asked;
use crate::registry::Registry;
use crate::token::decode;
use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use model::Address;
use serde::Deserialize;
use services::{LOGIN_SECS, LoginAnswer, LoginRefused, LoginWanted, RefusalKind};

/// What the browser carries while it is elsewhere.
const COOKIE: &str = "oidc_login";
const CALLBACK: &str = "/c/oidc/callback";

/// `GET /c/oidc/login`, `/c/oidc/callback` and `/c/oidc/logout`.
pub(super) async fn answer(
    registry: &Registry,
    request: &Request<IncomingBody>,
    context: &RequestContext,
) -> Result<Response<Body>, HarborError> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Err(HarborError::method_not_allowed());
    }
    match request.uri().path() {
        "/c/oidc/login" => log_in(registry, request, context).await,
        CALLBACK => come_back(registry, request, context).await,
        "/c/oidc/logout" => log_out(registry, request, context).await,
        _ => Err(HarborError::not_found("there is no such page")),
    }
}

async fn log_in(
    registry: &Registry,
    request: &Request<IncomingBody>,
    context: &RequestContext,
) -> Result<Response<Body>, HarborError> {
    let (address, here) = place(registry, request, context).await?;
    let query = decode(request.uri().query().unwrap_or_default());
    let get = |name: &str| {
        let found = query.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_ref())
    };
    let callback = format!("{here}{CALLBACK}");
    let begun = registry.services.logins.begin(LoginWanted {
        address: &address,
        account: get("account"),
        source: get("source"),
        callback: &callback,
        target: get("redirect_url").unwrap_or("/"),
    });
    let begun = begun.await.map_err(refuse)?;
    let cookie = kept(&begun.cookie, context, LOGIN_SECS);
    Ok(redirect(&begun.location)
        .header(header::SET_COOKIE, &cookie)
        .into_response())
}

async fn come_back(
    registry: &Registry,
    request: &Request<IncomingBody>,
    context: &RequestContext,
) -> Result<Response<Body>, HarborError> {
    let query = decode(request.uri().query().unwrap_or_default());
    // Given twice, each could be read by another.
    let get = |name: &str| {
        let mut found = query.iter().filter(|(known, _)| known == name);
        let first = found.next().map(|(_, value)| value.as_ref());
        first.filter(|_| found.next().is_none())
    };
    let services = &registry.services;
    let answer = LoginAnswer {
        code: get("code").filter(|_| get("error").is_none()),
        state: get("state"),
        issuer: get("iss"),
    };
    let pending = pending(request.headers());
    let origin = origin(request.headers(), context);
    let done = services
        .logins
        .finish(&services.sessions, pending.as_deref(), answer, &origin);
    let done = match done.await {
        Ok(done) => done,
        Err(refused) => {
            if !matches!(refused, LoginRefused::Failed(_)) {
                Asked::keep(request).note_as(registry, context, (RefusalKind::Login, None));
            }
            return Err(refuse(refused));
        }
    };
    let session = set_cookie(done.session.expose(), context, None);
    Ok(redirect(&done.location)
        .header(header::SET_COOKIE, &session)
        .header(header::SET_COOKIE, &kept("", context, 0))
        .into_response())
}

async fn log_out(
    registry: &Registry,
    request: &Request<IncomingBody>,
    context: &RequestContext,
) -> Result<Response<Body>, HarborError> {
    let services = &registry.services;
    let (_, here) = place(registry, request, context).await?;
    let mut location = None;
    if let Some(cookie) = cookie(request.headers()) {
        location = services
            .logins
            .farewell(&cookie, &format!("{here}/"))
            .await?;
        let origin = origin(request.headers(), context);
        services.sessions.end(&cookie, &origin).await?;
    }
    Ok(redirect(location.as_deref().unwrap_or("/"))
        .header(header::SET_COOKIE, &set_cookie("", context, Some(0)))
        .into_response())
}

/// The door that is used, and how browsers reach it: an account's own address, or the registry's.
async fn place(
    registry: &Registry,
    request: &Request<IncomingBody>,
    context: &RequestContext,
) -> Result<(Address, String), HarborError> {
    let host = context.host(request.uri(), request.headers());
    let host = host.unwrap_or_default();
    let address = registry.services.address_of(&host_name(host)).await?;
    let here = match &address {
        Address::Account(_) if context.client.is_secure => format!("https://{host}"),
        Address::Account(_) => format!("http://{host}"),
        Address::Shared => registry.origin(request, context),
    };
    Ok((address, here))
}

fn redirect(location: &str) -> Reply {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::FOUND;
    Reply::of(response)
        .header(header::LOCATION, location)
        .header(header::CACHE_CONTROL, "no-store")
        // What came along in the address is nobody else's business.
        .header(header::REFERRER_POLICY, "no-referrer")
}

fn kept(value: &str, context: &RequestContext, secs: u32) -> String {
    let secure = if context.client.is_secure {
        "; Secure"
    } else {
        ""
    };
    format!("{COOKIE}={value}; Path=/c/oidc; HttpOnly; SameSite=Lax; Max-Age={secs}{secure}")
}

fn pending(headers: &HeaderMap) -> Option<String> {
    let lines = headers.get_all(header::COOKIE).iter();
    let pairs = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'));
    let mut values = pairs.filter_map(|pair| pair.trim().strip_prefix("oidc_login="));
    values.next().map(str::to_owned)
}

fn refuse(refused: LoginRefused) -> HarborError {
    let text = refused.to_string();
    match refused {
        LoginRefused::SourceUnknown => HarborError::not_found(text),
        LoginRefused::SourceUnavailable => HarborError::unavailable(text),
        LoginRefused::NotBegun => HarborError::bad_request(text),
        LoginRefused::NotBelieved => HarborError::wrong_login(text),
        LoginRefused::Unknown | LoginRefused::Disabled => HarborError::forbidden(text),
        LoginRefused::Failed(error) => error.into(),
    }
}

#[derive(Deserialize)]
struct PingRequest {
    #[serde(default)]
    url: String,
}

/// `pingOIDC`: whether an issuer answers.
pub(super) async fn ping(call: &Call<'_>) -> Result<Reply, HarborError> {
    call.require_login()?;
    let request: PingRequest = call.json()?;
    let sources = &call.services().identity_sources;
    sources.ping(&call.by, &request.url).await?;
    Ok(Reply::done())
}
