//! What is written down of an account whose content was destroyed.

use crate::{Error, Result};
use metadata::AccountTerms;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What was destroyed of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The account's name, which nobody else gets.
    pub account: String,
    /// When the destruction began.
    pub begun_at_ms: i64,
    /// When nothing was left; `None` while it goes on.
    pub destroyed_at_ms: Option<i64>,
    /// How much it was: `repositories`, `manifests`, `namespaces`, `users`, `robots` and whatever else there was.
    pub counts: BTreeMap<String, u64>,
    /// Bytes that the account used. Those that other accounts use, too, stay stored for them.
    pub bytes: u64,
    /// The number and the link of the newest event in the account's chain when nothing was left; `None` while it goes on.
    pub audit: Option<(i64, String)>,
}

/// The same in the database.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Kept {
    pub(super) begun_at_ms: i64,
    pub(super) counts: BTreeMap<String, u64>,
    pub(super) bytes: u64,
    pub(super) audit: Option<(i64, String)>,
}

impl Kept {
    /// What is gone so far.
    pub(super) fn of(terms: &AccountTerms, now_ms: i64) -> Result<Self> {
        let Some(text) = &terms.receipt else {
            return Ok(Self {
                begun_at_ms: now_ms,
                ..Self::default()
            });
        };
        serde_json::from_str(text).map_err(|error| {
            tracing::error!(%error, "a receipt cannot be read");
            Error::Internal
        })
    }

    pub(super) fn add(&mut self, what: &str, count: usize) {
        if count > 0 {
            *self.counts.entry(what.to_owned()).or_default() += count as u64;
        }
    }

    pub(super) fn count(&self, what: &str) -> u64 {
        self.counts.get(what).copied().unwrap_or(0)
    }

    pub(super) fn to_text(&self) -> Result<String> {
        serde_json::to_string(self).map_err(|error| {
            tracing::error!(%error, "a receipt cannot be written");
            Error::Internal
        })
    }
}

impl Receipt {
    pub(super) fn of(account: &str, terms: &AccountTerms) -> Result<Self> {
        let kept = Kept::of(terms, 0)?;
        Ok(Self {
            account: account.to_owned(),
            begun_at_ms: kept.begun_at_ms,
            destroyed_at_ms: terms.destroyed_at_ms,
            counts: kept.counts,
            bytes: kept.bytes,
            audit: kept.audit,
        })
    }
}
