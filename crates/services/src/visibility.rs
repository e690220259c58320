//! What of an account a caller holds rights on: all of it, some namespaces, or parts of them.

use crate::access::{CallerContext, Refused, Rights};
use crate::account_access::{AccountContext, NamespaceRef};
use crate::authorizer::Authorizer;
use crate::credential_scope::is_good_for;
use crate::looks::Look;
use crate::{Authenticated, Result};
use metadata::{NamespacePart, NamespaceRow};
use model::{
    AccountId, Action, Caller, CallerKind, ContentRequestId, Coverage, NamespaceId, Right,
};
use oci::RepositoryName;
use std::collections::HashSet;
use std::sync::Arc;

/// Namespaces that a caller may list, beside the public ones.
#[derive(Clone, Debug)]
pub(crate) enum Visible {
    All,
    Some(HashSet<NamespaceId>),
}

impl Visible {
    pub(crate) fn contains(&self, namespace: &NamespaceId) -> bool {
        match self {
            Self::All => true,
            Self::Some(namespaces) => namespaces.contains(namespace),
        }
    }

    /// Those that are named one by one.
    pub(crate) fn ids(&self) -> Vec<NamespaceId> {
        match self {
            Self::All => Vec::new(),
            Self::Some(namespaces) => namespaces.iter().cloned().collect(),
        }
    }
}

/// Repositories that a caller may list, beside those of the public namespaces.
#[derive(Clone, Debug)]
pub(crate) struct VisibleRepositories {
    /// All of these namespaces.
    pub(crate) namespaces: Visible,
    /// Parts of others.
    pub(crate) parts: Vec<NamespacePart>,
}

impl VisibleRepositories {
    /// Whether it holds a repository of a namespace, by its whole name.
    pub(crate) fn contains(&self, namespace: &NamespaceId, name: &str) -> bool {
        let path = name.split_once('/').map_or("", |(_, path)| path);
        let is_in =
            |part: &NamespacePart| part.namespace == *namespace && part.pattern.matches(path);
        self.namespaces.contains(namespace) || self.parts.iter().any(is_in)
    }
}

/// Where in an account something is to be done: in all of a namespace, or in one repository of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    pub(crate) namespace: &'a NamespaceRow,
    /// The repository's name within it.
    pub(crate) path: Option<&'a str>,
}

impl<'a> Place<'a> {
    pub(crate) fn of(namespace: &'a NamespaceRow) -> Self {
        Self {
            namespace,
            path: None,
        }
    }

    pub(crate) fn repository(namespace: &'a NamespaceRow, name: &'a RepositoryName) -> Self {
        Self {
            namespace,
            path: Some(name.path().unwrap_or_default()),
        }
    }
}

/// By what a caller may do something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Given {
    Nothing,
    /// By a right of its own.
    Own,
    /// By what an account allowed to it as an operator.
    ByRequest(ContentRequestId),
}

impl Given {
    /// A right of one's own comes before what was allowed to an operator.
    fn by<'r>(rights: impl Iterator<Item = &'r Right>) -> Self {
        let mut given = Self::Nothing;
        for right in rights {
            match &right.request {
                None => return Self::Own,
                Some(request) => given = Self::ByRequest(request.clone()),
            }
        }
        given
    }
}

/// Whether a right allows an action in a place.
pub(crate) fn allows(right: &Right, action: Action, place: Place<'_>) -> bool {
    let (account, namespace) = (&place.namespace.account_id, &place.namespace.id);
    match place.path {
        Some(path) => right.allows_in_repository(account, (namespace, path), action),
        // Whoever may do anything in a part of a namespace knows that it is there.
        None if action == Action::NamespaceRead && right.is_in_part_of(account, namespace) => true,
        None => right.allows_in_namespace(account, namespace, action),
    }
}

impl Authorizer {
    /// By what a caller may do an action somewhere. That the place may be open to everyone is another question.
    pub(crate) async fn given(
        &self,
        caller: &Caller,
        action: Action,
        place: Place<'_>,
    ) -> Result<Given> {
        if caller.kind == CallerKind::LocalOperator {
            return Ok(Given::Own);
        }
        let rights = self.find_rights(caller).await?;
        let rights = rights.iter().flat_map(|rights| &rights.rights);
        Ok(Given::by(
            rights.filter(|right| allows(right, action, place)),
        ))
    }

    /// Whether the caller may do an action to a namespace. Only a question: nothing is shown for it.
    pub(crate) async fn allows_in(
        &self,
        by: &AccountContext,
        namespace: &NamespaceRow,
        action: Action,
    ) -> Result<bool> {
        let who = &by.context.authenticated;
        if matches!(who.rights, Rights::Token(_)) || !is_good_for(&who.caller, action) {
            return Ok(false);
        }
        let given = self.given(&who.caller, action, Place::of(namespace));
        Ok(self.is_open_to(&who.caller, action, namespace) || given.await? != Given::Nothing)
    }

    /// In which of an account's namespaces the caller may do an action by rights of its own, beside what everyone may in the
    /// public ones.
    pub(crate) async fn visible_namespaces(
        &self,
        who: &Authenticated,
        account: &AccountId,
        action: Action,
    ) -> Result<Visible> {
        if who.caller.kind == CallerKind::LocalOperator {
            return Ok(Visible::All);
        }
        let rights = self.find_rights(&who.caller).await?;
        let rights = rights.iter().flat_map(|rights| &rights.rights);
        let own = rights.filter(|right| right.request.is_none());
        Ok(visible(own, account, action))
    }

