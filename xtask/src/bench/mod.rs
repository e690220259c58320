//! `cargo xtask bench`: Roadstead, Debian's `docker-registry` and nginx side by side on this machine, driven by our
//! own load driver. Prints a table, keeps every round in target/bench/results.json and writes docs/reference/benchmarks.md.

mod campaign;
mod chart;
mod content;
mod driver;
mod engines;
mod histogram;
mod machine;
mod peers;
mod process;
mod profile;
mod random;
mod report;
mod results;
mod rows;
mod trace;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result, bail, ensure};

use content::Source;
use engines::Engines;
use peers::{Certificate, Kind, Launch, Peer};
use process::Meter;
use results::Results;
use rows::{Row, Scale};

/// Options of `cargo xtask bench`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Interleaved rounds; medians are reported
    #[arg(long, default_value_t = 5, value_name = "N")]
    rounds: u64,
    /// Only rows whose id matches this regular expression
    #[arg(long, value_name = "REGEX")]
    rows: Option<String>,
    /// List the rows and end
    #[arg(long)]
    list: bool,
    /// Small counts and one round: tries every row in less than a minute, measures nothing, writes no documents
    #[arg(long)]
    quick: bool,
    /// Keep the figures and write the documents there, instead of in target/bench and docs/reference
    #[arg(long, value_name = "DIRECTORY")]
    into: Option<PathBuf>,
    /// Don't build the server first
    #[arg(long)]
    no_build: bool,
    /// The server to measure, instead of the one built here
    #[arg(long, value_name = "FILE")]
    server: Option<PathBuf>,
    /// Profile ours in this row with `perf record`, and print where its time goes
    #[arg(long, value_name = "ROW")]
    profile: Option<String>,
    /// Replay a real trace instead of the generated one: URIs line by line or CSV, `.zst` too
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// Requests of the trace rows
    #[arg(long, default_value_t = 10_000, value_name = "N")]
    trace_requests: u64,
    /// Manifests in the store of the row that measures a full store's start
    #[arg(long, default_value_t = 100_000, value_name = "N")]
    seed_manifests: u64,
    /// Multiplies the iterations of the zb rows
    #[arg(long, default_value_t = 1.0, value_name = "FACTOR")]
    zb_scale: f64,
}

/// What every row has at hand.
pub(crate) struct Bench {
    /// Everything that servers and rows store; empty between rows.
    pub root: PathBuf,
    pub roadstead: PathBuf,
    pub source: Source,
    pub certificate: Certificate,
    pub scale: Scale,
    pub trace: Option<PathBuf>,
    /// PostgreSQL and the S3 store, once a row has asked for them.
    engines: Mutex<Option<Arc<Engines>>>,
    /// Where `perf` puts its record, when ours is profiled.
    profile: Option<PathBuf>,
}

impl Bench {
    /// How to start a peer in a directory of this name.
    pub(crate) fn launch(&self, name: &str) -> Launch<'_> {
        Launch {
            dir: self.root.join(name),
            roadstead: &self.roadstead,
            certificate: &self.certificate,
            place: None,
        }
    }

    /// The same, on a database and a bucket of its own.
    pub(crate) fn launch_on_engines(&self, name: &str) -> Result<Launch<'_>> {
        let mut running = self.engines.lock().unwrap_or_else(PoisonError::into_inner);
        let engines = match &*running {
            Some(engines) => Arc::clone(engines),
            None => Arc::clone(running.insert(Arc::new(Engines::start()?))),
        };
        let place = Some(engines.provide()?);
        Ok(Launch {
            place,
            ..self.launch(name)
        })
    }

    /// Ends the engines and removes all that they store.
    fn end_engines(&self) {
        let mut running = self.engines.lock().unwrap_or_else(PoisonError::into_inner);
        *running = None;
    }

    /// Writes back what earlier rounds and set-up left: it must not be paid for in the measured time.
    pub(crate) fn settle(&self) {
        if !self.scale.quick {
            rustix::fs::sync();
        }
    }

    /// Starts measuring what the peer uses.
    pub(crate) fn meter(&self, peer: &Peer) -> Meter {
        let mut meter = Meter::begin(peer.ids(), peer.counters());
        if let (Some(record), Kind::Roadstead) = (&self.profile, peer.kind) {
            meter.attach(profile::record(&peer.ids(), record));
        }
        meter
    }
}

