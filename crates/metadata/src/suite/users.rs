//! Users of accounts.

use super::fixture::{World, id, write};
use super::groups::{add_group, add_member, add_user, holds, members, page};
use crate::{
    Error, Grantee, GroupRow, ListQuery, Listed, MetadataStore, NewAccessToken, NewRefreshToken,
    RefreshTokenRow, SessionRow, SubjectRights, Turn, UserDetails, UserProfile,
};
use model::{AccessTokenId, AccountId, GrantId, OperatorRole, Role, UserId};
use oci::ScopeActions;

pub(super) async fn run(store: &MetadataStore) {
    users_of_an_account_are_listed_with_what_they_say(store).await;
    an_account_needs_its_last_administrator(store).await;
    a_user_leaves_an_account(store).await;
    a_user_goes_for_good_with_all_it_could_log_in_with(store).await;
    an_operator_is_not_deleted(store).await;
}

fn users(store: &MetadataStore, account: &AccountId, query: &ListQuery) -> Listed<UserDetails> {
    store
        .read_blocking(|reader| reader.list_user_details(account, query))
        .unwrap()
}

async fn users_of_an_account_are_listed_with_what_they_say(store: &MetadataStore) {
    let (world, other) = (World::create(store).await, World::create(store).await);
    let account = &world.account.id;
    let name = format!("Ann-{}", world.user_name);
    let ann = add_user(store, account, &name).await;
    add_user(store, &other.account.id, &format!("b-{}", world.user_name)).await;
    let profile = UserProfile {
        email: "ann@example.com".to_owned(),
        real_name: "Ann".to_owned(),
        comment: "builds".to_owned(),
        updated_at_ms: 20,
    };
    let (home, user, said) = (account.clone(), ann.clone(), profile.clone());
    write(store, move |tx| {
        tx.put_user_profile(&user, &said)?;
        let grant = || GrantId::new(id());
        tx.grant_account_role(&grant(), &home, &user, Role::Administrator, 20)?;
        tx.grant_account_role(&grant(), &home, &user, Role::Administrator, 21)
    })
    .await;
    let details = UserDetails {
        id: ann.clone(),
        name: name.clone(),
        home_account_id: account.clone(),
        created_at_ms: 10,
        profile,
        is_administrator: true,
    };
    let find = |account: &AccountId| {
        store
            .read_blocking(|reader| reader.find_user_details(account, &ann))
            .unwrap()
    };
    assert_eq!(find(account), Some(details.clone()));
    assert_eq!(find(&other.account.id), None);
    let all = users(store, account, &page());
    assert_eq!((all.items, all.total), (vec![details.clone()], 1));
    for (query, expected) in [
        (holds("username", "ANN-"), 1),
        (holds("email", "@example"), 1),
        (holds("realname", "ann"), 1),
        (holds("username", "b-user"), 0),
        // Nothing can be found out about what is not to be seen.
        (holds("password_hash", "nothing holds this"), 1),
    ] {
        assert_eq!(users(store, account, &query).total, expected, "{query:?}");
    }
    let (home, user) = (account.clone(), ann.clone());
    let (taken, again) = write(store, move |tx| {
        Ok((
            tx.take_account_role(&home, &user, Role::Administrator)?,
            tx.take_account_role(&home, &user, Role::Administrator)?,
        ))
    })
    .await;
    assert!(taken && !again);
    assert!(!find(account).unwrap().is_administrator);
}

async fn an_account_needs_its_last_administrator(store: &MetadataStore) {
    let world = World::create(store).await;
    let account = world.account.id.clone();
    let second = add_user(store, &account, &format!("second-{}", world.user_name)).await;
    let needs = |user: &UserId| -> Vec<AccountId> {
        store
            .read_blocking(|reader| reader.list_accounts_that_need(user))
            .unwrap()
    };
    assert_eq!(needs(&world.user), []);
    let (home, user) = (account.clone(), world.user.clone());
    write(store, move |tx| {
        tx.take_turn(Turn::Administrators)?;
        tx.grant_account_role(&GrantId::new(id()), &home, &user, Role::Administrator, 1)
    })
    .await;
    assert_eq!(needs(&world.user), std::slice::from_ref(&account));
    let (home, user) = (account.clone(), second.clone());
    write(store, move |tx| {
        tx.grant_account_role(&GrantId::new(id()), &home, &user, Role::Administrator, 1)
    })
    .await;
    assert_eq!(
        (needs(&world.user), needs(&second)),
        (Vec::new(), Vec::new())
    );
    // Whoever may not log in administers nothing.
    write(store, move |tx| tx.set_user_disabled(&second, true)).await;
    assert_eq!(needs(&world.user), [account]);
}

