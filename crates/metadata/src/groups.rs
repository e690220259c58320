//! Groups of an account's users, which get roles like users.

use crate::connection::{Param, Row, params, parse_column};
use crate::error::{Error, Result};
use crate::query::{Field, Kind, ListQuery, ListSource, Listed, list};
use crate::{Reader, Tx};
use model::{AccountId, GroupId, UserId};

/// Who says who is in a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupKind {
    /// The account's administrators.
    Local,
    /// A directory.
    Ldap,
    /// An issuer of identities.
    Oidc,
}

impl GroupKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Ldap => "ldap",
            Self::Oidc => "oidc",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let all = [Self::Local, Self::Ldap, Self::Oidc];
        all.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// A group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupRow {
    /// Its identifier.
    pub id: GroupId,
    /// Whose it is.
    pub account_id: AccountId,
    /// Who says who is in it.
    pub kind: GroupKind,
    /// Its name, unique in the account.
    pub name: String,
    /// What its source calls it; `None` for one of the account's own.
    pub external_name: Option<String>,
    /// When it was made.
    pub created_at_ms: i64,
}

const FIELDS: &[Field] = &[
    Field {
        name: "group_name",
        column: "t.name",
        kind: Kind::Text,
    },
    Field {
        name: "ldap_group_dn",
        column: "t.external_name",
        kind: Kind::Text,
    },
    Field {
        name: "creation_time",
        column: "t.created_at_ms",
        kind: Kind::Time,
    },
];

macro_rules! columns {
    () => {
        "t.id, t.account_id, t.kind, t.name, t.external_name, t.created_at_ms"
    };
}

fn read_group(row: &Row<'_>) -> Result<GroupRow> {
    Ok(GroupRow {
        id: GroupId::new(row.text(0)?),
        account_id: AccountId::new(row.text(1)?),
        kind: parse_column("user_groups.kind", GroupKind::parse(&row.text(2)?))?,
        name: row.text(3)?,
        external_name: row.optional_text(4)?,
        created_at_ms: row.int(5)?,
    })
}

impl Reader<'_> {
    /// The group of that id.
    pub fn find_group(&self, id: &GroupId) -> Result<Option<GroupRow>> {
        const SQL: &str = concat!("SELECT ", columns!(), " FROM user_groups t WHERE t.id = ?1");
        self.connection.find(SQL, params![id.as_str()], read_group)
    }

    /// The account's group of that name.
    pub fn find_group_by_name(&self, account: &AccountId, name: &str) -> Result<Option<GroupRow>> {
        const SQL: &str = concat!(
            "SELECT ",
            columns!(),
            " FROM user_groups t WHERE t.account_id = ?1 AND t.name = ?2"
        );
        self.connection
            .find(SQL, params![account.as_str(), name], read_group)
    }

    /// An account's groups. Fields: `group_name`, `ldap_group_dn`, `creation_time`; by name.
    pub fn list_groups(&self, account: &AccountId, query: &ListQuery) -> Result<Listed<GroupRow>> {
        let source = ListSource {
            columns: columns!(),
            from: "user_groups t WHERE t.account_id = ?1".to_owned(),
            params: vec![Param::from(account.as_str())],
            fields: FIELDS,
            order: "t.name",
        };
        list(&self.connection, &source, query, read_group)
    }

    /// The names of the users in a group, after `after`.
    pub fn list_group_members(
        &self,
        group: &GroupId,
        after: &str,
        limit: i64,
    ) -> Result<Vec<String>> {
        const SQL: &str = "SELECT u.name FROM user_group_members m JOIN users u ON u.id = m.user_id \
             WHERE m.group_id = ?1 AND u.name > ?2 ORDER BY u.name LIMIT ?3";
        let params = params![group.as_str(), after, limit];
        self.connection.list(SQL, params, |row| row.text(0))
    }
}

impl Tx<'_> {
    /// Makes a group.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`] when the account has one of that name; the transaction can go on.
    pub fn create_group(&mut self, group: &GroupRow) -> Result<()> {
        const SQL: &str = "INSERT INTO user_groups (id, account_id, kind, name, external_name, created_at_ms) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (account_id, name) DO NOTHING";
        let created = self.connection.execute(
            SQL,
            params![
                group.id.as_str(),
                group.account_id.as_str(),
                group.kind.as_str(),
                &group.name,
                group.external_name.as_deref(),
                group.created_at_ms
            ],
        )?;
        if created == 0 {
            return Err(Error::AlreadyExists);
        }
        Ok(())
    }

    /// Gives a group another name. Says whether there is such a group.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`] when the account has another one of that name.
    pub fn rename_group(&mut self, id: &GroupId, name: &str) -> Result<bool> {
        const SQL: &str = "UPDATE user_groups SET name = ?1 WHERE id = ?2";
        Ok(self.connection.execute(SQL, params![name, id.as_str()])? > 0)
    }

    /// Deletes a group, with what was granted to it. Says whether there was one.
    pub fn delete_group(&mut self, id: &GroupId) -> Result<bool> {
        const GRANTS: &str = "DELETE FROM grants WHERE subject_kind = 'group' AND subject_id = ?1";
        const GROUP: &str = "DELETE FROM user_groups WHERE id = ?1";
        self.connection.execute(GRANTS, params![id.as_str()])?;
        let deleted = self.connection.execute(GROUP, params![id.as_str()])?;
        self.changes.policy();
        Ok(deleted > 0)
    }

    /// Puts a user into a group; nothing happens when it is in it.
    pub fn put_group_member(&mut self, group: &GroupId, user: &UserId, now_ms: i64) -> Result<()> {
        const SQL: &str = "INSERT INTO user_group_members (group_id, user_id, created_at_ms) VALUES (?1, ?2, ?3) \
             ON CONFLICT (group_id, user_id) DO NOTHING";
        self.connection
            .execute(SQL, params![group.as_str(), user.as_str(), now_ms])?;
        self.changes.policy();
        Ok(())
    }

    /// Takes a user out of a group. Says whether it was in it.
    pub fn delete_group_member(&mut self, group: &GroupId, user: &UserId) -> Result<bool> {
        const SQL: &str = "DELETE FROM user_group_members WHERE group_id = ?1 AND user_id = ?2";
        let deleted = self
            .connection
            .execute(SQL, params![group.as_str(), user.as_str()])?;
        self.changes.policy();
        Ok(deleted > 0)
    }
}
