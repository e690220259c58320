//! What the registry does: one file per noun of the product.
//!
//! A service gets an [`Access`](access::Access) as proof that its caller may, decides, and changes things in one
//! transaction. Nothing here knows HTTP, SQL or where an object's bytes lie.
//!
//! **Invariant:** no status codes, no SQL text, no storage paths, no environment, no clock of its own. It runs the same
//! under a web server, a job and a command line.

pub mod access;
mod access_tokens;
mod accounts;
pub mod authentication;
mod authorizer;
pub mod backup;
mod blobs;
mod core;
mod error;
mod first_start;
mod job_queue;
mod listings;
mod maintenance;
mod manifest_cache;
mod manifests;
mod mounts;
mod people;
mod policy;
mod push_plan;
mod repositories;
mod settings;
mod signing_keys;
mod stored_blobs;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(test)]
mod tests;
mod tokens;
mod upload_lease;
mod uploads;

pub use ::blobs::{BlobBody, BlobFile, BlobStream};
pub use access::{
    Access, Authenticated, CallerContext, Delete, Pull, Push, Refused, RepositoryAction, Resource,
};
pub use accounts::{Accounts, Management};
pub use authentication::{AuthenticationFailed, Authenticator, Credentials};
pub use authorizer::Authorizer;
pub use blobs::{Blobs, OpenBlob};
pub use error::{Error, Result};
pub use first_start::{DEFAULT_ACCOUNT, DEPLOYMENT_KEY_ID, FIRST_NAMESPACE, FIRST_USER};
pub use job_queue::{
    Held, JobCounts, JobQueue, JobRequest, JobSettings, Outcome, Settled, Timing, TimingInvalid,
};
pub use keys::SecretString;
pub use listings::{Listings, Referrer, ReferrersQuery};
pub use maintenance::{
    CollectionRun, CollectionTotals, Finding, FsckPosition, FsckStep, Maintenance, PreviewPosition,
    PreviewStep, Problem, ScrubStep, UsageStep,
};
pub use manifest_cache::CachedManifest;
pub use manifests::{ManifestPush, Manifests, PushedManifest};
pub use metadata::{BackupEnd, BackupPurpose, DatabasePlace, SnapshotHeader};
pub use metadata::{
    ClaimedJob, Enqueued, JobLogRow as JobLogLine, JobRow as Job, NamespaceRow as Namespace,
    NewJobLogLine, UserRow as User,
};
pub use metadata::{CollectionBacklog, CollectionCounts, CollectionRow, PassRow};
pub use model::Page;
pub use model::caller::Origin;
pub use settings::Settings;
pub use tokens::{IssuedToken, Tokens};
pub use uploads::{Chunk, UploadStatus, Uploads};

use ::blobs::BlobStore;
use ::core::num::NonZeroUsize;
use keys::throttle::ThrottleLimits;
use keys::{DeploymentKey, LoginThrottle, PasswordHasher, Random, TokenCache};
use metadata::MetadataStore;
use model::{Account, AccountId, Address, Clock, IdSource};
use std::sync::Arc;

/// What the services are built from.
pub struct Parts {
    /// The database.
    pub metadata: MetadataStore,
    /// The blob store.
    pub blobs: BlobStore,
    /// The deployment's key.
    pub key: DeploymentKey,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// New identifiers.
    pub ids: Arc<dyn IdSource>,
    /// Randomness for secrets.
    pub random: Arc<dyn Random>,
    /// Limits and times.
    pub settings: Settings,
    /// Passwords hashed at once, each with 19 MiB.
    pub passwords_at_once: NonZeroUsize,
    /// How often a name and an address may try.
    pub throttle: ThrottleLimits,
}

/// Every service, built in one place.
pub struct Services {
    /// Who may do what.
    pub authorizer: Arc<Authorizer>,
    /// Who is calling.
    pub authenticator: Authenticator,
    /// What a login is exchanged for.
    pub tokens: Arc<Tokens>,
    /// Manifests and tags.
    pub manifests: Manifests,
    /// Blobs.
    pub blobs: Blobs,
    /// How blobs arrive.
    pub uploads: Uploads,
    /// Lists to page through.
    pub listings: Listings,
    /// Namespaces, people, roles.
    pub accounts: Accounts,
    /// What has to happen without anyone asking.
    pub maintenance: Maintenance,
    /// Work for later.
    pub jobs: JobQueue,
    /// Backups that are being made.
    pub backups: backup::Backups,
    core: Arc<core::Core>,
    policy: Arc<policy::Policy>,
    passwords: Arc<PasswordHasher>,
}

