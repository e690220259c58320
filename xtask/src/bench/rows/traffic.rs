//! The trace, replayed or generated, at constant rates.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use anyhow::Result;

use super::requests::REPOSITORY;
use super::uploads::push_blob;
use super::{Kind, Measurement, Row, Scale, Unit, Workload};
use crate::bench::Bench;
use crate::bench::content::{Blob, MANIFEST, Manifest};
use crate::bench::driver::client::{accept, push_scope};
use crate::bench::driver::{
    Connection, Failure, Keep, Limit, Load, Pace, Payload, Request, Tally, Work, load,
};
use crate::bench::peers::{Peer, in_parallel};
use crate::bench::trace::{self, Operation, Recorded};

const CONNECTIONS: usize = 64;
const RATES: [u32; 3] = [100, 330, 1000];
const SECONDS: u64 = 15;
/// Blobs whose mounting is measured are in this repository.
const MOUNTED_FROM: &str = "library/trace-mount";

struct Traffic {
    rate: u32,
    requests: u64,
    recorded: bool,
}

/// The generated trace, and a recorded one where there is a file of it.
pub(crate) fn rows(scale: &Scale, with_recorded: bool) -> Vec<Row> {
    let rates: &[u32] = if scale.quick { &RATES[2..] } else { &RATES };
    let mut rows = Vec::new();
    for &recorded in if with_recorded {
        &[false, true][..]
    } else {
        &[false]
    } {
        let (kind, source) = if recorded {
            ("-recorded", "recorded trace")
        } else {
            ("", "generated trace (IBM registry, fitted)")
        };
        for &rate in rates {
            let requests = scale.trace_requests.min(u64::from(rate) * SECONDS);
            rows.push(Row {
                id: format!("trace{kind}-{rate}"),
                title: format!(
                    "{source}, open loop at {rate}/s, {requests} requests, sizes above 1 MB ÷ {}",
                    trace::SCALE
                ),
                unit: Unit::IterationsPerSecond,
                peers: vec![Kind::Roadstead, Kind::Distribution],
                goals: Vec::new(),
                workload: Box::new(Traffic {
                    rate,
                    requests,
                    recorded,
                }),
            });
        }
    }
    rows
}

/// Everything an operation needs, made before the measured time.
struct Replay {
    operations: Vec<Operation>,
    /// Salts what is pushed, so that every round pushes something new.
    round: u64,
    config: Blob,
    blobs: HashMap<u64, Blob>,
    /// Header lines by repository; `library/bench` for pings.
    authorization: HashMap<String, Vec<String>>,
}

impl Traffic {
    fn operations(&self, bench: &Bench) -> Result<Recorded> {
        match &bench.trace {
            Some(path) if self.recorded => trace::read(path, self.requests),
            _ => Ok(Recorded {
                operations: trace::generate(1, self.requests),
                ..Recorded::default()
            }),
        }
    }

    fn replay(&self, bench: &Bench, peer: &Peer, round: u64) -> Result<Replay> {
        let Recorded { operations, sizes } = self.operations(bench)?;
        let blobs = operations
            .iter()
            .filter(|operation| !matches!(operation.kind, trace::Kind::Ping))
            .map(|operation| {
                let object = operation.object;
                let size = sizes
                    .get(&object)
                    .copied()
                    .unwrap_or_else(|| trace::blob_size(object));
                let pushed = operation.kind == trace::Kind::PushBlob;
                let number = if pushed {
                    object | (round + 1) << 40
                } else {
                    object
                };
                (number, bench.source.blob(number, trace::scaled(size)))
            })
            .collect();
        let mut client = peer.client()?;
        let mut authorization = HashMap::new();
        let repositories = operations
            .iter()
            .map(|operation| operation.repository.as_str());
        for repository in repositories.chain([REPOSITORY]) {
            if !authorization.contains_key(repository) {
                let scopes = [
                    push_scope(repository),
                    format!("repository:{MOUNTED_FROM}:pull"),
                ];
                let mut header: Vec<String> =
                    client.authorization_for(&scopes)?.into_iter().collect();
                header.push(accept());
                authorization.insert(repository.to_owned(), header);
            }
        }
        Ok(Replay {
            operations,
            round,
            config: bench.source.blob(5, 600),
            blobs,
            authorization,
        })
    }
}

