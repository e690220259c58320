//! Robot accounts: who makes them, what they may do, and their secrets.

mod access;
pub(crate) mod permissions;
mod rules;
mod views;

use crate::access::Refused;
use crate::account_access::{AccountContext, NamespaceRef};
use crate::account_settings;
use crate::authorizer::Authorizer;
use crate::core::Core;
use crate::{DEFAULT_ACCOUNT, Error, Result};
use keys::{DeploymentKey, Purpose, Random, SecretString};
use metadata::{Error as MetadataError, NamespaceRow, Numbered, RobotRow};
use model::robot::robot_prefix;
use model::{Action, CallerKind, Event, RobotId};
use permissions::sole_namespace;
pub use permissions::{Grantable, NamedPermission, PermissionPlace};
use rules::{end_of, require_description, require_home, require_short_name};
use std::sync::Arc;
pub use views::{RobotView, RobotsOf};

/// What a robot account is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RobotLevel {
    /// The account.
    Account,
    /// One namespace, with which it goes.
    Namespace,
}

/// How a request names a robot account of its account.
#[derive(Clone, Copy, Debug)]
pub enum RobotRef<'a> {
    /// By Harbor's number for it.
    Number(i64),
    /// By its whole name.
    Name(&'a str),
}

/// A robot account to be made.
#[derive(Clone, Debug)]
pub struct NewRobot {
    /// The name that is chosen for it, without what goes before.
    pub name: String,
    /// What it is of.
    pub level: RobotLevel,
    /// What people say of it.
    pub description: String,
    /// Whether it may not log in yet.
    pub is_disabled: bool,
    /// For how many days; -1 for ever; `None` for as long as the account's settings say.
    pub duration_days: Option<i64>,
    /// What it may do.
    pub permissions: Vec<NamedPermission>,
}

/// What a robot account is to become.
#[derive(Clone, Debug)]
pub struct RobotChange {
    /// Its whole name, which stays.
    pub name: String,
    /// What it is of, which stays.
    pub level: RobotLevel,
    /// What people say of it.
    pub description: String,
    /// Whether it may not log in.
    pub is_disabled: bool,
    /// For how many days from when it was made; -1 for ever; `None` leaves that alone.
    pub duration_days: Option<i64>,
    /// What it may do.
    pub permissions: Vec<NamedPermission>,
}

/// A robot account that was made.
#[derive(Debug)]
pub struct CreatedRobot {
    /// Harbor's number for it.
    pub number: i64,
    /// Its whole name.
    pub name: String,
    /// Its secret, which is shown this once.
    pub secret: SecretString,
    /// When it was made.
    pub created_at_ms: i64,
    /// When it ends; `None` for never.
    pub expires_at_ms: Option<i64>,
}

/// Robot accounts.
pub struct Robots {
    core: Arc<Core>,
    authorizer: Arc<Authorizer>,
    key: Arc<DeploymentKey>,
    random: Arc<dyn Random>,
}

/// What is kept of a secret. The name is part of it: two robot accounts may have the same secret, and neither learns of it.
pub(crate) fn secret_hash(key: &DeploymentKey, name: &str, secret: &SecretString) -> String {
    let text = SecretString::new(format!("{name}\0{}", secret.expose()));
    key.keyed_hash(Purpose::ROBOT_SECRET, text.expose().as_bytes())
}

impl Robots {
    pub(crate) fn new(
        core: Arc<Core>,
        authorizer: Arc<Authorizer>,
        key: Arc<DeploymentKey>,
        random: Arc<dyn Random>,
    ) -> Self {
        Self {
            core,
            authorizer,
            key,
            random,
        }
    }

