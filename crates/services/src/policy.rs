//! What decides about access, remembered for as long as nothing of it changes.

use crate::addresses::find_account_of_host;
use crate::core::Core;
use crate::{Error, Result};
use metadata::{AccessQuestion, AccessSubject, NamespaceRow};
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

    /// How the database is asked about it.
    pub(crate) fn in_question(&self) -> AccessSubject<'_> {
        match self {
            Self::User(user) => AccessSubject::User(user),
            Self::Robot(robot) => AccessSubject::Robot(robot),
            Self::Workload(rule) => AccessSubject::Workload(rule),
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

/// `None`: there is no such subject, or it may not do anything at all.
pub(crate) type RightsIfAny = Option<Arc<SubjectRights>>;

impl SubjectRights {
    /// A user's come and go one by one; a machine's end with it.
    fn of(subject: &Subject, found: metadata::SubjectRights) -> Self {
        let is_user = matches!(subject, Subject::User(_));
        Self {
            rights: found.rights,
            expires_at_ms: found.until_ms.filter(|_| !is_user),
            others_from_ms: found.until_ms.filter(|_| is_user),
        }
    }
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
        if let Some(known) = self.remembered_namespace(address, name) {
            return Ok(Some(known));
        }
        let found = self
            .core
            .metadata
            .read(|reader| reader.find_namespace(address, name))
            .await?;
        Ok(self.remember_namespace(epoch, (address, name), found))
    }

    /// The same without asking.
    pub(crate) fn remembered_namespace(
        &self,
        address: &Address,
        name: &str,
    ) -> Option<Arc<NamespaceRow>> {
        let epoch = self.core.metadata.epochs().policy();
        let known = self.namespaces.get(&(address.clone(), name.to_owned()))?;
        known.value.filter(|_| known.epoch == epoch)
    }

    /// Asks about a name for nothing: to whom a namespace that is remembered is none, that has to cost what none costs.
    pub(crate) async fn ask_in_vain(&self, address: &Address, name: &str) -> Result<()> {
        let asked = self
            .core
            .metadata
            .read(|reader| reader.find_namespace(address, name));
        asked.await?;
        Ok(())
    }

    /// Remembers what was found out in an epoch about a name at an address.
    pub(crate) fn remember_namespace(
        &self,
        epoch: u64,
        (address, name): (&Address, &str),
        found: Option<NamespaceRow>,
    ) -> Option<Arc<NamespaceRow>> {
        // A name that is no namespace's is not worth a place: strangers could fill the memory with such names.
        let value = Arc::new(found?);
        let remembered = Remembered {
            epoch,
            value: Some(value.clone()),
        };
        // Its own account knows it by that name, too: tokens got at the shared address are for the account.
        let own = Address::Account(value.account_id.clone());
        for address in [address.clone(), own] {
            self.namespaces
                .insert((address, name.to_owned()), remembered.clone());
        }
        Some(value)
    }

    /// Everything that a subject may do; `None` when there is no such subject, or it may not log in at present.
    pub(crate) async fn find_rights(
        &self,
        subject: &Subject,
    ) -> Result<Option<Arc<SubjectRights>>> {
        let epoch = self.core.metadata.epochs().policy();
        let value = match self.remembered_rights(subject) {
            Some(known) => known,
            None => self.remember_rights(epoch, subject, self.read_rights(subject).await?),
        };
        let now_ms = self.core.now_ms();
        Ok(value.filter(|rights| rights.expires_at_ms.is_none_or(|end| end > now_ms)))
    }

    /// What is remembered of a subject's rights, if anything is: that it has none, too.
    pub(crate) fn remembered_rights(&self, subject: &Subject) -> Option<RightsIfAny> {
        let (epoch, now_ms) = (self.core.metadata.epochs().policy(), self.core.now_ms());
        let known = self.subjects.get(subject)?;
        let until_ms = known.value.as_ref().and_then(|known| known.others_from_ms);
        let is_true = known.epoch == epoch && until_ms.is_none_or(|until| now_ms < until);
        is_true.then_some(known.value)
    }

    /// Remembers what was found out in an epoch about a subject's rights.
    pub(crate) fn remember_rights(
        &self,
        epoch: u64,
        subject: &Subject,
        found: Option<metadata::SubjectRights>,
    ) -> Option<Arc<SubjectRights>> {
        let value = found.map(|found| Arc::new(SubjectRights::of(subject, found)));
        let remembered = Remembered {
            epoch,
            value: value.clone(),
        };
        self.subjects.insert(subject.clone(), remembered);
        value
    }

    async fn read_rights(&self, subject: &Subject) -> Result<Option<metadata::SubjectRights>> {
        let question = AccessQuestion {
            address: &Address::Shared,
            namespace: None,
            account: None,
            subject: Some(subject.in_question()),
            now_ms: self.core.now_ms(),
        };
        let read = self.core.metadata.read(|reader| {
            let answer = reader.ask_about_access(&question)?;
            Ok::<_, Error>(answer.rights)
        });
        read.await
    }
}
