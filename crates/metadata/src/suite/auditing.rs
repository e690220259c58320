//! Events: how they are sealed, asked for and purged; and how pulls are counted.

use super::fixture::{World, digest, id, write};
use crate::{
    Comparison, Condition, Error, EventChainRow, EventFilter, EventRow, EventSeal, ListQuery,
    MetadataStore, NewEvent, NewManifest, RepositoryKey, Turn, Value, VisibleEvents,
};
use model::AccountId;

pub(super) async fn run(store: &MetadataStore) {
    events_are_sealed_once_and_by_owner(store).await;
    sealed_events_are_listed_as_they_are_asked_for(store).await;
    events_are_read_backwards_by_what_they_are(store).await;
    the_oldest_events_go_and_leave_a_checkpoint(store).await;
    pulls_are_counted_for_what_is_there(store).await;
}

/// Writes an event of this kind and resource; `namespace` is its name.
async fn record(
    store: &MetadataStore,
    owner: Option<&AccountId>,
    (kind, resource, namespace): (&'static str, &str, Option<&str>),
) -> String {
    let event = id();
    let (owner, written) = (owner.cloned(), event.clone());
    let (resource, namespace) = (resource.to_owned(), namespace.map(str::to_owned));
    write(store, move |tx| {
        tx.record_event(&NewEvent {
            id: &written,
            account_id: owner.as_ref(),
            kind,
            caller: "somebody",
            credential: "password",
            address: Some("192.0.2.1"),
            agent: Some("docker"),
            payload: "{}",
            resource: Some(&resource),
            namespace: namespace.as_deref(),
            at_ms: 50,
        })
    })
    .await;
    event
}

/// Seals everything that waits, with its number for a link.
async fn seal(store: &MetadataStore) {
    write(store, move |tx| {
        tx.take_turn(Turn::Sealing)?;
        for (owner, event) in tx.list_unsealed_events(1000)? {
            let owner = owner.as_ref();
            let chain = tx.find_event_chain(owner)?.unwrap_or_default();
            let number = chain.sealed_number + 1;
            let hash = number.to_string();
            let seal = EventSeal {
                id: &event.id,
                number,
                hash: &hash,
            };
            let again = EventSeal {
                number: number + 1,
                hash: "twice",
                ..seal
            };
            assert_eq!(tx.seal_events(&[seal])?, 1);
            assert_eq!(tx.seal_events(&[again])?, 0);
            tx.put_sealed_end(owner, number, &number.to_string())?;
        }
        Ok(())
    })
    .await;
}

async fn sealed(store: &MetadataStore, owner: Option<&AccountId>, after: i64) -> Vec<EventRow> {
    let owner = owner.cloned();
    store
        .list(move |reader| reader.list_sealed_events(owner.as_ref(), after, 1000))
        .await
        .unwrap()
}

async fn events_are_sealed_once_and_by_owner(store: &MetadataStore) {
    let (one, other) = (World::create(store).await, World::create(store).await);
    seal(store).await;
    let has_any = || {
        store
            .read_blocking(|reader| reader.has_unsealed_events())
            .unwrap()
    };
    assert!(!has_any());
    let (own, others) = (&one.account.id, &other.account.id);
    let deployments = sealed(store, None, 0).await.len();
    // An event whose transaction commits after one of a higher id comes next all the same.
    let late = id();
    let first = record(store, Some(own), ("tag.put", "a", None)).await;
    record(store, Some(others), ("tag.put", "b", None)).await;
    record(store, None, ("garbage.collected", "c", None)).await;
    assert!(has_any());
    seal(store).await;
    let (account, written) = (own.clone(), late.clone());
    write(store, move |tx| {
        tx.record_event(&NewEvent {
            id: &written,
            account_id: Some(&account),
            kind: "tag.put",
            caller: "somebody",
            credential: "none",
            address: None,
            agent: None,
            payload: "{}",
            resource: None,
            namespace: None,
            at_ms: 49,
        })
    })
    .await;
    seal(store).await;
    let events = sealed(store, Some(own), 0).await;
    let found: Vec<_> = events
        .iter()
        .map(|event| (event.id.as_str(), event.number, event.hash.as_deref()))
        .collect();
    assert_eq!(
        found,
        [
            (first.as_str(), Some(1), Some("1")),
            (late.as_str(), Some(2), Some("2"))
        ]
    );
    assert_eq!(
        (events[0].agent.as_deref(), &events[1].agent),
        (Some("docker"), &None)
    );
    assert_eq!(sealed(store, Some(own), 1).await.len(), 1);
    assert_eq!(sealed(store, Some(others), 0).await.len(), 1);
    assert_eq!(sealed(store, None, 0).await.len(), deployments + 1);
    let chain = store
        .read_blocking(|reader| reader.find_event_chain(Some(own)))
        .unwrap();
    let expected = EventChainRow {
        sealed_number: 2,
        sealed_hash: "2".to_owned(),
        ..EventChainRow::default()
    };
    assert_eq!(chain, Some(expected));
}

async fn events_are_read_backwards_by_what_they_are(store: &MetadataStore) {
    let world = World::create(store).await;
    let account = world.account.id.clone();
    for (kind, resource) in [("tag.put", "a"), ("tag.deleted", "b"), ("tag.put", "c")] {
        record(store, Some(&account), (kind, resource, None)).await;
    }
    record(store, None, ("plan.created", "d", None)).await;
    seal(store).await;
    let all = EventFilter {
        kind: String::new(),
        caller: String::new(),
        since_ms: 0,
        until_ms: i64::MAX,
    };
    let of = |owner: Option<&AccountId>, filter: EventFilter, before: i64, limit: i64| {
        let read =
            store.read_blocking(|reader| reader.browse_events(owner, &filter, (before, limit)));
        let found = read.unwrap().into_iter();
        found
            .map(|event| event.resource.unwrap_or_default())
            .collect::<Vec<_>>()
    };
    let own = Some(&account);
    let kind = |kind: &str| EventFilter {
        kind: kind.to_owned(),
        ..all.clone()
    };
    assert_eq!(of(own, all.clone(), i64::MAX, 2), ["c", "b"]);
    assert_eq!(of(own, all.clone(), 2, 10), ["a"]);
    assert_eq!(of(own, kind("tag.put"), i64::MAX, 10), ["c", "a"]);
    assert_eq!(of(own, kind("tag.put"), 3, 10), ["a"]);
    assert_eq!(of(None, kind("plan.created"), i64::MAX, 1), ["d"]);
    for nothing in [
        EventFilter {
            caller: "nobody".to_owned(),
            ..kind("tag.put")
        },
        EventFilter {
            since_ms: 51,
            ..all.clone()
        },
        EventFilter {
            until_ms: 49,
            ..all.clone()
        },
    ] {
        assert_eq!(of(own, nothing.clone(), i64::MAX, 10), [""; 0]);
        assert_eq!(of(None, nothing, i64::MAX, 10), [""; 0]);
    }
    let by_somebody = EventFilter {
        caller: "somebody".to_owned(),
        since_ms: 50,
        until_ms: 50,
        ..all
    };
    assert_eq!(of(own, by_somebody, i64::MAX, 10), ["c", "b", "a"]);
}

async fn sealed_events_are_listed_as_they_are_asked_for(store: &MetadataStore) {
    let world = World::create(store).await;
    let account = world.account.id.clone();
    let namespace = world.namespace_name.clone();
    record(
        store,
        Some(&account),
        ("tag.put", "x/app:v1", Some(&namespace)),
    )
    .await;
    record(store, Some(&account), ("user.created", "alice", None)).await;
    record(
        store,
        Some(&account),
        ("tag.deleted", "x/app:v1", Some("no such namespace")),
    )
    .await;
    record(
        store,
        Some(&account),
        ("tag.deleted", "x/app:v2", Some(&namespace)),
    )
    .await;
    seal(store).await;
    record(
        store,
        Some(&account),
        ("tag.put", "unsealed", Some(&namespace)),
    )
    .await;
    let own = [world.namespace.clone()];
    let is = |field: &str, text: &str| Condition {
        field: field.to_owned(),
        comparison: Comparison::AnyOf(vec![Value {
            text: text.to_owned(),
            time_ms: text.parse().ok(),
        }]),
    };
    let ask = |visible: VisibleEvents<'_>, kinds: &[&str], conditions: Vec<Condition>| {
        let query = ListQuery {
            conditions,
            limit: 10,
            ..ListQuery::default()
        };
        let listed = store
            .read_blocking(|reader| reader.list_audit_events(&account, visible, kinds, &query))
            .unwrap();
        assert_eq!(listed.total, i64::try_from(listed.items.len()).unwrap());
        let numbers = listed.items.iter().map(|event| event.number.unwrap());
        numbers.collect::<Vec<_>>()
    };
    let all = VisibleEvents::All;
    assert_eq!(ask(all, &[], vec![]), [4, 3, 2, 1]);
    assert_eq!(ask(VisibleEvents::OfNamespaces, &[], vec![]), [4, 1]);
    assert_eq!(ask(VisibleEvents::Of(&own), &[], vec![]), [4, 1]);
    assert_eq!(ask(VisibleEvents::Of(&[]), &[], vec![]), [0; 0]);
    assert_eq!(ask(all, &["tag.put", "user.created"], vec![]), [2, 1]);
    assert_eq!(ask(VisibleEvents::Of(&own), &["tag.put"], vec![]), [1]);
    assert_eq!(ask(all, &[], vec![is("kind", "tag.deleted")]), [4, 3]);
    assert_eq!(ask(all, &[], vec![is("resource", "x/app:v1")]), [3, 1]);
    assert_eq!(ask(all, &[], vec![is("username", "nobody")]), [0; 0]);
    assert_eq!(ask(all, &[], vec![is("op_time", "50"), is("id", "2")]), [2]);
}

