//! A registry whose disk fails on request, whose clock stands still, and which can be restarted.

use super::backends::{Backends, Store};
use crate::access::{Access, Authenticated, CallerContext, Delete, Pull, Push, RepositoryAction};
use crate::core::Core;
use crate::{Error, Parts, Services, Settings};
use blobs::ObjectKey;
use blobs::fault::FaultyDisk;
use futures_util::TryStreamExt as _;
use keys::DeploymentKey;
use keys::random::SeededRandom;
use keys::throttle::ThrottleLimits;
use model::caller::Origin;
use model::{AccountId, Address, Clock, IdSource};
use oci::{Digest, Reference, RepositoryName};
use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Of the account that a test uses when it says nothing else.
pub(super) const NAMESPACE: &str = "library";
/// Of another account.
pub(super) const OTHER_NAMESPACE: &str = "other";
pub(super) const START_MS: i64 = 1_700_000_000_000;
/// How long a repository knows a blob that no manifest of it needs.
pub(super) const GRACE_MS: i64 = 86_400_000;
/// Days in which everything runs out, and twice as many.
const RESTS: usize = 8;
/// Nothing here takes so long.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// Time as the test wants it. Told in a transaction, it notes how many calls a disk that counts them had seen by then.
pub(super) struct ManualClock {
    now_ms: AtomicI64,
    disk: Option<Arc<FaultyDisk>>,
    calls_in_transactions: Mutex<Vec<usize>>,
}

impl Clock for ManualClock {
    fn now_ms(&self) -> i64 {
        if let Some(disk) = &self.disk
            && std::thread::current().name() == Some("sqlite-writer")
        {
            let calls = disk.call_count();
            self.calls_in_transactions.lock().unwrap().push(calls);
        }
        self.now_ms.load(Ordering::SeqCst)
    }
}

impl ManualClock {
    fn new(disk: Option<Arc<FaultyDisk>>) -> Self {
        Self {
            now_ms: AtomicI64::new(START_MS),
            disk,
            calls_in_transactions: Mutex::default(),
        }
    }

    pub(super) fn advance(&self, milliseconds: i64) {
        self.now_ms.fetch_add(milliseconds, Ordering::SeqCst);
    }

    /// How many calls the disk had seen whenever a transaction asked for the time, since the last time this was asked.
    pub(super) fn calls_in_transactions(&self) -> Vec<usize> {
        std::mem::take(&mut self.calls_in_transactions.lock().unwrap())
    }
}

/// Identifiers in order, never repeated.
struct Counter(AtomicU64);

impl IdSource for Counter {
    fn next_id(&self) -> String {
        let number = self.0.fetch_add(1, Ordering::Relaxed);
        // The last two digits choose the directory: neighbours share none.
        let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
        format!(
            "01890a5d-ac96-774b-{:04x}-{:06x}{mixed:06x}",
            0x8000, number
        )
    }
}

pub(super) struct Registry {
    pub(super) services: Services,
    pub(super) disk: Arc<FaultyDisk>,
    pub(super) clock: Arc<ManualClock>,
    pub(super) account: AccountId,
    pub(super) other_account: AccountId,
    backends: Arc<Backends>,
    ids: Arc<Counter>,
    directory: TempDir,
    trash_ms: i64,
}

/// Backends for one registry after the other. Time goes on from one to the next, and no identifier comes again.
pub(super) struct Site {
    backends: Arc<Backends>,
    clock: Arc<ManualClock>,
    ids: Arc<Counter>,
}

impl Site {
    pub(super) fn new(backends: Backends) -> Self {
        Self {
            backends: Arc::new(backends),
            clock: Arc::new(ManualClock::new(None)),
            ids: Arc::new(Counter(AtomicU64::new(1))),
        }
    }
}

/// A database as it was at some moment.
pub(super) struct Snapshot {
    database: Vec<u8>,
    log: Vec<u8>,
}

fn settings(trash_ms: i64) -> Settings {
    Settings {
        upload_lifetime_ms: 30_000,
        grace_period_ms: GRACE_MS,
        trash_ms,
        ..crate::testing::settings()
    }
}

