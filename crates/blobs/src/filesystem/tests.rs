//! What the file system implementation owes to a disk that fails.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use oci::{Algorithm, Digest};
use tempfile::TempDir;

use crate::disk::Disk;
use crate::fault::{Call, Fault, FaultyDisk, Operation};
use crate::suite::{body, content, key, options, read_all};
use crate::{
    AppendError, BlobStore, CompleteError, FilesystemOptions, PutError, StorageError,
    UploadProgress,
};

const NO_LIMIT: u64 = u64::MAX;

struct Machine {
    directory: TempDir,
    disk: Arc<FaultyDisk>,
}

impl Machine {
    fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let disk = Arc::new(FaultyDisk::new(directory.path()));
        Self { directory, disk }
    }

    fn store(&self) -> BlobStore {
        let disk: Arc<dyn Disk> = Arc::clone(&self.disk) as _;
        BlobStore::open_on(options(self.directory.path()), disk).unwrap()
    }

    fn calls_since(&self, start: usize) -> Vec<(Operation, String)> {
        let calls = self.disk.calls().split_off(start);
        calls
            .into_iter()
            .filter(|call| call.operation != Operation::Open)
            .map(|Call { operation, path }| (operation, path.display().to_string()))
            .collect()
    }

    /// Every file under `blobs/`, with its content.
    fn blobs(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut found = Vec::new();
        for shard in std::fs::read_dir(self.directory.path().join("blobs")).unwrap() {
            for file in std::fs::read_dir(shard.unwrap().path()).unwrap() {
                let path = file.unwrap().path();
                let bytes = std::fs::read(&path).unwrap();
                found.push((path, bytes));
            }
        }
        found
    }
}

fn upload_path() -> String {
    format!("uploads/{}", key(1))
}

fn blob_path() -> String {
    format!("blobs/01/{}", key(1))
}

/// A client with a row: what it was promised, and how it carries on.
struct Client {
    parts: Vec<Bytes>,
    whole: Bytes,
    digest: Digest,
    /// Whether the last part comes with the digest, in one request.
    is_put_with_body: bool,
    row: UploadProgress,
    is_completed: bool,
}

impl Client {
    fn new(store: &BlobStore, number: u32, is_put_with_body: bool) -> Self {
        let whole = content(150_000);
        let parts = vec![
            whole.slice(..40),
            whole.slice(40..100_000),
            whole.slice(100_000..),
        ];
        let digest = Digest::sha256_of(&whole);
        let row = store.begin(key(number), Algorithm::Sha256);
        Self {
            parts,
            whole,
            digest,
            is_put_with_body,
            row,
            is_completed: false,
        }
    }

    /// Sends what is missing, until something fails. The row follows every acknowledged step.
    async fn push(&mut self, store: &BlobStore) -> Result<(), StorageError> {
        let mut end = 0;
        for (number, part) in self.parts.clone().iter().enumerate() {
            end += part.len();
            let offset = usize::try_from(self.row.offset).unwrap();
            if offset >= end {
                continue;
            }
            let rest = body(&self.whole.slice(offset..end), 30_000);
            if self.is_put_with_body && number + 1 == self.parts.len() {
                let row = self.row.clone();
                return match store
                    .append_and_complete(row, rest, NO_LIMIT, &self.digest)
                    .await
                {
                    Ok(_) => {
                        self.is_completed = true;
                        Ok(())
                    }
                    Err(PutError::Append(error)) => self.keep(Err(error)),
                    Err(PutError::Complete(error)) => Err(storage_error(error)),
                };
            }
            self.keep(store.append(self.row.clone(), rest, NO_LIMIT).await)?;
        }
        store
            .complete(&self.row, &self.digest)
            .await
            .map_err(storage_error)?;
        self.is_completed = true;
        Ok(())
    }

    fn keep(
        &mut self,
        outcome: Result<UploadProgress, AppendError<std::convert::Infallible>>,
    ) -> Result<(), StorageError> {
        match outcome {
            Ok(progress) => self.row = progress,
            Err(AppendError::StorageFull { progress }) => {
                self.row = progress;
                return Err(StorageError::Full);
            }
            Err(AppendError::Storage(error)) => return Err(error),
            Err(error) => panic!("{error}"),
        }
        Ok(())
    }

    /// Carries on after a failure, until done. A lost upload may start again only where the contract says so.
    async fn finish(&mut self, store: &BlobStore) {
        match self.push(store).await {
            Ok(()) => {}
            Err(StorageError::UploadLost { .. }) if self.is_put_with_body => {
                self.row = store.begin(self.row.key.clone(), Algorithm::Sha256);
                self.push(store).await.unwrap();
            }
            Err(error) => panic!("{error}"),
        }
        assert!(
            read_all(store, &self.row.key, self.whole.len())
                .await
                .unwrap()
                == self.whole
        );
    }
}

