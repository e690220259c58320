//! Where network rules are applied: between a caller that has come to an account and what it asks for there.
//!
//! Rules are remembered for as long as nobody has changed any, see [`Reader::network_epoch`](metadata::Reader::network_epoch);
//! so a request asks the database about them only after a change of policy, and no token is older than a rule.

use crate::access::{CallerContext, Refused};
use crate::authorizer::Authorizer;
use crate::core::Core;
use crate::traffic::{Refusal, RefusalKind, Traffic};
use crate::{Error, Result};
use metadata::AccessQuestion;
use model::{
    AccountId, Address, Caller, CallerKind, NamespaceId, NetworkBarrier, NetworkRules,
    NetworkTraffic,
};
use oci::RepositoryName;
use quick_cache::sync::Cache;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// Accounts whose rules are remembered.
const REMEMBERED: usize = 10_000;

/// What network rules say, and who is told of a refusal.
pub(crate) struct NetworkGate {
    core: Arc<Core>,
    traffic: Arc<Traffic>,
    /// The policy epoch in which the rules' own was last looked at, and what it was.
    looked: Mutex<Option<(u64, i64)>>,
    /// Rules, and the epoch in which they were read.
    accounts: Cache<AccountId, (i64, Arc<NetworkRules>)>,
}

impl NetworkGate {
    pub(crate) fn new(core: Arc<Core>, traffic: Arc<Traffic>) -> Self {
        Self {
            core,
            traffic,
            looked: Mutex::new(None),
            accounts: Cache::new(REMEMBERED),
        }
    }

    /// An account's rules.
    async fn rules(&self, account: &AccountId) -> Result<Arc<NetworkRules>> {
        if let Some(rules) = self.remembered(account) {
            return Ok(rules);
        }
        // Noted before the question: a change in between is found out by the next request.
        let policy = self.core.metadata.epochs().policy();
        let question = AccessQuestion {
            address: &Address::Shared,
            namespace: None,
            account: Some(account),
            subject: None,
            now_ms: self.core.now_ms(),
        };
        let asked = self.core.metadata.read(|reader| {
            let answer = reader.ask_about_access(&question)?;
            Ok::<_, Error>(answer)
        });
        let mut answer = asked.await?;
        let rules = answer.networks.remove(account).unwrap_or_default();
        Ok(self.remember((policy, answer.network_epoch), account, rules))
    }

    /// The same without asking.
    pub(crate) fn remembered(&self, account: &AccountId) -> Option<Arc<NetworkRules>> {
        let policy = self.core.metadata.epochs().policy();
        let looked = *self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, epoch) = looked.filter(|(in_policy, _)| *in_policy == policy)?;
        let (read_in, rules) = self.accounts.get(account)?;
        (read_in == epoch).then_some(rules)
    }

    /// Remembers an account's rules, and the epochs, of policy and of the rules, in which they were read.
    pub(crate) fn remember(
        &self,
        read_in: (u64, i64),
        account: &AccountId,
        rules: NetworkRules,
    ) -> Arc<NetworkRules> {
        let rules = Arc::new(rules);
        self.accounts
            .insert(account.clone(), (read_in.1, rules.clone()));
        *self.looked.lock().unwrap_or_else(PoisonError::into_inner) = Some(read_in);
        rules
    }
}

impl Authorizer {
    /// Lets a request to an account, or to a namespace of it, unless the account's network rules keep it out.
    ///
    /// # Errors
    /// [`Refused::OutsideNetwork`] for those who belong to the account; others meet what they would if nothing of it was
    /// for them: [`Refused::Unauthenticated`] or [`Refused::Hidden`].
    pub(crate) async fn admit(
        &self,
        context: &CallerContext,
        account: &AccountId,
        traffic: NetworkTraffic,
        namespace: Option<&NamespaceId>,
    ) -> Result<(), Refused> {
        // What was asked at the machine itself has no address.
        let Some(address) = context.origin.address else {
            return Ok(());
        };
        let rules = self.network.rules(account).await?;
        let barrier = rules.barrier(address, context.origin.exposure, traffic, namespace);
        self.stop_at(barrier, context, account, address).await
    }

