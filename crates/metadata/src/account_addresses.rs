//! The host names that are accounts' own, beside those that follow from their names, and those that accounts claim.

use crate::connection::{Row, params};
use crate::error::{Error, Result};
use crate::{Reader, Tx};
use model::AccountId;

/// A host name that an account says is its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressClaimRow {
    /// The account.
    pub account_id: AccountId,
    /// The name, in lower case and without a port.
    pub host: String,
    /// What its proof is made from.
    pub token: String,
    /// When it was claimed first.
    pub created_at_ms: i64,
    /// From when on the claim means nothing.
    pub expires_at_ms: i64,
}

fn read_claim(row: &Row<'_>) -> Result<AddressClaimRow> {
    Ok(AddressClaimRow {
        account_id: AccountId::new(row.text(0)?),
        host: row.text(1)?,
        token: row.text(2)?,
        created_at_ms: row.int(3)?,
        expires_at_ms: row.int(4)?,
    })
}

impl Reader<'_> {
    /// An account's host names, in order.
    pub fn list_account_addresses(&self, account: &AccountId) -> Result<Vec<String>> {
        const SQL: &str = "SELECT host FROM account_addresses WHERE account_id = ?1 ORDER BY host";
        self.connection
            .list(SQL, params![account.as_str()], |row| row.text(0))
    }

    /// The names that an account claims and has not proved, in order; not those whose time is over.
    pub fn list_address_claims(
        &self,
        account: &AccountId,
        now_ms: i64,
    ) -> Result<Vec<AddressClaimRow>> {
        const SQL: &str = "SELECT account_id, host, token, created_at_ms, expires_at_ms FROM address_claims \
             WHERE account_id = ?1 AND expires_at_ms > ?2 ORDER BY host";
        self.connection
            .list(SQL, params![account.as_str(), now_ms], read_claim)
    }

    /// An account's claim of a name, unless its time is over.
    pub fn find_address_claim(
        &self,
        account: &AccountId,
        host: &str,
        now_ms: i64,
    ) -> Result<Option<AddressClaimRow>> {
        const SQL: &str = "SELECT account_id, host, token, created_at_ms, expires_at_ms FROM address_claims \
             WHERE account_id = ?1 AND host = ?2 AND expires_at_ms > ?3";
        self.connection
            .find(SQL, params![account.as_str(), host, now_ms], read_claim)
    }
}

impl Tx<'_> {
    /// Makes a host name an account's own; `host` is lower case and without a port.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`] when it is somebody's.
    pub fn add_account_address(&mut self, account: &AccountId, host: &str) -> Result<()> {
        const SQL: &str = "INSERT INTO account_addresses (host, account_id) VALUES (?1, ?2) \
             ON CONFLICT (host) DO NOTHING";
        let added = self
            .connection
            .execute(SQL, params![host, account.as_str()])?;
        if added == 0 {
            return Err(Error::AlreadyExists);
        }
        self.changes.policy();
        Ok(())
    }

    /// Takes a host name from an account, and its certificate with it. Says whether it was its own.
    pub fn remove_account_address(&mut self, account: &AccountId, host: &str) -> Result<bool> {
        const SQL: &str = "DELETE FROM account_addresses WHERE account_id = ?1 AND host = ?2";
        let removed = self
            .connection
            .execute(SQL, params![account.as_str(), host])?;
        self.changes.policy();
        Ok(removed > 0)
    }

    /// Notes that an account claims a name. A claim that there was becomes this one.
    pub fn put_address_claim(&mut self, claim: &AddressClaimRow) -> Result<()> {
        const SQL: &str = "INSERT INTO address_claims (account_id, host, token, created_at_ms, expires_at_ms) \
             VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (account_id, host) DO UPDATE SET token = excluded.token, \
             created_at_ms = excluded.created_at_ms, expires_at_ms = excluded.expires_at_ms";
        self.connection.execute(
            SQL,
            params![
                claim.account_id.as_str(),
                &claim.host,
                &claim.token,
                claim.created_at_ms,
                claim.expires_at_ms
            ],
        )?;
        Ok(())
    }

    /// Forgets a claim. Says whether there was one.
    pub fn delete_address_claim(&mut self, account: &AccountId, host: &str) -> Result<bool> {
        const SQL: &str = "DELETE FROM address_claims WHERE account_id = ?1 AND host = ?2";
        let deleted = self
            .connection
            .execute(SQL, params![account.as_str(), host])?;
        Ok(deleted > 0)
    }

    /// Forgets some of the claims whose time is over. Says how many.
    pub fn delete_expired_address_claims(&mut self, now_ms: i64, limit: i64) -> Result<usize> {
        const SQL: &str = "DELETE FROM address_claims WHERE expires_at_ms <= ?1 AND token IN \
             (SELECT token FROM address_claims WHERE expires_at_ms <= ?1 LIMIT ?2)";
        self.connection.execute(SQL, params![now_ms, limit])
    }
}
