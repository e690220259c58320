//! Manifests that are asked for again and again, held in memory.
//!
//! An entry counts only in the epoch it was read in, so nothing is ever removed on a write: the writer raises the epoch
//! after its commit and before it answers, and every older entry of that repository is dead from then on. Where other
//! processes write too, no epoch lasts: then the database is asked each time, and an entry saves it sending the bytes.

use crate::access::{Access, Pull};
use crate::{Error, Result};
use bytes::Bytes;
use metadata::Epoch;
use model::AccountId;
use oci::{Digest, Reference, RepositoryName};
use quick_cache::sync::Cache;
use quick_cache::{Equivalent, Weighter};
use std::hash::{Hash, Hasher};

/// What an entry costs besides its content: keys, digest, media type and the table itself.
const OVERHEAD_BYTES: u64 = 512;
/// Entries the table is laid out for; it grows with use.
const EXPECTED_ENTRIES: usize = 4096;

/// A manifest as it is served. Cloning copies no content.
#[derive(Clone, Debug)]
pub struct CachedManifest {
    /// Its digest.
    pub digest: Digest,
    /// The digest as text, ready for a header.
    pub digest_text: Bytes,
    /// The entity tag, ready for a header: the digest in quotes.
    pub entity_tag: Bytes,
    /// The media type, ready for a header.
    pub media_type: Bytes,
    /// The exact bytes.
    pub content: Bytes,
}

impl CachedManifest {
    /// The manifest that a row holds, if it is the one that was pushed.
    ///
    /// # Errors
    /// [`Error::Damaged`].
    pub(crate) fn intact(
        access: &Access<Pull>,
        digest: Digest,
        media_type: String,
        content: String,
    ) -> Result<Self> {
        if Digest::of(digest.algorithm(), content.as_bytes()) != digest {
            tracing::error!(repository = %access.repository, %digest, "a stored manifest is damaged");
            return Err(Error::Damaged);
        }
        Ok(Self::new(digest, media_type, content))
    }

    pub(crate) fn new(digest: Digest, media_type: String, content: String) -> Self {
        let entity_tag = Bytes::from(format!("\"{digest}\""));
        let digest_text = Bytes::from(digest.as_str().to_owned());
        Self {
            digest,
            digest_text,
            entity_tag,
            media_type: Bytes::from(media_type),
            content: Bytes::from(content),
        }
    }
}

#[derive(Clone)]
struct Entry {
    manifest: CachedManifest,
    epoch: Epoch,
}

#[derive(Clone, PartialEq, Eq)]
struct Key {
    account: AccountId,
    repository: RepositoryName,
    reference: Reference,
}

/// A key that borrows, so that looking up copies nothing.
struct KeyRef<'a> {
    account: &'a AccountId,
    repository: &'a RepositoryName,
    reference: &'a Reference,
}

impl KeyRef<'_> {
    fn hash_into(&self, state: &mut impl Hasher) {
        self.account.as_str().hash(state);
        self.repository.as_str().hash(state);
        match self.reference {
            Reference::Tag(tag) => tag.as_str().hash(state),
            Reference::Digest(digest) => digest.as_str().hash(state),
        }
    }
}

impl Hash for KeyRef<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.hash_into(state);
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        KeyRef {
            account: &self.account,
            repository: &self.repository,
            reference: &self.reference,
        }
        .hash_into(state);
    }
}

impl Equivalent<Key> for KeyRef<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        *self.account == key.account
            && *self.repository == key.repository
            && *self.reference == key.reference
    }
}

#[derive(Clone)]
struct ByContent;

impl Weighter<Key, Entry> for ByContent {
    fn weight(&self, _: &Key, entry: &Entry) -> u64 {
        OVERHEAD_BYTES + entry.manifest.content.len() as u64
    }
}

pub(crate) struct ManifestCache(Cache<Key, Entry, ByContent>);

impl ManifestCache {
    pub(crate) fn new(bytes: u64) -> Self {
        Self(Cache::with_weighter(EXPECTED_ENTRIES, bytes, ByContent))
    }

    /// What was held last, and the epoch it was read in. In another one it says no more than what a digest's bytes are.
    pub(crate) fn get(
        &self,
        access: &Access<Pull>,
        reference: &Reference,
    ) -> Option<(CachedManifest, Epoch)> {
        let key = KeyRef {
            account: &access.account,
            repository: &access.repository,
            reference,
        };
        self.0.get(&key).map(|entry| (entry.manifest, entry.epoch))
    }

    pub(crate) fn put(
        &self,
        access: &Access<Pull>,
        reference: &Reference,
        manifest: CachedManifest,
        epoch: Epoch,
    ) {
        let key = Key {
            account: access.account.clone(),
            repository: access.repository.clone(),
            reference: reference.clone(),
        };
        self.0.insert(key, Entry { manifest, epoch });
    }
}
