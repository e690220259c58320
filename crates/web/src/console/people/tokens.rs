//! The caller's own access tokens.

use super::{DAY_MS, days};
use crate::console::failed::{Failed, mendable};
use crate::console::sent::Sent;
use crate::console::visit::Visit;
use http::StatusCode;
use oci::ScopeActions;
use pages::people::tokens::{Token, TokenForm, TokenLine, TokenSecret, Tokens};
use pages::{Link, Moment, Notice, Page as _};
use services::{AccessToken, NewOwnAccessToken, Refused, SecretString};

/// `GET /tokens`.
pub(super) async fn list(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let form = TokenForm {
        days: "90".to_owned(),
        pull: true,
        ..TokenForm::default()
    };
    let page = page(visit, form).await?;
    Ok(Sent::page(page.html()))
}

async fn page(visit: &Visit<'_>, form: TokenForm) -> Result<Tokens, Failed> {
    let mut tokens = own(visit).await?;
    let after = visit.query.get("after");
    tokens.retain(|token| token.name.as_str() > after);
    let (tokens, next) = visit.page_of(tokens, |token| &token.name);
    Ok(Tokens {
        frame: visit.frame(),
        tokens,
        next,
        form,
    })
}

/// The caller's tokens, by their names.
async fn own(visit: &Visit<'_>) -> Result<Vec<TokenLine>, Failed> {
    let services = visit.services();
    let listed = services.accounts.list_own_access_tokens(visit.caller()?);
    let now_ms = services.now_ms();
    let lines = listed.await?.into_iter().map(|token| line(token, now_ms));
    Ok(lines.collect())
}

fn line(token: AccessToken, now_ms: i64) -> TokenLine {
    let held = [ScopeActions::PULL, ScopeActions::PUSH, ScopeActions::DELETE];
    TokenLine {
        id: token.id.as_str().to_owned(),
        name: token.name,
        may: held.map(|action| token.actions.contains(action)),
        state: super::until(token.expires_at_ms, now_ms),
        last_used: token.last_used_at_ms.map(Moment),
        created: Moment(token.created_at_ms),
    }
}

/// `POST /tokens`: makes one, and shows its secret this once.
pub(super) async fn create(visit: &Visit<'_>) -> Result<Sent, Failed> {
    match make(visit).await {
        Ok((token, secret)) => {
            let page = TokenSecret {
                frame: visit.frame(),
                token: token.name,
                user: visit.frame().reader.map(|me| me.name).unwrap_or_default(),
                secret: secret.expose().to_owned(),
                registry: visit.registry_name().await,
            };
            Ok(Sent::page(page.html()))
        }
        Err(refused) => {
            let is_on = |action: &str| visit.form.all("action").any(|on| on == action);
            let form = TokenForm {
                name: visit.form.get("name").to_owned(),
                days: visit.form.get("days").to_owned(),
                pull: is_on("pull"),
                push: is_on("push"),
                delete: is_on("delete"),
                failed: Some(mendable(refused)?),
            };
            let page = page(visit, form).await?;
            Ok(Sent::page(page.html()).with_status(StatusCode::UNPROCESSABLE_ENTITY))
        }
    }
}

async fn make(visit: &Visit<'_>) -> Result<(AccessToken, SecretString), Refused> {
    let services = visit.services();
    let expires_at_ms = match days(visit)? {
        -1 => None,
        days => Some(services.now_ms() + days * DAY_MS),
    };
    let actions = visit.form.all("action").map(ScopeActions::parse);
    let new = NewOwnAccessToken {
        name: visit.form.get("name").trim().to_owned(),
        actions: actions.fold(ScopeActions::NONE, |all, one| all | one),
        expires_at_ms,
    };
    let caller = visit.caller.as_ref().ok_or(Refused::Unauthenticated)?;
    let made = services.accounts.create_own_access_token(caller, new);
    made.await
}

/// The caller's token that the path names.
async fn find(visit: &Visit<'_>) -> Result<TokenLine, Failed> {
    let mut tokens = own(visit).await?.into_iter();
    let found = tokens.find(|token| token.id == visit.param("token"));
    found.ok_or_else(Failed::not_found)
}

/// `GET /tokens/{token}`.
pub(super) async fn show(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let page = Token {
        token: find(visit).await?,
        frame: visit.frame(),
        failed: None,
    };
    Ok(Sent::page(page.html()))
}

/// `POST /tokens/{token}`: ends it, with its name typed, since nothing brings it back.
pub(super) async fn revoke(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let token = find(visit).await?;
    if visit.form.get("confirm").trim() != token.name.trim() {
        let page = Token {
            token,
            frame: visit.frame(),
            failed: Some(visit.language.texts().people.name_differs.to_owned()),
        };
        return Ok(Sent::page(page.html()).with_status(StatusCode::UNPROCESSABLE_ENTITY));
    }
    let (caller, accounts) = (visit.caller()?, &visit.services().accounts);
    accounts.revoke_own_access_token(caller, &token.id).await?;
    let notice = Notice::Deleted.word();
    Ok(Sent::to(&format!("{}?notice={notice}", Link::Tokens)))
}