async fn serve(
    directory: &Path,
    backends: &Backends,
    disk: &Arc<FaultyDisk>,
    clock: &Arc<ManualClock>,
    ids: &Arc<Counter>,
    trash_ms: i64,
) -> Services {
    let parts = Parts {
        metadata: backends.open_metadata(directory),
        blobs: backends.open_blobs(directory, disk),
        key: DeploymentKey::from_bytes(&[7; 32]),
        clock: clock.clone(),
        ids: ids.clone(),
        // Time goes on from one registry to the next, and a new signing key must be another than those before.
        random: Arc::new(SeededRandom::new(ids.0.load(Ordering::Relaxed))),
        settings: settings(trash_ms),
        passwords_at_once: NonZeroUsize::MIN,
        throttle: ThrottleLimits {
            max_entries: 16,
            ..ThrottleLimits::default()
        },
    };
    let services = Services::new(parts).await.unwrap();
    services.maintenance.sweep_lost_uploads().await.unwrap();
    services
}

impl Registry {
    pub(super) async fn start() -> Self {
        Self::start_with_trash(3_600_000).await
    }

    /// With deleted manifests kept for a while, or not at all.
    pub(super) async fn start_with_trash(trash_ms: i64) -> Self {
        let backends = Arc::new(Backends::faulty());
        let directory = backends.directory();
        let disk = Arc::new(FaultyDisk::new(&directory.path().join("store")));
        let site = Site {
            backends,
            clock: Arc::new(ManualClock::new(Some(disk.clone()))),
            ids: Arc::new(Counter(AtomicU64::new(1))),
        };
        Self::start_in(directory, disk, &site, trash_ms).await
    }

    /// On these backends, where the registry before this one has left nothing.
    pub(super) async fn start_at(site: &Site, trash_ms: i64) -> Self {
        let directory = site.backends.directory();
        let disk = Arc::new(FaultyDisk::new(&directory.path().join("store")));
        Self::start_in(directory, disk, site, trash_ms).await
    }

    async fn start_in(
        directory: TempDir,
        disk: Arc<FaultyDisk>,
        site: &Site,
        trash_ms: i64,
    ) -> Self {
        let Site {
            backends,
            clock,
            ids,
        } = site;
        backends.prepare(directory.path()).await;
        let services = serve(directory.path(), backends, &disk, clock, ids, trash_ms).await;
        let [account, other_account] = Backends::accounts();
        Self {
            services,
            disk,
            clock: clock.clone(),
            account,
            other_account,
            backends: backends.clone(),
            ids: ids.clone(),
            directory,
            trash_ms,
        }
    }

    fn database(&self) -> PathBuf {
        self.directory.path().join("metadata.db")
    }

    fn log(&self) -> PathBuf {
        self.directory.path().join("metadata.db-wal")
    }

    /// The database as it is now. What comes after it can be lost by [`cut_power`](Self::cut_power).
    pub(super) fn snapshot(&self) -> Snapshot {
        // Between checkpoints the file stays and only the log grows.
        Snapshot {
            database: std::fs::read(self.database()).unwrap(),
            log: std::fs::read(self.log()).unwrap(),
        }
    }

    /// Restarts after the power went. With a snapshot, the database has lost what came after it.
    pub(super) async fn cut_power(self, seed: u64, lost_after: Option<&Snapshot>) -> Self {
        let Self {
            services,
            disk,
            clock,
            account,
            other_account,
            backends,
            ids,
            directory,
            trash_ms,
        } = self;
        let core = Arc::downgrade(&services.core);
        drop(services);
        until_gone(&core).await;
        disk.power_cut(seed).unwrap();
        if let Some(snapshot) = lost_after {
            let database = directory.path().join("metadata.db");
            std::fs::write(&database, &snapshot.database).unwrap();
            std::fs::write(directory.path().join("metadata.db-wal"), &snapshot.log).unwrap();
        }
        let served = serve(directory.path(), &backends, &disk, &clock, &ids, trash_ms);
        let services = Box::pin(served).await;
        Self {
            services,
            disk,
            clock,
            account,
            other_account,
            backends,
            ids,
            directory,
            trash_ms,
        }
    }

    /// In the default namespace, unless the name has another one before a slash.
    pub(super) async fn access<A: RepositoryAction>(&self, repository: &str) -> Access<A> {
        let context = CallerContext {
            authenticated: Arc::new(Authenticated::local_operator()),
            origin: Origin::default(),
            address: Address::Shared,
        };
        let name = match repository.split_once('/') {
            Some(_) => repository.to_owned(),
            None => format!("{NAMESPACE}/{repository}"),
        };
        let name = RepositoryName::parse(&name).unwrap();
        let authorized = self.services.authorizer.authorize(&context, &name).await;
        authorized.unwrap()
    }

