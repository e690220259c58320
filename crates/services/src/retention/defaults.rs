//! The policy that new namespaces of an account begin with.

use super::Checked;
use super::{Retention, RetentionText, create, text_of};
use crate::Error;
use crate::Result;
use crate::access::Refused;
use crate::account_access::AccountContext;
use crate::core::Core;
use metadata::Tx;
use model::retention::Rules;
use model::{AccountId, Action, Event, NamespaceId};

impl Retention {
    /// The policy that new namespaces begin with; `None` when they begin without one.
    pub async fn default_of(&self, by: &AccountContext) -> Result<Option<RetentionText>, Refused> {
        self.authorizer
            .require(by, Action::TagRetentionRead)
            .await?;
        let found = self
            .core
            .metadata
            .read(|reader| reader.find_retention_default(by.id()));
        let found = found.await.map_err(Error::from)?;
        let text = found.map(|row| text_of(&row.rules, row.cron.as_deref()));
        Ok(text.transpose()?)
    }

    /// Writes it. Namespaces that there are keep what they have.
    pub async fn set_default(
        &self,
        by: &AccountContext,
        text: RetentionText,
    ) -> Result<(), Refused> {
        self.authorizer
            .require(by, Action::TagRetentionUpdate)
            .await?;
        let checked = self.check(text)?;
        let set = self.core.change(by, move |core, tx, account| {
            tx.put_retention_default(
                account,
                &checked.json,
                checked.cron.as_deref(),
                core.now_ms(),
            )?;
            let event = Event::RetentionDefaultUpdated {
                rules: checked.rules.len(),
                cron: checked.cron,
            };
            Ok(((), Some(event)))
        });
        Ok(set.await?)
    }

    /// Lets new namespaces begin without one.
    ///
    /// # Errors
    /// [`Error::NotFound`] when they do.
    pub async fn delete_default(&self, by: &AccountContext) -> Result<(), Refused> {
        self.authorizer
            .require(by, Action::TagRetentionDelete)
            .await?;
        let deleted = self.core.change(by, move |_, tx, account| {
            if !tx.delete_retention_default(account)? {
                let what = "a retention policy for new namespaces";
                return Err(Error::NotFound(what.to_owned()));
            }
            Ok(((), Some(Event::RetentionDefaultDeleted {})))
        });
        Ok(deleted.await?)
    }
}

/// Gives a namespace that is being made the policy that its account's new ones begin with, and answers with the event, if
/// there is one. The same transaction makes the namespace.
pub(crate) fn begin_with_default(
    core: &Core,
    tx: &mut Tx<'_>,
    account: &AccountId,
    (id, name): (&NamespaceId, &str),
) -> Result<Option<Event>> {
    let Some(row) = tx.find_retention_default(account)? else {
        return Ok(None);
    };
    let text = text_of(&row.rules, row.cron.as_deref())?;
    let rules = Rules::parse(text.rules).map_err(|error| {
        tracing::error!(%error, "stored retention rules cannot be followed");
        Error::Internal
    })?;
    let next_ms = row
        .cron
        .as_deref()
        .map(|cron| crate::job_queue::next_of(cron, core.now_ms()));
    let checked = Checked {
        rules,
        json: row.rules,
        next_ms: next_ms.transpose()?,
        cron: row.cron,
    };
    let (_, event) = create(core, tx, (account, id, name), &checked)?;
    Ok(Some(event))
}
