//! Grants: a subject has a role in a scope. They add up; nothing denies.

use crate::connection::{Param, Row, params, parse_column};
use crate::error::{Error, Result};
use crate::query::{Field, Kind, ListQuery, ListSource, Listed, list};
use crate::{Reader, Tx};
use model::{AccountId, GrantId, GroupId, NamespaceId, Role, UserId};

/// Whom a role is given to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Grantee {
    /// A user.
    User(UserId),
    /// Everyone in a group.
    Group(GroupId),
}

impl Grantee {
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::User(_) => "user",
            Self::Group(_) => "group",
        }
    }

    /// Its identifier.
    pub fn id(&self) -> &str {
        match self {
            Self::User(id) => id.as_str(),
            Self::Group(id) => id.as_str(),
        }
    }

    fn parse(kind: &str, id: String) -> Option<Self> {
        match kind {
            "user" => Some(Self::User(UserId::new(id))),
            "group" => Some(Self::Group(GroupId::new(id))),
            _ => None,
        }
    }
}

/// A role of a user or a group in a namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberRow {
    /// The grant's identifier.
    pub id: GrantId,
    /// The account it holds in.
    pub account_id: AccountId,
    /// The namespace it holds in.
    pub namespace_id: NamespaceId,
    /// Whose it is.
    pub grantee: Grantee,
    /// The user's or group's name.
    pub name: String,
    /// The role.
    pub role: Role,
}

/// A role in a namespace, to be given.
#[derive(Clone, Debug)]
pub struct NewMember {
    /// The grant's identifier.
    pub id: GrantId,
    /// The account.
    pub account_id: AccountId,
    /// The namespace.
    pub namespace_id: NamespaceId,
    /// Who gets it.
    pub grantee: Grantee,
    /// The role.
    pub role: Role,
}

const FIELDS: &[Field] = &[Field {
    name: "entityname",
    column: "COALESCE(u.name, t.name)",
    kind: Kind::Text,
}];

macro_rules! columns {
    () => {
        "g.id, g.account_id, g.namespace_id, g.subject_kind, g.subject_id, COALESCE(u.name, t.name), g.role"
    };
}

macro_rules! tables {
    () => {
        "grants g LEFT JOIN users u ON u.id = g.subject_id AND g.subject_kind = 'user' \
         LEFT JOIN user_groups t ON t.id = g.subject_id AND g.subject_kind = 'group'"
    };
}

fn read_member(row: &Row<'_>) -> Result<MemberRow> {
    let grantee = Grantee::parse(&row.text(3)?, row.text(4)?);
    Ok(MemberRow {
        id: GrantId::new(row.text(0)?),
        account_id: AccountId::new(row.text(1)?),
        namespace_id: NamespaceId::new(row.text(2)?),
        grantee: parse_column("grants.subject_kind", grantee)?,
        name: row.text(5)?,
        role: parse_column("grants.role", Role::parse(&row.text(6)?))?,
    })
}

impl Reader<'_> {
    /// Who has which role in a namespace, users and groups, by name. Fields: `entityname`.
    pub fn list_members(
        &self,
        namespace: &NamespaceId,
        query: &ListQuery,
    ) -> Result<Listed<MemberRow>> {
        let source = ListSource {
            columns: columns!(),
            from: concat!(
                tables!(),
                " WHERE g.namespace_id = ?1 AND COALESCE(u.name, t.name) IS NOT NULL"
            )
            .to_owned(),
            params: vec![Param::from(namespace.as_str())],
            fields: FIELDS,
            order: "COALESCE(u.name, t.name), g.id",
        };
        list(&self.connection, &source, query, read_member)
    }

    /// The role in a namespace that a grant is; `None` for one of a whole account, too.
    pub fn find_member(&self, id: &GrantId) -> Result<Option<MemberRow>> {
        const SQL: &str = concat!(
            "SELECT ",
            columns!(),
            " FROM ",
            tables!(),
            " WHERE g.id = ?1 AND g.namespace_id IS NOT NULL AND COALESCE(u.name, t.name) IS NOT NULL"
        );
        self.connection.find(SQL, params![id.as_str()], read_member)
    }

    /// The role of a user or a group in a namespace.
    pub fn find_member_of(
        &self,
        namespace: &NamespaceId,
        grantee: &Grantee,
    ) -> Result<Option<MemberRow>> {
        const SQL: &str = concat!(
            "SELECT ",
            columns!(),
            " FROM ",
            tables!(),
            " WHERE g.namespace_id = ?1 AND g.subject_kind = ?2 AND g.subject_id = ?3 \
             AND COALESCE(u.name, t.name) IS NOT NULL"
        );
        let params = params![namespace.as_str(), grantee.kind(), grantee.id()];
        self.connection.find(SQL, params, read_member)
    }

    /// The accounts that nobody could administer any more without this user, of those who may log in.
    pub fn list_accounts_that_need(&self, user: &UserId) -> Result<Vec<AccountId>> {
        const SQL: &str = "SELECT g.account_id FROM grants g WHERE g.subject_id = ?1 AND g.role = 'administrator' \
             AND g.namespace_id IS NULL AND NOT EXISTS (SELECT 1 FROM grants o JOIN users u ON u.id = o.subject_id \
             WHERE o.account_id = g.account_id AND o.namespace_id IS NULL AND o.role = 'administrator' \
             AND o.subject_kind = 'user' AND o.subject_id <> g.subject_id AND u.is_disabled = 0) ORDER BY g.account_id";
        self.connection.list(SQL, params![user.as_str()], |row| {
            row.text(0).map(AccountId::new)
        })
    }
}