    pub(super) async fn push(&self, repository: &str) -> Access<Push> {
        self.access(repository).await
    }

    pub(super) async fn pull(&self, repository: &str) -> Access<Pull> {
        self.access(repository).await
    }

    pub(super) async fn delete(&self, repository: &str) -> Access<Delete> {
        self.access(repository).await
    }

    /// The whole blob, or why not.
    pub(super) async fn read_blob(
        &self,
        repository: &str,
        digest: &Digest,
    ) -> Result<Vec<u8>, Error> {
        let access = self.pull(repository).await;
        let blob = self.services.blobs.open(&access, digest).await?;
        let Some(file) = blob.as_file() else {
            let body = blob.body(0..blob.len()).await?;
            let pieces: Vec<_> = body.into_stream().try_collect().await.unwrap();
            return Ok(pieces.concat());
        };
        let mut bytes = vec![0; usize::try_from(file.len()).unwrap()];
        let mut at = 0;
        while at < bytes.len() {
            let read = file.read_at(&mut bytes[at..], at as u64).unwrap();
            assert_ne!(read, 0, "{digest} is shorter than its row says");
            at += read;
        }
        Ok(bytes)
    }

    /// Fails unless a manifest is served with these bytes, and everything it needs with its own.
    pub(super) async fn assert_whole(&self, repository: &str, manifest: &[u8], blobs: &[Digest]) {
        let digest = Digest::sha256_of(manifest);
        let reference = Reference::Digest(digest.clone());
        let access = self.pull(repository).await;
        let served = self.services.manifests.get(&access, &reference).await;
        let served = served.unwrap_or_else(|error| panic!("{repository}@{digest}: {error}"));
        assert_eq!(served.digest, digest);
        for blob in blobs {
            let bytes = self.read_blob(repository, blob).await;
            let bytes = bytes.unwrap_or_else(|error| panic!("{repository}, blob {blob}: {error}"));
            assert_eq!(Digest::sha256_of(&bytes), *blob, "in {repository}");
        }
    }

    /// Lets everything expire that can, and does all maintenance there is.
    pub(super) async fn expire_everything(&self) {
        // Finished uploads are remembered for an hour.
        self.clock.advance(3_700_000);
        self.maintain().await;
    }

    pub(super) async fn maintain(&self) {
        let maintenance = &self.services.maintenance;
        while maintenance.expire_uploads().await.unwrap() > 0 {}
        while maintenance.delete_condemned_objects().await.unwrap() > 0 {}
        while maintenance.purge_trash().await.unwrap() > 0 {}
    }

    /// Takes away everything that may go.
    pub(super) async fn collect_everything(&self) {
        let maintenance = &self.services.maintenance;
        while maintenance.collect().await.unwrap().reviewed > 0 {}
        while maintenance.delete_condemned_objects().await.unwrap() > 0 {}
    }

    /// Whether nothing waits to be looked at or deleted, however late.
    async fn has_nothing_to_do(&self) -> bool {
        let metadata = &self.services.core.metadata;
        let is_empty = metadata.read(|reader| {
            Ok::<_, Error>(
                reader.list_due_lease_reviews(i64::MAX, 1)?.is_empty()
                    && reader.list_due_blob_reviews(i64::MAX, 1)?.is_empty()
                    && reader.list_condemned_objects(i64::MAX, 1)?.is_empty(),
            )
        });
        is_empty.await.unwrap()
    }

    /// Lets everything run out that can, and takes away what may go.
    pub(super) async fn come_to_rest(&self) {
        self.services.blobs.flush_renewals().await.unwrap();
        let mut passed_ms = 0;
        for _ in 0..RESTS {
            passed_ms += GRACE_MS + 1;
            self.clock.advance(GRACE_MS + 1);
            self.maintain().await;
            self.collect_everything().await;
            if passed_ms > self.trash_ms && self.has_nothing_to_do().await {
                return;
            }
        }
    }

