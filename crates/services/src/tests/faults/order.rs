//! Bytes, then their name, then the rows: proven by the calls that the disk had seen when the transaction ran.

use super::pushes::{Client, Shape, content};
use super::registry::Registry;
use blobs::fault::{Call, Operation};

fn position(calls: &[Call], is_it: impl Fn(&Call) -> bool) -> usize {
    let found = calls.iter().position(is_it);
    found.unwrap_or_else(|| panic!("not among {calls:?}"))
}

async fn calls_before_the_last_transaction(shape: Shape) -> Vec<Call> {
    let registry = Registry::start().await;
    let bytes = content(9, 200_000);
    let mut client = Client::default();
    registry.clock.calls_in_transactions();
    let pushed = client.push_blob(&registry, "app", shape, &bytes);
    pushed.await.unwrap();
    let in_transactions = registry.clock.calls_in_transactions();
    let calls = registry.disk.calls();
    let last = *in_transactions.last().unwrap();
    assert_eq!(
        last,
        calls.len(),
        "the disk is touched after the rows say that the blob is there"
    );
    let first = in_transactions[0];
    calls[first..].to_vec()
}

#[tokio::test]
async fn a_blob_is_flushed_renamed_and_its_directory_flushed_before_any_row_names_it() {
    for shape in [Shape::Monolithic, Shape::Chunked, Shape::OtherAlgorithm] {
        let calls = calls_before_the_last_transaction(shape).await;
        let is = |operation| move |call: &Call| call.operation == operation;
        let last_write = calls.iter().rposition(is(Operation::Write)).unwrap();
        let renamed = position(&calls, is(Operation::Rename));
        let blob = &calls[renamed].path;
        let flushed = position(&calls, |call| {
            call.operation == Operation::SyncAll && call.path.file_name() == blob.file_name()
        });
        let directory = position(&calls, |call| {
            call.operation == Operation::SyncDir && Some(call.path.as_path()) == blob.parent()
        });
        assert!(blob.starts_with("blobs"), "{}", blob.display());
        assert!(
            last_write < flushed && flushed < renamed && renamed < directory,
            "{shape:?}: {calls:?}"
        );
    }
}

#[tokio::test]
async fn an_upload_has_its_row_before_its_first_byte() {
    let registry = Registry::start().await;
    registry.clock.calls_in_transactions();
    let before = registry.disk.calls().len();
    let access = registry.push("app").await;
    let uploads = &registry.services.uploads;
    let id = uploads
        .start(&access, oci::Algorithm::Sha256)
        .await
        .unwrap();
    assert_eq!(registry.disk.calls().len(), before);
    let in_transactions = registry.clock.calls_in_transactions();
    assert!(in_transactions.iter().all(|calls| *calls == before));
    let is_open = registry
        .services
        .core
        .metadata
        .read_blocking(|reader| reader.is_upload_open(id.as_str()));
    assert!(is_open.unwrap());
}
