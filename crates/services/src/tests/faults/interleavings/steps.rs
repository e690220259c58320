//! What clients, operators and time do to a registry, and choosing among it at random.

use super::super::pushes::{self, Client, MEDIA_TYPE, SHAPES, content};
use super::super::registry::{GRACE_MS, Registry};
use crate::{Error, ManifestPush};
use bytes::Bytes;
use oci::{Digest, Reference, Tag};
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

/// The last belongs to another account, which shares blobs with the first without knowing.
pub(super) const REPOSITORIES: [&str; 3] = ["one", "two", "other/three"];
pub(super) const BLOBS: usize = 4;
/// Every manifest has a configuration and a layer, so there are as many as pairs.
pub(super) const MANIFESTS: usize = BLOBS * BLOBS;
const TAGS: usize = 3;

/// One thing that is done. Numbers say which repository, blob, manifest, tag or shape of an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// As clients do: ask for each blob, mount or send what is not there, then send the manifest.
    PushImage {
        repository: usize,
        manifest: usize,
        tag: usize,
        shape: usize,
        mounts_from: Option<usize>,
    },
    /// A blob that no manifest may ever need.
    PushBlob {
        repository: usize,
        blob: usize,
        shape: usize,
    },
    /// An upload that nobody goes on with.
    Abandon {
        repository: usize,
        blob: usize,
    },
    Head {
        repository: usize,
        blob: usize,
    },
    Mount {
        from: usize,
        to: usize,
        blob: usize,
    },
    /// Without asking whether its blobs are there.
    PushManifest {
        repository: usize,
        manifest: usize,
        tag: usize,
    },
    DeleteTag {
        repository: usize,
        tag: usize,
    },
    DeleteManifest {
        repository: usize,
        manifest: usize,
    },
    DeleteBlob {
        repository: usize,
        blob: usize,
    },
    ExpireUploads,
    PurgeTrash,
    Collect,
    DeleteObjects,
    FlushRenewals,
    Wait {
        ms: i64,
    },
}

/// Numbers that follow from a seed (splitmix64).
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(super) fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit as u64).unwrap()
    }

    /// Rounds of steps; those of one round are done at the same time.
    pub(super) fn schedule(&mut self) -> Vec<Vec<Step>> {
        let rounds = 2 + self.below(9);
        let mut schedule: Vec<Vec<Step>> = (0..rounds)
            .map(|_| (0..=self.below(4)).map(|_| self.step()).collect())
            .collect();
        if self.below(3) == 0 {
            let slow = self.slow_push();
            schedule.resize_with(rounds.max(slow.len()), Vec::new);
            for (round, steps) in schedule.iter_mut().zip(slow) {
                round.extend(steps);
            }
        }
        schedule
    }

    /// A client that takes its time: it asks for blobs that were pushed long ago, and sends the manifest while the
    /// collector is at work.
    fn slow_push(&mut self) -> Vec<Vec<Step>> {
        let (repository, manifest) = (self.below(REPOSITORIES.len()), self.below(MANIFESTS));
        let blobs = needed(manifest);
        let push = |shape| {
            blobs.map(|blob| Step::PushBlob {
                repository,
                blob,
                shape,
            })
        };
        let ask = blobs.map(|blob| Step::Head { repository, blob });
        let tag = self.below(TAGS);
        let manifest = Step::PushManifest {
            repository,
            manifest,
            tag,
        };
        let long = Step::Wait { ms: self.wait() };
        let short = Step::Wait { ms: GRACE_MS / 16 };
        vec![
            push(self.below(SHAPES.len() - 1)).to_vec(),
            vec![long],
            ask.to_vec(),
            vec![Step::Collect, short],
            vec![Step::Collect],
            vec![manifest, Step::Collect],
        ]
    }

    fn step(&mut self) -> Step {
        let repository = self.below(REPOSITORIES.len());
        let (blob, manifest) = (self.below(BLOBS), self.below(MANIFESTS));
        let (tag, shape) = (self.below(TAGS), self.below(SHAPES.len() - 1));
        let other = self.below(REPOSITORIES.len());
        match self.below(40) {
            0..8 => Step::PushImage {
                repository,
                manifest,
                tag,
                shape,
                mounts_from: (self.below(3) == 0).then_some(other),
            },
            8..10 => Step::PushBlob {
                repository,
                blob,
                shape,
            },
            10 => Step::Abandon { repository, blob },
            11..13 => Step::Head { repository, blob },
            13..15 => Step::Mount {
                from: other,
                to: repository,
                blob,
            },
            15..18 => Step::PushManifest {
                repository,
                manifest,
                tag,
            },
            18 => Step::DeleteTag { repository, tag },
            19..23 => Step::DeleteManifest {
                repository,
                manifest,
            },
            23..25 => Step::DeleteBlob { repository, blob },
            25 => Step::ExpireUploads,
            26 => Step::PurgeTrash,
            27..33 => Step::Collect,
            33 => Step::DeleteObjects,
            34 => Step::FlushRenewals,
            _ => Step::Wait { ms: self.wait() },
        }
    }

    /// Around the times that matter.
    fn wait(&mut self) -> i64 {
        const TIMES: [i64; 8] = [
            20_000,
            31_000,
            3_600_000,
            GRACE_MS / 8,
            GRACE_MS / 4 + 1,
            GRACE_MS / 2,
            GRACE_MS,
            GRACE_MS + 1,
        ];
        TIMES[self.below(TIMES.len())]
    }
}

