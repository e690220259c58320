//! What robot accounts may be given, and how people name it.

use super::Robots;
use crate::access::Refused;
use crate::account_access::{AccountContext, NamespaceRef};
use crate::authorizer::Authorizer;
use crate::{Error, Result};
use model::{Action, Actions, Permission, PermissionScope};
use std::collections::HashMap;

/// Most permissions of one robot account or trust rule.
const MAX_PERMISSIONS: usize = 200;

/// What may be given for the account itself: Harbor's table for its kind `system`.
const OF_ACCOUNTS: &[(&str, &str)] = &[
    ("audit-log", "list"),
    ("preheat-instance", "create read update delete list"),
    ("namespace", "list create"),
    ("replication-policy", "create read update delete list"),
    ("replication", "create read list"),
    ("replication-adapter", "list"),
    ("registry", "create read update delete list"),
    ("scan-all", "create read update stop"),
    ("system-volumes", "read"),
    ("garbage-collection", "create read list update stop"),
    ("purge-audit", "create read list update stop"),
    ("jobservice-monitor", "list stop"),
    ("scanner", "create read update delete list"),
    ("label", "create read update delete"),
    ("security-hub", "read list"),
    ("catalog", "read"),
    ("quota", "read list update"),
    ("robot", "create read list delete"),
    ("user", "create read update delete list"),
    ("ldap-user", "create list"),
    ("user-group", "create read update delete list"),
];

/// What may be given for namespaces: Harbor's table for its kind `project`.
const OF_NAMESPACES: &[(&str, &str)] = &[
    ("log", "list"),
    ("namespace", "read update delete"),
    ("metadata", "create read update delete list"),
    ("repository", "read update delete list pull push"),
    ("artifact", "create read delete list"),
    ("scan", "create read stop"),
    ("sbom", "create read stop"),
    ("tag", "create list delete"),
    ("accessory", "list"),
    ("artifact-addition", "read"),
    ("artifact-label", "create delete"),
    ("scanner", "create read"),
    ("preheat-policy", "create read update delete list"),
    ("immutable-tag", "create list update delete"),
    ("notification-policy", "create read update delete list"),
    ("tag-retention", "create read update delete list operate"),
    ("label", "create read update delete list"),
    ("quota", "read"),
    ("robot", "create read list delete"),
    ("export-cve", "create read"),
    ("member", "create read update delete list"),
];

/// Where a permission holds, as people name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PermissionPlace {
    /// The account itself.
    Account,
    /// Every namespace of the account, now and later.
    EveryNamespace,
    /// The namespace of that name.
    Namespace(String),
}

/// Some actions somewhere, as people name them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedPermission {
    /// Where.
    pub place: PermissionPlace,
    /// What.
    pub actions: Vec<Action>,
}

/// What a caller may be told that robot accounts can be given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grantable {
    /// For the account itself; `None` for whoever makes robot accounts of namespaces only.
    pub of_account: Option<Vec<Action>>,
    /// For namespaces.
    pub of_namespaces: Vec<Action>,
}

fn actions_of(table: &[(&str, &str)]) -> Vec<Action> {
    let pairs = table.iter().flat_map(|(resource, verbs)| {
        verbs
            .split(' ')
            .map(move |verb| format!("{resource}:{verb}"))
    });
    pairs.filter_map(|name| Action::parse(&name)).collect()
}

fn check_actions(permission: &NamedPermission) -> Result<Vec<String>> {
    let table = match permission.place {
        PermissionPlace::Account => OF_ACCOUNTS,
        PermissionPlace::EveryNamespace | PermissionPlace::Namespace(_) => OF_NAMESPACES,
    };
    let legal: Actions = actions_of(table).into_iter().collect();
    if let Some(action) = permission
        .actions
        .iter()
        .find(|action| !legal.contains(**action))
    {
        let of = match permission.place {
            PermissionPlace::Account => "the account",
            PermissionPlace::EveryNamespace | PermissionPlace::Namespace(_) => "namespaces",
        };
        return Err(Error::Invalid(format!(
            "{} cannot be given for {of}; ask for the permissions that there are",
            action.as_str()
        )));
    }
    if permission.actions.is_empty() {
        return Err(Error::Invalid(
            "a permission without any action allows nothing; leave it out".to_owned(),
        ));
    }
    let asked: Actions = permission.actions.iter().copied().collect();
    Ok(asked
        .iter()
        .map(|action| action.as_str().to_owned())
        .collect())
}

/// The one namespace that a robot account of a namespace is of.
pub(super) fn sole_namespace(permissions: &[NamedPermission]) -> Result<&str> {
    match permissions {
        [
            NamedPermission {
                place: PermissionPlace::Namespace(name),
                ..
            },
        ] => Ok(name),
        _ => Err(Error::Invalid(
            "a robot account of a project has exactly one permission, of kind project and with the project's name"
                .to_owned(),
        )),
    }
}

impl Robots {
    /// Whether an action can be given for the account itself and not for namespaces.
    pub fn is_grantable_for_account_only(action: Action) -> bool {
        actions_of(OF_ACCOUNTS).contains(&action) && !actions_of(OF_NAMESPACES).contains(&action)
    }

