//! Directories by which people log in: of an account, and of the deployment.

use super::ldap_rules::{changed_settings, goes_elsewhere, require_spec};
use super::{Decider, IdentitySources, existing, require_room, unknown};
use crate::access::Refused;
use crate::account_access::AccountContext;
use crate::operators::{OperatorAction, OperatorContext};
use crate::{DEFAULT_ACCOUNT, Error, Result};
use keys::SecretString;
use metadata::{Error as MetadataError, LdapSettings, LdapSourceRow};
use model::{AccountId, Action, Event, IdentitySourceId};
use outbound::directory::comparable_name;

/// Everything of a directory but its name and home.
#[derive(Clone, Debug)]
pub struct LdapSourceSpec {
    /// Where it is, and how to look into it.
    pub settings: LdapSettings,
    /// The password that goes with `bind_dn`; `None` leaves it as it is, an empty one is none.
    pub bind_password: Option<SecretString>,
    /// Whether whoever comes first becomes a user.
    pub onboards: bool,
    /// Whether nobody logs in by it at present.
    pub is_disabled: bool,
}

/// A directory as people see it: without its secret.
#[derive(Clone, Debug)]
pub struct LdapSourceView {
    /// Its name.
    pub name: String,
    /// The name of the account that its people belong to first.
    pub home_account: String,
    /// Where it is, and how to look into it.
    pub settings: LdapSettings,
    /// Whether the registry has a password there.
    pub has_bind_password: bool,
    /// Whether whoever comes first becomes a user.
    pub onboards: bool,
    /// Whether nobody logs in by it at present.
    pub is_disabled: bool,
    /// When it was made.
    pub created_at_ms: i64,
    /// When it was last changed.
    pub updated_at_ms: i64,
}

impl IdentitySources {
    /// The account's own directories, by name.
    pub async fn list_ldap(&self, by: &AccountContext) -> Result<Vec<LdapSourceView>, Refused> {
        let action = Action::IdentitySourceList;
        self.authorizer.require(by, action).await?;
        Ok(self.ldap_views(Some(by.id())).await?)
    }

    /// The deployment's directories, by name.
    pub async fn list_ldap_of_deployment(
        &self,
        by: &OperatorContext,
    ) -> Result<Vec<LdapSourceView>, Refused> {
        let action = OperatorAction::IdentitySourceRead;
        self.authorizer.require_operator(by, action)?;
        Ok(self.ldap_views(None).await?)
    }

    /// Makes a directory of the account known.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`], [`Error::Invalid`]; [`Error::NotNow`] beyond 20 sources.
    pub async fn create_ldap(
        &self,
        by: &AccountContext,
        name: String,
        spec: LdapSourceSpec,
    ) -> Result<LdapSourceView, Refused> {
        let action = Action::IdentitySourceCreate;
        self.authorizer.require(by, action).await?;
        let home = by.account().name.clone();
        let decider = Decider::Account(by);
        Ok(self.store_new_ldap(&decider, (name, home), spec).await?)
    }

    /// Makes a directory of the deployment known, whose people belong first to `home_account`, or to the account `default`.
    ///
    /// # Errors
    /// The same; [`Error::NotFound`] for the account.
    pub async fn create_ldap_for_deployment(
        &self,
        by: &OperatorContext,
        (name, home_account): (String, Option<String>),
        spec: LdapSourceSpec,
    ) -> Result<LdapSourceView, Refused> {
        let action = OperatorAction::IdentitySourceUpdate;
        self.authorizer.require_operator(by, action)?;
        let home = home_account.unwrap_or_else(|| DEFAULT_ACCOUNT.to_owned());
        let decider = Decider::Operator(by);
        Ok(self.store_new_ldap(&decider, (name, home), spec).await?)
    }

    /// Changes a directory of the account. Its name stays. The registry's password there has to be given again when another
    /// server could get to see it.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Invalid`].
    pub async fn update_ldap(
        &self,
        by: &AccountContext,
        name: &str,
        spec: LdapSourceSpec,
    ) -> Result<LdapSourceView, Refused> {
        let action = Action::IdentitySourceUpdate;
        self.authorizer.require(by, action).await?;
        Ok(self.store_ldap(&Decider::Account(by), name, spec).await?)
    }

    /// The same of the deployment.
    pub async fn update_ldap_for_deployment(
        &self,
        by: &OperatorContext,
        name: &str,
        spec: LdapSourceSpec,
    ) -> Result<LdapSourceView, Refused> {
        let action = OperatorAction::IdentitySourceUpdate;
        self.authorizer.require_operator(by, action)?;
        Ok(self.store_ldap(&Decider::Operator(by), name, spec).await?)
    }

