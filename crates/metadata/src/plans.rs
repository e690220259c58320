//! Plans, and which account has which.

use crate::account_limits::SET_STORAGE_LIMIT;
use crate::connection::{Row, params};
use crate::error::{Error, Result};
use crate::pull_times::carry_pull_times;
use crate::{Reader, Tx};
use model::{AccountId, Plan, PlanId, PlanLimits};

/// An account's namespaces must not become more while they are counted.
const TAKE_ACCOUNT: &str = "SELECT 1 FROM accounts WHERE id = ?1 FOR UPDATE";

pub(crate) fn limit(row: &Row<'_>, column: usize, name: &'static str) -> Result<Option<u64>> {
    row.optional_int(column)?
        .map(|limit| u64::try_from(limit).map_err(|_| Error::Unreadable { column: name }))
        .transpose()
}

fn read_plan(row: &Row<'_>) -> Result<Plan> {
    Ok(Plan {
        id: PlanId::new(row.text(0)?),
        name: row.text(1)?,
        description: row.text(2)?,
        limits: PlanLimits {
            storage_bytes: limit(row, 3, "plans.storage_bytes")?,
            pull_bytes_per_month: limit(row, 4, "plans.pull_bytes_per_month")?,
            requests_at_once: limit(row, 5, "plans.requests_at_once")?,
            namespaces: limit(row, 6, "plans.namespaces")?,
        },
        is_offered: row.flag(7)?,
    })
}

macro_rules! columns {
    () => {
        "p.id, p.name, p.description, p.storage_bytes, p.pull_bytes_per_month, p.requests_at_once, p.namespaces, \
         p.is_offered"
    };
}

/// A limit as the database keeps it.
fn kept(limit: Option<u64>) -> Option<i64> {
    limit.map(|limit| i64::try_from(limit).unwrap_or(i64::MAX))
}

impl Reader<'_> {
    /// The plan of that name.
    pub fn find_plan(&self, name: &str) -> Result<Option<Plan>> {
        const SQL: &str = concat!("SELECT ", columns!(), " FROM plans p WHERE p.name = ?1");
        self.connection.find(SQL, params![name], read_plan)
    }

    /// The plan of an account; `None` for one without a plan, and so without limits.
    pub fn find_plan_of_account(&self, account: &AccountId) -> Result<Option<Plan>> {
        const SQL: &str = concat!(
            "SELECT ",
            columns!(),
            " FROM account_terms t JOIN plans p ON p.id = t.plan_id WHERE t.account_id = ?1"
        );
        self.connection
            .find(SQL, params![account.as_str()], read_plan)
    }

    /// Plans by name, after `after`.
    pub fn list_plans(&self, after: &str, limit: i64) -> Result<Vec<Plan>> {
        const SQL: &str = concat!(
            "SELECT ",
            columns!(),
            " FROM plans p WHERE p.name > ?1 ORDER BY p.name LIMIT ?2"
        );
        self.connection.list(SQL, params![after, limit], read_plan)
    }

    /// How many accounts have a plan.
    pub fn count_accounts_of_plan(&self, plan: &PlanId) -> Result<i64> {
        const SQL: &str = "SELECT COUNT(*) FROM account_terms WHERE plan_id = ?1";
        self.connection
            .get(SQL, params![plan.as_str()], |row| row.int(0))
    }

    /// How many namespaces an account has.
    pub fn count_all_namespaces(&self, account: &AccountId) -> Result<u64> {
        const SQL: &str = "SELECT COUNT(*) FROM namespaces WHERE account_id = ?1";
        self.connection.get(SQL, params![account.as_str()], |row| {
            row.size(0, "count of namespaces")
        })
    }
}

impl Tx<'_> {
    /// Makes a plan.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`] when there is one of that name; the transaction can go on.
    pub fn create_plan(&mut self, plan: &Plan, now_ms: i64) -> Result<()> {
        const SQL: &str = "INSERT INTO plans (id, name, description, storage_bytes, pull_bytes_per_month, requests_at_once, \
             namespaces, is_offered, created_at_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) \
             ON CONFLICT (name) DO NOTHING";
        let limits = &plan.limits;
        let created = self.connection.execute(
            SQL,
            params![
                plan.id.as_str(),
                &plan.name,
                &plan.description,
                kept(limits.storage_bytes),
                kept(limits.pull_bytes_per_month),
                kept(limits.requests_at_once),
                kept(limits.namespaces),
                plan.is_offered,
                now_ms
            ],
        )?;
        if created == 0 {
            return Err(Error::AlreadyExists);
        }
        Ok(())
    }

    /// Takes a plan that no account has out of the list. Says whether it is gone.
    pub fn delete_plan(&mut self, plan: &PlanId) -> Result<bool> {
        const SQL: &str = "DELETE FROM plans WHERE id = ?1";
        Ok(self.connection.execute(SQL, params![plan.as_str()])? > 0)
    }

    /// Gives an account a plan, and with it the limit of its storage, unless its own is smaller.
    pub fn set_plan_of_account(
        &mut self,
        account: &AccountId,
        plan: &Plan,
        now_ms: i64,
    ) -> Result<()> {
        const TERMS: &str = concat!(
            "INSERT INTO account_terms AS t (account_id, plan_id, settings, updated_at_ms, noted_at_ms) \
             VALUES (?1, ?2, '{}', ?3, ?3) ON CONFLICT (account_id) \
             DO UPDATE SET plan_id = excluded.plan_id, updated_at_ms = excluded.updated_at_ms, \
             noted_at_ms = excluded.updated_at_ms, ",
            carry_pull_times!("t.")
        );
        let id = account.as_str();
        self.connection
            .execute(TERMS, params![id, plan.id.as_str(), now_ms])?;
        self.connection.execute(SET_STORAGE_LIMIT, params![id])?;
        self.changes.policy();
        Ok(())
    }

    /// Makes all others wait who would make a namespace in an account, until the end of the transaction.
    pub fn take_account(&mut self, account: &AccountId) -> Result<()> {
        self.connection
            .keep(TAKE_ACCOUNT, params![account.as_str()])
            .map(drop)
    }
}
