//! Uploads: begun, claimed by one at a time, finished or forgotten.

use super::fixture::{World, digest, id, write};
use crate::{ClaimedUpload, Error, MetadataStore, NewUpload, UploadState};
use model::{Plan, PlanId, PlanLimits};
use oci::{Algorithm, UploadId};

pub(super) async fn run(store: &MetadataStore) {
    an_upload_has_one_writer_at_a_time(store).await;
    an_old_fence_changes_nothing(store).await;
    a_finished_upload_remembers_its_digest(store).await;
    expiry_takes_only_what_nobody_writes_to(store).await;
    open_uploads_are_counted_up_to_a_limit(store).await;
}

async fn begin(store: &MetadataStore, world: &World, expires_at_ms: i64) -> UploadId {
    let id = UploadId::parse(&id()).unwrap();
    let new = NewUpload {
        id: id.clone(),
        account_id: world.account.id.clone(),
        repository_id: world.repository.clone(),
        caller: world.user.as_str().to_owned(),
        algorithm: Algorithm::Sha512,
        expires_at_ms,
    };
    write(store, move |tx| tx.create_upload(&new, 100)).await;
    id
}

async fn claim(
    store: &MetadataStore,
    id: &UploadId,
    owner: &'static str,
    others_are_dead: bool,
    now_ms: i64,
) -> Option<ClaimedUpload> {
    let id = id.clone();
    write(store, move |tx| {
        tx.claim_upload(&id, owner, others_are_dead, now_ms, now_ms + 60)
    })
    .await
}

async fn an_upload_has_one_writer_at_a_time(store: &MetadataStore) {
    let world = World::create(store).await;
    let upload = begin(store, &world, 10_000).await;
    let found = store
        .read_blocking(|reader| reader.find_upload(&upload, 200))
        .unwrap()
        .unwrap();
    assert_eq!(found.id, upload);
    assert_eq!(found.state, UploadState::Open);
    assert_eq!(found.algorithm, Algorithm::Sha512);
    assert_eq!((found.offset_bytes, found.is_leased), (0, false));
    assert_eq!(found.caller, world.user.as_str());
    assert_eq!(found.account_id, world.account.id);
    assert_eq!(found.repository_id, world.repository);

    let first = claim(store, &upload, "one", false, 200).await.unwrap();
    assert!(claim(store, &upload, "two", false, 250).await.is_none());
    assert!(claim(store, &upload, "one", true, 250).await.is_none());
    let found = store
        .read_blocking(|reader| reader.find_upload(&upload, 259))
        .unwrap();
    assert!(found.unwrap().is_leased);
    let renewed = {
        let upload = upload.clone();
        write(store, move |tx| {
            tx.renew_upload_lease(&upload, first.fence, 400)
        })
    };
    assert!(renewed.await);
    assert!(
        claim(store, &upload, "two", false, 261).await.is_none(),
        "a sign of life keeps the lease"
    );
    let second = claim(store, &upload, "two", false, 400).await.unwrap();
    assert!(second.fence > first.fence);
    let third = claim(store, &upload, "three", true, 401).await.unwrap();
    assert!(
        third.fence > second.fence,
        "the lease of a dead process counts for nothing"
    );
    assert!(claim(store, &upload, "four", true, 10_000).await.is_none());
}

async fn an_old_fence_changes_nothing(store: &MetadataStore) {
    let world = World::create(store).await;
    let upload = begin(store, &world, 10_000).await;
    let old = claim(store, &upload, "one", false, 200).await.unwrap();
    let new = claim(store, &upload, "two", false, 300).await.unwrap();
    let (stale, blob) = (upload.clone(), digest("stale"));
    let held = write(store, move |tx| {
        tx.release_upload(&stale, old.fence)?;
        Ok([
            tx.renew_upload_lease(&stale, old.fence, 9000)?,
            tx.record_upload_progress((&stale, old.fence), 666, "aa", "bb", 9000)?,
            tx.finish_upload(&stale, old.fence, &blob, 9000)?,
        ])
    })
    .await;
    assert_eq!(held, [false; 3]);
    let now = store
        .read_blocking(|reader| reader.find_upload(&upload, 310))
        .unwrap()
        .unwrap();
    assert!(now.is_leased, "an old fence gave the lease back");
    assert_eq!((now.offset_bytes, now.state), (0, UploadState::Open));

    let going = upload.clone();
    let recorded = write(store, move |tx| {
        tx.record_upload_progress((&going, new.fence), 5, "cafe", "f00d", 20_000)
    })
    .await;
    assert!(recorded);
    let now = store
        .read_blocking(|reader| reader.find_upload(&upload, 15_000))
        .unwrap()
        .unwrap();
    assert_eq!(now.offset_bytes, 5);
    assert_eq!(
        (now.hash_state.as_str(), now.parts.as_str()),
        ("cafe", "f00d")
    );
    assert!(!now.is_leased);
    let late = upload.clone();
    let held = write(store, move |tx| {
        Ok([
            tx.renew_upload_lease(&late, new.fence, 30_000)?,
            tx.record_upload_progress((&late, new.fence), 6, "", "", 30_000)?,
        ])
    })
    .await;
    assert_eq!(held, [false; 2], "what was given back is not held any more");
}

