//! GET of blobs, plain and over TLS.

use std::sync::Arc;

use anyhow::Result;

use super::requests::{Fixed, REPOSITORY};
use super::{Goal, Kind, Measurement, Row, Scale, Unit, Workload};
use crate::bench::Bench;
use crate::bench::driver::client::push_scope;
use crate::bench::driver::{Limit, Load, Payload, Request, load};
use crate::bench::peers::Peer;

/// Downloads for a fixed time; bytes of transfers cut at its end count.
pub(crate) struct Download {
    pub size: u64,
    pub connections: usize,
    pub tls: bool,
}

pub(crate) fn rows(scale: &Scale) -> Vec<Row> {
    let sizes = [
        ("10mib", "10 MiB", 10 * scale.mebibyte),
        ("1gib", "1 GiB", scale.gibibyte),
    ];
    let mut rows = Vec::new();
    for (tls, connections) in [(false, &[1, 8, 64][..]), (true, &[1, 8][..])] {
        for (id, name, size) in sizes {
            for &connections in connections {
                rows.push(row(
                    tls,
                    id,
                    name,
                    Download {
                        size,
                        connections,
                        tls,
                    },
                ));
            }
        }
    }
    rows
}

fn row(tls: bool, id: &str, name: &str, download: Download) -> Row {
    let connections = download.connections;
    let (rate, cpu, kind, title) = if tls {
        (1.0, 1.2, "-tls", "TLS 1.3")
    } else {
        (0.95, 1.1, "", "plain")
    };
    let mut peers = vec![Kind::Roadstead, Kind::Distribution, Kind::Nginx];
    if tls {
        peers.remove(1);
    }
    Row {
        id: format!("blob-get{kind}-{id}-c{connections}"),
        title: format!("GET blob {name}, {connections} connection(s), {title}"),
        unit: Unit::MebibytesPerSecond,
        peers,
        goals: vec![Goal::Rate(Kind::Nginx, rate), Goal::Cpu(Kind::Nginx, cpu)],
        workload: Box::new(download),
    }
}

impl Workload for Download {
    fn seed(&self, bench: &Bench, peer: &Peer) -> Result<()> {
        peer.store()?
            .push_blob(REPOSITORY, &bench.source.blob(3, self.size))
    }

    fn measure(&self, bench: &Bench, peer: &Peer, _round: u64) -> Result<Measurement> {
        let path = format!(
            "/v2/{REPOSITORY}/blobs/{}",
            bench.source.blob(3, self.size).digest
        );
        let scope = [push_scope(REPOSITORY)];
        let headers: Vec<String> = peer
            .client()?
            .authorization_for(&scope)?
            .into_iter()
            .collect();
        let request = Request::new("GET", &path, &headers, Payload::Nothing);
        let work = Arc::new(Fixed {
            what: "GET blob",
            request,
        });
        let target = if self.tls { &peer.tls } else { &peer.plain };
        let warm_up = Load::closed(1, Limit::Time(bench.scale.warm_up));
        load::run(target, warm_up, &work, || ())?;
        let load = Load::closed(self.connections, Limit::Time(bench.scale.duration)).on_threads(2);
        let (tally, meter) = load::run(target, load, &work, || bench.meter(peer))?;
        Ok(Measurement::of(
            &tally,
            meter.end(),
            Unit::MebibytesPerSecond,
        ))
    }
}