    /// Fails unless these blobs are stored and nothing else, and nothing waits to be looked at or deleted.
    pub(super) async fn assert_holds_exactly(&self, blobs: &BTreeSet<Digest>) {
        let held = self.services.core.metadata.list(|reader| {
            let forever = i64::MAX;
            assert_eq!(reader.list_due_lease_reviews(forever, 10)?, []);
            assert_eq!(reader.list_due_blob_reviews(forever, 10)?, []);
            assert_eq!(reader.list_condemned_objects(forever, 10)?, []);
            Ok::<_, Error>(reader.list_blobs(("", ""), 10_000)?)
        });
        let held = held.await.unwrap();
        let digests: BTreeSet<_> = held.iter().map(|blob| blob.digest.clone()).collect();
        assert_eq!(digests, *blobs, "blobs that have a row");
        let named: BTreeSet<_> = held.into_iter().map(|blob| blob.location).collect();
        let (objects, unfinished) = self.stored().await;
        assert_eq!(objects, named, "objects in the store");
        assert_eq!(unfinished, Vec::<String>::new(), "uploads in the store");
    }

    /// Keys of completed objects, and names of whatever else is stored.
    async fn stored(&self) -> (BTreeSet<String>, Vec<String>) {
        let Store::S3(bucket) = &self.backends.store else {
            let uploads = files(&self.directory.path().join("store/uploads"));
            return (self.stored_objects(), uploads);
        };
        let (mut objects, mut unfinished) = (BTreeSet::new(), Vec::new());
        for name in bucket.list().await {
            match name.strip_prefix("blobs/") {
                Some(path) => {
                    let (_, key) = path.split_once('/').unwrap();
                    objects.insert(key.to_owned());
                }
                None => unfinished.push(name),
            }
        }
        let uploads = self.services.core.blobs.list_uploads().await.unwrap();
        unfinished.extend(uploads.iter().map(ToString::to_string));
        (objects, unfinished)
    }

    /// The file that holds a blob's bytes.
    pub(super) async fn file_of(&self, digest: &Digest) -> PathBuf {
        let wanted = digest.clone();
        let found = self.services.core.metadata.list(move |reader| {
            Ok::<_, Error>(reader.find_blob_location("shared", &wanted)?.unwrap())
        });
        let location = found.await.unwrap();
        self.object_path(&location)
    }

    pub(super) fn object_path(&self, location: &str) -> PathBuf {
        let shard = &location[location.len() - 2..];
        let blobs = self.directory.path().join("store/blobs");
        blobs.join(shard).join(location)
    }

    /// Keys of the completed objects.
    fn stored_objects(&self) -> BTreeSet<String> {
        let blobs = self.directory.path().join("store/blobs");
        let shards = std::fs::read_dir(blobs).unwrap();
        shards
            .flat_map(|shard| files(&shard.unwrap().path()))
            .collect()
    }

    /// Fails unless the directory holds exactly the objects that rows name. `digests` is every content there can be.
    pub(super) fn assert_nothing_left_over<'a>(&self, digests: impl Iterator<Item = &'a Digest>) {
        let metadata = &self.services.core.metadata;
        let named: BTreeSet<String> = digests
            .filter_map(|digest| {
                metadata
                    .read_blocking(|reader| reader.find_blob_location("shared", digest))
                    .unwrap()
            })
            .collect();
        let store = self.directory.path().join("store");
        let uploads: Vec<_> = files(&store.join("uploads"))
            .into_iter()
            .filter(|key| {
                !metadata
                    .read_blocking(|reader| reader.is_upload_open(key))
                    .unwrap()
            })
            .collect();
        assert_eq!(uploads, Vec::<String>::new(), "uploads that no row names");
        let stored = self.stored_objects();
        let lost: Vec<_> = named.difference(&stored).collect();
        let left: Vec<_> = stored.difference(&named).collect();
        assert_eq!(lost, Vec::<&String>::new(), "objects that are gone");
        assert_eq!(left, Vec::<&String>::new(), "objects that no row names");
    }

    /// Waits until something is so.
    pub(super) async fn until(&self, mut is_so: impl FnMut(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !is_so(self) {
            assert!(Instant::now() < deadline, "it never came to be so");
            tokio::task::yield_now().await;
        }
    }
}

/// The keys of a directory.
fn files(directory: &Path) -> Vec<String> {
    std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .inspect(|name| assert!(ObjectKey::parse(name).is_ok(), "{name} is no key"))
        .collect()
}

async fn until_gone(core: &Weak<Core>) {
    let deadline = Instant::now() + PATIENCE;
    while core.strong_count() > 0 {
        assert!(
            Instant::now() < deadline,
            "something holds on to the registry"
        );
        tokio::task::yield_now().await;
    }
}