    /// What the caller may give to robot accounts, as far as it holds that itself.
    pub async fn grantable(&self, by: &AccountContext) -> Result<Grantable, Refused> {
        let who = by.authenticated();
        if who.caller.is_anonymous() {
            return Err(Refused::Unauthenticated);
        }
        let of_account = self.authorizer.allows(by, Action::RobotCreate).await?;
        if !of_account && !self.may_somewhere(by, Action::RobotCreate).await? {
            return Err(Refused::Forbidden);
        }
        Ok(Grantable {
            of_account: of_account.then(|| actions_of(OF_ACCOUNTS)),
            of_namespaces: actions_of(OF_NAMESPACES),
        })
    }
}

/// What people ask for, as it is stored: namespaces by their ids. Whoever may not see a namespace gives nothing there.
pub(crate) async fn resolve(
    authorizer: &Authorizer,
    by: &AccountContext,
    asked: &[NamedPermission],
) -> Result<Vec<Permission>, Refused> {
    if asked.is_empty() || asked.len() > MAX_PERMISSIONS {
        let message = format!("there have to be 1 to {MAX_PERMISSIONS} permissions");
        return Err(Error::Invalid(message).into());
    }
    let mut permissions = Vec::with_capacity(asked.len());
    for permission in asked {
        let actions = check_actions(permission)?;
        let scope = match &permission.place {
            PermissionPlace::Account => PermissionScope::Account,
            PermissionPlace::EveryNamespace => PermissionScope::Namespaces,
            PermissionPlace::Namespace(name) => {
                let named = NamespaceRef::Name(name);
                let found = authorizer.namespace(by, named, Action::NamespaceRead);
                PermissionScope::Namespace(found.await?.id.as_str().to_owned())
            }
        };
        permissions.push(Permission { scope, actions });
    }
    Ok(permissions)
}

/// Nobody gives what it does not hold.
pub(crate) async fn require_passable(
    authorizer: &Authorizer,
    by: &AccountContext,
    permissions: &[Permission],
) -> Result<(), Refused> {
    for permission in permissions {
        let right = permission.right(by.id());
        if !authorizer.may_pass_on(by, &right).await? {
            let place = match &permission.scope {
                PermissionScope::Account => "in the account",
                PermissionScope::Namespaces => "in every namespace",
                PermissionScope::Namespace(_) => "in the namespace",
            };
            let lacking = format!("one of {} {place}", permission.actions.join(", "));
            return Err(Error::BeyondOwnRights(lacking).into());
        }
    }
    Ok(())
}

/// What is stored, as people name it. A permission for a namespace that is gone is gone with it.
pub(crate) fn named(
    permissions: &[Permission],
    names: &HashMap<String, String>,
) -> Vec<NamedPermission> {
    let named = permissions.iter().filter_map(|permission| {
        let place = match &permission.scope {
            PermissionScope::Account => PermissionPlace::Account,
            PermissionScope::Namespaces => PermissionPlace::EveryNamespace,
            PermissionScope::Namespace(id) => PermissionPlace::Namespace(names.get(id)?.clone()),
        };
        let actions = permission
            .actions
            .iter()
            .filter_map(|name| Action::parse(name));
        Some(NamedPermission {
            place,
            actions: actions.collect(),
        })
    });
    named.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_can_be_given_is_an_action_that_there_is() {
        for (table, expected) in [(OF_ACCOUNTS, 70), (OF_NAMESPACES, 71)] {
            let pairs: usize = table
                .iter()
                .map(|(_, verbs)| verbs.split(' ').count())
                .sum();
            assert_eq!(pairs, expected, "Harbor's table has this many");
            let actions = actions_of(table);
            assert_eq!(actions.len(), pairs, "a pair is no action");
            let distinct: Actions = actions.iter().copied().collect();
            assert_eq!(distinct.iter().count(), pairs, "a pair stands twice");
        }
    }

    #[test]
    fn what_belongs_to_the_account_is_not_given_for_a_namespace_nor_the_other_way_round() {
        let permission = |place, action| NamedPermission {
            place,
            actions: vec![action],
        };
        let everywhere = PermissionPlace::EveryNamespace;
        for (place, action, is_legal) in [
            (PermissionPlace::Account, Action::NamespaceCreate, true),
            (PermissionPlace::Account, Action::RepositoryPush, false),
            (PermissionPlace::Account, Action::ConfigurationUpdate, false),
            (everywhere.clone(), Action::RepositoryPush, true),
            (everywhere.clone(), Action::NamespaceCreate, false),
            (everywhere.clone(), Action::RobotUpdate, false),
            (
                PermissionPlace::Namespace("n".to_owned()),
                Action::UserCreate,
                false,
            ),
        ] {
            let checked = check_actions(&permission(place, action));
            assert_eq!(checked.is_ok(), is_legal, "{action:?}");
        }
        let nothing = NamedPermission {
            place: everywhere,
            actions: Vec::new(),
        };
        assert!(check_actions(&nothing).is_err());
    }
}
