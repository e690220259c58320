//! Members of namespaces: users and groups of the account, and their roles.

use crate::access::Refused;
use crate::account_access::{AccountContext, NamespaceRef};
use crate::accounts::{Accounts, get_member};
use crate::groups::{get_group, numbered_group};
use crate::users::numbered_user;
use crate::{Error, Result};
use metadata::{
    Error as MetadataError, Grantee, ListQuery, Listed, MemberRow, NamespaceRow, NewMember,
    Numbered, Reader,
};
use model::event::Member;
use model::{AccountId, Action, Event, GrantId, Right, Role, Scope};

/// A member of a namespace as people see it.
#[derive(Clone, Debug)]
pub struct MemberView {
    /// Harbor's number for the membership.
    pub number: i64,
    /// Harbor's number for the namespace.
    pub namespace_number: i64,
    /// Harbor's number for the user or the group.
    pub grantee_number: i64,
    /// Whether it is a group.
    pub is_group: bool,
    /// The user's or group's name.
    pub name: String,
    /// The role.
    pub role: Role,
}

/// How a request names a user or a group of its account.
#[derive(Clone, Debug)]
pub enum GranteeRef {
    /// A user by Harbor's number for it.
    UserNumber(i64),
    /// A user by its name.
    UserName(String),
    /// A group by Harbor's number for it.
    GroupNumber(i64),
    /// A group by its name.
    GroupName(String),
}

impl Accounts {
    /// The members of a namespace. Fields: `entityname`; by name.
    pub async fn list_members(
        &self,
        by: &AccountContext,
        named: NamespaceRef<'_>,
        query: ListQuery,
    ) -> Result<Listed<MemberView>, Refused> {
        let namespace = self
            .authorizer
            .namespace(by, named, Action::MemberList)
            .await?;
        let id = namespace.id.clone();
        let listed = self
            .core
            .metadata
            .list(move |reader| Ok::<_, Error>(reader.list_members(&id, &query)?));
        let Listed { items, total } = listed.await?;
        let items = self.member_views(by, &namespace, items).await?;
        Ok(Listed { items, total })
    }

    /// A member of a namespace.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a number that none of its members has.
    pub async fn find_member(
        &self,
        by: &AccountContext,
        named: NamespaceRef<'_>,
        number: i64,
    ) -> Result<MemberView, Refused> {
        let namespace = self
            .authorizer
            .namespace(by, named, Action::MemberRead)
            .await?;
        let found = self
            .core
            .metadata
            .read(|reader| numbered_member(reader, &namespace, number))
            .await?;
        let mut views = self.member_views(by, &namespace, vec![found]).await?;
        Ok(views.pop().ok_or(Error::Internal)?)
    }

    /// Gives a user or a group a role in a namespace where it has none. Answers with Harbor's number for that.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`] when it has one, [`Error::NotFound`] for a user or a group that the account does not have.
    pub async fn add_member(
        &self,
        by: &AccountContext,
        named: NamespaceRef<'_>,
        whom: GranteeRef,
        role: Role,
    ) -> Result<i64, Refused> {
        let namespace = self
            .authorizer
            .namespace(by, named, Action::MemberCreate)
            .await?;
        self.require_role(by, &namespace, role).await?;
        let id = GrantId::new(self.core.ids.next_id());
        let added = self.core.change(by, move |core, tx, account| {
            let (grantee, member) = resolve(tx, account, &whom)?;
            let new = NewMember {
                id,
                account_id: account.clone(),
                namespace_id: namespace.id.clone(),
                grantee,
                role,
            };
            tx.create_member(&new, core.now_ms())
                .map_err(|error| match error {
                    MetadataError::AlreadyExists => {
                        Error::AlreadyExists("a role of it in this namespace".to_owned())
                    }
                    error => error.into(),
                })?;
            let number = tx.give_number(account, Numbered::Grant, new.id.as_str())?;
            let event = Event::MemberAdded {
                namespace: namespace.name.clone(),
                member,
                role: role.as_str().to_owned(),
            };
            Ok((number, Some(event)))
        });
        Ok(added.await?)
    }

