//! Issuers by which people log in: of an account, and of the deployment.

use super::Call;
use super::reply::{Answered, Created, Done, Shown};
use super::time::Time;
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

/// An identity source to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewIdentitySource {
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

/// What an identity source is to become, all of it but its name and home.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct IdentitySourceText {
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

/// An identity source.
#[derive(Serialize, ToSchema)]
pub(super) struct IdentitySourceShown {
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

/// All identity sources of one owner, by name.
#[derive(Serialize, ToSchema)]
pub(super) struct IdentitySourceList {
    /// The sources.
    items: Vec<IdentitySourceShown>,
}

impl IdentitySourceText {
    fn read(self) -> IdentitySourceSpec {
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

impl NewIdentitySource {
    fn read(self) -> (String, Option<String>, IdentitySourceSpec) {
        let text = IdentitySourceText {
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

fn shown(view: IdentitySourceView) -> IdentitySourceShown {
    let spec = view.spec;
    IdentitySourceShown {
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

fn all(views: Vec<IdentitySourceView>) -> Shown<IdentitySourceList> {
    let items = views.into_iter().map(shown).collect();
    Shown(IdentitySourceList { items })
}

pub(super) async fn list(call: &Call<'_>) -> Answered<Shown<IdentitySourceList>> {
    let by = call.account().await?;
    Ok(all(call.services().identity_sources.list(&by).await?))
}

pub(super) async fn create(
    call: &Call<'_>,
    new: NewIdentitySource,
) -> Answered<Created<IdentitySourceShown>> {
    let by = call.account().await?;
    let (name, home, spec) = new.read();
    if home.is_some_and(|home| home != by.account().name) {
        return Err(super::ApiError::invalid(
            "people of an account's source belong to that account; leave home_account out",
        ));
    }
    let made = call.services().identity_sources.create(&by, name, spec);
    let made = made.await?;
    Ok(Created::at(call.location(&made.name), shown(made)))
}

pub(super) async fn put(
    call: &Call<'_>,
    text: IdentitySourceText,
) -> Answered<Shown<IdentitySourceShown>> {
    let by = call.account().await?;
    let (sources, name) = (&call.services().identity_sources, call.param("source"));
    Ok(Shown(shown(sources.update(&by, name, text.read()).await?)))
}

pub(super) async fn delete(call: &Call<'_>) -> Answered<Done> {
    let by = call.account().await?;
    let (sources, name) = (&call.services().identity_sources, call.param("source"));
    sources.delete(&by, name).await?;
    Ok(Done)
}

pub(super) async fn list_of_deployment(call: &Call<'_>) -> Answered<Shown<IdentitySourceList>> {
    let by = call.operator().await?;
    let sources = &call.services().identity_sources;
    Ok(all(sources.list_of_deployment(&by).await?))
}

pub(super) async fn create_for_deployment(
    call: &Call<'_>,
    new: NewIdentitySource,
) -> Answered<Created<IdentitySourceShown>> {
    let by = call.operator().await?;
    let (name, home, spec) = new.read();
    let sources = &call.services().identity_sources;
    let made = sources.create_for_deployment(&by, (name, home), spec);
    let made = made.await?;
    Ok(Created::at(call.location(&made.name), shown(made)))
}

pub(super) async fn put_for_deployment(
    call: &Call<'_>,
    text: IdentitySourceText,
) -> Answered<Shown<IdentitySourceShown>> {
    let by = call.operator().await?;
    let (sources, name) = (&call.services().identity_sources, call.param("source"));
    let changed = sources.update_for_deployment(&by, name, text.read());
    Ok(Shown(shown(changed.await?)))
}

pub(super) async fn delete_of_deployment(call: &Call<'_>) -> Answered<Done> {
    let by = call.operator().await?;
    let (sources, name) = (&call.services().identity_sources, call.param("source"));
    sources.delete_of_deployment(&by, name).await?;
    Ok(Done)
}
