//! Issuers and directories by which people log in: of an account, and of the deployment.

mod ldap;
mod oidc;

use super::reply::{Answered, Created, Done, Shown};
use super::{ApiError, Call};
use ldap::{LdapSourceShown, LdapSourceText, NewLdapSource};
use oidc::{NewOidcSource, OidcSourceShown, OidcSourceText};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use services::{IdentitySourceView, LdapSourceView, SourceTrial};
use utoipa::ToSchema;

/// An identity source to be made, of one kind or another; an issuer when no kind is given.
#[derive(Deserialize, ToSchema)]
#[serde(
    tag = "kind",
    rename_all = "lowercase",
    try_from = "Map<String, Value>"
)]
pub(super) enum NewIdentitySource {
    /// An issuer that speaks OpenID Connect.
    Oidc(Box<NewOidcSource>),
    /// A directory that speaks LDAP.
    Ldap(Box<NewLdapSource>),
}

/// What an identity source is to become, of the kind that it is.
#[derive(Deserialize, ToSchema)]
#[serde(
    tag = "kind",
    rename_all = "lowercase",
    try_from = "Map<String, Value>"
)]
pub(super) enum IdentitySourceText {
    /// An issuer that speaks OpenID Connect.
    Oidc(Box<OidcSourceText>),
    /// A directory that speaks LDAP.
    Ldap(Box<LdapSourceText>),
}

/// An identity source.
#[derive(Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub(super) enum IdentitySourceShown {
    /// An issuer that speaks OpenID Connect.
    Oidc(Box<OidcSourceShown>),
    /// A directory that speaks LDAP.
    Ldap(Box<LdapSourceShown>),
}

/// All identity sources of one owner: issuers by name, then directories by name.
#[derive(Serialize, ToSchema)]
pub(super) struct IdentitySourceList {
    /// The sources.
    items: Vec<IdentitySourceShown>,
}

/// How a trial of an identity source went.
#[derive(Serialize, ToSchema)]
pub(super) struct IdentitySourceTrial {
    /// Whether people could log in by it now.
    works: bool,
    /// What is wrong; empty when nothing is.
    message: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Oidc,
    Ldap,
}

/// The kind that a body names, and the rest of it.
fn kind_of(mut fields: Map<String, Value>) -> Result<(Kind, Value), serde_json::Error> {
    let kind = match fields.remove("kind") {
        None => Kind::Oidc,
        Some(kind) => Kind::deserialize(kind)?,
    };
    Ok((kind, Value::Object(fields)))
}

impl TryFrom<Map<String, Value>> for NewIdentitySource {
    type Error = serde_json::Error;

    fn try_from(fields: Map<String, Value>) -> Result<Self, Self::Error> {
        Ok(match kind_of(fields)? {
            (Kind::Oidc, rest) => Self::Oidc(Box::deserialize(rest)?),
            (Kind::Ldap, rest) => Self::Ldap(Box::deserialize(rest)?),
        })
    }
}

impl TryFrom<Map<String, Value>> for IdentitySourceText {
    type Error = serde_json::Error;

    fn try_from(fields: Map<String, Value>) -> Result<Self, Self::Error> {
        Ok(match kind_of(fields)? {
            (Kind::Oidc, rest) => Self::Oidc(Box::deserialize(rest)?),
            (Kind::Ldap, rest) => Self::Ldap(Box::deserialize(rest)?),
        })
    }
}

fn of_issuer(view: IdentitySourceView) -> IdentitySourceShown {
    IdentitySourceShown::Oidc(Box::new(oidc::shown(view)))
}

fn of_directory(view: LdapSourceView) -> IdentitySourceShown {
    IdentitySourceShown::Ldap(Box::new(ldap::shown(view)))
}

fn all(
    issuers: Vec<IdentitySourceView>,
    directories: Vec<LdapSourceView>,
) -> Shown<IdentitySourceList> {
    let issuers = issuers.into_iter().map(of_issuer);
    let directories = directories.into_iter().map(of_directory);
    Shown(IdentitySourceList {
        items: issuers.chain(directories).collect(),
    })
}

fn trial(trial: SourceTrial) -> Shown<IdentitySourceTrial> {
    Shown(IdentitySourceTrial {
        works: trial.works,
        message: trial.message,
    })
}

pub(super) async fn list(call: &Call<'_>) -> Answered<Shown<IdentitySourceList>> {
    let by = call.account().await?;
    let sources = &call.services().identity_sources;
    Ok(all(sources.list(&by).await?, sources.list_ldap(&by).await?))
}

