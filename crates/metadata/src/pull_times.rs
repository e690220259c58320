//! Since when it is known when things were pulled: for a time in which that was not kept, nobody can say.

use crate::account_settings::AccountSettings;
use crate::connection::params;
use crate::error::Result;
use crate::namespace_settings::{NamespaceSettings, read_settings};
use crate::{Reader, Tx};
use model::{AccountId, NamespaceId};

/// What a statement that changes an account's terms, and `updated_at_ms`, says of the times of pulls: what an older program
/// wrote last may have switched them off and on, at the latest when it wrote. The columns are named as they were before.
macro_rules! carry_pull_times {
    () => {
        carry_pull_times!("")
    };
    ($of:literal) => {
        concat!(
            "pull_times_since_ms = CASE WHEN ",
            $of,
            "noted_at_ms = ",
            $of,
            "updated_at_ms THEN ",
            $of,
            "pull_times_since_ms ELSE ",
            $of,
            "updated_at_ms END"
        )
    };
}
pub(crate) use carry_pull_times;

/// What decides whether, and since when, the times of pulls are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PullTimes {
    /// The account's settings.
    pub settings: AccountSettings,
    /// The namespace's own.
    pub namespace_settings: NamespaceSettings,
    /// When that they are kept may last have changed for the account, in milliseconds; `None` if it never did.
    pub account_since_ms: Option<i64>,
    /// The same for the namespace.
    pub namespace_since_ms: Option<i64>,
}

impl Reader<'_> {
    /// What decides about the times of pulls in a namespace.
    pub fn find_pull_times(
        &self,
        account: &AccountId,
        namespace: &NamespaceId,
    ) -> Result<PullTimes> {
        const OF_ACCOUNT: &str = "SELECT CASE WHEN noted_at_ms = updated_at_ms THEN pull_times_since_ms \
             ELSE updated_at_ms END FROM account_terms WHERE account_id = ?1";
        const OF_NAMESPACE: &str =
            "SELECT settings, pull_times_since_ms FROM namespace_settings WHERE namespace_id = ?1";
        let connection = &self.connection;
        let of_account = connection.find(OF_ACCOUNT, params![account.as_str()], |row| {
            row.optional_int(0)
        })?;
        let of_namespace = connection.find(OF_NAMESPACE, params![namespace.as_str()], |row| {
            Ok((read_settings(&row.text(0)?)?, row.optional_int(1)?))
        })?;
        let (namespace_settings, namespace_since_ms) = of_namespace.unwrap_or_default();
        Ok(PullTimes {
            settings: self.find_account_settings(account)?,
            account_since_ms: of_account.flatten(),
            namespace_settings,
            namespace_since_ms,
        })
    }
}

impl Tx<'_> {
    /// Says since when an account keeps the times of pulls without a hole; `None` if it always did. After
    /// [`Tx::put_account_settings`].
    pub fn set_pull_times_since(
        &mut self,
        account: &AccountId,
        since_ms: Option<i64>,
    ) -> Result<()> {
        const SQL: &str = "UPDATE account_terms SET pull_times_since_ms = ?2 WHERE account_id = ?1";
        self.connection
            .execute(SQL, params![account.as_str(), since_ms])?;
        Ok(())
    }

    /// Says when a namespace's own switch for the times of pulls was changed. After [`Tx::put_namespace_settings`].
    pub fn set_namespace_pull_times_since(
        &mut self,
        namespace: &NamespaceId,
        since_ms: i64,
    ) -> Result<()> {
        const SQL: &str =
            "UPDATE namespace_settings SET pull_times_since_ms = ?2 WHERE namespace_id = ?1";
        self.connection
            .execute(SQL, params![namespace.as_str(), since_ms])?;
        Ok(())
    }
}
