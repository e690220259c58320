//! A whole database as one text that either database can be made from again.
//!
//! The first line says what it is. Then, table by table, a line with the table's name and its columns, and a line for each
//! row: a JSON list of texts, numbers and nulls. The last line counts the rows. It is written from one consistent read and
//! read into one transaction, a piece at a time, so its length does not matter.
//!
//! Blobs come first, those together whose keys end in the same two digits: whoever only wants to know which objects belong to
//! a snapshot reads its beginning, and compares it with a listing of the store a 256th at a time.

mod export;
mod import;
mod text;

pub use export::export_snapshot;
pub use import::{SnapshotPieces, import_snapshot, require_empty};
pub use text::{SnapshotBlob, SnapshotParser};

use crate::{Error, PostgresOptions};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// What texts of this form are called.
const FORMAT: &str = "roadstead snapshot 1";

/// Where a database is that need not be open.
#[derive(Clone, Debug)]
pub enum DatabasePlace {
    /// A file.
    Sqlite(PathBuf),
    /// A database of a server.
    Postgres(Box<PostgresOptions>),
}

/// What a snapshot says of itself, first of all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotHeader {
    /// The form of the text.
    pub format: String,
    /// The schema that its rows have.
    pub schema_version: i64,
    /// The deployment's key that its secrets are hashed with; `None` before the first start.
    pub deployment_key_id: Option<String>,
    /// Blobs in it.
    pub blobs: u64,
    /// Their bytes.
    pub blob_bytes: u64,
}

impl SnapshotHeader {
    /// Refuses what this release cannot read.
    ///
    /// # Errors
    /// [`SnapshotError::Unreadable`], and [`Error::TooNew`] for rows of a schema that it does not know.
    pub fn require_readable(&self) -> Result<(), SnapshotError> {
        if self.format != FORMAT {
            return Err(SnapshotError::Unreadable(format!(
                "it calls itself {:?}, not {FORMAT:?}",
                self.format
            )));
        }
        let known = crate::schema::known();
        if self.schema_version > known {
            return Err(Error::TooNew {
                found: self.schema_version,
                known,
            }
            .into());
        }
        Ok(())
    }
}

/// Why a snapshot was not made, or not read.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The text is not what a snapshot is.
    #[error("the snapshot is damaged: {0}")]
    Unreadable(String),
    /// There is something in the database already.
    #[error("{0}; a backup is restored into an empty deployment only")]
    NotEmpty(String),
    /// Whoever gives or takes the text failed.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] Error),
}

impl From<rusqlite::Error> for SnapshotError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error.into())
    }
}

/// Tables in a snapshot, in an order in which each comes after those that it refers to.
const KEPT: &[&str] = &[
    "blobs",
    "deployment",
    "accounts",
    "account_addresses",
    "address_claims",
    "address_certificates",
    "identity_sources",
    "users",
    "memberships",
    "access_tokens",
    "namespaces",
    "namespace_claims",
    "grants",
    "operators",
    "repositories",
    "repository_blobs",
    "manifests",
    "manifest_blobs",
    "manifest_children",
    "tags",
    "account_blobs",
    "account_usage",
    "review_queue",
    "repository_blob_reviews",
    "trash",
    "trash_blobs",
    "trash_items",
    "trash_item_blobs",
    "trash_recounts",
    "tag_moves",
    "events",
    "event_chains",
    "webhooks",
    "sinks",
    "mail_policies",
    "mail_addresses",
    "event_followers",
    "webhook_deliveries",
    "quota_refusals",
    "numbers",
    "number_counters",
    "user_profiles",
    "user_groups",
    "user_group_members",
    "robots",
    "trust_rules",
    "oidc_sources",
    "ldap_sources",
    "external_users",
    "source_groups",
    "namespace_settings",
    "network_rules",
    "namespace_network_rules",
    "repository_details",
    "manifest_pulls",
    "labels",
    "manifest_labels",
    "plans",
    "account_terms",
    "account_traffic",
    "roles",
    "role_grants",
    "operator_roles",
    "content_requests",
    "invitations",
    "audit_retention",
    "account_limits",
    "cve_allowlists",
    "immutability_rules",
    "protection_locks",
    "retention_policies",
    "retention_defaults",
    "retention_runs",
    "retention_tasks",
    "retention_lines",
    "unreferenced_blobs",
    "namespace_limits",
    "namespace_blobs",
    "namespace_traffic",
    "account_storage",
    "account_days",
    "closed_months",
    // A job that was running is taken over when its lease is over, as after a crash.
    "jobs",
    "job_lanes",
    "job_logs",
    "account_collections",
    "paused_queues",
    "schedules",
    "collections",
];

/// Tables that stay behind, and why.
#[cfg(test)]
const LEFT: &[(&str, &str)] = &[
    (
        "refresh_tokens",
        "one that was revoked since must not come back; clients log in again",
    ),
    (
        "signing_keys",
        "a deployment makes a new one, and tokens live for minutes",
    ),
    (
        "sessions",
        "one that was ended since must not come back; people log in again",
    ),
    (
        "spent_logins",
        "each is for the minutes in which a login may come back",
    ),
    (
        "mail_confirmations",
        "they count for a day, and nobody is asked by what is restored",
    ),
    ("uploads", "their bytes are not in a backup"),
    ("condemned_objects", "their bytes are not in a backup"),
    ("passes", "what was read was another store"),
    ("replicas", "others serve what is restored"),
    ("backups", "the pins of another deployment"),
    ("schema_steps", "made with the schema"),
    ("schema_version", "made with the schema"),
];

/// Tables that a deployment has rows in before anybody has done anything: no reason to call it in use, and no loss. Each
/// comes before those that it refers to.
const MADE_BY_ITSELF: &[&str] = &[
    "deployment",
    "signing_keys",
    "schedules",
    "job_logs",
    "jobs",
    "job_lanes",
];

/// Whether a word can be the name of a table or a column: nothing else goes into a text of SQL.
fn is_name(word: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    !word.is_empty() && word.len() < 64 && word.bytes().all(is_plain)
}

#[cfg(test)]
mod tests;
