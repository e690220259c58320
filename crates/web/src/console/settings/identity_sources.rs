//! Identity sources: issuers and directories by which people sign in.

use super::there;
use crate::console::failed::{Failed, mendable};
use crate::console::sent::Sent;
use crate::console::visit::Visit;
use http::StatusCode;
use model::Action;
use pages::settings::identity_sources::{
    IdentitySource, IdentitySources, SourceForm, SourceKind, SourceLine,
};
use pages::{Link, Moment, Notice, Page as _, Section};
use services::{
    AccountContext, IdentitySourceSpec, IdentitySourceView, LdapScope, LdapSettings,
    LdapSourceSpec, LdapSourceView, Refused, SecretString,
};

const PLACE: &str = "settings/identity-sources";

/// A source that is there.
enum Found {
    Issuer(IdentitySourceView),
    Directory(LdapSourceView),
}

impl Found {
    fn line(&self) -> SourceLine {
        match self {
            Self::Issuer(view) => SourceLine {
                name: view.name.clone(),
                kind: SourceKind::Oidc,
                place: view.spec.issuer.clone(),
                is_disabled: view.spec.is_disabled,
            },
            Self::Directory(view) => SourceLine {
                name: view.name.clone(),
                kind: SourceKind::Ldap,
                place: view.settings.url.clone(),
                is_disabled: view.is_disabled,
            },
        }
    }

    fn name(&self) -> &str {
        match self {
            Self::Issuer(view) => &view.name,
            Self::Directory(view) => &view.name,
        }
    }

    fn times(&self) -> (Moment, Moment) {
        let (created_at_ms, updated_at_ms) = match self {
            Self::Issuer(view) => (view.created_at_ms, view.updated_at_ms),
            Self::Directory(view) => (view.created_at_ms, view.updated_at_ms),
        };
        (Moment(created_at_ms), Moment(updated_at_ms))
    }

    /// What its form shows: nothing that is secret.
    fn form(&self) -> SourceForm {
        match self {
            Self::Issuer(view) => {
                let spec = &view.spec;
                SourceForm {
                    name: view.name.clone(),
                    values: vec![
                        spec.issuer.clone(),
                        spec.client_id.clone(),
                        spec.scopes.join(" "),
                        spec.name_claim.clone(),
                        spec.groups_claim.clone(),
                        spec.admin_group.clone(),
                        spec.button_text.clone(),
                    ],
                    onboards: spec.onboards,
                    is_disabled: spec.is_disabled,
                    is_there: true,
                    has_secret: view.has_client_secret,
                    ..SourceForm::new(SourceKind::Oidc)
                }
            }
            Self::Directory(view) => {
                let settings = &view.settings;
                SourceForm {
                    name: view.name.clone(),
                    values: vec![
                        settings.url.clone(),
                        settings.bind_dn.clone(),
                        settings.base_dn.clone(),
                        settings.user_filter.clone(),
                        settings.name_attribute.clone(),
                        settings.mail_attribute.clone(),
                        settings.membership_attribute.clone(),
                        settings.group_base_dn.clone(),
                        settings.group_filter.clone(),
                        settings.group_name_attribute.clone(),
                        settings.admin_group_dn.clone(),
                    ],
                    ca_certificates: settings.ca_certificates.clone(),
                    scope: match settings.scope {
                        LdapScope::Base => "base",
                        LdapScope::One => "one",
                        LdapScope::Sub => "sub",
                    }
                    .to_owned(),
                    starts_tls: settings.starts_tls,
                    believes_anybody: !settings.verifies_certificate,
                    onboards: view.onboards,
                    is_disabled: view.is_disabled,
                    is_there: true,
                    has_secret: view.has_bind_password,
                    ..SourceForm::new(SourceKind::Ldap)
                }
            }
        }
    }
}

async fn all(visit: &Visit<'_>, by: &AccountContext) -> Result<Vec<Found>, Failed> {
    let sources = &visit.services().identity_sources;
    let issuers = sources.list(by).await?.into_iter().map(Found::Issuer);
    let directories = sources.list_ldap(by).await?.into_iter();
    Ok(issuers.chain(directories.map(Found::Directory)).collect())
}

/// How many there are.
pub(super) async fn count(visit: &Visit<'_>, by: &AccountContext) -> Result<u64, Failed> {
    Ok(all(visit, by).await?.len() as u64)
}

