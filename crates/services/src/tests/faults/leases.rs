//! The right to write to an upload: one holder at a time, and none that has gone away.

use super::pushes::{body, content};
use super::registry::Registry;
use crate::access::{Access, Push};
use crate::{Chunk, Error};
use bytes::Bytes;
use futures_util::{Stream, future, stream};
use oci::{Algorithm, Digest, UploadId};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::Poll;

type Nothing = stream::Empty<Result<Bytes, Error>>;

async fn begin(registry: &Registry) -> (Access<Push>, UploadId) {
    let access = registry.push("app").await;
    let uploads = &registry.services.uploads;
    let id = uploads.start(&access, Algorithm::Sha256).await.unwrap();
    (access, id)
}

fn is_leased(registry: &Registry, id: &UploadId) -> bool {
    let metadata = &registry.services.core.metadata;
    let found = metadata
        .read_blocking(|reader| reader.find_upload(id, model::Clock::now_ms(&*registry.clock)));
    found.unwrap().is_some_and(|upload| upload.is_leased)
}

fn whole<S>(body: S) -> Chunk<S> {
    Chunk { range: None, body }
}

/// A body that brings some bytes, and then nothing until it is told to end.
fn held_open(
    bytes: &Bytes,
    may_end: &Arc<Mutex<bool>>,
) -> impl Stream<Item = Result<Bytes, Error>> + use<> {
    let (mut first, may_end) = (Some(bytes.clone()), may_end.clone());
    stream::poll_fn(move |context| {
        if let Some(bytes) = first.take() {
            return Poll::Ready(Some(Ok(bytes)));
        }
        if *may_end.lock().unwrap() {
            return Poll::Ready(None);
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
}

/// Goes on with some work until something is so; says what the work came to if it ended.
async fn until<T>(
    registry: &Registry,
    mut work: Pin<&mut impl Future<Output = T>>,
    is_so: impl Fn(&Registry) -> bool,
) -> Option<T> {
    let so = pin!(registry.until(is_so));
    match future::select(work.as_mut(), so).await {
        future::Either::Left((done, _)) => Some(done),
        future::Either::Right(((), _)) => None,
    }
}

#[tokio::test]
async fn a_second_writer_is_refused_while_bytes_come() {
    let registry = Registry::start().await;
    let (access, id) = begin(&registry).await;
    let uploads = &registry.services.uploads;
    let (bytes, may_end) = (content(1, 3000), Arc::new(Mutex::new(false)));
    let mut first = pin!(uploads.append(&access, &id, whole(held_open(&bytes, &may_end))));
    let ended = until(&registry, first.as_mut(), |r| is_leased(r, &id)).await;
    assert!(ended.is_none());

    let refused = uploads.append(&access, &id, whole(body(&bytes))).await;
    assert!(matches!(refused, Err(Error::UploadBusy)), "{refused:?}");
    let digest = Digest::sha256_of(&bytes);
    let refused = uploads.complete(&access, &id, None::<Chunk<Nothing>>, &digest);
    assert!(matches!(refused.await, Err(Error::UploadBusy)));
    let refused = uploads.cancel(&access, &id).await;
    assert!(matches!(refused, Err(Error::UploadBusy)), "{refused:?}");

    *may_end.lock().unwrap() = true;
    assert_eq!(first.await.unwrap(), 3000);
    let done = uploads.complete(&access, &id, None::<Chunk<Nothing>>, &digest);
    done.await.unwrap();
    assert_eq!(registry.read_blob("app", &digest).await.unwrap(), bytes);
}

#[tokio::test]
async fn a_client_that_goes_away_gives_its_right_back() {
    let registry = Registry::start().await;
    let (access, id) = begin(&registry).await;
    let uploads = &registry.services.uploads;
    let (bytes, never) = (content(2, 3000), Arc::new(Mutex::new(false)));
    {
        let mut first = pin!(uploads.append(&access, &id, whole(held_open(&bytes, &never))));
        let ended = until(&registry, first.as_mut(), |r| is_leased(r, &id)).await;
        assert!(ended.is_none());
    }
    registry.until(|r| !is_leased(r, &id)).await;
    assert_eq!(uploads.status(&access, &id).await.unwrap().offset, 0);
    let digest = Digest::sha256_of(&bytes);
    let again = uploads.complete(&access, &id, Some(whole(body(&bytes))), &digest);
    again.await.unwrap();
    assert_eq!(registry.read_blob("app", &digest).await.unwrap(), bytes);
}

/// The claim is decided in the writer; a client may be gone by the time it answers.
#[tokio::test]
async fn a_client_that_goes_away_while_it_waits_for_its_right_does_not_keep_it() {
    let registry = Registry::start().await;
    let (access, id) = begin(&registry).await;
    let uploads = &registry.services.uploads;
    let (bytes, never) = (content(3, 3000), Arc::new(Mutex::new(false)));
    for _ in 0..50 {
        {
            let mut gone = pin!(uploads.append(&access, &id, whole(held_open(&bytes, &never))));
            let ended = future::poll_immediate(gone.as_mut()).await;
            assert!(ended.is_none(), "{ended:?}");
        }
        // On this runtime of one thread its claim is in the writer's queue after that,
        tokio::task::yield_now().await;
        // and whatever was in the queue is done when this is.
        let metadata = &registry.services.core.metadata;
        let drained = metadata.write_relaxed(|_| Ok::<_, Error>(())).await;
        drained.unwrap();
        registry.until(|r| !is_leased(r, &id)).await;
    }
    let digest = Digest::sha256_of(&bytes);
    let whole = Some(whole(body(&bytes)));
    uploads
        .complete(&access, &id, whole, &digest)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_writer_whose_right_ran_out_changes_nothing() {
    let registry = Registry::start().await;
    // Long enough for the upload itself to stay.
    let (access, id) = begin(&registry).await;
    let uploads = &registry.services.uploads;
    let (stale, fresh) = (content(4, 3000), content(5, 5000));
    let may_end = Arc::new(Mutex::new(false));
    let mut first = pin!(uploads.append(&access, &id, whole(held_open(&stale, &may_end))));
    let ended = until(&registry, first.as_mut(), |r| is_leased(r, &id)).await;
    assert!(ended.is_none());
    // Another replica takes the upload over: its claim counts, whatever this one believes.
    let (claimed, now_ms) = (id.clone(), model::Clock::now_ms(&*registry.clock));
    let metadata = &registry.services.core.metadata;
    let taken = metadata.write(move |tx| {
        let taken = tx.claim_upload(&claimed, "another replica", true, now_ms, now_ms + 60_000)?;
        Ok::<_, Error>(taken.unwrap().fence)
    });
    let fence = taken.await.unwrap();

    *may_end.lock().unwrap() = true;
    let late = first.await;
    assert!(matches!(late, Err(Error::UploadBusy)), "{late:?}");
    assert_eq!(uploads.status(&access, &id).await.unwrap().offset, 0);
    assert!(
        is_leased(&registry, &id),
        "it gave back what was not its own"
    );

    let released = id.clone();
    let given_back = metadata.write(move |tx| Ok::<_, Error>(tx.release_upload(&released, fence)?));
    given_back.await.unwrap();
    let digest = Digest::sha256_of(&fresh);
    let last = Some(whole(body(&fresh)));
    uploads.complete(&access, &id, last, &digest).await.unwrap();
    assert_eq!(registry.read_blob("app", &digest).await.unwrap(), fresh);
}

#[tokio::test]
async fn expiry_never_takes_an_upload_that_is_being_written_to() {
    let registry = Registry::start().await;
    let (access, id) = begin(&registry).await;
    let uploads = &registry.services.uploads;
    let (bytes, may_end) = (content(6, 3000), Arc::new(Mutex::new(false)));
    let digest = Digest::sha256_of(&bytes);
    let last = Some(whole(held_open(&bytes, &may_end)));
    let mut first = pin!(uploads.complete(&access, &id, last, &digest));
    let ended = until(&registry, first.as_mut(), |r| is_leased(r, &id)).await;
    assert!(ended.is_none());
    // An upload lives for 30 seconds here, a lease without a sign of life for a minute.
    registry.clock.advance(45_000);
    assert_eq!(
        registry
            .services
            .maintenance
            .expire_uploads()
            .await
            .unwrap(),
        0
    );
    *may_end.lock().unwrap() = true;
    first.await.unwrap();
    assert_eq!(registry.read_blob("app", &digest).await.unwrap(), bytes);

    let (access, id) = begin(&registry).await;
    uploads
        .append(&access, &id, whole(body(&bytes)))
        .await
        .unwrap();
    registry.clock.advance(29_000);
    assert_eq!(
        registry
            .services
            .maintenance
            .expire_uploads()
            .await
            .unwrap(),
        0
    );
    registry.clock.advance(1_000);
    assert_eq!(
        registry
            .services
            .maintenance
            .expire_uploads()
            .await
            .unwrap(),
        1
    );
    assert!(matches!(
        uploads.status(&access, &id).await,
        Err(Error::UploadUnknown)
    ));
    registry.maintain().await;
    registry.assert_nothing_left_over([&digest].into_iter());
}
