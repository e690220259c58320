//! Everything that can happen, once. Each is written in the transaction that made it true.

use crate::network::Network;
use crate::robot::Permission;
use oci::{Digest, RepositoryName, Tag};
use serde::Serialize;

/// Who has a role, by name: the field `user`, `group` or `robot` of an event.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Member {
    /// A user.
    User(String),
    /// A group.
    Group(String),
    /// A robot account.
    Robot(String),
}

/// What became of a list of address ranges.
#[derive(Clone, Debug, Default, Serialize)]
pub struct RangesChanged {
    /// Those that were not in it before.
    pub added: Vec<Network>,
    /// Those that are not in it any more.
    pub removed: Vec<Network>,
}

/// A fact. Serialised as `{"kind": "tag.put", …}`; the kinds and fields are a contract with whoever reads events.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "kind")]
pub enum Event {
    /// A manifest was stored that the repository did not have.
    #[serde(rename = "manifest.pushed")]
    ManifestPushed {
        /// Where.
        repository: RepositoryName,
        /// Which.
        digest: Digest,
        /// Its media type.
        media_type: String,
        /// Tags made or moved by the same request.
        tags: Vec<Tag>,
    },
    /// A manifest that was there already got tags.
    #[serde(rename = "tag.put")]
    TagPut {
        /// Where.
        repository: RepositoryName,
        /// The manifest.
        digest: Digest,
        /// The tags made or moved.
        tags: Vec<Tag>,
    },
    /// A tag was deleted; its manifest stays.
    #[serde(rename = "tag.deleted")]
    TagDeleted {
        /// Where.
        repository: RepositoryName,
        /// The tag.
        tag: Tag,
        /// What it pointed at.
        digest: Digest,
    },
    /// A manifest was deleted, with its tags.
    #[serde(rename = "manifest.deleted")]
    ManifestDeleted {
        /// Where.
        repository: RepositoryName,
        /// Which.
        digest: Digest,
        /// The tags that went with it.
        tags: Vec<String>,
    },
    /// A blob was taken from a repository.
    #[serde(rename = "blob.deleted")]
    BlobDeleted {
        /// Where.
        repository: RepositoryName,
        /// Which.
        digest: Digest,
    },
    /// What is said of a repository was changed.
    #[serde(rename = "repository.updated")]
    RepositoryUpdated {
        /// Which.
        repository: RepositoryName,
    },
    /// A repository was deleted, after everything in it.
    #[serde(rename = "repository.deleted")]
    RepositoryDeleted {
        /// Which.
        repository: RepositoryName,
    },
    /// A label was made.
    #[serde(rename = "label.created")]
    LabelCreated {
        /// Its name.
        label: String,
        /// The namespace it is of; none for one of the account.
        namespace: Option<String>,
    },
    /// A label was changed.
    #[serde(rename = "label.updated")]
    LabelUpdated {
        /// Its name.
        label: String,
        /// The namespace it is of; none for one of the account.
        namespace: Option<String>,
    },
    /// A label was deleted, and nothing carries it any more.
    #[serde(rename = "label.deleted")]
    LabelDeleted {
        /// Its name.
        label: String,
        /// The namespace it is of; none for one of the account.
        namespace: Option<String>,
    },
    /// A manifest got a label.
    #[serde(rename = "label.attached")]
    LabelAttached {
        /// Its name.
        label: String,
        /// Where.
        repository: RepositoryName,
        /// The manifest.
        digest: Digest,
    },
    /// A label was taken from a manifest.
    #[serde(rename = "label.detached")]
    LabelDetached {
        /// Its name.
        label: String,
        /// Where.
        repository: RepositoryName,
        /// The manifest.
        digest: Digest,
    },
    /// A namespace was created.
    #[serde(rename = "namespace.created")]
    NamespaceCreated {
        /// Its name.
        namespace: String,
        /// Whether anyone may pull from it.
        is_public: bool,
    },
    /// A namespace was opened to everyone, or closed.
    #[serde(rename = "namespace.updated")]
    NamespaceUpdated {
        /// Its name.
        namespace: String,
        /// Whether anyone may pull from it now.
        is_public: bool,
    },
    /// An empty namespace was deleted.
    #[serde(rename = "namespace.deleted")]
    NamespaceDeleted {
        /// Its name.
        namespace: String,
    },
    /// A user was created.
    #[serde(rename = "user.created")]
    UserCreated {
        /// The user's name.
        user: String,
    },
    /// A user was disabled or enabled.
    #[serde(rename = "user.updated")]
    UserUpdated {
        /// The user's name.
        user: String,
        /// Whether it may no longer log in.
        is_disabled: bool,
    },
    /// A user's password was set.
    #[serde(rename = "user.password_reset")]
    PasswordReset {
        /// The user's name.
        user: String,
    },
    /// A user's profile was changed, by itself or by an administrator.
    #[serde(rename = "user.profile_changed")]
    UserProfileChanged {
        /// The user's name.
        user: String,
    },
    /// A user of another account was taken out of this one.
    #[serde(rename = "user.removed")]
    UserRemoved {
        /// The user's name.
        user: String,
    },
    /// A user was deleted for good.
    #[serde(rename = "user.deleted")]
    UserDeleted {
        /// The user's name.
        user: String,
    },
    /// A user became an administrator of the account.
    #[serde(rename = "administrator.added")]
    AdministratorAdded {
        /// The user's name.
        administrator: String,
    },
    /// A user is no administrator of the account any more.
    #[serde(rename = "administrator.removed")]
    AdministratorRemoved {
        /// The user's name.
        administrator: String,
    },
    /// A user or a group got a role in a namespace, or another one.
    #[serde(rename = "member.added")]
    MemberAdded {
        /// The namespace.
        namespace: String,
        /// Who got it.
        #[serde(flatten)]
        member: Member,
        /// The role.
        role: String,
    },
    /// A user or a group got another role in a namespace.
    #[serde(rename = "member.updated")]
    MemberUpdated {
        /// The namespace.
        namespace: String,
        /// Who got it.
        #[serde(flatten)]
        member: Member,
        /// The role.
        role: String,
    },
    /// A user or a group lost its role in a namespace.
    #[serde(rename = "member.removed")]
    MemberRemoved {
        /// The namespace.
        namespace: String,
        /// Who lost it.
        #[serde(flatten)]
        member: Member,
    },
    /// A group was made.
    #[serde(rename = "group.created")]
    GroupCreated {
        /// Its name.
        group: String,
    },
    /// A group got another name.
    #[serde(rename = "group.renamed")]
    GroupRenamed {
        /// Its name.
        group: String,
        /// Its name before.
        was: String,
    },
    /// A group was deleted, with its roles.
    #[serde(rename = "group.deleted")]
    GroupDeleted {
        /// Its name.
        group: String,
    },
    /// A user was put into a group.
    #[serde(rename = "group.member_added")]
    GroupMemberAdded {
        /// The group's name.
        group: String,
        /// The user's name.
        user: String,
    },
    /// A user was taken out of a group.
    #[serde(rename = "group.member_removed")]
    GroupMemberRemoved {
        /// The group's name.
        group: String,
        /// The user's name.
        user: String,
    },
    /// A personal access token was made.
    #[serde(rename = "access_token.created")]
    AccessTokenCreated {
        /// The user's name.
        user: String,
        /// The token's name.
        token: String,
    },
    /// A personal access token was revoked.
    #[serde(rename = "access_token.revoked")]
    AccessTokenRevoked {
        /// The user's name.
        user: String,
        /// The token's name.
        token: String,
    },
    /// An operator made an account.
    #[serde(rename = "account.created")]
    AccountCreated {
        /// Its name.
        account: String,
    },
    /// An operator let an account do more, or less.
    #[serde(rename = "account.state_changed")]
    AccountStateChanged {
        /// Its name.
        account: String,
        /// What it may do now: `active`, `suspended` or `closing`.
        state: String,
    },
    /// An account got a plan, or another one.
    #[serde(rename = "plan.changed")]
    PlanChanged {
        /// The account's name.
        account: String,
        /// The plan's name.
        plan: String,
    },
    /// An operator made a plan.
    #[serde(rename = "plan.created")]
    PlanCreated {
        /// Its name.
        plan: String,
    },
    /// An operator deleted a plan that no account had.
    #[serde(rename = "plan.deleted")]
    PlanDeleted {
        /// Its name.
        plan: String,
    },
    /// A namespace got a limit of its own, or another one, or lost it.
    #[serde(rename = "namespace.limited")]
    NamespaceLimited {
        /// Its name.
        namespace: String,
        /// What it may use, in bytes; none for as much as the account may.
        limit_bytes: Option<u64>,
    },
    /// An account set limits for itself, or took them away.
    #[serde(rename = "account.limited")]
    AccountLimited {
        /// Its name.
        account: String,
        /// What it may store, in bytes; none for as much as its plan allows.
        storage_bytes: Option<u64>,
        /// What may be pulled from it in a month, in bytes; none for as much as its plan allows.
        pull_bytes_per_month: Option<u64>,
    },
    /// Vulnerabilities that an account, or a namespace of it, accepts were written down anew.
    #[serde(rename = "cve_allowlist.updated")]
    CveAllowlistUpdated {
        /// The namespace's name; none for the account as a whole.
        namespace: Option<String>,
        /// How many there are.
        items: usize,
        /// From when on the list counts for nothing, in seconds since 1970; none for never.
        expires_at: Option<i64>,
    },
    /// A push made an account use so much of its storage that its administrators are to know.
    #[serde(rename = "account.storage_warning")]
    StorageWarning {
        /// Its name.
        account: String,
        /// The share that it has reached, in percent.
        percent: u8,
        /// What it uses, in bytes.
        used_bytes: u64,
        /// What it may use.
        limit_bytes: u64,
    },
    /// An operator began to close an account.
    #[serde(rename = "account.closing")]
    AccountClosing {
        /// Its name.
        account: String,
        /// From when on its content is destroyed.
        destroy_at_ms: i64,
        /// Whether it may be pulled from until then.
        allows_pull: bool,
    },
    /// An account that was to be closed goes on.
    #[serde(rename = "account.restored")]
    AccountRestored {
        /// Its name.
        account: String,
    },
    /// The content of an account was destroyed. Its receipt says how much that was.
    #[serde(rename = "account.destroyed")]
    AccountDestroyed {
        /// Its name.
        account: String,
        /// Manifests that it had.
        manifests: u64,
        /// What they used, in bytes.
        bytes: u64,
    },
    /// The figures of a month will not change any more.
    #[serde(rename = "usage.closed")]
    UsageClosed {
        /// The month, as in `2026-11`.
        usage: String,
    },
    /// A robot account was made.
    #[serde(rename = "robot.created")]
    RobotCreated {
        /// Its whole name.
        robot: String,
        /// The namespace it is of; none for one of the account.
        namespace: Option<String>,
        /// What it may do.
        permissions: Vec<Permission>,
        /// When it ends.
        expires_at_ms: Option<i64>,
    },
    /// A robot account was changed.
    #[serde(rename = "robot.updated")]
    RobotUpdated {
        /// Its whole name.
        robot: String,
        /// The namespace it is of; none for one of the account.
        namespace: Option<String>,
        /// What it may do now.
        permissions: Vec<Permission>,
        /// When it ends now.
        expires_at_ms: Option<i64>,
        /// Whether it may not log in.
        is_disabled: bool,
    },
    /// A robot account got another secret.
    #[serde(rename = "robot.secret_reset")]
    RobotSecretReset {
        /// Its whole name.
        robot: String,
        /// The namespace it is of; none for one of the account.
        namespace: Option<String>,
    },
    /// A robot account was deleted.
    #[serde(rename = "robot.deleted")]
    RobotDeleted {
        /// Its whole name.
        robot: String,
        /// The namespace it is of; none for one of the account.
        namespace: Option<String>,
    },
    /// A trust rule was made.
    #[serde(rename = "trust_rule.created")]
    TrustRuleCreated {
        /// Its name.
        trust_rule: String,
        /// Whose tokens it believes.
        issuer: String,
        /// What workloads may do by it.
        permissions: Vec<Permission>,
    },
    /// A trust rule was changed.
    #[serde(rename = "trust_rule.updated")]
    TrustRuleUpdated {
        /// Its name.
        trust_rule: String,
        /// Whose tokens it believes now.
        issuer: String,
        /// What workloads may do by it now.
        permissions: Vec<Permission>,
        /// Whether it believes nobody at present.
        is_disabled: bool,
    },
    /// A trust rule was deleted.
    #[serde(rename = "trust_rule.deleted")]
    TrustRuleDeleted {
        /// Its name.
        trust_rule: String,
    },
    /// A source of identities was added.
    #[serde(rename = "identity_source.created")]
    IdentitySourceCreated {
        /// Its name.
        identity_source: String,
        /// Who vouches.
        issuer: String,
    },
    /// A source of identities was changed.
    #[serde(rename = "identity_source.updated")]
    IdentitySourceUpdated {
        /// Its name.
        identity_source: String,
        /// Which settings; never what a secret is.
        settings: Vec<String>,
    },
    /// A source of identities was taken away, and nobody logs in by it any more.
    #[serde(rename = "identity_source.deleted")]
    IdentitySourceDeleted {
        /// Its name.
        identity_source: String,
    },
    /// Settings of an account were changed.
    #[serde(rename = "configuration.updated")]
    ConfigurationUpdated {
        /// Which.
        settings: Vec<String>,
    },
    /// An operator made a host name an account's own.
    #[serde(rename = "address.added")]
    AddressAdded {
        /// The name.
        address: String,
    },
    /// A host name was taken from an account.
    #[serde(rename = "address.removed")]
    AddressRemoved {
        /// The name.
        address: String,
    },
    /// The account said that a host name is its own.
    #[serde(rename = "address.claimed")]
    AddressClaimed {
        /// The name.
        address: String,
    },
    /// It took that back.
    #[serde(rename = "address.unclaimed")]
    AddressUnclaimed {
        /// The name.
        address: String,
    },
    /// The account proved it, and the name became its own.
    #[serde(rename = "address.proved")]
    AddressProved {
        /// The name.
        address: String,
        /// `dns` or `http`.
        method: String,
    },
    /// A host name of the account got a certificate.
    #[serde(rename = "address.certificate_put")]
    AddressCertificatePut {
        /// The name.
        address: String,
        /// SHA-256 of the certificate.
        fingerprint: String,
        /// When it ends.
        ends_at: String,
    },
    /// A host name of the account lost its certificate; the deployment's is shown for it now.
    #[serde(rename = "address.certificate_deleted")]
    AddressCertificateDeleted {
        /// The name.
        address: String,
    },
    /// A certificate of the account ends soon, or has ended.
    #[serde(rename = "address.certificate_ending")]
    AddressCertificateEnding {
        /// The name.
        address: String,
        /// In how many days at most; 0 when it has ended.
        days: i64,
        /// When it ends.
        ends_at: String,
    },
    /// From where an account, or a namespace of it, may be reached was changed.
    #[serde(rename = "network_rules.updated")]
    NetworkRulesUpdated {
        /// Whether the account is reached through private listeners only now.
        private_only: bool,
        /// The namespace whose list was changed; none for the account's own.
        namespace: Option<String>,
        /// Of the list for management.
        management: RangesChanged,
        /// Of the list for images.
        registry: RangesChanged,
    },
    /// An account may be reached from everywhere again, whatever its rules were.
    #[serde(rename = "network_rules.cleared")]
    NetworkRulesCleared,
    /// An operator had the collector run.
    #[serde(rename = "garbage.collected")]
    GarbageCollected {
        /// Blobs that went.
        blobs: u64,
        /// Their bytes.
        bytes: u64,
    },
    /// An operator made a backup.
    #[serde(rename = "backup.made")]
    BackupMade {
        /// Where it is kept.
        place: String,
        /// Whether every blob could be read.
        is_whole: bool,
    },
    /// An account's running total was not what its manifests add up to, and was corrected.
    #[serde(rename = "usage.corrected")]
    UsageCorrected {
        /// What it was, in bytes.
        was: u64,
        /// What it is now.
        is: u64,
    },
    /// A caller logged in: with a password, an access token or a robot account's secret.
    #[serde(rename = "user.logged_in")]
    LoggedIn {
        /// The user's or robot account's name.
        user: String,
        /// What it got: `token` or `session`.
        given: &'static str,
        /// How often, since this was last written.
        count: u64,
    },
    /// A session was ended by its user.
    #[serde(rename = "user.logged_out")]
    LoggedOut {
        /// The user's name.
        user: String,
    },
    /// Logins from one address that were refused within one minute.
    #[serde(rename = "login.refused")]
    LoginRefused {
        /// Those of the names that somebody has, some of them at most. Others may be passwords in the wrong field.
        users: Vec<String>,
        /// How many logins.
        count: u64,
        /// Whether it is about all addresses that there was no place to remember one by one.
        is_of_others: bool,
    },
    /// Requests from one address that were refused to whoever was logged in, or to its token, within one minute.
    #[serde(rename = "access.refused")]
    AccessRefused {
        /// Who asked, some of them at most.
        users: Vec<String>,
        /// How many requests.
        count: u64,
        /// Whether it is about all addresses that there was no place to remember one by one.
        is_of_others: bool,
        /// Whether the account's network rules refused them, to whomever it was.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        by_network_rules: bool,
    },
    /// A manifest was pulled.
    #[serde(rename = "manifest.pulled")]
    ManifestPulled {
        /// From where.
        repository: RepositoryName,
        /// Which.
        digest: Digest,
        /// The tag that it was asked for by; `None` when it was asked for by its digest.
        tag: Option<Tag>,
        /// How often by this caller, since this was last written.
        count: u64,
    },
    /// A role of the account's own was made.
    #[serde(rename = "role.created")]
    RoleCreated {
        /// Its name.
        role: String,
        /// What it holds.
        actions: Vec<String>,
    },
    /// A role of the account's own was changed, and so was what everyone may do who has it.
    #[serde(rename = "role.updated")]
    RoleUpdated {
        /// Its name.
        role: String,
        /// Its name before.
        was: String,
        /// What it holds now.
        actions: Vec<String>,
    },
    /// A role of the account's own was deleted.
    #[serde(rename = "role.deleted")]
    RoleDeleted {
        /// Its name.
        role: String,
    },
    /// Somebody got a role.
    #[serde(rename = "grant.created")]
    GrantCreated {
        /// Who.
        #[serde(flatten)]
        member: Member,
        /// The role.
        role: String,
        /// The namespace that it is for; none for the whole account.
        namespace: Option<String>,
        /// The pattern of the repositories in it; none for all.
        repositories: Option<String>,
    },
    /// Somebody lost a role.
    #[serde(rename = "grant.deleted")]
    GrantDeleted {
        /// Who.
        #[serde(flatten)]
        member: Member,
        /// The role.
        role: String,
        /// The namespace that it was for; none for the whole account.
        namespace: Option<String>,
        /// The pattern of the repositories in it; none for all.
        repositories: Option<String>,
    },
    /// A user got a role of the deployment's operators.
    #[serde(rename = "operator.added")]
    OperatorAdded {
        /// The user's name.
        operator: String,
        /// The role.
        role: String,
    },
    /// A user lost a role of the deployment's operators.
    #[serde(rename = "operator.removed")]
    OperatorRemoved {
        /// The user's name.
        operator: String,
        /// The role.
        role: String,
    },
    /// Somebody was invited to become a member of the account.
    #[serde(rename = "invitation.created")]
    InvitationCreated {
        /// The invitation.
        invitation: String,
        /// The name that was written; nobody may have it.
        user: String,
        /// The role that it brings.
        role: String,
        /// The namespace that the role is for; none for the whole account.
        namespace: Option<String>,
        /// Until when it can be accepted.
        expires_at_ms: i64,
    },
    /// An invitation was taken back.
    #[serde(rename = "invitation.revoked")]
    InvitationRevoked {
        /// The invitation.
        invitation: String,
        /// The name that was written.
        user: String,
    },
    /// Whoever was invited accepted, and is a member now.
    #[serde(rename = "invitation.accepted")]
    InvitationAccepted {
        /// The invitation.
        invitation: String,
        /// Who.
        user: String,
    },
    /// Whoever was invited does not want to be a member.
    #[serde(rename = "invitation.declined")]
    InvitationDeclined {
        /// The invitation.
        invitation: String,
        /// Who.
        user: String,
    },
    /// An operator asked to see what is in an account.
    #[serde(rename = "content_request.created")]
    ContentRequested {
        /// The request.
        content_request: String,
        /// The account's name.
        account: String,
        /// The operator's name.
        operator: String,
        /// The only namespace that it is about; none for all.
        namespace: Option<String>,
        /// Why.
        reason: String,
        /// For how long.
        hours: i64,
    },
    /// An account's administrator allowed it, for a time.
    #[serde(rename = "content_request.granted")]
    ContentRequestGranted {
        /// The request.
        content_request: String,
        /// The account's name.
        account: String,
        /// The operator's name.
        operator: String,
        /// Until when.
        expires_at_ms: i64,
    },
    /// It was not allowed, or is allowed no longer, or is not wanted any more.
    #[serde(rename = "content_request.ended")]
    ContentRequestEnded {
        /// The request.
        content_request: String,
        /// The account's name.
        account: String,
        /// The operator's name.
        operator: String,
        /// `declined`, `revoked` or `withdrawn`.
        state: String,
    },
    /// An operator looked at something that is in the account, as its administrator had allowed.
    #[serde(rename = "content.seen")]
    ContentSeen {
        /// The request.
        content_request: String,
        /// What it did.
        action: String,
        /// The repository that it was about.
        #[serde(skip_serializing_if = "Option::is_none")]
        repository: Option<String>,
        /// The namespace that it was about; neither for a list over all.
        namespace: Option<String>,
    },
    /// A namespace got rules of what stays and what goes.
    #[serde(rename = "retention_policy.created")]
    RetentionPolicyCreated {
        /// The namespace's name.
        namespace: String,
        /// How many rules.
        rules: usize,
        /// When they are followed by themselves; none for never.
        cron: Option<String>,
    },
    /// They were written anew.
    #[serde(rename = "retention_policy.updated")]
    RetentionPolicyUpdated {
        /// The namespace's name.
        namespace: String,
        /// How many rules there are now.
        rules: usize,
        /// When they are followed by themselves now.
        cron: Option<String>,
    },
    /// A namespace has no such rules any more.
    #[serde(rename = "retention_policy.deleted")]
    RetentionPolicyDeleted {
        /// The namespace's name.
        namespace: String,
    },
    /// The rules that new namespaces of the account begin with were written.
    #[serde(rename = "retention_default.updated")]
    RetentionDefaultUpdated {
        /// How many.
        rules: usize,
        /// When they are followed by themselves.
        cron: Option<String>,
    },
    /// New namespaces of the account begin without rules.
    #[serde(rename = "retention_default.deleted")]
    RetentionDefaultDeleted {},
    /// The rules of a namespace are followed, or tried.
    #[serde(rename = "retention.started")]
    RetentionStarted {
        /// The namespace's name.
        namespace: String,
        /// The run.
        retention: String,
        /// Whether nothing goes.
        is_dry_run: bool,
        /// `manual` or `schedule`.
        trigger: String,
    },
    /// That ended.
    #[serde(rename = "retention.finished")]
    RetentionFinished {
        /// The namespace's name.
        namespace: String,
        /// The run.
        retention: String,
        /// `done`, `stopped` or `failed`.
        status: String,
        /// Whether nothing went.
        is_dry_run: bool,
        /// `manual` or `schedule`.
        trigger: String,
        /// Artifacts that were looked at.
        total: i64,
        /// Those that stay by the rules.
        retained: i64,
        /// Those that went, or would have.
        removed: i64,
    },
    /// A webhook was made.
    #[serde(rename = "webhook.created")]
    WebhookCreated {
        /// Its name.
        webhook: String,
        /// The namespace whose events it is told of.
        namespace: String,
        /// Where it is: scheme and host, and nothing behind them.
        receiver: String,
    },
    /// A webhook was changed.
    #[serde(rename = "webhook.updated")]
    WebhookUpdated {
        /// Its name.
        webhook: String,
        /// The namespace whose events it is told of.
        namespace: String,
        /// Where it is now: scheme and host, and nothing behind them.
        receiver: String,
        /// Which settings; never what a secret is.
        settings: Vec<String>,
    },
    /// A webhook was deleted, with what it was still to be told.
    #[serde(rename = "webhook.deleted")]
    WebhookDeleted {
        /// Its name.
        webhook: String,
        /// The namespace whose events it was told of.
        namespace: String,
    },
    /// Somebody had a trial sent to a webhook.
    #[serde(rename = "webhook.tested")]
    WebhookTested {
        /// Its name.
        webhook: String,
        /// The namespace that it is of.
        namespace: String,
        /// The delivery's number.
        delivery: i64,
    },
    /// Somebody had a webhook told of something again.
    #[serde(rename = "webhook.redelivered")]
    WebhookRedelivered {
        /// Its name.
        webhook: String,
        /// The namespace that it is of.
        namespace: String,
        /// The new delivery's number.
        delivery: i64,
        /// The number of the delivery that is sent again.
        of: i64,
    },
    /// A webhook is told of nothing any more, because its receiver failed for a day.
    #[serde(rename = "webhook.paused")]
    WebhookPaused {
        /// Its name.
        webhook: String,
        /// The namespace that it is of.
        namespace: String,
        /// Since when it failed.
        failing_since_ms: i64,
        /// Deliveries that were given up.
        given_up: u64,
    },
    /// A webhook that was paused is told of what happens again.
    #[serde(rename = "webhook.resumed")]
    WebhookResumed {
        /// Its name.
        webhook: String,
        /// The namespace that it is of.
        namespace: String,
        /// Whether what happened meanwhile is left out.
        skips: bool,
    },
    /// A sink was made.
    #[serde(rename = "sink.created")]
    SinkCreated {
        /// Its name.
        sink: String,
        /// Where it is: scheme, host and port, and nothing behind them.
        receiver: String,
    },
    /// A sink was changed.
    #[serde(rename = "sink.updated")]
    SinkUpdated {
        /// Its name.
        sink: String,
        /// Where it is now: scheme, host and port, and nothing behind them.
        receiver: String,
        /// Which settings; never what a secret is.
        settings: Vec<String>,
    },
    /// A sink was deleted.
    #[serde(rename = "sink.deleted")]
    SinkDeleted {
        /// Its name.
        sink: String,
    },
    /// Somebody had a trial sent to a sink.
    #[serde(rename = "sink.tested")]
    SinkTested {
        /// Its name.
        sink: String,
        /// Whether its receiver took it.
        is_delivered: bool,
    },
    /// Nothing is sent to a sink any more, because its receiver failed for a day.
    #[serde(rename = "sink.paused")]
    SinkPaused {
        /// Its name.
        sink: String,
        /// Since when it failed.
        failing_since_ms: i64,
    },
    /// A sink that was paused goes on.
    #[serde(rename = "sink.resumed")]
    SinkResumed {
        /// Its name.
        sink: String,
        /// Whether what happened meanwhile is left out.
        skips: bool,
    },
    /// Somebody decided of what the account is told by mail.
    #[serde(rename = "mail.updated")]
    MailUpdated {
        /// The kinds of events.
        event_types: Vec<String>,
    },
    /// An address for mail was written down; it is not told of anything before it is confirmed.
    #[serde(rename = "mail_address.added")]
    MailAddressAdded {
        /// Its id; what it is stands in no log.
        mail_address: String,
    },
    /// Another code was asked for, by which an address for mail is confirmed.
    #[serde(rename = "mail_address.asked")]
    MailAddressAsked {
        /// Its id.
        mail_address: String,
    },
    /// Whoever reads the mail of an address agreed to be told.
    #[serde(rename = "mail_address.confirmed")]
    MailAddressConfirmed {
        /// Its id.
        mail_address: String,
    },
    /// An address for mail was taken away.
    #[serde(rename = "mail_address.removed")]
    MailAddressRemoved {
        /// Its id.
        mail_address: String,
        /// Whether whoever reads its mail did that.
        by_recipient: bool,
    },
    /// The mail server takes nothing for an address any more.
    #[serde(rename = "mail_address.refused")]
    MailAddressRefused {
        /// Its id.
        mail_address: String,
    },
    /// Nobody is told by mail any more, because the mail server failed for a day.
    #[serde(rename = "mail.paused")]
    MailPaused {
        /// Since when it failed.
        failing_since_ms: i64,
    },
    /// Mail that was paused goes on.
    #[serde(rename = "mail.resumed")]
    MailResumed {
        /// Whether what happened meanwhile is left out.
        skips: bool,
    },
    /// Somebody asked for a purge of the audit log, or for a look at what it would take.
    #[serde(rename = "audit_purge.started")]
    AuditPurgeStarted {
        /// Its job.
        job: String,
        /// Whether nothing goes.
        is_dry_run: bool,
        /// How old what goes has to be, in hours.
        hours: i64,
    },
    /// It was decided when the audit log is purged by itself.
    #[serde(rename = "audit_purge.scheduled")]
    AuditPurgeScheduled {
        /// When, in UTC; nothing for never.
        cron: Option<String>,
        /// How old what goes has to be, in hours; nothing without a schedule.
        hours: Option<i64>,
    },
    /// Somebody asked for a collection of the account's garbage, or for a look at what it would take.
    #[serde(rename = "garbage_collection.started")]
    GarbageCollectionStarted {
        /// Its job.
        job: String,
        /// Whether nothing goes.
        is_dry_run: bool,
        /// Whether manifests without a tag go, too.
        deletes_untagged: bool,
    },
    /// A collection of the account's garbage came to its end.
    #[serde(rename = "garbage_collection.finished")]
    GarbageCollectionFinished {
        /// Its job.
        job: String,
        /// Whether nothing went.
        is_dry_run: bool,
        /// Manifests that went, or would have.
        manifests: u64,
        /// Blobs that the account needs or knows no more.
        blobs: u64,
        /// Uploads that were ended.
        uploads: u64,
        /// Bytes that all of it counted for.
        freed_bytes: u64,
    },
    /// It was decided when the account's garbage is collected, beyond what the registry does by itself.
    #[serde(rename = "garbage_collection.scheduled")]
    GarbageCollectionScheduled {
        /// When, in UTC; nothing for never.
        cron: Option<String>,
        /// Whether manifests without a tag go, too; nothing without a schedule.
        deletes_untagged: Option<bool>,
    },
    /// What a job was to do is tried again by another.
    #[serde(rename = "job.retried")]
    JobRetried {
        /// The new one.
        job: String,
        /// What it is about to do.
        job_kind: String,
        /// The one that failed.
        instead_of: String,
    },
    /// A job was stopped before it had ended.
    #[serde(rename = "job.stopped")]
    JobStopped {
        /// Its id.
        job: String,
        /// What it was about to do.
        job_kind: String,
    },
    /// A job failed as often as it was to be tried; why, its log says.
    #[serde(rename = "job.failed")]
    JobFailed {
        /// Its id.
        job: String,
        /// What it was to do.
        job_kind: String,
        /// How often it was tried.
        attempts: i64,
    },
    /// Jobs of a kind were stopped before they had begun.
    #[serde(rename = "job_queue.stopped")]
    JobQueueStopped {
        /// What they were to do.
        job_kind: String,
        /// How many.
        jobs: u64,
    },
    /// Jobs of a kind do not begin any more.
    #[serde(rename = "job_queue.paused")]
    JobQueuePaused {
        /// What they are to do.
        job_kind: String,
    },
    /// Jobs of a kind begin again.
    #[serde(rename = "job_queue.resumed")]
    JobQueueResumed {
        /// What they are to do.
        job_kind: String,
    },
    /// What an account that has sinks uses, once an hour.
    #[serde(rename = "usage.hour")]
    UsageHour {
        /// The hour that is over, as it began: RFC 3339.
        usage: String,
        /// Bytes of the account's distinct digests at its end.
        used_bytes: u64,
        /// What they may be.
        storage_limit_bytes: Option<u64>,
        /// Bytes pulled in the month so far.
        pull_bytes: u64,
        /// What they may be.
        pull_limit_bytes: Option<u64>,
        /// Manifests pulled in the month so far.
        pulls: u64,
        /// Manifests pushed in the month so far.
        pushes: u64,
    },
    /// Events were purged before a webhook or a sink had read them.
    #[serde(rename = "events.missed")]
    EventsMissed {
        /// What should have read them: `webhook`, `sink` or `mail`, and its id.
        follower: String,
        /// The number of the first.
        from: i64,
        /// The number of the last.
        through: i64,
    },
    /// Pushes were refused because there is no room; said at most once a minute for each namespace.
    #[serde(rename = "quota.exceeded")]
    QuotaExceeded {
        /// The namespace that was pushed to.
        namespace: String,
        /// The repository.
        repository: RepositoryName,
        /// Whose limit it was: `account` or `namespace`.
        limit_of: &'static str,
        /// The limit, in bytes.
        limit_bytes: u64,
    },
    /// It was decided for how long this log is kept.
    #[serde(rename = "audit_log.kept")]
    AuditLogKept {
        /// For how many days; none for ever.
        days: Option<i64>,
    },
    /// The oldest part of this log was purged.
    #[serde(rename = "audit_log.purged")]
    AuditLogPurged {
        /// The number of the newest event that is gone.
        through: i64,
    },
    /// Something came back from the trash.
    #[serde(rename = "trash.restored")]
    TrashRestored {
        /// What: a manifest or tag with its repository's name before it, a repository or a namespace.
        trash: String,
        /// The repository that it came back to.
        #[serde(skip_serializing_if = "Option::is_none")]
        repository: Option<RepositoryName>,
        /// The manifest, or the one that the tag points at.
        #[serde(skip_serializing_if = "Option::is_none")]
        digest: Option<Digest>,
        /// The tags that point at it again.
        tags: Vec<Tag>,
    },
    /// A namespace got a rule of immutability.
    #[serde(rename = "immutability_rule.created")]
    ImmutabilityRuleCreated {
        /// What it says: repositories, then tags.
        immutability_rule: String,
        /// The namespace's name.
        namespace: String,
    },
    /// Such a rule was written anew, switched on or off.
    #[serde(rename = "immutability_rule.updated")]
    ImmutabilityRuleUpdated {
        /// What it says now.
        immutability_rule: String,
        /// The namespace's name.
        namespace: String,
        /// Whether it is in effect.
        is_enabled: bool,
    },
    /// A rule of immutability was deleted.
    #[serde(rename = "immutability_rule.deleted")]
    ImmutabilityRuleDeleted {
        /// What it said.
        immutability_rule: String,
        /// The namespace's name.
        namespace: String,
    },
    /// A tag or a manifest was locked: it is neither changed nor deleted.
    #[serde(rename = "lock.created")]
    LockCreated {
        /// Where.
        repository: RepositoryName,
        /// The tag.
        #[serde(skip_serializing_if = "Option::is_none")]
        tag: Option<Tag>,
        /// The manifest.
        #[serde(skip_serializing_if = "Option::is_none")]
        digest: Option<Digest>,
    },
    /// It is not locked any more.
    #[serde(rename = "lock.deleted")]
    LockDeleted {
        /// Where.
        repository: RepositoryName,
        /// The tag.
        #[serde(skip_serializing_if = "Option::is_none")]
        tag: Option<Tag>,
        /// The manifest.
        #[serde(skip_serializing_if = "Option::is_none")]
        digest: Option<Digest>,
    },
    /// It was decided when a tag ends, or that it does not.
    #[serde(rename = "tag_end.updated")]
    TagEndUpdated {
        /// Where.
        repository: RepositoryName,
        /// The tag.
        tag: Tag,
        /// When, in milliseconds since 1970.
        ends_at_ms: Option<i64>,
    },
    /// A tag's time had come: it is deleted, and another event says so.
    #[serde(rename = "tag.expired")]
    TagExpired {
        /// Where.
        repository: RepositoryName,
        /// The tag.
        tag: Tag,
        /// What it pointed at, which stays.
        digest: Digest,
        /// When its time had come, in milliseconds since 1970.
        ends_at_ms: i64,
    },
    /// Somebody purged things from the trash.
    #[serde(rename = "trash.emptied")]
    TrashEmptied {
        /// How many.
        count: u64,
        /// With what they were deleted; all of the trash without it.
        #[serde(skip_serializing_if = "Option::is_none")]
        trash: Option<String>,
    },
    /// Things went from the trash for good.
    #[serde(rename = "trash.purged")]
    TrashPurged {
        /// How many.
        count: u64,
        /// `expired` when their time had come, `limit` when there was too much.
        reason: String,
    },
    /// A tag was pointed where it had pointed before.
    #[serde(rename = "tag.reverted")]
    TagReverted {
        /// Where.
        repository: RepositoryName,
        /// The tag.
        tag: Tag,
        /// The manifest.
        digest: Digest,
    },
}

