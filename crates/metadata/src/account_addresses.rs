//! The host names that are accounts' own, beside those that follow from their names.

use crate::connection::params;
use crate::error::{Error, Result};
use crate::{Reader, Tx};
use model::AccountId;

impl Reader<'_> {
    /// An account's host names, in order.
    pub fn list_account_addresses(&self, account: &AccountId) -> Result<Vec<String>> {
        const SQL: &str = "SELECT host FROM account_addresses WHERE account_id = ?1 ORDER BY host";
        self.connection
            .list(SQL, params![account.as_str()], |row| row.text(0))
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

    /// Takes a host name from an account. Says whether it was its own.
    pub fn remove_account_address(&mut self, account: &AccountId, host: &str) -> Result<bool> {
        const SQL: &str = "DELETE FROM account_addresses WHERE account_id = ?1 AND host = ?2";
        let removed = self
            .connection
            .execute(SQL, params![account.as_str(), host])?;
        self.changes.policy();
        Ok(removed > 0)
    }
}
