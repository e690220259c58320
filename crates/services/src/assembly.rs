//! Every service, put together in one place.

use crate::core::Core;
use crate::foundation::Foundation;
use crate::issuers::Issuers;
use crate::outbox::Outbox;
use crate::policy::Policy;
use crate::{
    AccountCollections, AccountMetrics, AccountSettingsService, Accounts, Addresses, Allowances,
    Artifacts, Attention, Audit, AuditPurges, Authenticator, Authorizer, Blobs, Certificates,
    DEFAULT_ACCOUNT, Deployment, Error, Grants, IdentitySources, Immutability, Invitations,
    JobQueue, Labels, Listings, Locks, Logins, Mail, Maintenance, Manifests, Namespaces,
    NetworkRulesService, Quotas, Replicas, Repositories, Result, Retention, Robots, Roles, Sealer,
    Sessions, Settings, Sinks, Statistics, Tokens, Traffic, Trash, TrustRules, Uploads,
    UsageService, Webhooks, Workloads, backup, first_start, plans,
};
use ::blobs::BlobStore;
use keys::throttle::{AddressThrottle, ThrottleLimits};
use keys::{DeploymentKey, PasswordHasher, Random, SecretString};
use metadata::MetadataStore;
use model::{Account, AccountId, Address, Clock, IdSource};
use outbound::{HttpClient, Resolver, SyslogClient};
use std::num::NonZeroUsize;
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
    /// Rules of what may not change in namespaces.
    pub immutability: Immutability,
    /// Locks of tags and manifests, and tags that end by themselves.
    pub locks: Locks,
    /// What stays in namespaces and what goes.
    pub retention: Retention,
    /// Lists to page through.
    pub listings: Listings,
    /// The deployment's accounts.
    pub deployment: Deployment,
    /// The programs that serve it.
    pub replicas: Replicas,
    /// People, roles and their tokens.
    pub accounts: Accounts,
    /// Host names of accounts.
    pub addresses: Addresses,
    /// The certificates that are shown for them.
    pub certificates: Certificates,
    /// Namespaces.
    pub namespaces: Namespaces,
    /// Robot accounts.
    pub robots: Robots,
    /// Roles of accounts' own.
    pub roles: Roles,
    /// Who has which role.
    pub grants: Grants,
    /// Who is asked to become a member.
    pub invitations: Invitations,
    /// Issuers by which people log in.
    pub identity_sources: IdentitySources,
    /// Logins by them.
    pub logins: Logins,
    /// Rules by which workloads elsewhere are trusted.
    pub trust_rules: TrustRules,
    /// Workloads that are believed by them.
    pub workloads: Workloads,
    /// What an account's administrators decided about it.
    pub account_settings: AccountSettingsService,
    /// From where an account may be reached.
    pub network_rules: NetworkRulesService,
    /// What namespaces use.
    pub quotas: Quotas,
    /// What accounts may do at once and in a month.
    pub allowances: Arc<Allowances>,
    /// What accounts use, month by month.
    pub usage: UsageService,
    /// What people should look at.
    pub attention: Attention,
    /// How much there is.
    pub statistics: Statistics,
    /// Logins by form.
    pub sessions: Sessions,
    /// The audit log.
    pub audit: Audit,
    /// Numbers and links for its events.
    pub sealer: Sealer,
    /// What happens too often to be written each time.
    pub traffic: Arc<Traffic>,
    /// What was deleted and can be restored, and where tags pointed.
    pub trash: Trash,
    /// Receivers that namespaces tell of what happens.
    pub webhooks: Webhooks,
    /// Places to which accounts' logs go.
    pub sinks: Sinks,
    /// Who is told by mail of what happens in accounts.
    pub mail: Mail,
    /// What accounts' own monitoring reads.
    pub account_metrics: AccountMetrics,
    /// What has to happen without anyone asking.
    pub maintenance: Maintenance,
    /// Collections of garbage that accounts ask for.
    pub account_collections: AccountCollections,
    /// Purges of accounts' audit logs.
    pub audit_purges: AuditPurges,
    /// Work for later.
    pub jobs: Arc<JobQueue>,
    /// Backups that are being made.
    pub backups: backup::Backups,
    pub(crate) core: Arc<Core>,
    pub(crate) policy: Arc<Policy>,
    pub(crate) passwords: Arc<PasswordHasher>,
}

/// What speaks with services outside.
struct FromOutside {
    addresses: Addresses,
    identity_sources: IdentitySources,
    logins: Logins,
    trust_rules: TrustRules,
    workloads: Workloads,
    webhooks: Webhooks,
    sinks: Sinks,
    mail: Mail,
}

