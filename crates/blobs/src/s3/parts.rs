//! What an unfinished upload consists of, between two requests.
//!
//! ```text
//!  bytes   0 ─────────── parts of the multipart upload ───────────┬── pieces ──┬─ offset
//!             full-sized, numbered from 1, never read again       │ shorter than a part together:
//!                                                                 │ objects of their own, read once
//! ```
//!
//! A piece is named after its place and its content, so two requests that by some mistake write to one upload at a
//! time can spoil each other's upload, but never the bytes that the other's row promises.

use serde::{Deserialize, Serialize};

use crate::key::ObjectKey;
use crate::store::{StorageError, UploadProgress};

const MIB: u64 = 1024 * 1024;

/// The smallest part, and the size of the first ones.
pub(crate) const FIRST_PART_BYTES: u64 = 8 * MIB;
/// The store takes no more parts of one object than this.
const MAX_PARTS: u64 = 10_000;
/// A part is this part of what lies before it, so that few parts are long only where there is much.
const GROWTH: u64 = 64;

/// How long the part is that begins at `offset`, in a store whose longest part is `longest`. Whole MiB.
pub(crate) fn part_bytes(offset: u64, longest: u64) -> u64 {
    (offset / GROWTH / MIB * MIB).clamp(FIRST_PART_BYTES, longest.max(FIRST_PART_BYTES))
}

/// The longest part that objects of `largest_object` bytes need if there may be [`MAX_PARTS`] of them.
pub(crate) fn longest_part(largest_object: u64) -> u64 {
    // Growing takes about 5 × GROWTH parts, which hold less than their share.
    let share = largest_object.div_ceil(MAX_PARTS - 500);
    share
        .div_ceil(MIB)
        .saturating_mul(MIB)
        .max(FIRST_PART_BYTES)
}

/// The opaque half of [`UploadProgress`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Composition {
    /// The store's id of the multipart upload, once there is a part.
    #[serde(rename = "m", default, skip_serializing_if = "Option::is_none")]
    pub(crate) multipart: Option<String>,
    #[serde(rename = "p", default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) parts: Vec<Part>,
    #[serde(rename = "t", default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) pieces: Vec<Piece>,
    /// Pieces that the row before this one needed, and this one does not.
    #[serde(rename = "d", default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) stale: Vec<String>,
}

/// A part: its length, and what the store calls its content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Part(pub(crate) u64, pub(crate) String);

/// A piece: its name, and its length.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Piece(pub(crate) String, pub(crate) u64);

impl Composition {
    /// What a row says, if it is consistent.
    pub(crate) fn read(progress: &UploadProgress) -> Result<Self, StorageError> {
        let invalid = || StorageError::InvalidProgress {
            key: progress.key.clone(),
        };
        let composition = if progress.parts.is_empty() {
            Self::default()
        } else {
            serde_json::from_slice(&progress.parts).map_err(|_| invalid())?
        };
        let is_consistent = composition.part_bytes() + composition.piece_bytes() == progress.offset
            && (composition.multipart.is_some() || composition.parts.is_empty())
            && composition
                .stale
                .iter()
                .chain(composition.pieces.iter().map(|piece| &piece.0))
                .all(|name| is_piece_name(name));
        is_consistent.then_some(composition).ok_or_else(invalid)
    }

    /// What the next row says; nothing for an upload that has nothing.
    pub(crate) fn write(&self) -> Vec<u8> {
        if *self == Self::default() {
            return Vec::new();
        }
        // Texts and numbers always become JSON.
        serde_json::to_vec(self).unwrap_or_default()
    }

    pub(crate) fn part_bytes(&self) -> u64 {
        self.parts.iter().map(|part| part.0).sum()
    }

    pub(crate) fn piece_bytes(&self) -> u64 {
        self.pieces.iter().map(|piece| piece.1).sum()
    }
}

/// The name of the piece that begins at `offset`; `digest_state` is the digest's state at its end or after it, which
/// says what the content is.
pub(crate) fn piece_name(offset: u64, len: u64, digest_state: &[u8]) -> String {
    let digest = oci::Digest::sha256_of(digest_state);
    let content = digest.as_str().rsplit(':').next().unwrap_or_default();
    format!(
        "{offset:x}-{len:x}-{}",
        content.get(..24).unwrap_or(content)
    )
}

/// Whether a text is such a name, and so safe as part of an object's.
fn is_piece_name(name: &str) -> bool {
    (3..=64).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}

/// Names of objects. The only code that makes them.
///
/// ```text
/// <prefix>/blobs/<2 hex>/<key>          completed objects; unfinished multipart uploads hang here, invisible
/// <prefix>/pieces/<key>/<piece>         the short rests of unfinished uploads
/// <prefix>/probe/<instance>-<what>      made and removed to test the store
/// ```
#[derive(Debug, Clone)]
pub(crate) struct Names {
    prefix: String,
}