    /// The same in place of a role that it may have there.
    pub async fn put_member(
        &self,
        by: &AccountContext,
        named: NamespaceRef<'_>,
        whom: GranteeRef,
        role: Role,
    ) -> Result<(), Refused> {
        let namespace = self
            .authorizer
            .namespace(by, named, Action::MemberUpdate)
            .await?;
        self.require_role(by, &namespace, role).await?;
        let id = GrantId::new(self.core.ids.next_id());
        let put = self.core.change(by, move |core, tx, account| {
            let (grantee, member) = resolve(tx, account, &whom)?;
            let role_name = role.as_str().to_owned();
            if let Some(known) = tx.find_member_of(&namespace.id, &grantee)? {
                tx.set_member_role(&known.id, role)?;
                let event = Event::MemberUpdated {
                    namespace: namespace.name.clone(),
                    member,
                    role: role_name,
                };
                return Ok(((), Some(event)));
            }
            let new = NewMember {
                id,
                account_id: account.clone(),
                namespace_id: namespace.id.clone(),
                grantee,
                role,
            };
            tx.create_member(&new, core.now_ms())?;
            let event = Event::MemberAdded {
                namespace: namespace.name.clone(),
                member,
                role: role_name,
            };
            Ok(((), Some(event)))
        });
        Ok(put.await?)
    }

    /// Gives a member of a namespace another role there.
    pub async fn set_member_role(
        &self,
        by: &AccountContext,
        named: NamespaceRef<'_>,
        number: i64,
        role: Role,
    ) -> Result<(), Refused> {
        let namespace = self
            .authorizer
            .namespace(by, named, Action::MemberUpdate)
            .await?;
        self.require_role(by, &namespace, role).await?;
        let changed = self.core.change(by, move |_, tx, _| {
            let found = numbered_member(tx, &namespace, number)?;
            tx.set_member_role(&found.id, role)?;
            let event = Event::MemberUpdated {
                namespace: namespace.name.clone(),
                member: member_of(&found.grantee, found.name.clone()),
                role: role.as_str().to_owned(),
            };
            Ok(((), Some(event)))
        });
        Ok(changed.await?)
    }

    /// Takes a member's role in a namespace, also that of its last administrator: the account's administrators remain.
    pub async fn remove_member(
        &self,
        by: &AccountContext,
        named: NamespaceRef<'_>,
        number: i64,
    ) -> Result<(), Refused> {
        let namespace = self
            .authorizer
            .namespace(by, named, Action::MemberDelete)
            .await?;
        let removed = self.core.change(by, move |_, tx, _| {
            let found = numbered_member(tx, &namespace, number)?;
            tx.delete_member(&namespace.id, &found.grantee)?;
            let event = Event::MemberRemoved {
                namespace: namespace.name.clone(),
                member: member_of(&found.grantee, found.name),
            };
            Ok(((), Some(event)))
        });
        Ok(removed.await?)
    }

    /// Takes the role of a user or a group in a namespace.
    pub async fn delete_member(
        &self,
        by: &AccountContext,
        named: NamespaceRef<'_>,
        whom: GranteeRef,
    ) -> Result<(), Refused> {
        let namespace = self
            .authorizer
            .namespace(by, named, Action::MemberDelete)
            .await?;
        let removed = self.core.change(by, move |_, tx, account| {
            let (grantee, member) = resolve(tx, account, &whom)?;
            if !tx.delete_member(&namespace.id, &grantee)? {
                let what = format!("a role of it in {}", namespace.name);
                return Err(Error::NotFound(what));
            }
            let event = Event::MemberRemoved {
                namespace: namespace.name.clone(),
                member,
            };
            Ok(((), Some(event)))
        });
        Ok(removed.await?)
    }

    /// What of a namespace's business the caller may do; nothing in one that it may not see.
    pub async fn allowed_in_namespace(
        &self,
        by: &AccountContext,
        named: NamespaceRef<'_>,
    ) -> Result<Vec<Action>, Refused> {
        let seen = self
            .authorizer
            .namespace(by, named, Action::NamespaceRead)
            .await;
        let namespace = match seen {
            Ok(namespace) => namespace,
            Err(Refused::Failed(error)) if !matches!(error, Error::NotFound(_)) => {
                return Err(error.into());
            }
            Err(_) => return Ok(Vec::new()),
        };
        let mut asked = Role::ProjectAdmin.actions();
        asked.insert(Action::MetadataList);
        let mut allowed = Vec::new();
        for action in asked.iter() {
            if self.authorizer.allows_in(by, &namespace, action).await? {
                allowed.push(action);
            }
        }
        Ok(allowed)
    }

