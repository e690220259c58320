//! Grants: who has which role for what. They add up; nothing denies.

use crate::access::{Refused, Rights};
use crate::account_access::{AccountContext, NamespaceRef};
use crate::accounts::{existing, get_member};
use crate::administrators::last_administrator_of;
use crate::authorizer::{Authorizer, Visible};
use crate::core::Core;
use crate::credential_scope::is_good_for;
use crate::groups::get_group;
use crate::{Error, Result, roles};
use metadata::{
    GrantRow, GrantSubject, Grantee, GrantsOf, ListQuery, Listed, NamespaceRow, NewGrant, Reader,
    Turn,
};
use model::event::Member;
use model::role::PatternInvalid;
use model::{
    AccountId, Action, Event, GrantId, GrantedRole, RepositoryPattern, Right, Role, Scope,
};
use std::sync::Arc;

/// Grants beside memberships of namespaces that somebody may have in one account: each login reads all of them.
const MAX_GRANTS: i64 = 200;

/// Who is to get a role, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SubjectName {
    /// A user.
    User(String),
    /// Everyone in a group.
    Group(String),
    /// A robot account, by its whole name.
    Robot(String),
}

/// What a role is to be given for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GrantPlace {
    /// The whole account.
    Account,
    /// One namespace, by its name.
    Namespace(String),
    /// The repositories of a namespace whose names in it are like a pattern.
    Repositories(String, String),
}

/// A grant to be given.
#[derive(Clone, Debug)]
pub struct GrantText {
    /// To whom.
    pub subject: SubjectName,
    /// Which role: one that every account has, or one of its own.
    pub role: String,
    /// What for.
    pub place: GrantPlace,
}

/// The grants of accounts.
pub struct Grants {
    core: Arc<Core>,
    authorizer: Arc<Authorizer>,
}

impl Grants {
    pub(crate) fn new(core: Arc<Core>, authorizer: Arc<Authorizer>) -> Self {
        Self { core, authorizer }
    }

    /// The account's grants; for whoever may not see them all, those on the namespaces whose members it may see. Fields:
    /// `kind`, `subject`, `role`, `scope`, `namespace`, `created_at`; by subject.
    pub async fn list(
        &self,
        by: &AccountContext,
        query: ListQuery,
    ) -> Result<Listed<GrantRow>, Refused> {
        let seen = if self.authorizer.allows(by, Action::GrantList).await? {
            None
        } else {
            Some(self.seen(by, Action::MemberList).await?)
        };
        let account = by.id().clone();
        let listed = self.core.metadata.list(move |reader| {
            let ids = seen.as_ref().map(Visible::ids).unwrap_or_default();
            let of = match &seen {
                None => GrantsOf::All,
                Some(Visible::All) => GrantsOf::EveryNamespace,
                Some(Visible::Some(_)) => GrantsOf::Namespaces(&ids),
            };
            Ok::<_, Error>(reader.list_grants(&account, of, &query)?)
        });
        Ok(listed.await?)
    }

    /// A grant, for whoever may see it in the list.
    ///
    /// # Errors
    /// [`Error::NotFound`], also for one that the caller may not see.
    pub async fn get(&self, by: &AccountContext, id: &str) -> Result<GrantRow, Refused> {
        self.find(by, id, (Action::GrantList, Action::MemberList))
            .await
    }

    /// Gives a role.
    ///
    /// # Errors
    /// [`Error::NotFound`] for user, group, robot account or role; [`Error::AlreadyExists`], [`Error::Invalid`];
    /// [`Error::BeyondOwnRights`] for what the caller does not hold itself.
    pub async fn create(&self, by: &AccountContext, text: GrantText) -> Result<GrantRow, Refused> {
        let namespace = self.place(by, &text.place).await?;
        let scope = scope_of(&text.place, namespace.as_deref())?;
        let right = self.right(by, &text, &scope).await?;
        if !self.authorizer.may_pass_on(by, &right).await? {
            let lacking = format!("all that the role {} holds there", text.role);
            return Err(Error::BeyondOwnRights(lacking).into());
        }
        let id = GrantId::new(self.core.ids.next_id());
        let created = self.core.change(by, move |core, tx, account| {
            tx.take_turn(Turn::Administrators)?;
            let (role, now) = role_of(tx, account, &text, &scope)?;
            if now.actions != right.actions {
                let text = format!("the role {} was changed meanwhile; try again", text.role);
                return Err(Error::NotNow(text));
            }
            let subject = subject_of(tx, account, &text.subject, &scope)?;
            if tx.count_role_grants(account, &subject)? >= MAX_GRANTS {
                return Err(Error::NotNow(format!(
                    "nobody has more than {MAX_GRANTS} grants; use a wider pattern, or a group"
                )));
            }
            let new = NewGrant {
                id,
                account_id: account.clone(),
                subject,
                role,
                scope,
            };
            tx.create_grant(&new, core.now_ms())
                .map_err(|error| existing(error, "this role there, or another in its place,"))?;
            let row = tx.find_grant(account, &new.id)?.ok_or(Error::Internal)?;
            let event = Event::GrantCreated {
                member: member_of(&row),
                role: row.role_name.clone(),
                namespace: row.namespace_name.clone(),
                repositories: pattern_of(&row),
            };
            Ok((row, Some(event)))
        });
        Ok(created.await?)
    }

