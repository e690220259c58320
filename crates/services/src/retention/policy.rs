//! Policies as they are stored: understood, made, written anew, and when they run.

use super::{Retention, RetentionText, ends, work};
use crate::account_access::AccountContext;
use crate::core::Core;
use crate::job_queue::next_of;
use crate::{Error, Result};
use metadata::{Error as MetadataError, NewSchedule, Numbered, RetentionPolicyRow, Tx};
use model::retention::{RuleText, Rules};
use model::{AccountId, Event, JobKind, NamespaceId, ScheduleId};
use std::collections::HashMap;
use std::sync::Arc;

/// A text that was understood: its rules as JSON, and when it runs.
#[derive(Clone)]
pub(super) struct Checked {
    pub(super) rules: Rules,
    pub(super) json: String,
    pub(super) cron: Option<String>,
    pub(super) next_ms: Option<i64>,
}

impl Retention {
    pub(super) fn check(&self, text: RetentionText) -> Result<Checked> {
        let rules = Rules::parse(text.rules).map_err(|error| match error {
            model::retention::RulesError::Same(..) => {
                Error::AlreadyExists(format!("a rule twice: {error}; it"))
            }
            error => Error::Invalid(error.to_string()),
        })?;
        let cron = text.cron.filter(|cron| !cron.trim().is_empty());
        let next_ms = cron
            .as_deref()
            .map(|cron| next_of(cron, self.core.now_ms()))
            .transpose()?;
        let json = serde_json::to_string(&rules.texts()).map_err(|_| Error::Internal)?;
        Ok(Checked {
            rules,
            json,
            cron,
            next_ms,
        })
    }
}

/// Harbor's numbers for the policies of some namespaces, by the namespaces' ids. Those without one are left out.
pub(crate) async fn numbers_of(
    core: &Arc<Core>,
    account: &AccountId,
    namespaces: &[&str],
) -> Result<HashMap<String, i64>> {
    let ids: Vec<NamespaceId> = namespaces.iter().map(|id| NamespaceId::new(*id)).collect();
    let found = core
        .metadata
        .list(move |reader| Ok::<_, Error>(reader.find_retention_policies_of(&ids)?));
    let found = found.await?;
    let ids: Vec<&str> = found.values().map(String::as_str).collect();
    let numbers = core
        .numbers(account, Numbered::RetentionPolicy, &ids)
        .await?;
    let numbered = found
        .iter()
        .map(|(namespace, id)| Ok((namespace.clone(), numbers.of(id)?)));
    numbered.collect()
}

pub(super) fn no_policy(namespace: &str) -> Error {
    Error::NotFound(format!("a retention policy of the namespace {namespace}"))
}

const SCHEDULE_PREFIX: &str = "retention:";

pub(super) fn schedule_name(policy: &str) -> String {
    format!("{SCHEDULE_PREFIX}{policy}")
}

/// The policy that the schedule of a name is of.
pub(crate) fn policy_of_schedule(name: &str) -> Option<&str> {
    name.strip_prefix(SCHEDULE_PREFIX)
}

pub(super) fn rules_of(json: &str) -> Result<Vec<RuleText>> {
    serde_json::from_str(json).map_err(|error| {
        tracing::error!(%error, "stored retention rules cannot be read");
        Error::Internal
    })
}

pub(super) fn text_of(json: &str, cron: Option<&str>) -> Result<RetentionText> {
    Ok(RetentionText {
        rules: rules_of(json)?,
        cron: cron.map(str::to_owned),
    })
}

fn follow_schedule(
    core: &Core,
    tx: &mut Tx<'_>,
    account: &AccountId,
    policy: &str,
    checked: &Checked,
) -> Result<()> {
    let name = schedule_name(policy);
    let (Some(cron), Some(next_run_at_ms)) = (checked.cron.as_deref(), checked.next_ms) else {
        tx.delete_schedule_named(account, &name)?;
        return Ok(());
    };
    let kind = JobKind::RUN_RETENTION;
    let schedule = NewSchedule {
        id: &ScheduleId::new(core.ids.next_id()),
        account_id: Some(account),
        name: &name,
        kind: kind.name,
        payload: &work::payload(policy, None),
        max_attempts: kind.max_attempts,
        every_ms: None,
        cron: Some(cron),
        next_run_at_ms,
    };
    Ok(tx.put_schedule(&schedule, core.now_ms())?)
}

/// Makes the policy of a namespace, by account, id and name. Answers with its id and the event.
pub(super) fn create(
    core: &Core,
    tx: &mut Tx<'_>,
    (account, namespace, name): (&AccountId, &NamespaceId, &str),
    checked: &Checked,
) -> Result<(String, Event)> {
    let now_ms = core.now_ms();
    let row = RetentionPolicyRow {
        id: core.ids.next_id(),
        account_id: account.clone(),
        namespace_id: namespace.clone(),
        rules: checked.json.clone(),
        cron: checked.cron.clone(),
        created_at_ms: now_ms,
        updated_at_ms: now_ms,
    };
    tx.create_retention_policy(&row)
        .map_err(|error| match error {
            MetadataError::AlreadyExists => {
                Error::AlreadyExists(format!("a retention policy of the namespace {name}"))
            }
            MetadataError::ReferenceViolated => Error::NotFound(format!("the namespace {name}")),
            error => error.into(),
        })?;
    follow_schedule(core, tx, account, &row.id, checked)?;
    let event = Event::RetentionPolicyCreated {
        namespace: name.to_owned(),
        rules: checked.rules.len(),
        cron: checked.cron.clone(),
    };
    Ok((row.id, event))
}

pub(super) fn update(
    core: &Core,
    tx: &mut Tx<'_>,
    (id, namespace): (&str, &str),
    checked: &Checked,
    by: &AccountContext,
) -> Result<Event> {
    if tx.take_retention_policy(id)?.is_none() {
        return Err(no_policy(namespace));
    }
    ends::end_going(core, tx, id, ("the policy was changed", Some(by)))?;
    tx.update_retention_policy(id, &checked.json, checked.cron.as_deref(), core.now_ms())?;
    follow_schedule(core, tx, by.id(), id, checked)?;
    Ok(Event::RetentionPolicyUpdated {
        namespace: namespace.to_owned(),
        rules: checked.rules.len(),
        cron: checked.cron.clone(),
    })
}
