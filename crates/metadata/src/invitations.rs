//! Invitations to become a member of an account, as long as they are open.

use crate::connection::{Param, Row, params};
use crate::error::{Error, Result};
use crate::query::{Field, Kind, ListQuery, ListSource, Listed, list};
use crate::role_grants::{parse_role, parse_scope};
use crate::{Reader, Tx};
use model::{AccountId, GrantedRole, InvitationId, NamespaceId, Scope, UserId};

/// An invitation with its names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvitationRow {
    /// Its identifier.
    pub id: InvitationId,
    /// The account that invites.
    pub account_id: AccountId,
    /// Its name.
    pub account_name: String,
    /// The name that was written.
    pub user_name: String,
    /// Who had that name then; `None` for nobody, and for somebody who is gone.
    pub user_id: Option<UserId>,
    /// The role that it brings.
    pub role: GrantedRole,
    /// That one's name.
    pub role_name: String,
    /// What the role is for: the account or a namespace.
    pub scope: Scope,
    /// The namespace's name, when it is for one.
    pub namespace_name: Option<String>,
    /// The name of whoever invited.
    pub invited_by: String,
    /// Whoever that is; `None` for the operator at the machine.
    pub inviter_id: Option<UserId>,
    /// When it was made.
    pub created_at_ms: i64,
    /// When it ends.
    pub expires_at_ms: i64,
}

/// An invitation to be made.
#[derive(Clone, Debug)]
pub struct NewInvitation {
    /// Its identifier.
    pub id: InvitationId,
    /// The account that invites.
    pub account_id: AccountId,
    /// The name that was written.
    pub user_name: String,
    /// Who has that name.
    pub user_id: Option<UserId>,
    /// The role that it brings.
    pub role: GrantedRole,
    /// The namespace that the role is for; `None` for the whole account.
    pub namespace_id: Option<NamespaceId>,
    /// The name of whoever invites.
    pub invited_by: String,
    /// Whoever that is; `None` for the operator at the machine.
    pub inviter_id: Option<UserId>,
    /// When it ends.
    pub expires_at_ms: i64,
}

