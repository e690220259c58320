//! Groups of an account's users, which get roles like users.

use crate::access::Refused;
use crate::account_access::AccountContext;
use crate::accounts::{Accounts, existing, get_user};
use crate::{Error, Result};
use metadata::{GroupKind, GroupRow, ListQuery, Listed, Numbered, Reader};
use model::{AccountId, Action, Event, GroupId};

/// Rows of one list.
const PAGE: i64 = 1000;

/// A group as people see it.
#[derive(Clone, Debug)]
pub struct GroupView {
    /// Harbor's number for it in the account.
    pub number: i64,
    /// Its name.
    pub name: String,
    /// Who says who is in it.
    pub kind: GroupKind,
    /// What its source calls it; `None` for one of the account's own.
    pub external_name: Option<String>,
    /// When it was made.
    pub created_at_ms: i64,
}

/// How a request names a group of its account.
#[derive(Clone, Debug)]
pub enum GroupRef {
    /// By its name.
    Name(String),
    /// By Harbor's number for it.
    Number(i64),
}

impl GroupRef {
    fn get(&self, reader: &Reader<'_>, account: &AccountId) -> Result<GroupRow> {
        match self {
            Self::Name(name) => get_group(reader, account, name),
            Self::Number(number) => numbered_group(reader, account, *number),
        }
    }
}

impl Accounts {
    /// The account's groups. Fields: `group_name`, `ldap_group_dn`, `creation_time`; by name.
    pub async fn list_groups(
        &self,
        by: &AccountContext,
        query: ListQuery,
    ) -> Result<Listed<GroupView>, Refused> {
        self.authorizer.require(by, Action::UserGroupList).await?;
        self.list_groups_of(by, query).await
    }

    /// The same for everyone in the account: whoever shares a namespace has to find whom to share it with.
    pub async fn search_groups(
        &self,
        by: &AccountContext,
        query: ListQuery,
    ) -> Result<Listed<GroupView>, Refused> {
        self.require_fellow(by).await?;
        self.list_groups_of(by, query).await
    }

    async fn list_groups_of(
        &self,
        by: &AccountContext,
        query: ListQuery,
    ) -> Result<Listed<GroupView>, Refused> {
        let account = by.id().clone();
        let listed = self
            .core
            .metadata
            .list(move |reader| Ok::<_, Error>(reader.list_groups(&account, &query)?));
        let Listed { items, total } = listed.await?;
        let ids: Vec<&str> = items.iter().map(|group| group.id.as_str()).collect();
        let numbers = self.core.numbers(by.id(), Numbered::Group, &ids).await?;
        let items = items.into_iter().map(|group| {
            let number = numbers.of(group.id.as_str())?;
            Ok(view(group, number))
        });
        Ok(Listed {
            items: items.collect::<Result<_>>()?,
            total,
        })
    }

    /// A group.
    pub async fn find_group(&self, by: &AccountContext, number: i64) -> Result<GroupView, Refused> {
        self.authorizer.require(by, Action::UserGroupRead).await?;
        let found = self
            .core
            .metadata
            .read(|reader| numbered_group(reader, by.id(), number));
        Ok(view(found.await?, number))
    }

    /// Makes a group with nobody in it. Answers with Harbor's number for it.
    ///
    /// # Errors
    /// [`Error::Invalid`], [`Error::AlreadyExists`].
    pub async fn create_group(&self, by: &AccountContext, name: &str) -> Result<i64, Refused> {
        self.authorizer.require(by, Action::UserGroupCreate).await?;
        require_group_name(name)?;
        let (id, name) = (GroupId::new(self.core.ids.next_id()), name.to_owned());
        let created = self.core.change(by, move |core, tx, account| {
            let group = GroupRow {
                id,
                account_id: account.clone(),
                kind: GroupKind::Local,
                name,
                external_name: None,
                created_at_ms: core.now_ms(),
            };
            tx.create_group(&group)
                .map_err(|error| existing(error, &format!("the group {}", group.name)))?;
            let number = tx.give_number(account, Numbered::Group, group.id.as_str())?;
            Ok((number, Some(Event::GroupCreated { group: group.name })))
        });
        Ok(created.await?)
    }

    /// Gives a group another name.
    ///
    /// # Errors
    /// [`Error::Invalid`], [`Error::AlreadyExists`] when another group has it.
    pub async fn rename_group(
        &self,
        by: &AccountContext,
        number: i64,
        name: &str,
    ) -> Result<(), Refused> {
        self.authorizer.require(by, Action::UserGroupUpdate).await?;
        require_group_name(name)?;
        let name = name.to_owned();
        let renamed = self.core.change(by, move |_, tx, account| {
            let group = numbered_group(tx, account, number)?;
            if group.name == name {
                return Ok(((), None));
            }
            tx.rename_group(&group.id, &name)
                .map_err(|error| existing(error, &format!("the group {name}")))?;
            let event = Event::GroupRenamed {
                group: name,
                was: group.name,
            };
            Ok(((), Some(event)))
        });
        Ok(renamed.await?)
    }

