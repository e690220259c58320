//! What a login page shows, for whoever is about to log in.

use super::Call;
use super::reply::{Answered, Shown};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use services::LoginSource;
use utoipa::ToSchema;

/// A way to log in beside a password.
#[derive(Serialize, ToSchema)]
pub(super) struct LoginSourceShown {
    name: String,
    /// `oidc`: the browser goes to `login_url`.
    kind: &'static str,
    /// What stands on the button.
    button_text: String,
    /// Where a login by it begins: a path of this registry. Null for one whose people log in with the form.
    login_url: Option<String>,
}

/// The ways to log in at the address that is used.
#[derive(Serialize, ToSchema)]
pub(super) struct LoginSourcesShown {
    items: Vec<LoginSourceShown>,
}

fn shown(source: LoginSource) -> LoginSourceShown {
    let name = utf8_percent_encode(&source.name, NON_ALPHANUMERIC);
    let login_url = (source.kind == "oidc").then(|| format!("/c/oidc/login?source={name}"));
    LoginSourceShown {
        login_url,
        name: source.name,
        kind: source.kind,
        button_text: source.button_text,
    }
}

/// `listLoginSources`.
pub(super) async fn list(call: &Call<'_>) -> Answered<Shown<LoginSourcesShown>> {
    let listed = call.services().logins.list_public(&call.caller().address);
    let items = listed.await?.into_iter().map(shown).collect();
    Ok(Shown(LoginSourcesShown { items }))
}
