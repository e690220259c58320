//! Many manifests that go at once leave what they would leave one by one.

use super::content::{manifest, tag};
use super::fixture::{World, digest, id, write};
use super::garbage::read;
use crate::{
    EventRow, Held, MetadataStore, NewEvent, NewManifest, TrashFilter, TrashedTag, Trashing,
};
use oci::Digest;
use std::collections::BTreeMap;

pub(super) async fn run(store: &MetadataStore) {
    what_goes_at_once_leaves_the_same(store).await;
    what_has_to_do_with_digests_is_known(store).await;
    facts_are_written_at_once(store).await;
}

fn how(world: &World) -> Trashing<'_> {
    Trashing {
        account: &world.account.id,
        parent: None,
        deleted_by: "somebody",
        now_ms: 10,
        period_ms: 1000,
    }
}

/// Two manifests that share a blob and have another each, one with two tags; a third one stays and shares it, too.
async fn filled(
    store: &MetadataStore,
    blobs: &[Digest; 3],
    names: &str,
) -> (World, Vec<NewManifest>) {
    let world = World::create(store).await;
    for (blob, size) in blobs.iter().zip([100, 20, 3]) {
        world.add_blob(store, blob, size).await;
    }
    let mut new: Vec<NewManifest> = (0..3)
        .map(|at| manifest(&format!("{names} {at}")))
        .collect();
    for one in &mut new {
        one.id = id();
        one.subject = Some(digest("a subject"));
    }
    let (to, made, blobs) = (world.clone(), new.clone(), blobs.clone());
    write(store, move |tx| {
        let (account, repository) = (&to.account.id, &to.repository);
        tx.set_namespace_limit(account, &to.namespace, 1000, 1)?;
        for (at, one) in made.iter().enumerate() {
            tx.create_manifest(one, account, repository, 1)?;
            tx.create_manifest_child(&one.id, repository, &digest("a child"))?;
            for (blob, size) in blobs
                .iter()
                .zip([100, 20, 3])
                .skip(at % 2)
                .step_by(2 - at % 2)
            {
                tx.create_manifest_blob(&one.id, repository, "shared", blob)?;
                tx.add_reference(account, blob, size)?;
                tx.add_namespace_reference(&to.namespace, blob, size)?;
            }
        }
        for name in ["v1", "v2"] {
            tx.put_tag(account, repository, &tag(name), &made[0].id, 1)?;
        }
        tx.put_tag(account, repository, &tag("stays"), &made[2].id, 1)?;
        Ok(())
    })
    .await;
    (world, new)
}

/// What there is in the end, without the identifiers.
async fn left(store: &MetadataStore, world: &World) -> Vec<String> {
    let of = world.clone();
    read(store, move |reader| {
        let account = &of.account.id;
        let mut left = Vec::new();
        let filter = TrashFilter {
            now_ms: 11,
            ..TrashFilter::default()
        };
        for item in reader.list_trash(account, &filter, (i64::MAX, ""), 100)? {
            left.push(format!(
                "{} {} {} by {} at {} until {} keeps {}",
                item.kind.as_str(),
                item.digest,
                item.media_type,
                item.deleted_by,
                item.deleted_at_ms,
                item.purge_at_ms,
                reader.get_trash_item_size(&item.id)?
            ));
            for within in reader.list_trash_within(account, &item.id, 10)? {
                left.push(format!(
                    "with it the {} {}",
                    within.kind.as_str(),
                    within.tag
                ));
            }
        }
        for review in reader.list_due_lease_reviews(i64::MAX, 10_000)? {
            if review.repository_id == of.repository {
                left.push(format!("{} is due at {}", review.digest, review.due_at_ms));
            }
        }
        for row in reader.list_retention_manifests(&of.repository, "", 10)? {
            left.push(format!("{} is there", row.digest));
        }
        let namespace = (of.namespace.clone(), reader.count_usage(account)?);
        left.push(format!("{} bytes are referenced", namespace.1));
        Ok(left)
    })
    .await
}

