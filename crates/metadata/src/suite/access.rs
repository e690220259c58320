//! Accounts, people, and what is granted to them.

use super::fixture::{World, id, write};
use crate::{
    AccessTokenRow, Error, Grantee, ListQuery, MetadataStore, NewAccessToken, NewRefreshToken,
    NewUser, RefreshTokenRow,
};
use model::{
    AccessTokenId, AccountState, Address, Coverage, GrantId, NamespaceId, OperatorRole, Role,
    UserId,
};
use oci::ScopeActions;

pub(super) async fn run(store: &MetadataStore) {
    accounts_are_found_by_name_and_id(store).await;
    users_are_made_changed_and_listed(store).await;
    a_namespace_means_what_its_address_says(store).await;
    a_namespace_goes_when_nothing_is_in_it(store).await;
    grants_add_up_and_one_replaces_another_in_a_namespace(store).await;
    access_tokens_take_their_refresh_tokens_along(store).await;
    refresh_tokens_end(store).await;
}

fn all() -> ListQuery {
    ListQuery {
        limit: 10,
        ..ListQuery::default()
    }
}

async fn accounts_are_found_by_name_and_id(store: &MetadataStore) {
    let world = World::create(store).await;
    let account = &world.account;
    let (by_name, by_id, by_host) = store
        .read_blocking(|reader| {
            Ok::<_, Error>((
                reader.find_account_by_name(&account.name)?,
                reader.find_account(&account.id)?,
                reader.find_account_by_host("no-such-host.example")?,
            ))
        })
        .unwrap();
    assert_eq!(by_name.as_ref(), Some(account));
    assert_eq!(by_id.as_ref(), Some(account));
    assert_eq!(by_host, None);
    let changed = account.id.clone();
    write(store, move |tx| {
        tx.set_creates_namespaces_on_push(&changed, false)
    })
    .await;
    let found = store
        .read_blocking(|reader| reader.find_account(&account.id))
        .unwrap();
    assert!(!found.unwrap().creates_namespaces_on_push);
    let changed = account.id.clone();
    write(store, move |tx| {
        tx.set_account_state(&changed, AccountState::Suspended)
    })
    .await;
    let (all, after) = store
        .read_blocking(|reader| {
            Ok::<_, Error>((
                reader.list_accounts("", 10_000)?,
                reader.list_accounts(&account.name, 10_000)?,
            ))
        })
        .unwrap();
    let listed = all.iter().find(|listed| listed.id == account.id).unwrap();
    assert_eq!(listed.state, AccountState::Suspended);
    assert!(!after.contains(listed) && after.len() < all.len());
    let again = account.clone();
    let twice = store.write(move |tx| tx.create_account(&again, 9)).await;
    assert!(matches!(twice, Err(Error::AlreadyExists)), "{twice:?}");
}

async fn users_are_made_changed_and_listed(store: &MetadataStore) {
    let world = World::create(store).await;
    let (account, first) = (world.account.id.clone(), world.user.clone());
    let second = UserId::new(id());
    let new = NewUser {
        id: second.clone(),
        source_id: store
            .read_blocking(|reader| reader.find_password_source())
            .unwrap()
            .unwrap(),
        name: format!("a-{}", world.user_name),
        home_account_id: account.clone(),
        password_hash: Some("old".to_owned()),
    };
    let (members, user) = (account.clone(), new.clone());
    write(store, move |tx| {
        tx.create_user(&user, 10)?;
        tx.put_membership(&members, &first, 10)?;
        tx.put_membership(&members, &user.id, 10)?;
        tx.put_membership(&members, &user.id, 11)?;
        tx.put_operator_role(&user.id, OperatorRole::Administrator, 10)
            .map(drop)
    })
    .await;
    let again = new.clone();
    let twice = store.write(move |tx| tx.create_user(&again, 10)).await;
    assert!(matches!(twice, Err(Error::AlreadyExists)), "{twice:?}");

    let listed = store
        .read_blocking(|reader| {
            assert!(reader.is_member(&account, &second)?);
            assert!(!reader.is_member(&account, &UserId::new(id()))?);
            reader.list_users(&account, "", 10)
        })
        .unwrap();
    let names: Vec<_> = listed.iter().map(|user| user.name.as_str()).collect();
    assert_eq!(names, [new.name.as_str(), world.user_name.as_str()]);
    let after_first = store
        .read_blocking(|reader| reader.list_users(&account, &new.name, 10))
        .unwrap();
    assert_eq!(after_first.len(), 1);

    let changed = second.clone();
    write(store, move |tx| {
        tx.rehash_password(&changed, "another", "never")?;
        tx.rehash_password(&changed, "old", "stronger")
    })
    .await;
    let found = store
        .read_blocking(|reader| reader.find_user(&second))
        .unwrap()
        .unwrap();
    assert_eq!(found.password_hash.as_deref(), Some("stronger"));
    assert_eq!((found.credential_epoch, found.created_at_ms), (0, 10));
    let changed = second.clone();
    write(store, move |tx| {
        tx.set_password(&changed, "new")?;
        tx.set_user_disabled(&changed, true)
    })
    .await;
    let found = store
        .read_blocking(|reader| reader.find_user_by_name(&new.name))
        .unwrap()
        .unwrap();
    assert_eq!(found.password_hash.as_deref(), Some("new"));
    assert!(found.is_disabled);
    assert_eq!(found.credential_epoch, 2);
    assert_eq!(found.home_account_id, account);
}

