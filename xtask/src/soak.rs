//! `cargo xtask soak NAME`: a test of the ordinary run, with counts that take hours. It goes in
//! batches, each with a seed of its own, and notes every batch done, so that it can be stopped
//! and started again.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use tokio::process::Command;

use crate::process::output_of;
use crate::{test, workspace};

/// Which soak.
#[derive(clap::Args)]
pub(crate) struct Args {
    name: Name,
    /// Forget what an unfinished run has done
    #[arg(long)]
    restart: bool,
    /// The first batch's seed, for a new run
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Name {
    /// The server killed by SIGKILL at random moments of pushes
    Sigkill,
    /// Three replicas behind a load balancer, one of them killed every second under 30 pushers and 30 pullers
    Kill,
    /// PostgreSQL and the S3 store stopped, killed and paused under the registry
    Outage,
    /// Pushes, mounts, deletions, time and the collector in random order, several at a time
    Interleave,
    /// A blob of 1 GiB in 100 chunks, each sent to another replica
    Chunks,
    /// Every test of the protocol on PostgreSQL and S3
    Protocol,
}

struct Soak {
    name: &'static str,
    /// A test, or a module with `::` behind it.
    test: &'static str,
    /// What the test is told besides.
    environment: &'static [(&'static str, &'static str)],
    /// How often the test repeats what it does, in all and in one batch.
    total: u64,
    batch: u64,
    batch_time_limit: Duration,
}

impl Name {
    const fn soak(self) -> Soak {
        match self {
            Self::Sigkill => Soak {
                name: "sigkill",
                test: "faults::sigkill::every_acknowledged_image_survives_sigkill",
                environment: &[],
                total: 1000,
                batch: 50,
                batch_time_limit: Duration::from_mins(20),
            },
            Self::Kill => Soak {
                name: "kill",
                test: "replicas::killing::nothing_acknowledged_is_lost_when_replicas_are_killed",
                environment: &[],
                total: 120,
                batch: 120,
                batch_time_limit: Duration::from_mins(30),
            },
            Self::Outage => Soak {
                name: "outage",
                test: "replicas::outage::engines_fail_in_every_way_and_come_back",
                environment: &[],
                total: 10,
                batch: 5,
                batch_time_limit: Duration::from_mins(30),
            },
            Self::Interleave => Soak {
                name: "interleave",
                test: "tests::faults::interleavings::whatever_was_acknowledged_and_not_deleted_is_whole_and_nothing_else_is_left",
                environment: &[],
                total: 100_000,
                batch: 2000,
                batch_time_limit: Duration::from_mins(20),
            },
            Self::Chunks => Soak {
                name: "chunks",
                test: "replicas::chunks::a_large_blob_arrives_in_chunks_at_changing_replicas",
                environment: &[],
                total: 100,
                batch: 100,
                batch_time_limit: Duration::from_mins(20),
            },
            Self::Protocol => Soak {
                name: "protocol",
                test: "oci::",
                environment: &[("TEST_BACKENDS", "postgresql+s3")],
                total: 1,
                batch: 1,
                batch_time_limit: Duration::from_mins(50),
            },
        }
    }
}

impl Name {
    /// The package whose own tests have it, when it is not one of the integration tests.
    const fn package(self) -> Option<&'static str> {
        match self {
            Self::Interleave => Some("services"),
            _ => None,
        }
    }
}

/// What an unfinished soak has behind it: `target/soak/NAME.json`.
#[derive(Serialize, Deserialize)]
struct Progress {
    seed: u64,
    done: u64,
}

