//! Retention: the rules of namespaces that say which artifacts stay and which go.
//!
//! A policy is of one namespace. What follows it is a run, which is in `runs` (asked for, stopped, looked at), `work` (done by
//! a job) and `step` (what one transaction removes).

mod again;
mod defaults;
mod ends;
mod load;
mod look;
mod policy;
mod preview;
mod pull_times;
mod runs;
mod step;
mod tasks;
mod watch;
mod work;

pub(crate) use again::try_again;
pub(crate) use defaults::begin_with_default;
pub(crate) use ends::job_ended;
pub(crate) use load::{Loaded, MAX_MANIFESTS, load};
pub(crate) use look::is_known;
pub(crate) use policy::{numbers_of, policy_of_schedule};
pub use preview::{PreviewArtifact, PreviewRepository, RetentionPreview};
pub use runs::{RetentionRunView, RetentionTaskView};
pub use work::RetentionWork;
#[cfg(test)]
pub(crate) use {
    step::{At, Place, take},
    watch::planned,
};

use crate::access::Refused;
use crate::account_access::{AccountContext, NamespaceRef};
use crate::authorizer::Authorizer;
use crate::core::Core;
use crate::traffic::Traffic;
use crate::{Error, Result};
use metadata::{Error as MetadataError, NamespaceRow, Numbered, RetentionPolicyRow};
use model::retention::{RuleText, Rules};
use model::{Action, Event};
use policy::{Checked, create, no_policy, rules_of, schedule_name, text_of, update};
use std::sync::Arc;

/// Policies that one list shows.
const LISTED: i64 = 1000;

/// A policy as it is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetentionText {
    /// Its rules, 15 at most.
    pub rules: Vec<RuleText>,
    /// When it runs by itself, in the six fields of cron, seconds first, in UTC; `None` for by hand alone.
    pub cron: Option<String>,
}

/// A policy as people see it.
#[derive(Clone, Debug)]
pub struct RetentionView {
    /// Harbor's number for it.
    pub number: i64,
    /// The namespace's name.
    pub namespace: String,
    /// Harbor's number for the namespace.
    pub namespace_number: i64,
    /// What it says.
    pub text: RetentionText,
    /// When it was made.
    pub created_at_ms: i64,
    /// When it was last changed.
    pub updated_at_ms: i64,
    /// Why its rules cannot be followed at present; `None` when they can.
    pub note: Option<String>,
}

/// How a request names a policy.
#[derive(Clone, Copy, Debug)]
pub enum RetentionRef<'a> {
    /// By Harbor's number for it.
    Number(i64),
    /// By the namespace that it is of.
    Of(NamespaceRef<'a>),
}

/// Retention policies.
pub struct Retention {
    pub(crate) core: Arc<Core>,
    pub(crate) authorizer: Arc<Authorizer>,
    traffic: Arc<Traffic>,
    /// Manifests of one repository that are held in memory; in a larger one no rule is followed.
    pub(crate) most_manifests: usize,
    /// Artifacts of one repository that rules count and that are looked at in each step; where there are more, nothing goes.
    pub(crate) most_watched: usize,
}

impl Retention {
    pub(crate) fn new(core: Arc<Core>, authorizer: Arc<Authorizer>, traffic: Arc<Traffic>) -> Self {
        Self {
            core,
            authorizer,
            traffic,
            most_manifests: load::MAX_MANIFESTS,
            most_watched: watch::MAX_WATCHED,
        }
    }

    /// The policy of a namespace; `None` when it has none.
    pub async fn get_of(
        &self,
        by: &AccountContext,
        namespace: NamespaceRef<'_>,
    ) -> Result<Option<RetentionView>, Refused> {
        let action = Action::TagRetentionRead;
        let namespace = self.authorizer.namespace(by, namespace, action).await?;
        let id = &namespace.id;
        let found = self
            .core
            .metadata
            .read(|reader| reader.find_retention_policy_of(id));
        match found.await.map_err(Error::from)? {
            Some(row) => Ok(Some(self.view(by, row, &namespace).await?)),
            None => Ok(None),
        }
    }

    /// A policy.
    pub async fn get(&self, by: &AccountContext, number: i64) -> Result<RetentionView, Refused> {
        let named = RetentionRef::Number(number);
        let (row, namespace) = self.find(by, named, Action::TagRetentionRead).await?;
        Ok(self.view(by, row, &namespace).await?)
    }

    /// The policies of all namespaces whose policies the caller may see, by age: 1,000 at most.
    pub async fn list(&self, by: &AccountContext) -> Result<Vec<(String, RetentionText)>, Refused> {
        let action = Action::TagRetentionList;
        let who = by.authenticated();
        if who.caller.is_anonymous() {
            return Err(Refused::Unauthenticated);
        }
        crate::credential_scope::require_good_for(who, action)?;
        let visible = self
            .authorizer
            .visible_namespaces(who, by.id(), action)
            .await?;
        let account = by.id().clone();
        let listed = self.core.metadata.list(move |reader| {
            Ok::<_, Error>(reader.list_retention_policies(&account, "", LISTED)?)
        });
        let mut policies = Vec::new();
        for (row, name) in listed.await? {
            if visible.contains(&row.namespace_id) {
                policies.push((name, text_of(&row.rules, row.cron.as_deref())?));
            }
        }
        Ok(policies)
    }

