//! A registry in a temporary directory, with a clock that only tests move: for this crate's tests, and with the feature
//! `testing` for those of the crates above.

use crate::{Parts, Result, Services, Settings};
use blobs::{BlobStore, FilesystemOptions};
use keys::DeploymentKey;
use keys::random::SeededRandom;
use keys::throttle::ThrottleLimits;
use metadata::{MetadataStore, Options};
use model::{Account, AccountId, AccountState, Clock, IdSource, JobId};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;
use tempfile::TempDir;

/// A clock that stands still until it is moved.
pub struct TestClock(AtomicI64);

impl TestClock {
    /// Lets time pass.
    pub fn advance(&self, ms: i64) {
        self.0.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now_ms(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// Identifiers that count up.
struct TestIds(AtomicU64);

impl IdSource for TestIds {
    fn next_id(&self) -> String {
        let number = self.0.fetch_add(1, Ordering::Relaxed);
        format!("01890a5d-ac96-774b-9000-{number:012x}")
    }
}

/// The services over a new database and an empty store, gone when dropped.
pub struct TestRegistry {
    /// The services.
    pub services: Arc<Services>,
    /// Their clock; it begins in 2023.
    pub clock: Arc<TestClock>,
    _directory: TempDir,
}

impl TestRegistry {
    /// A registry with these settings.
    pub async fn start(settings: Settings) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let clock = Arc::new(TestClock(AtomicI64::new(1_700_000_000_000)));
        let services = Services::new(Parts {
            metadata: MetadataStore::open(&Options {
                path: directory.path().join("database"),
                cache_bytes: 1 << 20,
                transaction_time_limit: Duration::from_secs(30),
            })
            .expect("a database"),
            blobs: BlobStore::open(FilesystemOptions {
                root: directory.path().join("blobs"),
                reserve_bytes: 0,
            })
            .expect("a blob store"),
            key: DeploymentKey::from_bytes(&[7; 32]),
            clock: clock.clone(),
            ids: Arc::new(TestIds(AtomicU64::new(1))),
            random: Arc::new(SeededRandom::new(1)),
            settings,
            passwords_at_once: NonZeroUsize::MIN,
            throttle: ThrottleLimits::default(),
        });
        Self {
            services: Arc::new(services.await.expect("services")),
            clock,
            _directory: directory,
        }
    }

    /// Makes an account.
    pub async fn create_account(&self, name: &str) -> Result<AccountId> {
        let account = Account {
            id: AccountId::new(self.services.new_id()),
            name: name.to_owned(),
            state: AccountState::Active,
            creates_namespaces_on_push: true,
        };
        let id = account.id.clone();
        let core = &self.services.core;
        core.metadata
            .write(move |tx| Ok::<_, crate::Error>(tx.create_account(&account, 0)?))
            .await?;
        Ok(id)
    }

    /// Takes a running job over as a process would that holds the one which runs it for dead.
    pub async fn seize_as_another_process(&self, id: &JobId) -> Result<()> {
        let (id, now_ms) = (id.clone(), self.clock.now_ms());
        let core = &self.services.core;
        let seized = core.metadata.write(move |tx| {
            let until_ms = now_ms + 60_000;
            Ok::<_, crate::Error>(tx.seize_lost_job(
                &id,
                "another process",
                true,
                now_ms,
                until_ms,
            )?)
        });
        seized.await?.map(drop).ok_or(crate::Error::Internal)
    }

    /// Calls a job off as another process would: nothing in this one hears of it but by the database.
    pub async fn cancel_as_another_process(&self, id: &JobId) -> Result<()> {
        let id = id.clone();
        let core = &self.services.core;
        core.metadata
            .write(move |tx| Ok::<_, crate::Error>(tx.cancel_job(&id, 1, i64::MAX)?))
            .await?;
        Ok(())
    }
}

/// Settings as small as tests like them.
pub fn settings() -> Settings {
    Settings {
        issuer: "registry".to_owned(),
        service: "registry".to_owned(),
        account_domain: None,
        shared_host: None,
        token_lifetime_ms: 300_000,
        refresh_token_lifetime_ms: 3_600_000,
        session_lifetime_ms: 3_600_000,
        robot_secret_overlap_ms: 3_600_000,
        audit_log_min_days: 30,
        password_memory_ms: 60_000,
        upload_lifetime_ms: 3_600_000,
        open_uploads_per_account: 1000,
        unreferenced_bytes_per_account: 1 << 40,
        blob_bytes: 1 << 30,
        grace_period_ms: 86_400_000,
        trash_ms: 3_600_000,
        condemned_ms: 0,
        scrub_bytes_per_sec: 0,
        scrub_every_ms: 86_400_000,
        allows_anonymous_pull: true,
        allows_sparse_indexes: false,
        manifest_cache_bytes: 1 << 20,
        remembered_credentials: 16,
        referrers_page_bytes: 1 << 20,
        storage_warnings: [80, 95],
        closing_grace_ms: 86_400_000,
        // Tests speak to themselves.
        outbound: outbound::Destinations::new(vec![outbound::Destination::Network(
            std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST),
            32,
        )]),
        nameservers: Vec::new(),
        http_proof_port: 80,
        mail: None,
        jobs: crate::JobSettings::default(),
    }
}