/// Which invitations a list is about.
#[derive(Clone, Copy, Debug)]
pub enum InvitationsOf<'a> {
    /// Those that an account made.
    Account(&'a AccountId),
    /// Those that a user may accept.
    User(&'a UserId),
}

const FIELDS: &[Field] = &[
    Field {
        name: "user",
        column: "i.user_name",
        kind: Kind::Text,
    },
    Field {
        name: "created_at",
        column: "i.created_at_ms",
        kind: Kind::Time,
    },
];

macro_rules! columns {
    () => {
        "i.id, i.account_id, a.name, i.user_name, i.user_id, i.role, i.role_id, COALESCE(i.role, c.name, ''), \
         i.namespace_id, n.name, i.invited_by, i.inviter_id, i.created_at_ms, i.expires_at_ms"
    };
}

macro_rules! tables {
    () => {
        "invitations i JOIN accounts a ON a.id = i.account_id LEFT JOIN roles c ON c.id = i.role_id \
         LEFT JOIN namespaces n ON n.id = i.namespace_id"
    };
}

fn read_invitation(row: &Row<'_>) -> Result<InvitationRow> {
    Ok(InvitationRow {
        id: InvitationId::new(row.text(0)?),
        account_id: AccountId::new(row.text(1)?),
        account_name: row.text(2)?,
        user_name: row.text(3)?,
        user_id: row.optional_text(4)?.map(UserId::new),
        role: parse_role(row.optional_text(5)?, row.optional_text(6)?)?,
        role_name: row.text(7)?,
        scope: parse_scope(row.optional_text(8)?, None)?,
        namespace_name: row.optional_text(9)?,
        invited_by: row.text(10)?,
        inviter_id: row.optional_text(11)?.map(UserId::new),
        created_at_ms: row.int(12)?,
        expires_at_ms: row.int(13)?,
    })
}

impl Reader<'_> {
    /// An invitation, whether or not it has ended.
    pub fn find_invitation(&self, id: &InvitationId) -> Result<Option<InvitationRow>> {
        const SQL: &str = concat!(
            "SELECT ",
            columns!(),
            " FROM ",
            tables!(),
            " WHERE i.id = ?1"
        );
        self.connection
            .find(SQL, params![id.as_str()], read_invitation)
    }

    /// Invitations that have not ended. Fields: `user`, `created_at`; the newest first.
    pub fn list_invitations(
        &self,
        of: InvitationsOf<'_>,
        now_ms: i64,
        query: &ListQuery,
    ) -> Result<Listed<InvitationRow>> {
        let (from, id) = match of {
            InvitationsOf::Account(id) => (
                concat!(
                    tables!(),
                    " WHERE i.account_id = ?1 AND i.expires_at_ms > ?2"
                ),
                id.as_str(),
            ),
            InvitationsOf::User(id) => (
                concat!(tables!(), " WHERE i.user_id = ?1 AND i.expires_at_ms > ?2"),
                id.as_str(),
            ),
        };
        let source = ListSource {
            columns: columns!(),
            from: from.to_owned(),
            params: vec![Param::from(id), Param::from(now_ms)],
            fields: FIELDS,
            order: "i.created_at_ms DESC, i.id DESC",
        };
        list(&self.connection, &source, query, read_invitation)
    }

    /// How many invitations an account has.
    pub fn count_invitations(&self, account: &AccountId) -> Result<i64> {
        const SQL: &str = "SELECT COUNT(*) FROM invitations WHERE account_id = ?1";
        self.connection
            .get(SQL, params![account.as_str()], |row| row.int(0))
    }

    /// The user of that name, whoever vouches for it, and whether it is a member of an account.
    pub fn find_invitee(&self, account: &AccountId, name: &str) -> Result<Option<(UserId, bool)>> {
        const SQL: &str = "SELECT u.id, CASE WHEN m.user_id IS NULL THEN 0 ELSE 1 END FROM users u \
             LEFT JOIN memberships m ON m.user_id = u.id AND m.account_id = ?1 WHERE u.name = ?2";
        self.connection
            .find(SQL, params![account.as_str(), name], |row| {
                Ok((UserId::new(row.text(0)?), row.int(1)? > 0))
            })
    }
}

impl Tx<'_> {
    /// Makes an invitation.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`] when the account has one for that name; the transaction can go on.
    pub fn create_invitation(&mut self, new: &NewInvitation, now_ms: i64) -> Result<()> {
        const SQL: &str = "INSERT INTO invitations (id, account_id, user_name, user_id, role, role_id, namespace_id, invited_by, \
             inviter_id, created_at_ms, expires_at_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) \
             ON CONFLICT (account_id, user_name) DO NOTHING";
        let (built_in, custom) = match &new.role {
            GrantedRole::BuiltIn(role) => (Some(role.as_str()), None),
            GrantedRole::Custom(id) => (None, Some(id.as_str())),
        };
        let created = self.connection.execute(
            SQL,
            params![
                new.id.as_str(),
                new.account_id.as_str(),
                &new.user_name,
                new.user_id.as_ref().map(UserId::as_str),
                built_in,
                custom,
                new.namespace_id.as_ref().map(NamespaceId::as_str),
                &new.invited_by,
                new.inviter_id.as_ref().map(UserId::as_str),
                now_ms,
                new.expires_at_ms
            ],
        )?;
        if created == 0 {
            return Err(Error::AlreadyExists);
        }
        Ok(())
    }

    /// Takes an invitation away. Says whether there was one.
    pub fn delete_invitation(&mut self, id: &InvitationId) -> Result<bool> {
        const SQL: &str = "DELETE FROM invitations WHERE id = ?1";
        Ok(self.connection.execute(SQL, params![id.as_str()])? > 0)
    }

    /// Forgets the invitations of an account that have ended. Says how many.
    pub fn delete_ended_invitations(&mut self, account: &AccountId, now_ms: i64) -> Result<usize> {
        const SQL: &str = "DELETE FROM invitations WHERE account_id = ?1 AND expires_at_ms <= ?2";
        self.connection
            .execute(SQL, params![account.as_str(), now_ms])
    }
}
