//! Everything SQL: the two ways to the database (read, write), the schema, and one method per query.
//!
//! To add a query: put a method into the file of its table family, on [`Reader`] when it only reads and on [`Tx`] when
//! it changes something; write the SQL in the dialect both databases share (parameters `?1`, `?2` in order of
//! appearance; no arrays, no JSON operators, no `LIKE`). Only a list as one parameter has two texts, see `fragments`.
//!
//! **Invariant:** knows no HTTP, no bytes of blobs, no rules of the product. A method answers a question or makes a
//! change; what it means is decided in `services`.

mod access_questions;
mod access_tokens;
mod accessories;
mod account_addresses;
mod account_collections;
mod account_days;
mod account_jobs;
mod account_limits;
mod account_months;
mod account_now;
mod account_settings;
mod account_summaries;
mod account_terms;
mod accounts;
mod address_certificates;
mod artifacts;
mod attention;
mod audit_retention;
mod backups;
mod blobs;
mod collections;
mod connection;
mod content_requests;
mod counts;
mod cve_allowlists;
mod deadline;
mod deployment;
mod destruction;
mod epochs;
mod error;
mod event_chains;
mod event_followers;
mod events;
mod examination;
mod fragments;
mod garbage;
mod grants;
mod groups;
mod identity_sources;
mod images;
mod integrity;
mod invitations;
mod job_leases;
mod job_queues;
mod jobs;
mod labels;
mod ldap_sources;
mod mail;
mod manifests;
mod namespace_limits;
mod namespace_settings;
mod namespaces;
mod network_rules;
mod numbers;
mod old_trash;
mod operators;
mod passes;
mod patterns;
mod plans;
mod postgresql;
mod protection;
mod pull_times;
mod pulls;
mod quarantine;
mod query;
mod readers;
mod referrers;
mod removals;
mod replicas;
mod repositories;
mod repository_details;
mod retention;
mod retention_content;
mod retention_forgetting;
mod retention_runs;
mod reviews;
mod rights;
mod robots;
mod role_grants;
mod roles;
mod schedules;
mod schema;
mod sessions;
mod sinks;
mod snapshot;
mod sqlite;
#[cfg(test)]
mod suite;
mod tag_ends;
mod tag_moves;
mod tags;
mod timings;
mod traffic;
mod trash;
mod trash_lists;
mod trust_rules;
mod turns;
mod unreferenced_blobs;
mod uploads;
mod usage;
mod user_profiles;
mod users;
mod webhook_deliveries;
mod webhooks;
mod writer;

