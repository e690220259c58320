//! The database and the S3 store that the registry runs on in production.

use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use engines::{Postgres, SeaweedFs};
use rustix::process::Signal;

use super::kept::{Kept, services_dir};

const POSTGRES_PORT: u16 = 5102;
const S3_PORT: u16 = 5110;
/// Database and bucket.
const NAME: &str = "roadstead";

fn postgres() -> Kept {
    // "Fast": open transactions are rolled back.
    Kept::new("postgresql", Signal::INT)
}

fn seaweedfs() -> Kept {
    Kept::new("seaweedfs", Signal::TERM)
}

/// Both, whether they run or not.
pub(super) fn all() -> Vec<Kept> {
    vec![postgres(), seaweedfs()]
}

/// Where the two are, as the registry's settings in environment variables: `target/services/roadstead.env`.
pub(super) struct Production {
    pub(super) environment: Vec<(String, String)>,
}

impl Production {
    /// Starts what does not run; each makes its database or bucket at its first start.
    pub(super) async fn start() -> anyhow::Result<Self> {
        let mut environment = tokio::task::spawn_blocking(start_postgres).await??;
        environment.extend(tokio::task::spawn_blocking(start_seaweedfs).await??);
        let lines = environment
            .iter()
            .map(|(name, value)| format!("{name}={value}\n"));
        write_private(&environment_file(), &lines.collect::<String>())?;
        Ok(Self { environment })
    }

    /// How to use them with a registry of one's own.
    pub(super) fn explain(&self) {
        println!("\nA registry on them:\n");
        println!("    set -a; . target/services/roadstead.env; set +a");
        println!("    cargo run --release -- serve\n");
        println!("target/services/roadstead.env says:\n");
        for (name, value) in &self.environment {
            println!("    {name}={value}");
        }
        println!("\n`cargo xtask services start --replicas 3` runs three behind HAProxy.");
    }
}

fn environment_file() -> PathBuf {
    services_dir().join("roadstead.env")
}

/// What an engine's own start has noted, for the commands after it.
fn noted(kept: &Kept) -> anyhow::Result<Vec<(String, String)>> {
    let text = std::fs::read_to_string(kept.dir().join("settings"))?;
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    Ok(pairs
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect())
}

fn note(kept: &Kept, pid: u32, settings: &[(&str, &str)]) -> anyhow::Result<()> {
    let lines = settings
        .iter()
        .map(|(name, value)| format!("ROADSTEAD_{name}={value}\n"));
    write_private(&kept.dir().join("settings"), &lines.collect::<String>())?;
    kept.note(pid)
}

/// For nobody else's eyes: it holds passwords.
fn write_private(path: &Path, text: &str) -> anyhow::Result<()> {
    let mut options = File::options();
    let file = options.create(true).write(true).truncate(true).mode(0o600);
    file.open(path)?.write_all(text.as_bytes())?;
    Ok(())
}

/// An earlier start may have made it.
fn made(outcome: Result<(), engines::Error>) -> Result<(), engines::Error> {
    let is_there = |error: &engines::Error| error.to_string().contains("already");
    outcome.or_else(|error| if is_there(&error) { Ok(()) } else { Err(error) })
}

fn start_postgres() -> anyhow::Result<Vec<(String, String)>> {
    let kept = postgres();
    if kept.running().is_none() {
        println!("starting PostgreSQL ...");
        let server = Postgres::builder()
            .directory(&kept.dir())
            .port(POSTGRES_PORT)
            .durable()
            .outliving_us()
            .start()?;
        made(server.create_database(NAME).map(drop))?;
        let url = server.url_of(NAME);
        note(&kept, server.pid(), &[("DATABASE__URL", &url)])?;
    }
    println!("PostgreSQL: 127.0.0.1:{POSTGRES_PORT}, database {NAME}");
    noted(&kept)
}

fn start_seaweedfs() -> anyhow::Result<Vec<(String, String)>> {
    let kept = seaweedfs();
    if kept.running().is_none() {
        println!("starting SeaweedFS ...");
        let store = SeaweedFs::builder()
            .directory(&kept.dir())
            .first_port(S3_PORT)
            .outliving_us()
            .start()?;
        made(store.create_bucket(NAME))?;
        let settings = [
            ("S3__ENDPOINT", &*store.endpoint()),
            ("S3__BUCKET", NAME),
            ("S3__REGION", store.region()),
            ("S3__ACCESS_KEY", store.access_key()),
            ("S3__SECRET_KEY", store.secret_key()),
        ];
        note(&kept, store.pid(), &settings)?;
    }
    println!("SeaweedFS: http://127.0.0.1:{S3_PORT}, bucket {NAME}");
    noted(&kept)
}
