//! The same work with everything in PostgreSQL and an S3 store: one replica, one and three behind HAProxy, and Debian's
//! `docker-registry` on the same store.

use anyhow::Result;

use super::downloads::Download;
use super::memory::{Pulls, Pushing, TRANSFERS};
use super::mixes::{CLIENTS, Mix};
use super::requests::{self, What};
use super::scripts::Script;
use super::uploads::Upload;
use super::{Goal, Kind, Lifetime, Measurement, Row, Scale, Unit, Workload};
use crate::bench::Bench;
use crate::bench::peers::Peer;

/// What the ids of these rows begin with.
const PREFIX: &str = "pg-s3-";
/// Everyone, where it matters how work spreads; else without a single replica behind HAProxy.
const ALL: &[Kind] = &[
    Kind::Roadstead,
    Kind::Balanced,
    Kind::Replicas,
    Kind::Distribution,
];
const SOME: &[Kind] = &[Kind::Roadstead, Kind::Replicas, Kind::Distribution];
/// Three replicas take little more time for a request than one does.
const SPREAD: Goal = Goal::CpuBetween(Kind::Replicas, Kind::Balanced, 1.2);

pub(crate) fn rows(scale: &Scale) -> Vec<Row> {
    use Goal::{Queries, Rate, StoreCalls};
    let faster = |times| Rate(Kind::Distribution, times);
    let mut rows = vec![
        small(
            What::Manifest,
            ALL,
            vec![Queries(1.0), faster(10.0), SPREAD],
        ),
        small(
            What::ManifestByDigest,
            ALL,
            vec![Queries(1.0), faster(10.0), SPREAD],
        ),
        small(What::ManifestHead, SOME, vec![Queries(1.0), faster(10.0)]),
        small(What::BlobHead, SOME, vec![Queries(1.0), StoreCalls(1.0)]),
        small(What::BlobGet, ALL, vec![StoreCalls(1.0), SPREAD]),
        small(What::Referrers, &[Kind::Roadstead, Kind::Replicas], vec![]),
    ];
    rows.extend(downloads(scale));
    rows.extend(pushes_and_pulls(scale));
    rows.extend(memory(scale));
    rows
}

fn small(what: What, peers: &[Kind], goals: Vec<Goal>) -> Row {
    on_engines(requests::row(what, peers, goals))
}

fn on_engines(row: Row) -> Row {
    Row {
        id: format!("{PREFIX}{}", row.id),
        workload: Box::new(OnEngines(row.workload)),
        ..row
    }
}

fn row(
    (id, title): (&str, String),
    unit: Unit,
    peers: &[Kind],
    goals: Vec<Goal>,
    workload: impl Workload + 'static,
) -> Row {
    on_engines(Row {
        id: id.to_owned(),
        title,
        unit,
        peers: peers.to_vec(),
        goals,
        workload: Box::new(workload),
    })
}

fn downloads(scale: &Scale) -> [Row; 2] {
    let download = |size| Download {
        size,
        connections: 8,
        tls: false,
    };
    [
        row(
            (
                "blob-get-10mib",
                "GET blob 10 MiB, 8 connections".to_owned(),
            ),
            Unit::MebibytesPerSecond,
            ALL,
            vec![SPREAD],
            download(10 * scale.mebibyte),
        ),
        row(
            ("blob-get-1gib", "GET blob 1 GiB, 8 connections".to_owned()),
            Unit::MebibytesPerSecond,
            SOME,
            vec![],
            download(scale.gibibyte),
        ),
    ]
}

fn pushes_and_pulls(scale: &Scale) -> [Row; 3] {
    let count = |full| if scale.quick { CLIENTS } else { full };
    let (pushed, pulled) = (count(300), count(600));
    [
        row(
            (
                "blob-push-1gib",
                "push blob 1 GiB (POST, PATCH, PUT)".to_owned(),
            ),
            Unit::MebibytesPerSecond,
            SOME,
            vec![],
            Upload {
                size: scale.gibibyte,
                streams: 1,
            },
        ),
        row(
            (
                "push-1mib",
                format!("push image of 1 MiB, 10 clients, {pushed} iterations"),
            ),
            Unit::IterationsPerSecond,
            ALL,
            vec![SPREAD],
            Mix::of_small_images(Script::Monolith, pushed, scale),
        ),
        row(
            (
                "pull-1mib",
                format!("pull image of 1 MiB, 10 clients, {pulled} iterations"),
            ),
            Unit::IterationsPerSecond,
            ALL,
            vec![SPREAD],
            Mix::of_small_images(Script::Pull, pulled, scale),
        ),
    ]
}

fn memory(scale: &Scale) -> [Row; 2] {
    let peers = [Kind::Roadstead, Kind::Distribution];
    let size = scale.gibibyte;
    let pulls = Pulls(Download {
        size,
        connections: TRANSFERS,
        tls: false,
    });
    let title = |what: &str| format!("RssAnon, peak of 64 {what} of 1 GiB at once");
    [
        row(
            ("memory-pull-64", title("pulls")),
            Unit::Mebibytes,
            &peers,
            vec![],
            pulls,
        ),
        row(
            ("memory-push-64", title("pushes")),
            Unit::Mebibytes,
            &peers,
            vec![],
            Pushing { size },
        ),
    ]
}

/// The same work on PostgreSQL and S3.
struct OnEngines(Box<dyn Workload>);

impl Workload for OnEngines {
    fn is_on_engines(&self) -> bool {
        true
    }

    fn lifetime(&self) -> Lifetime {
        self.0.lifetime()
    }

    fn seed(&self, bench: &Bench, peer: &Peer) -> Result<()> {
        self.0.seed(bench, peer)
    }

    fn measure(&self, bench: &Bench, peer: &Peer, round: u64) -> Result<Measurement> {
        self.0.measure(bench, peer, round)
    }
}