pub use access_questions::{AccessAnswer, AccessQuestion, AccessSubject};
pub use access_tokens::{AccessTokenRow, NewAccessToken, NewRefreshToken, RefreshTokenRow};
pub use accessories::AccessoryRow;
pub use account_addresses::AddressClaimRow;
pub use account_collections::{AccountCollectionRow, BlobUse, CollectionFigures, UnreferencedBlob};
pub use account_days::AccountDay;
pub use account_limits::AccountLimits;
pub use account_months::{AccountMonth, AccountStorage};
pub use account_now::AccountNow;
pub use account_settings::AccountSettings;
pub use account_summaries::{AccountFilter, AccountSummary, DeploymentCounts};
pub use account_terms::AccountTerms;
pub use address_certificates::AddressCertificateRow;
pub use artifacts::{ArtifactFilter, ArtifactRow, ArtifactsOf, TagFilter};
pub use backups::{BackupEnd, BackupPurpose, BackupRow};
pub use blobs::{BlobRow, MembershipRow};
pub use collections::{CollectionBacklog, CollectionCounts, CollectionRow};
pub use content_requests::{ContentRequestRow, ContentRequestsOf};
pub use counts::{NamespaceCount, NamespaceCounts};
pub use cve_allowlists::CveAllowlist;
pub use deployment::SigningKeyRow;
pub use epochs::{Epoch, Epochs};
pub use error::{Error, Result};
pub use event_chains::EventChainRow;
pub use event_followers::{FollowerKind, FollowerRow, FollowerStanding};
pub use events::{EventFilter, EventRow, EventSeal, NewEvent, VisibleEvents};
pub use examination::{DatabaseFacts, ServerFacts, examine_postgres, examine_sqlite};
pub use garbage::CondemnedObject;
pub use grants::{Grantee, MemberRow, NewMember};
pub use groups::{GroupKind, GroupRow};
pub use identity_sources::OidcSourceRow;
pub use images::{ImageFilter, ImageRow, Tagged};
pub use integrity::{LeasePage, UsagePage, UsageSum};
pub use invitations::{InvitationRow, InvitationsOf, NewInvitation};
pub use job_leases::{ClaimedJob, JobLogLimits, NewJobLogLine};
pub use jobs::{Enqueued, JobLogRow, JobRow, NewJob};
pub use labels::LabelRow;
pub use ldap_sources::{ExternalUserRow, LdapScope, LdapSettings, LdapSourceRow};
pub use mail::{MailAddressRow, MailAddressState, MailPolicyRow};
pub use manifests::{ManifestRow, NewManifest, RemovedManifest};
pub use namespace_limits::NamespaceLimit;
pub use namespace_settings::{Listable, NamespaceDetails, NamespaceSettings};
pub use namespaces::NamespaceRow;
pub use network_rules::NetworkRulesRow;
pub use numbers::Numbered;
pub use operators::OperatorRow;
pub use passes::PassRow;
pub use patterns::NamespacePart;
pub use postgresql::{PostgresAddress, PostgresOptions, ReadReplicaOptions};
pub use protection::{Guard, ImmutabilityRuleRow, LockKind, LockRow, NewLock, ProtectionRow};
pub use pull_times::PullTimes;
pub use quarantine::{Damage, PutBlob, StoredBlob};
pub use query::{Comparison, Condition, ListQuery, Listed, Order, Value};
pub use referrers::{Choice, ReferrerRow};
pub use removals::{Held, RemovedBlobs, RemovedManifests, TrashedTag};
pub use replicas::ReplicaRow;
pub use repositories::{RepositoryKey, RepositoryRow};
pub use repository_details::{RepositoriesOf, RepositoryDetails};
pub use retention::{RetentionDefault, RetentionPolicyRow};
pub use retention_content::RetentionManifest;
pub use retention_runs::{RetentionRunRow, RetentionState, RetentionTaskRow};
pub use reviews::{BlobReview, CollectedBlob, Lease, LeaseReview};
pub use rights::SubjectRights;
pub use robots::RobotRow;
pub use role_grants::{GrantRow, GrantSubject, GrantsOf, NewGrant};
pub use schedules::{NewSchedule, ScheduleRow};
pub use schema::SchemaVersions;
pub use sessions::SessionRow;
pub use sinks::SinkRow;
pub use snapshot::{
    DatabasePlace, SnapshotBlob, SnapshotError, SnapshotHeader, SnapshotParser, SnapshotPieces,
    export_snapshot, import_snapshot, require_empty,
};
pub use sqlite::{MIN_SQLITE_VERSION, Options, sqlite_version};
pub use tag_ends::EndedTag;
pub use tag_moves::{NewTagMove, TagMoveRow};
pub use tags::TagRow;
pub use timings::Timings;
pub use traffic::Traffic;
pub use trash::{TrashItem, TrashKind, Trashing};
pub use trash_lists::{ExcessTags, TrashFilter, TrashedManifest};
pub use trust_rules::TrustRuleRow;
pub use turns::Turn;
pub use uploads::{ClaimedUpload, NewUpload, UploadRoom, UploadRow, UploadState};
pub use usage::Added;
pub use user_profiles::UserProfile;
pub use users::{NewUser, UserDetails, UserRow};
pub use webhook_deliveries::DeliveryRow;
pub use webhooks::WebhookRow;

use connection::Connection;
use epochs::Changes;
use std::ops::Deref;
use std::sync::Arc;
use writer::Durability;

/// The database. Cheap to clone.
#[derive(Clone)]
pub struct MetadataStore {
    inner: Inner,
}

#[derive(Clone)]
enum Inner {
    Sqlite(Arc<sqlite::Sqlite>),
    Postgres(Arc<postgresql::Postgres>),
}

/// A view to read from: each question is answered from the newest committed state.
pub struct Reader<'c> {
    connection: Connection<'c>,
}

/// A transaction to change things in. It commits when the closure that got it answers `Ok`.
pub struct Tx<'c> {
    reader: Reader<'c>,
    changes: Changes,
}

impl<'c> Tx<'c> {
    fn new(connection: Connection<'c>) -> Self {
        Self {
            reader: Reader { connection },
            changes: Changes::default(),
        }
    }
}

impl<'c> Deref for Tx<'c> {
    type Target = Reader<'c>;

    fn deref(&self) -> &Self::Target {
        &self.reader
    }
}

impl MetadataStore {
    /// Opens a SQLite database, making or upgrading its schema first.
    ///
    /// # Errors
    /// [`Error::TooNew`] for a schema of a later release, [`Error::Unavailable`] when it cannot be opened.
    pub fn open(options: &Options) -> Result<Self> {
        Ok(Self {
            inner: Inner::Sqlite(Arc::new(sqlite::Sqlite::open(options)?)),
        })
    }

