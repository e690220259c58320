//! The trash: what it keeps and how much that is, what comes back, what goes; and where tags pointed.

use super::content::{manifest, tag};
use super::fixture::{World, digest, id, write};
use super::garbage::read;
use crate::{
    Error, ExcessTags, MetadataStore, NewManifest, NewTagMove, TrashFilter, TrashKind, Trashing,
};
use oci::Digest;

pub(super) async fn run(store: &MetadataStore) {
    the_trash_keeps_blobs_until_they_are_forgotten(store).await;
    sizes_of_things_add_up_to_the_size_of_the_trash(store).await;
    what_is_in_the_trash_is_listed(store).await;
    a_shorter_period_and_a_wish_for_a_look_are_not_lost(store).await;
    what_an_older_program_deleted_is_taken_over(store).await;
    many_tags_are_taken_in_parts(store).await;
    moves_of_tags_are_known_newest_first(store).await;
}

pub(super) fn how(world: &World, now_ms: i64) -> Trashing<'_> {
    Trashing {
        account: &world.account.id,
        parent: None,
        deleted_by: "somebody",
        now_ms,
        period_ms: 1000,
    }
}

/// A manifest that needs blobs and has a tag, put into the trash.
async fn trashed(
    store: &MetadataStore,
    world: &World,
    blobs: &[&Digest],
    (tagged, now_ms): (&str, i64),
) -> NewManifest {
    let new = manifest(&id());
    let (made, to, tagged) = (new.clone(), world.clone(), tag(tagged));
    let blobs: Vec<Digest> = blobs.iter().map(|blob| (*blob).clone()).collect();
    write(store, move |tx| {
        let (account, repository) = (&to.account.id, &to.repository);
        tx.create_manifest(&made, account, repository, 1)?;
        for blob in &blobs {
            tx.create_manifest_blob(&made.id, repository, "shared", blob)?;
        }
        tx.put_tag(account, repository, &tagged, &made.id, 1)?;
        let removed = tx.remove_manifest(repository, &made.digest)?.unwrap();
        tx.trash_manifest(&how(&to, now_ms), (repository, &made.digest), &removed, id)
    })
    .await;
    new
}

async fn the_trash_keeps_blobs_until_they_are_forgotten(store: &MetadataStore) {
    let world = World::create(store).await;
    let blob = digest(&id());
    world.add_blob(store, &blob, 5).await;
    let gone = trashed(store, &world, &[&blob], ("v1", 10)).await;
    let (of, kept) = (world.clone(), blob.clone());
    let collected = write(store, move |tx| {
        tx.delete_repository_blob(&of.repository, &kept)?;
        tx.collect_blob("shared", &kept)
    })
    .await;
    assert_eq!(collected, None, "the trash keeps it");
    let (of, item) = (world.clone(), gone.id.clone());
    let due = write(store, move |tx| tx.list_due_trash(1009, 10_000)).await;
    assert!(!due.contains(&(of.account.id.clone(), item.clone())));
    let due = write(store, move |tx| tx.list_due_trash(1010, 10_000)).await;
    assert!(due.contains(&(of.account.id.clone(), item.clone())));
    let kept = blob.clone();
    let (blobs, forgotten, again, collected) = write(store, move |tx| {
        let account = &of.account.id;
        assert_eq!(tx.take_trash(account, &item)?.unwrap().id, item);
        let blobs = tx.list_trash_blobs(&item)?;
        for within in tx.list_trash_within(account, &item, 10)? {
            tx.forget_trash(&within.id)?;
        }
        let forgotten = tx.forget_trash(&item)?;
        let again = tx.take_trash(account, &item)?;
        Ok((blobs, forgotten, again, tx.collect_blob("shared", &kept)?))
    })
    .await;
    assert_eq!(blobs, [("shared".to_owned(), blob, 5)]);
    assert_eq!((forgotten, again), (blobs, None));
    assert_eq!(collected.unwrap().size_bytes, 5);
}