/// Callers who wait for each place of the password hasher.
const WAITING_PER_PLACE: usize = 16;

impl Services {
    /// Builds every service; makes the first signing key on a new deployment.
    pub async fn new(parts: Parts) -> Result<Self> {
        let Parts {
            metadata,
            blobs,
            key,
            clock,
            ids,
            random,
            settings,
            passwords_at_once,
            throttle,
        } = parts;
        let remembered = TokenCache::new(settings.remembered_credentials, &*random);
        let throttle = LoginThrottle::new(throttle, &*random);
        let at_once = passwords_at_once.get();
        let passwords = Arc::new(PasswordHasher::new(
            at_once,
            at_once * WAITING_PER_PLACE,
            random.clone(),
        ));
        let key = Arc::new(key);
        let core = Arc::new(core::Core {
            metadata,
            blobs,
            clock,
            ids,
            settings,
        });
        first_start::require_key(&core, &key).await?;
        let policy = Arc::new(policy::Policy::new(core.clone()));
        let authorizer = Arc::new(Authorizer::new(core.clone(), policy.clone()));
        let tokens = Arc::new(Tokens::load(core.clone(), key.clone(), random.clone()).await?);
        let authenticator = Authenticator::new(
            core.clone(),
            tokens.clone(),
            key.clone(),
            passwords.clone(),
            throttle,
            remembered,
        );
        let owner: Arc<str> = core.ids.next_id().into();
        let jobs = JobQueue::new(core.clone(), random.clone(), owner.clone());
        let accounts = Accounts::new(
            core.clone(),
            authorizer.clone(),
            key,
            passwords.clone(),
            random,
        );
        Ok(Self {
            authorizer,
            authenticator,
            tokens,
            manifests: Manifests::new(core.clone()),
            blobs: Blobs::new(core.clone()),
            uploads: Uploads::new(core.clone(), owner.clone()),
            listings: Listings::new(core.clone()),
            accounts,
            maintenance: Maintenance::new(core.clone(), owner),
            jobs,
            backups: backup::Backups::new(core.clone()),
            core,
            policy,
            passwords,
        })
    }

    /// Makes what a new deployment begins with, unless it has begun before. Says whether it has begun now.
    pub async fn begin(
        &self,
        password: SecretString,
        creates_namespaces_on_push: bool,
    ) -> Result<bool> {
        first_start::begin(
            &self.core,
            &self.passwords,
            password,
            creates_namespaces_on_push,
        )
        .await
    }

    /// Makes the account `default` follow the deployment's settings, which may have changed since the last start.
    pub async fn follow_settings(&self, creates_namespaces_on_push: bool) -> Result<()> {
        first_start::follow_settings(&self.core, creates_namespaces_on_push).await
    }

    /// Whether the deployment has begun.
    pub async fn has_begun(&self) -> Result<bool> {
        let found = self
            .core
            .metadata
            .read(|reader| reader.find_account_by_name(DEFAULT_ACCOUNT));
        Ok(found.await?.is_some())
    }

    /// The account of that name.
    pub async fn find_account(&self, name: &str) -> Result<Option<Account>> {
        Ok(self
            .core
            .metadata
            .read(|reader| reader.find_account_by_name(name))
            .await?)
    }

    /// The door that a host name is; `host` is lower case and without a port.
    pub async fn address_of(&self, host: &str) -> Result<Address> {
        self.policy.address_of(host).await
    }

    /// An account's events after `after`, in order: for tests and for whoever exports them.
    pub async fn list_events(&self, account: &AccountId, after: String) -> Result<Vec<String>> {
        let account = account.clone();
        let events = self
            .core
            .metadata
            .list(move |reader| Ok::<_, Error>(reader.list_events(&account, &after, 10_000)?));
        Ok(events
            .await?
            .into_iter()
            .map(|event| event.payload)
            .collect())
    }

    /// A new identifier that nobody can guess: for what has to be told apart within one answer.
    pub fn new_id(&self) -> String {
        self.core.ids.next_id()
    }

    /// The deployment's settings.
    pub fn settings(&self) -> &Settings {
        &self.core.settings
    }
}
