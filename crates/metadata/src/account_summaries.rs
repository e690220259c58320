//! Accounts as whoever runs the deployment looks through them, and how much there is of everything.

use crate::Reader;
use crate::connection::{Row, params, parse_column};
use crate::error::Result;
use crate::fragments::Fragment;
use model::{Account, AccountId, AccountState, UserId};

/// Which accounts are looked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountFilter {
    /// What the name begins with, whatever the case of its letters; empty for any.
    pub name: String,
    /// The state as people see it: `active`, `suspended`, `closing` or `closed`; empty for any.
    pub state: String,
    /// The plan's name; empty for any.
    pub plan: String,
}

/// An account in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountSummary {
    /// The account.
    pub account: Account,
    /// Its state as people see it: `active`, `suspended`, `closing` or `closed`.
    pub state: String,
    /// The name of its plan.
    pub plan: Option<String>,
    /// Bytes of its distinct digests.
    pub used_bytes: u64,
    /// What it may use; `None` for as much as there is.
    pub limit_bytes: Option<u64>,
    /// When it was made.
    pub created_at_ms: i64,
}

/// How much there is in a deployment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeploymentCounts {
    /// How many accounts are in each state that any is in, by the state as people see it.
    pub accounts: Vec<(String, u64)>,
    /// How many accounts have each plan, by its name.
    pub plans: Vec<(String, u64)>,
    /// Accounts without a plan.
    pub without_plan: u64,
    /// Namespaces of all accounts.
    pub namespaces: u64,
    /// The sum of what the accounts use. Bytes that several use count once for each.
    pub used_bytes: u64,
}

/// An account's state as people see it; see [`AccountTerms::shown_state`](crate::AccountTerms::shown_state).
macro_rules! shown_state {
    () => {
        "CASE WHEN t.destroyed_at_ms IS NOT NULL THEN 'closed' WHEN t.destroy_at_ms IS NOT NULL THEN 'closing' \
         WHEN a.state = 'active' THEN 'active' ELSE 'suspended' END"
    };
}

/// Accounts by name, in the order of its bytes, which is not the one that every PostgreSQL database sorts in.
macro_rules! summaries {
    ($joined:literal, $order:literal) => {
        concat!(
            "SELECT a.id, a.name, a.state, a.creates_namespaces_on_push, ",
            shown_state!(),
            ", p.name, u.used_bytes, u.limit_bytes, a.created_at_ms FROM accounts a ",
            $joined,
            " WHERE a.name",
            $order,
            " >= ?1 AND a.name <> ?2 AND a.name",
            $order,
            " < ?3 AND (?4 = '' OR ",
            shown_state!(),
            " = ?4) AND (?5 = '' OR p.name = ?5) ORDER BY a.name",
            $order,
            " LIMIT ?6"
        )
    };
}
const SUMMARIES: Fragment = Fragment {
    sqlite: summaries!(
        "JOIN account_usage u ON u.account_id = a.id LEFT JOIN account_terms t ON t.account_id = a.id \
         LEFT JOIN plans p ON p.id = t.plan_id",
        ""
    ),
    // The limits of one keep it from joining the whole tables for a page.
    postgres: summaries!(
        "CROSS JOIN LATERAL (SELECT * FROM account_usage WHERE account_id = a.id LIMIT 1) u \
         LEFT JOIN LATERAL (SELECT * FROM account_terms WHERE account_id = a.id LIMIT 1) t ON TRUE \
         LEFT JOIN LATERAL (SELECT * FROM plans WHERE id = t.plan_id LIMIT 1) p ON TRUE",
        " COLLATE \"C\""
    ),
};

fn read_summary(row: &Row<'_>) -> Result<AccountSummary> {
    let limit = row.optional_int(7)?;
    Ok(AccountSummary {
        account: Account {
            id: AccountId::new(row.text(0)?),
            name: row.text(1)?,
            state: parse_column("accounts.state", AccountState::parse(&row.text(2)?))?,
            creates_namespaces_on_push: row.flag(3)?,
        },
        state: row.text(4)?,
        plan: row.optional_text(5)?,
        used_bytes: row.size(6, "account_usage.used_bytes")?,
        limit_bytes: limit.and_then(|limit| u64::try_from(limit).ok()),
        created_at_ms: row.int(8)?,
    })
}

impl Reader<'_> {
    /// The deployment's accounts by name, after `after`.
    pub fn list_account_summaries(
        &self,
        filter: &AccountFilter,
        after: &str,
        limit: i64,
    ) -> Result<Vec<AccountSummary>> {
        let begins = filter.name.to_ascii_lowercase();
        let first = after.max(begins.as_str());
        // Names are of letters, digits and hyphens: this comes after them all.
        let end = format!("{begins}{{");
        let params = params![first, after, &end, &filter.state, &filter.plan, limit];
        let sql = self.connection.text_of(&SUMMARIES);
        self.connection.list(sql, params, read_summary)
    }

    /// The accounts that a user has something to do with, by name, after `after`: it is a member.
    pub fn list_accounts_of_user(
        &self,
        user: &UserId,
        after: &str,
        limit: i64,
    ) -> Result<Vec<AccountSummary>> {
        const SQL: &str = concat!(
            "SELECT a.id, a.name, a.state, a.creates_namespaces_on_push, ",
            shown_state!(),
            ", p.name, u.used_bytes, u.limit_bytes, a.created_at_ms FROM memberships m \
             JOIN accounts a ON a.id = m.account_id JOIN account_usage u ON u.account_id = a.id \
             LEFT JOIN account_terms t ON t.account_id = a.id LEFT JOIN plans p ON p.id = t.plan_id \
             WHERE m.user_id = ?1 AND a.name > ?2 ORDER BY a.name LIMIT ?3"
        );
        let params = params![user.as_str(), after, limit];
        self.connection.list(SQL, params, read_summary)
    }

    /// How much there is in the deployment.
    pub fn count_deployment(&self) -> Result<DeploymentCounts> {
        const STATES: &str = concat!(
            "SELECT shown, COUNT(*) FROM (SELECT ",
            shown_state!(),
            " AS shown FROM accounts a LEFT JOIN account_terms t ON t.account_id = a.id) counted \
             GROUP BY shown ORDER BY shown /* of the inventory */"
        );
        const PLANS: &str = "SELECT p.name, COUNT(t.account_id) FROM plans p \
             LEFT JOIN account_terms t ON t.plan_id = p.id GROUP BY p.name ORDER BY p.name \
             /* of the inventory */";
        const WITHOUT_PLAN: &str = "SELECT COUNT(*) FROM accounts a WHERE NOT EXISTS \
             (SELECT 1 FROM account_terms t WHERE t.account_id = a.id AND t.plan_id IS NOT NULL) \
             /* of the inventory */";
        const NAMESPACES: &str = "SELECT COUNT(*) FROM namespaces /* of the inventory */";
        const USED: &str = "SELECT COALESCE(CAST(SUM(used_bytes) AS BIGINT), 0) FROM account_usage \
             /* of the inventory */";
        let counted = |row: &Row<'_>| Ok((row.text(0)?, row.size(1, "count of accounts")?));
        let number = |sql: &'static str| {
            self.connection
                .get(sql, params![], |row| row.size(0, "count of a deployment"))
        };
        Ok(DeploymentCounts {
            accounts: self.connection.list(STATES, params![], counted)?,
            plans: self.connection.list(PLANS, params![], counted)?,
            without_plan: number(WITHOUT_PLAN)?,
            namespaces: number(NAMESPACES)?,
            used_bytes: number(USED)?,
        })
    }
}
