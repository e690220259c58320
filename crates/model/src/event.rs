//! Everything that can happen, once. Each is written in the transaction that made it true.

use oci::{Digest, RepositoryName, Tag};
use serde::Serialize;

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
    /// A user got a role in a namespace, or another one.
    #[serde(rename = "member.added")]
    MemberAdded {
        /// The namespace.
        namespace: String,
        /// The user's name.
        user: String,
        /// The role.
        role: String,
    },
    /// A user lost its role in a namespace.
    #[serde(rename = "member.removed")]
    MemberRemoved {
        /// The namespace.
        namespace: String,
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
}

impl Event {
    /// The event's kind, as in its JSON.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::ManifestPushed { .. } => "manifest.pushed",
            Self::TagPut { .. } => "tag.put",
            Self::TagDeleted { .. } => "tag.deleted",
            Self::ManifestDeleted { .. } => "manifest.deleted",
            Self::BlobDeleted { .. } => "blob.deleted",
            Self::NamespaceCreated { .. } => "namespace.created",
            Self::NamespaceUpdated { .. } => "namespace.updated",
            Self::NamespaceDeleted { .. } => "namespace.deleted",
            Self::UserCreated { .. } => "user.created",
            Self::UserUpdated { .. } => "user.updated",
            Self::PasswordReset { .. } => "user.password_reset",
            Self::MemberAdded { .. } => "member.added",
            Self::MemberRemoved { .. } => "member.removed",
            Self::AccessTokenCreated { .. } => "access_token.created",
            Self::AccessTokenRevoked { .. } => "access_token.revoked",
            Self::GarbageCollected { .. } => "garbage.collected",
            Self::BackupMade { .. } => "backup.made",
            Self::UsageCorrected { .. } => "usage.corrected",
        }
    }
}
