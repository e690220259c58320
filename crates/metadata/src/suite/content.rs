//! Repositories, blobs, manifests, tags, referrers, and what an account uses.

use super::fixture::{World, digest, id, write};
use crate::{Error, MetadataStore, NewManifest, PutBlob};
use model::NamespaceId;
use oci::{RepositoryName, Tag};

pub(super) async fn run(store: &MetadataStore) {
    repositories_are_catalogued_in_byte_order(store).await;
    a_blob_is_known_where_it_was_put(store).await;
    a_referenced_blob_cannot_be_deleted(store).await;
    a_manifest_is_found_by_tag_and_digest_and_removed_whole(store).await;
    tags_are_listed_in_byte_order(store).await;
    a_tag_moves_and_goes(store).await;
    usage_counts_each_digest_once(store).await;
}

pub(super) fn manifest(text: &str) -> NewManifest {
    NewManifest {
        id: id(),
        digest: digest(text),
        media_type: "application/vnd.oci.image.manifest.v1+json".to_owned(),
        artifact_type: None,
        subject: None,
        annotations: None,
        content: text.to_owned(),
    }
}

pub(super) fn tag(name: &str) -> Tag {
    Tag::parse(name).unwrap()
}

pub(super) async fn add_manifest(store: &MetadataStore, world: &World, manifest: &NewManifest) {
    let (world, manifest) = (world.clone(), manifest.clone());
    write(store, move |tx| {
        tx.create_manifest(&manifest, &world.account.id, &world.repository, 60)
    })
    .await;
}

async fn repositories_are_catalogued_in_byte_order(store: &MetadataStore) {
    let world = World::create(store).await;
    let names = ["b", "a-z", "a/b", "a.c", "a0"];
    for name in names {
        let (repository, _) = world.add_repository(store, name).await;
        write(store, move |tx| {
            tx.list_repository(&repository)?;
            tx.list_repository(&repository)
        })
        .await;
    }
    let mut expected: Vec<_> = names
        .iter()
        .map(|name| format!("{}/{name}", world.namespace_name))
        .collect();
    expected.sort_unstable();
    let account = &world.account.id;
    let list = |after: &str, limit, may_see: fn(&NamespaceId, &str, bool) -> bool| {
        store
            .read_blocking(|reader| reader.list_catalog(account, after, limit, may_see))
            .unwrap()
    };
    assert_eq!(list("", 100, |_, _, _| true), expected);
    assert_eq!(list(&expected[1], 2, |_, _, _| true), expected[2..4]);
    assert_eq!(list("", 100, |_, _, _| false), Vec::<String>::new());

    let found = store
        .read_blocking(|reader| reader.find_repository(&world.key))
        .unwrap()
        .unwrap();
    assert_eq!(found.id, world.repository);
    assert!(!found.is_listed, "it has no manifest");
    let key = world.key.clone();
    let (again, namespace) = (model::RepositoryId::new(id()), world.namespace.clone());
    let twice = store
        .write(move |tx| tx.create_repository(&again, &key, &namespace, 61))
        .await;
    assert!(matches!(twice, Ok(false)), "{twice:?}");
    touching_makes_stale(store, &world.key.name).await;
}

async fn touching_makes_stale(store: &MetadataStore, name: &RepositoryName) {
    let (before, touched) = (store.epochs().of(name), name.clone());
    write(store, move |tx| {
        tx.touch_repository(&touched);
        Ok(())
    })
    .await;
    assert_ne!(store.epochs().of(name), before);
}

