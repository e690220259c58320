//! Synthetic blobs and manifests. A blob is a run of one shared random block and, at its end, 64 bytes
//! of its own: digests of any number of unique blobs of one size cost one pass over that size, because
//! the hash state before the tail is kept.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest as _, Sha256};

use super::random::Random;

const BLOCK: usize = 4 << 20;
const TAIL: usize = 64;
const SLICE: usize = 256 << 10;

/// Media type of an image manifest.
pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// Makes blobs; cheap to clone a reference of, safe to share.
pub(crate) struct Source {
    block: Arc<[u8]>,
    hashed: Mutex<HashMap<u64, Sha256>>,
}

impl Default for Source {
    fn default() -> Self {
        let mut random = Random::new(0x0c1);
        let block: Vec<u8> = (0..BLOCK / 8)
            .flat_map(|_| random.next().to_le_bytes())
            .collect();
        Self {
            block: block.into(),
            hashed: Mutex::default(),
        }
    }
}

impl Source {
    /// The blob number `number` of `size` bytes: equal numbers and sizes are equal bytes.
    pub(crate) fn blob(&self, number: u64, size: u64) -> Blob {
        let mut random = Random::new(number ^ size.rotate_left(32));
        let mut tail: Vec<u8> = (0..TAIL / 8)
            .flat_map(|_| random.next().to_le_bytes())
            .collect();
        tail.truncate(usize::try_from(size).unwrap_or(usize::MAX).min(TAIL));
        let shared = size - tail.len() as u64;
        let mut hasher = self.hashed_prefix(shared);
        hasher.update(&tail);
        let digest = written_digest(&hasher.finalize());
        Blob {
            size,
            digest,
            shared,
            tail,
            block: Arc::clone(&self.block),
        }
    }

    fn hashed_prefix(&self, length: u64) -> Sha256 {
        let mut hashed = self.hashed.lock().unwrap_or_else(PoisonError::into_inner);
        hashed
            .entry(length)
            .or_insert_with(|| {
                let mut hasher = Sha256::new();
                let mut left = length;
                while left > 0 {
                    let take = usize::try_from(left).unwrap_or(BLOCK).min(BLOCK);
                    hasher.update(&self.block[..take]);
                    left -= take as u64;
                }
                hasher
            })
            .clone()
    }
}

/// Bytes that are made as they are read.
#[derive(Clone)]
pub(crate) struct Blob {
    pub size: u64,
    pub digest: String,
    shared: u64,
    tail: Vec<u8>,
    block: Arc<[u8]>,
}

impl Blob {
    /// The bytes from `offset`, at most 256 KiB of them; empty at the end.
    pub(crate) fn slice(&self, offset: u64) -> &[u8] {
        if offset >= self.shared {
            let start = usize::try_from(offset - self.shared).unwrap_or(TAIL);
            return self.tail.get(start..).unwrap_or_default();
        }
        let start = usize::try_from(offset % BLOCK as u64).unwrap_or(0);
        let left = usize::try_from(self.shared - offset).unwrap_or(usize::MAX);
        &self.block[start..BLOCK.min(start.saturating_add(left)).min(start + SLICE)]
    }

    /// Writes the whole of it.
    pub(crate) fn write_to(&self, mut out: impl std::io::Write) -> std::io::Result<()> {
        let mut offset = 0;
        while offset < self.size {
            let slice = self.slice(offset);
            out.write_all(slice)?;
            offset += slice.len() as u64;
        }
        Ok(())
    }
}

/// A manifest as it is sent.
#[derive(Clone)]
pub(crate) struct Manifest {
    pub bytes: Vec<u8>,
    pub digest: String,
}

impl Manifest {
    /// An image of one config and these layers; `note` makes it unique, `padding` is how many bytes of annotation to add.
    pub(crate) fn image(config: &Blob, layers: &[Blob], note: &str, padding: usize) -> Self {
        Self::build(config, layers, note, padding, None)
    }

    /// The same, about another manifest.
    pub(crate) fn referrer(config: &Blob, subject: &Self, note: &str) -> Self {
        Self::build(config, &[], note, 0, Some(subject))
    }

    fn build(
        config: &Blob,
        layers: &[Blob],
        note: &str,
        padding: usize,
        subject: Option<&Self>,
    ) -> Self {
        let mut listed = String::new();
        for layer in layers {
            let comma = if listed.is_empty() { "" } else { "," };
            let _ = write!(
                listed,
                r#"{comma}{{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"{}","size":{}}}"#,
                layer.digest, layer.size
            );
        }
        let subject = subject.map_or_else(String::new, |subject| {
            format!(
                r#","subject":{{"mediaType":"{MANIFEST}","digest":"{}","size":{}}}"#,
                subject.digest,
                subject.bytes.len()
            )
        });
        let text = format!(
            r#"{{"schemaVersion":2,"mediaType":"{MANIFEST}","config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{}","size":{}}},"layers":[{listed}],"annotations":{{"note":"{note}","padding":"{}"}}{subject}}}"#,
            config.digest,
            config.size,
            "x".repeat(padding),
        );
        let bytes = text.into_bytes();
        Self {
            digest: written_digest(&Sha256::digest(&bytes)),
            bytes,
        }
    }
}

fn written_digest(hash: &[u8]) -> String {
    hash.iter().fold(String::from("sha256:"), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_that_of_the_bytes_and_numbers_make_blobs_unique() {
        let source = Source::default();
        for size in [0, 5, 32, 64, 65, 1000, (4 << 20) + 64, (9 << 20) + 1] {
            let blob = source.blob(7, size);
            let mut bytes = Vec::new();
            blob.write_to(&mut bytes).expect("memory takes it");
            assert_eq!(bytes.len() as u64, size);
            assert_eq!(
                blob.digest,
                written_digest(&Sha256::digest(&bytes)),
                "size {size}"
            );
            assert!(size == 0 || source.blob(8, size).digest != blob.digest);
        }
    }
}
