//! What can go wrong, in the product's words. Each face translates it once, into its own protocol.

use oci::{Digest, ManifestInvalid};

/// Why a service did not do what it was asked. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The repository does not exist, or the caller may not know that it does.
    #[error("the repository does not exist, or you may not see it")]
    NameUnknown,
    /// The repository name has no namespace.
    #[error(
        "a repository needs a namespace: push to {host}/<namespace>/{name}, for example {host}/library/{name}"
    )]
    NamespaceMissing {
        /// The host the client used.
        host: String,
        /// The name it asked for.
        name: String,
    },
    /// The namespace does not exist.
    #[error(
        "the namespace {0} does not exist; create it first, or ask an administrator of the account to"
    )]
    NamespaceUnknown(String),
    /// The name cannot be a namespace's.
    #[error("{0}")]
    NamespaceInvalid(String),
    /// The repository has no such manifest.
    #[error("the repository has no manifest with this tag or digest")]
    ManifestUnknown,
    /// The manifest cannot be accepted.
    #[error(transparent)]
    ManifestInvalid(#[from] ManifestInvalid),
    /// The manifest's bytes have another digest than the request says.
    #[error("the manifest arrived with digest {actual}, not the one in the request; push it again")]
    ManifestDigestMismatch {
        /// What it is.
        actual: Digest,
    },
    /// The manifest needs something that the repository does not have.
    #[error("the manifest needs {0}, which this repository does not have; push it first")]
    ManifestBlobUnknown(Digest),
    /// A descriptor gives another size than the blob has.
    #[error(
        "the manifest says that {digest} has {claimed} bytes, but it has {actual}; build it anew"
    )]
    SizeMismatch {
        /// The blob.
        digest: Digest,
        /// What the descriptor says.
        claimed: u64,
        /// What is stored.
        actual: u64,
    },
    /// The repository has no such blob.
    #[error("the repository has no such blob")]
    BlobUnknown,
    /// A manifest needs the blob.
    #[error("a manifest of this repository needs the blob; delete the manifest first")]
    BlobInUse,
    /// No such upload for this caller in this repository.
    #[error("there is no such upload here; it may have expired: begin it again")]
    UploadUnknown,
    /// Another request is writing to the upload.
    #[error("another request is writing to this upload; wait until it is done")]
    UploadBusy,
    /// The chunk does not begin where the upload stands.
    #[error(
        "the chunk does not begin where the upload stands, at byte {offset}; ask for its status and go on from there"
    )]
    ChunkOutOfOrder {
        /// Bytes that are there.
        offset: u64,
    },
    /// The chunk is not as long as its range says.
    #[error("the chunk is not as long as its Content-Range says; send it again")]
    ChunkSizeMismatch,
    /// The bytes have another digest than the request says.
    #[error(
        "the uploaded bytes have digest {actual}, not the one in the request; upload them again"
    )]
    DigestMismatch {
        /// What they have.
        actual: Digest,
    },
    /// The blob is larger than the limit.
    #[error("the blob is larger than the limit of {limit_bytes} bytes")]
    BlobTooLarge {
        /// The limit.
        limit_bytes: u64,
    },
    /// The request's body broke off; what arrived is kept.
    #[error("the request body broke off at byte {offset} of the upload; go on from there")]
    BodyBrokeOff {
        /// Bytes that are there.
        offset: u64,
    },
    /// The account has too many open uploads.
    #[error(
        "the account has {limit} open uploads, which is its limit; finish or cancel some of them"
    )]
    TooManyUploads {
        /// The limit.
        limit: u32,
    },
    /// The account is full.
    #[error(
        "the account's storage is full: {} {limit} bytes; delete images or {}",
        who_allows(*is_own),
        what_to_ask_for(*is_own)
    )]
    QuotaExceeded {
        /// The limit, in bytes.
        limit: u64,
        /// Whether the account has set it itself, below its plan's.
        is_own: bool,
    },
    /// The account has uploaded more than it may without using it.
    #[error(
        "{used} bytes that the account has uploaded are in no image, and {limit} may be; push the images that they are for, cancel uploads, or wait until they are collected"
    )]
    TooMuchUnreferenced {
        /// What there is, in bytes: blobs that no manifest references, and open uploads.
        used: u64,
        /// What may be.
        limit: u64,
    },
    /// The namespace has a limit of its own, and is full.
    #[error(
        "the storage of the namespace {namespace} is full: it may use {limit} bytes; delete images from it, or ask an administrator of the account for a higher limit"
    )]
    NamespaceFull {
        /// Its name.
        namespace: String,
        /// The limit, in bytes.
        limit: u64,
    },
    /// The account has as many requests under way as its plan allows.
    #[error(
        "the account has {limit} requests under way, as many as its plan allows at once; try again, or ask for a larger plan"
    )]
    TooManyRequests {
        /// The limit.
        limit: u64,
    },
    /// The account has pulled as much this month as its plan, or itself, allows.
    #[error(
        "{used} bytes were pulled from this account this month, and {} {limit}; pull again after {until}, or {}",
        who_allows(*is_own),
        what_to_ask_for(*is_own)
    )]
    PullLimitReached {
        /// What was pulled, in bytes.
        used: u64,
        /// What may be.
        limit: u64,
        /// When the next month begins.
        until: String,
        /// Whether the account has set the limit itself, below its plan's.
        is_own: bool,
    },
    /// The account has as many namespaces as its plan allows.
    #[error(
        "the account has as many namespaces as its plan allows ({limit}); delete one, or ask for a larger plan"
    )]
    TooManyNamespaces {
        /// The limit.
        limit: u64,
    },
    /// What an account uses does not fit into the plan.
    #[error(
        "the plan {plan} is too small: the account uses {used} {what}, and it allows {limit}; delete some first"
    )]
    PlanTooSmall {
        /// The plan.
        plan: String,
        /// What there is too much of.
        what: String,
        /// What is used.
        used: u64,
        /// What the plan allows.
        limit: u64,
    },
    /// The account may only read, or nothing, at present.
    #[error("the account is suspended; ask its administrator")]
    AccountSuspended,
    /// Someone would give away more than it has.
    #[error("nobody can give what it does not hold itself; you lack {0}")]
    BeyondOwnRights(String),
    /// The store is full.
    #[error("the registry's storage is full; tell its operator")]
    StorageFull,
    /// The stored bytes are not what they should be.
    #[error(
        "the stored content is damaged; push it again, or tell the operator of the registry, who finds it in the log"
    )]
    Damaged,
    /// Something with that name exists already.
    #[error("{0} exists already")]
    AlreadyExists(String),
    /// Something that was named does not exist.
    #[error("{0} does not exist")]
    NotFound(String),
    /// A value that was given cannot be accepted.
    #[error("{0}")]
    Invalid(String),
    /// It cannot be done while things are as they are.
    #[error("{0}")]
    NotNow(String),
    /// A rule or a lock forbids to change or delete it.
    #[error("{0}")]
    Protected(String),
    /// Nobody may do it, or not this caller, for a reason that it may know.
    #[error("{0}")]
    NotAllowed(String),
    /// The namespace has repositories, with or without images in them.
    #[error("the namespace {0} cannot be deleted: repositories were made in it")]
    NamespaceInUse(String),
    /// A directory that might know who somebody is does not answer.
    #[error(
        "the directory {0} does not answer at the moment, so nobody who is known there can log in; try again, or use an access token"
    )]
    DirectoryUnavailable(String),
    /// Database or store cannot be reached at the moment.
    #[error("the registry is not available at the moment; try again")]
    Unavailable,
    /// A defect, or a database changed by something else. Details are in the log.
    #[error("something went wrong inside the registry; its operator finds the cause in the log")]
    Internal,
}