    /// Deletes a group, with the roles that its users had by it.
    pub async fn delete_group(&self, by: &AccountContext, group: GroupRef) -> Result<(), Refused> {
        self.authorizer.require(by, Action::UserGroupDelete).await?;
        let deleted = self.core.change(by, move |_, tx, account| {
            let group = group.get(tx, account)?;
            tx.delete_group(&group.id)?;
            Ok(((), Some(Event::GroupDeleted { group: group.name })))
        });
        Ok(deleted.await?)
    }

    /// Puts a user of the account into a group. Whoever does so gives away what is granted to the group, so it has to
    /// hold the whole account.
    pub async fn put_group_member(
        &self,
        by: &AccountContext,
        group: GroupRef,
        user: &str,
    ) -> Result<(), Refused> {
        self.authorizer.require(by, Action::UserGroupUpdate).await?;
        self.require_everything(by).await?;
        let user = user.to_owned();
        let put = self.core.change(by, move |core, tx, account| {
            let group = group.get(tx, account)?;
            require_own(&group)?;
            let member = get_user(tx, account, &user)?;
            tx.put_group_member(&group.id, &member.id, core.now_ms())?;
            let event = Event::GroupMemberAdded {
                group: group.name,
                user,
            };
            Ok(((), Some(event)))
        });
        Ok(put.await?)
    }

    /// Takes a user out of a group.
    pub async fn delete_group_member(
        &self,
        by: &AccountContext,
        group: GroupRef,
        user: &str,
    ) -> Result<(), Refused> {
        self.authorizer.require(by, Action::UserGroupUpdate).await?;
        let user = user.to_owned();
        let deleted = self.core.change(by, move |_, tx, account| {
            let group = group.get(tx, account)?;
            require_own(&group)?;
            let member = get_user(tx, account, &user)?;
            if !tx.delete_group_member(&group.id, &member.id)? {
                let what = format!("the user {user} in the group {}", group.name);
                return Err(Error::NotFound(what));
            }
            let event = Event::GroupMemberRemoved {
                group: group.name,
                user,
            };
            Ok(((), Some(event)))
        });
        Ok(deleted.await?)
    }

    /// The names of the users in a group, after `after`.
    pub async fn list_group_members(
        &self,
        by: &AccountContext,
        group: GroupRef,
        after: String,
    ) -> Result<Vec<String>, Refused> {
        self.authorizer.require(by, Action::UserGroupRead).await?;
        let account = by.id().clone();
        let listed = self.core.metadata.list(move |reader| {
            let group = group.get(reader, &account)?;
            Ok::<_, Error>(reader.list_group_members(&group.id, &after, PAGE)?)
        });
        Ok(listed.await?)
    }
}

/// The account's group that a number stands for.
pub(crate) fn numbered_group(
    reader: &Reader<'_>,
    account: &AccountId,
    number: i64,
) -> Result<GroupRow> {
    let unknown = || Error::NotFound(format!("the group {number}"));
    let id = reader.find_numbered(account, Numbered::Group, number)?;
    let found = reader.find_group(&GroupId::new(id.ok_or_else(unknown)?))?;
    let found = found.filter(|group| group.account_id == *account);
    found.ok_or_else(unknown)
}

/// The account's group of that name.
pub(crate) fn get_group(reader: &Reader<'_>, account: &AccountId, name: &str) -> Result<GroupRow> {
    let found = reader.find_group_by_name(account, name)?;
    found.ok_or_else(|| Error::NotFound(format!("the group {name}")))
}

/// Who is in a directory's group is decided there.
fn require_own(group: &GroupRow) -> Result<()> {
    if group.kind == GroupKind::Local {
        return Ok(());
    }
    Err(Error::NotNow(format!(
        "who is in the group {} is decided where it comes from; change it there",
        group.name
    )))
}

fn require_group_name(name: &str) -> Result<()> {
    let is_fine = name.trim() == name
        && !name.is_empty()
        && name.len() <= 255
        && !name.chars().any(char::is_control);
    if is_fine {
        Ok(())
    } else {
        Err(Error::Invalid(
            "a group's name has 1 to 255 bytes of printable text, and no blanks at its ends"
                .to_owned(),
        ))
    }
}

fn view(group: GroupRow, number: i64) -> GroupView {
    GroupView {
        number,
        name: group.name,
        kind: group.kind,
        external_name: group.external_name,
        created_at_ms: group.created_at_ms,
    }
}
