//! Row by row, round by round, peer by peer: interleaved, so that noise of the machine meets all alike.

use std::io::IsTerminal as _;
use std::time::Instant;

use anyhow::{Context as _, Result};
use indicatif::{ProgressBar, ProgressStyle};

use super::Bench;
use super::peers::{Kind, Peer};
use super::results::Results;
use super::rows::{Lifetime, Measurement, Row};

/// Measures all rows; a round that fails is kept with its reason, and the others go on.
pub(crate) fn run(bench: &Bench, rows: &[Row], rounds: u64, only_ours: bool) -> Result<Results> {
    let steps: u64 = rows.iter().map(|row| row.peers.len() as u64 * rounds).sum();
    let bar = progress(steps);
    let mut results = Results::default();
    for row in rows {
        let begin = Instant::now();
        let peers: Vec<Kind> = row
            .peers
            .iter()
            .copied()
            .filter(|kind| !only_ours || *kind == Kind::Roadstead)
            .collect();
        let mut seats: Vec<Seat> = peers
            .into_iter()
            .map(|kind| Seat {
                kind,
                running: None,
            })
            .collect();
        for round in 0..rounds {
            // A different one begins each round: who comes after whom must not matter.
            if round > 0 && seats.len() > 1 {
                seats.rotate_left(1);
            }
            for seat in &mut seats {
                bar.set_message(format!(
                    "{} {} {}/{rounds}",
                    row.id,
                    seat.kind.name(),
                    round + 1
                ));
                let measured =
                    seat.measure(bench, row, round)
                        .unwrap_or_else(|error| Measurement {
                            failures: vec![format!("{error:#}")],
                            ..Measurement::default()
                        });
                results.add(row, seat.kind, measured);
                bar.inc(1);
            }
        }
        drop(seats);
        clear(bench)?;
        if row.workload.lifetime() == Lifetime::Round || !row.workload.is_on_engines() {
            // What pushes stored would fill the disk before long.
            bench.end_engines();
        }
        if !bar.is_hidden() {
            continue;
        }
        let took = begin.elapsed().as_secs_f64();
        println!("{}  ({took:.1} s)", super::report::line(row, &results));
    }
    bench.end_engines();
    bar.finish_and_clear();
    Ok(results)
}

struct Seat {
    kind: Kind,
    running: Option<Peer>,
}

impl Seat {
    fn measure(&mut self, bench: &Bench, row: &Row, round: u64) -> Result<Measurement> {
        let workload = &row.workload;
        let lifetime = workload.lifetime();
        if self.kind == Kind::Disk || lifetime == Lifetime::Own {
            return workload.measure_alone(bench, self.kind, round);
        }
        let peer = if let Some(peer) = self.running.take() {
            peer
        } else {
            let name = format!("{}-{round}", self.kind.name().replace([',', ' '], ""));
            let launch = if workload.is_on_engines() {
                bench.launch_on_engines(&name)?
            } else {
                bench.launch(&name)
            };
            let peer = Peer::start(self.kind, &launch)?;
            workload
                .seed(bench, &peer)
                .with_context(|| format!("seeding {}", self.kind.name()))?;
            peer
        };
        let measured = workload.measure(bench, &peer, round);
        match lifetime {
            Lifetime::Row => self.running = Some(peer),
            Lifetime::Round | Lifetime::Own => peer.remove()?,
        }
        measured
    }
}

fn clear(bench: &Bench) -> Result<()> {
    std::fs::remove_dir_all(&bench.root)?;
    std::fs::create_dir_all(&bench.root)?;
    Ok(())
}

fn progress(steps: u64) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(steps);
    if let Ok(style) =
        ProgressStyle::with_template("{bar:30} {pos}/{len} {elapsed} (about {eta} left) {msg}")
    {
        bar.set_style(style);
    }
    bar.enable_steady_tick(std::time::Duration::from_millis(250));
    bar
}
