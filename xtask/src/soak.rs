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
use crate::{scale, test, workspace};

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
    #[command(flatten)]
    scale: scale::Options,
}

#[derive(Clone, Copy, ValueEnum)]
enum Name {
    /// The server killed by SIGKILL at random moments of pushes
    Sigkill,
    /// Three replicas behind a load balancer, one of them killed every second under 30 pushers and 30 pullers
    Kill,
    /// PostgreSQL and the S3 store stopped, killed and paused under the registry
    Outage,
    /// Pushes, mounts, deletions, time and the collector in random order, several at a time: in memory, and on each
    /// combination of database and store
    Interleave,
    /// A blob of 1 GiB in 100 chunks, each sent to another replica
    Chunks,
    /// Every test of the protocol on PostgreSQL and S3
    Protocol,
    /// A million manifests beside a hundredth of that: nothing reads more or takes longer
    Scale,
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

const INTERLEAVE_IN_MEMORY: Soak = Soak {
    name: "interleave",
    test: "tests::faults::interleavings::whatever_was_acknowledged_and_not_deleted_is_whole_and_nothing_else_is_left",
    environment: &[],
    total: 100_000,
    batch: 5000,
    batch_time_limit: Duration::from_mins(20),
};

/// The same on real disks and engines.
const fn interleave_on(name: &'static str, test: &'static str) -> Soak {
    Soak {
        name,
        test,
        environment: &[],
        total: 5000,
        batch: 1000,
        batch_time_limit: Duration::from_mins(20),
    }
}

impl Name {
    /// Its parts, one after the other.
    fn soaks(self) -> Vec<Soak> {
        match self {
            Self::Interleave => vec![
                INTERLEAVE_IN_MEMORY,
                interleave_on(
                    "interleave-sqlite-files",
                    "tests::faults::interleavings::so_it_is_with_sqlite_and_files",
                ),
                interleave_on(
                    "interleave-postgresql-files",
                    "tests::faults::interleavings::so_it_is_with_postgresql_and_files",
                ),
                interleave_on(
                    "interleave-sqlite-s3",
                    "tests::faults::interleavings::so_it_is_with_sqlite_and_s3",
                ),
                interleave_on(
                    "interleave-postgresql-s3",
                    "tests::faults::interleavings::so_it_is_with_postgresql_and_s3",
                ),
            ],
            other => vec![other.soak()],
        }
    }

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
            Self::Interleave => INTERLEAVE_IN_MEMORY,
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
            // No test: it has a module of its own.
            Self::Scale => Soak {
                name: "scale",
                test: "",
                environment: &[],
                total: 1,
                batch: 1,
                batch_time_limit: Duration::from_hours(1),
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
    #[serde(default)]
    secs: u64,
}

/// Runs all parts that are not done yet.
pub(crate) async fn run(args: &Args) -> anyhow::Result<()> {
    if matches!(args.name, Name::Scale) && !args.scale.are_full() {
        scale::run(&args.scale).await?;
        return Ok(());
    }
    let soaks = args.name.soaks();
    let mut files = Vec::new();
    for soak in &soaks {
        files.push(progress_file(soak)?);
    }
    if args.restart {
        forget(&files)?;
    }
    for soak in &soaks {
        run_part(args, soak).await?;
    }
    forget(&files)
}

fn forget(files: &[PathBuf]) -> anyhow::Result<()> {
    for file in files.iter().filter(|file| file.exists()) {
        std::fs::remove_file(file)?;
    }
    Ok(())
}

/// Runs the batches that are not done yet, and writes the outcome down.
async fn run_part(args: &Args, soak: &Soak) -> anyhow::Result<()> {
    let file = progress_file(soak)?;
    let mut progress = if file.exists() {
        serde_json::from_str(&std::fs::read_to_string(&file)?)
            .with_context(|| format!("{} is damaged; start again with --restart", file.display()))?
    } else {
        Progress {
            seed: args.seed.map_or_else(test::new_seed, Ok)?,
            done: 0,
            secs: 0,
        }
    };
    println!(
        "{}: seed {}, {} of {} done",
        soak.name, progress.seed, progress.done, soak.total
    );
    if progress.done == soak.total {
        return Ok(());
    }
    let (begun, begun_at, before) = (Instant::now(), progress.done, progress.secs);
    while progress.done < soak.total {
        let count = soak.batch.min(soak.total - progress.done);
        let seed = progress.seed + progress.done;
        let mut environment = vec![
            ("TEST_SEED", seed.to_string()),
            ("TEST_COUNT", count.to_string()),
        ];
        let more = soak.environment.iter();
        environment.extend(more.map(|(name, value)| (*name, (*value).to_owned())));
        let limit = soak.batch_time_limit;
        let passed = match args.name {
            Name::Scale => scale::run(&args.scale).await?,
            name => test::run_one(name.package(), soak.test, &environment, limit).await?,
        };
        if !passed {
            record(
                soak,
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
        progress.secs = before + begun.elapsed().as_secs();
        let here = progress.done - begun_at;
        std::fs::write(&file, serde_json::to_string(&progress)?)?;
        println!("{}", bar(soak, progress.done, here, begun.elapsed()));
    }
    let (minutes, seconds) = (progress.secs / 60, progress.secs % 60);
    let outcome = format!("passed in {minutes} min {seconds} s");
    record(soak, &progress, &outcome).await
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

Long runs of tests that `cargo xtask test` makes short, written by `cargo xtask soak NAME`. A run that was stopped goes on
where it was when it is started again; `--restart` begins anew, `--seed` repeats a run's random choices. A commit that ends
in `-dirty` had changes beside it.

| soak | what is repeated | what must hold |
| --- | --- | --- |
| `interleave` | random schedules of pushes, mounts, deletions, passing time, expiry and collection in three repositories of two accounts, several steps at a time: 100,000 on SQLite and files in memory, 5,000 on each combination of SQLite or PostgreSQL, with flushes, and files or S3 | whatever was acknowledged and not deleted is wholly there; at rest nothing else is, in database or store; the running totals are right |
| `kill` | three replicas behind a load balancer, 30 clients that push and 30 that pull; every second one replica dies by SIGKILL and starts again | no acknowledged image is lost, no byte is wrong, clients see nothing but what they try again |
| `outage` | PostgreSQL and the store stopped, killed, paused and cut off under two replicas | 503 with `Retry-After`, readiness that says why, full service after, nothing half-done |
| `chunks` | one blob of 1 GiB in 100 chunks, each to another replica | nothing is read again but tails shorter than a part; memory does not grow with the blob |
| `protocol` | every test of the protocol, on PostgreSQL and S3 | as on SQLite and files |
| `scale` | a registry of 1,000,000 manifests beside one of a hundredth | no request reads or takes more than its limit |
| `sigkill` | one server killed at random moments of pushes | every acknowledged image survives |

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
