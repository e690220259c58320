//! The request mixes of zb, the zot project's benchmark, at 10 clients: every iteration is a whole push or pull
//! of an image in a repository of its own. Each mix runs twice: with one layer for all (as zb does) and with a
//! layer of its own for every image.

use std::sync::Arc;

use anyhow::Result;

use super::scripts::{Image, Images, Script, TAG};
use super::{Goal, Kind, Lifetime, Measurement, Row, Scale, Unit, Workload};
use crate::bench::Bench;
use crate::bench::content::Manifest;
use crate::bench::driver::client::push_scope;
use crate::bench::driver::{Limit, Load, load};
use crate::bench::peers::{Peer, in_parallel};
use crate::bench::random::Random;

pub(super) const CLIENTS: u64 = 10;

/// Shares of layers of 1, 10 and 100 MiB.
type Sizes = [f64; 3];

const ONE: Sizes = [1.0, 0.0, 0.0];
const TEN: Sizes = [0.0, 1.0, 0.0];
const HUNDRED: Sizes = [0.0, 0.0, 1.0];
/// What zb pushes before it asks for the catalog.
const CATALOG: Sizes = [0.7, 0.2, 0.1];
const MIXED: Sizes = [0.2, 0.7, 0.1];
const EVEN: Sizes = [0.34, 0.33, 0.33];

/// Number in zb's order, name, script, sizes and iterations.
const MIXES: [(u8, &str, Script, Sizes, f64); 16] = [
    (1, "catalog", Script::Catalog, CATALOG, 4000.0),
    (2, "push-monolith-1mb", Script::Monolith, ONE, 500.0),
    (3, "push-monolith-10mb", Script::Monolith, TEN, 100.0),
    (4, "push-monolith-100mb", Script::Monolith, HUNDRED, 20.0),
    (5, "push-chunked-1mb", Script::Chunked, ONE, 500.0),
    (6, "push-chunked-10mb", Script::Chunked, TEN, 100.0),
    (7, "push-chunked-100mb", Script::Chunked, HUNDRED, 20.0),
    (8, "pull-1mb", Script::Pull, ONE, 3000.0),
    (9, "pull-10mb", Script::Pull, TEN, 500.0),
    (10, "pull-100mb", Script::Pull, HUNDRED, 80.0),
    (11, "pull-mixed", Script::Pull, MIXED, 400.0),
    (12, "push-monolith-mixed", Script::Monolith, MIXED, 100.0),
    (13, "push-chunked-mixed", Script::Chunked, EVEN, 50.0),
    (14, "pull75-push25-1mb", Script::PullOrPush, ONE, 1500.0),
    (15, "pull75-push25-10mb", Script::PullOrPush, TEN, 300.0),
    (16, "pull75-push25-100mb", Script::PullOrPush, HUNDRED, 60.0),
];

pub(super) struct Mix {
    script: Script,
    sizes: Sizes,
    iterations: u64,
    mebibyte: u64,
    unique: bool,
}

impl Mix {
    /// Images of one layer of 1 MiB, each its own.
    pub(super) fn of_small_images(script: Script, iterations: u64, scale: &Scale) -> Self {
        Self {
            script,
            sizes: ONE,
            iterations,
            mebibyte: scale.mebibyte,
            unique: true,
        }
    }
}

pub(crate) fn rows(scale: &Scale) -> Vec<Row> {
    let mut rows = Vec::new();
    for (number, name, script, sizes, iterations) in MIXES {
        let variants: &[bool] = if script == Script::Catalog {
            &[false]
        } else {
            &[false, true]
        };
        for &unique in variants {
            let layers = if unique { "unique" } else { "same" };
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a small positive count"
            )]
            let iterations = ((iterations * scale.zb) as u64).max(CLIENTS);
            let rate = if matches!(script, Script::Pull | Script::Catalog) {
                3.0
            } else {
                1.5
            };
            rows.push(Row {
                id: format!("zb-{number:02}-{name}-{layers}"),
                title: format!(
                    "zb {number}: {name}, {layers} layers, 10 clients, {iterations} iterations"
                ),
                unit: Unit::IterationsPerSecond,
                peers: vec![Kind::Roadstead, Kind::Distribution],
                goals: vec![
                    Goal::Rate(Kind::Distribution, rate),
                    Goal::Cpu(Kind::Distribution, 0.5),
                ],
                workload: Box::new(Mix {
                    script,
                    sizes,
                    iterations,
                    mebibyte: scale.mebibyte,
                    unique,
                }),
            });
        }
    }
    rows
}

