//! Limits of namespaces, and what was used month by month.

use super::fixture::{World, digest, id, write};
use crate::{
    AccountMonth, AccountStorage, AccountTerms, Error, MetadataStore, NamespaceLimit, NewManifest,
    Traffic,
};
use model::{AccountState, NamespaceId};

const HOUR_MS: i64 = 3_600_000;

pub(super) async fn run(store: &MetadataStore) {
    a_namespace_with_a_limit_has_a_running_total(store).await;
    traffic_adds_up(store).await;
    storage_is_looked_at_on_the_hour(store).await;
    days_are_kept_for_a_while(store).await;
    an_accounts_end_is_written_down(store).await;
    what_an_account_had_is_taken_away_in_parts(store).await;
}

/// A manifest of the world's repository that needs one blob.
async fn push(store: &MetadataStore, world: &World, blob: &str, size_bytes: u64) {
    let blob = digest(blob);
    world.add_blob(store, &blob, size_bytes).await;
    let world = world.clone();
    write(store, move |tx| {
        let manifest = NewManifest {
            id: id(),
            digest: digest(&id()),
            media_type: "application/json".to_owned(),
            artifact_type: None,
            subject: None,
            annotations: None,
            content: "{}".to_owned(),
        };
        let account = &world.account.id;
        assert!(tx.create_manifest(&manifest, account, &world.repository, 5)?);
        tx.create_manifest_blob(&manifest.id, &world.repository, "shared", &blob)
    })
    .await;
}

async fn a_namespace_with_a_limit_has_a_running_total(store: &MetadataStore) {
    let world = World::create(store).await;
    push(store, &world, "one", 100).await;
    push(store, &world, "one", 100).await;
    push(store, &world, "two", 20).await;
    let (first, repository) = (world.clone(), world.repository.clone());
    let listed = write(store, move |tx| {
        assert_eq!(tx.list_repository(&repository)?, None);
        tx.keep_repository(&repository)?;
        tx.set_namespace_limit(&first.account.id, &first.namespace, 150, 6)?;
        Ok((
            tx.list_repository(&repository)?,
            tx.find_limited_namespace(&repository)?,
        ))
    })
    .await;
    let namespace = Some(world.namespace.clone());
    assert_eq!(listed, (namespace.clone(), namespace));
    let of = |limit_bytes, used_bytes| NamespaceLimit {
        limit_bytes,
        used_bytes,
    };
    let limit = || {
        let found = store.read_blocking(|reader| {
            assert!(reader.find_namespace_limits(&[])?.is_empty());
            let ids = [world.namespace.clone(), NamespaceId::new("none")];
            let found = reader.find_namespace_limits(&ids)?;
            Ok::<_, Error>(found.get(world.namespace.as_str()).copied())
        });
        found.unwrap()
    };
    assert_eq!(limit(), Some(of(150, 120)));
    references_of_a_namespace_are_counted(store, world.namespace.clone()).await;
    // Another limit counts nothing anew.
    let own = world.clone();
    let (right, wrong) = write(store, move |tx| {
        tx.set_namespace_limit(&own.account.id, &own.namespace, 5, 7)?;
        let right = tx.correct_namespace_usage(&own.namespace)?;
        tx.free_namespace_usage(&own.namespace, 7)?;
        Ok((right, tx.correct_namespace_usage(&own.namespace)?))
    })
    .await;
    assert_eq!((right, wrong), (None, Some((113, 120))));
    assert_eq!(limit(), Some(of(5, 120)));
    let listed = store.read_blocking(|reader| reader.list_limited_namespaces("", 10_000));
    assert!(listed.unwrap().contains(&world.namespace));
    let namespace = world.namespace.clone();
    let gone = write(store, move |tx| {
        Ok([
            tx.delete_namespace_limit(&namespace)?,
            tx.delete_namespace_limit(&namespace)?,
        ])
    })
    .await;
    assert_eq!((gone, limit()), ([true, false], None));
}

/// 120 of 150 bytes are used, by `one` twice and `two`.
async fn references_of_a_namespace_are_counted(store: &MetadataStore, namespace: NamespaceId) {
    let (added, freed) = write(store, move |tx| {
        let blobs = [digest("one"), digest("three")];
        let added = (
            tx.add_namespace_reference(&namespace, &blobs[0], 100)?,
            tx.add_namespace_reference(&namespace, &blobs[1], 30)?,
            tx.add_namespace_usage(&namespace, 0)?,
            tx.add_namespace_usage(&namespace, 30)?,
            tx.add_namespace_usage(&namespace, 1)?,
        );
        let freed = [
            tx.drop_namespace_reference(&namespace, &blobs[1])?,
            tx.drop_namespace_reference(&namespace, &blobs[0])?,
        ];
        tx.free_namespace_usage(&namespace, freed[0] + freed[1])?;
        Ok((added, freed))
    })
    .await;
    assert_eq!(added, (false, true, true, true, false));
    assert_eq!(freed, [30, 0]);
}

