//! What there is to take of one account, and what its collections came to.

use super::content::manifest;
use super::fixture::{World, digest, id, write};
use crate::{CollectionFigures, Error, ListQuery, MetadataStore, NewJob, NewUpload};
use model::JobId;
use oci::{Algorithm, UploadId};

pub(super) async fn run(store: &MetadataStore) {
    a_collection_counts_until_it_ends(store).await;
    blobs_are_counted_by_who_needs_them(store).await;
    what_was_never_used_runs_out(store).await;
    uploads_end_of_one_account_alone(store).await;
}

async fn a_collection_counts_until_it_ends(store: &MetadataStore) {
    let world = World::create(store).await;
    let (account, job) = (world.account.id.clone(), JobId::new(id()));
    let (of, new) = (account.clone(), job.clone());
    write(store, move |tx| {
        let asked = NewJob {
            id: &new,
            account_id: Some(&of),
            kind: "collect_account",
            payload: "{}",
            dedup_key: None,
            run_at_ms: 10,
            max_attempts: 1,
        };
        tx.enqueue(&asked, 10)?;
        let taken = CollectionFigures {
            manifests: 1,
            blobs: 2,
            uploads: 3,
            freed_bytes: 40,
        };
        assert!(!tx.note_account_collection(&new, &taken, None)?);
        assert_eq!(tx.begin_account_collection(&new, &of)?.done_until, "");
        assert!(tx.note_account_collection(&new, &taken, Some("team/app"))?);
        assert!(tx.note_account_collection(&new, &taken, None)?);
        let again = tx.begin_account_collection(&new, &of)?;
        assert_eq!(
            (again.done_until.as_str(), again.ended_at_ms),
            ("team/app", None)
        );
        assert!(tx.end_account_collection(&new, 20)?);
        assert!(!tx.end_account_collection(&new, 21)?);
        assert!(
            !tx.note_account_collection(&new, &taken, None)?,
            "it is over"
        );
        Ok(())
    })
    .await;
    let (of, wanted) = (account.clone(), job.clone());
    let read = store.list(move |reader| {
        let all = ListQuery {
            limit: 10,
            ..ListQuery::default()
        };
        let jobs = reader.list_asked_collections(&of, &all)?;
        let rows = reader.list_account_collections(&of, &[wanted.as_str(), "none"])?;
        assert!(reader.list_account_collections(&of, &[])?.is_empty());
        Ok::<_, Error>((jobs, rows))
    });
    let (jobs, rows) = read.await.unwrap();
    assert_eq!((jobs.total, jobs.items[0].id.as_str()), (1, job.as_str()));
    let figures = rows[0].figures;
    assert_eq!((figures.manifests, figures.freed_bytes), (2, 80));
    assert_eq!(rows[0].ended_at_ms, Some(20));
    // It goes with its job.
    let (of, gone) = (account, job);
    write(store, move |tx| {
        tx.cancel_job(&gone, 30, 40)?;
        while tx.forget_jobs(50, 100)? > 0 {}
        let left = tx.list_account_collections(&of, &[gone.as_str()])?;
        assert!(left.is_empty(), "{left:?}");
        Ok(())
    })
    .await;
}

/// A manifest of the world's repository that needs one blob; its id.
async fn reference(store: &MetadataStore, world: &World, blob: &str) -> String {
    let (world, blob, new) = (world.clone(), digest(blob), manifest(&id()));
    let made = new.id.clone();
    write(store, move |tx| {
        let (account, repository) = (&world.account.id, &world.repository);
        assert!(tx.create_manifest(&new, account, repository, 10)?);
        tx.create_manifest_blob(&new.id, repository, "shared", &blob)?;
        tx.add_reference(account, &blob, 7).map(drop)
    })
    .await;
    made
}

