//! Issuers and directories by which people log in, of an account or of the whole deployment, and who may decide about them.

mod ldap;
mod ldap_rules;
mod people;
mod rules;
mod views;

use crate::access::Refused;
use crate::account_access::AccountContext;
use crate::authorizer::Authorizer;
use crate::core::Core;
use crate::deployment::Deployment;
use crate::directories::Directories;
use crate::issuers::Issuers;
use crate::operators::{OperatorAction, OperatorContext};
use crate::{DEFAULT_ACCOUNT, Error, Result};
use keys::{DeploymentKey, Purpose, SecretString};
pub use ldap::{LdapSourceSpec, LdapSourceView};
use metadata::{Error as MetadataError, OidcSourceRow, Reader, Tx};
use model::{AccountId, Action, Event, IdentitySourceId};
pub use people::{DirectoryPerson, SourceTrial};
use rules::{changed_settings, require_spec};
use std::sync::Arc;
pub use views::{IdentitySourceSpec, IdentitySourceView};
use views::{row, view};

/// Issuers of one owner.
const MAX_SOURCES: usize = 20;

/// Who decides about an issuer.
enum Decider<'a> {
    Account(&'a AccountContext),
    Operator(&'a OperatorContext),
}

impl Decider<'_> {
    fn owner(&self) -> Option<&AccountId> {
        match self {
            Self::Account(by) => Some(by.id()),
            Self::Operator(_) => None,
        }
    }
}

/// Issuers by which people log in.
pub struct IdentitySources {
    core: Arc<Core>,
    authorizer: Arc<Authorizer>,
    deployment: Deployment,
    key: Arc<DeploymentKey>,
    issuers: Arc<Issuers>,
    directories: Arc<Directories>,
}

impl IdentitySources {
    pub(crate) fn new(
        core: Arc<Core>,
        authorizer: Arc<Authorizer>,
        key: Arc<DeploymentKey>,
        (issuers, directories): (Arc<Issuers>, Arc<Directories>),
    ) -> Self {
        Self {
            deployment: Deployment::new(core.clone(), authorizer.clone()),
            core,
            authorizer,
            key,
            issuers,
            directories,
        }
    }

    /// The account's own issuers, by name.
    pub async fn list(&self, by: &AccountContext) -> Result<Vec<IdentitySourceView>, Refused> {
        let action = Action::IdentitySourceList;
        self.authorizer.require(by, action).await?;
        Ok(self.list_of(Some(by.id())).await?)
    }

    /// The deployment's issuers, by name.
    pub async fn list_of_deployment(
        &self,
        by: &OperatorContext,
    ) -> Result<Vec<IdentitySourceView>, Refused> {
        let action = OperatorAction::IdentitySourceRead;
        self.authorizer.require_operator(by, action)?;
        Ok(self.list_of(None).await?)
    }

    /// Makes an issuer of the account known.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`], [`Error::Invalid`]; [`Error::NotNow`] beyond 20.
    pub async fn create(
        &self,
        by: &AccountContext,
        name: String,
        spec: IdentitySourceSpec,
    ) -> Result<IdentitySourceView, Refused> {
        let action = Action::IdentitySourceCreate;
        self.authorizer.require(by, action).await?;
        let home = by.account().name.clone();
        let decider = Decider::Account(by);
        Ok(self.store_new(&decider, (name, home), spec).await?)
    }

    /// Makes an issuer of the deployment known, whose people belong first to `home_account`, or to the account `default`.
    ///
    /// # Errors
    /// The same; [`Error::NotFound`] for the account.
    pub async fn create_for_deployment(
        &self,
        by: &OperatorContext,
        (name, home_account): (String, Option<String>),
        spec: IdentitySourceSpec,
    ) -> Result<IdentitySourceView, Refused> {
        let action = OperatorAction::IdentitySourceUpdate;
        self.authorizer.require_operator(by, action)?;
        let home = home_account.unwrap_or_else(|| DEFAULT_ACCOUNT.to_owned());
        let decider = Decider::Operator(by);
        Ok(self.store_new(&decider, (name, home), spec).await?)
    }

    /// Changes an issuer of the account. Its name and URL stay.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Invalid`].
    pub async fn update(
        &self,
        by: &AccountContext,
        name: &str,
        spec: IdentitySourceSpec,
    ) -> Result<IdentitySourceView, Refused> {
        let action = Action::IdentitySourceUpdate;
        self.authorizer.require(by, action).await?;
        Ok(self.store(&Decider::Account(by), name, spec).await?)
    }