impl Names {
    pub(crate) fn new(prefix: &str) -> Self {
        let prefix = prefix.trim_matches('/');
        let prefix = if prefix.is_empty() {
            String::new()
        } else {
            format!("{prefix}/")
        };
        Self { prefix }
    }

    pub(crate) fn blobs(&self) -> String {
        format!("{}blobs", self.prefix)
    }

    /// All objects whose keys end in this byte.
    pub(crate) fn shard(&self, shard: u8) -> String {
        format!("{}blobs/{shard:02x}", self.prefix)
    }

    pub(crate) fn blob(&self, key: &ObjectKey) -> String {
        format!("{}blobs/{}/{key}", self.prefix, key.shard())
    }

    pub(crate) fn all_pieces(&self) -> String {
        format!("{}pieces", self.prefix)
    }

    pub(crate) fn pieces(&self, key: &ObjectKey) -> String {
        format!("{}pieces/{key}", self.prefix)
    }

    pub(crate) fn piece(&self, key: &ObjectKey, name: &str) -> String {
        format!("{}pieces/{key}/{name}", self.prefix)
    }

    pub(crate) fn probes(&self) -> String {
        format!("{}probe", self.prefix)
    }

    pub(crate) fn probe(&self, instance: &str, what: &str) -> String {
        format!("{}probe/{instance}-{what}", self.prefix)
    }

    /// The key in the name of an object, of a piece or of a multipart upload.
    pub(crate) fn key_in(&self, name: &str) -> Option<ObjectKey> {
        let rest = name.strip_prefix(&self.prefix)?;
        let (kind, rest) = rest.split_once('/')?;
        let (first, second) = rest.split_once('/')?;
        let key = match kind {
            "blobs" => second,
            "pieces" => first,
            _ => return None,
        };
        ObjectKey::parse(key).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIB: u64 = 1 << 40;

    #[test]
    fn parts_grow_so_that_enough_of_them_hold_the_largest_object() {
        for largest in [1, 100 * MIB, 80_000 * MIB, TIB, 5 * TIB, 10 * TIB] {
            let longest = longest_part(largest);
            let (mut offset, mut count) = (0, 0);
            while offset < largest {
                let part = part_bytes(offset, longest);
                assert!(part >= FIRST_PART_BYTES && part <= longest && part.is_multiple_of(MIB));
                offset += part;
                count += 1;
            }
            assert!(
                count <= MAX_PARTS,
                "{largest}: {count} parts of up to {longest}"
            );
        }
        assert_eq!(longest_part(TIB), 111 * MIB);
        assert_eq!(part_bytes(1 << 30, longest_part(TIB)), 16 * MIB);
    }

    fn progress(offset: u64, parts: Vec<u8>) -> UploadProgress {
        UploadProgress {
            key: ObjectKey::parse("01890a5d-ac96-774b-bcce-b302099a80f4").expect("a key"),
            offset,
            hash: Vec::new(),
            parts,
        }
    }

    #[test]
    fn what_was_written_is_read_and_what_is_inconsistent_is_refused() {
        let name = piece_name(16, 5, b"state");
        let parts = Composition {
            multipart: Some("id\"<&".to_owned()),
            parts: vec![Part(10, "\"e1\"".to_owned()), Part(6, "e2".to_owned())],
            pieces: vec![Piece(name.clone(), 5)],
            stale: vec![name],
        };
        assert_eq!(
            Composition::read(&progress(21, parts.write())).expect("consistent"),
            parts
        );
        assert_eq!(
            Composition::read(&progress(0, Vec::new()))
                .expect("empty")
                .write(),
            b""
        );
        let escaping = Composition {
            pieces: vec![Piece("../../x".to_owned(), 21)],
            ..Composition::default()
        };
        let homeless = Composition {
            multipart: None,
            ..parts.clone()
        };
        for wrong in [
            progress(20, parts.write()),
            progress(1, Vec::new()),
            progress(21, b"{".to_vec()),
            progress(21, escaping.write()),
            progress(21, homeless.write()),
        ] {
            assert!(matches!(
                Composition::read(&wrong),
                Err(StorageError::InvalidProgress { .. })
            ));
        }
    }

    #[test]
    fn names_lead_back_to_keys() {
        let key = ObjectKey::parse("01890a5d-ac96-774b-bcce-b302099a80f4").expect("a key");
        for prefix in ["", "a/b", "/a/"] {
            let names = Names::new(prefix);
            assert_eq!(names.key_in(&names.blob(&key)), Some(key.clone()));
            assert_eq!(names.key_in(&names.piece(&key, "0-ab")), Some(key.clone()));
            assert_eq!(names.key_in(&names.probe("x", "y")), None);
            assert!(
                names
                    .blob(&key)
                    .starts_with(&format!("{}/", names.shard(0xf4)))
            );
        }
        assert_eq!(
            Names::new("a").key_in("b/blobs/f4/01890a5d-ac96-774b-bcce-b302099a80f4"),
            None
        );
    }
}
