//! Trust in workloads, and people for whom an issuer vouches.

use super::fixture::{World, id, write};
use crate::{
    Error, GroupKind, GroupRow, ListQuery, MetadataStore, NewUser, OidcSourceRow, TrustRuleRow,
};
use model::{
    AccountId, GrantId, GroupId, IdentitySourceId, Permission, PermissionScope, TrustRuleId, UserId,
};

pub(super) async fn run(store: &MetadataStore) {
    a_trust_rule_is_kept_changed_and_found_by_its_issuer(store).await;
    an_issuer_of_people_is_kept_and_goes_when_nobody_needs_it(store).await;
    whom_an_issuer_vouches_for_is_found_by_what_it_calls_them(store).await;
    groups_of_an_issuer_have_the_members_that_it_names(store).await;
    a_login_comes_back_once(store).await;
}

fn rule(account: &AccountId, name: &str, issuer: &str) -> TrustRuleRow {
    TrustRuleRow {
        id: TrustRuleId::new(id()),
        account_id: account.clone(),
        name: name.to_owned(),
        description: "builds".to_owned(),
        issuer: issuer.to_owned(),
        audience: "registry".to_owned(),
        claims: [("sub".to_owned(), vec!["repo:acme/*".to_owned()])].into(),
        permissions: vec![Permission {
            scope: PermissionScope::Namespaces,
            actions: vec!["repository:push".to_owned()],
        }],
        token_lifetime_secs: 300,
        is_disabled: false,
        created_at_ms: 5,
        updated_at_ms: 5,
        last_used_at_ms: None,
    }
}

async fn a_trust_rule_is_kept_changed_and_found_by_its_issuer(store: &MetadataStore) {
    let (world, other) = (World::create(store).await, World::create(store).await);
    let account = world.account.id.clone();
    let (one, two, off) = (
        rule(&account, "b", "https://one.example.com"),
        rule(&account, "a", "https://one.example.com"),
        TrustRuleRow {
            is_disabled: true,
            ..rule(&account, "c", "https://one.example.com")
        },
    );
    let theirs = rule(&other.account.id, "b", "https://one.example.com");
    let all = [one.clone(), two.clone(), off.clone(), theirs];
    write(store, move |tx| {
        all.iter().try_for_each(|rule| tx.create_trust_rule(rule))
    })
    .await;
    let again = rule(&account, "b", "https://two.example.com");
    let twice = store.write(move |tx| tx.create_trust_rule(&again)).await;
    assert!(matches!(twice, Err(Error::AlreadyExists)), "{twice:?}");
    let page = ListQuery {
        limit: 2,
        ..ListQuery::default()
    };
    let (found, named, of_issuer, listed, count) = store
        .read_blocking(|reader| {
            Ok::<_, Error>((
                reader.find_trust_rule(&one.id)?,
                reader.find_trust_rule_by_name(&account, "b")?,
                reader.list_trust_rules_of_issuer(&account, "https://one.example.com")?,
                reader.list_trust_rules(&account, &page)?,
                reader.count_trust_rules(&account)?,
            ))
        })
        .unwrap();
    assert_eq!((found.as_ref(), named.as_ref()), (Some(&one), Some(&one)));
    assert_eq!(of_issuer, [two.clone(), one.clone()]);
    assert_eq!(listed.items, [two, one.clone()]);
    assert_eq!((listed.total, count), (3, 3));
    changed_and_gone(store, one).await;
}

async fn changed_and_gone(store: &MetadataStore, one: TrustRuleRow) {
    let changed = TrustRuleRow {
        description: String::new(),
        issuer: "https://two.example.com".to_owned(),
        audience: "us".to_owned(),
        claims: [("ref".to_owned(), vec!["main".to_owned()])].into(),
        permissions: Vec::new(),
        token_lifetime_secs: 60,
        is_disabled: true,
        ..one.clone()
    };
    let change = changed.clone();
    let is_there = write(store, move |tx| {
        let is_there = tx.update_trust_rule(&change, 7)?;
        tx.touch_trust_rule(&change.id, 9)?;
        Ok(is_there)
    })
    .await;
    let found = store
        .read_blocking(|reader| reader.find_trust_rule(&one.id))
        .unwrap();
    let expected = TrustRuleRow {
        updated_at_ms: 7,
        last_used_at_ms: Some(9),
        ..changed
    };
    assert_eq!((is_there, found), (true, Some(expected.clone())));
    let gone = write(store, move |tx| {
        Ok((
            tx.delete_trust_rule(&expected.id)?,
            tx.delete_trust_rule(&expected.id)?,
            tx.update_trust_rule(&expected, 8)?,
        ))
    })
    .await;
    assert_eq!(gone, (true, false, false));
}