    /// The same of the deployment.
    pub async fn update_for_deployment(
        &self,
        by: &OperatorContext,
        name: &str,
        spec: IdentitySourceSpec,
    ) -> Result<IdentitySourceView, Refused> {
        let action = OperatorAction::IdentitySourceUpdate;
        self.authorizer.require_operator(by, action)?;
        Ok(self.store(&Decider::Operator(by), name, spec).await?)
    }

    /// Forgets an issuer of the account that has brought nobody who is still there.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::NotNow`].
    pub async fn delete(&self, by: &AccountContext, name: &str) -> Result<(), Refused> {
        let action = Action::IdentitySourceDelete;
        self.authorizer.require(by, action).await?;
        Ok(self.remove(&Decider::Account(by), name).await?)
    }

    /// The same of the deployment.
    pub async fn delete_of_deployment(
        &self,
        by: &OperatorContext,
        name: &str,
    ) -> Result<(), Refused> {
        let action = OperatorAction::IdentitySourceUpdate;
        self.authorizer.require_operator(by, action)?;
        Ok(self.remove(&Decider::Operator(by), name).await?)
    }

    /// Whether an issuer answers and says what it has to; what is wrong stands in the log.
    ///
    /// # Errors
    /// [`Error::Invalid`].
    pub async fn ping(&self, by: &AccountContext, issuer: &str) -> Result<(), Refused> {
        let action = Action::IdentitySourceCreate;
        self.authorizer.require(by, action).await?;
        let wrong = || {
            Error::Invalid(
                "the issuer does not answer as one has to, or the deployment does not allow requests to go there".to_owned(),
            )
        };
        let client = self.issuers.client();
        crate::trust_rules::require_issuer(client, issuer)?;
        let asked = self.issuers.ping(issuer).await;
        Ok(asked.map_err(|_| wrong())?)
    }

    async fn list_of(&self, owner: Option<&AccountId>) -> Result<Vec<IdentitySourceView>> {
        let found = self.core.metadata.read(|reader| {
            let rows = reader.list_oidc_sources(owner)?;
            let mut views = Vec::with_capacity(rows.len());
            for row in rows {
                let home = reader.find_account(&row.home_account_id)?;
                views.push(view(row, home.map_or_else(String::new, |home| home.name)));
            }
            Ok::<_, Error>(views)
        });
        found.await
    }

    async fn find(&self, owner: Option<&AccountId>, name: &str) -> Result<OidcSourceRow> {
        let found = self
            .core
            .metadata
            .read(|reader| reader.list_oidc_sources(owner));
        let found = found.await?.into_iter().find(|row| row.name == name);
        found.ok_or_else(|| unknown(name))
    }

    fn sealed(&self, id: &IdentitySourceId, secret: Option<&SecretString>) -> Option<String> {
        let secret = secret.filter(|secret| !secret.is_empty())?;
        let purpose = Purpose::IDENTITY_SOURCE_SECRET;
        Some(
            self.key
                .seal(purpose, id.as_str(), secret.expose().as_bytes()),
        )
    }

    async fn store_new(
        &self,
        by: &Decider<'_>,
        (name, home_name): (String, String),
        spec: IdentitySourceSpec,
    ) -> Result<IdentitySourceView> {
        require_spec(self.issuers.client(), &name, &spec)?;
        let found = self
            .core
            .metadata
            .read(|reader| reader.find_account_by_name(&home_name));
        let home = found.await?;
        let home = home.ok_or_else(|| Error::NotFound(format!("the account {home_name}")))?;
        let (id, now_ms) = (
            IdentitySourceId::new(self.core.ids.next_id()),
            self.core.now_ms(),
        );
        let row = OidcSourceRow {
            sealed_client_secret: self.sealed(&id, spec.client_secret.as_ref()),
            account_id: by.owner().cloned(),
            home_account_id: home.id,
            created_at_ms: now_ms,
            ..row(id, name, spec)
        };
        let new = row.clone();
        self.write(by, move |_, tx| {
            require_room(tx, new.account_id.as_ref(), &new.name)?;
            tx.create_oidc_source(&new).map_err(|error| match error {
                MetadataError::AlreadyExists => existing(&new.name),
                error => error.into(),
            })?;
            Ok(Event::IdentitySourceCreated {
                identity_source: new.name,
                issuer: new.issuer,
            })
        })
        .await?;
        let row = OidcSourceRow {
            updated_at_ms: now_ms,
            ..row
        };
        Ok(view(row, home.name))
    }