/// Runs the benchmark as the options say.
pub(crate) fn run(args: Args) -> Result<()> {
    let scale = if args.quick {
        Scale::quick()
    } else {
        Scale::full(args.seed_manifests, args.trace_requests, args.zb_scale)
    };
    let rows = chosen_rows(&args, &scale)?;
    if args.list {
        for row in &rows {
            println!("{:32} {}", row.id, row.title);
        }
        return Ok(());
    }
    if cfg!(debug_assertions) && !args.quick {
        return run_in_release();
    }
    let workspace = workspace()?;
    let roadstead = server(&args, &workspace)?;
    let base = workspace.join("target/bench");
    let root = base.join("run");
    if root.exists() {
        // What an interrupted run left.
        std::fs::remove_dir_all(&root)?;
    }
    std::fs::create_dir_all(&root)?;
    let certificates = base.join("certificate");
    std::fs::create_dir_all(&certificates)?;
    let profiled = args.profile.is_some();
    let bench = Bench {
        root,
        roadstead,
        source: Source::default(),
        certificate: Certificate::make(&certificates)?,
        scale,
        trace: args.trace,
        engines: Mutex::default(),
        profile: profiled.then(|| base.join("perf.data")),
    };
    let rounds = if args.quick || profiled {
        1
    } else {
        args.rounds.max(1)
    };
    let measured = campaign::run(&bench, &rows, rounds, profiled)?;
    if profiled {
        println!("{}", measured.failures().join("\n"));
        return profile::report(&base.join("perf.data"));
    }
    conclude(
        &bench,
        &rows,
        &Places::of(args.into.as_deref(), &workspace)?,
        measured,
    )
}

/// Where figures are kept and documents are written.
struct Places {
    figures: PathBuf,
    documents: PathBuf,
}

impl Places {
    fn of(into: Option<&Path>, workspace: &Path) -> Result<Self> {
        let (figures, documents) = match into {
            Some(into) => (into.to_owned(), into.to_owned()),
            None => (
                workspace.join("target/bench"),
                workspace.join("docs/reference"),
            ),
        };
        std::fs::create_dir_all(&documents)?;
        Ok(Self {
            figures: figures.join("results.json"),
            documents,
        })
    }
}

/// Prints, keeps and documents; an error when a row failed.
fn conclude(bench: &Bench, rows: &[Row], places: &Places, measured: Results) -> Result<()> {
    let failed = measured.failures();
    if bench.scale.quick {
        print!("{}", report::terminal(rows, &measured));
    } else {
        let mut kept = Results::load(&places.figures)?;
        kept.merge(measured);
        kept.save(&places.figures)?;
        print!("{}", report::terminal(rows, &kept));
        // Also the rows of a recorded trace, if an earlier run had one.
        let every = rows::all(&bench.scale, true);
        let (text, drawing) = (
            places.documents.join("benchmarks.md"),
            places.documents.join("benchmarks.svg"),
        );
        let machine = machine::describe(&bench.roadstead);
        std::fs::write(&text, report::markdown(&every, &kept, &machine))?;
        std::fs::write(&drawing, chart::draw(&every, &kept))?;
        let files = [text, drawing, places.figures.clone()];
        println!(
            "written: {}",
            files.map(|file| file.display().to_string()).join(", ")
        );
    }
    ensure!(
        failed.is_empty(),
        "rows with wrong answers:\n{}",
        failed.join("\n")
    );
    Ok(())
}

fn chosen_rows(args: &Args, scale: &Scale) -> Result<Vec<Row>> {
    let pattern = match &args.profile {
        Some(row) => Some(format!("^{}$", regex::escape(row))),
        None => args.rows.clone(),
    };
    let mut rows = rows::all(scale, args.trace.is_some());
    if let Some(pattern) = pattern {
        let pattern = regex::Regex::new(&pattern).context("--rows isn't a regular expression")?;
        rows.retain(|row| pattern.is_match(&row.id));
    }
    if rows.is_empty() {
        bail!("no row of that name; `cargo xtask bench --list` shows them");
    }
    Ok(rows)
}

/// The driver must be fast not to take the servers' processor time, so a debug build hands over to a release build.
fn run_in_release() -> Result<()> {
    let args: Vec<OsString> = std::env::args_os().skip(1).collect();
    let status = Command::new("cargo")
        .args(["run", "--release", "--quiet", "--package", "xtask", "--"])
        .args(args)
        .status()
        .context("cannot run cargo")?;
    ensure!(
        status.success(),
        "the benchmark in the release build failed"
    );
    Ok(())
}

/// The binary to measure, built unless told otherwise.
fn server(args: &Args, workspace: &Path) -> Result<PathBuf> {
    if let Some(server) = &args.server {
        return Ok(std::path::absolute(server)?);
    }
    let release = !cfg!(debug_assertions);
    if !args.no_build {
        let mut build = Command::new("cargo");
        build
            .args(["build", "--package", "server"])
            .current_dir(workspace);
        if release {
            build.arg("--release");
        }
        ensure!(build.status()?.success(), "the server doesn't build");
    }
    let binary = workspace.join(if release {
        "target/release/roadstead"
    } else {
        "target/debug/roadstead"
    });
    ensure!(
        binary.exists(),
        "{} isn't there; leave out --no-build",
        binary.display()
    );
    Ok(binary)
}

fn workspace() -> Result<PathBuf> {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    Ok(package
        .parent()
        .context("xtask lies in the workspace")?
        .to_owned())
}
