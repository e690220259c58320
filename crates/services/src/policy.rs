//! What decides about access, remembered for as long as nothing of it changes.

use crate::addresses::find_account_of_host;
use crate::core::Core;
use crate::{Error, Result};
use metadata::NamespaceRow;
use model::{Address, Caller, CallerKind, Right, RobotId, TrustRuleId, UserId};
use quick_cache::sync::Cache;
use std::sync::Arc;

/// Namespaces and users remembered.
const REMEMBERED: usize = 10_000;

/// A value, and the policy epoch in which it was read.
#[derive(Clone)]
struct Remembered<T> {
    epoch: u64,
    value: T,
}

/// Who may hold rights.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Subject {
    User(UserId),
    Robot(RobotId),
    Workload(TrustRuleId),
}

impl Subject {
    /// The subject that a caller is; `None` for those whose rights are not granted.
    pub(crate) fn of(caller: &Caller) -> Option<Self> {
        match &caller.kind {
            CallerKind::User { id, .. } => Some(Self::User(id.clone())),
            CallerKind::Robot { id, .. } => Some(Self::Robot(id.clone())),
            CallerKind::Workload { rule, .. } => Some(Self::Workload(rule.clone())),
            CallerKind::Anonymous | CallerKind::LocalOperator => None,
        }
    }
}

/// Everything that a subject may do, and until when.
#[derive(Clone, Debug)]
pub(crate) struct SubjectRights {
    pub(crate) rights: Vec<Right>,
    expires_at_ms: Option<i64>,
    /// From when on it has other rights, though nothing was changed: some of them end by themselves.
    others_from_ms: Option<i64>,
}

pub(crate) struct Policy {
    core: Arc<Core>,
    namespaces: Cache<(Address, String), Remembered<Option<Arc<NamespaceRow>>>>,
    subjects: Cache<Subject, Remembered<Option<Arc<SubjectRights>>>>,
    hosts: Cache<String, Remembered<Address>>,
}

impl Policy {
    pub(crate) fn new(core: Arc<Core>) -> Self {
        Self {
            core,
            namespaces: Cache::new(REMEMBERED),
            subjects: Cache::new(REMEMBERED),
            hosts: Cache::new(REMEMBERED),
        }
    }

    /// The door that a host name is.
    pub(crate) async fn address_of(&self, host: &str) -> Result<Address> {
        let epoch = self.core.metadata.epochs().policy();
        if let Some(known) = self.hosts.get(host).filter(|known| known.epoch == epoch) {
            return Ok(known.value);
        }
        let owner = self
            .core
            .metadata
            .read(|reader| find_account_of_host(reader, &self.core.settings, host))
            .await?;
        let value = owner.map_or(Address::Shared, Address::Account);
        self.hosts.insert(
            host.to_owned(),
            Remembered {
                epoch,
                value: value.clone(),
            },
        );
        Ok(value)
    }

    /// The namespace that a name means at an address.
    pub(crate) async fn find_namespace(
        &self,
        address: &Address,
        name: &str,
    ) -> Result<Option<Arc<NamespaceRow>>> {
        let epoch = self.core.metadata.epochs().policy();
        let key = (address.clone(), name.to_owned());
        if let Some(known) = self
            .namespaces
            .get(&key)
            .filter(|known| known.epoch == epoch)
        {
            return Ok(known.value);
        }
        let found = self
            .core
            .metadata
            .read(|reader| reader.find_namespace(address, name))
            .await?;
        let value = found.map(Arc::new);
        // A name that is no namespace's is not worth a place: strangers could fill the memory with such names.
        if value.is_some() {
            self.namespaces.insert(
                key,
                Remembered {
                    epoch,
                    value: value.clone(),
                },
            );
        }
        Ok(value)
    }

    /// Everything that a subject may do; `None` when there is no such subject, or it may not log in at present.
    pub(crate) async fn find_rights(
        &self,
        subject: &Subject,
    ) -> Result<Option<Arc<SubjectRights>>> {
        let (epoch, now_ms) = (self.core.metadata.epochs().policy(), self.core.now_ms());
        let is_true = |known: &Remembered<Option<Arc<SubjectRights>>>| {
            let until_ms = known.value.as_ref().and_then(|known| known.others_from_ms);
            known.epoch == epoch && until_ms.is_none_or(|until| now_ms < until)
        };
        let known = self.subjects.get(subject);
        let value = if let Some(known) = known.filter(is_true) {
            known.value
        } else {
            let value = self.read_rights(subject).await?.map(Arc::new);
            let remembered = Remembered {
                epoch,
                value: value.clone(),
            };
            self.subjects.insert(subject.clone(), remembered);
            value
        };
        Ok(value.filter(|rights| rights.expires_at_ms.is_none_or(|end| end > now_ms)))
    }

    async fn read_rights(&self, subject: &Subject) -> Result<Option<SubjectRights>> {
        let read = self.core.metadata.read(|reader| match subject {
            Subject::User(user) => {
                let found = reader.find_rights(user, self.core.now_ms())?;
                Ok(found.map(|found| SubjectRights {
                    rights: found.rights,
                    expires_at_ms: None,
                    others_from_ms: found.until_ms,
                }))
            }
            Subject::Robot(robot) => {
                let found = reader.find_robot_rights(robot)?;
                let found = found.filter(|(_, may_log_in)| *may_log_in);
                Ok::<_, Error>(found.map(|(found, _)| SubjectRights {
                    rights: found.rights,
                    expires_at_ms: found.until_ms,
                    others_from_ms: None,
                }))
            }
            Subject::Workload(rule) => {
                let rule = reader.find_trust_rule(rule)?;
                let rule = rule.filter(|rule| !rule.is_disabled);
                Ok(rule.map(|rule| SubjectRights {
                    rights: rights_of_rule(&rule),
                    expires_at_ms: None,
                    others_from_ms: None,
                }))
            }
        });
        read.await
    }
}

/// What a workload may do that a trust rule is for.
pub(crate) fn rights_of_rule(rule: &metadata::TrustRuleRow) -> Vec<Right> {
    let permissions = rule.permissions.iter();
    permissions
        .map(|permission| permission.right(&rule.account_id))
        .collect()
}