    /// The same for a repository, whose namespace is looked for only where it matters.
    pub(crate) async fn admit_to_repository(
        &self,
        context: &CallerContext,
        account: &AccountId,
        repository: &RepositoryName,
    ) -> Result<(), Refused> {
        let Some(address) = context.origin.address else {
            return Ok(());
        };
        let rules = self.network.rules(account).await?;
        let namespace = if rules.namespaces.is_empty() {
            None
        } else {
            let there = Address::Account(account.clone());
            self.policy
                .find_namespace(&there, repository.namespace())
                .await?
        };
        let namespace = namespace.as_ref().map(|namespace| &namespace.id);
        let (exposure, traffic) = (context.origin.exposure, NetworkTraffic::Registry);
        let barrier = rules.barrier(address, exposure, traffic, namespace);
        self.stop_at(barrier, context, account, address).await
    }

    /// The same for a request that names nothing, such as a login: it is about the account that its address is, else about
    /// its caller's own. Who has nothing to do with that account is let through: it gets nothing there.
    ///
    /// # Errors
    /// [`Refused::OutsideNetwork`].
    pub async fn admit_login(&self, context: &CallerContext) -> Result<(), Refused> {
        let caller = &context.authenticated.caller;
        let account = match &context.address {
            Address::Account(account) => Some(account),
            Address::Shared => caller.home_account.as_ref(),
        };
        let Some(account) = account.filter(|_| !caller.is_anonymous()) else {
            return Ok(());
        };
        let admitted = self.admit(context, account, NetworkTraffic::Registry, None);
        match admitted.await {
            Err(Refused::Hidden) => Ok(()),
            decided => decided,
        }
    }

    /// Whether a namespace's own list keeps a request for images out of it.
    pub(crate) async fn namespaces_closed_to(
        &self,
        context: &CallerContext,
        account: &AccountId,
    ) -> Result<Vec<NamespaceId>> {
        let Some(address) = context.origin.address else {
            return Ok(Vec::new());
        };
        let rules = self.network.rules(account).await?;
        let exposure = context.origin.exposure;
        let is_closed = |namespace: &&NamespaceId| {
            let traffic = NetworkTraffic::Registry;
            let barrier = rules.barrier(address, exposure, traffic, Some(*namespace));
            barrier.is_some()
        };
        Ok(rules.namespaces.keys().filter(is_closed).cloned().collect())
    }

    /// Notes a refusal in the account's log, and says what the caller is told.
    async fn stop_at(
        &self,
        barrier: Option<NetworkBarrier>,
        context: &CallerContext,
        account: &AccountId,
        address: IpAddr,
    ) -> Result<(), Refused> {
        let Some(barrier) = barrier else {
            return Ok(());
        };
        let caller = &context.authenticated.caller;
        let is_anonymous = caller.is_anonymous();
        self.network.traffic.refused(&Refusal {
            kind: RefusalKind::Network,
            address,
            agent: context.origin.agent.as_deref(),
            host: "",
            name: (!is_anonymous).then(|| caller.display_name()),
            account: Some(account),
        });
        if is_anonymous {
            return Err(Refused::Unauthenticated);
        }
        Err(if self.belongs_to(caller, account).await? {
            Refused::OutsideNetwork { barrier, address }
        } else {
            Refused::Hidden
        })
    }

    /// Whether a caller has something to do with an account: as its robot account, by a right in it, or as its member.
    pub(crate) async fn belongs_to(&self, caller: &Caller, account: &AccountId) -> Result<bool> {
        Ok(match &caller.kind {
            CallerKind::LocalOperator => true,
            CallerKind::Anonymous => false,
            CallerKind::Robot { .. } | CallerKind::Workload { .. } => {
                caller.home_account.as_ref() == Some(account)
            }
            CallerKind::User { id, .. } => {
                let rights = self.find_rights(caller).await?;
                let has_rights = rights
                    .is_some_and(|rights| rights.rights.iter().any(|one| one.account == *account));
                has_rights
                    || self
                        .core
                        .metadata
                        .read(|reader| Ok::<_, Error>(reader.is_member(account, id)?))
                        .await?
            }
        })
    }
}
