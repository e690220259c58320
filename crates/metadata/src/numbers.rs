//! The numbers by which Harbor's API names things: counted per account and kind, from 1, and never used again.

use crate::connection::{Param, params};
use crate::error::Result;
use crate::query::places;
use crate::{Reader, Tx};
use model::AccountId;
use std::collections::HashMap;

/// What is numbered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Numbered {
    /// Namespaces: Harbor's projects, and their quotas.
    Namespace,
    /// Repositories.
    Repository,
    /// Manifests: Harbor's artifacts.
    Manifest,
    /// Tags, by manifest and name.
    Tag,
    /// Users.
    User,
    /// Groups.
    Group,
    /// Grants: Harbor's members.
    Grant,
    /// Robot accounts.
    Robot,
    /// Labels.
    Label,
    /// Retention policies.
    RetentionPolicy,
    /// Runs of retention policies.
    RetentionRun,
    /// What such runs did in one repository.
    RetentionTask,
    /// Jobs that people see as executions of something.
    Job,
    /// Schedules.
    Schedule,
    /// Webhooks.
    Webhook,
    /// Rules of immutability.
    ImmutabilityRule,
}

impl Numbered {
    fn word(self) -> &'static str {
        match self {
            Self::Namespace => "namespace",
            Self::Repository => "repository",
            Self::Manifest => "manifest",
            Self::Tag => "tag",
            Self::User => "user",
            Self::Group => "group",
            Self::Grant => "grant",
            Self::Robot => "robot",
            Self::Label => "label",
            Self::RetentionPolicy => "retention_policy",
            Self::RetentionRun => "retention_run",
            Self::RetentionTask => "retention_task",
            Self::Job => "job",
            Self::Schedule => "schedule",
            Self::Webhook => "webhook",
            Self::ImmutabilityRule => "immutability_rule",
        }
    }
}

/// Ids asked for at once: the text of a question stays short.
const AT_ONCE: usize = 100;

impl Reader<'_> {
    /// The id that a number stands for in an account.
    pub fn find_numbered(
        &self,
        account: &AccountId,
        kind: Numbered,
        number: i64,
    ) -> Result<Option<String>> {
        const SQL: &str =
            "SELECT id FROM numbers WHERE account_id = ?1 AND kind = ?2 AND number = ?3";
        let params = params![account.as_str(), kind.word(), number];
        self.connection.find(SQL, params, |row| row.text(0))
    }

    /// The numbers that some ids have; those without one are left out.
    pub fn find_numbers(
        &self,
        account: &AccountId,
        kind: Numbered,
        ids: &[&str],
    ) -> Result<HashMap<String, i64>> {
        let mut numbers = HashMap::with_capacity(ids.len());
        for ids in ids.chunks(AT_ONCE) {
            let sql = format!(
                "SELECT id, number FROM numbers WHERE account_id = ?1 AND kind = ?2 AND id IN ({})",
                places(2, ids.len())
            );
            let mut params = vec![Param::from(account.as_str()), Param::from(kind.word())];
            params.extend(ids.iter().map(|id| Param::from(*id)));
            let found = self
                .connection
                .list_once(&sql, &params, |row| Ok((row.text(0)?, row.int(1)?)))?;
            numbers.extend(found);
        }
        Ok(numbers)
    }
}

impl Tx<'_> {
    /// Gives a number to an id that has none. Says which it has now.
    pub fn give_number(&mut self, account: &AccountId, kind: Numbered, id: &str) -> Result<i64> {
        const KNOWN: &str =
            "SELECT number FROM numbers WHERE account_id = ?1 AND kind = ?2 AND id = ?3";
        const HIGHEST: &str = "INSERT INTO number_counters (account_id, kind, highest) VALUES (?1, ?2, 1) \
             ON CONFLICT (account_id, kind) DO UPDATE SET highest = number_counters.highest + 1 RETURNING highest";
        const BACK: &str =
            "UPDATE number_counters SET highest = highest - 1 WHERE account_id = ?1 AND kind = ?2";
        const GIVE: &str =
            "INSERT INTO numbers (account_id, kind, number, id) VALUES (?1, ?2, ?3, ?4)";
        let (account, word) = (account.as_str(), kind.word());
        // Whoever gives a number of this kind at the same time waits here, and then sees what was given.
        let number = self
            .connection
            .get(HIGHEST, params![account, word], |row| row.int(0))?;
        let known = self
            .connection
            .find(KNOWN, params![account, word, id], |row| row.int(0))?;
        if let Some(known) = known {
            self.connection.execute(BACK, params![account, word])?;
            return Ok(known);
        }
        self.connection
            .execute(GIVE, params![account, word, number, id])?;
        Ok(number)
    }
}
