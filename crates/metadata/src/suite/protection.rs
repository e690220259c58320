//! Rules of immutability, locks, and tags that end by themselves.

use super::content::{add_manifest, manifest, tag};
use super::fixture::{World, digest, id, write};
use super::garbage::read;
use super::postgres::Database;
use super::races::race;
use crate::{Error, ImmutabilityRuleRow, LockKind, MetadataStore, NewLock, NewManifest, Tx};
use oci::Tag;

pub(super) async fn run(store: &MetadataStore) {
    rules_are_of_a_namespace(store).await;
    locks_are_of_a_tag_or_a_manifest(store).await;
    what_keeps_a_manifest_is_found(store).await;
    a_tag_ends_until_it_moves(store).await;
}

fn rule(text: &str) -> ImmutabilityRuleRow {
    ImmutabilityRuleRow {
        id: id(),
        is_enabled: true,
        rule: text.to_owned(),
        created_at_ms: 7,
    }
}

/// Makes a rule as `services` does.
fn make_rule(tx: &mut Tx<'_>, world: &World, row: &ImmutabilityRuleRow) -> Result<(), Error> {
    assert!(tx.take_protection(&world.namespace)?);
    tx.create_immutability_rule(&world.account.id, &world.namespace, row)?;
    tx.settle_protection(&world.namespace)
}

async fn is_protected(store: &MetadataStore, world: &World) -> bool {
    let repository = world.repository.clone();
    let (seen, kept) = write(store, move |tx| {
        Ok((
            tx.find_protection(&repository)?,
            tx.keep_protection(&repository)?,
        ))
    })
    .await;
    assert_eq!(seen, kept);
    kept.is_some_and(|kept| kept.namespace_id == world.namespace && kept.is_protected)
}

async fn rules_are_of_a_namespace(store: &MetadataStore) {
    let (world, other) = (World::create(store).await, World::create(store).await);
    assert!(!is_protected(store, &world).await);
    let to = world.clone();
    let reads_labels = write(store, move |tx| {
        let mut seen = Vec::new();
        for reads in [true, true, false] {
            tx.set_namespace_reads_labels(&to.namespace, reads)?;
            let kept = tx.keep_protection(&to.repository)?;
            seen.push(kept.is_some_and(|kept| kept.reads_labels));
        }
        Ok(seen)
    });
    assert_eq!(reads_labels.await, [true, true, false]);
    let first = rule("{}");
    let (new, to) = (first.clone(), world.clone());
    write(store, move |tx| make_rule(tx, &to, &new)).await;
    assert!(is_protected(store, &world).await);
    assert!(!is_protected(store, &other).await);
    let (twice, to) = (rule("{}"), world.clone());
    let refused = store.write(move |tx| make_rule(tx, &to, &twice)).await;
    assert!(matches!(refused, Err(Error::AlreadyExists)), "{refused:?}");

    let namespace = world.namespace.clone();
    let listed = read(store, move |reader| {
        reader.list_immutability_rules(&namespace)
    });
    assert_eq!(listed.await, std::slice::from_ref(&first));
    let (id, of, not) = (
        first.id.clone(),
        world.namespace.clone(),
        other.namespace.clone(),
    );
    write(store, move |tx| {
        assert!(!tx.update_immutability_rule(&not, &id, "[]", false)?);
        assert!(tx.update_immutability_rule(&of, &id, "[]", false)?);
        tx.settle_protection(&of)
    })
    .await;
    // One that is switched off protects nothing.
    assert!(!is_protected(store, &world).await);
    let (id, of, not) = (first.id, world.namespace.clone(), other.namespace.clone());
    write(store, move |tx| {
        assert!(!tx.delete_immutability_rule(&not, &id)?);
        assert!(tx.delete_immutability_rule(&of, &id)?);
        assert!(!tx.delete_immutability_rule(&of, &id)?);
        Ok::<_, Error>(())
    })
    .await;
}