async fn what_goes_at_once_leaves_the_same(store: &MetadataStore) {
    let (names, blobs) = (id(), [digest(&id()), digest(&id()), digest(&id())]);
    let (one_by_one, goes) = filled(store, &blobs, &names).await;
    let of = one_by_one.clone();
    let freed = write(store, move |tx| {
        let (account, repository) = (&of.account.id, &of.repository);
        let mut freed = (0, 0);
        for one in &goes[..2] {
            let removed = tx
                .remove_manifest(repository, &one.digest)?
                .expect("it is there");
            for (storage, blob) in &removed.blobs {
                freed.0 += tx.drop_reference(account, blob)?;
                freed.1 += tx.drop_namespace_reference(&of.namespace, blob)?;
                tx.enqueue_lease_review(repository, (storage, blob), 50)?;
            }
            tx.trash_manifest(&how(&of), (repository, &one.digest), &removed, id)?;
        }
        Ok(freed)
    })
    .await;
    let (at_once, goes) = filled(store, &blobs, &names).await;
    let of = at_once.clone();
    let freed_at_once = write(store, move |tx| {
        let (account, repository) = (&of.account.id, &of.repository);
        let digests: Vec<&str> = goes[..2].iter().map(|one| one.digest.as_str()).collect();
        let asked = [digests[0], digests[1], "sha256:nothing"];
        let taken = tx.take_retention_manifests(repository, &asked)?;
        let ids: Vec<&str> = taken.iter().map(|row| row.id.as_str()).collect();
        assert_eq!(ids.len(), 2);
        tx.trash_manifests(&how(&of), repository, &ids)?;
        let removed = tx.remove_manifests(&ids)?;
        assert_eq!(removed.count, 2);
        let times: Vec<i64> = removed.blobs.values().map(|(_, times)| *times).collect();
        assert_eq!(times.iter().sum::<i64>(), 4);
        let own: Vec<String> = removed.tags.iter().map(|_| id()).collect();
        let digest = goes[0].digest.as_str();
        let tags: Vec<TrashedTag<'_>> = own
            .iter()
            .zip(&removed.tags)
            .map(|(id, (parent, tag))| TrashedTag {
                id,
                parent,
                digest,
                tag,
            })
            .collect();
        tx.trash_tags(&how(&of), repository, &tags)?;
        tx.trash_tags(&how(&of), repository, &[])?;
        tx.enqueue_lease_reviews(repository, &removed.blobs, 40)?;
        tx.enqueue_lease_reviews(repository, &removed.blobs, 50)?;
        assert!(tx.remove_manifests(&ids)?.tags.is_empty());
        assert_eq!(tx.drop_references(account, &BTreeMap::new())?, 0);
        Ok((
            tx.drop_references(account, &removed.blobs)?,
            tx.drop_namespace_references(&of.namespace, &removed.blobs)?,
        ))
    })
    .await;
    assert_eq!(freed, freed_at_once);
    assert_eq!(freed, (20, 20), "one blob is needed by none now");
    let expected = left(store, &one_by_one).await;
    assert_eq!(left(store, &at_once).await, expected);
    assert_eq!(expected.len(), 9, "{expected:?}");
}

async fn what_has_to_do_with_digests_is_known(store: &MetadataStore) {
    let (world, new) = filled(store, &[digest(&id()), digest(&id()), digest(&id())], &id()).await;
    let held = read(store, move |reader| {
        let asked = [
            digest("a child"),
            digest("a subject"),
            new[0].digest.clone(),
            digest("none"),
        ];
        let digests: Vec<&str> = asked.iter().map(Digest::as_str).collect();
        let held = reader.list_held(&world.repository, &digests)?;
        assert!(reader.list_held(&world.repository, &[])?.is_empty());
        Ok(asked.map(|digest| held[digest.as_str()].clone()))
    })
    .await;
    let none = Held::default();
    let child = Held {
        is_in_index: true,
        ..none.clone()
    };
    let subject = Held {
        has_referrers: true,
        ..none.clone()
    };
    let there = Held {
        is_there: true,
        ..none.clone()
    };
    assert_eq!(held, [child, subject, there, none]);
}

async fn facts_are_written_at_once(store: &MetadataStore) {
    let world = World::create(store).await;
    let (of, ids) = (world.clone(), [id(), id()]);
    let written = ids.clone();
    write(store, move |tx| {
        let whole = NewEvent {
            id: &written[0],
            account_id: Some(&of.account.id),
            kind: "manifest.deleted",
            caller: "somebody",
            credential: "password",
            address: Some("192.0.2.1"),
            agent: Some("\"docker\""),
            payload: r#"{"name": "an \"ü\""}"#,
            resource: Some("of it"),
            namespace: Some(&of.namespace_name),
            at_ms: 50,
        };
        let bare = NewEvent {
            id: &written[1],
            address: None,
            agent: None,
            resource: None,
            namespace: Some("no-such-namespace"),
            ..whole.clone()
        };
        tx.record_events(&[whole, bare])?;
        tx.record_events(&[])
    })
    .await;
    let events = read(store, move |reader| {
        let waiting = reader.list_unsealed_events(10_000)?;
        let own = waiting.into_iter().map(|(_, event)| event);
        Ok(own
            .filter(|event| ids.contains(&event.id))
            .collect::<Vec<EventRow>>())
    })
    .await;
    let [whole, bare] = &events[..] else {
        panic!("{events:?}");
    };
    assert_eq!(whole.payload, r#"{"name": "an \"ü\""}"#);
    assert_eq!(whole.agent.as_deref(), Some("\"docker\""));
    assert_eq!(whole.resource.as_deref(), Some("of it"));
    assert_eq!(
        (bare.address.as_deref(), bare.agent.as_deref()),
        (None, None)
    );
    let in_namespaces = [whole, bare].map(|event| event.namespace_id.clone());
    assert_eq!(in_namespaces, [Some(world.namespace), None]);
}
