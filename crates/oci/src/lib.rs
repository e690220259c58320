//! The words of the OCI distribution protocol: digests, names, tags, manifests, endpoints, ranges,
//! scopes and error codes, as types that are valid once they exist.
//!
//! What this crate knows: the text of the OCI distribution-spec (1.1.1 and its additive development
//! branch), the image-spec's manifests, RFC 9110 ranges, and the token protocol's scope strings and
//! challenges.
//!
//! What it must not know: accounts, permissions, storage, databases, HTTP libraries.
//!
//! **Invariant:** no I/O, no clock, no randomness, no global state. Everything here is a function of
//! its arguments, every parser takes untrusted input, none of them panics, and none allocates more
//! than a small multiple of its input.

mod challenge;
mod content_range;
mod descriptor;
mod digest;
mod endpoint;
mod error_code;
#[doc(hidden)]
pub mod fuzzing;
mod hasher;
mod link;
mod manifest;
pub mod media_type;
mod range;
mod reference;
mod repository_name;
mod scope;
mod strict_json;
mod tag;
mod upload_id;
mod validated_text;

pub use challenge::{Challenge, ChallengeError};
pub use content_range::{ContentRange, ContentRangeInvalid, upload_range};
pub use descriptor::{Descriptor, Platform};
pub use digest::{Algorithm, Digest, DigestInvalid};
pub use endpoint::{
    Endpoint, EndpointError, MAX_ARTIFACT_TYPES, MAX_MARKER_BYTES, MAX_PAGE_SIZE, MAX_TAGS_PER_PUT,
};
pub use error_code::{ErrorBody, ErrorCode, ErrorItem};
pub use hasher::{HashStateInvalid, Hasher};
pub use manifest::{
    MAX_MANIFEST_BYTES, MAX_REFERENCES, Manifest, ManifestInvalid, ManifestKind, ManifestReference,
    ReferenceKind,
};
pub use range::{
    RangeLimits, RangeOutcome, content_range, parse_ranges, unsatisfied_content_range,
};
pub use reference::{Reference, ReferenceInvalid};
pub use repository_name::{
    NamespaceName, NamespaceNameInvalid, RepositoryName, RepositoryNameInvalid,
};
pub use scope::{MAX_SCOPES, Scope, ScopeActions, ScopeResource, parse_scopes};
pub use tag::{Tag, TagInvalid};
pub use upload_id::{UploadId, UploadIdInvalid};
