//! What the deployment decided about limits and times. The binary fills it from its configuration.

use crate::job_queue::JobSettings;

/// Settings of the services. Times are in milliseconds, sizes in bytes.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Whom access tokens name as their issuer.
    pub issuer: String,
    /// The service that access tokens are for; the `service` of the challenge.
    pub service: String,
    /// The domain below which every account is reached under its name; lower case.
    pub account_domain: Option<String>,
    /// The host of the deployment's shared address, where that is known; lower case, without a port.
    pub shared_host: Option<String>,
    /// How long an access token lives.
    pub token_lifetime_ms: i64,
    /// How long a refresh token lives.
    pub refresh_token_lifetime_ms: i64,
    /// How long a login by form lives that is not used.
    pub session_lifetime_ms: i64,
    /// How long the secret of a robot account is still good after it was replaced.
    pub robot_secret_overlap_ms: i64,
    /// The fewest days for which an account may keep its audit log.
    pub audit_log_min_days: i64,
    /// How long a checked password is remembered, so that Argon2id does not run for each request of one client.
    pub password_memory_ms: i64,
    /// How long an upload that nobody goes on with is kept.
    pub upload_lifetime_ms: i64,
    /// Open uploads an account may have.
    pub open_uploads_per_account: u32,
    /// What an account may have uploaded and not used: blobs that none of its manifests references, and open uploads.
    pub unreferenced_bytes_per_account: u64,
    /// The largest blob.
    pub blob_bytes: u64,
    /// How long a repository knows a blob that no manifest of it needs; also the delay of a review.
    pub grace_period_ms: i64,
    /// How long deleted manifests can be restored; 0 for not at all.
    pub trash_ms: i64,
    /// How long the bytes of a collected blob are kept: the recovery window of the database.
    pub condemned_ms: i64,
    /// How fast stored blobs are read again; 0 for not at all.
    pub scrub_bytes_per_sec: u64,
    /// From the end of one round of that to the beginning of the next.
    pub scrub_every_ms: i64,
    /// Whether public namespaces may be pulled from without credentials.
    pub allows_anonymous_pull: bool,
    /// Whether an index may name manifests that the repository does not have.
    pub allows_sparse_indexes: bool,
    /// Memory for manifests that are asked for often.
    pub manifest_cache_bytes: u64,
    /// Access tokens and passwords remembered as checked.
    pub remembered_credentials: usize,
    /// The size at which a page of referrers ends.
    pub referrers_page_bytes: usize,
    /// Shares of its storage, in percent, of which an account is warned; 0 for none.
    pub storage_warnings: [u8; 2],
    /// How long an account that is being closed can be restored, unless the operator says otherwise.
    pub closing_grace_ms: i64,
    /// Where requests may go that people's settings cause.
    pub outbound: outbound::Destinations,
    /// Who is asked what names stand for; the system's servers when there are none.
    pub nameservers: Vec<outbound::Nameserver>,
    /// The port at which a host name is proved by plain HTTP.
    pub http_proof_port: u16,
    /// How mail goes out; `None` for none.
    pub mail: Option<crate::MailSettings>,
    /// How jobs share the processes out, and how long they are remembered.
    pub jobs: JobSettings,
}