async fn a_namespace_means_what_its_address_says(store: &MetadataStore) {
    let (one, other) = (World::create(store).await, World::create(store).await);
    let (own, stranger) = (one.account.id.clone(), other.account.id.clone());
    let name = one.namespace_name.clone();
    let also = NamespaceId::new(id());
    let (new, account, taken) = (also.clone(), stranger.clone(), name.clone());
    let claimed = write(store, move |tx| {
        tx.create_namespace(&new, &account, &taken, true, 20)
    })
    .await;
    assert!(!claimed, "the shared address knows the name already");
    let (shared, of_own, of_stranger, none) = store
        .read_blocking(|reader| {
            Ok::<_, Error>((
                reader.find_namespace(&Address::Shared, &name)?,
                reader.find_namespace(&Address::Account(own.clone()), &name)?,
                reader.find_namespace(&Address::Account(stranger.clone()), &name)?,
                reader.find_namespace(&Address::Shared, "no-such-namespace")?,
            ))
        })
        .unwrap();
    assert_eq!(shared.unwrap().id, one.namespace);
    assert_eq!(of_own.unwrap().id, one.namespace);
    let of_stranger = of_stranger.unwrap();
    assert_eq!(of_stranger.id, also);
    assert!(of_stranger.is_public);
    assert_eq!(none, None);
    write(store, move |tx| tx.set_namespace_public(&also, false)).await;
    let listed = store
        .read_blocking(|reader| reader.list_namespaces(&stranger, "", 10))
        .unwrap();
    assert_eq!(listed.len(), 2);
    assert!(listed.iter().all(|namespace| !namespace.is_public));
    assert!(listed[0].name < listed[1].name);
}

async fn a_namespace_goes_when_nothing_is_in_it(store: &MetadataStore) {
    let world = World::create(store).await;
    let namespace = world.namespace.clone();
    let refused = store.write(move |tx| tx.delete_namespace(&namespace)).await;
    assert!(
        matches!(refused, Err(Error::ReferenceViolated)),
        "{refused:?}"
    );
    let has_listed = |namespace: &NamespaceId| {
        store
            .read_blocking(|reader| reader.has_listed_repository(namespace))
            .unwrap()
    };
    assert!(!has_listed(&world.namespace));
    let repository = world.repository.clone();
    write(store, move |tx| tx.list_repository(&repository)).await;
    assert!(has_listed(&world.namespace));

    let (empty, account) = (NamespaceId::new(id()), world.account.id.clone());
    let name = format!("e{}", world.namespace_name);
    let (user, grant) = (world.user.clone(), GrantId::new(id()));
    let (new, new_name) = (empty.clone(), name.clone());
    write(store, move |tx| {
        assert!(tx.create_namespace(&new, &account, &new_name, false, 21)?);
        tx.put_member(&grant, (&account, &new), &user, Role::Guest, 21)?;
        tx.delete_namespace(&new)
    })
    .await;
    let found = store
        .read_blocking(|reader| reader.find_namespace(&Address::Shared, &name))
        .unwrap();
    assert_eq!(found, None);
    let left = store.read_blocking(|reader| reader.list_members(&empty, &all()));
    assert_eq!(left.unwrap().total, 0);
}

async fn grants_add_up_and_one_replaces_another_in_a_namespace(store: &MetadataStore) {
    let world = World::create(store).await;
    let new = world.clone();
    write(store, move |tx| {
        let (account, namespace, user) = (&new.account.id, &new.namespace, &new.user);
        let grant = || GrantId::new(id());
        tx.grant_account_role(&grant(), account, user, Role::Administrator, 30)?;
        tx.put_member(&grant(), (account, namespace), user, Role::Guest, 30)?;
        tx.put_member(&grant(), (account, namespace), user, Role::Maintainer, 31)
    })
    .await;
    let members = store
        .read_blocking(|reader| reader.list_members(&world.namespace, &all()))
        .unwrap();
    let roles: Vec<_> = members
        .items
        .iter()
        .map(|member| (member.name.as_str(), member.role))
        .collect();
    assert_eq!(roles, [(world.user_name.as_str(), Role::Maintainer)]);
    let rights = store
        .read_blocking(|reader| reader.find_rights(&world.user, 0))
        .unwrap()
        .unwrap()
        .rights;
    assert_eq!(rights.len(), 2);
    assert!(
        rights
            .iter()
            .any(|right| right.coverage == Coverage::Everything)
    );
    assert!(
        rights
            .iter()
            .any(|right| right.role == Some(Role::Maintainer))
    );
    let user = world.user.clone();
    write(store, move |tx| tx.set_user_disabled(&user, true)).await;
    let (disabled, unknown) = store
        .read_blocking(|reader| {
            Ok::<_, Error>((
                reader.find_rights(&world.user, 0)?,
                reader.find_rights(&UserId::new(id()), 0)?,
            ))
        })
        .unwrap();
    assert_eq!((disabled, unknown), (None, None));
    let (namespace, user) = (world.namespace.clone(), Grantee::User(world.user.clone()));
    let (first, second) = write(store, move |tx| {
        Ok((
            tx.delete_member(&namespace, &user)?,
            tx.delete_member(&namespace, &user)?,
        ))
    })
    .await;
    assert!(first && !second);
}