pub(super) async fn create(
    call: &Call<'_>,
    new: NewIdentitySource,
) -> Answered<Created<IdentitySourceShown>> {
    let by = call.account().await?;
    let sources = &call.services().identity_sources;
    let require_home = |home: Option<String>| {
        if home.is_some_and(|home| home != by.account().name) {
            return Err(ApiError::invalid(
                "people of an account's source belong to that account; leave home_account out",
            ));
        }
        Ok(())
    };
    let (name, made) = match new {
        NewIdentitySource::Oidc(new) => {
            let (name, home, spec) = new.read();
            require_home(home)?;
            let made = sources.create(&by, name, spec).await?;
            (made.name.clone(), of_issuer(made))
        }
        NewIdentitySource::Ldap(new) => {
            let (name, home, spec) = new.read();
            require_home(home)?;
            let made = sources.create_ldap(&by, name, spec).await?;
            (made.name.clone(), of_directory(made))
        }
    };
    Ok(Created::at(call.location(&name), made))
}

pub(super) async fn put(
    call: &Call<'_>,
    text: IdentitySourceText,
) -> Answered<Shown<IdentitySourceShown>> {
    let by = call.account().await?;
    let (sources, name) = (&call.services().identity_sources, call.param("source"));
    Ok(Shown(match text {
        IdentitySourceText::Oidc(text) => of_issuer(sources.update(&by, name, text.read()).await?),
        IdentitySourceText::Ldap(text) => {
            of_directory(sources.update_ldap(&by, name, text.read()).await?)
        }
    }))
}

pub(super) async fn delete(call: &Call<'_>) -> Answered<Done> {
    let by = call.account().await?;
    let (sources, name) = (&call.services().identity_sources, call.param("source"));
    sources.delete(&by, name).await?;
    Ok(Done)
}

pub(super) async fn test(call: &Call<'_>) -> Answered<Shown<IdentitySourceTrial>> {
    let by = call.account().await?;
    let (sources, name) = (&call.services().identity_sources, call.param("source"));
    Ok(trial(sources.test(&by, name).await?))
}

pub(super) async fn list_of_deployment(call: &Call<'_>) -> Answered<Shown<IdentitySourceList>> {
    let by = call.operator().await?;
    let sources = &call.services().identity_sources;
    let issuers = sources.list_of_deployment(&by).await?;
    Ok(all(issuers, sources.list_ldap_of_deployment(&by).await?))
}

pub(super) async fn create_for_deployment(
    call: &Call<'_>,
    new: NewIdentitySource,
) -> Answered<Created<IdentitySourceShown>> {
    let by = call.operator().await?;
    let sources = &call.services().identity_sources;
    let (name, made) = match new {
        NewIdentitySource::Oidc(new) => {
            let (name, home, spec) = new.read();
            let made = sources.create_for_deployment(&by, (name, home), spec);
            let made = made.await?;
            (made.name.clone(), of_issuer(made))
        }
        NewIdentitySource::Ldap(new) => {
            let (name, home, spec) = new.read();
            let made = sources.create_ldap_for_deployment(&by, (name, home), spec);
            let made = made.await?;
            (made.name.clone(), of_directory(made))
        }
    };
    Ok(Created::at(call.location(&name), made))
}

pub(super) async fn put_for_deployment(
    call: &Call<'_>,
    text: IdentitySourceText,
) -> Answered<Shown<IdentitySourceShown>> {
    let by = call.operator().await?;
    let (sources, name) = (&call.services().identity_sources, call.param("source"));
    Ok(Shown(match text {
        IdentitySourceText::Oidc(text) => {
            let changed = sources.update_for_deployment(&by, name, text.read());
            of_issuer(changed.await?)
        }
        IdentitySourceText::Ldap(text) => {
            let changed = sources.update_ldap_for_deployment(&by, name, text.read());
            of_directory(changed.await?)
        }
    }))
}

pub(super) async fn delete_of_deployment(call: &Call<'_>) -> Answered<Done> {
    let by = call.operator().await?;
    let (sources, name) = (&call.services().identity_sources, call.param("source"));
    sources.delete_of_deployment(&by, name).await?;
    Ok(Done)
}

pub(super) async fn test_of_deployment(call: &Call<'_>) -> Answered<Shown<IdentitySourceTrial>> {
    let by = call.operator().await?;
    let (sources, name) = (&call.services().identity_sources, call.param("source"));
    Ok(trial(sources.test_of_deployment(&by, name).await?))
}