fn storage_error(error: CompleteError) -> StorageError {
    match error {
        CompleteError::Storage(error) => error,
        CompleteError::DigestMismatch { .. } => panic!("{error}"),
    }
}

/// The numbers of calls that a push without faults makes.
async fn count_calls(is_put_with_body: bool) -> usize {
    let machine = Machine::new();
    let store = machine.store();
    let before = machine.disk.calls().len();
    Client::new(&store, 1, is_put_with_body)
        .push(&store)
        .await
        .unwrap();
    machine.disk.calls().len() - before
}

#[tokio::test]
async fn a_blob_is_flushed_then_renamed_then_its_directory_is_flushed() {
    use Operation::{Create, Rename, SyncAll, SyncData, SyncDir, Write};
    let machine = Machine::new();
    let store = machine.store();
    let whole = content(5000);
    let digest = Digest::sha256_of(&whole);
    let begun = store.begin(key(1), Algorithm::Sha256);
    let start = machine.disk.calls().len();
    let half = store
        .append(begun.clone(), body(&whole.slice(..9), 9), NO_LIMIT)
        .await
        .unwrap();
    // A new name is flushed as well: the row is about to promise what the file holds.
    assert_eq!(
        machine.calls_since(start),
        [
            (Create, upload_path()),
            (Write, upload_path()),
            (SyncData, upload_path()),
            (SyncDir, "uploads".to_owned())
        ]
    );
    let start = machine.disk.calls().len();
    let done = store
        .append(half, body(&whole.slice(9..), 999), NO_LIMIT)
        .await
        .unwrap();
    assert_eq!(
        machine.calls_since(start),
        [(Write, upload_path()), (SyncData, upload_path())]
    );
    let start = machine.disk.calls().len();
    store.complete(&done, &digest).await.unwrap();
    let end = [
        (SyncAll, upload_path()),
        (Rename, blob_path()),
        (SyncDir, "blobs/01".to_owned()),
    ];
    assert_eq!(machine.calls_since(start), end);
    // Repeated, it makes durable what an earlier call may have left undone.
    let start = machine.disk.calls().len();
    store.complete(&done, &digest).await.unwrap();
    assert_eq!(machine.calls_since(start), end[2..]);

    store.delete(&key(1)).await.unwrap();
    let start = machine.disk.calls().len();
    store
        .append_and_complete(begun, body(&whole, 999), NO_LIMIT, &digest)
        .await
        .unwrap();
    let once = [&[(Create, upload_path()), (Write, upload_path())], &end[..]].concat();
    assert_eq!(machine.calls_since(start), once);
}

#[tokio::test]
async fn writeback_starts_long_before_the_flush() {
    let machine = Machine::new();
    let store = machine.store();
    let whole = content(17 << 20);
    let begun = store.begin(key(1), Algorithm::Sha256);
    store
        .append(begun, body(&whole, 1 << 20), NO_LIMIT)
        .await
        .unwrap();
    let calls = machine.disk.calls();
    let started = calls
        .iter()
        .filter(|call| call.operation == Operation::StartWriteback)
        .count();
    assert_eq!(started, 2);
}

#[tokio::test]
async fn a_power_cut_at_any_step_loses_nothing_that_was_promised() {
    for is_put_with_body in [false, true] {
        let calls = count_calls(is_put_with_body).await;
        assert!(calls > 10);
        let (machine, mut seed) = (Machine::new(), 0);
        let mut store = machine.store();
        // One more: the cut comes when everything was answered.
        for step in 0..=calls {
            for _ in 0..5 {
                seed += 1;
                let mut client = Client::new(&store, seed, is_put_with_body);
                machine.disk.fail_after(step, Fault::PowerOff);
                let outcome = client.push(&store).await;
                assert_eq!(outcome.is_err(), step < calls);
                drop(store);
                machine.disk.power_cut(seed.into()).unwrap();

                store = machine.store();
                // What has a name among the blobs is whole, whether or not anybody knows of it.
                for (path, bytes) in machine.blobs() {
                    assert!(
                        bytes == client.whole,
                        "step {step}, seed {seed}: {}",
                        path.display()
                    );
                }
                if client.is_completed {
                    let read = read_all(&store, &client.row.key, 150_000).await.unwrap();
                    assert!(read == client.whole);
                } else {
                    client.finish(&store).await;
                }
                store.delete(&client.row.key).await.unwrap();
            }
        }
    }
}

