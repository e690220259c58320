//! What a registry of these tests keeps its rows and bytes in.

use super::registry::{NAMESPACE, OTHER_NAMESPACE, PATIENCE, START_MS};
use crate::Error;
use blobs::disk::Disk;
use blobs::fault::FaultyDisk;
use blobs::{BlobStore, FilesystemOptions, S3Credentials, S3Encryption, S3Options};
use engines::{Postgres, SeaweedFs};
use metadata::{MetadataStore, Options, PostgresAddress, PostgresOptions, Tx};
use model::{Account, AccountId, AccountState, NamespaceId};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tempfile::TempDir;

/// Connections of one registry. There may be several at a time, and the server takes 300.
const CONNECTIONS: usize = 12;

pub(super) enum Database {
    Sqlite,
    /// A database of one's own, by its URL.
    Postgres(String),
}

pub(super) enum Store {
    /// Files behind a disk that fails on request.
    FaultyFiles,
    Files,
    S3(Bucket),
}

/// A bucket of one's own.
pub(super) struct Bucket(String);

pub(super) struct Backends {
    pub(super) database: Database,
    pub(super) store: Store,
    /// Whether files lie on a disk, where a flush costs something, and not in memory.
    is_durable: bool,
}

impl Backends {
    /// What a power cut loses is decided by the test, not by a real disk.
    pub(super) fn faulty() -> Self {
        Self {
            database: Database::Sqlite,
            store: Store::FaultyFiles,
            is_durable: false,
        }
    }

    /// SQLite and files that no power cut would leave.
    pub(super) fn in_memory() -> Self {
        Self {
            database: Database::Sqlite,
            store: Store::Files,
            is_durable: false,
        }
    }

    /// What a deployment has, new and empty.
    pub(super) fn durable(is_postgres: bool, is_s3: bool) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let database = if is_postgres {
            let url = postgres().create_database(&format!("registry_{number}"));
            Database::Postgres(url.unwrap())
        } else {
            Database::Sqlite
        };
        let store = if is_s3 {
            let name = format!("registry-{number}");
            SeaweedFs::shared().create_bucket(&name).unwrap();
            Store::S3(Bucket(name))
        } else {
            Store::Files
        };
        Self {
            database,
            store,
            is_durable: true,
        }
    }

    /// The two accounts of every registry.
    pub(super) fn accounts() -> [AccountId; 2] {
        [
            "01890a5d-ac96-774b-bcce-000000000001",
            "01890a5d-ac96-774b-bcce-000000000002",
        ]
        .map(AccountId::new)
    }

    /// A place for a registry's files.
    pub(super) fn directory(&self) -> TempDir {
        let directory = if self.is_durable {
            TempDir::new()
        } else {
            tempfile::tempdir_in("/dev/shm").or_else(|_| TempDir::new())
        };
        let directory = directory.unwrap();
        std::fs::create_dir(directory.path().join("store")).unwrap();
        directory
    }

    /// Makes the accounts, unless a registry before has.
    pub(super) async fn prepare(&self, directory: &Path) {
        match &self.database {
            Database::Sqlite => {
                std::fs::write(directory.join("metadata.db"), template()).unwrap();
            }
            Database::Postgres(_) => {
                let store = self.open_metadata(directory);
                let [account, _] = Self::accounts();
                let is_there =
                    store.read(|reader| Ok::<_, Error>(reader.find_account(&account)?.is_some()));
                if !is_there.await.unwrap() {
                    store
                        .write(create_accounts)
                        .await
                        .map_err(Error::from)
                        .unwrap();
                }
            }
        }
    }

    pub(super) fn open_metadata(&self, directory: &Path) -> MetadataStore {
        let opened = match &self.database {
            Database::Sqlite => MetadataStore::open(&options(&directory.join("metadata.db"))),
            Database::Postgres(url) => MetadataStore::open_postgres(&PostgresOptions {
                address: PostgresAddress::parse(url, None).unwrap(),
                connections: CONNECTIONS,
                connect_limit: PATIENCE,
                wait_limit: PATIENCE,
                time_limit: PATIENCE,
                read_replica: None,
            }),
        };
        opened.unwrap()
    }

    pub(super) fn open_blobs(&self, directory: &Path, disk: &Arc<FaultyDisk>) -> BlobStore {
        let files = FilesystemOptions {
            root: directory.join("store"),
            reserve_bytes: 0,
        };
        match &self.store {
            Store::FaultyFiles => {
                let disk: Arc<dyn Disk> = disk.clone();
                BlobStore::open_on(files, disk).unwrap()
            }
            Store::Files => BlobStore::open(files).unwrap(),
            Store::S3(bucket) => BlobStore::open_s3(&bucket.options()).unwrap(),
        }
    }
}

