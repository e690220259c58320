//! The console: pages for people, at `/console`, over the same services as every other face.
//!
//! A request becomes a [`Visit`]: its page, whoever is signed in, what the address and the form say. Every page stands in one
//! table, [`PAGES`]. A page that changes something answers with the way to the page that shows it, so that going back and
//! loading again repeat nothing.

mod accounts;
mod content;
mod failed;
mod namespaces;
mod operator;
mod password;
mod people;
mod policies;
mod repositories;
mod routes;
mod sent;
mod settings;
mod sign_in;
mod visit;
mod work;

use crate::authentication::authenticate_as;
use crate::body::IncomingBody;
use crate::exchange::{Answer, RequestContext};
use crate::harbor::session::{cookie, is_use};
use crate::path::Found;
use crate::registry::{Registry, label};
use crate::token::decode;
use failed::Failed;
use http::{HeaderMap, Method, Request, header, request};
use pages::Language;
pub use routes::{PAGES, PageRoute};
use sent::Sent;
use services::{AuthenticationFailed, CallerContext, Credentials};
use std::sync::OnceLock;
use visit::{Fields, Visit};

/// Where the console is.
pub const PREFIX: &str = "/console";
/// The largest form.
const FORM_BYTES: u64 = 64 * 1024;
/// The cookie that keeps the language that somebody chose.
const LANGUAGE_COOKIE: &str = "language";

/// Whether a path is one of the console's.
pub(crate) fn is_path(path: &str) -> bool {
    path == "/" || path == PREFIX || path.starts_with("/console/")
}

/// Answers a request for a page.
pub(crate) async fn answer(
    registry: &Registry,
    request: Request<IncomingBody>,
    context: &RequestContext,
) -> Answer {
    let language = language(request.headers());
    let path = request.uri().path().to_owned();
    let (sent, caller) = match pages::find_asset(&path) {
        Some(asset) => (Sent::asset(asset), None),
        None if path == "/" => (Sent::to(PREFIX), None),
        None => visit(registry, request, context, language).await,
    };
    Answer {
        response: sent.into_response(),
        endpoint: label("console"),
        caller: caller.and_then(|caller: CallerContext| caller.authenticated.name.clone()),
    }
}

async fn visit(
    registry: &Registry,
    request: Request<IncomingBody>,
    context: &RequestContext,
    language: Language,
) -> (Sent, Option<CallerContext>) {
    let path = request.uri().path().strip_prefix(PREFIX);
    let (page, params) = match routes::find(request.method(), path.unwrap_or_default()) {
        Found::Operation(page, params) => (page, params),
        Found::OtherMethods(allowed) => {
            let failed = Failed::other_method(allowed);
            return (failed.sent(language, None), None);
        }
        Found::Nothing => return (Failed::not_found().sent(language, None), None),
    };
    let cookie = cookie(request.headers());
    let caller = match signed_in(registry, &request, context, cookie.as_deref()).await {
        Ok(caller) => caller,
        Err(failed) => return (failed.sent(language, None), None),
    };
    let (head, body) = request.into_parts();
    let form = match body.read_to_limit(FORM_BYTES).await {
        Ok(bytes) => Fields::read(&decode(std::str::from_utf8(&bytes).unwrap_or_default())),
        Err(error) => return (Failed::of_body(&error).sent(language, None), caller),
    };
    let visit = Visit {
        registry,
        context,
        query: Fields::read(&decode(head.uri.query().unwrap_or_default())),
        form,
        params,
        language,
        cookie,
        caller,
        head,
        seat: OnceLock::new(),
    };
    let result = match admit(&visit, page).await {
        Ok(()) => page.run(&visit).await,
        Err(failed) => Err(failed),
    };
    let mut sent = match result {
        Ok(sent) => sent,
        Err(failed) => visit.failure(failed),
    };
    if let Some(seat) = visit.seat.into_inner() {
        sent.hold(seat);
    }
    (sent, visit.caller)
}

/// Lets a visit in: signed in where that is needed, and by a form of ours where something changes.
async fn admit(visit: &Visit<'_>, page: &PageRoute) -> Result<(), Failed> {
    if visit.head.method == Method::POST {
        require_own_form(visit, page)?;
    }
    if page.is_open {
        return Ok(());
    }
    let (Some(cookie), Some(caller)) = (&visit.cookie, &visit.caller) else {
        return Err(Failed::SignIn);
    };
    let sessions = &visit.services().sessions;
    if is_use(&visit.head.headers) && sessions.is_due(&caller.authenticated) {
        sessions.renew(cookie).await?;
    }
    Ok(())
}

/// Refuses a form that another site's page sent. Its session's token is in each of ours; and browsers say where a form is from,
/// which is all there is before there is a session.
fn require_own_form(visit: &Visit<'_>, page: &PageRoute) -> Result<(), Failed> {
    if !is_from_here(&visit.head, visit.context) {
        return Err(Failed::foreign_form());
    }
    let (Some(cookie), false) = (&visit.cookie, page.is_open) else {
        return Ok(());
    };
    let sessions = &visit.services().sessions;
    if visit.caller.is_none() || sessions.is_csrf_token(cookie, visit.form.get("csrf")) {
        Ok(())
    } else {
        Err(Failed::foreign_form())
    }
}

/// Whether the page that sent this form is of this host, as far as the browser says.
fn is_from_here(head: &request::Parts, context: &RequestContext) -> bool {
    let text = |name| head.headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = text("sec-fetch-site") {
        return matches!(site, "same-origin" | "none");
    }
    let Some(origin) = text("origin") else {
        return true;
    };
    let from = origin.split_once("://").map(|(_, host)| host);
    let host = context.host(&head.uri, &head.headers);
    matches!((from, host), (Some(from), Some(host)) if from.eq_ignore_ascii_case(host))
}

/// Whoever the session is of; `None` without one, and with one that has ended.
async fn signed_in(
    registry: &Registry,
    request: &Request<IncomingBody>,
    context: &RequestContext,
    cookie: Option<&str>,
) -> Result<Option<CallerContext>, Failed> {
    let Some(cookie) = cookie.filter(|cookie| !cookie.is_empty()) else {
        return Ok(None);
    };
    let shown = Credentials::Session(cookie);
    match authenticate_as(registry, request, context, shown).await {
        Ok(caller) => Ok(Some(caller)),
        Err(AuthenticationFailed::Failed(error)) => Err(error.into()),
        Err(_) => Ok(None),
    }
}

/// The language that somebody chose, or that the browser prefers.
fn language(headers: &HeaderMap) -> Language {
    let lines = headers.get_all(header::COOKIE).iter();
    let pairs = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'));
    let chosen = pairs
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == LANGUAGE_COOKIE)
        .and_then(|(_, code)| Language::of_code(code));
    let accepted = headers.get(header::ACCEPT_LANGUAGE);
    chosen.unwrap_or_else(|| {
        let header = accepted.and_then(|value| value.to_str().ok());
        Language::accepted(header.unwrap_or_default())
    })
}