impl FromOutside {
    fn new(
        authorizer: &Arc<Authorizer>,
        (key, random): (&Arc<DeploymentKey>, &Arc<dyn Random>),
        throttle: AddressThrottle,
        authenticator: &Authenticator,
    ) -> Result<Self> {
        let core = &authenticator.core;
        let resolver = Resolver::new(&core.settings.nameservers);
        let destinations = core.settings.outbound.clone();
        let client = HttpClient::asking(destinations, &resolver).map_err(|error| {
            tracing::error!(%error, "requests to services outside cannot be made");
            Error::Internal
        })?;
        let syslog = SyslogClient::asking(core.settings.outbound.clone(), &resolver);
        let issuers = Arc::new(Issuers::new(core.clone(), client.clone()));
        let (core, authorizer, key) = (|| core.clone(), || authorizer.clone(), || key.clone());
        Ok(Self {
            addresses: Addresses::new(
                (core(), authorizer()),
                (key(), random.clone()),
                (client.clone(), resolver),
            ),
            identity_sources: IdentitySources::new(
                core(),
                authorizer(),
                key(),
                (issuers.clone(), authenticator.directories.clone()),
            ),
            logins: Logins::new(core(), key(), random.clone(), issuers.clone()),
            trust_rules: TrustRules::new(core(), authorizer(), client.clone()),
            sinks: Sinks::new(
                (core(), authorizer()),
                key(),
                (client.clone(), syslog),
                Outbox::new(core(), random.clone()),
            ),
            webhooks: Webhooks::new(
                (core(), authorizer()),
                (key(), client),
                Outbox::new(core(), random.clone()),
            ),
            mail: Mail::new(
                (core(), authorizer()),
                key(),
                Outbox::new(core(), random.clone()),
            ),
            workloads: Workloads::new(core(), authorizer(), issuers, throttle),
        })
    }
}

/// What repositories hold.
fn contents(
    core: &Arc<Core>,
    authorizer: &Arc<Authorizer>,
) -> (Arc<Manifests>, Arc<Blobs>, Arc<Artifacts>) {
    let manifests = Arc::new(Manifests::new(core.clone()));
    let blobs = Arc::new(Blobs::new(core.clone()));
    let artifacts = Artifacts::new(core, authorizer, &manifests, &blobs);
    (manifests, blobs, artifacts)
}

/// This life of this process, as jobs and uploads know it, and the queue.
fn work(
    core: &Arc<Core>,
    authorizer: &Arc<Authorizer>,
    random: &Arc<dyn Random>,
) -> (Arc<str>, Arc<JobQueue>) {
    let owner: Arc<str> = core.ids.next_id().into();
    let place = (core.clone(), authorizer.clone());
    let jobs = JobQueue::new(place, random.clone(), owner.clone());
    (owner, Arc::new(jobs))
}

impl Services {
    /// Builds every service; makes the first signing key on a new deployment.
    pub async fn new(parts: Parts) -> Result<Self> {
        let throttle = AddressThrottle::new(&parts.throttle);
        let ground = Box::pin(Foundation::lay(parts)).await?;
        let (core, authorizer, traffic) = (ground.core, ground.authorizer, ground.traffic);
        let (key, random, passwords) = (ground.key, ground.random, ground.passwords);
        let authenticator = ground.authenticator;
        let (c, a, k) = (|| core.clone(), || authorizer.clone(), || key.clone());
        let (manifests, blobs, artifacts) = contents(&core, &authorizer);
        let (owner, jobs) = work(&core, &authorizer, &random);
        let outside = FromOutside::new(&authorizer, (&key, &random), throttle, &authenticator)?;
        Ok(Self {
            audit_purges: AuditPurges::new(c(), a(), jobs.clone()),
            account_collections: AccountCollections::new(c(), a(), jobs.clone(), owner.clone()),
            jobs,
            accounts: Accounts::new(c(), a(), k(), passwords.clone(), random.clone()),
            robots: Robots::new(c(), a(), k(), random.clone()),
            trash: Trash::new(c(), a()),
            repositories: Repositories::new(c(), a()),
            labels: Labels::new(core.clone(), authorizer.clone(), artifacts.clone()),
            immutability: Immutability::new(core.clone(), authorizer.clone()),
            locks: Locks::new(core.clone(), authorizer.clone()),
            retention: Retention::new(core.clone(), authorizer.clone(), traffic.clone()),
            deployment: Deployment::new(core.clone(), authorizer.clone()),
            replicas: Replicas::new(core.clone(), authorizer.clone()),
            addresses: outside.addresses,
            certificates: Certificates::new(core.clone(), authorizer.clone(), key.clone()),
            namespaces: Namespaces::new(core.clone(), authorizer.clone()),
            audit: Audit::new(core.clone(), authorizer.clone()),
            sealer: Sealer::new(core.clone()),
            allowances: traffic.allowances().clone(),
            traffic,
            network_rules: NetworkRulesService::new(core.clone(), authorizer.clone()),
            identity_sources: outside.identity_sources,
            logins: outside.logins,
            trust_rules: outside.trust_rules,
            workloads: outside.workloads,
            webhooks: outside.webhooks,
            sinks: outside.sinks,
            mail: outside.mail,
            account_metrics: AccountMetrics::new(core.clone(), authorizer.clone()),
            account_settings: AccountSettingsService::new(core.clone(), authorizer.clone()),
            roles: Roles::new(core.clone(), authorizer.clone()),
            grants: Grants::new(core.clone(), authorizer.clone()),
            invitations: Invitations::new(core.clone(), authorizer.clone()),
            quotas: Quotas::new(core.clone(), authorizer.clone()),
            usage: UsageService::new(core.clone(), authorizer.clone()),
            attention: Attention::new(core.clone(), authorizer.clone()),
            statistics: Statistics::new(core.clone(), authorizer.clone()),
            sessions: Sessions::new(core.clone(), key, random),
            authorizer,
            authenticator,
            tokens: ground.tokens,
            manifests,
            blobs,
            artifacts,
            uploads: Uploads::new(core.clone(), owner.clone()),
            listings: Listings::new(core.clone()),
            maintenance: Maintenance::new(core.clone(), owner),
            backups: backup::Backups::new(core.clone()),
            core,
            policy: ground.policy,
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
