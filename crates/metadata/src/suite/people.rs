//! Numbers, sessions, robot accounts, and namespaces and users as people see them.

use super::fixture::{World, id, write};
use crate::{
    Comparison, Condition, Error, ListQuery, Listable, MetadataStore, NamespaceSettings, Numbered,
    Order, RobotRow, SessionRow, UserProfile, Value,
};
use model::{AccountId, NamespaceId, Permission, PermissionScope, RobotId};

pub(super) async fn run(store: &MetadataStore) {
    numbers_count_per_account_and_kind_and_are_given_once(store).await;
    sessions_live_while_they_are_renewed(store).await;
    a_robot_account_has_two_secrets_while_one_is_replaced(store).await;
    robot_accounts_are_listed_by_where_they_are_of(store).await;
    namespaces_are_listed_as_they_are_asked_for(store).await;
    a_namespaces_settings_are_kept(store).await;
    what_a_user_says_of_itself_is_kept(store).await;
}

async fn numbers_count_per_account_and_kind_and_are_given_once(store: &MetadataStore) {
    let (one, other) = (World::create(store).await, World::create(store).await);
    let (own, strangers) = (one.account.id.clone(), other.account.id.clone());
    let (first, second) = (id(), id());
    let ids = (first.clone(), second.clone());
    let given = write(store, move |tx| {
        Ok((
            tx.give_number(&own, Numbered::Robot, &ids.0)?,
            tx.give_number(&own, Numbered::Robot, &ids.1)?,
            tx.give_number(&own, Numbered::Robot, &ids.0)?,
            tx.give_number(&own, Numbered::Label, &ids.1)?,
            tx.give_number(&strangers, Numbered::Robot, &ids.1)?,
        ))
    })
    .await;
    assert_eq!(given, (1, 2, 1, 1, 1));
    let (found, strangers, numbers) = store
        .read_blocking(|reader| {
            Ok::<_, Error>((
                reader.find_numbered(&one.account.id, Numbered::Robot, 2)?,
                reader.find_numbered(&other.account.id, Numbered::Robot, 2)?,
                reader.find_numbers(
                    &one.account.id,
                    Numbered::Robot,
                    &[&first, &second, "unknown"],
                )?,
            ))
        })
        .unwrap();
    assert_eq!((found, strangers), (Some(second.clone()), None));
    assert_eq!(numbers.len(), 2);
    assert_eq!((numbers[&first], numbers[&second]), (1, 2));
    // A number that was looked at in vain is not lost.
    let (account, third) = (one.account.id.clone(), id());
    let next = write(store, move |tx| {
        tx.give_number(&account, Numbered::Robot, &third)
    })
    .await;
    assert_eq!(next, 3);
}

async fn sessions_live_while_they_are_renewed(store: &MetadataStore) {
    let world = World::create(store).await;
    let hash = format!("session-{}", id());
    let session = SessionRow {
        user_id: world.user.clone(),
        account_id: None,
        credential_epoch: 0,
        created_at_ms: 10,
        expires_at_ms: 20,
    };
    let (key, new) = (hash.clone(), session.clone());
    write(store, move |tx| {
        tx.create_session(&key, &new)?;
        tx.renew_session(&key, 30)?;
        // Another replica was quicker, and later.
        tx.renew_session(&key, 25)
    })
    .await;
    let found = store
        .read_blocking(|reader| reader.find_session(&hash))
        .unwrap();
    let renewed = SessionRow {
        expires_at_ms: 30,
        ..session
    };
    assert_eq!(found, Some(renewed.clone()));
    let whose = store.read_blocking(|reader| reader.find_session_with_user(&hash));
    let (found, user) = whose.unwrap().expect("it is there");
    assert_eq!((found, user.id), (renewed.clone(), world.user.clone()));
    let (key, other) = (hash.clone(), format!("session-{}", id()));
    let second = other.clone();
    let (early, ended) = write(store, move |tx| {
        tx.create_session(&second, &renewed)?;
        Ok((tx.delete_ended_sessions(29, 10)?, tx.delete_session(&key)?))
    })
    .await;
    assert_eq!((early, ended), (0, true));
    let forgotten = write(store, move |tx| tx.delete_ended_sessions(30, 10)).await;
    assert_eq!(forgotten, 1);
    let found = store
        .read_blocking(|reader| reader.find_session(&other))
        .unwrap();
    assert_eq!(found, None);
}