    /// Opens a PostgreSQL database, making or upgrading its schema first; of many processes that do so at once, one does
    /// it. Questions need a runtime of several threads, or a thread that may wait.
    ///
    /// # Errors
    /// [`Error::TooNew`] for a schema of a later release; [`Error::Unavailable`], with what to do, when the server cannot
    /// be reached, refuses, or is too old.
    pub fn open_postgres(options: &PostgresOptions) -> Result<Self> {
        Ok(Self {
            inner: Inner::Postgres(Arc::new(postgresql::Postgres::open(options)?)),
        })
    }

    /// What makes cached answers stale.
    pub fn epochs(&self) -> &Epochs {
        match &self.inner {
            Inner::Sqlite(sqlite) => &sqlite.epochs,
            Inner::Postgres(postgres) => &postgres.epochs,
        }
    }

    /// Whether other processes may write to the same database.
    pub fn is_shared(&self) -> bool {
        matches!(self.inner, Inner::Postgres(_))
    }

    /// The schema, before and after opening.
    pub fn schema_versions(&self) -> SchemaVersions {
        match &self.inner {
            Inner::Sqlite(sqlite) => sqlite.versions,
            Inner::Postgres(postgres) => postgres.versions,
        }
    }

    /// Connections that are open for reading; on PostgreSQL, for anything.
    pub fn reader_count(&self) -> usize {
        match &self.inner {
            Inner::Sqlite(sqlite) => sqlite.readers.count(),
            Inner::Postgres(postgres) => postgres.count(),
        }
    }

    /// The newest step of the schema that this release knows.
    pub fn newest_schema() -> i64 {
        schema::known()
    }

    /// Times and counts of what the database did.
    pub fn timings(&self) -> &Timings {
        match &self.inner {
            Inner::Sqlite(sqlite) => &sqlite.timings,
            Inner::Postgres(postgres) => &postgres.timings,
        }
    }

    /// Answers a short question: rows found by key. SQLite answers at once, on the calling thread, in microseconds;
    /// PostgreSQL as soon as a connection is free. When a connection is lost, the question is asked once more.
    pub async fn read<T, E: From<Error>>(
        &self,
        question: impl Fn(&Reader<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        match &self.inner {
            Inner::Sqlite(sqlite) => sqlite.read(question),
            Inner::Postgres(postgres) => postgres.read(question).await,
        }
    }

    /// The same on a thread that may wait: one of the blocking pool, or outside of a runtime.
    pub fn read_blocking<T, E: From<Error>>(
        &self,
        question: impl Fn(&Reader<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        match &self.inner {
            Inner::Sqlite(sqlite) => sqlite.read(question),
            Inner::Postgres(postgres) => postgres.read_blocking(question),
        }
    }

    /// Answers a longer question: lists and counts. Runs where waiting disturbs nobody.
    pub async fn list<T, E>(
        &self,
        question: impl Fn(&Reader<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        match &self.inner {
            Inner::Sqlite(sqlite) => sqlite.list(question).await,
            Inner::Postgres(postgres) => postgres.list(question).await,
        }
    }

    /// Answers a list that somebody looks at, and that decides nothing. Where there is a read replica it may be as old as
    /// that may be; an error is always the newest state's.
    pub async fn browse<T, E>(
        &self,
        question: impl Fn(&Reader<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        match &self.inner {
            Inner::Sqlite(sqlite) => sqlite.list(question).await,
            Inner::Postgres(postgres) => postgres.browse(question).await,
        }
    }

    /// Runs a transaction and answers once it is on stable storage. The closure runs to its end even when the caller
    /// stops waiting; when it answers an error, nothing of it stays.
    ///
    /// On PostgreSQL a clone of the closure runs again when the database ended its transaction in favour of another one:
    /// it may change nothing but the database.
    pub async fn write<T, E>(
        &self,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, E> + Clone + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.transact(Durability::Durable, work).await
    }

    /// Like [`write`](Self::write), but answers before the change is safe from a power cut: for leases, counters and
    /// whatever else may be lost without a promise being broken.
    pub async fn write_relaxed<T, E>(
        &self,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, E> + Clone + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.transact(Durability::Relaxed, work).await
    }

    async fn transact<T, E>(
        &self,
        durability: Durability,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, E> + Clone + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        match &self.inner {
            Inner::Sqlite(sqlite) => sqlite.writer.run(durability, work).await,
            Inner::Postgres(postgres) => postgres.write(durability, work).await,
        }
    }

    /// A transaction that runs once, for tests of the one writer of SQLite, whose work need not be cloned.
    #[cfg(test)]
    async fn write_once<T, E>(
        &self,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        match &self.inner {
            Inner::Sqlite(sqlite) => sqlite.writer.run(Durability::Durable, work).await,
            Inner::Postgres(_) => panic!("there is no one writer"),
        }
    }
}
