//! Content digests: `algorithm:encoded`.

use std::sync::Arc;

use sha2::{Digest as _, Sha256, Sha512};

use crate::validated_text::validated_text;

/// A registered digest algorithm this registry accepts (image-spec, "Registered Algorithms").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Algorithm {
    /// `sha256`: 64 hexadecimal characters. What every client uses unless told otherwise.
    Sha256,
    /// `sha512`: 128 hexadecimal characters.
    Sha512,
}

impl Algorithm {
    /// Finds an algorithm by the name that stands before the colon of a digest.
    pub fn parse(name: &str) -> Result<Self, DigestInvalid> {
        match name {
            "sha256" => Ok(Self::Sha256),
            "sha512" => Ok(Self::Sha512),
            _ => Err(DigestInvalid::UnsupportedAlgorithm),
        }
    }

    /// The name that stands before the colon of a digest.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    /// How many hexadecimal characters stand after the colon.
    pub const fn hex_len(self) -> usize {
        match self {
            Self::Sha256 => 64,
            Self::Sha512 => 128,
        }
    }
}

impl std::fmt::Display for Algorithm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a text is not a digest; answered as `DIGEST_INVALID`. Never repeats the input.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DigestInvalid {
    /// There is no colon.
    #[error(
        "a digest is written algorithm:encoded, such as sha256: followed by 64 lower-case hexadecimal characters"
    )]
    NoAlgorithm,
    /// The part before the colon is not an algorithm we hash with.
    #[error("the digest algorithm is not supported; use sha256 or sha512")]
    UnsupportedAlgorithm,
    /// The encoded part is too short or too long.
    #[error("a {0} digest has {len} hexadecimal characters after the colon, not {1}", len = .0.hex_len())]
    WrongLength(Algorithm, usize),
    /// The encoded part holds something other than `0-9a-f`.
    #[error(
        "the part of a digest after the colon may only hold lower-case hexadecimal characters (0-9, a-f)"
    )]
    NotLowerHex,
}

/// The address of content: a registered algorithm and the lower-case hexadecimal hash.
///
/// Ordered by its text. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest(Arc<str>);

validated_text!(Digest, DigestInvalid);

impl Digest {
    /// Reads `sha256:<64 hex>` or `sha512:<128 hex>`; nothing else is a digest here.
    pub fn parse(text: &str) -> Result<Self, DigestInvalid> {
        let (name, encoded) = text.split_once(':').ok_or(DigestInvalid::NoAlgorithm)?;
        let algorithm = Algorithm::parse(name)?;
        if encoded.len() != algorithm.hex_len() {
            return Err(DigestInvalid::WrongLength(algorithm, encoded.len()));
        }
        if !encoded
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        {
            return Err(DigestInvalid::NotLowerHex);
        }
        Ok(Self(text.into()))
    }

    /// The algorithm before the colon.
    pub fn algorithm(&self) -> Algorithm {
        if self.0.starts_with("sha512") {
            Algorithm::Sha512
        } else {
            Algorithm::Sha256
        }
    }

    /// The hexadecimal characters after the colon.
    pub fn encoded(&self) -> &str {
        &self.0[self.algorithm().as_str().len() + 1..]
    }

    /// The SHA-256 digest of bytes in memory.
    pub fn sha256_of(bytes: &[u8]) -> Self {
        Self::of(Algorithm::Sha256, bytes)
    }

    /// The digest of bytes in memory; use [`Hasher`](crate::Hasher) for anything that streams.
    pub fn of(algorithm: Algorithm, bytes: &[u8]) -> Self {
        match algorithm {
            Algorithm::Sha256 => Self::from_hash(algorithm, &Sha256::digest(bytes)),
            Algorithm::Sha512 => Self::from_hash(algorithm, &Sha512::digest(bytes)),
        }
    }

    /// Writes down a finished hash. `hash` has the length that belongs to `algorithm`.
    pub(crate) fn from_hash(algorithm: Algorithm, hash: &[u8]) -> Self {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        debug_assert_eq!(hash.len() * 2, algorithm.hex_len());
        let mut text = String::with_capacity(algorithm.as_str().len() + 1 + hash.len() * 2);
        text.push_str(algorithm.as_str());
        text.push(':');
        for byte in hash {
            text.push(char::from(HEX[usize::from(byte >> 4)]));
            text.push(char::from(HEX[usize::from(byte & 15)]));
        }
        Self(text.into())
    }
}

#[cfg(test)]
mod tests;