impl Workload for Mix {
    fn lifetime(&self) -> Lifetime {
        Lifetime::Round
    }

    fn measure(&self, bench: &Bench, peer: &Peer, round: u64) -> Result<Measurement> {
        let images = Arc::new(self.images(bench, peer, round)?);
        in_parallel(
            peer,
            images.pulled.len() as u64,
            CLIENTS,
            |client, number| {
                let image = &images.pulled[usize::try_from(number)?];
                client.push_blob(&image.repository, &images.config)?;
                client.push_blob(&image.repository, &image.layer)?;
                client.push_manifest(&image.repository, TAG, &image.manifest)
            },
        )?;
        bench.settle();
        let load = Load::closed(
            usize::try_from(CLIENTS)?,
            Limit::Iterations(self.iterations),
        )
        .on_threads(2);
        let (tally, meter) = load::run(&peer.plain, load, &images, || bench.meter(peer))?;
        Ok(Measurement::of(
            &tally,
            meter.end(),
            Unit::IterationsPerSecond,
        ))
    }
}

impl Mix {
    fn images(&self, bench: &Bench, peer: &Peer, round: u64) -> Result<Images> {
        let mut client = peer.client()?;
        let mut random = Random::new(round);
        let config = bench.source.blob(5, 600);
        let mut image = |name: String, number: u64, size: u64| -> Result<Image> {
            let layer = bench
                .source
                .blob(if self.unique { number } else { 0 }, size);
            let repository = format!("library/zb-{name}");
            let authorization = client
                .authorization_for(&[push_scope(&repository)])?
                .into_iter()
                .collect();
            let manifest = Manifest::image(&config, std::slice::from_ref(&layer), "zb", 0);
            Ok(Image {
                repository,
                layer,
                manifest,
                authorization,
            })
        };
        let pulls = matches!(
            self.script,
            Script::Pull | Script::PullOrPush | Script::Catalog
        );
        let mut pulled = Vec::new();
        for number in 0..if pulls { CLIENTS } else { 0 } {
            // Sizes in their exact shares over the ten: a share drawn by lot would differ between rounds.
            #[expect(clippy::cast_precision_loss, reason = "ten clients")]
            let size = self.size((number as f64 + 0.5) / CLIENTS as f64);
            pulled.push(image(format!("pull-{number}"), round << 32 | number, size)?);
        }
        let mut pushed = Vec::new();
        for number in 0..self.iterations {
            let pushes = match self.script {
                Script::Monolith | Script::Chunked => true,
                Script::PullOrPush => random.fraction() >= 0.75,
                Script::Pull | Script::Catalog => false,
            };
            let size = self.size(random.fraction());
            let name = format!("push-{number}");
            let number = round << 32 | (number + CLIENTS);
            pushed.push(if pushes {
                Some(image(name, number, size)?)
            } else {
                None
            });
        }
        let catalog = client
            .authorization_for(&["registry:catalog:*".to_owned()])?
            .into_iter()
            .collect();
        Ok(Images {
            script: self.script,
            config,
            pulled,
            pushed,
            catalog,
        })
    }

    fn size(&self, drawn: f64) -> u64 {
        let [one, ten, _] = self.sizes;
        let mebibytes = if drawn < one {
            1
        } else if drawn < one + ten {
            10
        } else {
            100
        };
        mebibytes * self.mebibyte
    }
}
