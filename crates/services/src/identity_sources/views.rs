//! Issuers as people see them and as they are stored.

use keys::SecretString;
use metadata::OidcSourceRow;
use model::{AccountId, IdentitySourceId};

/// Everything of an issuer but its name and what can never change.
#[derive(Clone, Debug)]
pub struct IdentitySourceSpec {
    /// The issuer's URL, as its tokens have it. It stays.
    pub issuer: String,
    /// Who the registry is there.
    pub client_id: String,
    /// The registry's secret there; `None` leaves it as it is, an empty one is none.
    pub client_secret: Option<SecretString>,
    /// What is asked for beside the identity, such as `profile` and `email`.
    pub scopes: Vec<String>,
    /// The claim that names a new user.
    pub name_claim: String,
    /// The claim that lists groups; empty for none.
    pub groups_claim: String,
    /// Whoever is in this group administers the account; empty for nobody.
    pub admin_group: String,
    /// What stands on the button.
    pub button_text: String,
    /// Whether whoever comes first becomes a user.
    pub onboards: bool,
    /// Whether nobody logs in by it at present.
    pub is_disabled: bool,
}

/// An issuer as people see it: without its secret.
#[derive(Clone, Debug)]
pub struct IdentitySourceView {
    /// Its name.
    pub name: String,
    /// The name of the account that its people belong to first.
    pub home_account: String,
    /// The rest; `client_secret` is `None`.
    pub spec: IdentitySourceSpec,
    /// Whether it has a secret.
    pub has_client_secret: bool,
    /// When it was made.
    pub created_at_ms: i64,
    /// When it was last changed.
    pub updated_at_ms: i64,
}

/// What is stored; whose it is and when is still to be said.
pub(super) fn row(id: IdentitySourceId, name: String, spec: IdentitySourceSpec) -> OidcSourceRow {
    OidcSourceRow {
        account_id: None,
        home_account_id: AccountId::new(""),
        id,
        name,
        issuer: spec.issuer,
        client_id: spec.client_id,
        sealed_client_secret: None,
        scopes: spec.scopes.join(" "),
        name_claim: spec.name_claim,
        groups_claim: spec.groups_claim,
        admin_group: spec.admin_group,
        button_text: spec.button_text,
        onboards: spec.onboards,
        is_disabled: spec.is_disabled,
        created_at_ms: 0,
        updated_at_ms: 0,
    }
}

/// What people see.
pub(super) fn view(row: OidcSourceRow, home_account: String) -> IdentitySourceView {
    IdentitySourceView {
        has_client_secret: row.sealed_client_secret.is_some(),
        home_account,
        name: row.name,
        spec: IdentitySourceSpec {
            issuer: row.issuer,
            client_id: row.client_id,
            client_secret: None,
            scopes: row.scopes.split_whitespace().map(str::to_owned).collect(),
            name_claim: row.name_claim,
            groups_claim: row.groups_claim,
            admin_group: row.admin_group,
            button_text: row.button_text,
            onboards: row.onboards,
            is_disabled: row.is_disabled,
        },
        created_at_ms: row.created_at_ms,
        updated_at_ms: row.updated_at_ms,
    }
}