async fn sizes_of_things_add_up_to_the_size_of_the_trash(store: &MetadataStore) {
    let world = World::create(store).await;
    let [mine, shared, live] = [digest(&id()), digest(&id()), digest(&id())];
    for (blob, size) in [(&mine, 3), (&shared, 40), (&live, 500)] {
        world.add_blob(store, blob, size).await;
    }
    let first = trashed(store, &world, &[&mine, &shared, &live], ("v1", 10)).await;
    let second = trashed(store, &world, &[&shared, &live], ("v2", 20)).await;
    let (of, needed) = (world.clone(), live.clone());
    write(store, move |tx| {
        tx.add_reference(&of.account.id, &needed, 500)
    })
    .await;
    let (of, ids) = (world.clone(), [first.id.clone(), second.id.clone()]);
    let (sizes, all) = read(store, move |reader| {
        let sizes = [
            reader.get_trash_item_size(&ids[0])?,
            reader.get_trash_item_size(&ids[1])?,
        ];
        Ok((sizes, reader.get_trash_size(&of.account.id)?))
    })
    .await;
    assert_eq!(
        (sizes, all),
        ([3, 40], 43),
        "what the account needs is not the trash's"
    );
    let (of, blobs) = (world.clone(), [mine.clone(), live.clone()]);
    let free = write(store, move |tx| {
        let account = &of.account.id;
        tx.drop_reference(account, &blobs[1])?;
        let all = tx.get_trash_size(account)?;
        for item in tx.list_oldest_trash(account, 2)? {
            tx.forget_trash(&item)?;
        }
        let free = blobs.each_ref().map(|blob| tx.is_free_of(account, blob));
        let [mine, live] = free;
        Ok((all, tx.get_trash_size(account)?, mine?, live?))
    })
    .await;
    assert_eq!(
        free,
        (543, 540, true, false),
        "what was deleted first went first"
    );
}

async fn what_is_in_the_trash_is_listed(store: &MetadataStore) {
    let world = World::create(store).await;
    let gone = trashed(store, &world, &[], ("v1", 10)).await;
    let later = trashed(store, &world, &[], ("v1", 20)).await;
    let of = world.clone();
    let list = async |filter: TrashFilter, before: (i64, &str), limit| {
        let (account, before) = (of.account.id.clone(), (before.0, before.1.to_owned()));
        let listed = read(store, move |reader| {
            reader.list_trash(&account, &filter, (before.0, &before.1), limit)
        });
        let listed = listed.await.into_iter();
        listed
            .map(|item| (item.kind, item.digest))
            .collect::<Vec<_>>()
    };
    let row = |of: &NewManifest| (TrashKind::Manifest, of.digest.as_str().to_owned());
    let last = (i64::MAX, "");
    let all = TrashFilter {
        namespace: world.namespace_name.clone(),
        repository: world.key.name.as_str().to_owned(),
        kind: "manifest".to_owned(),
        namespaces: Some(vec![world.namespace.clone()]),
        ..TrashFilter::default()
    };
    assert_eq!(list(all.clone(), last, 10).await, [row(&later), row(&gone)]);
    assert_eq!(list(TrashFilter::default(), last, 1).await, [row(&later)]);
    assert_eq!(list(all.clone(), (20, &later.id), 9).await, [row(&gone)]);
    let within = TrashFilter {
        parent: Some(gone.id.clone()),
        ..TrashFilter::default()
    };
    let tags = [(TrashKind::Tag, gone.digest.as_str().to_owned())];
    assert_eq!(
        list(within, last, 9).await,
        tags,
        "a tag is in its manifest"
    );
    let nobodys = TrashFilter {
        namespaces: Some(Vec::new()),
        ..TrashFilter::default()
    };
    assert_eq!(list(nobodys, last, 9).await, []);
    let ended = TrashFilter {
        now_ms: 1010,
        ..all
    };
    assert_eq!(list(ended, last, 9).await, [row(&later)]);

    what_is_in_the_trash_is_found(store, &world, &gone, &later).await;
}