async fn the_oldest_events_go_and_leave_a_checkpoint(store: &MetadataStore) {
    let world = World::create(store).await;
    let owner = world.account.id.clone();
    for _ in 0..3 {
        record(store, Some(&owner), ("tag.put", "a", None)).await;
    }
    record(store, None, ("backup.made", "b", None)).await;
    seal(store).await;
    let account = owner.clone();
    let gone = write(store, move |tx| {
        tx.put_purged_end(Some(&account), 2, "2", 90)?;
        // Another replica was quicker, and went further.
        tx.put_purged_end(Some(&account), 1, "1", 80)?;
        tx.delete_events_through(Some(&account), 2)
    })
    .await;
    assert_eq!(gone, 2);
    assert_eq!(sealed(store, Some(&owner), 0).await[0].number, Some(3));
    let chain = store
        .read_blocking(|reader| reader.find_event_chain(Some(&owner)))
        .unwrap();
    let chain = chain.unwrap();
    assert_eq!((chain.purged_number, chain.purged_hash.as_str()), (2, "2"));
    assert_eq!((chain.purged_at_ms, chain.sealed_number), (Some(90), 3));
    let before = sealed(store, None, 0).await.len();
    let first = sealed(store, None, 0).await[0].number.unwrap();
    let gone = write(store, move |tx| {
        tx.put_purged_end(None, first, "x", 90)?;
        tx.delete_events_through(None, first)
    })
    .await;
    assert_eq!((gone, sealed(store, None, 0).await.len()), (1, before - 1));
}