async fn a_finished_upload_remembers_its_digest(store: &MetadataStore) {
    let world = World::create(store).await;
    let upload = begin(store, &world, 10_000).await;
    let held = claim(store, &upload, "one", false, 200).await.unwrap();
    let (done, blob) = (upload.clone(), digest("done"));
    let finished = write(store, move |tx| {
        tx.finish_upload(&done, held.fence, &blob, 50_000)
    })
    .await;
    assert!(finished);
    let found = store
        .read_blocking(|reader| reader.find_upload(&upload, 49_999))
        .unwrap()
        .unwrap();
    assert_eq!(found.state, UploadState::Done(digest("done")));
    assert!(
        !store
            .read_blocking(|reader| reader.is_upload_open(upload.as_str()))
            .unwrap()
    );
    let gone = upload.clone();
    let (was_there, condemned) = write(store, move |tx| {
        let was_there = tx.delete_upload(gone.as_str(), i64::MIN)?;
        Ok((was_there, tx.list_condemned_objects(i64::MIN, 10)?))
    })
    .await;
    assert!(was_there);
    assert!(
        condemned.is_empty(),
        "a finished upload's object is a blob's"
    );
}

async fn expired(store: &MetadataStore, now_ms: i64) -> Vec<String> {
    write(store, move |tx| {
        tx.take_expired_uploads("one", true, now_ms, 10)
    })
    .await
}

async fn expiry_takes_only_what_nobody_writes_to(store: &MetadataStore) {
    let world = World::create(store).await;
    let first = begin(store, &world, -900).await;
    let second = begin(store, &world, -800).await;
    let held = begin(store, &world, -950).await;
    claim(store, &held, "one", false, -1000).await.unwrap();
    // The lease of the third goes on until -940; at -945 it is not there for the taking.
    let known = [&first, &second, &held].map(|id| id.as_str().to_owned());
    assert_eq!(expired(store, -945).await, Vec::<String>::new());
    // Unless the one who holds it is known to be dead.
    for (others_are_dead, found) in [(false, 0), (true, 1)] {
        let by_another = write(store, move |tx| {
            tx.take_expired_uploads("two", others_are_dead, -945, 10)
        });
        assert_eq!(by_another.await.len(), found);
    }
    assert_eq!(
        expired(store, -800).await,
        [known[2].clone(), known[0].clone(), known[1].clone()]
    );
    let renewed = held.clone();
    write(store, move |tx| tx.renew_upload_lease(&renewed, 1, -700)).await;
    // A sign of life keeps the upload as well as the lease.
    assert_eq!(
        expired(store, -800).await,
        [known[0].clone(), known[1].clone()]
    );
    assert!(
        store
            .read_blocking(|reader| reader.find_upload(&first, -900))
            .unwrap()
            .is_none()
    );
    assert!(
        store
            .read_blocking(|reader| reader.is_upload_open(first.as_str()))
            .unwrap()
    );

    let (ids, stored) = (known.clone(), known.clone());
    let (condemned, again) = write(store, move |tx| {
        for id in &ids {
            assert!(tx.delete_upload(id, -600)?);
        }
        let again = tx.delete_upload(&ids[0], -600)?;
        Ok((tx.list_condemned_objects(-600, 10)?, again))
    })
    .await;
    assert!(!again);
    assert_eq!(condemned.len(), 3, "an open upload's object is condemned");
    write(store, move |tx| {
        for id in &stored {
            assert!(!tx.is_upload_open(id)?);
            tx.delete_condemned_object(id)?;
        }
        Ok::<_, Error>(())
    })
    .await;
}

async fn open_uploads_are_counted_up_to_a_limit(store: &MetadataStore) {
    let world = World::create(store).await;
    let mut last = None;
    for _ in 0..5 {
        last = Some(begin(store, &world, 10_000).await);
    }
    let count = |limit| {
        let room = store
            .read_blocking(|reader| reader.find_upload_room(&world.account.id, limit))
            .unwrap();
        (room.open, room.is_full)
    };
    assert_eq!((count(3), count(100)), ((3, false), (5, false)));
    let last = last.unwrap();
    let held = claim(store, &last, "one", false, 200).await.unwrap();
    write(store, move |tx| {
        tx.finish_upload(&last, held.fence, &digest("counted"), 9000)
    })
    .await;
    assert_eq!(count(100), (4, false));
    let (account, plan) = (
        world.account.id.clone(),
        Plan {
            id: PlanId::new(id()),
            name: format!("full-{}", id()),
            description: String::new(),
            limits: PlanLimits {
                storage_bytes: Some(5),
                ..PlanLimits::default()
            },
            is_offered: false,
        },
    );
    write(store, move |tx| {
        tx.create_plan(&plan, 1)?;
        tx.set_plan_of_account(&account, &plan, 1)?;
        tx.add_usage(&account, 5)
    })
    .await;
    assert_eq!(count(100), (4, true));
}
