//! Ours behind HAProxy, which sends each request to the next replica.

use std::fs::{self, File};
use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::time::Instant;

use anyhow::{Context as _, Result};
use engines::Haproxy;

use super::{Kind, Launch, Parts, Peer, free_addresses, roadstead, start_process};

/// Any will do, if all replicas have the same.
const DEPLOYMENT_KEY: [u8; 32] = [7; 32];

pub(crate) fn start(kind: Kind, launch: &Launch<'_>, replicas: usize) -> Result<Peer> {
    let begin = Instant::now();
    let mut parts = Parts::default();
    let mut addresses: Vec<SocketAddr> = Vec::new();
    let mut last = None;
    for number in 0..replicas {
        let own = Launch {
            dir: launch.dir.join(format!("replica-{number}")),
            place: launch.place.clone(),
            ..*launch
        };
        let data = own.dir.join("data");
        fs::create_dir_all(&data)?;
        let mut options = File::options();
        let key = options.create_new(true).write(true).mode(0o600);
        key.open(data.join("deployment.key"))?
            .write_all(&DEPLOYMENT_KEY)?;
        let [plain, tls, metrics] = free_addresses()?;
        let mut setup = roadstead::setup(&own, plain, tls, metrics)?;
        let (process, _) = start_process(Kind::Roadstead, &mut setup, &own.dir)?;
        parts.processes.push(process);
        parts.metrics.push(metrics);
        addresses.push(plain);
        last = Some(setup);
    }
    let mut setup = last.context("a deployment has at least one replica")?;
    let balancer = Haproxy::start(&addresses)?;
    balancer.wait_until_all_are_up()?;
    setup.plain = balancer.address();
    parts.balancer = Some(balancer);
    Ok(Peer::of(kind, setup, launch, parts, begin.elapsed()))
}
