//! One's own password.

use super::failed::{Failed, mendable};
use super::sent::Sent;
use super::visit::Visit;
use crate::harbor::session::set_cookie;
use http::StatusCode;
use pages::sign_in::Password;
use pages::{Notice, Page as _, fill};
use services::PasswordRefused;

/// `GET /password`.
pub(super) async fn show(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.home().await?;
    let user = visit.services().accounts.current_user(&by).await?;
    let page = Password {
        frame: visit.frame(),
        name: user.name,
        is_operator: super::operator::is_one(visit).await?,
        failed: None,
    };
    Ok(Sent::page(page.html()))
}

/// `POST /password`. What was got with the one before ends, this session too: another begins.
pub(super) async fn change(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.home().await?;
    let services = visit.services();
    let user = services.accounts.current_user(&by).await?;
    let t = visit.language.texts();
    let (old, new) = (visit.form.secret("old"), visit.form.secret("new"));
    let failed = if new.expose() == visit.form.get("again") {
        let authenticator = &services.authenticator;
        let set = services
            .accounts
            .set_password(&by, user.number, old, new, authenticator);
        match set.await {
            Ok(()) => return changed(visit, user.name).await,
            Err(PasswordRefused::OldIsWrong) => t.sign_in_failed.to_owned(),
            Err(PasswordRefused::Throttled { secs }) => {
                fill(t.sign_in_throttled, &secs.to_string())
            }
            Err(PasswordRefused::Refused(refused)) => mendable(refused)?,
        }
    } else {
        t.password_differs.to_owned()
    };
    let page = Password {
        frame: visit.frame(),
        name: user.name,
        is_operator: super::operator::is_one(visit).await?,
        failed: Some(failed),
    };
    Ok(Sent::page(page.html()).with_status(StatusCode::UNPROCESSABLE_ENTITY))
}

async fn changed(visit: &Visit<'_>, name: String) -> Result<Sent, Failed> {
    let services = visit.services();
    let shown = (name, visit.form.secret("new"));
    let (door, origin) = (visit.door().await?, visit.origin());
    let begun = services
        .sessions
        .begin(&services.authenticator, shown, &origin, &door);
    let cookie = set_cookie(begun.await?.expose(), visit.context, None);
    let path = format!(
        "{}?notice={}",
        super::PREFIX,
        Notice::PasswordChanged.word()
    );
    Ok(Sent::to(&path).cookie(&cookie))
}
