//! `cargo xtask soak NAME`: a test of the ordinary run, with counts that take hours. It goes in
//! batches, each with a seed of its own, and notes every batch done, so that it can be stopped
//! and started again.

mod record;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::scale::{self, Database, Measured};
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
    /// 10,000 accounts with a million grants beside a hundredth of that: nothing reads more or takes longer
    People,
    /// 500 logins a second with wrong passwords: few are hashed, pulls go on, whoever has the right one gets in
    Logins,
    /// A thousand pushes at a time to an account with a quota cost what they cost without
    Quota,
    /// A retention run over a million artifacts, with pushes beside it and the server killed in the middle
    Retention,
    /// Pushes of an account with a sink that never answers are as many as without it
    Sink,
    /// Receivers away for two minutes and the server killed twice: every event comes, and no other
    Events,
    /// Every page of the console over a million artifacts and 10,000 namespaces: its weight, its statements, its processor time
    Console,
    /// The planner of retention and a plain model on 10,000 random repositories
    RetentionProperties,
}

struct Soak {
    name: &'static str,
    /// A test, or a module with `::` behind it.
    test: &'static str,
    /// What is measured instead of running a test.
    measured: Option<(Measured, Database)>,
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
    measured: None,
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
        measured: None,
        environment: &[],
        total: 5000,
        batch: 1000,
        batch_time_limit: Duration::from_mins(20),
    }
}

/// No test: it has a module of its own.
const fn measured(name: &'static str, what: Measured, database: Database) -> Soak {
    Soak {
        name,
        test: "",
        measured: Some((what, database)),
        environment: &[],
        total: 1,
        batch: 1,
        batch_time_limit: Duration::from_hours(1),
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
            Self::Scale => vec![
                measured("scale-sqlite", Measured::Stock, Database::Sqlite),
                measured("scale-postgresql", Measured::Stock, Database::Postgresql),
            ],
            Self::People => vec![
                measured("people-sqlite", Measured::People, Database::Sqlite),
                measured("people-postgresql", Measured::People, Database::Postgresql),
            ],
            Self::Quota => vec![
                measured("quota-sqlite", Measured::Quota, Database::Sqlite),
                measured("quota-postgresql", Measured::Quota, Database::Postgresql),
            ],
            Self::Retention => vec![
                measured("retention-sqlite", Measured::Retention, Database::Sqlite),
                measured(
                    "retention-postgresql",
                    Measured::Retention,
                    Database::Postgresql,
                ),
            ],
            Self::Sink => vec![
                measured("sink-sqlite", Measured::Sink, Database::Sqlite),
                measured("sink-postgresql", Measured::Sink, Database::Postgresql),
            ],
            Self::Events => vec![
                measured("events-sqlite", Measured::Events, Database::Sqlite),
                measured("events-postgresql", Measured::Events, Database::Postgresql),
            ],
            Self::Console => vec![
                measured("console-sqlite", Measured::Console, Database::Sqlite),
                measured(
                    "console-postgresql",
                    Measured::Console,
                    Database::Postgresql,
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
                measured: None,
                environment: &[],
                total: 1000,
                batch: 50,
                batch_time_limit: Duration::from_mins(20),
            },
            Self::Kill => Soak {
                name: "kill",
                test: "replicas::killing::nothing_acknowledged_is_lost_when_replicas_are_killed",
                measured: None,
                environment: &[],
                total: 120,
                batch: 120,
                batch_time_limit: Duration::from_mins(30),
            },
            Self::Outage => Soak {
                name: "outage",
                test: "replicas::outage::engines_fail_in_every_way_and_come_back",
                measured: None,
                environment: &[],
                total: 10,
                batch: 5,
                batch_time_limit: Duration::from_mins(30),
            },
            Self::Interleave => INTERLEAVE_IN_MEMORY,
            Self::Chunks => Soak {
                name: "chunks",
                test: "replicas::chunks::a_large_blob_arrives_in_chunks_at_changing_replicas",
                measured: None,
                environment: &[],
                total: 100,
                batch: 100,
                batch_time_limit: Duration::from_mins(20),
            },
            Self::Protocol => Soak {
                name: "protocol",
                test: "oci::",
                measured: None,
                environment: &[("TEST_BACKENDS", "postgresql+s3")],
                total: 1,
                batch: 1,
                batch_time_limit: Duration::from_mins(50),
            },
            Self::Scale => measured("scale-sqlite", Measured::Stock, Database::Sqlite),
            Self::People => measured("people-sqlite", Measured::People, Database::Sqlite),
            Self::Logins => measured("logins", Measured::Logins, Database::Sqlite),
            Self::Quota => measured("quota-sqlite", Measured::Quota, Database::Sqlite),
            Self::Retention => measured("retention-sqlite", Measured::Retention, Database::Sqlite),
            Self::Sink => measured("sink-sqlite", Measured::Sink, Database::Sqlite),
            Self::Events => measured("events-sqlite", Measured::Events, Database::Sqlite),
            Self::Console => measured("console-sqlite", Measured::Console, Database::Sqlite),
            Self::RetentionProperties => Soak {
                name: "retention-properties",
                test: "retention::reference::the_planner_agrees_with_the_plain_model_on_ten_thousand",
                measured: None,
                environment: &[],
                total: 10_000,
                batch: 10_000,
                batch_time_limit: Duration::from_mins(20),
            },
        }
    }
}

impl Name {
    /// The package whose own tests have it, when it is not one of the integration tests.
    const fn package(self) -> Option<&'static str> {
        match self {
            Self::Interleave => Some("services"),
            Self::RetentionProperties => Some("model"),
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
    let soaks = args.name.soaks();
    if let Some((what, _)) = soaks.first().and_then(|soak| soak.measured)
        && !args.scale.are_full()
    {
        scale::run(&args.scale, what).await?;
        return Ok(());
    }
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
        let passed = match soak.measured {
            Some((what, database)) => measure(args, what, database).await?,
            None => test::run_one(args.name.package(), soak.test, &environment, limit).await?,
        };
        if !passed {
            record::add(
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
    record::add(soak, &progress, &outcome).await
}

/// Measures on one database, and puts the table into `docs/reference/scale.md`.
async fn measure(args: &Args, what: Measured, database: Database) -> anyhow::Result<bool> {
    let outcome = scale::run_on(&args.scale, what, database).await?;
    for (title, table) in &outcome.sections {
        record::tabulate(title, table).await?;
    }
    Ok(outcome.passed)
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