pub(super) fn robot(
    account: &AccountId,
    namespace: Option<&NamespaceId>,
    short_name: &str,
) -> RobotRow {
    RobotRow {
        id: RobotId::new(id()),
        account_id: account.clone(),
        namespace_id: namespace.cloned(),
        name: format!("robot${short_name}"),
        short_name: short_name.to_owned(),
        description: String::new(),
        permissions: vec![Permission {
            scope: PermissionScope::Namespaces,
            actions: vec!["repository:pull".to_owned()],
        }],
        is_disabled: false,
        duration_days: -1,
        expires_at_ms: None,
        creator_kind: "user".to_owned(),
        creator_id: "somebody".to_owned(),
        created_at_ms: 5,
        updated_at_ms: 5,
        last_used_at_ms: None,
    }
}

async fn a_robot_account_has_two_secrets_while_one_is_replaced(store: &MetadataStore) {
    let world = World::create(store).await;
    let new = robot(&world.account.id, None, "ci");
    let (first, second) = (format!("secret-{}", id()), format!("secret-{}", id()));
    let (made, secret) = (new.clone(), first.clone());
    write(store, move |tx| tx.create_robot(&made, &secret)).await;
    let again = robot(&world.account.id, None, "ci");
    let twice = store
        .write(move |tx| tx.create_robot(&again, "another secret"))
        .await;
    assert!(matches!(twice, Err(Error::AlreadyExists)), "{twice:?}");
    let changed = RobotRow {
        description: "builds".to_owned(),
        is_disabled: true,
        duration_days: 3,
        expires_at_ms: Some(99),
        permissions: Vec::new(),
        ..new.clone()
    };
    let (change, secret, robot) = (changed.clone(), second.clone(), new.id.clone());
    write(store, move |tx| {
        tx.update_robot(&change, 7)?;
        tx.replace_robot_secret(&robot, &secret, 50, 8)?;
        tx.touch_robot(&robot, 9)
    })
    .await;
    let changed = RobotRow {
        updated_at_ms: 8,
        last_used_at_ms: Some(9),
        ..changed
    };
    let (by_new, by_old, by_old_later, by_id, by_name) = store
        .read_blocking(|reader| {
            Ok::<_, Error>((
                reader.find_robot_by_secret(&second, 100)?,
                reader.find_robot_by_secret(&first, 49)?,
                reader.find_robot_by_secret(&first, 50)?,
                reader.find_robot(&new.id)?,
                reader.find_robot_by_name(&world.account.id, &new.name)?,
            ))
        })
        .unwrap();
    assert_eq!(by_new, Some((changed.clone(), None)));
    assert_eq!(
        (by_old, by_old_later),
        (Some((changed.clone(), Some(50))), None)
    );
    assert_eq!((by_id, by_name), (Some(changed.clone()), Some(changed)));
    let gone = new.id.clone();
    let (there, again) = write(store, move |tx| {
        Ok((tx.delete_robot(&gone)?, tx.delete_robot(&gone)?))
    })
    .await;
    assert!(there && !again);
}

async fn robot_accounts_are_listed_by_where_they_are_of(store: &MetadataStore) {
    let world = World::create(store).await;
    let (account, namespace) = (world.account.id.clone(), world.namespace.clone());
    let robots = [
        robot(&account, None, "b"),
        robot(&account, None, "a"),
        robot(&account, Some(&namespace), "n"),
    ];
    write(store, move |tx| {
        for robot in &robots {
            tx.create_robot(robot, &format!("secret-{}", id()))?;
        }
        Ok(())
    })
    .await;
    let page = ListQuery {
        limit: 10,
        ..ListQuery::default()
    };
    let named = ListQuery {
        conditions: vec![Condition {
            field: "name".to_owned(),
            comparison: Comparison::Contains("$A".to_owned()),
        }],
        ..page.clone()
    };
    let (of_account, of_namespace, one, known) = store
        .read_blocking(|reader| {
            Ok::<_, Error>((
                reader.list_robots(&account, None, &page)?,
                reader.list_robots(&account, Some(&namespace), &page)?,
                reader.list_robots(&account, None, &named)?,
                reader.find_namespace_names(&account, &[namespace.as_str(), "gone"])?,
            ))
        })
        .unwrap();
    let expected = (namespace.as_str().to_owned(), world.namespace_name.clone());
    assert_eq!(known, [expected].into());
    let names = |robots: &[RobotRow]| -> Vec<String> {
        robots
            .iter()
            .map(|robot| robot.short_name.clone())
            .collect()
    };
    assert_eq!(
        (names(&of_account.items), of_account.total),
        (vec!["a".to_owned(), "b".to_owned()], 2)
    );
    assert_eq!(
        (names(&of_namespace.items), of_namespace.total),
        (vec!["n".to_owned()], 1)
    );
    assert_eq!((names(&one.items), one.total), (vec!["a".to_owned()], 1));
}