macro_rules! kinds {
    ($($variant:ident = $kind:literal,)*) => {
        impl Event {
            /// Every kind that there is.
            pub const KINDS: &[&str] = &[$($kind,)*];

            /// The event's kind, as in its JSON.
            pub fn kind(&self) -> &'static str {
                match self { $(Self::$variant { .. } => $kind,)* }
            }
        }
    };
}

// A kind is a noun and what was done to it; what it was done to has the noun for its field. The audit log reads both.
kinds! {
    ManifestPushed = "manifest.pushed",
    TagPut = "tag.put",
    TagDeleted = "tag.deleted",
    ManifestDeleted = "manifest.deleted",
    BlobDeleted = "blob.deleted",
    RepositoryUpdated = "repository.updated",
    RepositoryDeleted = "repository.deleted",
    LabelCreated = "label.created",
    LabelUpdated = "label.updated",
    LabelDeleted = "label.deleted",
    LabelAttached = "label.attached",
    LabelDetached = "label.detached",
    NamespaceCreated = "namespace.created",
    NamespaceUpdated = "namespace.updated",
    NamespaceDeleted = "namespace.deleted",
    UserCreated = "user.created",
    UserUpdated = "user.updated",
    PasswordReset = "user.password_reset",
    UserProfileChanged = "user.profile_changed",
    UserRemoved = "user.removed",
    UserDeleted = "user.deleted",
    AdministratorAdded = "administrator.added",
    AdministratorRemoved = "administrator.removed",
    MemberAdded = "member.added",
    MemberUpdated = "member.updated",
    MemberRemoved = "member.removed",
    GroupCreated = "group.created",
    GroupRenamed = "group.renamed",
    GroupDeleted = "group.deleted",
    GroupMemberAdded = "group.member_added",
    GroupMemberRemoved = "group.member_removed",
    AccessTokenCreated = "access_token.created",
    AccessTokenRevoked = "access_token.revoked",
    AccountCreated = "account.created",
    AccountStateChanged = "account.state_changed",
    PlanChanged = "plan.changed",
    PlanCreated = "plan.created",
    PlanDeleted = "plan.deleted",
    NamespaceLimited = "namespace.limited",
    AccountLimited = "account.limited",
    CveAllowlistUpdated = "cve_allowlist.updated",
    StorageWarning = "account.storage_warning",
    AccountClosing = "account.closing",
    AccountRestored = "account.restored",
    AccountDestroyed = "account.destroyed",
    UsageClosed = "usage.closed",
    RobotCreated = "robot.created",
    RobotUpdated = "robot.updated",
    RobotSecretReset = "robot.secret_reset",
    RobotDeleted = "robot.deleted",
    TrustRuleCreated = "trust_rule.created",
    TrustRuleUpdated = "trust_rule.updated",
    TrustRuleDeleted = "trust_rule.deleted",
    IdentitySourceCreated = "identity_source.created",
    IdentitySourceUpdated = "identity_source.updated",
    IdentitySourceDeleted = "identity_source.deleted",
    ConfigurationUpdated = "configuration.updated",
    AddressAdded = "address.added",
    AddressRemoved = "address.removed",
    AddressClaimed = "address.claimed",
    AddressUnclaimed = "address.unclaimed",
    AddressProved = "address.proved",
    AddressCertificatePut = "address.certificate_put",
    AddressCertificateDeleted = "address.certificate_deleted",
    AddressCertificateEnding = "address.certificate_ending",
    NetworkRulesUpdated = "network_rules.updated",
    NetworkRulesCleared = "network_rules.cleared",
    GarbageCollected = "garbage.collected",
    BackupMade = "backup.made",
    UsageCorrected = "usage.corrected",
    LoggedIn = "user.logged_in",
    LoggedOut = "user.logged_out",
    LoginRefused = "login.refused",
    AccessRefused = "access.refused",
    ManifestPulled = "manifest.pulled",
    RoleCreated = "role.created",
    RoleUpdated = "role.updated",
    RoleDeleted = "role.deleted",
    GrantCreated = "grant.created",
    GrantDeleted = "grant.deleted",
    OperatorAdded = "operator.added",
    OperatorRemoved = "operator.removed",
    InvitationCreated = "invitation.created",
    InvitationRevoked = "invitation.revoked",
    InvitationAccepted = "invitation.accepted",
    InvitationDeclined = "invitation.declined",
    ContentRequested = "content_request.created",
    ContentRequestGranted = "content_request.granted",
    ContentRequestEnded = "content_request.ended",
    ContentSeen = "content.seen",
    RetentionPolicyCreated = "retention_policy.created",
    RetentionPolicyUpdated = "retention_policy.updated",
    RetentionPolicyDeleted = "retention_policy.deleted",
    RetentionDefaultUpdated = "retention_default.updated",
    RetentionDefaultDeleted = "retention_default.deleted",
    RetentionStarted = "retention.started",
    RetentionFinished = "retention.finished",
    WebhookCreated = "webhook.created",
    WebhookUpdated = "webhook.updated",
    WebhookDeleted = "webhook.deleted",
    WebhookTested = "webhook.tested",
    WebhookRedelivered = "webhook.redelivered",
    WebhookPaused = "webhook.paused",
    WebhookResumed = "webhook.resumed",
    SinkCreated = "sink.created",
    SinkUpdated = "sink.updated",
    SinkDeleted = "sink.deleted",
    SinkTested = "sink.tested",
    SinkPaused = "sink.paused",
    SinkResumed = "sink.resumed",
    MailUpdated = "mail.updated",
    MailAddressAdded = "mail_address.added",
    MailAddressAsked = "mail_address.asked",
    MailAddressConfirmed = "mail_address.confirmed",
    MailAddressRemoved = "mail_address.removed",
    MailAddressRefused = "mail_address.refused",
    MailPaused = "mail.paused",
    MailResumed = "mail.resumed",
    AuditPurgeStarted = "audit_purge.started",
    AuditPurgeScheduled = "audit_purge.scheduled",
    GarbageCollectionStarted = "garbage_collection.started",
    GarbageCollectionFinished = "garbage_collection.finished",
    GarbageCollectionScheduled = "garbage_collection.scheduled",
    JobRetried = "job.retried",
    JobStopped = "job.stopped",
    JobFailed = "job.failed",
    JobQueuePaused = "job_queue.paused",
    JobQueueResumed = "job_queue.resumed",
    JobQueueStopped = "job_queue.stopped",
    UsageHour = "usage.hour",
    EventsMissed = "events.missed",
    QuotaExceeded = "quota.exceeded",
    AuditLogKept = "audit_log.kept",
    AuditLogPurged = "audit_log.purged",
    TrashRestored = "trash.restored",
    ImmutabilityRuleCreated = "immutability_rule.created",
    ImmutabilityRuleUpdated = "immutability_rule.updated",
    ImmutabilityRuleDeleted = "immutability_rule.deleted",
    LockCreated = "lock.created",
    LockDeleted = "lock.deleted",
    TagEndUpdated = "tag_end.updated",
    TagExpired = "tag.expired",
    TrashEmptied = "trash.emptied",
    TrashPurged = "trash.purged",
    TagReverted = "tag.reverted",
}
