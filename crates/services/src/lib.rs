//! What the registry does: one file per noun of the product.
//!
//! A service gets an [`Access`](access::Access) as proof that its caller may, decides, and changes things in one
//! transaction. Nothing here knows HTTP, SQL or where an object's bytes lie.
//!
//! **Invariant:** no status codes, no SQL text, no storage paths, no environment, no clock of its own. It runs the same
//! under a web server, a job and a command line.

pub mod access;
mod access_tokens;
mod account_access;
mod account_settings;
mod accounts;
mod administrators;
mod artifacts;
mod audit;
pub mod authentication;
mod authorizer;
pub mod backup;
mod blobs;
mod core;
mod credential_scope;
mod deployment;
mod error;
mod first_start;
mod foundation;
mod groups;
mod job_queue;
mod labels;
mod listings;
mod maintenance;
mod manifest_cache;
mod manifests;
mod members;
mod mounts;
mod namespaces;
mod numbers;
mod passwords;
mod plans;
mod policy;
mod push_plan;
mod quotas;
mod removal;
mod repositories;
mod robots;
mod sealer;
mod sessions;
mod settings;
mod signing_keys;
mod statistics;
mod stored_blobs;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(test)]
mod tests;
mod tokens;
mod traffic;
mod upload_lease;
mod uploads;
mod users;

pub use ::blobs::{BlobBody, BlobFile, BlobStream};
pub use access::{
    Access, Authenticated, CallerContext, Delete, Pull, Push, Refused, RepositoryAction, Resource,
};
pub use account_access::{AccountContext, NamespaceRef};
pub use account_settings::{AccountSettings, AccountSettingsChange, AccountSettingsService};
pub use accounts::{Accounts, Usage};
pub use artifacts::{
    AccessoryView, ArtifactParts, ArtifactRef, ArtifactView, Artifacts, ChildView, TagView,
};
pub use audit::{
    Audit, AuditChain, AuditEntry, AuditList, ChainFault, ChainPosition, ChainProblem, VerifyStep,
    to_cadf,
};
pub use authentication::{AuthenticationFailed, Authenticator, Credentials};
pub use authorizer::Authorizer;
pub use blobs::{Blobs, OpenBlob};
pub use deployment::{Deployment, OperatorContext};
pub use error::{Error, Result};
pub use first_start::{DEFAULT_ACCOUNT, DEPLOYMENT_KEY_ID, FIRST_NAMESPACE, FIRST_USER};
pub use groups::{GroupRef, GroupView};
pub use job_queue::{
    Held, JobCounts, JobQueue, JobRequest, JobSettings, Outcome, Settled, Timing, TimingInvalid,
};
pub use keys::SecretString;
pub use labels::{LabelText, LabelView, Labels};
pub use listings::{Listings, Referrer, ReferrersQuery};
pub use maintenance::{
    CollectionRun, CollectionTotals, Finding, FsckPosition, FsckStep, Maintenance, PreviewPosition,
    PreviewStep, Problem, ScrubStep, UsageStep,
};
pub use manifest_cache::CachedManifest;
pub use manifests::{ManifestPush, Manifests, PushedManifest};
pub use members::{GranteeRef, MemberView};
pub use metadata::EventRow;
pub use metadata::{BackupEnd, BackupPurpose, DatabasePlace, SnapshotHeader};
pub use metadata::{
    ClaimedJob, Enqueued, JobLogRow as JobLogLine, JobRow as Job, NamespaceRow as Namespace,
    NewJobLogLine, UserRow as User,
};
pub use metadata::{CollectionBacklog, CollectionCounts, CollectionRow, PassRow};
pub use metadata::{Comparison, Condition, ListQuery, Listed, Order, Value};
pub use metadata::{GroupKind, UserProfile};
pub use model::Page;
pub use model::caller::Origin;
pub use namespaces::{CreatedNamespace, NamespaceChange, NamespaceView, Namespaces, NewNamespace};
pub use passwords::PasswordRefused;
pub use plans::{AccountView, NewPlan};
pub use quotas::{NamespaceUsage, Quotas};
pub use repositories::{MAX_DESCRIPTION, Repositories, RepositoryRef, RepositoryView};
pub use robots::{
    CreatedRobot, Grantable, NamedPermission, NewRobot, PermissionPlace, RobotChange, RobotLevel,
    RobotRef, RobotView, Robots, RobotsOf,
};
pub use sealer::Sealer;
pub use sessions::Sessions;
pub use settings::Settings;
pub use statistics::{AccountStatistics, NamespaceSummary, Statistics};
pub use tokens::{IssuedToken, Tokens};
pub use traffic::{Refusal, RefusalKind, Traffic};
pub use uploads::{Chunk, UploadStatus, Uploads};
pub use users::{NewAccountUser, UserView};

