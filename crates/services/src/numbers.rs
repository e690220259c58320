//! Harbor's numbers for what has an id here, given when first asked for.

use crate::core::Core;
use crate::{Error, Result};
use metadata::Numbered;
use model::AccountId;
use quick_cache::sync::Cache;
use std::collections::HashMap;
use std::sync::Arc;

/// Numbers that are remembered; of some 200 bytes each.
const REMEMBERED: usize = 16_384;

/// Numbers that were read or given before. What an id's number is never changes, whoever gave it.
pub(crate) struct KnownNumbers(Cache<(Numbered, String), i64>);

impl Default for KnownNumbers {
    fn default() -> Self {
        Self(Cache::new(REMEMBERED))
    }
}

impl KnownNumbers {
    fn find(&self, kind: Numbered, id: &str) -> Option<i64> {
        self.0.get(&(kind, id.to_owned()))
    }

    fn remember(&self, kind: Numbered, id: &str, number: i64) {
        self.0.insert((kind, id.to_owned()), number);
    }
}

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
        let remembered = |id: &&str| Some(((*id).to_owned(), self.known_numbers.find(kind, id)?));
        let mut known: HashMap<String, i64> = ids.iter().filter_map(remembered).collect();
        let left = |known: &HashMap<String, i64>| {
            let left = ids.iter().copied().filter(|id| !known.contains_key(*id));
            left.collect::<Vec<&str>>()
        };
        let asked = left(&known);
        if asked.is_empty() {
            return Ok(Numbers(known));
        }
        let found = self
            .metadata
            .read(|reader| Ok::<_, Error>(reader.find_numbers(account, kind, &asked)?));
        known.extend(found.await?);
        let unknown: Vec<String> = left(&known).into_iter().map(str::to_owned).collect();
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
        for id in asked {
            if let Some(number) = known.get(id) {
                self.known_numbers.remember(kind, id, *number);
            }
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
