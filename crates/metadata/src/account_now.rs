//! How an account stands: what it may use, what it uses, and what it used in a month, in one question.

use crate::account_limits::AccountLimits;
use crate::account_months::{AccountStorage, read_storage};
use crate::connection::params;
use crate::error::Result;
use crate::plans::limit;
use crate::traffic::{Traffic, read_traffic};
use crate::{Reader, account_limits};
use model::{AccountId, PlanLimits};

/// How an account stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountNow {
    /// The name of its plan and what that allows; `None` for one without a plan, and so without limits.
    pub plan: Option<(String, PlanLimits)>,
    /// The limits that it has set for itself.
    pub own: AccountLimits,
    /// Bytes of its distinct digests.
    pub used_bytes: u64,
    /// What its pushes are held against.
    pub limit_bytes: Option<u64>,
    /// Namespaces.
    pub namespaces: u64,
    /// What it stored in the month.
    pub storage: AccountStorage,
    /// What was pulled and pushed in the month.
    pub traffic: Traffic,
}

impl Reader<'_> {
    /// How an account stands, and what it used in a month.
    ///
    /// # Errors
    /// [`crate::Error`] for an account that is not there.
    pub fn get_account_now(&self, account: &AccountId, month: &str) -> Result<AccountNow> {
        const SQL: &str = "SELECT u.used_bytes, u.limit_bytes, \
             (SELECT COUNT(*) FROM namespaces n WHERE n.account_id = u.account_id), \
             p.name, p.storage_bytes, p.pull_bytes_per_month, p.requests_at_once, p.namespaces, \
             l.storage_bytes, l.pull_bytes_per_month, \
             COALESCE(s.byte_hours, 0), COALESCE(s.hours, 0), COALESCE(s.peak_bytes, 0), s.plan, \
             COALESCE(t.pull_bytes, 0), COALESCE(t.pulls, 0), COALESCE(t.pushes, 0) \
             FROM account_usage u \
             LEFT JOIN account_terms c ON c.account_id = u.account_id \
             LEFT JOIN plans p ON p.id = c.plan_id \
             LEFT JOIN account_limits l ON l.account_id = u.account_id \
             LEFT JOIN account_storage s ON s.account_id = u.account_id AND s.month = ?2 \
             LEFT JOIN account_traffic t ON t.account_id = u.account_id AND t.month = ?2 \
             WHERE u.account_id = ?1";
        let params = params![account.as_str(), month];
        self.connection.get(SQL, params, |row| {
            let of_plan = PlanLimits {
                storage_bytes: limit(row, 4, "plans.storage_bytes")?,
                pull_bytes_per_month: limit(row, 5, "plans.pull_bytes_per_month")?,
                requests_at_once: limit(row, 6, "plans.requests_at_once")?,
                namespaces: limit(row, 7, "plans.namespaces")?,
            };
            Ok(AccountNow {
                plan: row.optional_text(3)?.map(|name| (name, of_plan)),
                own: account_limits::read_limits(row, 8)?,
                used_bytes: row.size(0, "account_usage.used_bytes")?,
                limit_bytes: limit(row, 1, "account_usage.limit_bytes")?,
                namespaces: row.size(2, "count of namespaces")?,
                storage: read_storage(row, 10)?,
                traffic: read_traffic(row, 14)?,
            })
        })
    }
}
