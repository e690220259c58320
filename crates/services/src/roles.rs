//! Roles of an account's own: named sets of actions that it gives beside those that every account has.

use crate::access::{Refused, Rights};
use crate::account_access::AccountContext;
use crate::accounts::existing;
use crate::authorizer::{Authorizer, Visible};
use crate::core::Core;
use crate::credential_scope::is_good_for;
use crate::{Error, Result};
use metadata::{Error as MetadataError, ListQuery, Listed, Reader, Tx};
use model::{AccountId, Action, Actions, Coverage, CustomRole, Event, Right, Role, RoleId};
use std::sync::Arc;

/// Own roles that an account may have.
const MAX_ROLES: i64 = 100;
/// The longest description, in characters.
const MAX_DESCRIPTION_CHARS: usize = 1000;
/// Names in a message of who has a role.
const HOLDERS: i64 = 10;

/// What a role is to be.
#[derive(Clone, Debug)]
pub struct RoleText {
    /// Its name: 1 to 63 small letters, digits and hyphens.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// The names of what it holds.
    pub actions: Vec<String>,
}

/// Roles of accounts' own.
pub struct Roles {
    core: Arc<Core>,
    authorizer: Arc<Authorizer>,
}

impl Roles {
    pub(crate) fn new(core: Arc<Core>, authorizer: Arc<Authorizer>) -> Self {
        Self { core, authorizer }
    }

    /// The account's own roles, for whoever may give some. Fields: `name`, `created_at`; by name.
    pub async fn list(
        &self,
        by: &AccountContext,
        query: ListQuery,
    ) -> Result<Listed<CustomRole>, Refused> {
        self.require_reader(by).await?;
        let account = by.id().clone();
        let listed = self
            .core
            .metadata
            .list(move |reader| Ok::<_, Error>(reader.list_roles(&account, &query)?));
        Ok(listed.await?)
    }