/// Whose limit of an account was reached.
fn who_allows(is_own: bool) -> &'static str {
    if is_own {
        "it allows itself"
    } else {
        "its plan allows"
    }
}

fn what_to_ask_for(is_own: bool) -> &'static str {
    if is_own {
        "ask its administrators for a higher limit"
    } else {
        "ask for a larger plan"
    }
}

/// The result of a service.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl From<metadata::Error> for Error {
    fn from(error: metadata::Error) -> Self {
        match error {
            metadata::Error::Unavailable(_) | metadata::Error::TimedOut => {
                tracing::error!(%error, "the database did not answer");
                Self::Unavailable
            }
            metadata::Error::ReferenceViolated
            | metadata::Error::AlreadyExists
            | metadata::Error::Unreadable { .. }
            | metadata::Error::TooNew { .. }
            | metadata::Error::Database(_) => {
                tracing::error!(%error, "the database refused");
                Self::Internal
            }
        }
    }
}

impl From<blobs::StorageError> for Error {
    fn from(error: blobs::StorageError) -> Self {
        use blobs::StorageError as E;
        match &error {
            E::Full => Self::StorageFull,
            E::UploadLost { .. } | E::InvalidProgress { .. } => {
                tracing::warn!(%error, "an upload cannot go on");
                Self::UploadUnknown
            }
            E::Missing { .. } | E::Damaged { .. } => {
                tracing::error!(%error, "stored content is damaged");
                Self::Damaged
            }
            E::Unavailable(source) | E::Io(source) => {
                tracing::error!(%error, %source, "the blob store failed");
                Self::Unavailable
            }
        }
    }
}
