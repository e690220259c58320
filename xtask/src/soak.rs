//! `cargo xtask soak NAME`: a test of the ordinary run, with counts that take hours. It goes in
//! batches, each with a seed of its own, and notes every batch done, so that it can be stopped
//! and started again.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

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
}

struct Soak {
    name: &'static str,
    test: &'static str,
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
                total: 1000,
                batch: 50,
                batch_time_limit: Duration::from_mins(20),
            },
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
    while progress.done < soak.total {
        let count = soak.batch.min(soak.total - progress.done);
        let seed = progress.seed + progress.done;
        let environment = [
            ("TEST_SEED", seed.to_string()),
            ("TEST_COUNT", count.to_string()),
        ];
        if !test::run_one(soak.test, &environment, soak.batch_time_limit).await? {
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
        std::fs::write(&file, serde_json::to_string(&progress)?)?;
        println!("{}: {} of {} done", soak.name, progress.done, soak.total);
    }
    record(&soak, &progress, "passed").await?;
    std::fs::remove_file(&file)?;
    Ok(())
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
