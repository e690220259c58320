//! Accounts and the addresses that belong to them.

use crate::connection::{Row, params, parse_column};
use crate::error::Result;
use crate::{Reader, Tx};
use model::{Account, AccountId, AccountState, UserId};

fn read_account(row: &Row<'_>) -> Result<Account> {
    Ok(Account {
        id: AccountId::new(row.text(0)?),
        name: row.text(1)?,
        state: parse_column("accounts.state", AccountState::parse(&row.text(2)?))?,
        creates_namespaces_on_push: row.flag(3)?,
    })
}

impl Reader<'_> {
    /// The account of that name.
    pub fn find_account_by_name(&self, name: &str) -> Result<Option<Account>> {
        const SQL: &str =
            "SELECT id, name, state, creates_namespaces_on_push FROM accounts WHERE name = ?1";
        self.connection.find(SQL, params![name], read_account)
    }

    /// The account of that id.
    pub fn find_account(&self, account: &AccountId) -> Result<Option<Account>> {
        const SQL: &str =
            "SELECT id, name, state, creates_namespaces_on_push FROM accounts WHERE id = ?1";
        self.connection
            .find(SQL, params![account.as_str()], read_account)
    }

    /// The deployment's accounts by name, after `after`.
    pub fn list_accounts(&self, after: &str, limit: i64) -> Result<Vec<Account>> {
        const SQL: &str = "SELECT id, name, state, creates_namespaces_on_push FROM accounts \
             WHERE name > ?1 ORDER BY name LIMIT ?2";
        self.connection
            .list(SQL, params![after, limit], read_account)
    }

    /// The account whose own address that host name is; `host` is lower case and without a port.
    pub fn find_account_by_host(&self, host: &str) -> Result<Option<AccountId>> {
        const SQL: &str = "SELECT account_id FROM account_addresses WHERE host = ?1";
        self.connection
            .find(SQL, params![host], |row| row.text(0).map(AccountId::new))
    }

    /// Whether the user is a member of the account.
    pub fn is_member(&self, account: &AccountId, user: &UserId) -> Result<bool> {
        const SQL: &str = "SELECT 1 FROM memberships WHERE account_id = ?1 AND user_id = ?2";
        self.connection
            .exists(SQL, params![account.as_str(), user.as_str()])
    }
}

impl Tx<'_> {
    /// Makes an account with nothing in it and no limit.
    pub fn create_account(&mut self, account: &Account, now_ms: i64) -> Result<()> {
        const ACCOUNT: &str = "INSERT INTO accounts (id, name, state, creates_namespaces_on_push, created_at_ms) \
             VALUES (?1, ?2, ?3, ?4, ?5)";
        const USAGE: &str =
            "INSERT INTO account_usage (account_id, used_bytes, limit_bytes) VALUES (?1, 0, NULL)";
        let id = account.id.as_str();
        self.connection.execute(
            ACCOUNT,
            params![
                id,
                &account.name,
                account.state.as_str(),
                account.creates_namespaces_on_push,
                now_ms
            ],
        )?;
        self.connection.execute(USAGE, params![id])?;
        self.changes.policy();
        Ok(())
    }

    /// Decides what an account may do.
    pub fn set_account_state(&mut self, account: &AccountId, state: AccountState) -> Result<()> {
        const SQL: &str = "UPDATE accounts SET state = ?1 WHERE id = ?2";
        self.connection
            .execute(SQL, params![state.as_str(), account.as_str()])?;
        self.changes.policy();
        Ok(())
    }

    /// Decides whether an account's administrators create a namespace by pushing to it.
    pub fn set_creates_namespaces_on_push(
        &mut self,
        account: &AccountId,
        creates_namespaces_on_push: bool,
    ) -> Result<()> {
        const SQL: &str = "UPDATE accounts SET creates_namespaces_on_push = ?1 WHERE id = ?2";
        self.connection
            .execute(SQL, params![creates_namespaces_on_push, account.as_str()])?;
        self.changes.policy();
        Ok(())
    }

    /// Makes a user a member of an account; nothing happens when it is one.
    pub fn put_membership(
        &mut self,
        account: &AccountId,
        user: &UserId,
        now_ms: i64,
    ) -> Result<()> {
        const SQL: &str = "INSERT INTO memberships (account_id, user_id, created_at_ms) VALUES (?1, ?2, ?3) \
             ON CONFLICT (account_id, user_id) DO NOTHING";
        self.connection
            .execute(SQL, params![account.as_str(), user.as_str(), now_ms])?;
        self.changes.policy();
        Ok(())
    }
}
