//! The audit log: who did what, numbered, chained, and shown to those whom it concerns.

mod cadf;
mod chain;
mod keeping;
mod purges;
mod purging;
mod retention;
mod subject;
mod verify;

pub use cadf::to_cadf;
pub(crate) use chain::link;
pub use purges::{AuditPurge, AuditPurgeRun, AuditPurgeSchedule, AuditPurges};
pub use purging::Purged;
pub(crate) use subject::{Initiator, Subject};
pub use verify::{ChainFault, ChainPosition, ChainProblem, VerifyStep};

use crate::access::{Refused, Rights};
use crate::account_access::{AccountContext, NamespaceRef};
use crate::authorizer::{Authorizer, Visible};
use crate::core::Core;
use crate::credential_scope::is_good_for;
use crate::operators::{OperatorAction, OperatorContext};
use crate::{Error, Result};
use metadata::{Comparison, Condition, EventRow, ListQuery, Listed, Value, VisibleEvents};
use model::{AccountId, Action, Caller, Event, NamespaceId};
use std::sync::Arc;

/// Reads the audit log, proves it, and takes from it.
pub struct Audit {
    core: Arc<Core>,
    authorizer: Arc<Authorizer>,
}

/// One log, and by whom it is asked for.
#[derive(Clone, Copy, Debug)]
pub enum AuditChain<'a> {
    /// That of an account.
    Account(&'a AccountContext),
    /// That of the deployment as a whole.
    Deployment(&'a OperatorContext),
}

impl AuditChain<'_> {
    fn caller(&self) -> &Caller {
        match self {
            Self::Account(by) => &by.authenticated().caller,
            Self::Deployment(by) => by.caller(),
        }
    }
}

/// Which of Harbor's two logs is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditList {
    /// Everything.
    All,
    /// What the older one knew: artifacts, tags, repositories and projects, made, deleted or pulled.
    Legacy,
}

/// An event as lists show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// Its number in the account's log.
    pub number: i64,
    /// Who did it.
    pub caller: String,
    /// What was done: `create`, `delete`, `pull`, `update`, `login`, …
    pub operation: &'static str,
    /// What kind of thing it was done to: `artifact`, `project`, `user`, …
    pub resource_type: String,
    /// The thing's name; empty when it has none.
    pub resource: String,
    /// Whether it was done, not refused.
    pub is_success: bool,
    /// When.
    pub at_ms: i64,
}

impl From<EventRow> for AuditEntry {
    fn from(event: EventRow) -> Self {
        let resource = event.resource.clone();
        // Older programs wrote none.
        let resource = resource.or_else(|| Subject::of(&event.kind, &event.payload).resource);
        Self {
            number: event.number.unwrap_or_default(),
            caller: event.caller,
            operation: subject::operation(&event.kind),
            resource_type: subject::resource_type(&event.kind).to_owned(),
            resource: resource.unwrap_or_default(),
            is_success: subject::is_success(&event.kind),
            at_ms: event.at_ms,
        }
    }
}

/// What a caller may see.
enum Seen {
    All,
    OfNamespaces,
    Of(Vec<NamespaceId>),
}

impl Audit {
    pub(crate) fn new(core: Arc<Core>, authorizer: Arc<Authorizer>) -> Self {
        Self { core, authorizer }
    }

    /// An account's sealed events, the newest first: all for whoever may read the account's log, for others those of the
    /// namespaces whose log they may read. Fields: `id`, `username`, `resource`, `op_time`, and without sorting by them
    /// `operation` and `resource_type`.
    pub async fn list(
        &self,
        by: &AccountContext,
        which: AuditList,
        query: ListQuery,
    ) -> Result<Listed<AuditEntry>, Refused> {
        let seen = self.seen(by).await?;
        Ok(self.listed(by, seen, which, query).await?)
    }

    /// The same of one namespace.
    pub async fn list_in(
        &self,
        by: &AccountContext,
        namespace: NamespaceRef<'_>,
        which: AuditList,
        query: ListQuery,
    ) -> Result<Listed<AuditEntry>, Refused> {
        let namespace = self
            .authorizer
            .namespace(by, namespace, Action::LogList)
            .await?;
        let seen = Seen::Of(vec![namespace.id.clone()]);
        Ok(self.listed(by, seen, which, query).await?)
    }

    /// What there can be in the log, as `create_artifact`.
    pub async fn event_types(&self, by: &AccountContext) -> Result<Vec<String>, Refused> {
        self.authorizer.require(by, Action::AuditLogList).await?;
        Ok(subject::event_types())
    }

