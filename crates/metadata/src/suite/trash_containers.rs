//! Deleted repositories and namespaces in the trash.

use super::content::manifest;
use super::fixture::{World, id, write};
use super::trash::how;
use crate::{Error, MetadataStore, TrashKind, Trashing};

pub(super) async fn run(store: &MetadataStore) {
    repositories_and_namespaces_are_kept_with_what_was_said_of_them(store).await;
    a_manifest_comes_back_as_old_as_it_was(store).await;
}

async fn a_manifest_comes_back_as_old_as_it_was(store: &MetadataStore) {
    let world = World::create(store).await;
    let of = world.clone();
    let (single, many) = (manifest(&id()), manifest(&id()));
    let times = write(store, move |tx| {
        let (account, repository) = (&of.account.id, &of.repository);
        for new in [&single, &many] {
            tx.create_manifest(new, account, repository, 7)?;
        }
        let removed = tx.remove_manifest(repository, &single.digest)?.unwrap();
        tx.trash_manifest(&how(&of, 10), (repository, &single.digest), &removed, id)?;
        tx.trash_manifests(&how(&of, 10), repository, &[many.id.as_str()])?;
        tx.remove_manifests(&[many.id.as_str()])?;
        // What an older program deleted is as old as its restore.
        let unknown = manifest(&id());
        let mut seen = Vec::new();
        for new in [&single, &many, &unknown] {
            tx.create_manifest(new, account, repository, 20)?;
            tx.restore_push_time(&new.id, 20)?;
            let found = tx.list_retention_manifests_of(repository, &[new.digest.as_str()])?;
            seen.push((found[0].pushed_at_ms, found[0].restored_at_ms));
        }
        Ok(seen)
    })
    .await;
    assert_eq!(times, [(7, Some(20)), (7, Some(20)), (20, Some(20))]);
}

async fn repositories_and_namespaces_are_kept_with_what_was_said_of_them(store: &MetadataStore) {
    let world = World::create(store).await;
    let of = world.clone();
    let kept = write(store, move |tx| {
        let (account, repository) = (&of.account.id, &of.repository);
        // A repository is seen from its first manifest on.
        tx.list_repository(repository)?;
        tx.put_repository_description(repository, "what it is", 1)?;
        for now_ms in [10, 20] {
            tx.trash_repository(&how(&of, now_ms), repository)?;
            tx.trash_namespace(&how(&of, now_ms), &of.namespace, "{}")?;
        }
        // It came back without the description, and goes again with its namespace.
        tx.put_repository_description(repository, "", 2)?;
        let with_it = Trashing {
            parent: Some(of.namespace.as_str()),
            ..how(&of, 20)
        };
        tx.trash_repository(&with_it, repository)?;
        let within = tx.list_trash_within(account, of.namespace.as_str(), 9)?;
        assert_eq!(within.len(), 1, "it goes with its namespace now");
        let described = |tx: &crate::Tx<'_>| {
            let found = tx.find_repository_details(&of.key)?;
            Ok::<_, Error>(found.map(|found| found.description))
        };
        for (own, expected) in [("", "what it is"), ("its own", "its own")] {
            tx.put_repository_description(repository, own, 3)?;
            tx.restore_repository_description(repository, repository.as_str(), 4)?;
            assert_eq!(described(tx)?.as_deref(), Some(expected));
        }
        let mut kept = Vec::new();
        for id in [repository.as_str(), of.namespace.as_str()] {
            let item = tx.find_trash(account, id, 30)?.unwrap();
            let content = tx.find_trash_content(account, id)?.unwrap();
            kept.push((item.kind, item.repository, item.purge_at_ms, content));
        }
        Ok(kept)
    })
    .await;
    let name = world.key.name.as_str().to_owned();
    let repository = (TrashKind::Repository, name, 1020, "what it is".to_owned());
    let namespace = (TrashKind::Namespace, String::new(), 1020, "{}".to_owned());
    assert_eq!(kept, [repository, namespace]);
}
