//! `cargo xtask test`: installs what is missing, builds, and runs every test, in stages that each
//! have a fixed share of the time.

mod binaries;
mod previous;
mod report;

use std::time::Duration;

use anyhow::bail;
use clap::ValueEnum;
use tokio::time::Instant;

use crate::process::{self, Lines};
use crate::tools;
use binaries::TestBinary;
use report::{Report, Tally};

/// The whole run takes at most this long on two cores, a first build included.
const TIME_LIMIT: Duration = Duration::from_mins(58);
const TIME_TO_INSTALL: Duration = Duration::from_mins(6);
const TIME_TO_BUILD_PREVIOUS: Duration = Duration::from_mins(15);
const TIME_TO_BUILD: Duration = Duration::from_mins(14);

/// What to run.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only these stages; without any, all of them
    stages: Vec<Stage>,
    /// Only tests whose name contains this
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// Leave these tests out, because what they need is not to be had here
    #[arg(long, value_name = "WHAT")]
    without: Option<Without>,
    /// Repeat an earlier run's random choices; it printed its seed
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
}

/// What a run can do without.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Without {
    /// The tests that start the previous release's program, whose commit a shallow clone does not have
    Upgrade,
}

/// A part of the tests with a share of the time of its own.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Stage {
    /// Unit tests of all crates
    Unit,
    /// The registry as a whole, in the one integration binary
    It,
    /// Every input that fuzzing has kept
    FuzzCorpus,
    /// Real clients with a real image
    Clients,
    /// The console in Chromium
    Browser,
}

impl Stage {
    const ALL: [Self; 5] = [
        Self::Unit,
        Self::It,
        Self::FuzzCorpus,
        Self::Clients,
        Self::Browser,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Unit => "unit",
            Self::It => "it",
            Self::FuzzCorpus => "fuzz-corpus",
            Self::Clients => "clients",
            Self::Browser => "browser",
        }
    }

    const fn time_limit(self) -> Duration {
        Duration::from_mins(match self {
            Self::Unit => 6,
            Self::It => 22,
            Self::FuzzCorpus => 2,
            Self::Clients | Self::Browser => 10,
        })
    }

    /// The one stage that runs this test, by the modules in its name.
    fn of(binary: &TestBinary, test: &str) -> Self {
        let is_in = |module: &str| test.split("::").any(|segment| segment == module);
        if is_in("fuzzing") {
            Self::FuzzCorpus
        } else if !binary.is_integration {
            Self::Unit
        } else if is_in("clients") {
            Self::Clients
        } else if is_in("browser") {
            Self::Browser
        } else {
            Self::It
        }
    }
}

/// Runs the stages and prints the time table; any failure, a stage without tests, or too much time
/// is an error.
pub(crate) async fn run(args: &Args) -> anyhow::Result<()> {
    let started = Instant::now();
    let seed = args.seed.map_or_else(new_seed, Ok)?;
    println!("seed {seed} (repeat with --seed {seed})");
    let mut stages = if args.stages.is_empty() {
        Stage::ALL.to_vec()
    } else {
        args.stages.clone()
    };
    stages.dedup();

    let mut report = Report::new(started);
    let limited = tokio::time::timeout(TIME_TO_INSTALL, install(&stages));
    report.step(
        "install",
        limited.await.map_err(anyhow::Error::from).flatten(),
    )?;
    let built = binaries::build(Instant::now() + TIME_TO_BUILD).await;
    let binaries = report.step("build", built)?;
    let names = binaries::list_tests(&binaries, Instant::now() + Duration::from_mins(1)).await?;

    prepare_upgrades(args, &stages, &names, &mut report).await?;

    for stage in stages {
        println!(
            "\n== {} tests, at most {} minutes",
            stage.name(),
            stage.time_limit().as_secs() / 60
        );
        let deadline = Instant::now() + stage.time_limit();
        let mut tally = Tally::default();
        for (binary, names) in &names {
            let is_wanted = |name: &&str| Stage::of(binary, name) == stage && args.want(name);
            let chosen: Vec<&str> = names.iter().map(String::as_str).filter(is_wanted).collect();
            if !chosen.is_empty() {
                tally += run_binary(binary, &chosen, names.len(), seed, deadline).await?;
            }
        }
        if tally.is_empty() && args.filter.is_none() {
            println!("no test belongs to the stage {}", stage.name());
            tally.failed += 1;
        }
        report.stage(stage.name(), tally);
    }
    report.finish(TIME_LIMIT)
}

