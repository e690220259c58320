//! Secrets that stand for a user: personal access tokens and refresh tokens. Only keyed hashes are stored.

use crate::connection::{Row, params};
use crate::error::Result;
use crate::{Reader, Tx};
use model::{AccessTokenId, AccountId, UserId};
use oci::ScopeActions;

/// A personal access token.
#[derive(Clone, Debug)]
pub struct AccessTokenRow {
    /// Its identifier.
    pub id: AccessTokenId,
    /// Whose it is.
    pub user_id: UserId,
    /// Its name, unique among the user's.
    pub name: String,
    /// What it may do of all that the user may.
    pub actions: ScopeActions,
    /// When it was made.
    pub created_at_ms: i64,
    /// When it ends; `None` for never.
    pub expires_at_ms: Option<i64>,
    /// When it was last used, to within some minutes.
    pub last_used_at_ms: Option<i64>,
}

/// A personal access token to be made.
#[derive(Clone, Debug)]
pub struct NewAccessToken {
    /// Its identifier.
    pub id: AccessTokenId,
    /// Whose it is.
    pub user_id: UserId,
    /// Its name.
    pub name: String,
    /// The keyed hash of the secret.
    pub secret_hash: String,
    /// What it may do of all that the user may.
    pub actions: ScopeActions,
    /// When it ends; `None` for never.
    pub expires_at_ms: Option<i64>,
}

/// A refresh token.
#[derive(Clone, Debug)]
pub struct RefreshTokenRow {
    /// Whose it is.
    pub user_id: UserId,
    /// Which of its accounts it is about; `None` for the one that the user belongs to first.
    pub account_id: Option<AccountId>,
    /// The personal access token it was got with, if it was.
    pub access_token_id: Option<AccessTokenId>,
    /// The service it was made for.
    pub service: String,
    /// The user's credential epoch at that time.
    pub credential_epoch: i64,
    /// When it ends.
    pub expires_at_ms: i64,
}

/// A refresh token to be made.
#[derive(Clone, Debug)]
pub struct NewRefreshToken {
    /// The keyed hash of the secret.
    pub secret_hash: String,
    /// What it stands for.
    pub row: RefreshTokenRow,
}

fn read_access_token(row: &Row<'_>) -> Result<AccessTokenRow> {
    Ok(AccessTokenRow {
        id: AccessTokenId::new(row.text(0)?),
        user_id: UserId::new(row.text(1)?),
        name: row.text(2)?,
        actions: ScopeActions::parse(&row.text(3)?),
        created_at_ms: row.int(4)?,
        expires_at_ms: row.optional_int(5)?,
        last_used_at_ms: row.optional_int(6)?,
    })
}

impl Reader<'_> {
    /// The personal access token with that keyed hash.
    pub fn find_access_token(&self, secret_hash: &str) -> Result<Option<AccessTokenRow>> {
        const SQL: &str = "SELECT id, user_id, name, actions, created_at_ms, expires_at_ms, last_used_at_ms \
             FROM access_tokens WHERE secret_hash = ?1";
        self.connection
            .find(SQL, params![secret_hash], read_access_token)
    }

    /// The personal access token of that id.
    pub fn find_access_token_by_id(&self, id: &AccessTokenId) -> Result<Option<AccessTokenRow>> {
        const SQL: &str = "SELECT id, user_id, name, actions, created_at_ms, expires_at_ms, last_used_at_ms \
             FROM access_tokens WHERE id = ?1";
        self.connection
            .find(SQL, params![id.as_str()], read_access_token)
    }

    /// A user's personal access token of that name, and what is kept of its secret.
    pub fn find_chosen_secret(
        &self,
        user: &UserId,
        name: &str,
    ) -> Result<Option<(AccessTokenRow, String)>> {
        const SQL: &str = "SELECT id, user_id, name, actions, created_at_ms, expires_at_ms, last_used_at_ms, secret_hash \
             FROM access_tokens WHERE user_id = ?1 AND name = ?2";
        self.connection
            .find(SQL, params![user.as_str(), name], |row| {
                Ok((read_access_token(row)?, row.text(7)?))
            })
    }

    /// A user's personal access tokens by name.
    pub fn list_access_tokens(&self, user: &UserId) -> Result<Vec<AccessTokenRow>> {
        const SQL: &str = "SELECT id, user_id, name, actions, created_at_ms, expires_at_ms, last_used_at_ms \
             FROM access_tokens WHERE user_id = ?1 ORDER BY name";
        self.connection
            .list(SQL, params![user.as_str()], read_access_token)
    }

    /// The refresh token with that keyed hash.
    pub fn find_refresh_token(&self, secret_hash: &str) -> Result<Option<RefreshTokenRow>> {
        const SQL: &str = "SELECT user_id, access_token_id, service, credential_epoch, expires_at_ms, account_id \
             FROM refresh_tokens WHERE secret_hash = ?1";
        self.connection.find(SQL, params![secret_hash], |row| {
            Ok(RefreshTokenRow {
                user_id: UserId::new(row.text(0)?),
                access_token_id: row.optional_text(1)?.map(AccessTokenId::new),
                service: row.text(2)?,
                credential_epoch: row.int(3)?,
                expires_at_ms: row.int(4)?,
                account_id: row.optional_text(5)?.map(AccountId::new),
            })
        })
    }
}