use ::blobs::BlobStore;
use ::core::num::NonZeroUsize;
use foundation::Foundation;
use keys::throttle::ThrottleLimits;
use keys::{DeploymentKey, PasswordHasher, Random};
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
    pub manifests: Arc<Manifests>,
    /// Blobs.
    pub blobs: Arc<Blobs>,
    /// How blobs arrive.
    pub uploads: Uploads,
    /// Repositories.
    pub repositories: Repositories,
    /// Manifests as people see them.
    pub artifacts: Arc<Artifacts>,
    /// Labels.
    pub labels: Labels,
    /// Lists to page through.
    pub listings: Listings,
    /// The deployment's accounts.
    pub deployment: Deployment,
    /// People, roles and their tokens.
    pub accounts: Accounts,
    /// Namespaces.
    pub namespaces: Namespaces,
    /// Robot accounts.
    pub robots: Robots,
    /// What an account's administrators decided about it.
    pub account_settings: AccountSettingsService,
    /// What namespaces use.
    pub quotas: Quotas,
    /// How much there is.
    pub statistics: Statistics,
    /// Logins by form.
    pub sessions: Sessions,
    /// The audit log.
    pub audit: Audit,
    /// Numbers and links for its events.
    pub sealer: Sealer,
    /// What happens too often to be written each time.
    pub traffic: Traffic,
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

impl Services {
    /// Builds every service; makes the first signing key on a new deployment.
    pub async fn new(parts: Parts) -> Result<Self> {
        let Foundation {
            core,
            key,
            random,
            policy,
            authorizer,
            tokens,
            authenticator,
            passwords,
        } = Box::pin(Foundation::lay(parts)).await?;
        let owner: Arc<str> = core.ids.next_id().into();
        let jobs = JobQueue::new(core.clone(), random.clone(), owner.clone());
        let accounts = Accounts::new(
            core.clone(),
            authorizer.clone(),
            key.clone(),
            passwords.clone(),
            random.clone(),
        );
        let manifests = Arc::new(Manifests::new(core.clone()));
        let blobs = Arc::new(Blobs::new(core.clone()));
        let artifacts = Artifacts::new(&core, &authorizer, &manifests, &blobs);
        Ok(Self {
            repositories: Repositories::new(core.clone(), authorizer.clone()),
            labels: Labels::new(core.clone(), authorizer.clone(), artifacts.clone()),
            deployment: Deployment::new(core.clone()),
            namespaces: Namespaces::new(core.clone(), authorizer.clone()),
            audit: Audit::new(core.clone(), authorizer.clone()),
            sealer: Sealer::new(core.clone()),
            traffic: Traffic::new(core.clone()),
            robots: Robots::new(
                core.clone(),
                authorizer.clone(),
                key.clone(),
                random.clone(),
            ),
            account_settings: AccountSettingsService::new(core.clone(), authorizer.clone()),
            quotas: Quotas::new(core.clone(), authorizer.clone()),
            statistics: Statistics::new(core.clone(), authorizer.clone()),
            sessions: Sessions::new(core.clone(), key, random),
            authorizer,
            authenticator,
            tokens,
            manifests,
            blobs,
            artifacts,
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
        plans::make_examples(&self.core).await?;
        first_start::begin(
            &self.core,
            &self.passwords,
            password,
            creates_namespaces_on_push,
        )
        .await
    }

    /// Makes the account `default` follow the deployment's settings, which may have changed since the last start, and the
    /// example plans, unless they were made before.
    pub async fn follow_settings(&self, creates_namespaces_on_push: bool) -> Result<()> {
        plans::make_examples(&self.core).await?;
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

    /// The time, in milliseconds since 1970.
    pub fn now_ms(&self) -> i64 {
        self.core.now_ms()
    }

    /// The kind of store that blobs lie in: `filesystem` or `s3`.
    pub fn storage_name(&self) -> &'static str {
        self.core.blobs.kind()
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