/// When a client was last told that a repository has a blob.
pub(super) type Promises = BTreeMap<(usize, usize), i64>;

/// What is done at the same time, beginning at a moment, and what clients were told before.
pub(super) struct Round {
    pub(super) steps: Vec<Step>,
    pub(super) begun_ms: i64,
    pub(super) promises: Promises,
}

impl Round {
    fn ends_ms(&self) -> i64 {
        let waits = self.steps.iter().map(|step| match step {
            Step::Wait { ms } => *ms,
            _ => 0,
        });
        self.begun_ms + waits.sum::<i64>()
    }

    /// Whether a blob that a client was told of at some moment may be gone from the repository in this round.
    fn may_forget(&self, wanted: usize, told_ms: i64) -> bool {
        self.ends_ms() - told_ms >= GRACE_MS / 4
            || self.steps.iter().any(
                |step| matches!(step, Step::DeleteBlob { repository, .. } if *repository == wanted),
            )
    }

    /// Whether a manifest's blobs may be gone, as far as this client knows.
    fn may_lack(&self, repository: usize, manifest: usize) -> bool {
        needed(manifest).into_iter().any(|blob| {
            let told_ms = self.promises.get(&(repository, blob));
            told_ms.is_none_or(|told_ms| self.may_forget(repository, *told_ms))
        })
    }

    /// Learns what clients have been told, and what was taken back.
    pub(super) fn learn(&self, outcomes: &[bool]) -> Promises {
        let mut promises = self.promises.clone();
        let done = self
            .steps
            .iter()
            .zip(outcomes)
            .filter(|(_, is_done)| **is_done);
        for (step, _) in done.clone() {
            match *step {
                Step::PushBlob {
                    repository, blob, ..
                }
                | Step::Head { repository, blob }
                | Step::Mount {
                    to: repository,
                    blob,
                    ..
                } => {
                    promises.insert((repository, blob), self.begun_ms);
                }
                Step::PushImage {
                    repository,
                    manifest,
                    ..
                } => {
                    let told = needed(manifest).map(|blob| ((repository, blob), self.begun_ms));
                    promises.extend(told);
                }
                _ => {}
            }
        }
        for (step, _) in done {
            if let Step::DeleteBlob { repository, blob } = *step {
                promises.remove(&(repository, blob));
            }
        }
        promises
    }
}

/// What is pushed: worked out once, because everything else takes less time.
struct Contents {
    blobs: Vec<(Bytes, Digest)>,
    manifests: Vec<(Bytes, Digest)>,
}