async fn locks_are_of_a_tag_or_a_manifest(store: &MetadataStore) {
    let world = World::create(store).await;
    let new = manifest(&super::fixture::id());
    add_manifest(store, &world, &new).await;
    let (to, digest) = (world.clone(), new.digest.clone());
    write(store, move |tx| {
        let (account, repository) = (&to.account.id, &to.repository);
        tx.put_tag(account, repository, &tag("v1"), &new.id, 5)?;
        let mut lock = NewLock {
            id: &id(),
            account,
            namespace: &to.namespace,
            repository,
            kind: LockKind::Tag,
            name: "v1",
            by: "somebody",
            now_ms: 9,
        };
        assert!(tx.create_lock(&lock)?);
        let again = id();
        lock.id = &again;
        assert!(!tx.create_lock(&lock)?);
        assert_eq!(tx.find_locked_tag(&new.id)?.as_deref(), Some("v1"));
        assert!(
            tx.take_if_loose(repository, &new.digest)
                .is_ok_and(|is| !is)
        );
        tx.delete_tag(repository, &tag("v1"))?;
        assert!(tx.take_if_loose(repository, &new.digest)?);
        lock.kind = LockKind::Manifest;
        lock.name = new.digest.as_str();
        assert!(tx.create_lock(&lock)?);
        // What is locked is kept by that.
        assert!(!tx.take_if_loose(repository, &new.digest)?);
        tx.settle_protection(&to.namespace)
    })
    .await;
    assert!(is_protected(store, &world).await);
    let (repository, namespace) = (world.repository.clone(), world.namespace.clone());
    write(store, move |tx| {
        assert_eq!(tx.list_locks(&repository)?.len(), 2);
        let tags = tx.list_locks_of(&repository, LockKind::Tag, "", 5)?;
        assert_eq!((tags.len(), tags[0].name.as_str()), (1, "v1"));
        assert_eq!(tags[0].locked_by, "somebody");
        assert!(
            tx.list_locks_of(&repository, LockKind::Tag, "v1", 5)?
                .is_empty()
        );
        let listed = tx.list_protected_repositories(&namespace, "", 5)?;
        assert_eq!(listed.len(), 1);
        for (kind, name) in [(LockKind::Tag, "v1"), (LockKind::Manifest, digest.as_str())] {
            assert!(tx.is_locked(&repository, kind, name)?);
            assert!(tx.delete_lock(&repository, kind, name)?);
            assert!(!tx.delete_lock(&repository, kind, name)?);
        }
        tx.settle_protection(&namespace)
    })
    .await;
    assert!(!is_protected(store, &world).await);
}

async fn what_keeps_a_manifest_is_found(store: &MetadataStore) {
    let world = World::create(store).await;
    let (child, index) = (manifest(&id()), manifest(&id()));
    let about = NewManifest {
        subject: Some(index.digest.clone()),
        ..manifest(&id())
    };
    for new in [&child, &index, &about] {
        add_manifest(store, &world, new).await;
    }
    let to = world.clone();
    write(store, move |tx| {
        let (account, repository) = (&to.account.id, &to.repository);
        tx.create_manifest_child(&index.id, repository, &child.digest)?;
        for name in ["a", "b", "c"] {
            tx.put_tag(account, repository, &tag(name), &index.id, 5)?;
        }
        let found = tx.list_indexes_of(repository, &child.digest, 5)?;
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].digest, index.digest);
        let guard = tx.take_guard(repository, &about.digest)?.unwrap();
        assert_eq!(guard.subject, Some(index.digest.clone()));
        assert_eq!(tx.take_guard(repository, &digest("none"))?, None);
        let names = tx.list_tag_names_of(&index.id, "a", 5)?;
        assert_eq!(names, ["b", "c"]);
        assert_eq!(tx.take_tag(repository, &tag("a"))?, Some(index.digest));
        assert_eq!(tx.take_tag(repository, &tag("z"))?, None);
        Ok::<_, Error>(())
    })
    .await;
}

async fn a_tag_ends_until_it_moves(store: &MetadataStore) {
    let world = World::create(store).await;
    let (one, other) = (manifest(&id()), manifest(&id()));
    for new in [&one, &other] {
        add_manifest(store, &world, new).await;
    }
    let to = world.clone();
    write(store, move |tx| {
        let (account, repository) = (&to.account.id, &to.repository);
        let owner = (account, repository);
        let v1: Tag = tag("v1");
        tx.put_tag_until(owner, &v1, &one.id, (5, Some(100)))?;
        assert_eq!(tx.find_tag_end(repository, &v1)?, Some(100));
        // The same again is no move.
        assert!(!tx.put_tag(account, repository, &v1, &one.id, 6)?);
        assert_eq!(tx.find_tag_end(repository, &v1)?, Some(100));
        let of = |ended: Vec<crate::EndedTag>| {
            let mine = ended.iter().filter(|one| one.repository_id == *repository);
            mine.count()
        };
        assert_eq!(of(tx.list_ended_tags(99, 1000)?), 0);
        assert_eq!(of(tx.list_ended_tags(100, 1000)?), 1);
        tx.put_off_tag_end(repository, &v1, 200)?;
        assert_eq!(of(tx.list_ended_tags(199, 1000)?), 0);
        assert_eq!(
            tx.list_tag_ends(repository, "", 5)?,
            [("v1".to_owned(), 100)]
        );
        // Away and back.
        assert!(tx.put_tag(account, repository, &v1, &other.id, 7)?);
        assert!(tx.put_tag(account, repository, &v1, &one.id, 8)?);
        assert_eq!(tx.find_tag_end(repository, &v1)?, None);
        assert_eq!(of(tx.list_ended_tags(1000, 1000)?), 0);
        assert!(tx.set_tag_end(repository, &v1, Some(300))?);
        assert_eq!(tx.find_tag_end(repository, &v1)?, Some(300));
        assert!(tx.set_tag_end(repository, &v1, None)?);
        assert_eq!(tx.find_tag_end(repository, &v1)?, None);
        assert!(!tx.set_tag_end(repository, &tag("none"), Some(1))?);
        // As a program moves it that knows of no ends.
        tx.set_tag_end(repository, &v1, Some(300))?;
        let moved = "/* of a test */ UPDATE tags SET updated_at_ms = 9 WHERE repository_id = ?1";
        let params = crate::connection::params![repository.as_str()];
        tx.connection.execute(moved, params)?;
        assert_eq!(tx.find_tag_end(repository, &v1)?, None);
        assert!(tx.list_tag_ends(repository, "", 5)?.is_empty());
        tx.set_tag_end(repository, &v1, None)
    })
    .await;
}