    /// Makes a robot account. Nobody can give it more than it holds itself.
    ///
    /// # Errors
    /// [`Error::BeyondOwnRights`], [`Error::AlreadyExists`], [`Error::Invalid`].
    pub async fn create(
        &self,
        by: &AccountContext,
        new: NewRobot,
    ) -> Result<CreatedRobot, Refused> {
        let namespace = self.home_of(by, &new).await?;
        require_short_name(&new.name)?;
        require_description(&new.description)?;
        let permissions = permissions::resolve(&self.authorizer, by, &new.permissions).await?;
        permissions::require_passable(&self.authorizer, by, &permissions).await?;
        let duration_days = match new.duration_days {
            Some(days) => days,
            None => {
                account_settings::read(&self.core, by.id())
                    .await?
                    .robot_duration_days
            }
        };
        let created_at_ms = self.core.now_ms();
        let (creator_kind, creator_id) = creator(by);
        let home = namespace.as_ref().map(|namespace| namespace.name.clone());
        let row = RobotRow {
            id: RobotId::new(self.core.ids.next_id()),
            account_id: by.id().clone(),
            name: full_name(by, namespace.as_deref(), &new.name),
            namespace_id: namespace.map(|namespace| namespace.id.clone()),
            short_name: new.name,
            description: new.description,
            permissions,
            is_disabled: new.is_disabled,
            duration_days,
            expires_at_ms: end_of(created_at_ms, duration_days)?,
            creator_kind,
            creator_id,
            created_at_ms,
            updated_at_ms: created_at_ms,
            last_used_at_ms: None,
        };
        let secret = keys::random::generate_robot_secret(&*self.random);
        let number = self.store(by, &row, home, &secret).await?;
        Ok(CreatedRobot {
            number,
            name: row.name,
            secret,
            created_at_ms,
            expires_at_ms: row.expires_at_ms,
        })
    }

    /// The namespace that a new robot account will be of, when the caller may make one there.
    async fn home_of(
        &self,
        by: &AccountContext,
        new: &NewRobot,
    ) -> Result<Option<Arc<NamespaceRow>>, Refused> {
        match new.level {
            RobotLevel::Account => {
                self.authorizer.require(by, Action::RobotCreate).await?;
                Ok(None)
            }
            RobotLevel::Namespace => {
                let named = NamespaceRef::Name(sole_namespace(&new.permissions)?);
                let found = self.authorizer.namespace(by, named, Action::RobotCreate);
                Ok(Some(found.await?))
            }
        }
    }

    async fn store(
        &self,
        by: &AccountContext,
        row: &RobotRow,
        home: Option<String>,
        secret: &SecretString,
    ) -> Result<i64> {
        let (row, hash) = (row.clone(), secret_hash(&self.key, &row.name, secret));
        let stored = self.core.change(by, move |_, tx, account| {
            tx.create_robot(&row, &hash).map_err(|error| match error {
                MetadataError::AlreadyExists => {
                    Error::AlreadyExists(format!("the robot account {}", row.name))
                }
                // Its namespace was deleted a moment ago.
                MetadataError::ReferenceViolated => Error::NotFound("the namespace".to_owned()),
                error => error.into(),
            })?;
            let number = tx.give_number(account, Numbered::Robot, row.id.as_str())?;
            let event = Event::RobotCreated {
                robot: row.name.clone(),
                namespace: home,
                permissions: row.permissions.clone(),
                expires_at_ms: row.expires_at_ms,
            };
            Ok((number, Some(event)))
        });
        stored.await
    }

    /// Changes a robot account. Its name and what it is of stay.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the change says otherwise; [`Error::BeyondOwnRights`].
    pub async fn update(
        &self,
        by: &AccountContext,
        robot: RobotRef<'_>,
        change: RobotChange,
    ) -> Result<(), Refused> {
        let (row, home) = self.find(by, robot, Action::RobotUpdate).await?;
        if change.name != row.name || change.level != level(&row) {
            return Err(Error::Invalid(format!(
                "name and level of a robot account cannot be changed; this one is {}",
                row.name
            ))
            .into());
        }
        require_description(&change.description)?;
        if row.namespace_id.is_some() {
            sole_namespace(&change.permissions)?;
        }
        let permissions = permissions::resolve(&self.authorizer, by, &change.permissions).await?;
        require_home(&row, &permissions)?;
        if permissions != row.permissions {
            permissions::require_passable(&self.authorizer, by, &permissions).await?;
        }
        let duration_days = change.duration_days.unwrap_or(row.duration_days);
        let changed = RobotRow {
            description: change.description,
            permissions,
            is_disabled: change.is_disabled,
            duration_days,
            expires_at_ms: end_of(row.created_at_ms, duration_days)?,
            ..row
        };
        let updated = self.core.change(by, move |core, tx, _| {
            if tx.find_robot(&changed.id)?.is_none() {
                return Err(gone(&changed));
            }
            tx.update_robot(&changed, core.now_ms())?;
            let event = Event::RobotUpdated {
                robot: changed.name,
                namespace: home,
                permissions: changed.permissions,
                expires_at_ms: changed.expires_at_ms,
                is_disabled: changed.is_disabled,
            };
            Ok(((), Some(event)))
        });
        Ok(updated.await?)
    }