impl Tx<'_> {
    /// Makes a personal access token.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`](crate::Error::AlreadyExists) when the user has one of that name.
    pub fn create_access_token(&mut self, token: &NewAccessToken, now_ms: i64) -> Result<()> {
        const SQL: &str = "INSERT INTO access_tokens (id, user_id, name, secret_hash, actions, created_at_ms, \
             expires_at_ms, last_used_at_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, NULL)";
        self.connection.execute(
            SQL,
            params![
                token.id.as_str(),
                token.user_id.as_str(),
                &token.name,
                &token.secret_hash,
                &token.actions.to_string(),
                now_ms,
                token.expires_at_ms
            ],
        )?;
        Ok(())
    }

    /// Ends a user's personal access token of that name, and the refresh tokens got with it. Says whether there was one.
    pub fn delete_access_token(&mut self, user: &UserId, name: &str) -> Result<bool> {
        const SQL: &str = "DELETE FROM access_tokens WHERE user_id = ?1 AND name = ?2";
        let deleted = self.connection.execute(SQL, params![user.as_str(), name])?;
        self.changes.policy();
        Ok(deleted > 0)
    }

    /// Notes that a personal access token was used.
    pub fn touch_access_token(&mut self, id: &AccessTokenId, now_ms: i64) -> Result<()> {
        const SQL: &str = "UPDATE access_tokens SET last_used_at_ms = ?1 WHERE id = ?2";
        self.connection.execute(SQL, params![now_ms, id.as_str()])?;
        Ok(())
    }

    /// Makes a refresh token.
    pub fn create_refresh_token(&mut self, token: &NewRefreshToken) -> Result<()> {
        const SQL: &str = "INSERT INTO refresh_tokens (secret_hash, user_id, access_token_id, service, credential_epoch, \
             expires_at_ms, account_id) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        let row = &token.row;
        self.connection.execute(
            SQL,
            params![
                &token.secret_hash,
                row.user_id.as_str(),
                row.access_token_id.as_ref().map(AccessTokenId::as_str),
                &row.service,
                row.credential_epoch,
                row.expires_at_ms,
                row.account_id.as_ref().map(AccountId::as_str)
            ],
        )?;
        Ok(())
    }

    /// Removes refresh tokens that ended before `now_ms`, at most `limit`. Says how many.
    pub fn delete_expired_refresh_tokens(&mut self, now_ms: i64, limit: i64) -> Result<usize> {
        const ENDED: &str = "SELECT secret_hash FROM refresh_tokens WHERE expires_at_ms <= ?1 \
             ORDER BY expires_at_ms LIMIT ?2";
        const ONE: &str = "DELETE FROM refresh_tokens WHERE secret_hash = ?1";
        let ended = self
            .connection
            .list(ENDED, params![now_ms, limit], |row| row.text(0))?;
        for hash in &ended {
            self.connection.execute(ONE, params![hash])?;
        }
        Ok(ended.len())
    }
}
