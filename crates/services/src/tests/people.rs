//! What is written down about users, members and groups, and what robot accounts cannot make themselves.

use crate::access::{Authenticated, CallerContext, Refused, Rights};
use crate::testing::{TestRegistry, settings};
use crate::{
    AccountContext, Error, GranteeRef, GroupRef, NamespaceRef, NewAccountUser, PasswordRefused,
    SecretString, UserProfile,
};
use metadata::RobotRow;
use model::caller::Origin;
use model::{
    Address, Caller, CallerKind, CredentialKind, Permission, PermissionScope, RobotId, Role,
};
use serde_json::{Value, json};
use std::sync::Arc;

const PASSWORD: &str = "Zebra-crossing-9";
const OTHER_PASSWORD: &str = "Tidal-marsh-12-x";

async fn start() -> (TestRegistry, AccountContext) {
    let registry = TestRegistry::start(settings()).await;
    let password = SecretString::new("Correct-horse-7-battery");
    registry.services.begin(password, false).await.unwrap();
    let by = registry
        .services
        .accounts
        .enter_locally("default")
        .await
        .unwrap();
    (registry, by)
}

fn new_user(name: &str) -> NewAccountUser {
    NewAccountUser {
        name: name.to_owned(),
        password: SecretString::new(PASSWORD),
        profile: UserProfile::default(),
        is_administrator: false,
    }
}

/// The account's events so far.
async fn events(registry: &TestRegistry, by: &AccountContext) -> Vec<Value> {
    let listed = registry.services.list_events(&by.account.id, String::new());
    let read = |event: String| serde_json::from_str(&event).unwrap();
    listed.await.unwrap().into_iter().map(read).collect()
}

/// Every change is written down, with the names of that time, and without secrets.
#[tokio::test]
async fn each_change_about_users_is_an_event() {
    let (registry, by) = start().await;
    let accounts = &registry.services.accounts;
    let zoe = accounts.create_user(&by, new_user("zoe")).await.unwrap();
    let profile = UserProfile {
        email: "zoe@example.com".to_owned(),
        ..UserProfile::default()
    };
    accounts.update_profile(&by, zoe, profile).await.unwrap();
    let (old, new) = (SecretString::new(""), SecretString::new(OTHER_PASSWORD));
    let authenticator = &registry.services.authenticator;
    let set = accounts.set_password(&by, zoe, old, new, authenticator);
    set.await.unwrap();
    for is_administrator in [true, true, false, false] {
        let set = accounts.set_administrator(&by, zoe, is_administrator);
        set.await.unwrap();
    }
    accounts.delete_user(&by, zoe).await.unwrap();
    assert_eq!(
        events(&registry, &by).await,
        [
            json!({ "kind": "user.created", "user": "zoe" }),
            json!({ "kind": "user.profile_changed", "user": "zoe" }),
            json!({ "kind": "user.password_reset", "user": "zoe" }),
            json!({ "kind": "administrator.added", "administrator": "zoe" }),
            json!({ "kind": "administrator.removed", "administrator": "zoe" }),
            json!({ "kind": "user.deleted", "user": "zoe" }),
        ]
    );
}

#[tokio::test]
async fn each_change_about_members_and_groups_is_an_event() {
    let (registry, by) = start().await;
    let accounts = &registry.services.accounts;
    accounts.create_user(&by, new_user("zoe")).await.unwrap();
    let group = accounts.create_group(&by, "builders").await.unwrap();
    let put = accounts.put_group_member(&by, GroupRef::Number(group), "zoe");
    put.await.unwrap();
    accounts.rename_group(&by, group, "makers").await.unwrap();
    let library = NamespaceRef::Name("library");
    let zoe = GranteeRef::UserName("zoe".to_owned());
    for whom in [zoe, GranteeRef::GroupNumber(group)] {
        let added = accounts.add_member(&by, library, whom, Role::Guest);
        let member = added.await.unwrap();
        let set = accounts.set_member_role(&by, library, member, Role::Developer);
        set.await.unwrap();
        let removed = accounts.remove_member(&by, library, member);
        removed.await.unwrap();
    }
    let makers = || GroupRef::Name("makers".to_owned());
    let taken = accounts.delete_group_member(&by, makers(), "zoe");
    taken.await.unwrap();
    accounts.delete_group(&by, makers()).await.unwrap();
    let member = |kind: &str, field: &str, name: &str, role: &str| {
        let mut event = json!({ "kind": kind, "namespace": "library", "role": role });
        event[field] = name.into();
        event
    };
    assert_eq!(
        events(&registry, &by).await,
        [
            json!({ "kind": "user.created", "user": "zoe" }),
            json!({ "kind": "group.created", "group": "builders" }),
            json!({ "kind": "group.member_added", "group": "builders", "user": "zoe" }),
            json!({ "kind": "group.renamed", "group": "makers", "was": "builders" }),
            member("member.added", "user", "zoe", "guest"),
            member("member.updated", "user", "zoe", "developer"),
            json!({ "kind": "member.removed", "namespace": "library", "user": "zoe" }),
            member("member.added", "group", "makers", "guest"),
            member("member.updated", "group", "makers", "developer"),
            json!({ "kind": "member.removed", "namespace": "library", "group": "makers" }),
            json!({ "kind": "group.member_removed", "group": "makers", "user": "zoe" }),
            json!({ "kind": "group.deleted", "group": "makers" }),
        ]
    );
}