    async fn seen(&self, by: &AccountContext) -> Result<Seen, Refused> {
        if self.authorizer.allows(by, Action::AuditLogList).await? {
            return Ok(Seen::All);
        }
        let who = by.authenticated();
        if who.caller.is_anonymous() {
            return Err(Refused::Unauthenticated);
        }
        if matches!(who.rights, Rights::Token(_)) || !is_good_for(&who.caller, Action::LogList) {
            return Err(Refused::Forbidden);
        }
        let visible = self
            .authorizer
            .visible_namespaces(who, by.id(), Action::LogList)
            .await?;
        Ok(match visible {
            Visible::All => Seen::OfNamespaces,
            Visible::Some(namespaces) => Seen::Of(namespaces.into_iter().collect()),
        })
    }

    async fn listed(
        &self,
        by: &AccountContext,
        seen: Seen,
        which: AuditList,
        mut query: ListQuery,
    ) -> Result<Listed<AuditEntry>> {
        for condition in &mut query.conditions {
            in_kinds(condition);
        }
        let account = by.id().clone();
        let listed = self.core.metadata.browse(move |reader| {
            let visible = match &seen {
                Seen::All => VisibleEvents::All,
                Seen::OfNamespaces => VisibleEvents::OfNamespaces,
                Seen::Of(namespaces) => VisibleEvents::Of(namespaces),
            };
            let kinds = match which {
                AuditList::All => Vec::new(),
                AuditList::Legacy => subject::legacy_kinds(),
            };
            Ok::<_, Error>(reader.list_audit_events(&account, visible, &kinds, &query)?)
        });
        Ok(listed.await?.map(AuditEntry::from))
    }

    /// Whose log it is, for whoever may read all of it.
    async fn owner(&self, chain: AuditChain<'_>) -> Result<Option<AccountId>, Refused> {
        match chain {
            AuditChain::Deployment(by) => {
                self.authorizer
                    .require_operator(by, OperatorAction::AuditRead)?;
                Ok(None)
            }
            AuditChain::Account(by) => {
                self.authorizer.require(by, Action::AuditLogList).await?;
                Ok(Some(by.id().clone()))
            }
        }
    }
}

/// Operations and types are not stored; kinds are, and say both.
fn in_kinds(condition: &mut Condition) {
    let word = match condition.field.as_str() {
        "operation" => |kind: &'static str| subject::operation(kind),
        "resource_type" => |kind: &'static str| subject::resource_type(kind),
        // What people may not ask by.
        "kind" => {
            condition.field = String::new();
            return;
        }
        _ => return,
    };
    let is_wanted = |word: &str| match &condition.comparison {
        Comparison::AnyOf(values) => values.iter().any(|value| value.text == word),
        Comparison::Contains(part) => word.contains(&part.to_ascii_lowercase()),
        Comparison::Between(..) => false,
    };
    let kinds = Event::KINDS.iter().filter(|kind| is_wanted(word(kind)));
    let values = kinds.map(|kind| Value {
        text: (*kind).to_owned(),
        time_ms: None,
    });
    *condition = Condition {
        field: "kind".to_owned(),
        comparison: Comparison::AnyOf(values.collect()),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(field: &str, comparison: Comparison) -> Vec<String> {
        let mut condition = Condition {
            field: field.to_owned(),
            comparison,
        };
        in_kinds(&mut condition);
        match (condition.field.as_str(), condition.comparison) {
            ("kind", Comparison::AnyOf(values)) => {
                values.into_iter().map(|value| value.text).collect()
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_not_stored_is_asked_by_kinds() {
        let is = |text: &str| {
            Comparison::AnyOf(vec![Value {
                text: text.to_owned(),
                time_ms: None,
            }])
        };
        assert_eq!(kinds("operation", is("pull")), ["manifest.pulled"]);
        assert_eq!(kinds("operation", is("Pull")), [""; 0]);
        assert_eq!(
            kinds("operation", Comparison::Contains("LOGO".to_owned())),
            ["user.logged_out"]
        );
        assert_eq!(kinds("resource_type", is("nothing")), [""; 0]);
        let projects = kinds("resource_type", is("project"));
        assert!(
            projects.iter().all(|kind| kind.starts_with("namespace.")),
            "{projects:?}"
        );
        assert!(projects.len() >= 3);
    }
}