async fn traffic_adds_up(store: &MetadataStore) {
    let world = World::create(store).await;
    let account = world.account.id.clone();
    let traffic = |pull_bytes| Traffic {
        pull_bytes,
        pulls: 2,
        pushes: 1,
    };
    let totals = write(store, move |tx| {
        for namespace in ["b", "a", "a"] {
            tx.add_namespace_traffic(&account, "2026-11", namespace, &traffic(5))?;
        }
        Ok([
            tx.add_traffic(&account, "2026-11", &traffic(10))?,
            tx.add_traffic(&account, "2026-11", &traffic(7))?,
            tx.add_traffic(&account, "2026-12", &traffic(1))?,
        ])
    })
    .await;
    assert_eq!(totals, [10, 17, 1]);
    let of = &world.account.id;
    let twice = Traffic {
        pull_bytes: 10,
        pulls: 4,
        pushes: 2,
    };
    store
        .read_blocking(|reader| {
            assert_eq!(reader.find_traffic(of, "2026-11")?.pull_bytes, 17);
            assert_eq!(reader.find_traffic(of, "2026-10")?, Traffic::default());
            assert_eq!(
                reader.list_namespace_traffic(of, "2026-11", "", 10)?,
                [("a".to_owned(), twice), ("b".to_owned(), traffic(5))]
            );
            let rest = reader.list_namespace_traffic(of, "2026-11", "a", 10)?;
            assert_eq!(rest.len(), 1);
            Ok::<_, Error>(())
        })
        .unwrap();
}

/// Other cases have accounts, too, and a month is looked at in all of them: this one has months of its own.
/// Days of its own, like the months of the case below.
async fn days_are_kept_for_a_while(store: &MetadataStore) {
    let world = World::create(store).await;
    let account = world.account.id.clone();
    let traffic = |pulls| Traffic {
        pull_bytes: 5,
        pulls,
        pushes: 1,
    };
    write(store, move |tx| {
        tx.add_day_traffic(&account, "2998-01-01", &traffic(1))?;
        tx.add_day_traffic(&account, "2998-01-03", &traffic(2))?;
        tx.add_day_traffic(&account, "2998-01-03", &traffic(3))?;
        tx.add_usage(&account, 70)?;
        for day in ["2998-01-02", "2998-01-03"] {
            assert!(tx.sample_day(day)? > 0);
        }
        tx.add_usage(&account, 30)?;
        tx.sample_day("2998-01-03")
    })
    .await;
    let of = world.account.id.clone();
    let days = |from| {
        let read = store.read_blocking(|reader| reader.list_account_days(&of, from));
        let seen = read.unwrap().into_iter();
        let seen = seen.map(|day| (day.day, day.traffic.pulls, day.stored_bytes));
        seen.collect::<Vec<_>>()
    };
    let day = |day: &str, pulls, stored| (day.to_owned(), pulls, stored);
    let last = [
        day("2998-01-02", 0, Some(70)),
        day("2998-01-03", 5, Some(100)),
    ];
    assert_eq!(days("2998-01-02"), last);
    assert_eq!(days("2998-01-01").len(), 3);
    while write(store, |tx| tx.forget_days("2998-01-02", 2)).await > 0 {}
    assert_eq!(days("2998-01-01"), last);
}