/// A robot account of the account, with these permissions on it and on every namespace.
async fn robot(registry: &TestRegistry, by: &AccountContext, actions: &[&str]) -> AccountContext {
    let id = RobotId::new(registry.services.new_id());
    let permission = |scope| Permission {
        scope,
        actions: actions.iter().map(|action| (*action).to_owned()).collect(),
    };
    let row = RobotRow {
        id: id.clone(),
        account_id: by.account.id.clone(),
        namespace_id: None,
        name: "robot$ci".to_owned(),
        short_name: "ci".to_owned(),
        description: String::new(),
        permissions: vec![
            permission(PermissionScope::Account),
            permission(PermissionScope::Namespaces),
        ],
        is_disabled: false,
        duration_days: -1,
        expires_at_ms: None,
        creator_kind: "operator".to_owned(),
        creator_id: String::new(),
        created_at_ms: 0,
        updated_at_ms: 0,
        last_used_at_ms: None,
    };
    let core = &registry.services.core;
    let made = core
        .metadata
        .write(move |tx| Ok::<_, Error>(tx.create_robot(&row, "hash")?));
    made.await.unwrap();
    let caller = Caller {
        kind: CallerKind::Robot {
            id,
            name: "robot$ci".to_owned(),
        },
        credential: CredentialKind::RobotSecret,
        home_account: Some(by.account.id.clone()),
    };
    let context = CallerContext {
        authenticated: Arc::new(Authenticated::new(caller, Rights::Granted)),
        origin: Origin::default(),
        address: Address::Shared,
    };
    registry
        .services
        .authorizer
        .enter(context, None)
        .await
        .unwrap()
}

/// Sets a user's password as whoever is not that user.
async fn reset(registry: &TestRegistry, by: &AccountContext, number: i64) -> Result<(), Refused> {
    let (old, new) = (SecretString::new(""), SecretString::new(OTHER_PASSWORD));
    let authenticator = &registry.services.authenticator;
    let set = registry
        .services
        .accounts
        .set_password(by, number, old, new, authenticator);
    set.await.map_err(|refused| match refused {
        PasswordRefused::Refused(refused) => refused,
        other => panic!("{other:?}"),
    })
}

async fn number_of(registry: &TestRegistry, by: &AccountContext, name: &str) -> i64 {
    let found = registry.services.accounts.search_users(by, by_name(name));
    found.await.unwrap().items[0].number
}

#[track_caller]
fn assert_forbidden<T: std::fmt::Debug>(outcome: &Result<T, Refused>) {
    assert!(matches!(outcome, Err(Refused::Forbidden)), "{outcome:?}");
}

