//! What is in a file, and what of it survives.

/// A file, whatever its names.
#[derive(Debug, Default)]
pub(super) struct Node {
    durable: Vec<u8>,
    pub(super) pending: Vec<Change>,
}

/// Something done to the content since the last flush.
#[derive(Debug)]
pub(super) struct Change {
    pub(super) kind: ChangeKind,
    /// A flush of it failed: it can no longer reach the disk.
    pub(super) is_doomed: bool,
}

#[derive(Debug)]
pub(super) enum ChangeKind {
    Write { offset: usize, data: Vec<u8> },
    SetLen(usize),
}

impl ChangeKind {
    fn apply(&self, content: &mut Vec<u8>, kept: usize) {
        match self {
            Self::Write { offset, data } => {
                let end = offset + kept.min(data.len());
                content.resize(content.len().max(end), 0);
                content[*offset..end].copy_from_slice(&data[..end - offset]);
            }
            Self::SetLen(len) => content.resize(*len, 0),
        }
    }
}

impl Node {
    pub(super) fn flushed(durable: Vec<u8>) -> Self {
        Self {
            durable,
            pending: Vec::new(),
        }
    }

    /// Makes durable what still can be.
    pub(super) fn flush(&mut self) {
        let durable = &mut self.durable;
        self.pending.retain(|change| {
            if !change.is_doomed {
                change.kind.apply(durable, usize::MAX);
            }
            change.is_doomed
        });
    }

    /// The content that a power cut leaves.
    pub(super) fn after_power_cut(mut self, random: &mut Random) -> Vec<u8> {
        for change in self.pending.iter().filter(|change| !change.is_doomed) {
            match (random.below(3), &change.kind) {
                (0, _) => {}
                (1, ChangeKind::Write { data, .. }) => {
                    change
                        .kind
                        .apply(&mut self.durable, random.below(data.len() + 1));
                }
                _ => change.kind.apply(&mut self.durable, usize::MAX),
            }
        }
        self.durable
    }
}

/// SplitMix64: the same numbers for the same seed.
#[derive(Debug)]
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed >> 33) % bound.max(1) as u64).unwrap_or_default()
    }
}