    /// Asks for a role of namespaces, all of which the caller holds itself: nobody gives more than it has.
    async fn require_role(
        &self,
        by: &AccountContext,
        namespace: &NamespaceRow,
        role: Role,
    ) -> Result<(), Refused> {
        if role.is_of_accounts() {
            let message = format!("{} is a role of accounts, not of namespaces", role.as_str());
            return Err(Error::Invalid(message).into());
        }
        let scope = Scope::Namespace(namespace.id.clone());
        let right = Right::of_role(by.id().clone(), role, &scope);
        if self.authorizer.may_pass_on(by, &right).await? {
            Ok(())
        } else {
            Err(Refused::Forbidden)
        }
    }

    async fn member_views(
        &self,
        by: &AccountContext,
        namespace: &NamespaceRow,
        rows: Vec<MemberRow>,
    ) -> Result<Vec<MemberView>> {
        let (mut grants, mut users, mut groups) = (Vec::new(), Vec::new(), Vec::new());
        for row in &rows {
            grants.push(row.id.as_str());
            match &row.grantee {
                Grantee::User(id) => users.push(id.as_str()),
                Grantee::Group(id) => groups.push(id.as_str()),
            }
        }
        let (core, account) = (&self.core, by.id());
        let id = namespace.id.as_str();
        let namespace_number = core.number(account, Numbered::Namespace, id).await?;
        let grants = core.numbers(account, Numbered::Grant, &grants).await?;
        let users = core.numbers(account, Numbered::User, &users).await?;
        let groups = core.numbers(account, Numbered::Group, &groups).await?;
        let views = rows.iter().map(|row| {
            let is_group = matches!(row.grantee, Grantee::Group(_));
            let of_grantees = if is_group { &groups } else { &users };
            Ok(MemberView {
                number: grants.of(row.id.as_str())?,
                namespace_number,
                grantee_number: of_grantees.of(row.grantee.id())?,
                is_group,
                name: row.name.clone(),
                role: row.role,
            })
        });
        views.collect()
    }
}

/// The member of a namespace that a number stands for. A number is given for ever, in one account: it may be another
/// namespace's, or a role's that was taken.
fn numbered_member(
    reader: &Reader<'_>,
    namespace: &NamespaceRow,
    number: i64,
) -> Result<MemberRow> {
    let unknown = || Error::NotFound(format!("the member {number} of {}", namespace.name));
    let id = reader.find_numbered(&namespace.account_id, Numbered::Grant, number)?;
    let found = reader.find_member(&GrantId::new(id.ok_or_else(unknown)?))?;
    let found = found.filter(|member| member.namespace_id == namespace.id);
    found.ok_or_else(unknown)
}

/// The user or group that a request names, for a grant and for an event.
fn resolve(
    reader: &Reader<'_>,
    account: &AccountId,
    whom: &GranteeRef,
) -> Result<(Grantee, Member)> {
    let (grantee, name) = match whom {
        GranteeRef::UserNumber(number) => {
            let user = numbered_user(reader, account, *number)?;
            (Grantee::User(user.id), user.name)
        }
        GranteeRef::UserName(name) => {
            let user = get_member(reader, account, name)?;
            (Grantee::User(user.id), user.name)
        }
        GranteeRef::GroupNumber(number) => {
            let group = numbered_group(reader, account, *number)?;
            (Grantee::Group(group.id), group.name)
        }
        GranteeRef::GroupName(name) => {
            let group = get_group(reader, account, name)?;
            (Grantee::Group(group.id), group.name)
        }
    };
    let member = member_of(&grantee, name);
    Ok((grantee, member))
}

fn member_of(grantee: &Grantee, name: String) -> Member {
    match grantee {
        Grantee::User(_) => Member::User(name),
        Grantee::Group(_) => Member::Group(name),
    }
}