async fn namespaces_are_listed_as_they_are_asked_for(store: &MetadataStore) {
    let world = World::create(store).await;
    let account = world.account.id.clone();
    let (open, closed) = (NamespaceId::new(id()), NamespaceId::new(id()));
    let (new, ids) = (account.clone(), (open, closed.clone()));
    write(store, move |tx| {
        tx.create_namespace(&ids.0, &new, "zz-open", true, 30)?;
        tx.create_namespace(&ids.1, &new, "aa-closed", false, 40)
    })
    .await;
    let query = |conditions: Vec<Condition>, descending: bool, offset, limit| ListQuery {
        conditions,
        order: vec![Order {
            field: "creation_time".to_owned(),
            is_descending: descending,
        }],
        offset,
        limit,
        is_uncounted: false,
    };
    let public = Condition {
        field: "public".to_owned(),
        comparison: Comparison::AnyOf(vec![Value {
            text: "true".to_owned(),
            time_ms: None,
        }]),
    };
    let names = |listable: Listable<'_>, query: &ListQuery| -> (Vec<String>, i64) {
        let listed = store
            .read_blocking(|reader| reader.list_namespace_details(&account, listable, query))
            .unwrap();
        let names = listed.items.into_iter().map(|one| one.namespace.name);
        (names.collect(), listed.total)
    };
    let own = world.namespace_name.clone();
    assert_eq!(
        names(Listable::All, &query(Vec::new(), true, 0, 2)),
        (vec!["aa-closed".to_owned(), "zz-open".to_owned()], 3)
    );
    assert_eq!(
        names(Listable::All, &query(Vec::new(), true, 2, 2)),
        (vec![own], 3)
    );
    assert_eq!(names(Listable::All, &query(Vec::new(), true, 9, 2)).1, 3);
    assert_eq!(
        names(Listable::PublicAnd(&[]), &query(Vec::new(), false, 0, 9)).0,
        ["zz-open"]
    );
    assert_eq!(
        names(
            Listable::PublicAnd(std::slice::from_ref(&closed)),
            &query(Vec::new(), false, 0, 9)
        )
        .0,
        ["zz-open", "aa-closed"]
    );
    assert_eq!(
        names(
            Listable::Only(std::slice::from_ref(&closed)),
            &query(vec![public], false, 0, 9)
        )
        .1,
        0
    );
    assert_eq!(
        names(Listable::Only(&[]), &query(Vec::new(), false, 0, 9)).1,
        0
    );
}

async fn a_namespaces_settings_are_kept(store: &MetadataStore) {
    let world = World::create(store).await;
    let open = NamespaceId::new(id());
    let (account, namespace) = (world.account.id.clone(), open.clone());
    let settings: NamespaceSettings = [("severity".to_owned(), "low".to_owned())].into();
    let written = settings.clone();
    write(store, move |tx| {
        tx.create_namespace(&namespace, &account, "zz-settings", true, 30)?;
        tx.take_namespace_settings(&namespace)?;
        assert!(
            tx.find_settings_of_namespace(&account, "zz-settings")?
                .is_empty()
        );
        tx.put_namespace_settings(&namespace, &written, "owner", 50)?;
        assert_eq!(
            tx.find_settings_of_namespace(&account, "zz-settings")?,
            written
        );
        tx.put_namespace_settings(&namespace, &written, "another", 60)
    })
    .await;
    let (details, row, has_one, has_none) = store
        .read_blocking(|reader| {
            Ok::<_, Error>((
                reader.find_namespace_details(&open)?,
                reader.find_namespace_by_id(&open)?,
                reader.has_repository(&world.namespace)?,
                reader.has_repository(&open)?,
            ))
        })
        .unwrap();
    let details = details.unwrap();
    assert_eq!(row.as_ref(), Some(&details.namespace));
    assert_eq!(details.settings, settings);
    assert_eq!(
        (details.owner_name.as_str(), details.updated_at_ms),
        ("owner", 60)
    );
    assert_eq!((details.repositories, has_one, has_none), (0, true, false));
}

async fn what_a_user_says_of_itself_is_kept(store: &MetadataStore) {
    let world = World::create(store).await;
    let profile = UserProfile {
        email: "zoe@example.com".to_owned(),
        real_name: "Zoë".to_owned(),
        comment: String::new(),
        updated_at_ms: 7,
    };
    let before = store
        .read_blocking(|reader| reader.find_user_profile(&world.user))
        .unwrap();
    assert_eq!(before, UserProfile::default());
    let (user, written) = (world.user.clone(), profile.clone());
    write(store, move |tx| {
        tx.put_user_profile(&user, &UserProfile::default())?;
        tx.put_user_profile(&user, &written)
    })
    .await;
    let after = store
        .read_blocking(|reader| reader.find_user_profile(&world.user))
        .unwrap();
    assert_eq!(after, profile);
}