async fn blobs_are_counted_by_who_needs_them(store: &MetadataStore) {
    let world = World::create(store).await;
    let (other, _) = world.add_repository(store, "other").await;
    let blob = id();
    world.add_blob(store, &digest(&blob), 7).await;
    let one = reference(store, &world, &blob).await;
    let two = reference(store, &world, &blob).await;
    let account = world.account.id.clone();
    let read = store.list(move |reader| {
        let found = reader.list_repositories_after(&account, "", 10)?;
        let first = found[0].1.as_str().to_owned();
        let rest = reader.list_repositories_after(&account, &first, 10)?;
        assert_eq!((found.len(), rest.len(), &rest[0].0), (2, 1, &other));
        assert!(reader.list_blob_uses(&account, &[])?.is_empty());
        Ok::<_, Error>((
            reader.list_blob_uses(&account, &[&one])?,
            reader.list_blob_uses(&account, &[&one, &two])?,
        ))
    });
    let (alone, both) = read.await.unwrap();
    let counts = |uses: &[crate::BlobUse]| -> Vec<(i64, i64, u64)> {
        let each = uses.iter();
        each.map(|one| (one.times, one.references, one.size_bytes))
            .collect()
    };
    assert_eq!(counts(&alone), [(1, 2, 7)]);
    assert_eq!(counts(&both), [(2, 2, 7)]);
}

async fn what_was_never_used_runs_out(store: &MetadataStore) {
    let world = World::create(store).await;
    let other = World::create(store).await;
    let (blob, of) = (id(), world.account.id.clone());
    for owner in [&world, &other] {
        owner.add_blob(store, &digest(&blob), 9).await;
        let (account, blob) = (owner.account.id.clone(), digest(&blob));
        write(store, move |tx| {
            tx.note_unreferenced_blob(&account, &blob, 9)
        })
        .await;
    }
    let found = async |now_ms: i64, renewed_by_ms: i64| {
        let account = of.clone();
        let listed = store.list(move |reader| {
            reader.list_unreferenced_blobs(&account, "", (now_ms, renewed_by_ms), 10)
        });
        let listed = listed.await.unwrap();
        assert_eq!(listed.len(), 1);
        listed[0].is_run_out
    };
    assert!(!found(100, 100).await, "nobody is to look at its lease");
    let (repository, wanted) = (world.repository.clone(), digest(&blob));
    write(store, move |tx| {
        tx.enqueue_lease_review(&repository, ("shared", &wanted), 50)
    })
    .await;
    assert!(!found(49, 100).await, "the look is not due");
    assert!(!found(100, 4).await, "it was renewed since");
    assert!(found(100, 5).await);
    let (account, wanted) = (of.clone(), digest(&blob));
    let leases = store.list(move |reader| reader.list_account_leases(&account, &wanted, 10));
    let leases = leases.await.unwrap();
    assert_eq!(leases, [(world.repository.clone(), "shared".to_owned())]);
    let (account, wanted) = (of.clone(), digest(&blob));
    write(store, move |tx| tx.add_reference(&account, &wanted, 9)).await;
    assert!(!found(100, 5).await, "a manifest needs it after all");
}

async fn uploads_end_of_one_account_alone(store: &MetadataStore) {
    let (world, other) = (World::create(store).await, World::create(store).await);
    for (owner, ends) in [(&world, 50), (&world, 500), (&other, 50)] {
        let upload = NewUpload {
            id: UploadId::parse(&id()).unwrap(),
            account_id: owner.account.id.clone(),
            repository_id: owner.repository.clone(),
            caller: "user:somebody".to_owned(),
            algorithm: Algorithm::Sha256,
            expires_at_ms: ends,
        };
        write(store, move |tx| tx.create_upload(&upload, 10)).await;
    }
    let account = world.account.id.clone();
    let listed =
        store.list(move |reader| reader.list_expired_uploads_of(&account, ("me", false), 100, 10));
    let listed = listed.await.unwrap();
    assert_eq!((listed.len(), listed[0].1), (1, 0));
    let account = world.account.id.clone();
    let taken = write(store, move |tx| {
        tx.take_expired_uploads_of(&account, ("me", false), 100, 10)
    });
    assert_eq!(taken.await, listed);
}
