//! Hashing that can stop and go on elsewhere.

use sha2::digest::common::hazmat::{SerializableState, SerializedState};
use sha2::{Digest as _, Sha256, Sha512};

use crate::{Algorithm, Digest};

/// Computes a [`Digest`] of bytes as they pass by, in constant memory.
///
/// The state between two `update`s can be exported, kept with an upload, and imported by another
/// process, so a resumed upload never reads its first part again.
#[derive(Clone, Debug)]
pub struct Hasher {
    state: State,
    length: u64,
}

#[derive(Clone, Debug)]
enum State {
    Sha256(Sha256),
    Sha512(Sha512),
}

/// An exported state could not be imported: it is damaged, or of another version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the saved hash state cannot be read; hash the content again from its first byte")]
pub struct HashStateInvalid;

/// The first byte of every export. The rest is the algorithm (one byte), the number of bytes
/// hashed (eight, little-endian), and the state as the `sha2` crate lays it out.
const VERSION: u8 = 1;
const HEADER_LEN: usize = 10;
const TAG_SHA256: u8 = 1;
const TAG_SHA512: u8 = 2;

/// No content is larger (descriptor sizes are signed 64-bit numbers), so a larger count is damage.
const MAX_LENGTH: u64 = i64::MAX as u64 / 8;

impl Hasher {
    /// A hasher that has seen nothing yet.
    pub fn new(algorithm: Algorithm) -> Self {
        let state = match algorithm {
            Algorithm::Sha256 => State::Sha256(Sha256::new()),
            Algorithm::Sha512 => State::Sha512(Sha512::new()),
        };
        Self { state, length: 0 }
    }

    /// What [`finish`](Self::finish) will answer a digest of.
    pub fn algorithm(&self) -> Algorithm {
        match self.state {
            State::Sha256(_) => Algorithm::Sha256,
            State::Sha512(_) => Algorithm::Sha512,
        }
    }

    /// How many bytes went in so far, the ones before an export included.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Takes the next bytes of the content.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.state {
            State::Sha256(state) => state.update(bytes),
            State::Sha512(state) => state.update(bytes),
        }
        self.length += bytes.len() as u64;
    }

    /// The digest of everything that went in.
    pub fn finish(self) -> Digest {
        let algorithm = self.algorithm();
        match self.state {
            State::Sha256(state) => Digest::from_hash(algorithm, &state.finalize()),
            State::Sha512(state) => Digest::from_hash(algorithm, &state.finalize()),
        }
    }

    /// The state as bytes for [`import`](Self::import); under 256 bytes.
    pub fn export(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(256);
        bytes.push(VERSION);
        bytes.push(match self.state {
            State::Sha256(_) => TAG_SHA256,
            State::Sha512(_) => TAG_SHA512,
        });
        bytes.extend_from_slice(&self.length.to_le_bytes());
        match &self.state {
            State::Sha256(state) => bytes.extend_from_slice(&state.serialize()),
            State::Sha512(state) => bytes.extend_from_slice(&state.serialize()),
        }
        bytes
    }

    /// Goes on where an exported hasher stood.
    pub fn import(bytes: &[u8]) -> Result<Self, HashStateInvalid> {
        let (header, state) = bytes.split_at_checked(HEADER_LEN).ok_or(HashStateInvalid)?;
        let (version, tag) = (header[0], header[1]);
        let length = read_u64(&header[2..])?;
        if version != VERSION || length > MAX_LENGTH {
            return Err(HashStateInvalid);
        }
        let state = match tag {
            TAG_SHA256 => State::Sha256(import_state::<Sha256>(state, length, SHA256_LAYOUT)?),
            TAG_SHA512 => State::Sha512(import_state::<Sha512>(state, length, SHA512_LAYOUT)?),
            _ => return Err(HashStateInvalid),
        };
        Ok(Self { state, length })
    }
}

/// Where a serialized state counts blocks, so that the count can be held against the length: a
/// damaged count would overflow later, inside the hash.
#[derive(Clone, Copy)]
struct Layout {
    block_size: u64,
    /// Offset of the block count: the eight chaining words stand before it.
    count_at: usize,
    /// Bytes the count takes; all above the first eight must be zero.
    count_len: usize,
}

