//! From the start of the process to its first good answer: on no store, an empty one and a full one.

use anyhow::Result;

use super::{Goal, Kind, Lifetime, Measurement, Row, Scale, Unit, Workload};
use crate::bench::Bench;
use crate::bench::content::Manifest;
use crate::bench::peers::{Peer, in_parallel};

const REPOSITORY: &str = "library/start";
const EMPTY: &str = "start-empty";

#[derive(Debug, Clone, Copy)]
enum Holding {
    /// The first start makes the store.
    NoStore,
    Nothing,
    Manifests(u64),
}

pub(crate) fn rows(scale: &Scale) -> Vec<Row> {
    let manifests = scale.seed_manifests;
    [
        (
            "start-first",
            "start to ready, first start (makes the store)".to_owned(),
            Holding::NoStore,
            Goal::AtMost(150.0),
        ),
        (
            EMPTY,
            "start to ready, empty store".to_owned(),
            Holding::Nothing,
            Goal::AtMost(150.0),
        ),
        (
            "start-full",
            format!("start to ready, {manifests} manifests"),
            Holding::Manifests(manifests),
            Goal::AtMostTimesRow(EMPTY, 1.5),
        ),
    ]
    .into_iter()
    .map(|(id, title, holding, goal)| Row {
        id: id.to_owned(),
        title,
        unit: Unit::Milliseconds,
        peers: vec![Kind::Roadstead],
        goals: vec![goal],
        workload: Box::new(Start { holding }),
    })
    .collect()
}

struct Start {
    holding: Holding,
}

impl Workload for Start {
    fn lifetime(&self) -> Lifetime {
        Lifetime::Own
    }

    fn measure_alone(&self, bench: &Bench, kind: Kind, round: u64) -> Result<Measurement> {
        let launch = match self.holding {
            Holding::NoStore => bench.launch(&format!("{}-{round}", kind.name())),
            _ => bench.launch(kind.name()),
        };
        if !launch.dir.exists() && !matches!(self.holding, Holding::NoStore) {
            let peer = Peer::start(kind, &launch)?;
            if let Holding::Manifests(count) = self.holding {
                seed(bench, &peer, count)?;
            }
            peer.stop();
        }
        let peer = Peer::start(kind, &launch)?;
        let milliseconds = peer.start_to_ready.as_secs_f64() * 1000.0;
        peer.stop();
        Ok(Measurement::value(milliseconds))
    }
}

fn seed(bench: &Bench, peer: &Peer, count: u64) -> Result<()> {
    let (config, layer) = (bench.source.blob(1, 1500), bench.source.blob(2, 10_000));
    let mut store = peer.store()?;
    store.push_blob(REPOSITORY, &config)?;
    store.push_blob(REPOSITORY, &layer)?;
    in_parallel(peer, count, 64, |client, number| {
        let manifest = Manifest::image(
            &config,
            std::slice::from_ref(&layer),
            &number.to_string(),
            0,
        );
        client.push_manifest(REPOSITORY, &format!("v{number}"), &manifest)
    })
}