/// Runs the batches that are not done yet, and writes the outcome down.
pub(crate) async fn run(args: &Args) -> anyhow::Result<()> {
    let soak = args.name.soak();
    let file = progress_file(&soak)?;
    if args.restart && file.exists() {
        std::fs::remove_file(&file)?;
    }
    let mut progress = if file.exists() {
        serde_json::from_str(&std::fs::read_to_string(&file)?)
            .with_context(|| format!("{} is damaged; start again with --restart", file.display()))?
    } else {
        Progress {
            seed: args.seed.map_or_else(test::new_seed, Ok)?,
            done: 0,
        }
    };
    println!(
        "{}: seed {}, {} of {} done",
        soak.name, progress.seed, progress.done, soak.total
    );
    let (begun, begun_at) = (Instant::now(), progress.done);
    while progress.done < soak.total {
        let count = soak.batch.min(soak.total - progress.done);
        let seed = progress.seed + progress.done;
        let mut environment = vec![
            ("TEST_SEED", seed.to_string()),
            ("TEST_COUNT", count.to_string()),
        ];
        let more = soak.environment.iter();
        environment.extend(more.map(|(name, value)| (*name, (*value).to_owned())));
        if !test::run_one(
            args.name.package(),
            soak.test,
            &environment,
            soak.batch_time_limit,
        )
        .await?
        {
            record(
                &soak,
                &progress,
                &format!("failed in the batch with seed {seed}"),
            )
            .await?;
            bail!(
                "{} failed after {}; the batch's seed is {seed}",
                soak.name,
                progress.done
            );
        }
        progress.done += count;
        let here = progress.done - begun_at;
        std::fs::write(&file, serde_json::to_string(&progress)?)?;
        println!("{}", bar(&soak, progress.done, here, begun.elapsed()));
    }
    record(&soak, &progress, "passed").await?;
    std::fs::remove_file(&file)?;
    Ok(())
}

/// How far it is, and how long the rest will take at the pace of this run, which has done `here` of it.
fn bar(soak: &Soak, done: u64, here: u64, took: Duration) -> String {
    const WIDTH: u64 = 40;
    let full = done * WIDTH / soak.total;
    let filled: String = (0..WIDTH)
        .map(|at| if at < full { '#' } else { '.' })
        .collect();
    let rest_secs = took.as_secs() * (soak.total - done) / here.max(1);
    format!(
        "{} [{filled}] {done} of {} done, about {} min {} s to go",
        soak.name,
        soak.total,
        rest_secs / 60,
        rest_secs % 60
    )
}

fn progress_file(soak: &Soak) -> anyhow::Result<PathBuf> {
    let directory = workspace::root().join("target/soak");
    std::fs::create_dir_all(&directory)?;
    Ok(directory.join(format!("{}.json", soak.name)))
}

const HEADER: &str = "# Soak runs

Long runs of tests that `cargo xtask test` makes short, written by `cargo xtask soak NAME`.

| date | soak | commit | done | seed | outcome | machine |
| --- | --- | --- | --- | --- | --- | --- |
";

/// Adds a row to `docs/reference/soak.md`.
async fn record(soak: &Soak, progress: &Progress, outcome: &str) -> anyhow::Result<()> {
    let file = workspace::root().join("docs/reference/soak.md");
    let mut text = if file.exists() {
        std::fs::read_to_string(&file)?
    } else {
        HEADER.to_owned()
    };
    let date = output_of(Command::new("date").args(["--utc", "+%Y-%m-%d"])).await?;
    writeln!(
        text,
        "| {} | {} | {} | {} of {} | {} | {outcome} | {} |",
        date.trim(),
        soak.name,
        commit().await?,
        progress.done,
        soak.total,
        progress.seed,
        machine()?,
    )?;
    std::fs::write(&file, text)?;
    println!("{}: {outcome}, noted in docs/reference/soak.md", soak.name);
    Ok(())
}

/// The commit that was run, marked when the checkout had changes beside it.
async fn commit() -> anyhow::Result<String> {
    let mut git = Command::new("git");
    git.current_dir(workspace::root())
        .args(["describe", "--always", "--dirty", "--exclude=*"]);
    Ok(output_of(&mut git).await?.trim().to_owned())
}

fn machine() -> anyhow::Result<String> {
    let cores = std::thread::available_parallelism()?;
    let memory = std::fs::read_to_string("/proc/meminfo")?;
    let total_kib: u64 = memory
        .lines()
        .find_map(|line| {
            line.strip_prefix("MemTotal:")?
                .trim()
                .strip_suffix(" kB")?
                .parse()
                .ok()
        })
        .context("/proc/meminfo has no MemTotal")?;
    Ok(format!(
        "{cores} cores, {} GiB",
        total_kib.div_ceil(1024 * 1024)
    ))
}
