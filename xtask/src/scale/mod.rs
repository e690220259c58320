//! `cargo xtask soak scale`: a large registry beside one of a hundredth of its size, on SQLite and on PostgreSQL. Whatever
//! is asked of both must read about the same number of rows and take about the same time.
//!
//! `cargo xtask soak people` does the same with 10,000 accounts and everybody in them. `cargo xtask soak logins` measures what
//! wrong passwords by the thousand do to others, `cargo xtask soak quota` what a quota adds to pushes, `cargo xtask soak
//! retention` a run over a million artifacts, `cargo xtask soak sink` pushes beside a sink that never answers, and `cargo
//! xtask soak events` whether followers get every event, and `cargo xtask soak console` the pages of the console.
//!
//! `cargo xtask seed` makes such a registry to try things on.

mod campaign;
mod client;
mod console;
mod counts;
mod events;
mod image;
mod logins;
mod operations;
mod people;
mod quota;
mod receiver;
mod registry;
mod report;
mod retention;
mod seed;
mod shape;
mod sink;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};
use clap::ValueEnum;

use crate::{tools, workspace};
use events::Follower;
use people::Crowd;
use registry::{Place, Registry};
use report::Row;
use shape::Size;

/// Options of `cargo xtask soak scale`.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Options {
    /// With scale: manifests of the large registry; the small one has a hundredth of them. With console: of the only one
    #[arg(long, value_name = "N", value_parser = parse_manifests)]
    manifests: Option<u64>,
    /// With people: accounts of the large registry; the small one has a hundredth of them
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1000..=100_000))]
    accounts: Option<u64>,
    /// With retention: artifacts of the large registry's namespace; the small one has a hundredth of them
    #[arg(long, value_name = "N", value_parser = parse_manifests)]
    artifacts: Option<u64>,
    /// With sink: pushes in each round
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(16..=100_000))]
    pushes: Option<u64>,
    /// With events: for how many seconds receivers are away; everything else takes its part of that
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(4..=3600))]
    away: Option<u64>,
    /// With events: only this follower
    #[arg(long, value_name = "NAME")]
    follower: Option<Follower>,
    /// With what is measured: only on this database
    #[arg(long, value_name = "NAME")]
    database: Option<Database>,
    /// With what is measured: the registry to measure, instead of a release build made for it
    #[arg(long, value_name = "FILE")]
    server: Option<PathBuf>,
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Measured {
    /// Repositories, manifests, tags, where there are many.
    Stock,
    /// Accounts, namespaces, people, grants, where there are many.
    People,
    /// Pulls and logins while others try wrong passwords.
    Logins,
    /// Pushes with a quota and without.
    Quota,
    /// Retention runs, where there is much to be removed, and pushes beside them.
    Retention,
    /// Pushes beside a sink that never answers.
    Sink,
    /// What followers of an account's events get.
    Events,
    /// The pages of the console.
    Console,
}

/// What the measured registries are kept in, beside files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Database {
    Sqlite,
    Postgresql,
}

impl Database {
    fn title(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite and files",
            Self::Postgresql => "PostgreSQL and files",
        }
    }

    /// Of the table of what was measured on it.
    fn heading(self, what: Measured) -> &'static str {
        match (what, self) {
            (Measured::Stock, _) => self.title(),
            (Measured::People, Self::Sqlite) => "Many accounts, SQLite",
            (Measured::People, Self::Postgresql) => "Many accounts, PostgreSQL",
            (Measured::Logins, Self::Sqlite) => "Wrong passwords, SQLite",
            (Measured::Logins, Self::Postgresql) => "Wrong passwords, PostgreSQL",
            (Measured::Quota, Self::Sqlite) => "Pushes with a quota, SQLite",
            (Measured::Quota, Self::Postgresql) => "Pushes with a quota, PostgreSQL",
            (Measured::Retention, Self::Sqlite) => "Retention, SQLite",
            (Measured::Retention, Self::Postgresql) => "Retention, PostgreSQL",
            (Measured::Sink, Self::Sqlite) => "A sink that never answers, SQLite",
            (Measured::Sink, Self::Postgresql) => "A sink that never answers, PostgreSQL",
            (Measured::Events, Self::Sqlite) => "Followers of events, SQLite",
            (Measured::Events, Self::Postgresql) => "Followers of events, PostgreSQL",
            (Measured::Console, Self::Sqlite) => "The console, SQLite",
            (Measured::Console, Self::Postgresql) => "The console, PostgreSQL",
        }
    }
}

/// Options of `cargo xtask seed`.
#[derive(Debug, clap::Args)]
pub(crate) struct SeedArgs {
    /// The data directory, which must not be there yet
    directory: PathBuf,
    /// Manifests in all: a multiple of 1000
    #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = parse_manifests)]
    manifests: u64,
    /// The registry that makes the database and looks at it afterwards, instead of one built for it
    #[arg(long, value_name = "FILE")]
    server: Option<PathBuf>,
}

fn parse_manifests(text: &str) -> Result<u64, String> {
    let number: u64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if number > 0 && number.is_multiple_of(1000) && number <= 100_000_000 {
        Ok(number)
    } else {
        Err("a multiple of 1000, up to 100000000".to_owned())
    }
}