fn contents() -> &'static Contents {
    static CONTENTS: LazyLock<Contents> = LazyLock::new(|| {
        let named = |bytes: Bytes| {
            let digest = Digest::sha256_of(&bytes);
            (bytes, digest)
        };
        let blobs =
            (0..BLOBS).map(|number| named(content(u8::try_from(number).unwrap(), 300 + number)));
        let blobs: Vec<_> = blobs.collect();
        let manifests = (0..MANIFESTS).map(|manifest| {
            let needed = needed(manifest).map(|number| {
                let (bytes, digest) = &blobs[number];
                (digest.clone(), bytes.len())
            });
            named(pushes::manifest(&needed))
        });
        Contents {
            manifests: manifests.collect(),
            blobs,
        }
    });
    &CONTENTS
}

fn blob(number: usize) -> Bytes {
    contents().blobs[number].0.clone()
}

pub(super) fn digest(number: usize) -> Digest {
    contents().blobs[number].1.clone()
}

pub(super) fn needed(manifest: usize) -> [usize; 2] {
    [manifest / BLOBS, manifest % BLOBS]
}

pub(super) fn bytes_of(manifest: usize) -> Bytes {
    contents().manifests[manifest].0.clone()
}

pub(super) fn reference(manifest: usize) -> Reference {
    Reference::Digest(contents().manifests[manifest].1.clone())
}

fn tag(number: usize) -> Tag {
    Tag::parse(&format!("t{number}")).unwrap()
}

/// Does one step, giving way to the others now and then. Errors are those that a client can get in the course of ordinary
/// events; any other fails the test.
pub(super) async fn take(
    registry: Arc<Registry>,
    step: Step,
    round: Arc<Round>,
    mut random: Random,
) -> Result<(), Error> {
    for _ in 0..random.below(4) {
        tokio::task::yield_now().await;
    }
    let taken = attempt(&registry, step, &mut random).await;
    if let Err(error) = &taken {
        assert_ordinary(step, &round, error);
    }
    taken
}

fn assert_ordinary(step: Step, round: &Round, error: &Error) {
    let is_ordinary = match step {
        // A client was told that the blob is there.
        Step::PushImage { repository, .. } => {
            has_ended(error)
                || matches!(error, Error::ManifestBlobUnknown(_))
                    && round.may_forget(repository, round.begun_ms)
        }
        Step::PushManifest {
            repository,
            manifest,
            ..
        } => matches!(error, Error::ManifestBlobUnknown(_)) && round.may_lack(repository, manifest),
        Step::DeleteTag { .. } | Step::DeleteManifest { .. } => {
            matches!(error, Error::ManifestUnknown | Error::NameUnknown)
        }
        Step::DeleteBlob { .. } => matches!(
            error,
            Error::BlobUnknown | Error::BlobInUse | Error::NameUnknown
        ),
        Step::Head { .. } | Step::Mount { .. } => matches!(error, Error::BlobUnknown),
        Step::PushBlob { .. } | Step::Abandon { .. } => has_ended(error),
        Step::ExpireUploads
        | Step::PurgeTrash
        | Step::Collect
        | Step::DeleteObjects
        | Step::FlushRenewals
        | Step::Wait { .. } => false,
    };
    assert!(is_ordinary, "{step:?}: {error} ({error:?})");
}

/// The clock may jump beyond the end of an upload, and of the right to write to it, while it is being pushed; and what made
/// its own bytes needless may be collected.
fn has_ended(error: &Error) -> bool {
    matches!(error, Error::UploadUnknown | Error::UploadBusy)
}