    /// Gives a robot account another secret: the one that is given, or a new one, which is the answer. The secret before
    /// stays good for a while, so that it can be replaced wherever it is in use.
    ///
    /// # Errors
    /// [`Error::BeyondOwnRights`]: whoever knows the secret has all that the robot account holds.
    pub async fn replace_secret(
        &self,
        by: &AccountContext,
        robot: RobotRef<'_>,
        given: Option<SecretString>,
    ) -> Result<Option<SecretString>, Refused> {
        let (row, home) = self.find(by, robot, Action::RobotUpdate).await?;
        self.require_no_less(by, &row.id).await?;
        if let Some(secret) = &given {
            let checked = keys::check_new_password(secret.expose());
            checked.map_err(|error| Error::Invalid(error.to_string()))?;
        }
        let generated = match given {
            Some(_) => None,
            None => Some(keys::random::generate_robot_secret(&*self.random)),
        };
        let Some(secret) = given.as_ref().or(generated.as_ref()) else {
            return Err(Error::Internal.into());
        };
        let hash = secret_hash(&self.key, &row.name, secret);
        let replaced = self.core.change(by, move |core, tx, _| {
            if tx.find_robot(&row.id)?.is_none() {
                return Err(gone(&row));
            }
            let now_ms = core.now_ms();
            let until_ms = now_ms + core.settings.robot_secret_overlap_ms;
            tx.replace_robot_secret(&row.id, &hash, until_ms, now_ms)?;
            let event = Event::RobotSecretReset {
                robot: row.name,
                namespace: home,
            };
            Ok(((), Some(event)))
        });
        replaced.await?;
        Ok(generated)
    }

    /// Deletes a robot account. Its registry tokens end with their lifetime.
    pub async fn delete(&self, by: &AccountContext, robot: RobotRef<'_>) -> Result<(), Refused> {
        let (row, home) = self.find(by, robot, Action::RobotDelete).await?;
        let deleted = self.core.change(by, move |_, tx, _| {
            if !tx.delete_robot(&row.id)? {
                return Err(gone(&row));
            }
            let event = Event::RobotDeleted {
                robot: row.name,
                namespace: home,
            };
            Ok(((), Some(event)))
        });
        Ok(deleted.await?)
    }
}

fn level(row: &RobotRow) -> RobotLevel {
    match row.namespace_id {
        None => RobotLevel::Account,
        Some(_) => RobotLevel::Namespace,
    }
}

fn full_name(by: &AccountContext, namespace: Option<&NamespaceRow>, short_name: &str) -> String {
    let account = by.account();
    let prefix = robot_prefix(&account.name, account.name == DEFAULT_ACCOUNT);
    match namespace {
        None => format!("{prefix}{short_name}"),
        Some(namespace) => format!("{prefix}{}+{short_name}", namespace.name),
    }
}

fn creator(by: &AccountContext) -> (String, String) {
    let (kind, id) = match &by.authenticated().caller.kind {
        CallerKind::User { id, .. } => ("user", id.as_str()),
        CallerKind::Robot { id, .. } => ("robot", id.as_str()),
        CallerKind::LocalOperator | CallerKind::Anonymous | CallerKind::Workload { .. } => {
            ("operator", "")
        }
    };
    (kind.to_owned(), id.to_owned())
}

fn gone(row: &RobotRow) -> Error {
    Error::NotFound(format!("the robot account {}", row.name))
}

#[cfg(test)]
mod tests;
