//! The caller itself, and its personal access tokens.

use super::reply::{Answered, Created, Done, List, Shown};
use super::{Call, Time};
use ::oci::ScopeActions;
use model::{CallerKind, Page};
use serde::{Deserialize, Serialize};
use services::{AccessToken, NewOwnAccessToken};
use std::future::{Ready, ready};
use utoipa::ToSchema;

/// Who is calling.
#[derive(Serialize, ToSchema)]
pub(super) struct Oneself {
    name: String,
    /// `user`, `robot` or another kind of caller.
    kind: &'static str,
    /// What it has shown: `password`, `access_token`, `robot_secret`, `session` or another kind of credential.
    credential: &'static str,
}

/// What a token may do of all that its user may.
#[derive(Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum TokenAction {
    /// Reading images.
    Pull,
    /// Writing images.
    Push,
    /// Deleting images. With the other two, everything that its user may.
    Delete,
}

/// A personal access token.
#[derive(Serialize, ToSchema)]
pub(super) struct AccessTokenShown {
    id: String,
    name: String,
    actions: Vec<TokenAction>,
    created_at: Time,
    /// Null for never.
    expires_at: Option<Time>,
    /// To within some minutes; null for never.
    last_used_at: Option<Time>,
}

/// A personal access token that was just made.
#[derive(Serialize, ToSchema)]
pub(super) struct AccessTokenMade {
    #[serde(flatten)]
    token: AccessTokenShown,
    /// What to log in with in place of the password. It is shown this once.
    secret: String,
}

/// A personal access token to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AccessTokenRequest {
    /// Unique among the caller's own.
    #[schema(max_length = 255)]
    name: String,
    #[schema(min_items = 1, max_items = 3)]
    actions: Vec<TokenAction>,
    /// Never without it.
    expires_at: Option<Time>,
}

impl TokenAction {
    const ALL: [(Self, ScopeActions); 3] = [
        (Self::Pull, ScopeActions::PULL),
        (Self::Push, ScopeActions::PUSH),
        (Self::Delete, ScopeActions::DELETE),
    ];

    fn scope(self) -> ScopeActions {
        match self {
            Self::Pull => ScopeActions::PULL,
            Self::Push => ScopeActions::PUSH,
            Self::Delete => ScopeActions::DELETE,
        }
    }
}

fn shown(token: AccessToken) -> AccessTokenShown {
    let actions = TokenAction::ALL.iter();
    let held = actions.filter(|(_, scope)| token.actions.contains(*scope));
    AccessTokenShown {
        id: token.id.as_str().to_owned(),
        name: token.name,
        actions: held.map(|(action, _)| *action).collect(),
        created_at: Time::from_ms(token.created_at_ms),
        expires_at: token.expires_at_ms.map(Time::from_ms),
        last_used_at: token.last_used_at_ms.map(Time::from_ms),
    }
}

/// `getCaller`.
pub(super) fn oneself(call: &Call<'_>) -> Ready<Answered<Shown<Oneself>>> {
    let caller = &call.caller().authenticated.caller;
    ready(Ok(Shown(Oneself {
        name: caller.display_name().to_owned(),
        kind: match caller.kind {
            CallerKind::User { .. } => "user",
            CallerKind::Robot { .. } => "robot",
            _ => "other",
        },
        credential: caller.credential_word(),
    })))
}

/// `listAccessTokens`.
pub(super) async fn list(call: &Call<'_>) -> Answered<List<AccessTokenShown>> {
    let accounts = &call.services().accounts;
    let mut tokens = accounts.list_own_access_tokens(call.caller()).await?;
    let (after, limit) = call.after();
    tokens.retain(|token| token.name > after);
    tokens.truncate(limit + 1);
    let page = Page::from_probe(tokens, limit, |token| token.name.clone());
    Ok(call.page(page, shown))
}

/// `createAccessToken`.
pub(super) async fn create(
    call: &Call<'_>,
    request: AccessTokenRequest,
) -> Answered<Created<AccessTokenMade>> {
    let actions = request.actions.into_iter().map(TokenAction::scope);
    let new = NewOwnAccessToken {
        name: request.name,
        actions: actions.fold(ScopeActions::NONE, |all, one| all | one),
        expires_at_ms: request.expires_at.map(Time::ms),
    };
    let accounts = &call.services().accounts;
    let (token, secret) = accounts.create_own_access_token(call.caller(), new).await?;
    let location = call.location(token.id.as_str());
    let made = AccessTokenMade {
        token: shown(token),
        secret: secret.expose().to_owned(),
    };
    Ok(Created::at(location, made))
}

/// `revokeAccessToken`.
pub(super) async fn revoke(call: &Call<'_>) -> Answered<Done> {
    let (accounts, id) = (&call.services().accounts, call.param("token"));
    accounts.revoke_own_access_token(call.caller(), id).await?;
    Ok(Done)
}