async fn a_blob_is_known_where_it_was_put(store: &MetadataStore) {
    let world = World::create(store).await;
    let (other, other_key) = world.add_repository(store, "other").await;
    let (blob, location) = (digest(&id()), id());
    let (new, place, copy) = (blob.clone(), location.clone(), id());
    let (first, second) = write(store, move |tx| {
        Ok((
            tx.put_blob(("shared", &new), 70, &place, 70)?,
            tx.put_blob(("shared", &new), 70, &copy, 71)?,
        ))
    })
    .await;
    assert_eq!((first, second), (PutBlob::Stored, PutBlob::Known));
    let (new, to) = (blob.clone(), world.clone());
    write(store, move |tx| {
        let (account, repository) = (&to.account.id, &to.repository);
        tx.put_repository_blob(account, repository, "shared", &new, 72)?;
        tx.renew_repository_blob(repository, &new, 71)
    })
    .await;
    store
        .read_blocking(|reader| {
            let found = reader.find_repository_blob(&world.key, &blob)?.unwrap();
            assert_eq!((&found.location, found.size_bytes), (&location, 70));
            assert_eq!(found.renewed_at_ms, 72, "renewing never goes back");
            assert_eq!(found.repository_id, world.repository);
            assert!(reader.find_repository_blob(&other_key, &blob)?.is_none());
            let membership = reader.find_membership(&world.repository, &blob)?;
            assert_eq!(membership, Some(("shared".to_owned(), 70)));
            assert_eq!(reader.find_membership(&other, &blob)?, None);
            let listed = reader.list_memberships(&world.account.id, &blob, 10)?;
            assert_eq!(listed.len(), 1);
            assert_eq!(listed[0].repository, world.key.name.as_str());
            assert_eq!(listed[0].storage, "shared");
            assert_eq!(
                reader.find_blob_location("shared", &blob)?,
                Some(location.clone())
            );
            assert_eq!(reader.find_blob_location("elsewhere", &blob)?, None);
            assert!(!reader.is_blob_referenced(&world.repository, &blob)?);
            Ok::<_, Error>(())
        })
        .unwrap();
    let (gone, repository) = (blob.clone(), world.repository.clone());
    let (renewed, first, second) = write(store, move |tx| {
        tx.renew_repository_blob(&repository, &gone, 75)?;
        let renewed = tx.find_membership(&repository, &gone)?;
        assert_eq!(tx.keep_membership(&repository, &gone)?, renewed);
        assert!(tx.keep_blob_location("shared", &gone)?.is_some());
        assert_eq!(tx.keep_blob_location("elsewhere", &gone)?, None);
        Ok((
            renewed,
            tx.delete_repository_blob(&repository, &gone)?,
            tx.delete_repository_blob(&repository, &gone)?,
        ))
    })
    .await;
    assert!(renewed.is_some());
    assert_eq!((first.as_deref(), second), (Some("shared"), None));
}

async fn a_referenced_blob_cannot_be_deleted(store: &MetadataStore) {
    let world = World::create(store).await;
    let missing = digest(&id());
    let (to, absent) = (world.clone(), missing.clone());
    let refused = store
        .write(move |tx| {
            tx.put_repository_blob(&to.account.id, &to.repository, "shared", &absent, 80)
        })
        .await;
    assert!(
        matches!(refused, Err(Error::ReferenceViolated)),
        "{refused:?}"
    );
    let new = manifest("{\"needs\":\"a blob that is gone\"}");
    let (to, created) = (world.clone(), new.clone());
    let refused = store
        .write(move |tx| {
            tx.create_manifest(&created, &to.account.id, &to.repository, 80)?;
            tx.create_manifest_blob(&created.id, &to.repository, "shared", &missing)
        })
        .await;
    assert!(
        matches!(refused, Err(Error::ReferenceViolated)),
        "{refused:?}"
    );
    let left = store
        .read_blocking(|reader| reader.find_manifest_id(&world.repository, &new.digest))
        .unwrap();
    assert_eq!(left, None, "a refused transaction left its manifest");
}

async fn a_manifest_is_found_by_tag_and_digest_and_removed_whole(store: &MetadataStore) {
    let world = World::create(store).await;
    let blobs = [digest(&id()), digest(&id())];
    for blob in &blobs {
        world.add_blob(store, blob, 10).await;
    }
    let new = manifest(&format!("{{\"text\":\"{}\"}}", id()));
    let child = digest(&id());
    let (to, created, needed) = (world.clone(), new.clone(), blobs.clone());
    write(store, move |tx| {
        let (account, repository) = (&to.account.id, &to.repository);
        tx.create_manifest(&created, account, repository, 90)?;
        for blob in &needed {
            tx.create_manifest_blob(&created.id, repository, "shared", blob)?;
        }
        tx.create_manifest_child(&created.id, repository, &child)?;
        let kept = tx.keep_manifest(repository, &created.digest)?;
        assert_eq!(kept.as_deref(), Some(&*created.id));
        assert_eq!(tx.keep_manifest(repository, &child)?, None);
        let twice = tx.create_manifest(&created, account, repository, 91)?;
        assert!(!twice, "the repository has it");
        assert!(tx.put_tag(account, repository, &tag("two"), &created.id, 91)?);
        assert!(tx.put_tag(account, repository, &tag("One"), &created.id, 91)?);
        Ok(())
    })
    .await;
    store
        .read_blocking(|reader| {
            let by_tag = reader
                .find_manifest_by_tag(&world.key, &tag("One"), None)?
                .unwrap();
            let by_digest = reader
                .find_manifest_by_digest(&world.key, &new.digest, true)?
                .unwrap();
            assert_eq!(by_tag.content.as_deref(), Some(&*new.content));
            assert_eq!(by_digest.content, None, "it was known");
            let known = Some(&new.digest);
            let by_tag = reader.find_manifest_by_tag(&world.key, &tag("One"), known)?;
            assert_eq!(by_tag.unwrap().content, None, "it was known");
            assert_eq!(by_digest.digest, new.digest);
            assert_eq!(by_digest.media_type, new.media_type);
            let none = reader.find_manifest_by_tag(&world.key, &tag("one"), None)?;
            assert!(none.is_none(), "tags are compared by their bytes");
            assert_eq!(
                reader.find_manifest_id(&world.repository, &new.digest)?,
                Some(new.id.clone())
            );
            assert!(reader.is_blob_referenced(&world.repository, &blobs[0])?);
            Ok::<_, Error>(())
        })
        .unwrap();
    let (from, gone) = (world.repository.clone(), new.digest.clone());
    let (removed, again) = write(store, move |tx| {
        Ok((
            tx.remove_manifest(&from, &gone)?,
            tx.remove_manifest(&from, &gone)?,
        ))
    })
    .await;
    let removed = removed.unwrap();
    assert!(again.is_none());
    assert_eq!(removed.tags, ["One", "two"]);
    let mut expected = blobs.map(|blob| ("shared".to_owned(), blob)).to_vec();
    expected.sort_unstable();
    assert_eq!(removed.blobs, expected);
    assert_eq!((removed.id, removed.content), (new.id, new.content));
}