fn source(home: &AccountId, owner: Option<&AccountId>, name: &str) -> OidcSourceRow {
    OidcSourceRow {
        id: IdentitySourceId::new(id()),
        account_id: owner.cloned(),
        home_account_id: home.clone(),
        name: name.to_owned(),
        issuer: "https://issuer.example.com".to_owned(),
        client_id: "roadstead".to_owned(),
        sealed_client_secret: None,
        scopes: "profile".to_owned(),
        name_claim: "name".to_owned(),
        groups_claim: String::new(),
        admin_group: String::new(),
        button_text: String::new(),
        onboards: true,
        is_disabled: false,
        created_at_ms: 5,
        updated_at_ms: 5,
    }
}

async fn an_issuer_of_people_is_kept_and_goes_when_nobody_needs_it(store: &MetadataStore) {
    let world = World::create(store).await;
    let home = world.account.id.clone();
    let (own, all) = (source(&home, Some(&home), "b"), source(&home, None, "a"));
    let both = (own.clone(), all.clone());
    write(store, move |tx| {
        tx.create_oidc_source(&both.0)?;
        tx.create_oidc_source(&both.1)
    })
    .await;
    let again = source(&home, Some(&home), "a");
    let twice = store.write(move |tx| tx.create_oidc_source(&again)).await;
    assert!(matches!(twice, Err(Error::AlreadyExists)), "{twice:?}");
    let changed = OidcSourceRow {
        client_id: "registry".to_owned(),
        sealed_client_secret: Some("sealed".to_owned()),
        scopes: String::new(),
        name_claim: "sub".to_owned(),
        groups_claim: "groups".to_owned(),
        admin_group: "admins".to_owned(),
        button_text: "Log in".to_owned(),
        onboards: false,
        is_disabled: true,
        updated_at_ms: 9,
        ..own.clone()
    };
    let change = changed.clone();
    assert!(write(store, move |tx| tx.update_oidc_source(&change, 9)).await);
    let (found, of_account, of_deployment) = store
        .read_blocking(|reader| {
            Ok::<_, Error>((
                reader.find_oidc_source(&own.id)?,
                reader.list_oidc_sources(Some(&home))?,
                reader.list_oidc_sources(None)?,
            ))
        })
        .unwrap();
    assert_eq!((found, of_account), (Some(changed.clone()), vec![changed]));
    assert!(of_deployment.contains(&all));
    let gone = own.id.clone();
    let (there, again, other) = write(store, move |tx| {
        Ok((
            tx.delete_identity_source(&gone)?,
            tx.delete_identity_source(&gone)?,
            tx.delete_identity_source(&all.id)?,
        ))
    })
    .await;
    assert!(there && !again && other);
    let found = store
        .read_blocking(|reader| reader.find_oidc_source(&own.id))
        .unwrap();
    assert_eq!(found, None);
}