fn access_token(world: &World, name: &str) -> NewAccessToken {
    NewAccessToken {
        id: AccessTokenId::new(id()),
        user_id: world.user.clone(),
        name: name.to_owned(),
        secret_hash: format!("hash-{}", id()),
        actions: ScopeActions::PULL,
        expires_at_ms: Some(99),
    }
}

async fn access_tokens_take_their_refresh_tokens_along(store: &MetadataStore) {
    let world = World::create(store).await;
    let token = access_token(&world, "laptop");
    let refresh = NewRefreshToken {
        secret_hash: format!("refresh-{}", id()),
        row: RefreshTokenRow {
            user_id: world.user.clone(),
            account_id: None,
            access_token_id: Some(token.id.clone()),
            service: "registry".to_owned(),
            credential_epoch: 7,
            expires_at_ms: i64::MAX,
        },
    };
    let (new, new_refresh) = (token.clone(), refresh.clone());
    write(store, move |tx| {
        tx.create_access_token(&new, 40)?;
        tx.touch_access_token(&new.id, 41)?;
        tx.create_refresh_token(&new_refresh)
    })
    .await;
    let same_name = access_token(&world, "laptop");
    let twice = store
        .write(move |tx| tx.create_access_token(&same_name, 40))
        .await;
    assert!(matches!(twice, Err(Error::AlreadyExists)), "{twice:?}");
    let find = || -> (Option<AccessTokenRow>, Option<AccessTokenRow>, Option<RefreshTokenRow>) {
        store
            .read_blocking(|reader| {
                Ok::<_, Error>((
                    reader.find_access_token(&token.secret_hash)?,
                    reader.find_access_token_by_id(&token.id)?,
                    reader.find_refresh_token(&refresh.secret_hash)?,
                ))
            })
            .unwrap()
    };
    let (by_secret, by_id, found) = find();
    let by_secret = by_secret.unwrap();
    assert_eq!(by_secret.id, by_id.unwrap().id);
    assert_eq!(by_secret.actions, ScopeActions::PULL);
    assert_eq!(by_secret.last_used_at_ms, Some(41));
    assert_eq!(by_secret.expires_at_ms, Some(99));
    let found = found.unwrap();
    assert_eq!(
        (found.credential_epoch, found.service.as_str()),
        (7, "registry")
    );
    let listed = store
        .read_blocking(|reader| reader.list_access_tokens(&world.user))
        .unwrap();
    assert_eq!(listed.len(), 1);
    a_chosen_secret_is_found_by_its_name(store, &world.user, &token);
    let user = world.user.clone();
    let (first, second) = write(store, move |tx| {
        Ok((
            tx.delete_access_token(&user, "laptop")?,
            tx.delete_access_token(&user, "laptop")?,
        ))
    })
    .await;
    assert!(first && !second);
    assert!(matches!(find(), (None, None, None)));
}

fn a_chosen_secret_is_found_by_its_name(
    store: &MetadataStore,
    user: &UserId,
    token: &NewAccessToken,
) {
    let kept = |name: &str| {
        let kept = store.read_blocking(|reader| reader.find_chosen_secret(user, name));
        kept.unwrap().map(|(row, hash)| (row.id, hash))
    };
    let (id, hash) = (token.id.clone(), token.secret_hash.clone());
    assert_eq!(kept("laptop"), Some((id, hash)));
    assert_eq!(kept("none"), None);
}

async fn refresh_tokens_end(store: &MetadataStore) {
    let world = World::create(store).await;
    let user = world.user.clone();
    let gone = write(store, move |tx| {
        for ends_at_ms in [-3, -2, -1] {
            tx.create_refresh_token(&NewRefreshToken {
                secret_hash: format!("ends-{}", id()),
                row: RefreshTokenRow {
                    user_id: user.clone(),
                    account_id: None,
                    access_token_id: None,
                    service: "registry".to_owned(),
                    credential_epoch: 0,
                    expires_at_ms: ends_at_ms,
                },
            })?;
        }
        Ok((
            tx.delete_expired_refresh_tokens(-2, 1)?,
            tx.delete_expired_refresh_tokens(-2, 10)?,
            tx.delete_expired_refresh_tokens(-2, 10)?,
        ))
    })
    .await;
    assert_eq!(gone, (1, 1, 0));
}
