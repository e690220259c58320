//! People: how they are found, made, disabled, given passwords and deleted.

use crate::connection::{Param, Row, params};
use crate::error::Result;
use crate::query::{Field, Kind, ListQuery, ListSource, Listed, list};
use crate::user_profiles::UserProfile;
use crate::{Reader, Tx};
use model::{AccountId, UserId};

/// A user, with what is needed to check a password.
#[derive(Clone, Debug)]
pub struct UserRow {
    /// Its identifier.
    pub id: UserId,
    /// Its name, unique in its source.
    pub name: String,
    /// The account it belongs to first.
    pub home_account_id: AccountId,
    /// A PHC string; `None` when no password was ever set.
    pub password_hash: Option<String>,
    /// Whether it may no longer log in.
    pub is_disabled: bool,
    /// Grows whenever proofs of before no longer count.
    pub credential_epoch: i64,
    /// When it was made.
    pub created_at_ms: i64,
}

/// A user to be made.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// Its identifier.
    pub id: UserId,
    /// The identity source that vouches for it.
    pub source_id: String,
    /// Its name.
    pub name: String,
    /// The account it belongs to first.
    pub home_account_id: AccountId,
    /// A PHC string.
    pub password_hash: Option<String>,
}

/// A member of an account, as its people see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserDetails {
    /// Its identifier.
    pub id: UserId,
    /// Its name.
    pub name: String,
    /// The account it belongs to first.
    pub home_account_id: AccountId,
    /// When it was made.
    pub created_at_ms: i64,
    /// What it says of itself.
    pub profile: UserProfile,
    /// Whether it administers the account by a role of its own.
    pub is_administrator: bool,
}

const PASSWORD_SOURCE: &str = "local";

const FIELDS: &[Field] = &[
    Field {
        name: "username",
        column: "u.name",
        kind: Kind::Text,
    },
    Field {
        name: "email",
        column: "COALESCE(p.email, '')",
        kind: Kind::Text,
    },
    Field {
        name: "realname",
        column: "COALESCE(p.real_name, '')",
        kind: Kind::Text,
    },
    Field {
        name: "creation_time",
        column: "u.created_at_ms",
        kind: Kind::Time,
    },
];

macro_rules! columns {
    () => {
        "u.id, u.name, u.home_account_id, u.created_at_ms, COALESCE(p.email, ''), COALESCE(p.real_name, ''), \
         COALESCE(p.comment, ''), COALESCE(p.updated_at_ms, 0), (SELECT COUNT(*) FROM grants g WHERE g.subject_id = u.id \
         AND g.account_id = m.account_id AND g.subject_kind = 'user' AND g.role = 'administrator' \
         AND g.namespace_id IS NULL)"
    };
}

macro_rules! tables {
    () => {
        "memberships m JOIN users u ON u.id = m.user_id LEFT JOIN user_profiles p ON p.user_id = u.id"
    };
}

fn read_details(row: &Row<'_>) -> Result<UserDetails> {
    Ok(UserDetails {
        id: UserId::new(row.text(0)?),
        name: row.text(1)?,
        home_account_id: AccountId::new(row.text(2)?),
        created_at_ms: row.int(3)?,
        profile: UserProfile {
            email: row.text(4)?,
            real_name: row.text(5)?,
            comment: row.text(6)?,
            updated_at_ms: row.int(7)?,
        },
        is_administrator: row.int(8)? > 0,
    })
}

pub(crate) fn read_user(row: &Row<'_>) -> Result<UserRow> {
    Ok(UserRow {
        id: UserId::new(row.text(0)?),
        name: row.text(1)?,
        home_account_id: AccountId::new(row.text(2)?),
        password_hash: row.optional_text(3)?,
        is_disabled: row.flag(4)?,
        credential_epoch: row.int(5)?,
        created_at_ms: row.int(6)?,
    })
}

