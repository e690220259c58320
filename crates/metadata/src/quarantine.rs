//! Blobs whose bytes are damaged: out of service until they are pushed again.

use crate::connection::{Row, params, parse_column};
use crate::error::Result;
use crate::{Reader, Tx};
use oci::Digest;

/// What is wrong with a blob's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    /// They are not there.
    Missing,
    /// There are more or fewer than there should be.
    Length,
    /// They have another digest.
    Content,
}

impl Damage {
    /// The word in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Length => "length",
            Self::Content => "content",
        }
    }

    /// Reads the word in the database.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Missing, Self::Length, Self::Content]
            .into_iter()
            .find(|damage| damage.as_str() == text)
    }
}

/// A stored blob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredBlob {
    /// Where it is stored: `shared`, or an account's id.
    pub storage: String,
    /// Its digest.
    pub digest: Digest,
    /// Its size.
    pub size_bytes: u64,
    /// The key of its object.
    pub location: String,
    /// Why it is in quarantine, if it is.
    pub damage: Option<Damage>,
}

/// Which object holds a digest's bytes, after an upload brought them (again).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PutBlob {
    /// The upload's own.
    Stored,
    /// Another one, that was there before: the upload's own is a copy that nobody needs.
    Known,
    /// The upload's own, in place of one that was in quarantine, whose key and size these are.
    Replaced(String, u64),
}

pub(crate) fn read_damage(row: &Row<'_>, column: usize) -> Result<Option<Damage>> {
    row.optional_text(column)?
        .map(|text| parse_column("blobs.damage", Damage::parse(&text)))
        .transpose()
}

pub(crate) fn read_stored_blob(row: &Row<'_>) -> Result<StoredBlob> {
    Ok(StoredBlob {
        storage: row.text(0)?,
        digest: row.digest(1, "blobs.digest")?,
        size_bytes: row.size(2, "blobs.size_bytes")?,
        location: row.text(3)?,
        damage: read_damage(row, 4)?,
    })
}

impl Reader<'_> {
    /// A stored blob.
    pub fn find_blob(&self, storage: &str, digest: &Digest) -> Result<Option<StoredBlob>> {
        const SQL: &str = "SELECT storage, digest, size_bytes, location, damage FROM blobs \
             WHERE storage = ?1 AND digest = ?2";
        self.connection
            .find(SQL, params![storage, digest.as_str()], read_stored_blob)
    }

    /// Blobs in quarantine by storage and digest, after those given.
    pub fn list_quarantined_blobs(
        &self,
        (storage, digest): (&str, &str),
        limit: i64,
    ) -> Result<Vec<StoredBlob>> {
        const SQL: &str = "SELECT storage, digest, size_bytes, location, damage FROM blobs \
             WHERE quarantined_at_ms IS NOT NULL AND (storage, digest) > (?1, ?2) ORDER BY storage, digest LIMIT ?3";
        self.connection
            .list(SQL, params![storage, digest, limit], read_stored_blob)
    }
}

impl Tx<'_> {
    /// Says that an upload's object holds a digest's bytes, unless another one does that is not in quarantine. The row
    /// stays locked until the transaction ends, so that it can be referred to.
    pub fn put_blob(
        &mut self,
        (storage, digest): (&str, &Digest),
        size_bytes: u64,
        location: &str,
        now_ms: i64,
    ) -> Result<PutBlob> {
        const PUT: &str = "INSERT INTO blobs (storage, digest, size_bytes, location, created_at_ms) \
             VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (storage, digest) DO UPDATE SET size_bytes = blobs.size_bytes \
             RETURNING location, size_bytes, damage";
        const REPLACE: &str = "UPDATE blobs SET location = ?1, quarantined_at_ms = NULL, damage = NULL \
             WHERE storage = ?2 AND digest = ?3";
        let size = i64::try_from(size_bytes).unwrap_or(i64::MAX);
        let params = params![storage, digest.as_str(), size, location, now_ms];
        let (found, size_bytes, damage) = self.connection.get(PUT, params, |row| {
            let size_bytes = row.size(1, "blobs.size_bytes")?;
            Ok((row.text(0)?, size_bytes, read_damage(row, 2)?))
        })?;
        if found == location {
            return Ok(PutBlob::Stored);
        }
        if damage.is_none() {
            return Ok(PutBlob::Known);
        }
        self.connection
            .execute(REPLACE, params![location, storage, digest.as_str()])?;
        Ok(PutBlob::Replaced(found, size_bytes))
    }

    /// Puts a blob into quarantine, unless it is there, or its bytes have been replaced. Says whether that was news.
    pub fn quarantine_blob(
        &mut self,
        (storage, digest): (&str, &Digest),
        location: &str,
        damage: Damage,
        now_ms: i64,
    ) -> Result<bool> {
        const SQL: &str = "UPDATE blobs SET quarantined_at_ms = ?1, damage = ?2 \
             WHERE storage = ?3 AND digest = ?4 AND location = ?5 AND (damage IS NULL OR damage <> ?2)";
        let params = params![now_ms, damage.as_str(), storage, digest.as_str(), location];
        Ok(self.connection.execute(SQL, params)? > 0)
    }

    /// Takes a blob out of quarantine: its bytes are as they should be. Says whether it was in it.
    pub fn release_blob(&mut self, storage: &str, digest: &Digest, location: &str) -> Result<bool> {
        const SQL: &str = "UPDATE blobs SET quarantined_at_ms = NULL, damage = NULL \
             WHERE storage = ?1 AND digest = ?2 AND location = ?3 AND quarantined_at_ms IS NOT NULL";
        let params = params![storage, digest.as_str(), location];
        Ok(self.connection.execute(SQL, params)? > 0)
    }
}