    /// Takes a role that was given. Takes effect with the next request.
    ///
    /// # Errors
    /// [`Error::NotNow`] for the account's last administrator, [`Error::BeyondOwnRights`] on the account for more than the
    /// caller holds; as [`Grants::get`].
    pub async fn delete(&self, by: &AccountContext, id: &str) -> Result<(), Refused> {
        let row = self
            .find(by, id, (Action::GrantDelete, Action::MemberDelete))
            .await?;
        if row.scope == Scope::Account {
            let account = by.id().clone();
            let (name, scope) = (row.role_name.clone(), row.scope.clone());
            let right = self
                .core
                .metadata
                .read(|reader| Ok::<_, Error>(right_of(reader, &account, &name, &scope)?.1));
            if !self.authorizer.may_pass_on(by, &right.await?).await? {
                let lacking = format!("all that the role {} holds", row.role_name);
                return Err(Error::BeyondOwnRights(lacking).into());
            }
        }
        let deleted = self.core.change(by, move |_, tx, account| {
            tx.take_turn(Turn::Administrators)?;
            let unknown = || Error::NotFound(format!("the grant {}", row.id));
            let row = tx.find_grant(account, &row.id)?.ok_or_else(unknown)?;
            if let (GrantSubject::Person(Grantee::User(user)), Scope::Account) =
                (&row.subject, &row.scope)
                && row.role == GrantedRole::BuiltIn(Role::Administrator)
                && tx.list_accounts_that_need(user)?.contains(account)
            {
                return Err(last_administrator_of(&row.name));
            }
            tx.delete_grant(account, &row.id)?;
            let event = Event::GrantDeleted {
                member: member_of(&row),
                role: row.role_name.clone(),
                namespace: row.namespace_name.clone(),
                repositories: pattern_of(&row),
            };
            Ok(((), Some(event)))
        });
        Ok(deleted.await?)
    }

    /// The namespaces with whose members the caller may do something.
    async fn seen(&self, by: &AccountContext, action: Action) -> Result<Visible, Refused> {
        let who = by.authenticated();
        if who.caller.is_anonymous() {
            return Err(Refused::Unauthenticated);
        }
        if matches!(who.rights, Rights::Token(_)) || !is_good_for(&who.caller, action) {
            return Err(Refused::Forbidden);
        }
        let visible = self.authorizer.visible_namespaces(who, by.id(), action);
        match visible.await? {
            Visible::Some(namespaces) if namespaces.is_empty() => Err(Refused::Forbidden),
            visible => Ok(visible),
        }
    }

    /// A grant that the caller may do something to: one of two actions, on the account, or on its namespace.
    async fn find(
        &self,
        by: &AccountContext,
        id: &str,
        (on_account, on_namespace): (Action, Action),
    ) -> Result<GrantRow, Refused> {
        let found = self.core.metadata.read(|reader| {
            let row = reader.find_grant(by.id(), &GrantId::new(id))?;
            let namespace = match row.as_ref().map(|row| &row.scope) {
                Some(Scope::Namespace(id) | Scope::Repositories(id, _)) => {
                    reader.find_namespace_by_id(id)?
                }
                _ => None,
            };
            Ok::<_, Error>((row, namespace))
        });
        let (row, namespace) = found.await?;
        let may_all = self.authorizer.allows(by, on_account).await?;
        let may = match &namespace {
            None => may_all,
            Some(namespace) => {
                let there = self.authorizer.allows_in(by, namespace, on_namespace);
                may_all || there.await?
            }
        };
        if let Some(row) = row {
            if may {
                return Ok(row);
            }
            if self.authorizer.allows(by, Action::GrantList).await? {
                return Err(Refused::Forbidden);
            }
        }
        if !may_all {
            self.seen(by, on_namespace).await?;
        }
        // The same for one that is not there, and one that the caller may not see.
        Err(Error::NotFound(format!("the grant {id}")).into())
    }