/// Whoever may change users must not become one that may do more.
#[tokio::test]
async fn nobody_takes_over_more_than_it_has() {
    let (registry, by) = start().await;
    let accounts = &registry.services.accounts;
    let zoe = accounts.create_user(&by, new_user("zoe")).await.unwrap();
    let admin = number_of(&registry, &by, "admin").await;
    let actions = [
        "user:create",
        "user:update",
        "user:delete",
        "repository:pull",
    ];
    let robot = robot(&registry, &by, &actions).await;
    reset(&registry, &robot, zoe).await.unwrap();
    assert_forbidden(&reset(&registry, &robot, admin).await);
    assert_forbidden(&accounts.delete_user(&robot, admin).await);
    assert_forbidden(&accounts.set_administrator(&robot, zoe, true).await);
    let administrator = NewAccountUser {
        is_administrator: true,
        ..new_user("eve")
    };
    assert_forbidden(&accounts.create_user(&robot, administrator).await);
    // What zoe has of a group counts, too.
    let group = accounts.create_group(&by, "builders").await.unwrap();
    let put = accounts.put_group_member(&by, GroupRef::Number(group), "zoe");
    put.await.unwrap();
    let (library, builders) = (
        NamespaceRef::Name("library"),
        GranteeRef::GroupNumber(group),
    );
    let added = accounts.add_member(&by, library, builders, Role::Developer);
    added.await.unwrap();
    assert_forbidden(&reset(&registry, &robot, zoe).await);
    assert_forbidden(&accounts.delete_user(&robot, zoe).await);
}

/// Whoever may give roles gives none that is more than its own.
#[tokio::test]
async fn nobody_gives_more_than_it_has() {
    let (registry, by) = start().await;
    let accounts = &registry.services.accounts;
    let zoe = accounts.create_user(&by, new_user("zoe")).await.unwrap();
    accounts.create_group(&by, "builders").await.unwrap();
    let actions = ["user-group:update", "member:create", "member:update"];
    let robot = robot(&registry, &by, &actions).await;
    let builders = GroupRef::Name("builders".to_owned());
    assert_forbidden(&accounts.put_group_member(&robot, builders, "zoe").await);
    let (library, whom) = (NamespaceRef::Name("library"), || {
        GranteeRef::UserNumber(zoe)
    });
    for role in [Role::ProjectAdmin, Role::Guest] {
        assert_forbidden(&accounts.add_member(&robot, library, whom(), role).await);
    }
    let added = accounts.add_member(&by, library, whom(), Role::LimitedGuest);
    let member = added.await.unwrap();
    let raised = accounts.set_member_role(&robot, library, member, Role::ProjectAdmin);
    assert_forbidden(&raised.await);
    for role in [Role::Administrator, Role::Manager] {
        let wrong = accounts.add_member(&by, library, whom(), role).await;
        let is_told = matches!(wrong, Err(Refused::Failed(Error::Invalid(_))));
        assert!(is_told, "{wrong:?}");
    }
}

fn by_name(name: &str) -> crate::ListQuery {
    crate::ListQuery {
        conditions: vec![crate::Condition {
            field: "username".to_owned(),
            comparison: crate::Comparison::Contains(name.to_owned()),
        }],
        limit: 10,
        ..crate::ListQuery::default()
    }
}

/// An account decides about its own users; a guest from another account can only be sent away.
#[tokio::test]
async fn t12_a_guest_of_an_account_stays_its_own_accounts_user() {
    let (registry, by) = start().await;
    let accounts = &registry.services.accounts;
    let zoe = accounts.create_user(&by, new_user("zoe")).await.unwrap();
    registry.create_account("brew").await.unwrap();
    let brew = accounts.enter_locally("brew").await.unwrap();
    let account = brew.account.id.clone();
    let joined = registry.services.core.metadata.write(move |tx| {
        let user = tx.find_user_by_name("zoe")?.ok_or(Error::Internal)?;
        Ok::<_, Error>(tx.put_membership(&account, &user.id, 0)?)
    });
    joined.await.unwrap();
    let there = number_of(&registry, &brew, "zoe").await;
    let changed = accounts.update_profile(&brew, there, UserProfile::default());
    for refused in [changed.await, reset(&registry, &brew, there).await] {
        let is_told = matches!(refused, Err(Refused::Failed(Error::NotAllowed(_))));
        assert!(is_told, "{refused:?}");
    }
    accounts.delete_user(&brew, there).await.unwrap();
    let left = accounts.search_users(&brew, by_name("zoe")).await.unwrap();
    assert_eq!(left.total, 0);
    assert_eq!(
        events(&registry, &brew).await,
        [json!({ "kind": "user.removed", "user": "zoe" })]
    );
    // It is still there, at home.
    accounts.find_user(&by, zoe).await.unwrap();
}