/// A move of a tag as `services` does it. Says what was seen: whether the namespace had rules, and whether it moved.
fn move_tag(tx: &mut Tx<'_>, world: &World, to: &NewManifest) -> Result<(bool, bool), Error> {
    let (account, repository) = (&world.account.id, &world.repository);
    let kept = tx.keep_protection(repository)?.ok_or(Error::TimedOut)?;
    if kept.is_protected {
        tx.take_tag(repository, &tag("v1"))?;
        return Ok((true, false));
    }
    let moved = tx.put_tag(account, repository, &tag("v1"), &to.id, 9)?;
    Ok((false, moved))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_tag_moves_once_a_rule_is_made() {
    let database = Database::new();
    let store = &database.store;
    for round in 0..16 {
        let world = World::create(store).await;
        let manifests = [manifest(&id()), manifest(&id())];
        for new in &manifests {
            add_manifest(store, &world, new).await;
        }
        let racers = (0..9).map(|number| {
            let (store, world) = (store.clone(), world.clone());
            let to = manifests[number % 2].clone();
            async move {
                if number == round % 9 {
                    let (row, of) = (rule("{}"), world.clone());
                    write(&store, move |tx| make_rule(tx, &of, &row)).await;
                    // Whoever comes from here on finds it; what the tag points at now, it points at for ever.
                    let (repository, key) = (world.repository.clone(), tag("v1"));
                    return Some(write(&store, move |tx| tx.take_tag(&repository, &key)).await);
                }
                let of = world.clone();
                write(&store, move |tx| move_tag(tx, &of, &to)).await;
                None
            }
        });
        let seen = race(racers).await.into_iter().flatten().next().unwrap();
        let repository = world.repository.clone();
        let last = write(store, move |tx| tx.take_tag(&repository, &tag("v1"))).await;
        assert_eq!(seen, last, "it moved after the rule was there");
        let to = manifests[0].clone();
        let late = write(store, move |tx| move_tag(tx, &world, &to)).await;
        assert_eq!(late, (true, false));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_end_deletes_a_tag_that_has_moved() {
    let database = Database::new();
    let store = &database.store;
    for _ in 0..16 {
        let world = World::create(store).await;
        let manifests = [manifest(&id()), manifest(&id())];
        for new in &manifests {
            add_manifest(store, &world, new).await;
        }
        let (of, first) = (world.clone(), manifests[0].clone());
        write(store, move |tx| {
            let owner = (&of.account.id, &of.repository);
            tx.put_tag_until(owner, &tag("v1"), &first.id, (5, Some(6)))
        })
        .await;
        let racers = (0..4).map(|number| {
            let (store, of, to) = (store.clone(), world.clone(), manifests[1].clone());
            async move {
                write(&store, move |tx| {
                    if number == 0 {
                        // As a push: what it makes has no end.
                        tx.keep_protection(&of.repository)?;
                        return tx.put_tag(&of.account.id, &of.repository, &tag("v1"), &to.id, 9);
                    }
                    // As the job that deletes what has ended.
                    tx.keep_protection(&of.repository)?;
                    if tx.take_tag(&of.repository, &tag("v1"))?.is_some()
                        && tx.find_tag_end(&of.repository, &tag("v1"))?.is_some()
                    {
                        tx.delete_tag(&of.repository, &tag("v1"))?;
                    }
                    Ok(false)
                })
                .await
            }
        });
        race(racers).await;
        let repository = world.repository.clone();
        let last = write(store, move |tx| tx.take_tag(&repository, &tag("v1"))).await;
        assert_eq!(
            last.as_ref(),
            Some(&manifests[1].digest),
            "what was pushed is gone"
        );
    }
}
