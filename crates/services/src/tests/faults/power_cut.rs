//! The power goes at each call of the disk in turn. What was promised is there afterwards, what was not is not served
//! wrong, and in the end nothing is left over.

use super::pushes::{Client, SHAPES, Shape, image, image_digests};
use super::registry::Registry;
use crate::Error;
use blobs::fault::Fault;
use oci::Digest;

/// What is on the registry before the push that is cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Before {
    Nothing,
    /// The same content, in another repository.
    SameContent,
}

async fn prepare(before: Before) -> (Registry, Client) {
    let registry = Registry::start().await;
    let mut client = Client {
        safe: Some(registry.snapshot()),
        ..Client::default()
    };
    if before == Before::SameContent {
        let pushed = client.push_image(&registry, "before", Shape::Monolithic);
        pushed.await.unwrap();
    }
    (registry, client)
}

/// How many calls the disk sees during a push of that shape.
async fn calls(before: Before, shape: Shape) -> usize {
    let (registry, mut client) = prepare(before).await;
    let calls = registry.disk.calls().len();
    client.push_image(&registry, "app", shape).await.unwrap();
    client.assert_promises_are_kept(&registry).await;
    registry.disk.calls().len() - calls
}

async fn push_with_the_power_going_at(
    (before, shape): (Before, Shape),
    call: usize,
    seed: u64,
    loses_relaxed_commits: bool,
) {
    let (registry, mut client) = prepare(before).await;
    registry.disk.fail_after(call, Fault::PowerOff);
    let pushed = client.push_image(&registry, "app", shape).await;
    if let Err(error) = &pushed {
        assert!(matches!(error, Error::Unavailable), "{error}");
    }
    let snapshot = client.safe.take();
    let lost_after = snapshot.as_ref().filter(|_| loses_relaxed_commits);
    let registry = registry.cut_power(seed, lost_after).await;

    client.assert_promises_are_kept(&registry).await;
    for digest in image_digests() {
        // Whether it is served was promised to nobody; if it is, then whole.
        if let Ok(bytes) = registry.read_blob("app", &digest).await {
            assert_eq!(Digest::of(digest.algorithm(), &bytes), digest);
        }
    }
    if let Some((repository, id)) = client.open.clone() {
        go_on(&registry, &mut client, &repository, &id).await;
    }
    // The client tries again from the beginning.
    client.push_image(&registry, "app", shape).await.unwrap();
    client.assert_promises_are_kept(&registry).await;

    let registry = registry.cut_power(seed ^ 1, None).await;
    client.assert_promises_are_kept(&registry).await;
    registry.expire_everything().await;
    client.assert_promises_are_kept(&registry).await;
    registry.assert_nothing_left_over(image_digests().iter());
}

/// Some clients try to resume: they are told where to, or that the upload is gone.
async fn go_on(registry: &Registry, client: &mut Client, repository: &str, id: &oci::UploadId) {
    let (uploads, access) = (&registry.services.uploads, registry.push(repository).await);
    let status = match uploads.status(&access, id).await {
        Ok(status) => status,
        Err(Error::UploadUnknown) => return,
        Err(error) => panic!("{error}"),
    };
    if status.done.is_some() {
        return;
    }
    for bytes in <[_; 2]>::from(image()) {
        let digest = Digest::sha256_of(&bytes);
        let offset = usize::try_from(status.offset).unwrap();
        if offset > bytes.len() {
            continue;
        }
        let rest = super::pushes::body(&bytes.slice(offset..));
        let last = crate::Chunk {
            range: None,
            body: rest,
        };
        match uploads.complete(&access, id, Some(last), &digest).await {
            Ok(()) => {
                client.blobs.push((repository.to_owned(), digest));
                return;
            }
            // It was the upload of the other one, or begins anew.
            Err(Error::DigestMismatch { .. } | Error::UploadUnknown) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

async fn at_every_call(before: Before) {
    for shape in SHAPES {
        let calls = Box::pin(calls(before, shape)).await;
        assert!(calls > 3, "{shape:?} makes {calls} calls");
        for call in 0..=calls {
            let (seed, loses_relaxed_commits) = (call as u64, call % 2 == 0);
            eprintln!(
                "{before:?}, {shape:?}: power goes at call {call} of {calls}, seed {seed}; \
                 relaxed commits lost: {loses_relaxed_commits}"
            );
            let case = (before, shape);
            Box::pin(push_with_the_power_going_at(
                case,
                call,
                seed,
                loses_relaxed_commits,
            ))
            .await;
        }
    }
}

#[tokio::test]
async fn new_content_survives_a_power_cut_at_any_moment() {
    Box::pin(at_every_call(Before::Nothing)).await;
}

#[tokio::test]
async fn content_that_is_stored_already_survives_a_power_cut_at_any_moment() {
    Box::pin(at_every_call(Before::SameContent)).await;
}