/// `GET /accounts/{account}/settings/identity-sources`: with the form of the kind that was chosen.
pub(super) async fn list(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    let form = SourceKind::of_word(visit.query.get("kind")).map(SourceForm::new);
    let page = page(visit, &by, form).await?;
    Ok(Sent::page(page.html()))
}

async fn page(
    visit: &Visit<'_>,
    by: &AccountContext,
    form: Option<SourceForm>,
) -> Result<IdentitySources, Failed> {
    let listed = all(visit, by).await?;
    let may_create = visit.may(by, Action::IdentitySourceCreate).await?;
    Ok(IdentitySources {
        frame: visit.frame_of(by, Section::Settings).await?,
        account: by.account().name.clone(),
        sources: listed.iter().map(Found::line).collect(),
        may_create,
        form: form.filter(|_| may_create),
    })
}

/// The secret that was typed; none to leave it as it is.
fn secret(visit: &Visit<'_>) -> Option<SecretString> {
    let typed = visit.form.secret("secret");
    let none = || {
        let is_none = visit.form.is_on("no_secret");
        is_none.then(|| SecretString::new(""))
    };
    Some(typed).filter(|typed| !typed.is_empty()).or_else(none)
}

fn text(visit: &Visit<'_>, name: &str) -> String {
    visit.form.get(name).trim().to_owned()
}

/// The issuer that was typed.
fn issuer(visit: &Visit<'_>, issuer: String) -> IdentitySourceSpec {
    let scopes = visit.form.get("scopes").split_whitespace();
    IdentitySourceSpec {
        issuer,
        client_id: text(visit, "client_id"),
        client_secret: secret(visit),
        scopes: scopes.map(str::to_owned).collect(),
        name_claim: text(visit, "name_claim"),
        groups_claim: text(visit, "groups_claim"),
        admin_group: text(visit, "admin_group"),
        button_text: text(visit, "button_text"),
        onboards: visit.form.is_on("onboards"),
        is_disabled: visit.form.is_on("off"),
    }
}

/// The directory that was typed.
fn directory(visit: &Visit<'_>) -> LdapSourceSpec {
    let text = |name| text(visit, name);
    LdapSourceSpec {
        settings: LdapSettings {
            url: text("url"),
            starts_tls: visit.form.is_on("starts_tls"),
            verifies_certificate: !visit.form.is_on("skip_verify"),
            ca_certificates: text("ca_certificates"),
            bind_dn: text("bind_dn"),
            base_dn: text("base_dn"),
            scope: match visit.form.get("scope") {
                "base" => LdapScope::Base,
                "one" => LdapScope::One,
                _ => LdapScope::Sub,
            },
            user_filter: text("user_filter"),
            name_attribute: text("name_attribute"),
            mail_attribute: text("mail_attribute"),
            membership_attribute: text("membership_attribute"),
            group_base_dn: text("group_base_dn"),
            group_filter: text("group_filter"),
            group_name_attribute: text("group_name_attribute"),
            admin_group_dn: text("admin_group_dn"),
        },
        bind_password: secret(visit),
        onboards: visit.form.is_on("onboards"),
        is_disabled: visit.form.is_on("off"),
    }
}

/// The form as it was sent, without the secret, with what was wrong.
fn sent(visit: &Visit<'_>, kind: SourceKind, failed: String) -> SourceForm {
    let fields = kind.fields().iter();
    let form = &visit.form;
    SourceForm {
        name: form.get("name").to_owned(),
        values: fields
            .map(|field| form.get(field.name).to_owned())
            .collect(),
        ca_certificates: form.get("ca_certificates").to_owned(),
        scope: form.get("scope").to_owned(),
        starts_tls: form.is_on("starts_tls"),
        believes_anybody: form.is_on("skip_verify"),
        onboards: form.is_on("onboards"),
        is_disabled: form.is_on("off"),
        failed: Some(failed),
        ..SourceForm::new(kind)
    }
}

fn one(by: &AccountContext, name: &str) -> Sent {
    let segments = ["settings", "identity-sources", name];
    let link = Link::Under(&by.account().name, &segments).to_string();
    Sent::to(&format!("{link}?notice={}", Notice::Saved.word()))
}

