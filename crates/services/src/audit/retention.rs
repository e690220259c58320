//! For how long an account keeps its audit log, and what goes when that is over.

use super::keeping::purge_some;
use super::{Audit, Initiator};
use crate::access::Refused;
use crate::account_access::AccountContext;
use crate::core::Core;
use crate::{Error, Result};
use model::{AccountId, Action, Event};
use std::sync::Arc;

/// The longest time that has an end, in days: a hundred years.
const MAX_DAYS: i64 = 36_500;
const DAY_MS: i64 = 86_400_000;
/// Accounts of one question.
const PAGE: i64 = 200;

impl Audit {
    /// For how many days the account keeps its log; `None` for ever.
    pub async fn retention(&self, by: &AccountContext) -> Result<Option<i64>, Refused> {
        self.authorizer.require(by, Action::AuditLogList).await?;
        let found = self
            .core
            .metadata
            .read(|reader| Ok::<_, Error>(reader.find_audit_retention(by.id())?));
        Ok(found.await?)
    }

    /// Decides for how many days the account keeps its log; `None` for ever.
    ///
    /// # Errors
    /// [`Error::Invalid`] for fewer days than the deployment asks for.
    pub async fn set_retention(
        &self,
        by: &AccountContext,
        days: Option<i64>,
    ) -> Result<(), Refused> {
        self.authorizer.require(by, Action::AuditLogUpdate).await?;
        let least = self.core.settings.audit_log_min_days;
        if days.is_some_and(|days| !(least..=MAX_DAYS).contains(&days)) {
            return Err(Error::Invalid(format!(
                "an audit log is kept for {least} to {MAX_DAYS} days, or for ever"
            ))
            .into());
        }
        let changed = self.core.change(by, move |core, tx, account| {
            if tx.find_audit_retention(account)? == days {
                return Ok(((), None));
            }
            tx.put_audit_retention(account, days, core.now_ms())?;
            Ok(((), Some(Event::AuditLogKept { days })))
        });
        Ok(changed.await?)
    }

    /// Purges of each account's log some of what it does not keep any more. Says how many events went; call again while any
    /// do.
    pub async fn purge_old(&self) -> Result<usize> {
        let mut purged = 0;
        let mut after = AccountId::new("");
        loop {
            let from = after.clone();
            let accounts = self
                .core
                .metadata
                .list(move |reader| Ok::<_, Error>(reader.list_audit_retention(&from, PAGE)?));
            let accounts = accounts.await?;
            for (account, days) in &accounts {
                purged += purge_of(&self.core, account, *days).await?;
            }
            match accounts.last() {
                Some((last, _)) => after = last.clone(),
                None => return Ok(purged),
            }
        }
    }
}

async fn purge_of(core: &Arc<Core>, account: &AccountId, days: i64) -> Result<usize> {
    // Whatever the account once chose: the deployment may ask for more since.
    let days = days.max(core.settings.audit_log_min_days);
    let before_ms = core.now_ms() - days * DAY_MS;
    let (own, owner) = (core.clone(), Some(account.clone()));
    let purged = core.metadata.write(move |tx| {
        purge_some(
            &own,
            tx,
            (owner.as_ref(), before_ms),
            &Initiator::registry(),
        )
    });
    purged.await
}