const SHA256_LAYOUT: Layout = Layout {
    block_size: 64,
    count_at: 32,
    count_len: 8,
};
const SHA512_LAYOUT: Layout = Layout {
    block_size: 128,
    count_at: 64,
    count_len: 16,
};

fn import_state<S: SerializableState>(
    bytes: &[u8],
    length: u64,
    layout: Layout,
) -> Result<S, HashStateInvalid> {
    let serialized = SerializedState::<S>::try_from(bytes).map_err(|_| HashStateInvalid)?;
    let count = bytes.get(layout.count_at..).ok_or(HashStateInvalid)?;
    let blocks = read_u64(count)?;
    let buffered_at = layout.count_at + layout.count_len;
    let high = &bytes[layout.count_at + 8..buffered_at];
    let buffered = u64::from(*bytes.get(buffered_at).ok_or(HashStateInvalid)?);
    let counted = blocks
        .checked_mul(layout.block_size)
        .and_then(|n| n.checked_add(buffered));
    if high.iter().any(|byte| *byte != 0) || counted != Some(length) {
        return Err(HashStateInvalid);
    }
    S::deserialize(&serialized).map_err(|_| HashStateInvalid)
}

fn read_u64(bytes: &[u8]) -> Result<u64, HashStateInvalid> {
    bytes
        .first_chunk()
        .map(|chunk| u64::from_le_bytes(*chunk))
        .ok_or(HashStateInvalid)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALGORITHMS: [Algorithm; 2] = [Algorithm::Sha256, Algorithm::Sha512];

    #[test]
    fn damaged_states_are_refused() {
        for algorithm in ALGORITHMS {
            let mut hasher = Hasher::new(algorithm);
            hasher.update(&[7; 300]);
            let good = hasher.export();
            assert_eq!(
                Hasher::import(&good).unwrap().finish(),
                Digest::of(algorithm, &[7; 300])
            );

            for cut in 0..good.len() {
                assert!(Hasher::import(&good[..cut]).is_err(), "cut at {cut}");
            }
            let mut long = good.clone();
            long.push(0);
            assert!(Hasher::import(&long).is_err());
            // The version, the algorithm, the length, and the block count inside the state.
            let layout = if algorithm == Algorithm::Sha256 {
                SHA256_LAYOUT
            } else {
                SHA512_LAYOUT
            };
            let count = HEADER_LEN + layout.count_at;
            for at in (0..HEADER_LEN).chain(count..=count + layout.count_len) {
                let mut damaged = good.clone();
                damaged[at] ^= 0xff;
                assert!(
                    Hasher::import(&damaged).is_err(),
                    "byte {at} of {algorithm}"
                );
            }
        }
    }

    #[test]
    fn the_other_algorithm_cannot_import() {
        let mut state = Hasher::new(Algorithm::Sha256).export();
        state[1] = TAG_SHA512;
        assert_eq!(Hasher::import(&state).unwrap_err(), HashStateInvalid);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn exporting_anywhere_changes_nothing(
            content in proptest::collection::vec(any::<u8>(), 0..600),
            first in any::<prop::sample::Index>(),
            second in any::<prop::sample::Index>(),
        ) {
            let mut cuts =
                [first.index(content.len() + 1), second.index(content.len() + 1)];
            cuts.sort_unstable();
            for algorithm in ALGORITHMS {
                let mut hasher = Hasher::new(algorithm);
                for part in [
                    &content[..cuts[0]],
                    &content[cuts[0]..cuts[1]],
                    &content[cuts[1]..],
                ] {
                    hasher.update(part);
                    hasher = Hasher::import(&hasher.export()).unwrap();
                    prop_assert_eq!(hasher.algorithm(), algorithm);
                }
                prop_assert_eq!(hasher.length(), content.len() as u64);
                prop_assert_eq!(hasher.finish(), Digest::of(algorithm, &content));
            }
        }

        #[test]
        fn any_bytes_import_or_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            crate::fuzzing::hasher(&bytes);
        }
    }
}
