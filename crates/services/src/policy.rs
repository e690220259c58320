//! What decides about access, remembered for as long as nothing of it changes.

use crate::core::Core;
use crate::{Error, Result};
use metadata::NamespaceRow;
use model::{Address, Caller, CallerKind, Right, RobotId, UserId};
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
}

impl Subject {
    /// The subject that a caller is; `None` for those whose rights are not granted.
    pub(crate) fn of(caller: &Caller) -> Option<Self> {
        match &caller.kind {
            CallerKind::User { id, .. } => Some(Self::User(id.clone())),
            CallerKind::Robot { id, .. } => Some(Self::Robot(id.clone())),
            CallerKind::Anonymous | CallerKind::LocalOperator => None,
        }
    }
}

/// Everything that a subject may do, and until when.
#[derive(Clone, Debug)]
pub(crate) struct SubjectRights {
    pub(crate) rights: Vec<Right>,
    expires_at_ms: Option<i64>,
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
            .read(|reader| reader.find_account_by_host(host))
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
        let epoch = self.core.metadata.epochs().policy();
        let known = self.subjects.get(subject);
        let value = if let Some(known) = known.filter(|known| known.epoch == epoch) {
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
        let now_ms = self.core.now_ms();
        Ok(value.filter(|rights| rights.expires_at_ms.is_none_or(|end| end > now_ms)))
    }

    async fn read_rights(&self, subject: &Subject) -> Result<Option<SubjectRights>> {
        let read = self.core.metadata.read(|reader| match subject {
            Subject::User(user) => {
                let rights = reader.find_rights(user)?;
                Ok(rights.map(|rights| SubjectRights {
                    rights,
                    expires_at_ms: None,
                }))
            }
            Subject::Robot(robot) => {
                let robot = reader.find_robot(robot)?.filter(|robot| !robot.is_disabled);
                Ok::<_, Error>(robot.map(|robot| SubjectRights {
                    rights: rights_of(&robot),
                    expires_at_ms: robot.expires_at_ms,
                }))
            }
        });
        read.await
    }
}

/// What a robot account may do.
pub(crate) fn rights_of(robot: &metadata::RobotRow) -> Vec<Right> {
    let permissions = robot.permissions.iter();
    permissions
        .map(|permission| permission.right(&robot.account_id))
        .collect()
}