async fn storage_is_looked_at_on_the_hour(store: &MetadataStore) {
    let world = World::create(store).await;
    let account = world.account.id.clone();
    let (month, hour) = ("2999-01", 1_000_000);
    write(store, move |tx| {
        tx.add_usage(&account, 100)?;
        assert!(tx.sample_storage(month, hour, hour + 2)? > 0);
        tx.free_usage(&account, 70)?;
        tx.sample_storage(month, hour + 2, hour + 3)?;
        // An hour at whose end there was no account yet.
        tx.sample_storage("2999-02", -2, -1)
    })
    .await;
    let of = &world.account.id;
    store
        .read_blocking(|reader| {
            let expected = AccountStorage {
                byte_hours: 230,
                hours: 3,
                peak_bytes: 100,
                plan: None,
            };
            assert_eq!(reader.find_account_storage(of, month)?, expected);
            let none = reader.find_account_storage(of, "2999-02")?;
            assert_eq!(none, AccountStorage::default());
            let listed = reader.list_account_months(month, "", 10_000)?;
            let own = |one: &&AccountMonth| one.account == world.account.name;
            let one = listed.iter().find(own).expect("it is listed");
            assert_eq!(one.state, AccountState::Active);
            let rest = reader.list_account_months(month, &world.account.name, 10_000)?;
            assert!(rest.iter().all(|one| one.account > world.account.name));
            assert_eq!((&one.storage, one.traffic), (&expected, Traffic::default()));
            assert_eq!(reader.find_next_month("2998-12")?.as_deref(), Some(month));
            assert_eq!(reader.find_next_month(month)?, None);
            Ok::<_, Error>(())
        })
        .unwrap();
    let closed = write(store, move |tx| {
        Ok([tx.close_month(month, 5)?, tx.close_month(month, 6)?])
    })
    .await;
    // In a database that has seen this case before, somebody else was first.
    assert!(!closed[1]);
    store
        .read_blocking(|reader| {
            assert_eq!(reader.find_month_closed(month)?, Some(5));
            assert_eq!(reader.find_month_closed("2999-02")?, None);
            let last = reader.find_last_closed_month()?;
            assert_eq!(last.as_deref(), Some(month));
            Ok::<_, Error>(())
        })
        .unwrap();
}

async fn an_accounts_end_is_written_down(store: &MetadataStore) {
    let world = World::create(store).await;
    let of = world.account.id.clone();
    let terms = || store.read_blocking(|reader| reader.find_account_terms(&world.account.id));
    assert_eq!(terms().unwrap(), AccountTerms::default());
    let account = of.clone();
    write(store, move |tx| {
        tx.set_state_reason(&account, Some("unpaid"), 1)?;
        assert_eq!(tx.take_account_terms(&account, 2)?.destroy_at_ms, None);
        tx.set_account_end(&account, Some(3), 2)
    })
    .await;
    let closing = terms().unwrap();
    assert_eq!(closing.shown_state(AccountState::Suspended), "closing");
    let due = |now_ms| store.read_blocking(|reader| reader.find_account_to_destroy(now_ms));
    assert_eq!(due(2).unwrap(), None);
    assert_eq!(due(3).unwrap().as_ref(), Some(&of));
    let account = of.clone();
    write(store, move |tx| tx.put_receipt(&account, "{}", None)).await;
    assert_eq!(due(3).unwrap(), Some(of.clone()));
    write(store, move |tx| tx.put_receipt(&of, "{}", Some(9))).await;
    assert_eq!(due(i64::MAX).unwrap(), None);
    let closed = AccountTerms {
        state_reason: Some("unpaid".to_owned()),
        destroy_at_ms: Some(3),
        destroyed_at_ms: Some(9),
        receipt: Some("{}".to_owned()),
    };
    assert_eq!(terms().unwrap(), closed);
    assert_eq!(closed.shown_state(AccountState::Closing), "closed");
    for (state, word) in [
        (AccountState::Active, "active"),
        (AccountState::Suspended, "suspended"),
        (AccountState::Closing, "suspended"),
    ] {
        assert_eq!(AccountTerms::default().shown_state(state), word);
    }
}

async fn what_an_account_had_is_taken_away_in_parts(store: &MetadataStore) {
    let world = World::create(store).await;
    let account = world.account.id.clone();
    let (user, own) = (world.user.clone(), world.clone());
    write(store, move |tx| tx.put_membership(&account, &user, HOUR_MS)).await;
    let account = world.account.id.clone();
    let gone = write(store, move |tx| {
        let mut gone = Vec::new();
        for (id, name) in tx.list_account_repositories(&account, 10)? {
            tx.delete_repository(&id, &name)?;
        }
        tx.delete_namespace(&own.namespace)?;
        let users = tx.list_home_users(&account, 10)?;
        tx.give_number(&account, crate::Numbered::Robot, "robot")?;
        while let Some(some) = tx.delete_account_rows(&account, 1)? {
            gone.push(some);
        }
        Ok((users, gone, tx.list_home_users(&account, 10)?))
    })
    .await;
    let expected = vec![("memberships", 1), ("numbers", 1), ("numbers", 1)];
    assert_eq!(gone, (vec![world.user.clone()], expected, Vec::new()));
}