async fn made(visit: &Visit<'_>, by: &AccountContext, kind: SourceKind) -> Result<String, Refused> {
    let (sources, name) = (&visit.services().identity_sources, text(visit, "name"));
    match kind {
        SourceKind::Oidc => {
            let spec = issuer(visit, text(visit, "issuer"));
            Ok(sources.create(by, name, spec).await?.name)
        }
        SourceKind::Ldap => {
            let spec = directory(visit);
            Ok(sources.create_ldap(by, name, spec).await?.name)
        }
    }
}

/// `POST /accounts/{account}/settings/identity-sources`: adds one.
pub(super) async fn create(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    let kind = SourceKind::of_word(visit.form.get("kind")).unwrap_or(SourceKind::Oidc);
    match made(visit, &by, kind).await {
        Ok(name) => Ok(one(&by, &name)),
        Err(refused) => {
            let form = sent(visit, kind, mendable(refused)?);
            let page = page(visit, &by, Some(form)).await?;
            Ok(Sent::page(page.html()).with_status(StatusCode::UNPROCESSABLE_ENTITY))
        }
    }
}

async fn find(visit: &Visit<'_>, by: &AccountContext) -> Result<Found, Failed> {
    let mut found = all(visit, by).await?.into_iter();
    let found = found.find(|found| found.name() == visit.param("source"));
    found.ok_or_else(Failed::not_found)
}

/// `GET /accounts/{account}/settings/identity-sources/{source}`.
pub(super) async fn show(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    let found = find(visit, &by).await?;
    let page = source(visit, &by, &found).await?;
    Ok(Sent::page(page.html()))
}

async fn source(
    visit: &Visit<'_>,
    by: &AccountContext,
    found: &Found,
) -> Result<IdentitySource, Failed> {
    let may_change = visit.may(by, Action::IdentitySourceUpdate).await?;
    let (created, changed) = found.times();
    Ok(IdentitySource {
        frame: visit.frame_of(by, Section::Settings).await?,
        account: by.account().name.clone(),
        line: found.line(),
        created,
        changed,
        form: may_change.then(|| found.form()),
        trial: None,
        may_try: may_change,
        may_delete: visit.may(by, Action::IdentitySourceDelete).await?,
        not_deleted: None,
    })
}

/// `POST /accounts/{account}/settings/identity-sources/{source}`: changes it.
pub(super) async fn change(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    let found = find(visit, &by).await?;
    let (sources, name) = (&visit.services().identity_sources, found.name());
    let changed = match &found {
        Found::Issuer(view) => {
            let spec = issuer(visit, view.spec.issuer.clone());
            sources.update(&by, name, spec).await.err()
        }
        Found::Directory(_) => sources.update_ldap(&by, name, directory(visit)).await.err(),
    };
    let Some(refused) = changed else {
        return Ok(one(&by, name));
    };
    let before = found.form();
    let form = SourceForm {
        name: before.name,
        is_there: true,
        has_secret: before.has_secret,
        ..sent(visit, before.kind, mendable(refused)?)
    };
    let mut page = source(visit, &by, &found).await?;
    page.form = Some(form);
    Ok(Sent::page(page.html()).with_status(StatusCode::UNPROCESSABLE_ENTITY))
}

/// `POST /accounts/{account}/settings/identity-sources/{source}/test`: whether people could sign in by it.
pub(super) async fn test(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    let sources = &visit.services().identity_sources;
    let trial = sources.test(&by, visit.param("source")).await?;
    let found = find(visit, &by).await?;
    let mut page = source(visit, &by, &found).await?;
    page.trial = Some((!trial.works).then_some(trial.message));
    Ok(Sent::page(page.html()))
}

/// `POST /accounts/{account}/settings/identity-sources/{source}/delete`: with its name typed, since nothing brings it back.
pub(super) async fn delete(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    let found = find(visit, &by).await?;
    let failed = if visit.form.get("confirm").trim() == found.name() {
        let sources = &visit.services().identity_sources;
        match sources.delete(&by, found.name()).await {
            Ok(()) => return Ok(there(&by, PLACE, Notice::Deleted)),
            Err(refused) => mendable(refused)?,
        }
    } else {
        visit.language.texts().people.name_differs.to_owned()
    };
    let mut page = source(visit, &by, &found).await?;
    page.not_deleted = Some(failed);
    Ok(Sent::page(page.html()).with_status(StatusCode::UNPROCESSABLE_ENTITY))
}