    /// One of the account's own roles.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn get(&self, by: &AccountContext, name: &str) -> Result<CustomRole, Refused> {
        self.require_reader(by).await?;
        let found = self
            .core
            .metadata
            .read(|reader| find(reader, by.id(), name));
        Ok(found.await?)
    }

    /// Every action that a role can hold, for whoever may give roles.
    pub async fn actions(&self, by: &AccountContext) -> Result<&'static [Action], Refused> {
        self.require_reader(by).await?;
        Ok(Action::ALL)
    }

    /// Makes a role.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`], [`Error::Invalid`], [`Error::BeyondOwnRights`] for what the caller does not hold itself.
    pub async fn create(&self, by: &AccountContext, text: RoleText) -> Result<CustomRole, Refused> {
        self.authorizer.require(by, Action::RoleCreate).await?;
        let actions = self.check(by, &text).await?;
        let now_ms = self.core.now_ms();
        let role = CustomRole {
            id: RoleId::new(self.core.ids.next_id()),
            account_id: by.id().clone(),
            name: text.name,
            description: text.description,
            actions,
            created_at_ms: now_ms,
            updated_at_ms: now_ms,
        };
        let made = role.clone();
        let created = self.core.change(by, move |_, tx, account| {
            if tx.count_roles(account)? >= MAX_ROLES {
                return Err(Error::NotNow(format!(
                    "an account has {MAX_ROLES} roles of its own at most; delete one that nobody has"
                )));
            }
            tx.create_role(&made)
                .map_err(|error| existing(error, &format!("the role {}", made.name)))?;
            let event = Event::RoleCreated {
                role: made.name,
                actions: names(&made.actions),
            };
            Ok(((), Some(event)))
        });
        created.await?;
        Ok(role)
    }

    /// Changes a role. Whoever has it may do with its next request what it holds now.
    ///
    /// # Errors
    /// As [`Roles::create`], and [`Error::NotFound`].
    pub async fn update(
        &self,
        by: &AccountContext,
        name: &str,
        text: RoleText,
    ) -> Result<CustomRole, Refused> {
        self.authorizer.require(by, Action::RoleUpdate).await?;
        let actions = self.check(by, &text).await?;
        let name = name.to_owned();
        let updated = self.core.change(by, move |core, tx, account| {
            let found = find(tx, account, &name)?;
            let role = CustomRole {
                name: text.name,
                description: text.description,
                actions,
                updated_at_ms: core.now_ms(),
                ..found
            };
            if role.name != name && tx.find_role(account, &role.name)?.is_some() {
                return Err(Error::AlreadyExists(format!("the role {}", role.name)));
            }
            tx.update_role(&role)
                .map_err(|error| existing(error, &format!("the role {}", role.name)))?;
            let event = Event::RoleUpdated {
                role: role.name.clone(),
                was: name,
                actions: names(&role.actions),
            };
            Ok((role, Some(event)))
        });
        Ok(updated.await?)
    }

    /// Deletes a role that nobody has.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::NotNow`], with who has it.
    pub async fn delete(&self, by: &AccountContext, name: &str) -> Result<(), Refused> {
        self.authorizer.require(by, Action::RoleDelete).await?;
        let name = name.to_owned();
        let deleted = self.core.change(by, move |_, tx, account| {
            let role = find(tx, account, &name)?;
            require_unused(tx, &role)?;
            tx.delete_role(&role.id).map_err(|error| match error {
                // Given at this moment.
                MetadataError::ReferenceViolated => in_use(&name, "somebody"),
                error => error.into(),
            })?;
            Ok(((), Some(Event::RoleDeleted { role: name })))
        });
        Ok(deleted.await?)
    }

    /// Roles are there to be seen by whoever manages them, or gives them somewhere.
    async fn require_reader(&self, by: &AccountContext) -> Result<(), Refused> {
        let (who, action) = (by.authenticated(), Action::MemberCreate);
        if matches!(who.rights, Rights::Granted) && is_good_for(&who.caller, action) {
            let visible = self.authorizer.visible_namespaces(who, by.id(), action);
            match visible.await? {
                Visible::Some(namespaces) if namespaces.is_empty() => {}
                Visible::All | Visible::Some(_) => return Ok(()),
            }
        }
        self.authorizer.require(by, Action::RoleRead).await
    }

    /// What a text comes to, when its author holds all of that on the whole account.
    async fn check(&self, by: &AccountContext, text: &RoleText) -> Result<Actions, Refused> {
        require_name(&text.name)?;
        if text.description.chars().count() > MAX_DESCRIPTION_CHARS {
            return Err(Error::Invalid(format!(
                "the description of a role has {MAX_DESCRIPTION_CHARS} characters at most"
            ))
            .into());
        }
        let mut actions = Actions::NONE;
        for name in &text.actions {
            let known = Action::parse(name).ok_or_else(|| {
                Error::Invalid(format!(
                    "there is no action {name:?}; the account's list of actions has all that there are"
                ))
            })?;
            actions.insert(known);
        }
        if actions == Actions::NONE {
            return Err(Error::Invalid("a role holds one action at least".to_owned()).into());
        }
        let right = Right {
            account: by.id().clone(),
            coverage: Coverage::Everything,
            actions,
            role: None,
            request: None,
        };
        if self.authorizer.may_pass_on(by, &right).await? {
            return Ok(actions);
        }
        let lacking = format!("one of {} in the whole account", text.actions.join(", "));
        Err(Error::BeyondOwnRights(lacking).into())
    }
}

pub(crate) fn find(reader: &Reader<'_>, account: &AccountId, name: &str) -> Result<CustomRole> {
    let found = reader.find_role(account, name)?;
    found.ok_or_else(|| Error::NotFound(format!("the role {name}")))
}

fn require_unused(tx: &Tx<'_>, role: &CustomRole) -> Result<()> {
    let holders = tx.list_role_holders(&role.id, HOLDERS + 1)?;
    if holders.is_empty() {
        return Ok(());
    }
    let shown = usize::try_from(HOLDERS).unwrap_or_default();
    let mut text = holders[..holders.len().min(shown)].join(", ");
    if holders.len() > shown {
        text.push_str(" and others");
    }
    Err(in_use(&role.name, &text))
}

fn in_use(role: &str, holders: &str) -> Error {
    Error::NotNow(format!(
        "the role {role} cannot be deleted while it is given to {holders}; take it from them first"
    ))
}

fn names(actions: &Actions) -> Vec<String> {
    actions
        .iter()
        .map(|action| action.as_str().to_owned())
        .collect()
}

fn require_name(name: &str) -> Result<()> {
    let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if name.is_empty() || name.len() > 63 || !name.bytes().all(is_letter) {
        return Err(Error::Invalid(
            "the name of a role has 1 to 63 small letters, digits and hyphens".to_owned(),
        ));
    }
    if Role::parse(name).is_some() {
        return Err(Error::AlreadyExists(format!(
            "the role {name}, which every account has,"
        )));
    }
    Ok(())
}
