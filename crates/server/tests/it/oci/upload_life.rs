//! end-13, end-14: asking for an upload's status, and giving it up.

use super::REPOSITORY;
use crate::registry::TestRegistry;
use crate::registry::backends::Backends;
use crate::registry::content::sha256;

/// end-13: The status of an upload is 204 with where it is and what is there.
#[tokio::test]
async fn a_client_asks_how_far_its_upload_is() {
    let registry = TestRegistry::start().await;
    let location = registry.start_upload(REPOSITORY).await;
    let status = registry.get(&location).await.assert_status(204);
    assert_eq!(status.header("range"), "0-0");

    let patch = registry.patch(&location).body("0123456789");
    patch.await.assert_status(202);
    let status = registry.get(&location).await.assert_status(204);
    assert_eq!(status.header("range"), "0-9");
    assert_eq!(status.location(), location);
    assert!(location.ends_with(status.header("docker-upload-uuid")));
}

/// end-13, code-3: An upload that is not there is 404 for every request.
#[tokio::test]
async fn an_upload_that_is_not_there_is_unknown() {
    let registry = TestRegistry::start().await;
    registry.push_blob(REPOSITORY, "x").await;
    let digest = sha256("bytes");
    let missing = "0190a3b4c5d67e8f9a0b1c2d3e4f5061";

    for id in [missing, "no-such-upload", "0"] {
        let target = format!("/v2/{REPOSITORY}/blobs/uploads/{id}");
        let unknown = "BLOB_UPLOAD_UNKNOWN";
        registry.get(&target).await.assert_error(404, unknown);
        let patch = registry.patch(&target).body("bytes").await;
        patch.assert_error(404, unknown);
        let put = registry.put(&format!("{target}?digest={digest}"));
        put.body("bytes").await.assert_error(404, unknown);
        registry.delete(&target).await.assert_error(404, unknown);
    }
}

/// end-13, code-3: An upload belongs to its repository and to who opened it.
#[tokio::test]
async fn an_upload_of_somebody_else_is_unknown() {
    let registry = TestRegistry::start().await;
    let alice = registry.create_member("library", "alice", "developer");
    let bob = registry.create_member("library", "bob", "developer");
    let location = alice.start_upload(REPOSITORY).await;

    alice.get(&location).await.assert_status(204);
    let unknown = "BLOB_UPLOAD_UNKNOWN";
    bob.get(&location).await.assert_error(404, unknown);
    bob.delete(&location).await.assert_error(404, unknown);
    let elsewhere = location.replace(REPOSITORY, "library/other");
    alice.get(&elsewhere).await.assert_error(404, unknown);
    alice.get(&location).await.assert_status(204);
}

/// end-14: A cancelled upload is gone.
#[tokio::test]
async fn an_upload_is_cancelled() {
    let registry = TestRegistry::start().await;
    let location = registry.start_upload(REPOSITORY).await;
    let patch = registry.patch(&location).body("never to be finished");
    patch.await.assert_status(202);

    registry.delete(&location).await.assert_status(204);
    let unknown = "BLOB_UPLOAD_UNKNOWN";
    registry.get(&location).await.assert_error(404, unknown);
    registry.delete(&location).await.assert_error(404, unknown);
}

/// end-14: Giving up takes the right to push and no more.
#[tokio::test]
async fn who_may_push_may_give_up() {
    let registry = TestRegistry::start().await;
    let scope = format!("repository:{REPOSITORY}:pull,push");
    let pusher = registry.with_token(&[&scope]).await;

    let location = pusher.start_upload(REPOSITORY).await;
    pusher.delete(&location).await.assert_status(204);
}

/// end-14: The bytes of a cancelled upload go, and so do those of an upload that was refused.
#[tokio::test]
async fn a_cancelled_upload_leaves_no_bytes() {
    // Where its bytes can be looked at, whatever the other tests of a run use.
    let registry = TestRegistry::builder().on(Backends::EMBEDDED);
    let registry = registry.start().await;
    let location = registry.start_upload(REPOSITORY).await;
    let patch = registry.patch(&location).body("bytes on the disk");
    patch.await.assert_status(202);
    let uploads = registry.data_dir().join("uploads");
    let files = || std::fs::read_dir(&uploads).expect("it is there").count();
    assert_eq!(files(), 1);

    registry.delete(&location).await.assert_status(204);
    assert_eq!(files(), 0);
}