async fn pulls_are_counted_for_what_is_there(store: &MetadataStore) {
    let world = World::create(store).await;
    let key = world.key.clone();
    let digest = digest(&id());
    let manifest = NewManifest {
        id: id(),
        digest: digest.clone(),
        media_type: "application/vnd.oci.image.manifest.v1+json".to_owned(),
        artifact_type: None,
        subject: None,
        annotations: None,
        content: "{}".into(),
    };
    let (new, made) = (world.clone(), manifest.clone());
    write(store, move |tx| {
        tx.create_manifest(&made, &new.account.id, &new.repository, 5)?;
        Ok(())
    })
    .await;
    write(store, move |tx| {
        tx.count_pulls(&key, &digest, 2, 70)?;
        tx.count_pulls(&key, &digest, 3, 60)?;
        // What was deleted meanwhile.
        let gone = super::fixture::digest("gone");
        tx.count_pulls(&key, &gone, 1, 80)?;
        let nowhere = RepositoryKey {
            account_id: AccountId::new(id()),
            ..key.clone()
        };
        tx.count_pulls(&nowhere, &digest, 1, 90)?;
        let counted = tx.find_pulls(&key, &digest)?;
        assert_eq!(counted, (Some((6, 80)), Some((5, 70))));
        assert_eq!(tx.find_pulls(&nowhere, &digest)?, (None, None));
        Ok::<_, Error>(())
    })
    .await;
}
