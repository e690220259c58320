//! Logins by form. Only a keyed hash of the cookie is stored.

use crate::connection::{Row, params};
use crate::error::Result;
use crate::users::{UserRow, read_user};
use crate::{Reader, Tx};
use model::{AccountId, UserId};

/// A login by form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRow {
    /// Whose it is.
    pub user_id: UserId,
    /// Which of its accounts it is about; `None` for the one that the user belongs to first.
    pub account_id: Option<AccountId>,
    /// The user's credential epoch when it began.
    pub credential_epoch: i64,
    /// When it began.
    pub created_at_ms: i64,
    /// When it ends, unless it is used before.
    pub expires_at_ms: i64,
}

fn read_session(row: &Row<'_>, at: usize) -> Result<SessionRow> {
    Ok(SessionRow {
        user_id: UserId::new(row.text(at)?),
        credential_epoch: row.int(at + 1)?,
        created_at_ms: row.int(at + 2)?,
        expires_at_ms: row.int(at + 3)?,
        account_id: row.optional_text(at + 4)?.map(AccountId::new),
    })
}

impl Reader<'_> {
    /// The session of a cookie's keyed hash, whether or not it has ended.
    pub fn find_session(&self, secret_hash: &str) -> Result<Option<SessionRow>> {
        const SQL: &str = "SELECT user_id, credential_epoch, created_at_ms, expires_at_ms, account_id FROM sessions \
             WHERE secret_hash = ?1";
        self.connection
            .find(SQL, params![secret_hash], |row| read_session(row, 0))
    }

    /// The same, with the user whose it is.
    pub fn find_session_with_user(
        &self,
        secret_hash: &str,
    ) -> Result<Option<(SessionRow, UserRow)>> {
        const SQL: &str = "SELECT u.id, u.name, u.home_account_id, u.password_hash, u.is_disabled, u.credential_epoch, \
             u.created_at_ms, s.user_id, s.credential_epoch, s.created_at_ms, s.expires_at_ms, s.account_id \
             FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.secret_hash = ?1";
        self.connection.find(SQL, params![secret_hash], |row| {
            Ok((read_session(row, 7)?, read_user(row)?))
        })
    }
}

impl Tx<'_> {
    /// Begins a session.
    pub fn create_session(&mut self, secret_hash: &str, session: &SessionRow) -> Result<()> {
        const SQL: &str = "INSERT INTO sessions (secret_hash, user_id, credential_epoch, created_at_ms, expires_at_ms, \
             account_id) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        self.connection.execute(
            SQL,
            params![
                secret_hash,
                session.user_id.as_str(),
                session.credential_epoch,
                session.created_at_ms,
                session.expires_at_ms,
                session.account_id.as_ref().map(AccountId::as_str)
            ],
        )?;
        Ok(())
    }

    /// Lets a session live longer.
    pub fn renew_session(&mut self, secret_hash: &str, expires_at_ms: i64) -> Result<()> {
        const SQL: &str =
            "UPDATE sessions SET expires_at_ms = ?1 WHERE secret_hash = ?2 AND expires_at_ms < ?1";
        self.connection
            .execute(SQL, params![expires_at_ms, secret_hash])?;
        Ok(())
    }

    /// Ends a session. Says whether there was one.
    pub fn delete_session(&mut self, secret_hash: &str) -> Result<bool> {
        const SQL: &str = "DELETE FROM sessions WHERE secret_hash = ?1";
        Ok(self.connection.execute(SQL, params![secret_hash])? > 0)
    }

    /// Forgets sessions that ended before, at most `limit` of them. Says how many.
    pub fn delete_ended_sessions(&mut self, now_ms: i64, limit: i64) -> Result<usize> {
        const SQL: &str = "DELETE FROM sessions WHERE secret_hash IN \
             (SELECT secret_hash FROM sessions WHERE expires_at_ms <= ?1 ORDER BY expires_at_ms LIMIT ?2)";
        self.connection.execute(SQL, params![now_ms, limit])
    }
}
