//! Harbor's numbers for what has an id here, given when first asked for.

use crate::core::Core;
use crate::{Error, Result};
use metadata::Numbered;
use model::AccountId;
use std::collections::HashMap;
use std::sync::Arc;

/// The numbers of some ids of one kind.
#[derive(Clone, Debug, Default)]
pub(crate) struct Numbers(HashMap<String, i64>);

impl Numbers {
    /// The number of an id that was asked for.
    ///
    /// # Errors
    /// [`Error::Internal`] for one that was not.
    pub(crate) fn of(&self, id: &str) -> Result<i64> {
        self.0.get(id).copied().ok_or_else(|| {
            tracing::error!(id, "a number was not asked for");
            Error::Internal
        })
    }
}

impl Core {
    /// The numbers of some ids of an account; those that have none get one, in the order given.
    pub(crate) async fn numbers(
        self: &Arc<Self>,
        account: &AccountId,
        kind: Numbered,
        ids: &[&str],
    ) -> Result<Numbers> {
        if ids.is_empty() {
            return Ok(Numbers::default());
        }
        let mut known = self
            .metadata
            .read(|reader| Ok::<_, Error>(reader.find_numbers(account, kind, ids)?))
            .await?;
        let unknown: Vec<String> = ids
            .iter()
            .filter(|id| !known.contains_key(**id))
            .map(|id| (*id).to_owned())
            .collect();
        if !unknown.is_empty() {
            let account = account.clone();
            // A number that was shown must never be given again, so this lasts.
            let given = self.metadata.write(move |tx| {
                let mut given = Vec::with_capacity(unknown.len());
                for id in unknown {
                    let number = tx.give_number(&account, kind, &id)?;
                    given.push((id, number));
                }
                Ok::<_, Error>(given)
            });
            known.extend(given.await?);
        }
        Ok(Numbers(known))
    }

    /// The number of one id.
    pub(crate) async fn number(
        self: &Arc<Self>,
        account: &AccountId,
        kind: Numbered,
        id: &str,
    ) -> Result<i64> {
        self.numbers(account, kind, &[id]).await?.of(id)
    }

    /// The id that a number stands for in an account.
    pub(crate) async fn find_numbered(
        &self,
        account: &AccountId,
        kind: Numbered,
        number: i64,
    ) -> Result<Option<String>> {
        self.metadata
            .read(|reader| Ok(reader.find_numbered(account, kind, number)?))
            .await
    }
}