async fn what_is_in_the_trash_is_found(
    store: &MetadataStore,
    world: &World,
    gone: &NewManifest,
    later: &NewManifest,
) {
    let (of, ids) = (world.clone(), gone.clone());
    let (named, parted) = write(store, move |tx| {
        let (account, name) = (&of.account.id, of.key.name.as_str());
        let place = (&of.namespace, name);
        assert!(tx.find_trash(account, &ids.id, 1009)?.is_some());
        assert!(tx.find_trash(account, &ids.id, 1010)?.is_none());
        assert_eq!(
            tx.find_trash_content(account, &ids.id)?.unwrap(),
            ids.content
        );
        let found = tx.find_trashed_manifest(account, place, ids.digest.as_str(), 11)?;
        assert_eq!(found.unwrap().content, ids.content);
        let about = tx.list_trashed_referrers(account, place, ids.digest.as_str(), (11, 2))?;
        assert_eq!(about, Vec::<String>::new());
        let named = tx.find_trashed_tag(account, place, "v1", 11)?.unwrap();
        tx.part_trash(&named.id)?;
        let parted = tx.find_trash(account, &named.id, 11)?.unwrap();
        assert!(tx.keep_namespace(account, &of.namespace, &of.namespace_name)?);
        assert!(!tx.keep_namespace(account, &of.namespace, "other")?);
        Ok((named, parted))
    })
    .await;
    assert_eq!(named.parent, Some(later.id.clone()), "the last one");
    assert_eq!(parted.parent, None);
}

async fn a_shorter_period_and_a_wish_for_a_look_are_not_lost(store: &MetadataStore) {
    let world = World::create(store).await;
    let gone = trashed(store, &world, &[], ("v1", 10)).await;
    let of = world.clone();
    let version = async || {
        let account = world.account.id.clone();
        let waiting = read(store, |reader| reader.list_trash_recounts(10_000)).await;
        waiting.into_iter().find(|(id, _)| *id == account)
    };
    write(store, move |tx| tx.request_trash_recount(&of.account.id)).await;
    let (account, first) = version().await.unwrap();
    let of = account.clone();
    write(store, move |tx| {
        tx.request_trash_recount(&of)?;
        tx.end_trash_recount(&of, first)
    })
    .await;
    let (_, second) = version().await.expect("who asked again is not forgotten");
    let of = account.clone();
    let (shortened, item) = write(store, move |tx| {
        tx.end_trash_recount(&of, second)?;
        let shortened = [
            tx.shorten_trash(&of, 1000, 10)?,
            tx.shorten_trash(&of, 7, 1)?,
            tx.shorten_trash(&of, 7, 10)?,
            tx.shorten_trash(&of, 7, 10)?,
        ];
        Ok((shortened, tx.find_trash(&of, &gone.id, 0)?.unwrap()))
    })
    .await;
    assert_eq!(shortened, [0, 1, 1, 0], "a manifest and its tag");
    assert_eq!((item.period_ms, item.purge_at_ms), (7, 17));
    assert_eq!(version().await, None);
}