async fn a_user_leaves_an_account(store: &MetadataStore) {
    let (world, other) = (World::create(store).await, World::create(store).await);
    let user = add_user(
        store,
        &world.account.id,
        &format!("leaver-{}", world.user_name),
    )
    .await;
    let own = add_group(store, &world.account.id, "leavers").await;
    let strangers = add_group(store, &other.account.id, "leavers").await;
    for world in [&world, &other] {
        add_member(store, world, Grantee::User(user.clone()), Role::Guest).await;
    }
    let (who, account) = (user.clone(), other.account.id.clone());
    let groups = [own.id.clone(), strangers.id.clone()];
    let (was_in, again) = write(store, move |tx| {
        for group in &groups {
            tx.put_group_member(group, &who, 30)?;
        }
        tx.put_membership(&account, &who, 30)?;
        Ok((
            tx.delete_membership(&account, &who)?,
            tx.delete_membership(&account, &who)?,
        ))
    })
    .await;
    assert!(was_in && !again);
    let left = (in_group(store, &strangers), in_group(store, &own));
    assert_eq!(left, (0, 1));
    assert_eq!(members(store, &other.namespace, &page()).total, 0);
    assert_eq!(members(store, &world.namespace, &page()).total, 1);
}

fn in_group(store: &MetadataStore, group: &GroupRow) -> usize {
    let names = store.read_blocking(|reader| reader.list_group_members(&group.id, "", 10));
    names.unwrap().len()
}

async fn a_user_goes_for_good_with_all_it_could_log_in_with(store: &MetadataStore) {
    let world = World::create(store).await;
    let name = format!("goer-{}", world.user_name);
    let user = add_user(store, &world.account.id, &name).await;
    let group = add_group(store, &world.account.id, "goers").await;
    add_member(store, &world, Grantee::User(user.clone()), Role::Guest).await;
    let (session, refresh) = (format!("session-{}", id()), refresh_token(&user));
    let token = access_token(&user);
    let (who, login, group_id) = (user.clone(), session.clone(), group.id.clone());
    let kept = (token.clone(), refresh.clone());
    let (went, again) = write(store, move |tx| {
        tx.put_group_member(&group_id, &who, 30)?;
        tx.create_access_token(&kept.0, 30)?;
        tx.create_refresh_token(&kept.1)?;
        let row = SessionRow {
            user_id: who.clone(),
            account_id: None,
            credential_epoch: 0,
            created_at_ms: 30,
            expires_at_ms: 40,
        };
        tx.create_session(&login, &row)?;
        Ok((tx.delete_user(&who)?, tx.delete_user(&who)?))
    })
    .await;
    assert!(went && !again);
    let left = store.read_blocking(|reader| {
        Ok::<_, Error>([
            reader.find_user(&user)?.is_some(),
            reader.find_user_by_name(&name)?.is_some(),
            reader.find_session(&session)?.is_some(),
            reader.find_access_token(&token.secret_hash)?.is_some(),
            reader.find_refresh_token(&refresh.secret_hash)?.is_some(),
        ])
    });
    assert_eq!(left.unwrap(), [false; 5]);
    assert_eq!(in_group(store, &group), 0);
    assert_eq!(members(store, &world.namespace, &page()).total, 0);
    // The name is free, and owes nothing.
    let anew = add_user(store, &world.account.id, &name).await;
    let rights = store.read_blocking(|reader| reader.find_rights(&anew, 0));
    assert_eq!(rights.unwrap(), Some(SubjectRights::default()));
}

fn access_token(user: &UserId) -> NewAccessToken {
    NewAccessToken {
        id: AccessTokenId::new(id()),
        user_id: user.clone(),
        name: "laptop".to_owned(),
        secret_hash: format!("hash-{}", id()),
        actions: ScopeActions::PULL,
        expires_at_ms: None,
    }
}

fn refresh_token(user: &UserId) -> NewRefreshToken {
    NewRefreshToken {
        secret_hash: format!("refresh-{}", id()),
        row: RefreshTokenRow {
            user_id: user.clone(),
            account_id: None,
            access_token_id: None,
            service: "registry".to_owned(),
            credential_epoch: 0,
            expires_at_ms: 99,
        },
    }
}

/// Operators of the deployment stay until they are none any more.
async fn an_operator_is_not_deleted(store: &MetadataStore) {
    let world = World::create(store).await;
    let user = add_user(store, &world.account.id, &format!("op-{}", world.user_name)).await;
    let who = user.clone();
    write(store, move |tx| {
        tx.put_operator_role(&who, OperatorRole::Auditor, 31)
    })
    .await;
    let is_operator = |user: &UserId| {
        let found = store.read_blocking(|reader| reader.is_operator(user));
        found.unwrap()
    };
    assert_eq!(
        (is_operator(&user), is_operator(&world.user)),
        (true, false)
    );
    let refused = store.write(move |tx| tx.delete_user(&user)).await;
    assert!(
        matches!(refused, Err(Error::ReferenceViolated)),
        "{refused:?}"
    );
}