async fn tags_are_listed_in_byte_order(store: &MetadataStore) {
    let world = World::create(store).await;
    let new = manifest(&id());
    add_manifest(store, &world, &new).await;
    let names = [
        "v10", "v1", "v2", "V1", "_x", "1", "10", "2", "v1.0", "v1-a", "v1_b",
    ];
    let (to, manifest) = (world.clone(), new.id.clone());
    write(store, move |tx| {
        for name in names {
            tx.put_tag(&to.account.id, &to.repository, &tag(name), &manifest, 95)?;
        }
        Ok(())
    })
    .await;
    let mut expected = names.map(str::to_owned);
    expected.sort_unstable_by(|a, b| a.as_bytes().cmp(b.as_bytes()));
    let list = |after: &str, limit| {
        store
            .read_blocking(|reader| reader.list_tags(&world.key, after, limit))
            .unwrap()
    };
    assert_eq!(list("", 100), expected);
    let mut paged = Vec::new();
    loop {
        let page = list(paged.last().map_or("", String::as_str), 3);
        if page.is_empty() {
            break;
        }
        paged.extend(page);
    }
    assert_eq!(paged, expected);
}

async fn a_tag_moves_and_goes(store: &MetadataStore) {
    let world = World::create(store).await;
    let (old, new) = (manifest(&id()), manifest(&id()));
    add_manifest(store, &world, &old).await;
    add_manifest(store, &world, &new).await;
    let (to, before, after) = (world.clone(), old.id.clone(), new.id.clone());
    let changed = write(store, move |tx| {
        let (account, repository, latest) = (&to.account.id, &to.repository, tag("latest"));
        Ok([
            tx.put_tag(account, repository, &latest, &before, 1)?,
            tx.put_tag(account, repository, &latest, &before, 2)?,
            tx.put_tag(account, repository, &latest, &after, 3)?,
        ])
    })
    .await;
    assert_eq!(changed, [true, false, true]);
    let from = world.repository.clone();
    let (first, second) = write(store, move |tx| {
        Ok((
            tx.delete_tag(&from, &tag("latest"))?,
            tx.delete_tag(&from, &tag("latest"))?,
        ))
    })
    .await;
    assert_eq!((first, second), (Some(new.digest), None));
}

async fn usage_counts_each_digest_once(store: &MetadataStore) {
    let world = World::create(store).await;
    let blob = digest(&id());
    world.add_blob(store, &blob, 1000).await;
    let (two, to) = ([manifest(&id()), manifest(&id())], world.clone());
    let shared = blob.clone();
    let outcome = write(store, move |tx| {
        let account = &to.account.id;
        let mut firsts = Vec::new();
        for manifest in &two {
            tx.create_manifest(manifest, account, &to.repository, 98)?;
            tx.create_manifest_blob(&manifest.id, &to.repository, "shared", &shared)?;
            firsts.push(tx.add_reference(account, &shared, 1000)?);
        }
        assert!(tx.add_usage(account, 1000)?.is_done());
        assert!(tx.add_usage(account, 0)?.is_done());
        assert_eq!(tx.get_usage(account)?, (1000, None));
        assert_eq!(tx.count_usage(account)?, 1000);
        let freed = [
            tx.drop_reference(account, &shared)?,
            tx.drop_reference(account, &shared)?,
        ];
        tx.free_usage(account, freed[0])?;
        tx.free_usage(account, freed[1])?;
        Ok((firsts, freed, tx.get_usage(account)?.0))
    })
    .await;
    assert_eq!(outcome, (vec![true, false], [0, 1000], 0));
    let account = world.account.id.clone();
    let below_zero = store.write(move |tx| tx.free_usage(&account, 1)).await;
    assert!(below_zero.is_err(), "usage can never be negative");
}