async fn whom_an_issuer_vouches_for_is_found_by_what_it_calls_them(store: &MetadataStore) {
    let world = World::create(store).await;
    let home = world.account.id.clone();
    let (one, two) = (source(&home, None, "one"), source(&home, None, "two"));
    let (user, name) = (UserId::new(id()), format!("user-{}", id()));
    let new = NewUser {
        id: user.clone(),
        source_id: one.id.as_str().to_owned(),
        name: name.clone(),
        home_account_id: home.clone(),
        password_hash: None,
    };
    let made = (one.clone(), two.clone(), new.clone());
    write(store, move |tx| {
        tx.create_oidc_source(&made.0)?;
        tx.create_oidc_source(&made.1)?;
        tx.create_user(&made.2, 5)?;
        tx.put_external_user(&made.2.id, (&made.0.id, "subject"), 6)?;
        tx.put_external_user(&made.2.id, (&made.0.id, "subject"), 7)
    })
    .await;
    let (found, other, wrong, of_user, of_local, named, has, has_none) = store
        .read_blocking(|reader| {
            Ok::<_, Error>((
                reader.find_external_user(&one.id, "subject")?,
                reader.find_external_user(&two.id, "subject")?,
                reader.find_external_user(&one.id, "Subject")?,
                reader.find_source_of_user(&user)?,
                reader.find_source_of_user(&world.user)?,
                reader.find_user_named(&name)?,
                reader.has_external_users(&one.id)?,
                reader.has_external_users(&two.id)?,
            ))
        })
        .unwrap();
    assert_eq!(found.map(|user| user.name), Some(name.clone()));
    assert!(other.is_none() && wrong.is_none());
    assert_eq!((of_user, of_local), (Some(one.id.clone()), None));
    assert_eq!(named.map(|user| user.id), Some(user.clone()));
    assert!(has && !has_none);
    // A name is one user's, whoever vouches for it.
    let same = NewUser {
        id: UserId::new(id()),
        source_id: two.id.as_str().to_owned(),
        ..new
    };
    assert!(
        store
            .write(move |tx| tx.create_user(&same, 8))
            .await
            .is_err()
    );
    let needed = one.id.clone();
    let refused = store
        .write(move |tx| tx.delete_identity_source(&needed))
        .await;
    assert!(
        matches!(refused, Err(Error::ReferenceViolated)),
        "{refused:?}"
    );
}

async fn groups_of_an_issuer_have_the_members_that_it_names(store: &MetadataStore) {
    let world = World::create(store).await;
    let (home, user) = (world.account.id.clone(), world.user.clone());
    let issuer = source(&home, Some(&home), "main");
    let group = |name: &str, kind| GroupRow {
        id: GroupId::new(id()),
        account_id: home.clone(),
        kind,
        name: name.to_owned(),
        external_name: None,
        created_at_ms: 5,
    };
    let (named, local) = (
        group("ops", GroupKind::Oidc),
        group("own", GroupKind::Local),
    );
    let made = (issuer.clone(), named.clone(), local.clone(), user.clone());
    write(store, move |tx| {
        let (issuer, named, local, user) = &made;
        tx.create_oidc_source(issuer)?;
        tx.create_source_group(named, &issuer.id, "ops-team")?;
        tx.create_group(local)?;
        tx.put_group_member(&named.id, user, 6)?;
        tx.put_group_member(&local.id, user, 6)
    })
    .await;
    let taken = GroupRow {
        id: GroupId::new(id()),
        ..local.clone()
    };
    let issuer_id = issuer.id.clone();
    let twice = store
        .write(move |tx| tx.create_source_group(&taken, &issuer_id, "own"))
        .await;
    assert!(matches!(twice, Err(Error::AlreadyExists)), "{twice:?}");
    let found = store
        .read_blocking(|reader| {
            Ok::<_, Error>((
                reader.find_source_group(&issuer.id, "ops-team")?,
                reader.find_source_group(&issuer.id, "ops")?,
            ))
        })
        .unwrap();
    assert_eq!(found, (Some(named.id.clone()), None));
    let (account, granted) = (home.clone(), named.id.clone());
    let grant = (GrantId::new(id()), GrantId::new(id()));
    let (taken, again) = write(store, move |tx| {
        tx.grant_administration(&grant.0, &account, &granted, 7)?;
        tx.grant_administration(&grant.1, &account, &granted, 8)?;
        Ok((
            tx.take_administration(&account, &granted)?,
            tx.take_administration(&account, &granted)?,
        ))
    })
    .await;
    assert!(taken && !again);
    let (user, of) = (world.user.clone(), issuer.id.clone());
    write(store, move |tx| tx.delete_source_memberships(&user, &of)).await;
    let members = |group: &GroupRow| {
        store
            .read_blocking(|reader| reader.list_group_members(&group.id, "", 10))
            .unwrap()
    };
    assert_eq!(members(&named), Vec::<String>::new());
    assert_eq!(members(&local), [world.user_name]);
}

async fn a_login_comes_back_once(store: &MetadataStore) {
    let state = format!("state-{}", id());
    let spent = write(store, move |tx| {
        Ok((
            tx.spend_login(&state, 100, 10)?,
            tx.spend_login(&state, 100, 99)?,
            // It could not come back by itself any more.
            tx.spend_login(&state, 200, 100)?,
        ))
    })
    .await;
    assert_eq!(spent, (true, false, true));
}
