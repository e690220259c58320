//! Signing in and out, and the language.

use super::failed::Failed;
use super::sent::Sent;
use super::visit::Visit;
use super::{LANGUAGE_COOKIE, PREFIX};
use crate::harbor::session::set_cookie;
use crate::refusals::Asked;
use http::{Request, StatusCode};
use pages::sign_in::SignIn;
use pages::{Language, Link, Notice, Page as _, fill, within};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use services::{AuthenticationFailed, RefusalKind};

/// `GET /sign-in`.
pub(super) async fn show(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let next = within(visit.query.get("next")).unwrap_or_default();
    if visit.caller.is_some() {
        return Ok(Sent::to(if next.is_empty() { PREFIX } else { next }));
    }
    Ok(Sent::page(form(visit, next, None).await?.html()))
}

/// `POST /sign-in`.
pub(super) async fn enter(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let services = visit.services();
    let next = within(visit.form.get("next")).unwrap_or_default();
    let name = visit.form.get("name").trim().to_owned();
    let shown = (name.clone(), visit.form.secret("password"));
    let (door, origin) = (visit.door().await?, visit.origin());
    let begun = services
        .sessions
        .begin(&services.authenticator, shown, &origin, &door);
    let t = visit.language.texts();
    let (status, why) = match begun.await {
        Ok(secret) => {
            // The session that the browser had until now is forgotten there, so it ends here, too.
            if let Some(cookie) = &visit.cookie {
                services.sessions.end(cookie, &origin).await?;
            }
            let sent = Sent::to(if next.is_empty() { PREFIX } else { next });
            return Ok(sent.cookie(&set_cookie(secret.expose(), visit.context, None)));
        }
        Err(AuthenticationFailed::Failed(error)) => return Err(error.into()),
        Err(AuthenticationFailed::Throttled { secs }) => {
            let why = fill(t.sign_in_throttled, &secs.to_string());
            (StatusCode::TOO_MANY_REQUESTS, why)
        }
        Err(_) => {
            let request = Request::from_parts(visit.head.clone(), ());
            let refused = (RefusalKind::Login, Some(name.as_str()));
            Asked::keep(&request).note_as(visit.registry, visit.context, refused);
            (StatusCode::UNAUTHORIZED, t.sign_in_failed.to_owned())
        }
    };
    let page = form(visit, next, Some((name, why))).await?;
    Ok(Sent::page(page.html()).with_status(status))
}

async fn form(
    visit: &Visit<'_>,
    next: &str,
    failed: Option<(String, String)>,
) -> Result<SignIn, Failed> {
    let (name, failed) = failed.unzip();
    Ok(SignIn {
        frame: visit.frame(),
        next: next.to_owned(),
        name: name.unwrap_or_default(),
        failed,
        elsewhere: elsewhere(visit, next).await?,
    })
}

/// The ways to sign in beside a password, at the address that is used.
async fn elsewhere(visit: &Visit<'_>, next: &str) -> Result<Vec<(String, String)>, Failed> {
    let door = visit.door().await?;
    let listed = visit.services().logins.list_public(&door).await?;
    let next = if next.is_empty() { PREFIX } else { next };
    let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let oidc = listed.into_iter().filter(|source| source.kind == "oidc");
    let links = oidc.map(|source| {
        let (name, next) = (encoded(&source.name), encoded(next));
        let link = format!("/c/oidc/login?source={name}&redirect_url={next}");
        let text = Some(source.button_text).filter(|text| !text.is_empty());
        (link, text.unwrap_or(source.name))
    });
    Ok(links.collect())
}

/// `POST /sign-out`.
pub(super) async fn leave(visit: &Visit<'_>) -> Result<Sent, Failed> {
    if let Some(cookie) = &visit.cookie {
        let origin = visit.origin();
        visit.services().sessions.end(cookie, &origin).await?;
    }
    let path = format!("{}?notice={}", Link::SignIn(""), Notice::SignedOut.word());
    Ok(Sent::to(&path).cookie(&set_cookie("", visit.context, Some(0))))
}

/// `GET /language`: speaks another language from now on. Nothing of anybody's changes.
pub(super) async fn speak(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let language = Language::of_code(visit.query.get("to")).ok_or_else(Failed::not_found)?;
    let next = within(visit.query.get("next")).unwrap_or(PREFIX);
    let secure = if visit.context.client.is_secure {
        "; Secure"
    } else {
        ""
    };
    let cookie = format!(
        "{LANGUAGE_COOKIE}={}; Path=/console; HttpOnly; SameSite=Lax; Max-Age=31536000{secure}",
        language.code()
    );
    Ok(Sent::to(next).cookie(&cookie))
}
