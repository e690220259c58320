//! People: how they are found, made, disabled and given passwords.

use crate::connection::{Row, params};
use crate::error::Result;
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

const PASSWORD_SOURCE: &str = "local";

fn read_user(row: &Row<'_>) -> Result<UserRow> {
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

    /// Makes a user an operator of the deployment.
    pub fn create_operator(&mut self, user: &UserId, now_ms: i64) -> Result<()> {
        const SQL: &str = "INSERT INTO operators (user_id, created_at_ms) VALUES (?1, ?2)";
        self.connection
            .execute(SQL, params![user.as_str(), now_ms])?;
        Ok(())
    }
}
