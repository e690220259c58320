//! What the registry does: one file per noun of the product.
//!
//! A service gets an [`Access`](access::Access) as proof that its caller may, decides, and changes things in one
//! transaction. Nothing here knows HTTP, SQL or where an object's bytes lie.
//!
//! **Invariant:** no status codes, no SQL text, no storage paths, no environment, no clock of its own. It runs the same
//! under a web server, a job and a command line.

pub mod access;
mod access_facts;
mod access_tokens;
mod account_access;
mod account_collections;
mod account_metrics;
mod account_plan;
mod account_settings;
mod accounts;
mod addresses;
mod administrators;
mod allowances;
mod allowlists;
mod artifacts;
mod assembly;
mod attention;
mod audit;
pub mod authentication;
mod authorizer;
pub mod backup;
mod blobs;
mod certificates;
mod cli_secrets;
mod closing;
mod content_requests;
mod core;
mod credential_scope;
mod deployment;
mod directories;
mod error;
mod first_start;
mod foundation;
mod grants;
mod groups;
mod growth;
mod identity_sources;
mod image_labels;
mod immutability;
mod invitations;
mod issuers;
mod job_queue;
mod labels;
mod limits;
mod listings;
mod locks;
mod login_names;
mod logins;
mod looks;
mod mail;
mod maintenance;
mod management_tokens;
mod manifest_cache;
mod manifests;
mod markdown;
mod members;
mod mounts;
mod namespaces;
mod network_gate;
mod network_rules;
mod numbers;
mod operators;
mod outbox;
mod passwords;
mod plans;
mod policy;
mod protection;
mod pulls_kept;
mod push_plan;
mod quota_refusals;
mod quotas;
mod removal;
mod replicas;
mod repositories;
mod retention;
mod rights;
mod robots;
mod roles;
mod sealer;
mod sessions;
mod settings;
mod signing_keys;
mod sinks;
mod statistics;
mod stored_blobs;
mod tag_ends;
mod tag_history;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(test)]
mod tests;
mod tokens;
mod traffic;
mod trash;
mod trust_rules;
mod upload_lease;
mod uploads;
mod usage;
mod user_standing;
mod users;
mod visibility;
mod webhooks;
mod workloads;