    async fn store(
        &self,
        by: &Decider<'_>,
        name: &str,
        spec: IdentitySourceSpec,
    ) -> Result<IdentitySourceView> {
        let old = self.find(by.owner(), name).await?;
        require_spec(self.issuers.client(), name, &spec)?;
        if spec.issuer != old.issuer {
            return Err(Error::Invalid(
                "the issuer of an identity source stays: whom another one calls so is somebody else; make a new source for it"
                    .to_owned(),
            ));
        }
        let sealed_client_secret = match &spec.client_secret {
            None => old.sealed_client_secret.clone(),
            Some(secret) => self.sealed(&old.id, Some(secret)),
        };
        let changed = OidcSourceRow {
            sealed_client_secret,
            account_id: old.account_id.clone(),
            home_account_id: old.home_account_id.clone(),
            created_at_ms: old.created_at_ms,
            updated_at_ms: self.core.now_ms(),
            ..row(old.id.clone(), old.name.clone(), spec)
        };
        let settings = changed_settings(&old, &changed);
        let (row, former) = (changed.clone(), old.admin_group);
        self.write(by, move |core, tx| {
            if !tx.update_oidc_source(&row, core.now_ms())? {
                return Err(unknown(&row.name));
            }
            // Whoever was an administrator by a group is none by another one's leave.
            if row.admin_group != former
                && let Some(group) = tx.find_source_group(&row.id, &former)?
            {
                tx.take_administration(&row.home_account_id, &group)?;
            }
            Ok(Event::IdentitySourceUpdated {
                identity_source: row.name,
                settings,
            })
        })
        .await?;
        let views = self.list_of(by.owner()).await?;
        let shown = views.into_iter().find(|view| view.name == name);
        shown.ok_or_else(|| unknown(name))
    }

    async fn remove(&self, by: &Decider<'_>, name: &str) -> Result<()> {
        let id = match self.find_ldap(by.owner(), name).await? {
            Some(directory) => directory.id,
            None => self.find(by.owner(), name).await?.id,
        };
        let name = name.to_owned();
        self.write(by, move |_, tx| {
            if tx.has_external_users(&id)? {
                return Err(Error::NotNow(format!(
                    "people came by the identity source {name}; delete them first, or disable it"
                )));
            }
            if !tx.delete_identity_source(&id)? {
                return Err(unknown(&name));
            }
            Ok(Event::IdentitySourceDeleted {
                identity_source: name,
            })
        })
        .await
    }

    /// One transaction, with its event in the log of the account or of the deployment.
    async fn write(
        &self,
        by: &Decider<'_>,
        work: impl FnOnce(&Core, &mut Tx<'_>) -> Result<Event> + Clone + Send + 'static,
    ) -> Result<()> {
        match by {
            Decider::Account(by) => {
                let work = move |core: &Core, tx: &mut Tx<'_>, _: &AccountId| {
                    Ok(((), Some(work(core, tx)?)))
                };
                self.core.change(by, work).await
            }
            Decider::Operator(by) => self.deployment.change_deployment(by, work).await,
        }
    }
}

/// Whether an owner may have another source, of this name.
fn require_room(reader: &Reader<'_>, owner: Option<&AccountId>, name: &str) -> Result<()> {
    let issuers = reader.list_oidc_sources(owner)?;
    let directories = reader.list_ldap_sources(owner)?;
    let names = issuers.iter().map(|one| &one.name);
    let mut names = names.chain(directories.iter().map(|one| &one.name));
    if issuers.len() + directories.len() >= MAX_SOURCES {
        return Err(Error::NotNow(format!(
            "there are {MAX_SOURCES} identity sources, as many as there can be"
        )));
    }
    if names.any(|one| one == name) {
        return Err(existing(name));
    }
    Ok(())
}

fn existing(name: &str) -> Error {
    Error::AlreadyExists(format!("the identity source {name}"))
}

fn unknown(name: &str) -> Error {
    Error::NotFound(format!("the identity source {name}"))
}
