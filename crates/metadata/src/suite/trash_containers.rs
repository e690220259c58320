//! Deleted repositories and namespaces in the trash.

use super::fixture::{World, write};
use super::trash::how;
use crate::{Error, MetadataStore, TrashKind, Trashing};

pub(super) async fn run(store: &MetadataStore) {
    repositories_and_namespaces_are_kept_with_what_was_said_of_them(store).await;
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
