//! The proof that running totals equal what they should add up to, a few accounts at a time.

use super::Maintenance;
use crate::{Error, Result};
use model::{AccountId, Event, NamespaceId};

/// The pass's name in its row.
const PASS: &str = "usage";
/// Accounts compared at once.
const ACCOUNTS: i64 = 20;
/// From the beginning of one round to that of the next.
const ROUND_MS: i64 = 86_400_000;

/// Digests compared at once: each page seeks once in every repository of the account, so that more is cheaper.
const DIGESTS: i64 = 10_000;

/// What an account uses, in bytes, and whether it is counted rightly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct UsageComparison {
    /// The running total, which limits are held against.
    pub(super) running: u64,
    /// The sum of the digests that are counted, at the same moment.
    pub(super) counted: u64,
    /// The sum of what the manifests refer to, each digest once; not all of it at the same moment.
    pub(super) referenced: u64,
    /// Digests among which something is not counted as it is referred to.
    pub(super) miscounted: u64,
}

impl UsageComparison {
    pub(super) fn is_right(&self) -> bool {
        self.running == self.counted && self.miscounted == 0
    }
}

/// What one step of the proof came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UsageStep {
    /// Accounts compared.
    pub compared: u64,
    /// Running totals that were wrong, and are right now.
    pub corrected: u64,
    /// Accounts whose references are counted wrongly. That is only told: it is no arithmetic to be put right unseen.
    pub miscounted: u64,
}

impl Maintenance {
    /// Compares some accounts' running totals with their sums, and corrects them. Everyone's turn comes once a day; call
    /// again while any are compared.
    pub async fn prove_usage(&self) -> Result<UsageStep> {
        let mut pass = self.pass(PASS).await?;
        let is_between_rounds = pass.position.is_empty()
            && pass
                .finished_at_ms
                .is_some_and(|at_ms| self.core.now_ms() < at_ms + ROUND_MS);
        if is_between_rounds {
            return Ok(UsageStep::default());
        }
        let after = pass.position.clone();
        let accounts = self
            .core
            .metadata
            .list(move |reader| Ok::<_, Error>(reader.list_account_ids(&after, ACCOUNTS)?))
            .await?;
        let mut step = UsageStep::default();
        for account in &accounts {
            self.prove_usage_of(account, &mut step).await?;
        }
        if accounts.is_empty() {
            step.corrected += self.correct_limited_namespaces().await?;
        }
        if let Some(last) = accounts.last() {
            last.as_str().clone_into(&mut pass.position);
        }
        pass.checked += step.compared;
        pass.problems += step.corrected + step.miscounted;
        self.note_pass(pass, accounts.is_empty()).await?;
        self.tally.add_wrong_usage(step.corrected + step.miscounted);
        Ok(step)
    }

    async fn prove_usage_of(&self, account: &AccountId, step: &mut UsageStep) -> Result<()> {
        let Some(compared) = self.count_usage(account).await? else {
            return Ok(());
        };
        step.compared += 1;
        if compared.running != compared.counted {
            step.corrected += u64::from(self.correct_usage(account).await?);
        }
        if compared.miscounted > 0 {
            tracing::error!(
                %account, digests = compared.miscounted,
                "an account's references are counted wrongly; its usage is not what its images add up to"
            );
            step.miscounted += 1;
        }
        let account = account.clone();
        self.core
            .metadata
            .write_relaxed(move |tx| Ok(tx.review_unreferenced_blobs(&account).map(drop)?))
            .await
    }

    /// Counts namespaces with a limit of their own anew, each in one transaction. Says how many running totals were wrong.
    async fn correct_limited_namespaces(&self) -> Result<u64> {
        let (mut after, mut corrected) = (String::new(), 0);
        loop {
            let from = after.clone();
            let page = self.core.metadata.list(move |reader| {
                Ok::<_, Error>(reader.list_limited_namespaces(&from, ACCOUNTS)?)
            });
            let page = page.await?;
            let Some(last) = page.last() else {
                return Ok(corrected);
            };
            last.as_str().clone_into(&mut after);
            for namespace in page {
                corrected += u64::from(self.correct_namespace(namespace).await?);
            }
        }
    }

    async fn correct_namespace(&self, namespace: NamespaceId) -> Result<bool> {
        let core = self.core.clone();
        self.core
            .metadata
            .write(move |tx| {
                let Some((was, is)) = tx.correct_namespace_usage(&namespace)? else {
                    return Ok(false);
                };
                tracing::error!(%namespace, was, is, "a namespace's running total was wrong and is corrected");
                if let Some(namespace) = tx.find_namespace_by_id(&namespace)? {
                    let account = &namespace.account_id;
                    core.record_by_itself(tx, &Event::UsageCorrected { was, is }, account)?;
                }
                Ok(true)
            })
            .await
    }

    /// However large an account is, no question takes long: its digests are compared a page at a time. `None` when there
    /// is no such account any more.
    pub(super) async fn count_usage(&self, account: &AccountId) -> Result<Option<UsageComparison>> {
        let of = account.clone();
        let totals = self
            .core
            .metadata
            .list(move |reader| Ok::<_, Error>(reader.find_usage_totals(&of)?));
        let Some((running, counted)) = totals.await? else {
            return Ok(None);
        };
        let mut compared = UsageComparison {
            running,
            counted,
            ..UsageComparison::default()
        };
        let mut after = String::new();
        loop {
            let of = account.clone();
            let page = self.core.metadata.list(move |reader| {
                Ok::<_, Error>(reader.compare_usage_page(&of, &after, DIGESTS)?)
            });
            let page = page.await?;
            compared.referenced += page.referenced.bytes;
            if page.counted != page.referenced {
                compared.miscounted += page.counted.digests.max(page.referenced.digests);
            }
            match page.last {
                Some(last) => after = last,
                None => return Ok(Some(compared)),
            }
        }
    }

    async fn correct_usage(&self, account: &AccountId) -> Result<bool> {
        let (core, account) = (self.core.clone(), account.clone());
        self.core
            .metadata
            .write(move |tx| {
                let Some((was, is)) = tx.correct_usage(&account)? else {
                    return Ok(false);
                };
                tracing::error!(%account, was, is, "an account's running total was wrong and is corrected");
                core.record_by_itself(tx, &Event::UsageCorrected { was, is }, &account)?;
                Ok(true)
            })
            .await
    }

    /// What an account's running total is, and what its manifests add up to, in bytes.
    pub async fn compare_usage(&self, account: &AccountId) -> Result<(u64, u64)> {
        let compared = self.count_usage(account).await?;
        Ok(compared.map_or((0, 0), |compared| (compared.running, compared.referenced)))
    }
}