#[tokio::test]
async fn a_failure_at_any_step_can_be_resumed() {
    for is_put_with_body in [false, true] {
        let calls = count_calls(is_put_with_body).await;
        let (machine, mut number) = (Machine::new(), 0);
        let mut store = machine.store();
        for step in 0..calls {
            for fault in [Fault::Io, Fault::NoSpace, Fault::ShortWrite] {
                number += 1;
                let mut client = Client::new(&store, number, is_put_with_body);
                machine.disk.fail_after(step, fault);
                match (fault, client.push(&store).await) {
                    (Fault::Io, Err(StorageError::Io(_)))
                    | (Fault::NoSpace, Err(StorageError::Full))
                    | (Fault::ShortWrite, Ok(())) => {}
                    (_, outcome) => panic!("step {step}, {fault:?}: {outcome:?}"),
                }
                client.finish(&store).await;
                // Bytes whose flush failed were not counted on.
                drop(store);
                machine.disk.power_cut(number.into()).unwrap();
                store = machine.store();
                let read = read_all(&store, &key(number), 150_000).await.unwrap();
                assert!(read == client.whole);
            }
        }
    }
}

#[tokio::test]
async fn a_full_disk_keeps_what_was_written_and_can_be_resumed() {
    let machine = Machine::new();
    let store = machine.store();
    let mut client = Client::new(&store, 1, true);
    // The first part arrives; from then on no write succeeds.
    client.row = store
        .append(client.row.clone(), body(&client.parts[0], 40), NO_LIMIT)
        .await
        .unwrap();
    machine.disk.set_full(true);
    for _ in 0..2 {
        assert!(matches!(client.push(&store).await, Err(StorageError::Full)));
        assert_eq!(client.row.offset, 40);
    }
    let probe = store.probe().await.unwrap_err();
    assert!(matches!(probe, StorageError::Full), "{probe}");
    // Deleting works on a full disk.
    store.delete(&key(2)).await.unwrap();
    machine.disk.set_full(false);
    client.finish(&store).await;
}

#[tokio::test]
async fn uploads_stop_before_the_reserve() {
    let directory = TempDir::new().unwrap();
    let options = FilesystemOptions {
        root: directory.path().join("new"),
        reserve_bytes: u64::MAX,
    };
    let store = BlobStore::open(options).unwrap();
    assert_eq!(store.free_space().await.unwrap(), 0);
    let begun = store.begin(key(1), Algorithm::Sha256);
    let error = store
        .append(begun.clone(), body(&content(9), 9), NO_LIMIT)
        .await
        .unwrap_err();
    let AppendError::StorageFull { progress } = error else {
        panic!("{error}")
    };
    assert_eq!(progress, begun);
}

#[tokio::test]
async fn a_name_that_came_back_is_not_written_through() {
    let directory = TempDir::new().unwrap();
    let store = BlobStore::open(options(directory.path())).unwrap();
    let whole = content(100);
    let digest = Digest::sha256_of(&whole);
    let begun = store.begin(key(1), Algorithm::Sha256);
    let done = store
        .append(begun.clone(), body(&whole, 100), NO_LIMIT)
        .await
        .unwrap();
    store.complete(&done, &digest).await.unwrap();
    let (blob, upload) = (
        directory.path().join(blob_path()),
        directory.path().join(upload_path()),
    );
    let link = || std::fs::hard_link(&blob, &upload).unwrap();

    link();
    store.complete(&done, &digest).await.unwrap();
    assert!(!upload.exists());
    link();
    store
        .append(begun, body(&content(500).slice(300..), 100), NO_LIMIT)
        .await
        .unwrap();
    assert!(read_all(&store, &key(1), 100).await.unwrap() == whole);
}

#[tokio::test]
async fn files_are_private_and_directories_are_made_once() {
    use std::os::unix::fs::PermissionsExt;
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let directory = TempDir::new().unwrap();
    let root = directory.path().join("data");
    let store = BlobStore::open(options(&root)).unwrap();
    let begun = store.begin(key(1), Algorithm::Sha256);
    store
        .append(begun, body(&content(9), 9), NO_LIMIT)
        .await
        .unwrap();
    assert_eq!(mode(&root), 0o700);
    assert_eq!(mode(&root.join("blobs/ff")), 0o700);
    assert_eq!(mode(&root.join(upload_path())), 0o600);
    assert_eq!(std::fs::read_dir(root.join("blobs")).unwrap().count(), 256);
    assert_eq!(
        BlobStore::open(options(&root))
            .unwrap()
            .list_uploads()
            .await
            .unwrap(),
        [key(1)]
    );
}