async fn install(stages: &[Stage]) -> anyhow::Result<()> {
    tools::for_engines().await?;
    if stages.contains(&Stage::Clients) {
        tools::for_clients().await?;
    }
    if stages.contains(&Stage::Browser) {
        tools::for_browser().await?;
    }
    Ok(())
}

/// Runs the chosen tests of one binary. A run that breaks off counts as one more failure.
async fn run_binary(
    binary: &TestBinary,
    chosen: &[&str],
    all: usize,
    seed: u64,
    deadline: Instant,
) -> anyhow::Result<Tally> {
    let mut command = binary.command();
    command.env("TEST_SEED", seed.to_string());
    if chosen.len() < all {
        command.arg("--exact").args(chosen);
    }
    println!("\n{}", binary.name);
    let mut tally = None;
    let mut look = |line: &str| tally = Tally::from_summary(line).or(tally);
    let ended = process::run(&mut command, deadline, Lines::ThroughAnd(&mut look)).await;
    let mut tally = tally.unwrap_or_default();
    match ended {
        Ok(true) => {}
        Ok(false) if tally.failed > 0 => {}
        Ok(false) => {
            println!("{} ended without a summary", binary.name);
            tally.failed += 1;
        }
        Err(error) => {
            println!("{}: {error:#}", binary.name);
            tally.failed += 1;
        }
    }
    Ok(tally)
}

/// Builds the previous release if one of its tests will run, or says which will not.
async fn prepare_upgrades(
    args: &Args,
    stages: &[Stage],
    names: &[(&TestBinary, Vec<String>)],
    report: &mut Report,
) -> anyhow::Result<()> {
    let all = names.iter().flat_map(|(_, names)| names);
    let of_upgrades: Vec<&str> = all
        .map(String::as_str)
        .filter(|name| is_of_upgrades(name))
        .collect();
    if args.without == Some(Without::Upgrade) {
        let list = of_upgrades.join("\n    ");
        println!("\nLEFT OUT, because of --without upgrade:\n    {list}");
    } else if stages.contains(&Stage::It) && of_upgrades.iter().any(|name| args.want(name)) {
        let built = previous::build(Instant::now() + TIME_TO_BUILD_PREVIOUS).await;
        report.step("previous", built)?;
    }
    Ok(())
}

/// Whether a test starts the previous release's program.
fn is_of_upgrades(test: &str) -> bool {
    test.starts_with("upgrade::")
}

impl Args {
    fn want(&self, test: &str) -> bool {
        let is_left_out = self.without == Some(Without::Upgrade) && is_of_upgrades(test);
        let filter = self.filter.as_deref().unwrap_or_default();
        !is_left_out && test.contains(filter)
    }
}

/// A seed that differs from run to run.
pub(crate) fn new_seed() -> anyhow::Result<u64> {
    use std::io::Read;
    let mut bytes = [0; 4];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(u32::from_ne_bytes(bytes).into())
}

/// Builds the integration binary, or a package's own tests (optimised), and runs one test of it, or all of a module (`MODULE::`);
/// `false` when one failed.
pub(crate) async fn run_one(
    package: Option<&str>,
    test: &str,
    environment: &[(&str, String)],
    time_limit: Duration,
) -> anyhow::Result<bool> {
    let deadline = Instant::now() + TIME_TO_BUILD;
    let binaries = match package {
        Some(package) => binaries::build_optimised(package, deadline).await?,
        None => binaries::build(deadline).await?,
    };
    let is_wanted = |binary: &&TestBinary| match package {
        Some(package) => binary.name == package,
        None => binary.is_integration,
    };
    let Some(binary) = binaries.iter().find(is_wanted) else {
        bail!("the workspace has no such test binary");
    };
    let mut command = binary.command();
    if !test.ends_with("::") {
        // What takes too long for the ordinary run is ignored there.
        command.args(["--exact", "--include-ignored"]);
    }
    command
        .arg(test)
        .envs(environment.iter().map(|(name, value)| (name, value)));
    let mut passed = 0;
    let mut look = |line: &str| passed += Tally::from_summary(line).unwrap_or_default().passed;
    let deadline = Instant::now() + time_limit;
    let ok = process::run(&mut command, deadline, Lines::ThroughAnd(&mut look)).await?;
    if ok && passed == 0 {
        bail!("there is no test named {test}");
    }
    Ok(ok)
}