impl Reader<'_> {
    /// The user of that name in the deployment's source of local passwords.
    pub fn find_user_by_name(&self, name: &str) -> Result<Option<UserRow>> {
        const SQL: &str = "SELECT u.id, u.name, u.home_account_id, u.password_hash, u.is_disabled, u.credential_epoch, \
             u.created_at_ms FROM identity_sources s JOIN users u ON u.source_id = s.id AND u.name = ?2 \
             WHERE s.name = ?1";
        self.connection
            .find(SQL, params![PASSWORD_SOURCE, name], read_user)
    }

    /// The user of that id.
    pub fn find_user(&self, user: &UserId) -> Result<Option<UserRow>> {
        const SQL: &str = "SELECT id, name, home_account_id, password_hash, is_disabled, credential_epoch, created_at_ms \
             FROM users WHERE id = ?1";
        self.connection.find(SQL, params![user.as_str()], read_user)
    }

    /// The members of an account by name, after `after`.
    pub fn list_users(&self, account: &AccountId, after: &str, limit: i64) -> Result<Vec<UserRow>> {
        const SQL: &str = "SELECT u.id, u.name, u.home_account_id, u.password_hash, u.is_disabled, u.credential_epoch, \
             u.created_at_ms FROM memberships m JOIN users u ON u.id = m.user_id \
             WHERE m.account_id = ?1 AND u.name > ?2 ORDER BY u.name LIMIT ?3";
        self.connection
            .list(SQL, params![account.as_str(), after, limit], read_user)
    }

    /// A member of an account, with what its people see of it.
    pub fn find_user_details(
        &self,
        account: &AccountId,
        user: &UserId,
    ) -> Result<Option<UserDetails>> {
        const SQL: &str = concat!(
            "SELECT ",
            columns!(),
            " FROM ",
            tables!(),
            " WHERE m.account_id = ?1 AND m.user_id = ?2"
        );
        let params = params![account.as_str(), user.as_str()];
        self.connection.find(SQL, params, read_details)
    }

    /// The members of an account. Fields: `username`, `email`, `realname`, `creation_time`; by name.
    pub fn list_user_details(
        &self,
        account: &AccountId,
        query: &ListQuery,
    ) -> Result<Listed<UserDetails>> {
        let source = ListSource {
            columns: columns!(),
            from: concat!(tables!(), " WHERE m.account_id = ?1").to_owned(),
            params: vec![Param::from(account.as_str())],
            fields: FIELDS,
            order: "u.name, u.id",
        };
        list(&self.connection, &source, query, read_details)
    }

    /// Whether a user runs the deployment.
    pub fn is_operator(&self, user: &UserId) -> Result<bool> {
        const SQL: &str = "SELECT 1 FROM operators WHERE user_id = ?1";
        self.connection.exists(SQL, params![user.as_str()])
    }

    /// The id of the deployment's source of local passwords.
    pub fn find_password_source(&self) -> Result<Option<String>> {
        const SQL: &str = "SELECT id FROM identity_sources WHERE name = ?1";
        self.connection
            .find(SQL, params![PASSWORD_SOURCE], |row| row.text(0))
    }
}