impl Tx<'_> {
    /// Gives a user a role in a whole account; nothing happens when it has it.
    pub fn grant_account_role(
        &mut self,
        id: &GrantId,
        account: &AccountId,
        user: &UserId,
        role: Role,
        now_ms: i64,
    ) -> Result<()> {
        const SQL: &str = "INSERT INTO grants (id, account_id, subject_kind, subject_id, role, scope_kind, namespace_id, \
             created_at_ms) VALUES (?1, ?2, 'user', ?3, ?4, 'account', NULL, ?5) \
             ON CONFLICT (account_id, subject_id, role) WHERE namespace_id IS NULL DO NOTHING";
        self.connection.execute(
            SQL,
            params![
                id.as_str(),
                account.as_str(),
                user.as_str(),
                role.as_str(),
                now_ms
            ],
        )?;
        self.changes.policy();
        Ok(())
    }

    /// Takes a user's role in a whole account. Says whether it had it.
    pub fn take_account_role(
        &mut self,
        account: &AccountId,
        user: &UserId,
        role: Role,
    ) -> Result<bool> {
        const SQL: &str = "DELETE FROM grants WHERE account_id = ?1 AND subject_kind = 'user' AND subject_id = ?2 \
             AND role = ?3 AND namespace_id IS NULL";
        let params = params![account.as_str(), user.as_str(), role.as_str()];
        let taken = self.connection.execute(SQL, params)?;
        self.changes.policy();
        Ok(taken > 0)
    }

    /// Gives a user a role in a namespace, in place of the one it had there.
    pub fn put_member(
        &mut self,
        id: &GrantId,
        (account, namespace): (&AccountId, &NamespaceId),
        user: &UserId,
        role: Role,
        now_ms: i64,
    ) -> Result<()> {
        const SQL: &str = "INSERT INTO grants (id, account_id, subject_kind, subject_id, role, scope_kind, namespace_id, \
             created_at_ms) VALUES (?1, ?2, 'user', ?3, ?4, 'namespace', ?5, ?6) \
             ON CONFLICT (namespace_id, subject_id) WHERE namespace_id IS NOT NULL \
             DO UPDATE SET role = excluded.role";
        self.connection.execute(
            SQL,
            params![
                id.as_str(),
                account.as_str(),
                user.as_str(),
                role.as_str(),
                namespace.as_str(),
                now_ms
            ],
        )?;
        self.changes.policy();
        Ok(())
    }

    /// Gives a user or a group a role in a namespace where it has none.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`] when it has one there; the transaction can go on.
    pub fn create_member(&mut self, new: &NewMember, now_ms: i64) -> Result<()> {
        const SQL: &str = "INSERT INTO grants (id, account_id, subject_kind, subject_id, role, scope_kind, namespace_id, \
             created_at_ms) VALUES (?1, ?2, ?3, ?4, ?5, 'namespace', ?6, ?7) \
             ON CONFLICT (namespace_id, subject_id) WHERE namespace_id IS NOT NULL DO NOTHING";
        let created = self.connection.execute(
            SQL,
            params![
                new.id.as_str(),
                new.account_id.as_str(),
                new.grantee.kind(),
                new.grantee.id(),
                new.role.as_str(),
                new.namespace_id.as_str(),
                now_ms
            ],
        )?;
        if created == 0 {
            return Err(Error::AlreadyExists);
        }
        self.changes.policy();
        Ok(())
    }

    /// Makes another role of one in a namespace. Says whether there was one.
    pub fn set_member_role(&mut self, id: &GrantId, role: Role) -> Result<bool> {
        const SQL: &str = "UPDATE grants SET role = ?1 WHERE id = ?2 AND namespace_id IS NOT NULL";
        let changed = self
            .connection
            .execute(SQL, params![role.as_str(), id.as_str()])?;
        self.changes.policy();
        Ok(changed > 0)
    }

    /// Takes a user's or group's role in a namespace. Says whether it had one.
    pub fn delete_member(&mut self, namespace: &NamespaceId, grantee: &Grantee) -> Result<bool> {
        const SQL: &str =
            "DELETE FROM grants WHERE namespace_id = ?1 AND subject_kind = ?2 AND subject_id = ?3";
        let params = params![namespace.as_str(), grantee.kind(), grantee.id()];
        let deleted = self.connection.execute(SQL, params)?;
        self.changes.policy();
        Ok(deleted > 0)
    }

    /// Takes everything that was granted to a user in an account.
    pub(crate) fn delete_grants(&mut self, account: &AccountId, user: &UserId) -> Result<()> {
        const MEMBER: &str = "DELETE FROM grants WHERE account_id = ?1 AND subject_kind = 'user' AND subject_id = ?2";
        const OTHER: &str = "DELETE FROM role_grants WHERE account_id = ?1 AND user_id = ?2";
        let params = params![account.as_str(), user.as_str()];
        self.connection.execute(MEMBER, params)?;
        self.connection.execute(OTHER, params)?;
        self.changes.policy();
        Ok(())
    }
}
