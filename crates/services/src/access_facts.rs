//! What decides about a request: what a name means, what its caller may do, from where an account may be reached. Whatever of
//! it is not remembered is learned with one question.

use crate::authorizer::Authorizer;
use crate::policy::Subject;
use crate::{Authenticated, Result};
use metadata::{AccessQuestion, NamespaceRow};
use model::{AccountId, Address};
use oci::RepositoryName;
use std::sync::Arc;

/// What a request is about, as far as it says so itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct About<'a> {
    /// At which address the name has a meaning.
    pub(crate) address: &'a Address,
    /// The name of a namespace.
    pub(crate) namespace: Option<&'a str>,
    /// An account, or the one in which the namespace would be made.
    pub(crate) account: Option<&'a AccountId>,
}

impl<'a> About<'a> {
    /// Nothing but an account.
    pub(crate) fn account(account: &'a AccountId) -> Self {
        Self {
            address: &Address::Shared,
            namespace: None,
            account: Some(account),
        }
    }
}

/// What is remembered only in part: that a name means nothing is not.
#[derive(Clone, Debug)]
pub(crate) struct Learned {
    pub(crate) namespace: Option<Arc<NamespaceRow>>,
    /// Whether pushes make namespaces in the account; known only where there is no namespace.
    pub(crate) creates_namespaces: bool,
}

impl Authorizer {
    /// Learns what decides about a request of a subject. Whoever asks for the same in the next moment finds it remembered.
    pub(crate) async fn learn(
        &self,
        subject: Option<&Subject>,
        about: About<'_>,
    ) -> Result<Learned> {
        if let Some(known) = self.remembered(subject, about) {
            return Ok(known);
        }
        // Noted before the question: what changes in between ends what is remembered.
        let epoch = self.core.metadata.epochs().policy();
        let question = AccessQuestion {
            address: about.address,
            namespace: about.namespace,
            account: about.account,
            subject: subject.map(Subject::in_question),
            now_ms: self.core.now_ms(),
        };
        let asked = self.core.metadata.read(|reader| {
            let answer = reader.ask_about_access(&question)?;
            Ok::<_, crate::Error>(answer)
        });
        let answer = asked.await?;
        if let Some(subject) = subject {
            self.policy.remember_rights(epoch, subject, answer.rights);
        }
        let namespace = answer.namespace;
        let owner = namespace.as_ref().map(|namespace| &namespace.account_id);
        let read_in = (epoch, answer.network_epoch);
        for account in owner.into_iter().chain(about.account) {
            let rules = answer.networks.get(account).cloned().unwrap_or_default();
            self.network.remember(read_in, account, rules);
        }
        let namespace = match about.namespace {
            Some(name) => self
                .policy
                .remember_namespace(epoch, (about.address, name), namespace),
            None => None,
        };
        Ok(Learned {
            namespace,
            creates_namespaces: answer.creates_namespaces,
        })
    }

    /// Whether an account has the namespace of a repository. Where it has not, what its caller may do is known then, too.
    pub(crate) async fn is_there(
        &self,
        who: &Authenticated,
        account: &AccountId,
        repository: &RepositoryName,
    ) -> Result<bool> {
        let (address, name) = (Address::Account(account.clone()), repository.namespace());
        if self.policy.remembered_namespace(&address, name).is_some() {
            return Ok(true);
        }
        let about = About {
            address: &address,
            namespace: Some(name),
            account: Some(account),
        };
        let subject = Subject::of(&who.caller);
        let learned = self.learn(subject.as_ref(), about).await?;
        Ok(learned.namespace.is_some())
    }

    fn remembered(&self, subject: Option<&Subject>, about: About<'_>) -> Option<Learned> {
        if let Some(subject) = subject {
            self.policy.remembered_rights(subject)?;
        }
        let namespace = match about.namespace {
            Some(name) => Some(self.policy.remembered_namespace(about.address, name)?),
            None => None,
        };
        let owner = namespace.as_ref().map(|namespace| &namespace.account_id);
        if let Some(account) = owner.or(about.account) {
            self.network.remembered(account)?;
        }
        Some(Learned {
            namespace,
            creates_namespaces: false,
        })
    }
}