impl Tx<'_> {
    /// Makes the deployment's source of local passwords.
    pub fn create_password_source(&mut self, id: &str) -> Result<()> {
        const SQL: &str = "INSERT INTO identity_sources (id, account_id, kind, name) \
             VALUES (?1, NULL, 'password', ?2)";
        self.connection.execute(SQL, params![id, PASSWORD_SOURCE])?;
        Ok(())
    }

    /// Makes a user.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`](crate::Error::AlreadyExists) when its source has one of that name.
    pub fn create_user(&mut self, user: &NewUser, now_ms: i64) -> Result<()> {
        const SQL: &str = "INSERT INTO users (id, source_id, home_account_id, name, password_hash, is_disabled, \
             credential_epoch, created_at_ms) VALUES (?1, ?2, ?3, ?4, ?5, 0, 0, ?6)";
        self.connection.execute(
            SQL,
            params![
                user.id.as_str(),
                &user.source_id,
                user.home_account_id.as_str(),
                &user.name,
                user.password_hash.as_deref(),
                now_ms
            ],
        )?;
        self.changes.policy();
        Ok(())
    }

    /// Sets the password and ends what was proven with the one before.
    pub fn set_password(&mut self, user: &UserId, password_hash: &str) -> Result<()> {
        const SQL: &str = "UPDATE users SET password_hash = ?1, credential_epoch = credential_epoch + 1 WHERE id = ?2";
        self.connection
            .execute(SQL, params![password_hash, user.as_str()])?;
        self.changes.policy();
        Ok(())
    }

    /// Replaces the stored form of an unchanged password, for stronger parameters.
    pub fn rehash_password(&mut self, user: &UserId, old: &str, new: &str) -> Result<()> {
        const SQL: &str =
            "UPDATE users SET password_hash = ?1 WHERE id = ?2 AND password_hash = ?3";
        self.connection
            .execute(SQL, params![new, user.as_str(), old])?;
        Ok(())
    }

    /// Lets a user log in no longer, or again.
    pub fn set_user_disabled(&mut self, user: &UserId, is_disabled: bool) -> Result<()> {
        const SQL: &str = "UPDATE users SET is_disabled = ?1, credential_epoch = credential_epoch + 1 WHERE id = ?2";
        self.connection
            .execute(SQL, params![is_disabled, user.as_str()])?;
        self.changes.policy();
        Ok(())
    }

    /// Takes a user out of an account, with what was granted to it there, its groups there and its logins that are about the
    /// account. Says whether it was in it.
    pub fn delete_membership(&mut self, account: &AccountId, user: &UserId) -> Result<bool> {
        const GROUPS: &str = "DELETE FROM user_group_members \
             WHERE group_id IN (SELECT id FROM user_groups WHERE account_id = ?1) AND user_id = ?2";
        const SESSIONS: &str = "DELETE FROM sessions WHERE account_id = ?1 AND user_id = ?2";
        const REFRESH_TOKENS: &str =
            "DELETE FROM refresh_tokens WHERE account_id = ?1 AND user_id = ?2";
        const MEMBERSHIP: &str = "DELETE FROM memberships WHERE account_id = ?1 AND user_id = ?2";
        let params = params![account.as_str(), user.as_str()];
        self.delete_grants(account, user)?;
        for sql in [GROUPS, SESSIONS, REFRESH_TOKENS] {
            self.connection.execute(sql, params)?;
        }
        let deleted = self.connection.execute(MEMBERSHIP, params)?;
        self.changes.policy();
        Ok(deleted > 0)
    }

    /// Deletes a user for good: what it could log in with, what was granted to it anywhere, and itself. Its name is free.
    /// Says whether there was one.
    ///
    /// # Errors
    /// [`Error::ReferenceViolated`](crate::Error::ReferenceViolated) for an operator of the deployment.
    pub fn delete_user(&mut self, user: &UserId) -> Result<bool> {
        const REFRESH_TOKENS: &str = "DELETE FROM refresh_tokens WHERE user_id = ?1";
        const ACCESS_TOKENS: &str = "DELETE FROM access_tokens WHERE user_id = ?1";
        const GRANTS: &str = "DELETE FROM grants WHERE subject_kind = 'user' AND subject_id = ?1";
        const MEMBERSHIPS: &str = "DELETE FROM memberships WHERE user_id = ?1";
        const USER: &str = "DELETE FROM users WHERE id = ?1";
        for sql in [REFRESH_TOKENS, ACCESS_TOKENS, GRANTS, MEMBERSHIPS] {
            self.connection.execute(sql, params![user.as_str()])?;
        }
        let deleted = self.connection.execute(USER, params![user.as_str()])?;
        self.changes.policy();
        Ok(deleted > 0)
    }
}
