//! Peak anonymous memory with 64 large transfers at once, and what an idle server holds.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;

use super::downloads::Download;
use super::uploads::Pushes;
use super::{Goal, Kind, Lifetime, Measurement, Row, Scale, Unit, Workload};
use crate::bench::Bench;
use crate::bench::driver::client::push_scope;
use crate::bench::driver::{Limit, Load, load};
use crate::bench::peers::Peer;
use crate::bench::process::anonymous_bytes;

pub(super) const TRANSFERS: usize = 64;
const REPOSITORY: &str = "library/push";

pub(crate) fn rows(scale: &Scale) -> Vec<Row> {
    let row = |id: &str, title: &str, most, workload| Row {
        id: id.to_owned(),
        title: title.to_owned(),
        unit: Unit::Mebibytes,
        peers: vec![Kind::Roadstead, Kind::Distribution],
        goals: vec![Goal::AtMost(most)],
        workload,
    };
    let size = scale.gibibyte;
    let pull = Download {
        size,
        connections: TRANSFERS,
        tls: false,
    };
    let settle = if scale.quick {
        Duration::ZERO
    } else {
        Duration::from_secs(2)
    };
    vec![
        row(
            "memory-pull-64",
            "RssAnon, peak of 64 pulls of 1 GiB at once",
            64.0,
            Box::new(Pulls(pull)),
        ),
        row(
            "memory-push-64",
            "RssAnon, peak of 64 pushes of 1 GiB at once",
            64.0,
            Box::new(Pushing { size }),
        ),
        row(
            "memory-idle",
            "RssAnon, idle after start",
            40.0,
            Box::new(Idle { settle }),
        ),
    ]
}

pub(super) struct Pulls(pub Download);

impl Workload for Pulls {
    fn seed(&self, bench: &Bench, peer: &Peer) -> Result<()> {
        self.0.seed(bench, peer)
    }

    fn measure(&self, bench: &Bench, peer: &Peer, round: u64) -> Result<Measurement> {
        self.0.measure(bench, peer, round).map(peak)
    }
}

/// 64 pushes are opened and sent for the measured time, then cut: whole, they would need 64 GiB of disk.
pub(super) struct Pushing {
    pub size: u64,
}

impl Workload for Pushing {
    fn lifetime(&self) -> Lifetime {
        Lifetime::Round
    }

    fn measure(&self, bench: &Bench, peer: &Peer, round: u64) -> Result<Measurement> {
        let authorization = peer
            .client()?
            .authorization_for(&[push_scope(REPOSITORY)])?
            .into_iter()
            .collect();
        // Tickets beyond the first 64 are only taken by the small blobs of a quick run.
        let blobs = (0..20_000)
            .map(|number| bench.source.blob(round << 32 | number, self.size))
            .collect();
        let work = Arc::new(Pushes {
            repository: REPOSITORY.to_owned(),
            authorization,
            blobs,
        });
        let load = Load::closed(TRANSFERS, Limit::Time(bench.scale.duration));
        let (tally, meter) = load::run(&peer.plain, load, &work, || bench.meter(peer))?;
        Ok(peak(Measurement::of(&tally, meter.end(), Unit::Mebibytes)))
    }
}

fn peak(measurement: Measurement) -> Measurement {
    Measurement {
        value: measurement.peak_mebibytes().unwrap_or_default(),
        ..measurement
    }
}

struct Idle {
    settle: Duration,
}

impl Workload for Idle {
    fn lifetime(&self) -> Lifetime {
        Lifetime::Round
    }

    fn measure(&self, _bench: &Bench, peer: &Peer, _round: u64) -> Result<Measurement> {
        std::thread::sleep(self.settle);
        let peak_anon_bytes = anonymous_bytes(&peer.ids());
        Ok(peak(Measurement {
            peak_anon_bytes,
            ..Measurement::default()
        }))
    }
}
