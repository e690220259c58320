//! What an account has agreed to beside its plan: why it may not do everything, and when it ends.

use crate::connection::{Row, params};
use crate::error::Result;
use crate::pull_times::carry_pull_times;
use crate::{Reader, Tx};
use model::{AccountId, AccountState};

/// Why an account may not do everything, and when it ends. Nothing is set for most.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountTerms {
    /// Why it is suspended or closing, in words for its administrators.
    pub state_reason: Option<String>,
    /// From when on its content is destroyed.
    pub destroy_at_ms: Option<i64>,
    /// When that was done.
    pub destroyed_at_ms: Option<i64>,
    /// What was destroyed, as JSON; while it is being destroyed, what of it is gone.
    pub receipt: Option<String>,
}

impl AccountTerms {
    /// An account's state as people see it: `active`, `suspended`, `closing` or `closed`.
    pub fn shown_state(&self, state: AccountState) -> &'static str {
        match state {
            _ if self.destroyed_at_ms.is_some() => "closed",
            _ if self.destroy_at_ms.is_some() => "closing",
            AccountState::Active => "active",
            AccountState::Suspended | AccountState::Closing => "suspended",
        }
    }
}

fn read_terms(row: &Row<'_>) -> Result<AccountTerms> {
    Ok(AccountTerms {
        state_reason: row.optional_text(0)?,
        destroy_at_ms: row.optional_int(1)?,
        destroyed_at_ms: row.optional_int(2)?,
        receipt: row.optional_text(3)?,
    })
}

impl Reader<'_> {
    /// Why an account may not do everything, and when it ends.
    pub fn find_account_terms(&self, account: &AccountId) -> Result<AccountTerms> {
        const SQL: &str = "SELECT state_reason, destroy_at_ms, destroyed_at_ms, receipt FROM account_terms \
             WHERE account_id = ?1";
        let found = self
            .connection
            .find(SQL, params![account.as_str()], read_terms)?;
        Ok(found.unwrap_or_default())
    }

    /// The account whose content was to be destroyed first of all at `now_ms`.
    pub fn find_account_to_destroy(&self, now_ms: i64) -> Result<Option<AccountId>> {
        const SQL: &str = "SELECT account_id FROM account_terms WHERE destroy_at_ms IS NOT NULL \
             AND destroyed_at_ms IS NULL AND destroy_at_ms <= ?1 ORDER BY destroy_at_ms LIMIT 1";
        self.connection
            .find(SQL, params![now_ms], |row| row.text(0).map(AccountId::new))
    }
}

impl Tx<'_> {
    /// Makes others wait who would change an account's terms, until the end of the transaction, and reads them.
    pub fn take_account_terms(&mut self, account: &AccountId, now_ms: i64) -> Result<AccountTerms> {
        const ROW: &str = "INSERT INTO account_terms (account_id, settings, updated_at_ms, noted_at_ms) \
             VALUES (?1, '{}', ?2, ?2) ON CONFLICT (account_id) DO NOTHING";
        const TAKE: &str = "SELECT 1 FROM account_terms WHERE account_id = ?1 FOR UPDATE";
        self.connection
            .execute(ROW, params![account.as_str(), now_ms])?;
        self.connection.keep(TAKE, params![account.as_str()])?;
        self.find_account_terms(account)
    }

    /// Says why an account may not do everything; `None` when it may.
    pub fn set_state_reason(
        &mut self,
        account: &AccountId,
        reason: Option<&str>,
        now_ms: i64,
    ) -> Result<()> {
        const SQL: &str = concat!(
            "INSERT INTO account_terms AS t (account_id, settings, state_reason, updated_at_ms, noted_at_ms) \
             VALUES (?1, '{}', ?2, ?3, ?3) ON CONFLICT (account_id) \
             DO UPDATE SET state_reason = excluded.state_reason, updated_at_ms = excluded.updated_at_ms, \
             noted_at_ms = excluded.updated_at_ms, ",
            carry_pull_times!("t.")
        );
        self.connection
            .execute(SQL, params![account.as_str(), reason, now_ms])?;
        Ok(())
    }

    /// Says when an account ends; `None` when it does not. After [`Tx::take_account_terms`].
    pub fn set_account_end(
        &mut self,
        account: &AccountId,
        destroy_at_ms: Option<i64>,
        now_ms: i64,
    ) -> Result<()> {
        const SQL: &str = concat!(
            "UPDATE account_terms SET destroy_at_ms = ?2, updated_at_ms = ?3, noted_at_ms = ?3, ",
            carry_pull_times!(),
            " WHERE account_id = ?1"
        );
        self.connection
            .execute(SQL, params![account.as_str(), destroy_at_ms, now_ms])?;
        self.changes.policy();
        Ok(())
    }

    /// Writes down what of an account's content is gone, and when all of it was.
    pub fn put_receipt(
        &mut self,
        account: &AccountId,
        receipt: &str,
        destroyed_at_ms: Option<i64>,
    ) -> Result<()> {
        const SQL: &str =
            "UPDATE account_terms SET receipt = ?2, destroyed_at_ms = ?3 WHERE account_id = ?1";
        self.connection
            .execute(SQL, params![account.as_str(), receipt, destroyed_at_ms])?;
        Ok(())
    }
}
