//! A registry over a seeded database: started, measured from outside, ended.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use base64::Engine as _;
use engines::{Ports, Postgres};
use rustix::process::{Pid, Signal, kill_process};

use super::client::Client;
use super::counts::Counts;
use super::seed::{PostgresSeed, Seed, SqliteSeed};

/// Of the user `admin`.
pub(super) const PASSWORD: &str = "Scale-Password-1";
const PATIENCE: Duration = Duration::from_mins(5);

/// Where a registry keeps everything.
pub(super) struct Place<'s> {
    pub(super) data: PathBuf,
    program: PathBuf,
    /// `None` for SQLite.
    postgres: Option<PostgresSeed<'s>>,
}

impl<'s> Place<'s> {
    /// A new one, in a directory that is not there yet.
    pub(super) fn make(
        program: &Path,
        data: PathBuf,
        postgres: Option<(&'s Postgres, &str)>,
    ) -> anyhow::Result<Self> {
        std::fs::create_dir_all(&data)?;
        let postgres = match postgres {
            Some((server, database)) => {
                server.create_database(database)?;
                let database = database.to_owned();
                Some(PostgresSeed { server, database })
            }
            None => None,
        };
        Ok(Self {
            data,
            program: program.to_owned(),
            postgres,
        })
    }

    /// The database, to be written to by hand while no registry runs.
    pub(super) fn seed(&self) -> Box<dyn Seed + '_> {
        match &self.postgres {
            Some(PostgresSeed { server, database }) => Box::new(PostgresSeed {
                server,
                database: database.clone(),
            }),
            None => Box::new(SqliteSeed::of(&self.data)),
        }
    }

    pub(super) fn command(&self, name: &str) -> Command {
        let mut command = Command::new(&self.program);
        command
            .arg(name)
            .arg("--data-dir")
            .arg(&self.data)
            .env("ROADSTEAD_ADMIN_PASSWORD", PASSWORD)
            .env("ROADSTEAD_LOG__REQUESTS", "none")
            // Every request is to reach the database.
            .env("ROADSTEAD_LIMITS__MANIFEST_CACHE_BYTES", "0")
            .stdin(Stdio::null());
        if let Some(PostgresSeed { server, database }) = &self.postgres {
            command.env("ROADSTEAD_DATABASE__URL", server.url_of(database));
        }
        command
    }

    /// Has the program compare database and store both ways, and prove every account's usage. Says how much it looked at.
    pub(super) fn check(&self) -> anyhow::Result<String> {
        let output = self.command("fsck").output()?;
        let (said, errors) = (text(&output.stdout), text(&output.stderr));
        let first: Vec<&str> = said.lines().take(10).collect();
        ensure!(
            output.status.success(),
            "the program finds fault with what was seeded: {}\n{errors}",
            first.join("\n")
        );
        Ok(said.lines().last().unwrap_or_default().to_owned())
    }

    /// What PostgreSQL has counted of this database: rows and entries of indexes that were read. Ends its sessions first,
    /// because each keeps its counts to itself for a while.
    fn counted_by_postgres(postgres: &PostgresSeed<'_>) -> anyhow::Result<Counts> {
        const END: &str = "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity \
             WHERE datname = current_database() AND pid <> pg_backend_pid()";
        const COUNTS: &str = "SELECT t.relname, t.seq_tup_read + COALESCE(t.idx_tup_fetch, 0) \
             + COALESCE((SELECT SUM(i.idx_tup_read) FROM pg_stat_user_indexes i WHERE i.relid = t.relid), 0) \
             FROM pg_stat_user_tables t";
        let PostgresSeed { server, database } = postgres;
        server.psql(database, END)?;
        Counts::parse(&server.psql(database, COUNTS)?)
    }

    /// Processor time of the database server, for as long as it runs; 0 for SQLite, which is in the registry's.
    pub(super) fn database_cpu(&self) -> Duration {
        let postgres = self.postgres.as_ref();
        postgres.map_or(Duration::ZERO, |postgres| tree_cpu(postgres.server.pid()))
    }
}

/// A running registry; ended when dropped.
pub(super) struct Registry<'p> {
    place: &'p Place<'p>,
    child: Child,
    address: SocketAddr,
    metrics: SocketAddr,
    _ports: Ports,
    /// From the start of the process to its first good answer.
    pub(super) start: Duration,
}