    /// Gives a namespace a policy. Answers with Harbor's number for it.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`] when it has one, [`Error::Invalid`] for rules or times that cannot be.
    pub async fn create(
        &self,
        by: &AccountContext,
        namespace: NamespaceRef<'_>,
        text: RetentionText,
    ) -> Result<i64, Refused> {
        let action = Action::TagRetentionCreate;
        let namespace = self.authorizer.namespace(by, namespace, action).await?;
        let checked = self.check(text)?;
        let created = self.core.change(by, move |core, tx, account| {
            let (id, event) = create(
                core,
                tx,
                (account, &namespace.id, &namespace.name),
                &checked,
            )?;
            let number = tx.give_number(account, Numbered::RetentionPolicy, &id)?;
            Ok((number, Some(event)))
        });
        Ok(created.await?)
    }

    /// Gives a namespace a policy, or writes the one it has anew.
    pub async fn put(
        &self,
        by: &AccountContext,
        namespace: NamespaceRef<'_>,
        text: RetentionText,
    ) -> Result<(), Refused> {
        let action = Action::TagRetentionUpdate;
        let namespace = self.authorizer.namespace(by, namespace, action).await?;
        self.authorizer
            .require_in(by, &namespace, Action::TagRetentionCreate)
            .await?;
        let checked = self.check(text)?;
        let context = by.clone();
        let put = self.core.change(by, move |core, tx, account| {
            let event = match tx.find_retention_policy_of(&namespace.id)? {
                Some(row) => update(core, tx, (&row.id, &namespace.name), &checked, &context)?,
                None => {
                    create(
                        core,
                        tx,
                        (account, &namespace.id, &namespace.name),
                        &checked,
                    )?
                    .1
                }
            };
            Ok(((), Some(event)))
        });
        Ok(put.await?)
    }

    /// Writes a policy anew. A run of it that is under way ends.
    pub async fn update(
        &self,
        by: &AccountContext,
        number: i64,
        text: RetentionText,
    ) -> Result<(), Refused> {
        let named = RetentionRef::Number(number);
        let (row, namespace) = self.find(by, named, Action::TagRetentionUpdate).await?;
        let checked = self.check(text)?;
        let context = by.clone();
        let changed = self.core.change(by, move |core, tx, _| {
            let event = update(core, tx, (&row.id, &namespace.name), &checked, &context)?;
            Ok(((), Some(event)))
        });
        Ok(changed.await?)
    }

    /// Deletes a policy. A run of it that is under way ends.
    pub async fn delete(
        &self,
        by: &AccountContext,
        policy: RetentionRef<'_>,
    ) -> Result<(), Refused> {
        let (row, namespace) = self.find(by, policy, Action::TagRetentionDelete).await?;
        let context = by.clone();
        let deleted = self.core.change(by, move |core, tx, account| {
            let why = "the policy was deleted";
            ends::end_going(core, tx, &row.id, (why, Some(&context)))?;
            tx.delete_schedule_named(account, &schedule_name(&row.id))?;
            if !tx.delete_retention_policy(&row.id)? {
                return Err(no_policy(&namespace.name));
            }
            let namespace = namespace.name.clone();
            Ok(((), Some(Event::RetentionPolicyDeleted { namespace })))
        });
        Ok(deleted.await?)
    }

    /// The policy, when the caller may do an action to it. Whoever may not does not learn whether there is one.
    async fn find(
        &self,
        by: &AccountContext,
        policy: RetentionRef<'_>,
        action: Action,
    ) -> Result<(RetentionPolicyRow, NamespaceRow), Refused> {
        let number = match policy {
            RetentionRef::Of(named) => {
                let namespace = self.authorizer.namespace(by, named, action).await?;
                let id = &namespace.id;
                let found = self
                    .core
                    .metadata
                    .read(|reader| reader.find_retention_policy_of(id));
                let found = found.await.map_err(Error::from)?;
                let row = found.ok_or_else(|| no_policy(&namespace.name))?;
                return Ok((row, (*namespace).clone()));
            }
            RetentionRef::Number(number) => number,
        };
        let kind = Numbered::RetentionPolicy;
        let found = match self.core.find_numbered(by.id(), kind, number).await? {
            Some(id) => {
                let found = self.core.metadata.read(|reader| {
                    let Some(row) = reader.find_retention_policy(&id)? else {
                        return Ok(None);
                    };
                    let namespace = reader.find_namespace_by_id(&row.namespace_id)?;
                    Ok::<_, MetadataError>(namespace.map(|namespace| (row, namespace)))
                });
                found.await.map_err(Error::from)?
            }
            None => None,
        };
        let Some((row, namespace)) = found.filter(|(row, _)| row.account_id == *by.id()) else {
            self.authorizer.require(by, action).await?;
            return Err(Error::NotFound(format!("the retention policy {number}")).into());
        };
        self.authorizer.require_in(by, &namespace, action).await?;
        Ok((row, namespace))
    }

    async fn view(
        &self,
        by: &AccountContext,
        row: RetentionPolicyRow,
        namespace: &NamespaceRow,
    ) -> Result<RetentionView> {
        let core = &self.core;
        let number = core
            .number(by.id(), Numbered::RetentionPolicy, &row.id)
            .await?;
        let id = namespace.id.as_str();
        let text = text_of(&row.rules, row.cron.as_deref())?;
        let note = match Rules::parse(text.rules.clone()) {
            Ok(rules) => pull_times::known(core, (by.id(), &namespace.id), &rules).await?,
            Err(_) => Ok(0),
        };
        Ok(RetentionView {
            note: note.err().map(pull_times::Unknown::text),
            number,
            namespace: namespace.name.clone(),
            namespace_number: core.number(by.id(), Numbered::Namespace, id).await?,
            text,
            created_at_ms: row.created_at_ms,
            updated_at_ms: row.updated_at_ms,
        })
    }
}