pub use ::blobs::{BlobBody, BlobFile, BlobStream};
pub use access::{
    Access, Authenticated, CallerContext, Delete, Pull, Push, Refused, RepositoryAction, Resource,
};
pub use access_tokens::NewOwnAccessToken;
pub use account_access::{AccountContext, NamespaceRef};
pub use account_collections::{
    AccountCollection, AccountCollectionRun, AccountCollectionSchedule, AccountCollections,
};
pub use account_metrics::AccountMetrics;
pub use account_settings::{AccountSettings, AccountSettingsChange, AccountSettingsService};
pub use accounts::{Accounts, Usage};
pub use addresses::{AccountAddress, AddressClaim, Addresses, ProofMethod};
pub use allowances::{Allowances, Meter, Seat, TransferShare};
pub use allowlists::CveAllowlistText;
pub use artifacts::{
    AccessoryView, Addition, AdditionKind, ArtifactPage, ArtifactParts, ArtifactRef, ArtifactView,
    Artifacts, ChildView, Icon, ImageView, Inspection, MAX_IMAGES, ReferrerNode, Shown, TagView,
    WholeArtifact,
};
pub use assembly::{Parts, Services};
pub use attention::{Attention, Concern};
pub use audit::{
    Audit, AuditChain, AuditEntry, AuditList, AuditPurge, AuditPurgeRun, AuditPurgeSchedule,
    AuditPurges, ChainFault, ChainPosition, ChainProblem, Purged, VerifyStep, to_cadf,
};
pub use authentication::{AuthenticationFailed, Authenticator, Credentials};
pub use authorizer::Authorizer;
pub use blobs::{Blobs, OpenBlob};
pub use certificates::{CertificateView, Certificates, NewCertificate};
pub use closing::{Closing, Receipt};
pub use content_requests::{ContentDecision, ContentRequestText};
pub use deployment::{Deployment, Suspension};
pub use directories::DirectoryGroup;
pub use error::{Error, Result};
pub use first_start::{DEFAULT_ACCOUNT, DEPLOYMENT_KEY_ID, FIRST_NAMESPACE, FIRST_USER};
pub use grants::{GrantPlace, GrantText, Grants, SubjectName};
pub use groups::{GroupRef, GroupView};
pub use identity_sources::{
    DirectoryPerson, IdentitySourceSpec, IdentitySourceView, IdentitySources, LdapSourceSpec,
    LdapSourceView, SourceTrial,
};
pub use immutability::{Immutability, ImmutabilityRef, ImmutabilityView, MAX_RULES};
pub use invitations::{InvitationText, Invitations};
pub use job_queue::{
    AskedJob, Held, JobCounts, JobQueue, JobRequest, JobSettings, NumberedSchedule, Outcome,
    QueueAction, QueueView, Settled, Timing, TimingInvalid,
};
pub use keys::SecretString;
pub use labels::{LabelText, LabelView, Labels};
pub use limits::{LimitsChange, LimitsOfAccount};
pub use listings::{Listings, Referrer, ReferrersQuery};
pub use locks::{LockView, Locked, Locks};
pub use logins::{
    LOGIN_SECS, LoginAnswer, LoginBegun, LoginDone, LoginRefused, LoginSource, LoginWanted, Logins,
};
pub use mail::{MAIL_EVENT_TYPES, Mail, MailSettings, MailView};
pub use maintenance::{
    CollectionRun, CollectionTotals, Finding, FsckPosition, FsckStep, Maintenance, PreviewPosition,
    PreviewStep, Problem, ScrubStep, UsageStep,
};
pub use manifest_cache::CachedManifest;
pub use manifests::{ManifestPush, Manifests, PushedManifest};
pub use members::{GranteeRef, MemberView};
pub use metadata::LockKind;
pub use metadata::ScheduleRow;
pub use metadata::SinkRow;
pub use metadata::{AccessTokenRow as AccessToken, EventFilter, EventRow};
pub use metadata::{AccountFilter, AccountSummary, AccountTerms, DeploymentCounts};
pub use metadata::{AccountLimits, CveAllowlist};
pub use metadata::{AccountMonth, AccountStorage, Traffic as MonthTraffic};
pub use metadata::{BackupEnd, BackupPurpose, DatabasePlace, SnapshotHeader};
pub use metadata::{
    ClaimedJob, Enqueued, JobLogRow as JobLogLine, JobRow as Job, NamespaceRow as Namespace,
    NewJobLogLine, UserRow as User,
};
pub use metadata::{
    CollectionBacklog, CollectionCounts, CollectionFigures, CollectionRow, PassRow, ReplicaRow,
};
pub use metadata::{Comparison, Condition, ListQuery, Listed, Order, Value};
pub use metadata::{ContentRequestRow, GrantRow, GrantSubject, Grantee, OperatorRow};
pub use metadata::{DeliveryRow, FollowerRow, WebhookRow};
pub use metadata::{GroupKind, LdapScope, LdapSettings, UserProfile};
pub use metadata::{ImageFilter, InvitationRow, Tagged};
pub use metadata::{MailAddressRow, MailAddressState};
pub use metadata::{RetentionRunRow, RetentionState, RetentionTaskRow};
pub use metadata::{TagMoveRow, TrashItem, TrashKind};
pub use model::Page;
pub use model::caller::Origin;
pub use namespaces::{
    CreatedNamespace, MAX_NAMESPACES, NamespaceChange, NamespaceView, Namespaces, NewNamespace,
};
pub use network_rules::{NetworkRulesChange, NetworkRulesService, NetworkRulesView};
pub use operators::{OperatorAction, OperatorContext};
pub use passwords::PasswordRefused;
pub use plans::{AccountView, NewPlan};
pub use protection::ImmutabilitySelectors;
pub use quotas::{NamespaceUsage, Quotas};
pub use replicas::{LOOK_IN_EVERY, Replicas};
pub use repositories::{MAX_DESCRIPTION, Repositories, RepositoryRef, RepositoryView};
pub use retention::{
    PreviewArtifact, PreviewRepository, Retention, RetentionPreview, RetentionRef,
    RetentionRunView, RetentionTaskView, RetentionText, RetentionView, RetentionWork,
};
pub use rights::{RightsFound, RightsPlace, RightsSource};
pub use robots::{
    CreatedRobot, Grantable, NamedPermission, NewRobot, PermissionPlace, RobotChange, RobotLevel,
    RobotRef, RobotView, Robots, RobotsOf,
};
pub use roles::{RoleText, Roles};
pub use sealer::Sealer;
pub use sessions::Sessions;
pub use settings::Settings;
pub use sinks::{FollowerCounts, SinkKind, SinkSettings, SinkSpec, SinkTrial, SinkView, Sinks};
pub use statistics::{AccountStatistics, NamespaceSummary, Statistics};
pub use tag_ends::{TagEnd, TagEndView};
pub use tag_history::TagMove;
pub use tokens::{IssuedToken, Tokens};
pub use traffic::{Refusal, RefusalKind, Traffic};
pub use trash::{Restored, Trash, TrashEntry, TrashPage, TrashQuery, TrashSettings, TrashState};
pub use trust_rules::{TrustRuleSpec, TrustRuleView, TrustRules};
pub use uploads::{Chunk, UploadStatus, Uploads};
pub use usage::{AccountUsage, DayUsage, Month, NamespaceMonth, UsageNow, UsageService};
pub use user_standing::UserStanding;
pub use users::{NewAccountUser, UserView};
pub use webhooks::{WEBHOOK_EVENT_TYPES, WebhookKind, WebhookSpec, WebhookView, Webhooks};
pub use workloads::{Exchange, ExchangeRefused, Workloads};
