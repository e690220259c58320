//! Pushes, mounts, deletions and upkeep in random order, several at a time. Whatever manifest was acknowledged and not
//! deleted is wholly there, and usage is what it should be.

use super::pushes::{Client, MEDIA_TYPE, SHAPES, content, manifest};
use super::registry::Registry;
use crate::{Error, ManifestPush};
use bytes::Bytes;
use futures_util::future::join_all;
use oci::{Digest, Reference, Tag};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use std::collections::BTreeMap;

const REPOSITORIES: [&str; 3] = ["one", "two", "three"];
const BLOBS: usize = 4;
/// Every manifest has a configuration and a layer, so there are as many as pairs.
const MANIFESTS: usize = BLOBS * BLOBS;

#[derive(Clone, Debug)]
enum Step {
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
    Mount {
        from: usize,
        to: usize,
        blob: usize,
    },
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
    Upkeep,
    Wait {
        seconds: i64,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let repository = || 0..REPOSITORIES.len();
    prop_oneof![
        6 => (repository(), 0..BLOBS, 0..SHAPES.len() - 1)
            .prop_map(|(repository, blob, shape)| Step::PushBlob { repository, blob, shape }),
        1 => (repository(), 0..BLOBS).prop_map(|(repository, blob)| Step::Abandon { repository, blob }),
        3 => (repository(), repository(), 0..BLOBS)
            .prop_map(|(from, to, blob)| Step::Mount { from, to, blob }),
        8 => (repository(), 0..MANIFESTS, 0..3_usize)
            .prop_map(|(repository, manifest, tag)| Step::PushManifest { repository, manifest, tag }),
        2 => (repository(), 0..3_usize).prop_map(|(repository, tag)| Step::DeleteTag { repository, tag }),
        3 => (repository(), 0..MANIFESTS)
            .prop_map(|(repository, manifest)| Step::DeleteManifest { repository, manifest }),
        3 => (repository(), 0..BLOBS).prop_map(|(repository, blob)| Step::DeleteBlob { repository, blob }),
        2 => Just(Step::Upkeep),
        2 => (0..4000_i64).prop_map(|seconds| Step::Wait { seconds }),
    ]
}

fn blob(number: usize) -> Bytes {
    content(u8::try_from(number).unwrap(), 1500 + number)
}

fn digest(number: usize) -> Digest {
    Digest::sha256_of(&blob(number))
}

fn needed(manifest: usize) -> [Digest; 2] {
    [digest(manifest / BLOBS), digest(manifest % BLOBS)]
}

fn bytes_of(number: usize) -> Bytes {
    let sized = |number| (digest(number), blob(number).len());
    manifest(&[sized(number / BLOBS), sized(number % BLOBS)])
}

fn tag(number: usize) -> Tag {
    Tag::parse(&format!("t{number}")).unwrap()
}

/// Errors that a client can get in the course of ordinary events; any other is a defect.
fn assert_ordinary(step: &Step, error: &Error) {
    let is_ordinary = match step {
        Step::PushManifest { .. } => matches!(error, Error::ManifestBlobUnknown(_)),
        Step::DeleteTag { .. } | Step::DeleteManifest { .. } => {
            matches!(error, Error::ManifestUnknown | Error::NameUnknown)
        }
        Step::DeleteBlob { .. } => matches!(
            error,
            Error::BlobUnknown | Error::BlobInUse | Error::NameUnknown
        ),
        // The clock may jump beyond the end of an upload while it is being pushed.
        Step::PushBlob { .. } | Step::Abandon { .. } => matches!(error, Error::UploadUnknown),
        Step::Mount { .. } | Step::Upkeep | Step::Wait { .. } => false,
    };
    assert!(is_ordinary, "{step:?}: {error}");
}

async fn take(registry: &Registry, step: &Step) -> Result<(), Error> {
    let services = &registry.services;
    match *step {
        Step::PushBlob {
            repository,
            blob: number,
            shape,
        } => {
            let (name, mut client) = (REPOSITORIES[repository], Client::default());
            let bytes = blob(number);
            let pushed = client.push_blob(registry, name, SHAPES[shape], &bytes);
            pushed.await.map(drop)
        }
        Step::Abandon { repository, blob } => abandon(registry, repository, blob).await,
        Step::Mount { from, to, blob } => {
            let to = registry.push(REPOSITORIES[to]);
            let from = registry.pull(REPOSITORIES[from]);
            let digest = digest(blob);
            let mounted = services.uploads.mount(&to, &from, &digest).await;
            mounted.map(drop)
        }
        Step::PushManifest {
            repository,
            manifest,
            tag,
        } => push_manifest(registry, repository, manifest, tag).await,
        Step::DeleteTag {
            repository,
            tag: number,
        } => {
            let access = registry.delete(REPOSITORIES[repository]);
            let reference = Reference::Tag(tag(number));
            services.manifests.delete(&access, &reference).await
        }
        Step::DeleteManifest {
            repository,
            manifest,
        } => {
            let access = registry.delete(REPOSITORIES[repository]);
            let reference = Reference::Digest(Digest::sha256_of(&bytes_of(manifest)));
            services.manifests.delete(&access, &reference).await
        }
        Step::DeleteBlob { repository, blob } => {
            let access = registry.delete(REPOSITORIES[repository]);
            services.blobs.delete(&access, &digest(blob)).await
        }
        Step::Upkeep => {
            registry.maintain().await;
            Ok(())
        }
        Step::Wait { seconds } => {
            registry.clock.advance(seconds * 1000);
            Ok(())
        }
    }
}

async fn abandon(registry: &Registry, repository: usize, number: usize) -> Result<(), Error> {
    let access = registry.push(REPOSITORIES[repository]);
    let uploads = &registry.services.uploads;
    let id = uploads.start(&access, oci::Algorithm::Sha256).await?;
    let chunk = crate::Chunk {
        range: None,
        body: super::pushes::body(&blob(number)),
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
    let access = registry.push(REPOSITORIES[repository]);
    let pushed = registry.services.manifests.put(&access, push).await;
    pushed.map(drop)
}

/// What a repository must or may have, as far as the answers tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expectation {
    Must,
    MustNot,
    /// It was put and deleted at the same time.
    May,
}

type Expected = BTreeMap<(usize, usize), Expectation>;

/// Learns from a round of steps that ran at the same time, with what each came to.
fn learn(expected: &mut Expected, round: &[(Step, bool)]) {
    let did = |wanted: (usize, usize), is_put: bool| {
        round.iter().any(|(step, is_done)| match *step {
            Step::PushManifest {
                repository,
                manifest,
                ..
            } if is_put => *is_done && (repository, manifest) == wanted,
            Step::DeleteManifest {
                repository,
                manifest,
            } if !is_put => *is_done && (repository, manifest) == wanted,
            _ => false,
        })
    };
    for repository in 0..REPOSITORIES.len() {
        for manifest in 0..MANIFESTS {
            let key = (repository, manifest);
            let learnt = match (did(key, true), did(key, false)) {
                (true, true) => Expectation::May,
                (true, false) => Expectation::Must,
                (false, true) => Expectation::MustNot,
                (false, false) => continue,
            };
            expected.insert(key, learnt);
        }
    }
}

async fn check(registry: &Registry, expected: &Expected) {
    for (&(repository, manifest), &expectation) in expected {
        let (name, bytes) = (REPOSITORIES[repository], bytes_of(manifest));
        let reference = Reference::Digest(Digest::sha256_of(&bytes));
        let access = registry.pull(name);
        let is_served = registry.services.manifests.get(&access, &reference).is_ok();
        match expectation {
            Expectation::Must => assert!(is_served, "{name} lost manifest {manifest}"),
            Expectation::MustNot => assert!(!is_served, "{name} still has manifest {manifest}"),
            Expectation::May => {}
        }
        if is_served {
            let needed = needed(manifest);
            registry.assert_whole(name, &bytes, &needed).await;
        }
    }
    let maintenance = &registry.services.maintenance;
    let (running, counted) = maintenance.compare_usage(&registry.account).await.unwrap();
    assert_eq!(running, counted, "usage");
}

async fn live(rounds: Vec<Vec<Step>>) {
    let registry = Registry::start().await;
    let mut expected = Expected::new();
    for round in rounds {
        let taken = join_all(round.iter().map(|step| take(&registry, step))).await;
        let mut outcomes = Vec::new();
        for (step, result) in round.into_iter().zip(taken) {
            if let Err(error) = &result {
                assert_ordinary(&step, error);
            }
            outcomes.push((step, result.is_ok()));
        }
        learn(&mut expected, &outcomes);
        check(&registry, &expected).await;
    }
    registry.expire_everything().await;
    check(&registry, &expected).await;
    let digests: Vec<_> = (0..BLOBS).map(digest).collect();
    registry.assert_nothing_left_over(digests.iter());
}

#[test]
fn whatever_was_acknowledged_and_not_deleted_is_whole() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let rounds = prop::collection::vec(prop::collection::vec(step(), 1..5), 1..40);
    let config = Config {
        cases: 48,
        max_shrink_iters: 200,
        failure_persistence: None,
        ..Config::default()
    };
    TestRunner::new(config)
        .run(&rounds, |rounds| {
            runtime.block_on(live(rounds));
            Ok(())
        })
        .unwrap();
}
