//! Callers and scopes as tokens say them.

use crate::access::{Authenticated, Rights, TokenRights};
use keys::Claims;
use keys::token::{AccessEntry, CredentialKind as ClaimedCredential, CredentialRef};
use model::{
    AccessTokenId, AccountId, Caller, CallerKind, ContentRequestId, CredentialKind, RobotId,
    TrustRuleId, UserId,
};
use oci::{RepositoryName, Scope, ScopeActions};

pub(super) fn access_entry(scope: &Scope) -> AccessEntry {
    let (kind, name, actions) = scope.claim();
    AccessEntry {
        kind: kind.to_owned(),
        name: name.to_owned(),
        actions: actions.into_iter().map(str::to_owned).collect(),
    }
}

/// The identifier of the user or robot account.
pub(super) fn claimed_id(caller: &Caller) -> &str {
    match &caller.kind {
        CallerKind::User { id, .. } => id.as_str(),
        CallerKind::Robot { id, .. } => id.as_str(),
        CallerKind::Workload { rule, .. } => rule.as_str(),
        CallerKind::Anonymous | CallerKind::LocalOperator => "",
    }
}

pub(crate) fn claimed_credential(caller: &Caller) -> CredentialRef {
    let (kind, id) = match &caller.credential {
        CredentialKind::AccessToken { id, .. } => {
            (ClaimedCredential::PersonalAccessToken, id.as_str())
        }
        CredentialKind::Password => (ClaimedCredential::Password, claimed_id(caller)),
        CredentialKind::RobotSecret => (ClaimedCredential::Robot, claimed_id(caller)),
        CredentialKind::Session | CredentialKind::IdentitySource => {
            (ClaimedCredential::Session, claimed_id(caller))
        }
        CredentialKind::Workload => (ClaimedCredential::Workload, claimed_id(caller)),
        CredentialKind::None | CredentialKind::Local => (ClaimedCredential::Anonymous, ""),
    };
    CredentialRef {
        kind,
        id: id.to_owned(),
    }
}

pub(super) fn authenticated_by(claims: Claims) -> Authenticated {
    let account = (!claims.account.is_empty()).then(|| AccountId::new(claims.account));
    let scopes = claims.access.iter().filter_map(scope_of).collect();
    let request = claims.content_request.as_str();
    let rights = Rights::Token(TokenRights {
        account: account.clone(),
        scopes,
        request: (!request.is_empty()).then(|| ContentRequestId::new(request)),
    });
    if claims.user.is_empty() {
        return Authenticated::new(Caller::anonymous(), rights);
    }
    let user = CallerKind::User {
        id: UserId::new(claims.user.as_str()),
        name: claims.sub.clone(),
    };
    let (kind, credential) = match claims.credential.kind {
        ClaimedCredential::PersonalAccessToken => {
            let credential = CredentialKind::AccessToken {
                id: AccessTokenId::new(claims.credential.id),
                // The token's scopes were narrowed already when it was given.
                actions: ScopeActions::ALL,
            };
            (user, credential)
        }
        ClaimedCredential::Robot => {
            let robot = CallerKind::Robot {
                id: RobotId::new(claims.user),
                name: claims.sub,
            };
            (robot, CredentialKind::RobotSecret)
        }
        ClaimedCredential::Session => (user, CredentialKind::Session),
        ClaimedCredential::Workload => {
            let workload = CallerKind::Workload {
                rule: TrustRuleId::new(claims.user),
                name: claims.sub,
            };
            (workload, CredentialKind::Workload)
        }
        ClaimedCredential::Anonymous | ClaimedCredential::Password => {
            (user, CredentialKind::Password)
        }
    };
    let caller = Caller {
        kind,
        credential,
        home_account: account,
    };
    Authenticated::new(caller, rights)
}

fn scope_of(entry: &AccessEntry) -> Option<Scope> {
    match entry.kind.as_str() {
        "repository" => {
            let name = RepositoryName::parse(&entry.name).ok()?;
            Some(Scope::repository(
                name,
                ScopeActions::parse(&entry.actions.join(",")),
            ))
        }
        "registry" if entry.name == "catalog" => Some(Scope::catalog()),
        _ => None,
    }
}