/// Makes a full registry in a data directory.
pub(crate) fn seed(args: &SeedArgs) -> anyhow::Result<()> {
    let server = server(args.server.as_deref())?;
    ensure!(
        !args.directory.exists(),
        "{} is there already; name a new directory",
        args.directory.display()
    );
    let place = Place::make(&server, args.directory.clone(), None)?;
    let size = Size {
        manifests: args.manifests,
    };
    println!("{}", make(&place, size, "SQLite")?);
    println!(
        "\nA registry over it, user admin, password {}:\n\n    roadstead serve --data-dir {}",
        registry::PASSWORD,
        args.directory.display()
    );
    Ok(())
}

/// Lets the program make its database, fills it, and has the program look at it. Answers with what it says.
fn make(place: &Place<'_>, size: Size, what: &str) -> anyhow::Result<String> {
    Registry::start(place, &[])?.stop()?;
    seed::fill(&*place.seed(), &place.data, size, what)?;
    place.check()
}

impl Options {
    /// Whether what they make is the soak, and not a trial of it.
    pub(crate) fn are_full(&self) -> bool {
        let are_whole = self.manifests.is_none() && self.accounts.is_none();
        let are_whole = are_whole && self.artifacts.is_none() && self.pushes.is_none();
        let are_whole = are_whole && self.away.is_none() && self.follower.is_none();
        are_whole && self.database.is_none()
    }
}

/// What came of it.
pub(crate) struct Outcome {
    /// A title and a table for each database.
    pub(crate) sections: Vec<(&'static str, String)>,
    /// Whether everything is within its limits.
    pub(crate) passed: bool,
}

/// A trial: measures and prints.
pub(crate) async fn run(options: &Options, what: Measured) -> anyhow::Result<Outcome> {
    tools::for_engines().await?;
    let options = options.clone();
    tokio::task::spawn_blocking(move || measure(&options, what)).await?
}

/// One part of the soak.
pub(crate) async fn run_on(
    options: &Options,
    what: Measured,
    database: Database,
) -> anyhow::Result<Outcome> {
    let database = Some(database);
    let options = Options {
        database,
        ..options.clone()
    };
    run(&options, what).await
}

fn measure(options: &Options, what: Measured) -> anyhow::Result<Outcome> {
    let server = server(options.server.as_deref())?;
    let root = workspace::root().join("target/soak/scale");
    if root.exists() {
        // What an interrupted run left.
        std::fs::remove_dir_all(&root)?;
    }
    std::fs::create_dir_all(&root)?;
    let (mut sections, mut faults) = (Vec::new(), Vec::new());
    for database in [Database::Sqlite, Database::Postgresql] {
        if options.database.is_some_and(|only| only != database) {
            continue;
        }
        let (table, beyond) = measure_on(&server, &root, database, options, what)?;
        let title = database.heading(what);
        println!("\n## {title}\n\n{table}");
        sections.push((title, table));
        faults.extend(beyond.into_iter().map(|fault| format!("{title}: {fault}")));
    }
    std::fs::remove_dir_all(&root)?;
    for fault in &faults {
        println!("beyond its limit: {fault}");
    }
    Ok(Outcome {
        sections,
        passed: faults.is_empty(),
    })
}

/// A table, and what is beyond its limit.
fn measure_on(
    server: &Path,
    root: &Path,
    database: Database,
    options: &Options,
    what: Measured,
) -> anyhow::Result<(String, Vec<String>)> {
    let rows = match what {
        Measured::Logins => return logins::run(server, root, database),
        Measured::Quota => return quota::run(server, root, database),
        Measured::Retention => {
            let artifacts = options.artifacts.unwrap_or(1_000_000);
            return retention::run(server, root, database, artifacts);
        }
        Measured::Sink => return sink::run(server, root, database, options.pushes),
        Measured::Console => {
            let manifests = options.manifests.unwrap_or(1_000_000);
            return console::run(server, root, database, manifests);
        }
        Measured::Events => {
            let followers = options.follower.map(|one| vec![one]);
            let followers = followers.unwrap_or_else(|| Follower::ALL.to_vec());
            return events::run(server, root, database, (&followers, options.away));
        }
        Measured::Stock => {
            let manifests = options.manifests.unwrap_or(1_000_000);
            ensure!(
                manifests >= 100_000,
                "--manifests must be at least 100000 for a comparison with a hundredth of it"
            );
            campaign::run(server, root, database, Size { manifests })?
        }
        Measured::People => {
            let accounts = options.accounts.unwrap_or(10_000);
            people::run(server, root, database, Crowd { accounts })?
        }
    };
    let faults = rows.iter().flat_map(Row::faults).collect();
    Ok((report::table(&rows), faults))
}

/// The program to measure: a release build, unless one is named.
fn server(named: Option<&Path>) -> anyhow::Result<PathBuf> {
    if let Some(named) = named {
        return std::path::absolute(named).context("the program cannot be named");
    }
    let status = Command::new("cargo")
        .args(["build", "--release", "--package", "server"])
        .current_dir(workspace::root())
        .status()
        .context("cannot run cargo")?;
    ensure!(status.success(), "the registry does not build");
    Ok(workspace::root().join("target/release/roadstead"))
}