    async fn ldap_views(&self, owner: Option<&AccountId>) -> Result<Vec<LdapSourceView>> {
        let found = self.core.metadata.read(|reader| {
            let rows = reader.list_ldap_sources(owner)?;
            let mut views = Vec::with_capacity(rows.len());
            for row in rows {
                let home = reader.find_account(&row.home_account_id)?;
                views.push(view(row, home.map_or_else(String::new, |home| home.name)));
            }
            Ok::<_, Error>(views)
        });
        found.await
    }

    /// The directory of that owner and name, if there is one.
    pub(super) async fn find_ldap(
        &self,
        owner: Option<&AccountId>,
        name: &str,
    ) -> Result<Option<LdapSourceRow>> {
        let found = self
            .core
            .metadata
            .read(|reader| reader.list_ldap_sources(owner));
        Ok(found.await?.into_iter().find(|row| row.name == name))
    }

    async fn store_new_ldap(
        &self,
        by: &Decider<'_>,
        (name, home_name): (String, String),
        spec: LdapSourceSpec,
    ) -> Result<LdapSourceView> {
        let has_password = spec
            .bind_password
            .as_ref()
            .is_some_and(|one| !one.is_empty());
        require_spec(self.directories.client(), &name, &spec, has_password)?;
        let found = self
            .core
            .metadata
            .read(|reader| reader.find_account_by_name(&home_name));
        let home = found.await?;
        let home = home.ok_or_else(|| Error::NotFound(format!("the account {home_name}")))?;
        let id = IdentitySourceId::new(self.core.ids.next_id());
        let now_ms = self.core.now_ms();
        let row = LdapSourceRow {
            sealed_bind_password: self.sealed(&id, spec.bind_password.as_ref()),
            id,
            account_id: by.owner().cloned(),
            home_account_id: home.id,
            name,
            settings: spec.settings,
            onboards: spec.onboards,
            is_disabled: spec.is_disabled,
            created_at_ms: now_ms,
            updated_at_ms: now_ms,
        };
        let new = row.clone();
        self.write(by, move |_, tx| {
            require_room(tx, new.account_id.as_ref(), &new.name)?;
            tx.create_ldap_source(&new).map_err(|error| match error {
                MetadataError::AlreadyExists => existing(&new.name),
                error => error.into(),
            })?;
            Ok(Event::IdentitySourceCreated {
                identity_source: new.name,
                issuer: new.settings.url,
            })
        })
        .await?;
        Ok(view(row, home.name))
    }

    async fn store_ldap(
        &self,
        by: &Decider<'_>,
        name: &str,
        spec: LdapSourceSpec,
    ) -> Result<LdapSourceView> {
        let old = self.find_ldap(by.owner(), name).await?;
        let old = old.ok_or_else(|| unknown(name))?;
        let has_password = match &spec.bind_password {
            None => old.sealed_bind_password.is_some(),
            Some(password) => !password.is_empty(),
        };
        require_spec(self.directories.client(), name, &spec, has_password)?;
        let keeps_password = spec.bind_password.is_none() && has_password;
        if keeps_password && goes_elsewhere(&old.settings, &spec.settings) {
            return Err(Error::Invalid(
                "bind_password has to be given again: where it is shown, or how, is to change"
                    .to_owned(),
            ));
        }
        let sealed_bind_password = match &spec.bind_password {
            None => old.sealed_bind_password.clone(),
            Some(password) => self.sealed(&old.id, Some(password)),
        };
        let changed = LdapSourceRow {
            sealed_bind_password,
            settings: spec.settings,
            onboards: spec.onboards,
            is_disabled: spec.is_disabled,
            updated_at_ms: self.core.now_ms(),
            ..old.clone()
        };
        let settings = changed_settings(&old, &changed);
        let row = changed.clone();
        self.write(by, move |core, tx| {
            if !tx.update_ldap_source(&row, core.now_ms())? {
                return Err(unknown(&row.name));
            }
            // Whoever was an administrator by a group is none by another one's leave.
            let group = |row: &LdapSourceRow| comparable_name(&row.settings.admin_group_dn);
            if group(&row) != group(&old)
                && let Some(former) = tx.find_source_group(&row.id, &group(&old))?
            {
                tx.take_administration(&row.home_account_id, &former)?;
            }
            Ok(Event::IdentitySourceUpdated {
                identity_source: row.name,
                settings,
            })
        })
        .await?;
        let views = self.ldap_views(by.owner()).await?;
        let shown = views.into_iter().find(|view| view.name == name);
        shown.ok_or_else(|| unknown(name))
    }
}

fn view(row: LdapSourceRow, home_account: String) -> LdapSourceView {
    LdapSourceView {
        has_bind_password: row.sealed_bind_password.is_some(),
        home_account,
        name: row.name,
        settings: row.settings,
        onboards: row.onboards,
        is_disabled: row.is_disabled,
        created_at_ms: row.created_at_ms,
        updated_at_ms: row.updated_at_ms,
    }
}
