//! What a credential is made for, whatever its user may do.

use crate::access::{Authenticated, Refused, Rights};
use model::{Action, Caller, CredentialKind};
use oci::ScopeActions;

/// Whether a caller's credential is made for an action, whatever its user may do.
pub(crate) fn is_good_for(caller: &Caller, action: Action) -> bool {
    match &caller.credential {
        CredentialKind::AccessToken { actions, .. } => actions.contains(needed_of_token(action)),
        CredentialKind::None
        | CredentialKind::Password
        | CredentialKind::RobotSecret
        | CredentialKind::Session
        | CredentialKind::IdentitySource
        | CredentialKind::Workload
        | CredentialKind::Local => true,
    }
}

/// Asks for a credential that is made for an action: what it is not made for, it is told nothing about. A token for images is
/// made for none that manages.
pub(crate) fn require_good_for(who: &Authenticated, action: Action) -> Result<(), Refused> {
    if matches!(who.rights, Rights::Token(_)) {
        return Err(Refused::InsufficientScope);
    }
    if is_good_for(&who.caller, action) {
        Ok(())
    } else {
        Err(Refused::Forbidden)
    }
}

/// Whether a caller's credential is made for all that its user may.
pub(crate) fn is_good_for_everything(caller: &Caller) -> bool {
    match &caller.credential {
        CredentialKind::AccessToken { actions, .. } => actions.contains(ScopeActions::ALL),
        _ => true,
    }
}

/// What a personal access token must be made for to do an action. Managing takes one that is made for everything.
fn needed_of_token(action: Action) -> ScopeActions {
    use Action as A;
    match action {
        A::RepositoryPull
        | A::RepositoryRead
        | A::RepositoryList
        | A::NamespaceRead
        | A::NamespaceList
        | A::ArtifactRead
        | A::ArtifactList
        | A::ArtifactAdditionRead
        | A::AccessoryList
        | A::TagList
        | A::LabelRead
        | A::LabelList
        | A::MemberList
        | A::CatalogRead => ScopeActions::PULL,
        A::RepositoryPush | A::ArtifactCreate | A::TagCreate => ScopeActions::PUSH,
        A::ArtifactDelete | A::TagDelete => ScopeActions::DELETE,
        _ => ScopeActions::ALL,
    }
}