impl<'p> Registry<'p> {
    pub(super) fn start(place: &'p Place<'p>, settings: &[(&str, &str)]) -> anyhow::Result<Self> {
        let ports = Ports::take(2)?;
        let address = |at: usize| SocketAddr::from((Ipv4Addr::LOCALHOST, ports.numbers()[at]));
        let (plain, metrics) = (address(0), address(1));
        let log = place.data.with_extension("log");
        let output = File::options().create(true).append(true).open(&log)?;
        let mut command = place.command("serve");
        command
            .args(["--listen", &plain.to_string()])
            .env("ROADSTEAD_METRICS__ADDRESS", metrics.to_string())
            .envs(settings.iter().copied())
            .stdout(output.try_clone()?)
            .stderr(output);
        let begun = Instant::now();
        let child = command.spawn().context("cannot start the registry")?;
        let mut registry = Self {
            place,
            child,
            address: plain,
            metrics,
            _ports: ports,
            start: Duration::ZERO,
        };
        while !registry.is_ready() {
            let has_ended = registry.child.try_wait()?.is_some();
            if has_ended || begun.elapsed() > PATIENCE {
                let said = std::fs::read_to_string(&log).unwrap_or_default();
                bail!("the registry does not start; it said:\n{said}");
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        registry.start = begun.elapsed();
        Ok(registry)
    }

    fn is_ready(&self) -> bool {
        let asked = Client::connect(self.metrics, "").and_then(|mut client| client.get("/readyz"));
        asked.is_ok_and(|answer| answer.status == 200)
    }

    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// A connection of the user `admin`.
    pub(super) fn client(&self) -> anyhow::Result<Client> {
        let secret = base64::engine::general_purpose::STANDARD.encode(format!("admin:{PASSWORD}"));
        Client::connect(self.address, &format!("Basic {secret}"))
    }

    /// A counter without labels.
    pub(super) fn counter(&self, name: &str) -> anyhow::Result<u64> {
        let answer = Client::connect(self.metrics, "")?.get("/metrics")?;
        let text = text(&answer.expect(200, "metrics")?.body);
        let mut lines = text.lines();
        let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        let value = value.with_context(|| format!("there is no metric {name}"))?;
        let whole = value.trim().split('.').next().unwrap_or_default();
        whole.parse().with_context(|| format!("{name} is {value}"))
    }

    /// What has been read from the database since some moment before: see the report for what is counted.
    pub(super) fn rows_read(&self) -> anyhow::Result<Counts> {
        match &self.place.postgres {
            Some(postgres) => Place::counted_by_postgres(postgres),
            None => Ok(Counts::of_all(
                self.counter("roadstead_database_steps_total")?,
            )),
        }
    }

    /// Processor time of the registry and its database.
    pub(super) fn cpu(&self) -> Duration {
        tree_cpu(self.child.id()) + self.place.database_cpu()
    }

    /// Memory that is no file's, in bytes.
    pub(super) fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.unwrap_or_default();
        let mut lines = status.lines();
        let words = lines.find_map(|line| line.strip_prefix("RssAnon:"));
        let kib = words.and_then(|words| words.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        kib.unwrap_or_default() * 1024
    }

    /// Ends it as a cut of the power would, for this process.
    pub(super) fn kill(mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Ends it, and waits for that.
    pub(super) fn stop(mut self) -> anyhow::Result<()> {
        self.end()
    }

    fn end(&mut self) -> anyhow::Result<()> {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        if let Some(id) = id
            && self.child.try_wait()?.is_none()
        {
            kill_process(id, Signal::TERM)?;
            self.child.wait()?;
        }
        Ok(())
    }
}

impl Drop for Registry<'_> {
    fn drop(&mut self) {
        // It may have ended; then there is nothing to do.
        let _ = self.end();
    }
}

/// What PostgreSQL has counted of a place's database so far; nothing for SQLite, whose counts begin with each start.
pub(super) fn counted_before(place: &Place<'_>) -> anyhow::Result<Counts> {
    let postgres = place.postgres.as_ref();
    postgres.map_or(Ok(Counts::default()), Place::counted_by_postgres)
}

/// Of a process and its children, those that have ended included.
fn tree_cpu(root: u32) -> Duration {
    let children = std::fs::read_to_string(format!("/proc/{root}/task/{root}/children"));
    let children = children.unwrap_or_default();
    let below = children.split_whitespace().filter_map(|id| id.parse().ok());
    cpu(root) + below.map(tree_cpu).sum::<Duration>()
}

fn cpu(id: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    // The second field is the program's name in brackets and may hold spaces.
    let Some((_, rest)) = stat.rsplit_once(')') else {
        return Duration::ZERO;
    };
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let ticks: u64 = (11..15)
        .filter_map(|at| fields.get(at)?.parse::<u64>().ok())
        .sum();
    let per_second = rustix::param::clock_ticks_per_second().max(1);
    Duration::from_millis(ticks * 1000 / per_second)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