async fn attempt(registry: &Registry, step: Step, random: &mut Random) -> Result<(), Error> {
    let services = &registry.services;
    let name = |repository: usize| REPOSITORIES[repository];
    match step {
        Step::PushImage {
            repository,
            manifest,
            tag,
            shape,
            mounts_from,
        } => {
            for number in needed(manifest) {
                provide(registry, repository, number, shape, mounts_from).await?;
                for _ in 0..random.below(3) {
                    tokio::task::yield_now().await;
                }
            }
            push_manifest(registry, repository, manifest, tag).await
        }
        Step::PushBlob {
            repository,
            blob,
            shape,
        } => push_blob(registry, repository, blob, shape).await,
        Step::Abandon { repository, blob } => abandon(registry, repository, blob).await,
        Step::Head { repository, blob } => {
            let access = registry.pull(name(repository)).await;
            let found = services.blobs.stat(&access, &digest(blob)).await;
            found.map(drop)
        }
        Step::Mount { from, to, blob } => match mount(registry, from, to, blob).await {
            Ok(true) => Ok(()),
            // Not there: the client would have to send it.
            Ok(false) => Err(Error::BlobUnknown),
            Err(error) => Err(error),
        },
        Step::PushManifest {
            repository,
            manifest,
            tag,
        } => push_manifest(registry, repository, manifest, tag).await,
        Step::DeleteTag { repository, tag } => delete_tag(registry, repository, tag).await,
        Step::DeleteManifest {
            repository,
            manifest,
        } => delete_manifest(registry, repository, manifest).await,
        Step::DeleteBlob { repository, blob } => {
            let access = registry.delete(name(repository)).await;
            services.blobs.delete(&access, &digest(blob)).await
        }
        Step::ExpireUploads => services.maintenance.expire_uploads().await.map(drop),
        Step::PurgeTrash => services.maintenance.purge_trash().await.map(drop),
        Step::Collect => services.maintenance.collect().await.map(drop),
        Step::DeleteObjects => {
            let deleted = services.maintenance.delete_condemned_objects();
            deleted.await.map(drop)
        }
        Step::FlushRenewals => services.blobs.flush_renewals().await,
        Step::Wait { ms } => {
            registry.clock.advance(ms);
            Ok(())
        }
    }
}

/// Sees to it that a repository has a blob, sending it only if it must.
async fn provide(
    registry: &Registry,
    repository: usize,
    number: usize,
    shape: usize,
    mounts_from: Option<usize>,
) -> Result<(), Error> {
    let access = registry.pull(REPOSITORIES[repository]).await;
    match registry.services.blobs.stat(&access, &digest(number)).await {
        Err(Error::BlobUnknown) => {}
        known => return known.map(drop),
    }
    if let Some(from) = mounts_from
        && mount(registry, from, repository, number).await?
    {
        return Ok(());
    }
    push_blob(registry, repository, number, shape).await
}

async fn push_blob(
    registry: &Registry,
    repository: usize,
    number: usize,
    shape: usize,
) -> Result<(), Error> {
    let (name, mut client) = (REPOSITORIES[repository], Client::without_snapshots());
    let bytes = blob(number);
    let pushed = client.push_blob(registry, name, SHAPES[shape], &bytes);
    pushed.await.map(drop)
}

async fn mount(registry: &Registry, from: usize, to: usize, number: usize) -> Result<bool, Error> {
    let to = registry.push(REPOSITORIES[to]).await;
    let from = registry.pull(REPOSITORIES[from]).await;
    let uploads = &registry.services.uploads;
    uploads.mount(&to, &from, &digest(number)).await
}

async fn abandon(registry: &Registry, repository: usize, number: usize) -> Result<(), Error> {
    let access = registry.push(REPOSITORIES[repository]).await;
    let uploads = &registry.services.uploads;
    let id = uploads.start(&access, oci::Algorithm::Sha256).await?;
    let chunk = crate::Chunk {
        range: None,
        body: pushes::body(&blob(number)),
    };
    uploads.append(&access, &id, chunk).await.map(drop)
}

async fn push_manifest(
    registry: &Registry,
    repository: usize,
    manifest: usize,
    number: usize,
) -> Result<(), Error> {
    let push = ManifestPush {
        reference: Reference::Tag(tag(number)),
        tags: Vec::new(),
        content_type: MEDIA_TYPE.to_owned(),
        content: bytes_of(manifest),
    };
    let access = registry.push(REPOSITORIES[repository]).await;
    let pushed = registry.services.manifests.put(&access, push).await;
    pushed.map(drop)
}

async fn delete_tag(registry: &Registry, repository: usize, number: usize) -> Result<(), Error> {
    let access = registry.delete(REPOSITORIES[repository]).await;
    let reference = Reference::Tag(tag(number));
    let manifests = &registry.services.manifests;
    manifests.delete(&access, &reference).await
}

pub(super) async fn delete_manifest(
    registry: &Registry,
    repository: usize,
    manifest: usize,
) -> Result<(), Error> {
    let access = registry.delete(REPOSITORIES[repository]).await;
    let reference = reference(manifest);
    let manifests = &registry.services.manifests;
    manifests.delete(&access, &reference).await
}
