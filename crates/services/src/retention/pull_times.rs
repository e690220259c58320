//! Whether rules that go by pulls can be followed: for that it has to be written down when things were pulled, all the time that
//! a rule looks back.

use super::Retention;
use crate::account_settings::pull_times_since;
use crate::core::Core;
use crate::{Error, Result};
use metadata::Reader;
use model::retention::{DAY_MS, Rules};
use model::{AccountId, NamespaceId};
use std::time::Duration;

/// By then other replicas have written what they had counted before: they do that every two seconds.
const OTHERS_WRITE_WITHIN: Duration = Duration::from_secs(6);

/// Why rules cannot be followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unknown {
    /// Nobody writes down when things are pulled.
    NotKept,
    /// That is known only since a time, and a rule looks back further: it can be followed from the second time on.
    Hole(i64, i64),
}

impl Unknown {
    pub(super) fn text(self) -> String {
        match self {
            Self::NotKept => "a rule goes by when artifacts were pulled, and the account or the namespace does not keep that; change one of them".to_owned(),
            Self::Hole(since_ms, until_ms) => format!(
                "a rule goes by when artifacts were pulled, and it is known without a gap only since {}: what was pulled before would \
                 look as if nobody had; it can be followed from {} on",
                crate::usage::time_text(since_ms),
                crate::usage::time_text(until_ms)
            ),
        }
    }
}

/// Since when it is known when the artifacts of a namespace were pulled, 0 for always, if that is enough for rules.
pub(super) fn known_since(
    reader: &Reader<'_>,
    (account, namespace): (&AccountId, &NamespaceId),
    rules: &Rules,
    now_ms: i64,
) -> Result<Result<i64, Unknown>> {
    if !rules.ask_for_pulls() {
        return Ok(Ok(0));
    }
    let stored = reader.find_pull_times(account, namespace)?;
    let Some(since_ms) = pull_times_since(&stored) else {
        return Ok(Err(Unknown::NotKept));
    };
    let period_ms = i64::from(rules.pull_days().unwrap_or(0)) * DAY_MS;
    if since_ms > now_ms.saturating_sub(period_ms) {
        return Ok(Err(Unknown::Hole(since_ms, since_ms + period_ms)));
    }
    Ok(Ok(since_ms))
}

/// The same outside of a transaction.
pub(super) async fn known(
    core: &Core,
    (account, namespace): (&AccountId, &NamespaceId),
    rules: &Rules,
) -> Result<Result<i64, Unknown>> {
    let now_ms = core.now_ms();
    let read = core
        .metadata
        .read(|reader| known_since(reader, (account, namespace), rules, now_ms));
    read.await
}

impl Retention {
    /// Has written what was counted of pulls, here and elsewhere, before a plan goes by it.
    pub(super) async fn settle_pulls(&self, rules: &Rules, is_patient: bool) -> Result<()> {
        if !rules.ask_for_pulls() {
            return Ok(());
        }
        self.traffic.flush_pulls().await?;
        if is_patient && self.core.metadata.is_shared() {
            let since_ms = self.core.now_ms() - crate::replicas::GONE_AFTER_MS;
            let listed = self
                .core
                .metadata
                .read(move |reader| Ok::<_, Error>(reader.list_replicas(since_ms)?));
            if listed.await?.len() > 1 {
                tokio::time::sleep(OTHERS_WRITE_WITHIN).await;
            }
        }
        Ok(())
    }

    /// Asks whether nobody of an older release serves: what is pushed there again would look old.
    ///
    /// # Errors
    /// [`Error::NotNow`] while there is one.
    pub(super) async fn require_no_older(&self) -> Result<()> {
        let since_ms = self.core.now_ms() - crate::replicas::GONE_AFTER_MS;
        let asked = self
            .core
            .metadata
            .read(move |reader| Ok::<_, Error>(reader.is_older_replica_there(since_ms)?));
        if asked.await? {
            let why = "a program of an older release serves beside this one, and retention would not see what is pushed there; \
                       it goes on when all are of this release";
            return Err(Error::NotNow(why.to_owned()));
        }
        Ok(())
    }
}