async fn what_an_older_program_deleted_is_taken_over(store: &MetadataStore) {
    let world = World::create(store).await;
    let blob = digest(&id());
    world.add_blob(store, &blob, 5).await;
    let new = manifest(&id());
    let (made, to, needed) = (new.clone(), world.clone(), blob.clone());
    let (owners, again, found, tagged) = write(store, move |tx| {
        let (account, repository) = (&to.account.id, &to.repository);
        tx.create_manifest(&made, account, repository, 1)?;
        tx.create_manifest_blob(&made.id, repository, "shared", &needed)?;
        tx.put_tag(account, repository, &tag("v1"), &made.id, 1)?;
        let removed = tx.remove_manifest(repository, &made.digest)?.unwrap();
        let of = (repository, &made.digest);
        tx.create_old_trash(&id(), account, of, &removed, 911)?;
        let about = crate::RemovedManifest {
            content: r#"{"subject": {"digest": "sha256:of-it"}}"#.to_owned(),
            tags: Vec::new(),
            blobs: Vec::new(),
            ..removed.clone()
        };
        // The older program deleted it twice: what is known of it already stands.
        let kept = (id(), digest("about it"));
        tx.create_old_trash(&kept.0, account, (repository, &kept.1), &about, 911)?;
        for _ in 0..2 {
            assert_eq!(tx.adopt_old_trash(Some(repository), 1, id)?.len(), 1);
        }
        tx.create_old_trash(&kept.0, account, (repository, &kept.1), &about, 911)?;
        let owners = tx.adopt_old_trash(None, 1000, id)?;
        let again = tx.adopt_old_trash(Some(repository), 1000, id)?;
        let place = (&to.namespace, to.key.name.as_str());
        let found = tx.find_trashed_manifest(account, place, made.digest.as_str(), 910)?;
        let tagged = tx.find_trashed_tag(account, place, "v1", 910)?.unwrap();
        tx.delete_repository_blob(repository, &needed)?;
        assert_eq!(tx.collect_blob("shared", &needed)?, None);
        Ok((owners, again, found.unwrap(), tagged))
    })
    .await;
    assert!(owners.contains(&world.account.id));
    assert_eq!(again, []);
    assert_eq!((found.item.deleted_at_ms, found.item.period_ms), (111, 800));
    assert_eq!(tagged.parent, Some(found.item.id));
}

async fn many_tags_are_taken_in_parts(store: &MetadataStore) {
    let world = World::create(store).await;
    let new = manifest(&id());
    let (made, to) = (new.clone(), world.clone());
    let (taken, none, item) = write(store, move |tx| {
        let (account, repository) = (&to.account.id, &to.repository);
        tx.create_manifest(&made, account, repository, 1)?;
        for name in ["c", "a", "b"] {
            tx.put_tag(account, repository, &tag(name), &made.id, 1)?;
        }
        let taken = tx.take_excess_tags(repository, &made.digest, 2)?;
        let none = tx.take_excess_tags(repository, &made.digest, 2)?;
        let tag_id = id();
        tx.trash_tag(&how(&to, 10), &tag_id, (repository, "a"), &made.digest)?;
        Ok((taken, none, tx.find_trash(account, &tag_id, 11)?.unwrap()))
    })
    .await;
    let ExcessTags::Taken(manifest, tags) = taken else {
        panic!("{taken:?}");
    };
    assert_eq!((manifest, tags.len()), (new.id, 2));
    assert_eq!(none, ExcessTags::None(1));
    assert_eq!((item.kind, item.tag.as_str()), (TrashKind::Tag, "a"));
}

async fn moves_of_tags_are_known_newest_first(store: &MetadataStore) {
    let world = World::create(store).await;
    let of = world.clone();
    let listed = async |before, limit| {
        let of = of.clone();
        let moves = read(store, move |reader| {
            let place = (&of.namespace, of.key.name.as_str());
            reader.list_tag_moves(&of.account.id, place, "v1", (before, limit))
        });
        let moves = moves.await.into_iter();
        moves
            .map(|one| (one.number, one.digest))
            .collect::<Vec<_>>()
    };
    let to = world.clone();
    write(store, move |tx| {
        for (number, digest) in [
            (1, Some("one")),
            (2, None),
            (3, Some("three")),
            (3, Some("3")),
        ] {
            let new = NewTagMove {
                account: to.account.id.as_str(),
                namespace: to.namespace.as_str(),
                repository: to.key.name.as_str(),
                tag: "v1",
                number,
                digest,
                caller: "somebody",
                at_ms: -1000 + number,
            };
            tx.note_tag_moves(&[new], 2)?;
        }
        Ok::<_, Error>(())
    })
    .await;
    let third = (3, Some("3".to_owned()));
    assert_eq!(listed(i64::MAX, 10).await, [third.clone(), (2, None)]);
    assert_eq!(listed(3, 1).await, [(2, None)]);
    let gone = write(store, |tx| {
        Ok([
            tx.forget_tag_moves(-997, 10)?,
            tx.forget_tag_moves(-997, 10)?,
        ])
    });
    assert_eq!(gone.await, [1, 0]);
    assert_eq!(listed(i64::MAX, 10).await, [third]);
}
