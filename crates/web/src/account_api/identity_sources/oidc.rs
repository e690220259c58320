//! Issuers by which people log in, as this face writes them.

use crate::account_api::time::Time;
use serde::{Deserialize, Serialize};
use services::{IdentitySourceSpec, IdentitySourceView, SecretString};
use utoipa::ToSchema;

fn usual_scopes() -> Vec<String> {
    vec!["profile".to_owned(), "email".to_owned()]
}

fn usual_name_claim() -> String {
    "preferred_username".to_owned()
}

fn yes() -> bool {
    true
}

/// An issuer to be made known.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::account_api) struct NewOidcSource {
    /// Its name: small letters and digits, with single `.`, `_` or `-` between them.
    #[schema(min_length = 1, max_length = 63)]
    name: String,
    /// The account that its people belong to first: for a source of the deployment only; `default` when nothing is said.
    #[schema(max_length = 63)]
    home_account: Option<String>,
    /// The issuer's URL, exactly as its tokens have it. It can never change.
    #[schema(max_length = 512, example = "https://login.example.com/realms/main")]
    issuer: String,
    /// Who the registry is there.
    #[schema(min_length = 1, max_length = 255)]
    client_id: String,
    /// The registry's secret there. It is kept sealed and never shown.
    #[schema(value_type = Option<String>, max_length = 1024)]
    client_secret: Option<SecretString>,
    /// What is asked for beside the identity.
    #[serde(default = "usual_scopes")]
    #[schema(max_items = 20)]
    scopes: Vec<String>,
    /// The claim that names a new user.
    #[serde(default = "usual_name_claim")]
    #[schema(max_length = 255)]
    name_claim: String,
    /// The claim that lists groups; empty for none.
    #[serde(default)]
    #[schema(max_length = 255)]
    groups_claim: String,
    /// Whoever is in this group administers the account; empty for nobody.
    #[serde(default)]
    #[schema(max_length = 255)]
    admin_group: String,
    /// What stands on the button.
    #[serde(default)]
    #[schema(max_length = 255)]
    button_text: String,
    /// Whether whoever comes first becomes a user.
    #[serde(default = "yes")]
    onboards: bool,
    /// Whether nobody logs in by it at present.
    #[serde(default)]
    disabled: bool,
}

/// What an issuer is to become, all of it but its name and home.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::account_api) struct OidcSourceText {
    /// The issuer's URL, which stays.
    #[schema(max_length = 512)]
    issuer: String,
    /// Who the registry is there.
    #[schema(min_length = 1, max_length = 255)]
    client_id: String,
    /// Another secret; an empty one for none. Left out, it stays.
    #[schema(value_type = Option<String>, max_length = 1024)]
    client_secret: Option<SecretString>,
    /// What is asked for beside the identity.
    #[serde(default = "usual_scopes")]
    #[schema(max_items = 20)]
    scopes: Vec<String>,
    /// The claim that names a new user.
    #[serde(default = "usual_name_claim")]
    #[schema(max_length = 255)]
    name_claim: String,
    /// The claim that lists groups; empty for none.
    #[serde(default)]
    #[schema(max_length = 255)]
    groups_claim: String,
    /// Whoever is in this group administers the account; empty for nobody.
    #[serde(default)]
    #[schema(max_length = 255)]
    admin_group: String,
    /// What stands on the button.
    #[serde(default)]
    #[schema(max_length = 255)]
    button_text: String,
    /// Whether whoever comes first becomes a user.
    #[serde(default = "yes")]
    onboards: bool,
    /// Whether nobody logs in by it at present.
    #[serde(default)]
    disabled: bool,
}

/// An issuer.
#[derive(Serialize, ToSchema)]
pub(in crate::account_api) struct OidcSourceShown {
    /// Its name.
    name: String,
    /// The account that its people belong to first.
    home_account: String,
    /// The issuer's URL.
    issuer: String,
    /// Who the registry is there.
    client_id: String,
    /// Whether the registry has a secret there.
    has_client_secret: bool,
    /// What is asked for beside the identity.
    scopes: Vec<String>,
    /// The claim that names a new user.
    name_claim: String,
    /// The claim that lists groups.
    groups_claim: String,
    /// Whoever is in this group administers the account.
    admin_group: String,
    /// What stands on the button.
    button_text: String,
    /// Whether whoever comes first becomes a user.
    onboards: bool,
    /// Whether nobody logs in by it at present.
    disabled: bool,
    /// When it was made.
    created_at: Time,
    /// When it was last changed.
    updated_at: Time,
}

impl OidcSourceText {
    pub(super) fn read(self) -> IdentitySourceSpec {
        IdentitySourceSpec {
            issuer: self.issuer,
            client_id: self.client_id,
            client_secret: self.client_secret,
            scopes: self.scopes,
            name_claim: self.name_claim,
            groups_claim: self.groups_claim,
            admin_group: self.admin_group,
            button_text: self.button_text,
            onboards: self.onboards,
            is_disabled: self.disabled,
        }
    }
}

impl NewOidcSource {
    pub(super) fn read(self) -> (String, Option<String>, IdentitySourceSpec) {
        let text = OidcSourceText {
            issuer: self.issuer,
            client_id: self.client_id,
            client_secret: self.client_secret,
            scopes: self.scopes,
            name_claim: self.name_claim,
            groups_claim: self.groups_claim,
            admin_group: self.admin_group,
            button_text: self.button_text,
            onboards: self.onboards,
            disabled: self.disabled,
        };
        (self.name, self.home_account, text.read())
    }
}

pub(super) fn shown(view: IdentitySourceView) -> OidcSourceShown {
    let spec = view.spec;
    OidcSourceShown {
        name: view.name,
        home_account: view.home_account,
        issuer: spec.issuer,
        client_id: spec.client_id,
        has_client_secret: view.has_client_secret,
        scopes: spec.scopes,
        name_claim: spec.name_claim,
        groups_claim: spec.groups_claim,
        admin_group: spec.admin_group,
        button_text: spec.button_text,
        onboards: spec.onboards,
        disabled: spec.is_disabled,
        created_at: Time::from_ms(view.created_at_ms),
        updated_at: Time::from_ms(view.updated_at_ms),
    }
}