impl Bucket {
    /// The names of all objects.
    pub(super) async fn list(&self) -> Vec<String> {
        let name = self.0.clone();
        let listed = tokio::task::spawn_blocking(move || SeaweedFs::shared().list_objects(&name));
        listed.await.unwrap().unwrap()
    }

    fn options(&self) -> S3Options {
        let store = SeaweedFs::shared();
        S3Options {
            endpoint: Some(store.endpoint()),
            region: store.region().to_owned(),
            bucket: self.0.clone(),
            prefix: String::new(),
            is_path_style: true,
            credentials: S3Credentials::Keys {
                access_key_id: store.access_key().to_owned(),
                secret_access_key: store.secret_key().to_owned(),
                session_token: None,
            },
            encryption: S3Encryption::BucketDefault,
            ca_certificates: None,
            allows_plain_http: false,
            parts_in_flight: 16,
            largest_object_bytes: 1 << 40,
            connect_timeout: PATIENCE,
            request_timeout: PATIENCE,
            retry_for: PATIENCE,
            redirect_for: None,
            orphans_after: Duration::ZERO,
            instance: "test".to_owned(),
        }
    }
}

/// One server for all registries, that flushes what it commits.
fn postgres() -> &'static Postgres {
    static SERVER: OnceLock<Postgres> = OnceLock::new();
    SERVER.get_or_init(|| Postgres::builder().durable().start().unwrap())
}

fn options(path: &Path) -> Options {
    Options {
        path: path.to_owned(),
        cache_bytes: 1 << 20,
        transaction_time_limit: PATIENCE,
    }
}

fn create_accounts(tx: &mut Tx<'_>) -> metadata::Result<()> {
    let rows = [
        (
            crate::DEFAULT_ACCOUNT,
            NAMESPACE,
            "01890a5d-ac96-774b-bcce-000000000003",
        ),
        (
            "other",
            OTHER_NAMESPACE,
            "01890a5d-ac96-774b-bcce-000000000004",
        ),
    ];
    for (id, (name, namespace, namespace_id)) in Backends::accounts().into_iter().zip(rows) {
        let account = Account {
            id,
            name: name.to_owned(),
            state: AccountState::Active,
            creates_namespaces_on_push: false,
        };
        tx.create_account(&account, START_MS)?;
        let namespace_id = NamespaceId::new(namespace_id);
        tx.create_namespace(&namespace_id, &account.id, namespace, false, START_MS)?;
    }
    Ok(())
}

/// A SQLite database with the accounts, made once and copied for each registry.
fn template() -> &'static [u8] {
    static TEMPLATE: OnceLock<Vec<u8>> = OnceLock::new();
    TEMPLATE.get_or_init(|| {
        std::thread::spawn(|| {
            let directory = Backends::faulty().directory();
            let path = directory.path().join("metadata.db");
            let mut runtime = tokio::runtime::Builder::new_current_thread();
            let runtime = runtime.build().unwrap();
            let store = MetadataStore::open(&options(&path)).unwrap();
            let written = runtime.block_on(store.write(create_accounts));
            written.map_err(Error::from).unwrap();
            drop(store);
            std::fs::read(&path).unwrap()
        })
        .join()
        .unwrap()
    })
}