    /// Which of an account's repositories the caller may list, beside those of the public namespaces. That an operator did so
    /// by a request that was granted is written down first.
    pub(crate) async fn visible_repositories(
        &self,
        context: &CallerContext,
        account: &AccountId,
        action: Action,
    ) -> Result<VisibleRepositories> {
        let caller = &context.authenticated.caller;
        let all = VisibleRepositories {
            namespaces: Visible::All,
            parts: Vec::new(),
        };
        if caller.kind == CallerKind::LocalOperator {
            return Ok(all);
        }
        let rights = self.find_rights(caller).await?;
        let rights = || rights.iter().flat_map(|rights| &rights.rights);
        let own = visible(
            rights().filter(|right| right.request.is_none()),
            account,
            action,
        );
        if matches!(own, Visible::All) {
            return Ok(all);
        }
        let allowed = rights().filter(|right| {
            right.account == *account && right.request.is_some() && right.actions.contains(action)
        });
        for request in allowed.filter_map(|right| right.request.as_ref()) {
            let look = Look {
                request,
                account,
                action,
                namespace: None,
                repository: None,
            };
            self.note_look(context, look).await?;
        }
        let namespaces = visible(rights(), account, action);
        let parts = rights().filter_map(|right| right.part(account, action));
        let parts = parts.map(|(namespace, pattern)| NamespacePart {
            namespace: namespace.clone(),
            pattern: pattern.clone(),
        });
        let parts = parts.filter(|part| !namespaces.contains(&part.namespace));
        Ok(VisibleRepositories {
            parts: distinct(parts),
            namespaces,
        })
    }

    /// The parts of an account's namespaces in which the caller may do anything.
    pub(crate) async fn parts(
        &self,
        caller: &Caller,
        account: &AccountId,
    ) -> Result<Vec<NamespacePart>> {
        let rights = self.find_rights(caller).await?;
        let rights = rights.iter().flat_map(|rights| &rights.rights);
        let parts = rights.filter_map(|right| match &right.coverage {
            Coverage::Repositories(namespace, pattern)
                if right.is_in_part_of(account, namespace) =>
            {
                Some(NamespacePart {
                    namespace: namespace.clone(),
                    pattern: pattern.clone(),
                })
            }
            _ => None,
        });
        Ok(distinct(parts))
    }

    /// The parts of a namespace that the caller knows of; `None` when it knows of all of it.
    pub(crate) async fn parts_known(
        &self,
        by: &AccountContext,
        namespace: &NamespaceRow,
    ) -> Result<Option<Vec<NamespacePart>>> {
        let who = &by.context.authenticated;
        let action = Action::NamespaceRead;
        if who.caller.kind == CallerKind::LocalOperator
            || self.is_open_to(&who.caller, action, namespace)
        {
            return Ok(None);
        }
        let rights = self.find_rights(&who.caller).await?;
        let mut rights = rights.iter().flat_map(|rights| &rights.rights);
        let (account, id) = (&namespace.account_id, &namespace.id);
        if rights.any(|right| right.allows_in_namespace(account, id, action)) {
            return Ok(None);
        }
        let mut parts = self.parts(&who.caller, account).await?;
        parts.retain(|part| part.namespace == *id);
        Ok(Some(parts))
    }

    /// The namespace that a request names, when its caller may do an action to it, or to some of its repositories: then only
    /// to those parts.
    ///
    /// # Errors
    /// As [`Authorizer::namespace`].
    pub(crate) async fn namespace_or_parts(
        &self,
        by: &AccountContext,
        named: NamespaceRef<'_>,
        action: Action,
    ) -> Result<(Arc<NamespaceRow>, Option<Vec<NamespacePart>>), Refused> {
        let who = &by.context.authenticated;
        match self.namespace(by, named, action).await {
            Ok(namespace) => return Ok((namespace, None)),
            Err(Refused::Forbidden)
                if matches!(who.rights, Rights::Granted) && is_good_for(&who.caller, action) => {}
            Err(refused) => return Err(refused),
        }
        let namespace = self.namespace(by, named, Action::NamespaceRead).await?;
        let rights = self.find_rights(&who.caller).await?;
        let rights = rights.iter().flat_map(|rights| &rights.rights);
        let parts = rights.filter_map(|right| right.part(by.id(), action));
        let here = parts.filter(|(id, _)| **id == namespace.id);
        let parts = distinct(here.map(|(namespace, pattern)| NamespacePart {
            namespace: namespace.clone(),
            pattern: pattern.clone(),
        }));
        if parts.is_empty() {
            return Err(Refused::Forbidden);
        }
        Ok((namespace, Some(parts)))
    }
}

fn distinct(parts: impl Iterator<Item = NamespacePart>) -> Vec<NamespacePart> {
    let mut parts: Vec<_> = parts.collect();
    parts.sort_unstable();
    parts.dedup();
    parts
}

fn visible<'r>(
    rights: impl Iterator<Item = &'r Right>,
    account: &AccountId,
    action: Action,
) -> Visible {
    let mut namespaces = HashSet::new();
    for right in rights.filter(|right| right.account == *account && right.actions.contains(action))
    {
        match &right.coverage {
            Coverage::Everything | Coverage::Namespaces => return Visible::All,
            Coverage::Account | Coverage::Repositories(..) => {}
            Coverage::Namespace(namespace) => {
                namespaces.insert(namespace.clone());
            }
        }
    }
    Visible::Some(namespaces)
}