    /// The namespace in which a role is to be given, when the caller may give any there; `None` for the account.
    async fn place(
        &self,
        by: &AccountContext,
        place: &GrantPlace,
    ) -> Result<Option<Arc<NamespaceRow>>, Refused> {
        match place {
            GrantPlace::Account => {
                self.authorizer.require(by, Action::GrantCreate).await?;
                Ok(None)
            }
            GrantPlace::Namespace(name) | GrantPlace::Repositories(name, _) => {
                let named = NamespaceRef::Name(name);
                let found = self
                    .authorizer
                    .namespace(by, named, Action::MemberCreate)
                    .await?;
                Ok(Some(found))
            }
        }
    }

    async fn right(
        &self,
        by: &AccountContext,
        text: &GrantText,
        scope: &Scope,
    ) -> Result<Right, Refused> {
        let found = self
            .core
            .metadata
            .read(|reader| Ok::<_, Error>(role_of(reader, by.id(), text, scope)?.1));
        Ok(found.await?)
    }
}

fn scope_of(place: &GrantPlace, namespace: Option<&NamespaceRow>) -> Result<Scope> {
    let Some(namespace) = namespace else {
        return Ok(Scope::Account);
    };
    match place {
        GrantPlace::Repositories(_, pattern) => {
            let pattern = RepositoryPattern::parse(pattern)
                .map_err(|error: PatternInvalid| Error::Invalid(error.to_string()))?;
            Ok(Scope::Repositories(namespace.id.clone(), pattern))
        }
        GrantPlace::Account | GrantPlace::Namespace(_) => {
            Ok(Scope::Namespace(namespace.id.clone()))
        }
    }
}

/// The role that is to be given, and what it comes to.
fn role_of(
    reader: &Reader<'_>,
    account: &AccountId,
    text: &GrantText,
    scope: &Scope,
) -> Result<(GrantedRole, Right)> {
    let (role, right) = right_of(reader, account, &text.role, scope)?;
    let is_of_accounts = matches!(&role, GrantedRole::BuiltIn(role) if role.is_of_accounts());
    if is_of_accounts && *scope != Scope::Account {
        let message = format!("{} is a role of accounts, not of namespaces", text.role);
        return Err(Error::Invalid(message));
    }
    if is_of_accounts && matches!(text.subject, SubjectName::Robot(_)) {
        let message = format!("{} is a role of people, not of robot accounts", text.role);
        return Err(Error::Invalid(message));
    }
    Ok((role, right))
}

pub(crate) fn right_of(
    reader: &Reader<'_>,
    account: &AccountId,
    name: &str,
    scope: &Scope,
) -> Result<(GrantedRole, Right)> {
    if let Some(role) = Role::parse(name) {
        let right = Right::of_role(account.clone(), role, scope);
        return Ok((GrantedRole::BuiltIn(role), right));
    }
    let role = roles::find(reader, account, name)?;
    let right = Right::of_custom_role(account.clone(), role.actions, scope);
    Ok((GrantedRole::Custom(role.id), right))
}

fn subject_of(
    reader: &Reader<'_>,
    account: &AccountId,
    name: &SubjectName,
    scope: &Scope,
) -> Result<GrantSubject> {
    Ok(match name {
        SubjectName::User(name) => {
            GrantSubject::Person(Grantee::User(get_member(reader, account, name)?.id))
        }
        SubjectName::Group(name) => {
            GrantSubject::Person(Grantee::Group(get_group(reader, account, name)?.id))
        }
        SubjectName::Robot(name) => {
            let robot = reader.find_robot_by_name(account, name)?;
            let unknown = || Error::NotFound(format!("the robot account {name}"));
            let robot = robot.ok_or_else(unknown)?;
            let is_home = match scope {
                Scope::Account => robot.namespace_id.is_none(),
                Scope::Namespace(id) | Scope::Repositories(id, _) => {
                    robot.namespace_id.as_ref().is_none_or(|home| home == id)
                }
            };
            if !is_home && *scope != Scope::Account {
                // Whoever decides about one namespace does not learn what others have.
                return Err(unknown());
            }
            if !is_home {
                return Err(Error::Invalid(format!(
                    "the robot account {name} is of one namespace and cannot be given anything elsewhere"
                )));
            }
            GrantSubject::Robot(robot.id)
        }
    })
}

fn member_of(row: &GrantRow) -> Member {
    let name = row.name.clone();
    match &row.subject {
        GrantSubject::Person(Grantee::User(_)) => Member::User(name),
        GrantSubject::Person(Grantee::Group(_)) => Member::Group(name),
        GrantSubject::Robot(_) => Member::Robot(name),
    }
}

fn pattern_of(row: &GrantRow) -> Option<String> {
    match &row.scope {
        Scope::Repositories(_, pattern) => Some(pattern.to_string()),
        Scope::Account | Scope::Namespace(_) => None,
    }
}