/// What must be there before the first operation, each once.
struct Wanted<'a> {
    blobs: Vec<(&'a str, u64)>,
    manifests: Vec<(&'a str, u64)>,
    /// Repositories whose manifests need a config.
    with_manifests: Vec<&'a str>,
}

impl<'a> Wanted<'a> {
    fn of(operations: &'a [Operation]) -> Self {
        let (mut blobs, mut manifests) = (BTreeSet::new(), BTreeSet::new());
        let mut with_manifests = BTreeSet::new();
        for Operation {
            kind,
            repository,
            object,
        } in operations
        {
            match kind {
                trace::Kind::GetBlob | trace::Kind::HeadBlob => {
                    blobs.insert((repository.as_str(), *object));
                }
                trace::Kind::MountBlob => {
                    blobs.insert((MOUNTED_FROM, *object));
                }
                trace::Kind::GetManifest => {
                    manifests.insert((repository.as_str(), *object));
                    with_manifests.insert(repository.as_str());
                }
                trace::Kind::PutManifest => {
                    with_manifests.insert(repository.as_str());
                }
                trace::Kind::Ping | trace::Kind::PushBlob => {}
            }
        }
        Self {
            blobs: blobs.into_iter().collect(),
            manifests: manifests.into_iter().collect(),
            with_manifests: with_manifests.into_iter().collect(),
        }
    }
}

impl Workload for Traffic {
    fn seed(&self, bench: &Bench, peer: &Peer) -> Result<()> {
        let replay = self.replay(bench, peer, 0)?;
        let wanted = Wanted::of(&replay.operations);
        in_parallel(peer, wanted.with_manifests.len() as u64, 8, |client, at| {
            client.push_blob(wanted.with_manifests[usize::try_from(at)?], &replay.config)
        })?;
        in_parallel(peer, wanted.blobs.len() as u64, 8, |client, at| {
            let (repository, object) = wanted.blobs[usize::try_from(at)?];
            client.push_blob(repository, &replay.blobs[&object])
        })?;
        in_parallel(peer, wanted.manifests.len() as u64, 8, |client, at| {
            let (repository, object) = wanted.manifests[usize::try_from(at)?];
            let manifest = Manifest::image(&replay.config, &[], &object.to_string(), 1200);
            client.push_manifest(repository, &tag(object), &manifest)
        })
    }

    fn measure(&self, bench: &Bench, peer: &Peer, round: u64) -> Result<Measurement> {
        let replay = Arc::new(self.replay(bench, peer, round)?);
        bench.settle();
        let load = Load {
            connections: CONNECTIONS,
            threads: 1,
            limit: Limit::Iterations(replay.operations.len() as u64),
            pace: Pace::Open(f64::from(self.rate)),
        };
        let (tally, meter) = load::run(&peer.plain, load, &replay, || bench.meter(peer))?;
        Ok(Measurement::of(
            &tally,
            meter.end(),
            Unit::IterationsPerSecond,
        ))
    }
}

impl Work for Replay {
    async fn iterate(
        &self,
        connection: &mut Connection,
        ticket: u64,
        tally: &mut Tally,
    ) -> Result<(), Failure> {
        let operation = &self.operations[usize::try_from(ticket).unwrap_or_default()];
        tally.kind = Some(operation.kind.name());
        self.perform(connection, operation, tally).await
    }
}

impl Replay {
    async fn perform(
        &self,
        connection: &mut Connection,
        operation: &Operation,
        tally: &mut Tally,
    ) -> Result<(), Failure> {
        use trace::Kind::{GetBlob, GetManifest, HeadBlob, MountBlob, Ping, PushBlob, PutManifest};
        let Operation {
            kind,
            repository,
            object,
        } = operation;
        let blob = |number: u64| {
            self.blobs
                .get(&number)
                .ok_or_else(|| Failure::Unexpected("a blob that was never made".to_owned()))
        };
        let uploads = format!("/v2/{repository}/blobs/uploads/");
        let (method, path, expected) = match kind {
            Ping => ("GET", "/v2/".to_owned(), 200),
            GetManifest => (
                "GET",
                format!("/v2/{repository}/manifests/{}", tag(*object)),
                200,
            ),
            GetBlob => (
                "GET",
                format!("/v2/{repository}/blobs/{}", blob(*object)?.digest),
                200,
            ),
            HeadBlob => (
                "HEAD",
                format!("/v2/{repository}/blobs/{}", blob(*object)?.digest),
                200,
            ),
            MountBlob => {
                let digest = &blob(*object)?.digest;
                (
                    "POST",
                    format!("{uploads}?mount={digest}&from={MOUNTED_FROM}"),
                    201,
                )
            }
            PutManifest => return self.put_manifest(connection, operation, tally).await,
            PushBlob => {
                let pushed = blob(object | (self.round + 1) << 40)?;
                return push_blob(connection, &uploads, self.header(operation), pushed, tally)
                    .await;
            }
        };
        let request = Request::new(method, &path, self.header(operation), Payload::Nothing);
        let response = connection
            .exchange(&request, Payload::Nothing, Keep::Nothing)
            .await?;
        tally.expect(&path, response.status, expected)
    }

    async fn put_manifest(
        &self,
        connection: &mut Connection,
        operation: &Operation,
        tally: &mut Tally,
    ) -> Result<(), Failure> {
        let note = format!("{} of round {}", operation.object, self.round);
        let manifest = Manifest::image(&self.config, &[], &note, 1200);
        let path = format!(
            "/v2/{}/manifests/pushed-{}",
            operation.repository, operation.object
        );
        let mut headers = self.header(operation).to_vec();
        headers.push(format!("Content-Type: {MANIFEST}"));
        let payload = Payload::Bytes(&manifest.bytes);
        let request = Request::new("PUT", &path, &headers, payload);
        let response = connection
            .exchange(&request, payload, Keep::Nothing)
            .await?;
        tally.expect(&path, response.status, 201)
    }

    fn header(&self, operation: &Operation) -> &[String] {
        let repository = if operation.kind == trace::Kind::Ping {
            REPOSITORY
        } else {
            operation.repository.as_str()
        };
        self.authorization
            .get(repository)
            .map(Vec::as_slice)
            .unwrap_or_default()
    }
}

fn tag(object: u64) -> String {
    format!("t{object:x}")
}
