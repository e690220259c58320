//! What is on its way out: reviews, the trash, condemned objects.

use super::content::manifest;
use super::fixture::{World, digest, id, write};
use crate::{Error, MetadataStore, NewTrash};

pub(super) async fn run(store: &MetadataStore) {
    condemned_objects_are_deleted_oldest_first(store).await;
    the_trash_keeps_blobs_until_it_is_purged(store).await;
}

async fn condemned_objects_are_deleted_oldest_first(store: &MetadataStore) {
    let objects = [id(), id(), id()];
    let condemned = objects.clone();
    write(store, move |tx| {
        for (at_ms, object) in [-20, -30, -10].into_iter().zip(&condemned) {
            tx.condemn_object(object, at_ms)?;
            tx.condemn_object(object, at_ms - 1000)?;
        }
        Ok(())
    })
    .await;
    let list = |before_ms, limit| {
        store
            .read(|reader| reader.list_condemned_objects(before_ms, limit))
            .unwrap()
    };
    assert_eq!(list(-20, 10), [objects[1].clone(), objects[0].clone()]);
    assert_eq!(list(-10, 1), [objects[1].clone()]);
    write(store, move |tx| {
        for object in &objects {
            tx.delete_condemned_object(object)?;
            tx.delete_condemned_object(object)?;
        }
        Ok::<_, Error>(())
    })
    .await;
    assert_eq!(list(-10, 10), Vec::<String>::new());
}

async fn the_trash_keeps_blobs_until_it_is_purged(store: &MetadataStore) {
    let world = World::create(store).await;
    let blob = digest(&id());
    world.add_blob(store, &blob, 5).await;
    let (new, to, needed) = (manifest(&id()), world.clone(), blob.clone());
    write(store, move |tx| {
        let (account, repository) = (&to.account.id, &to.repository);
        tx.create_manifest(&new, account, repository, 110)?;
        tx.create_manifest_blob(&new.id, repository, "shared", &needed)?;
        let removed = tx.remove_manifest(repository, &new.digest)?.unwrap();
        for purge_at_ms in [-500, -400, -300] {
            let trash = NewTrash {
                id: &id(),
                account_id: account,
                repository_id: repository,
                digest: &new.digest,
                deleted_by: "somebody",
                deleted_at_ms: 111,
                purge_at_ms,
            };
            tx.create_trash(&trash, &removed)?;
        }
        Ok(())
    })
    .await;
    let (gone, again) = (blob.clone(), blob.clone());
    let purged = write(store, move |tx| {
        tx.enqueue_review("shared", &gone, 120)?;
        tx.enqueue_review("shared", &gone, 999)?;
        Ok([
            tx.purge_trash(-400, 1, 130)?,
            tx.purge_trash(-400, 10, 130)?,
            tx.purge_trash(-400, 10, 130)?,
            tx.purge_trash(-300, 10, 130)?,
        ])
    })
    .await;
    assert_eq!(purged, [1, 1, 0, 1]);
    let location = store
        .read(|reader| reader.find_blob_location("shared", &again))
        .unwrap();
    assert!(
        location.is_some(),
        "purging asks for a look, it deletes nothing"
    );
}
