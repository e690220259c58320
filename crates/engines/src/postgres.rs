//! PostgreSQL, as Debian packages it.

mod data;
mod tls;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use rustix::process::Signal;

use crate::place::Place;
use crate::ports::Ports;
use crate::program::{PATIENCE, Program, Recipe, output_of};
use crate::{Error, kept_secret};
use data::Installation;

/// How a server is to be started.
#[derive(Debug, Default)]
pub struct PostgresBuilder {
    directory: Option<PathBuf>,
    port: Option<u16>,
    is_durable: bool,
    outlives_us: bool,
    certificate_names: Vec<String>,
    settings: Vec<String>,
    follows: Option<Followed>,
}

/// The server that a standby begins as a copy of.
#[derive(Debug)]
struct Followed {
    socket_directory: PathBuf,
    port: u16,
    password: String,
}

impl PostgresBuilder {
    /// Keeps its data in this directory, and finds there what it kept before. PostgreSQL's user must be able to enter it.
    /// Without this, the server begins empty and leaves nothing.
    #[must_use]
    pub fn directory(mut self, path: &Path) -> Self {
        self.directory = Some(path.to_owned());
        self
    }

    /// Listens on this port instead of a free one.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// Flushes what is committed to the disk, as in production. Without this it survives the death of the server, but not
    /// that of the machine, and commits are much faster.
    #[must_use]
    pub fn durable(mut self) -> Self {
        self.is_durable = true;
        self
    }

    /// Goes on when this value is dropped and when this process ends.
    #[must_use]
    pub fn outliving_us(mut self) -> Self {
        self.outlives_us = true;
        self
    }

    /// Speaks only TLS over TCP, with a certificate for these names (and addresses) that
    /// [`Postgres::certificate_authority`] has signed.
    #[must_use]
    pub fn tls(mut self, names: &[&str]) -> Self {
        self.certificate_names = names.iter().map(|&name| name.to_owned()).collect();
        self
    }

    /// A setting of `postgresql.conf`.
    #[must_use]
    pub fn setting(mut self, name: &str, value: &str) -> Self {
        self.settings.push(format!("{name}={value}"));
        self
    }

    /// Makes the data directory if there is none, starts the server, and waits until it takes connections.
    pub fn start(self) -> Result<Postgres, Error> {
        let place = match &self.directory {
            Some(path) => Place::kept(path)?,
            None => Place::temporary("pg")?,
        };
        let data = place.path().join("data");
        let installation = Installation::find(&data)?;
        installation.own(place.path())?;
        let password = if let Some(followed) = &self.follows {
            followed.password.clone()
        } else if place.is_kept() {
            kept_secret(&place.path().join("password"))?
        } else {
            data::TEMPLATE_PASSWORD.to_owned()
        };
        if !data.join("PG_VERSION").exists() {
            if let Some(followed) = &self.follows {
                installation.copy_running(
                    place.path(),
                    &followed.socket_directory,
                    followed.port,
                )?;
            } else if place.is_kept() {
                installation.initialize(place.path(), &password)?;
            } else {
                installation.copy_template(place.path())?;
            }
        }
        if !self.certificate_names.is_empty() {
            tls::prepare(&installation, place.path(), &self.certificate_names)?;
        }
        let mut ports = None;
        let port = match self.port {
            Some(port) => port,
            None => ports.insert(Ports::take(1)?).numbers()[0],
        };
        let mut postgres = Postgres {
            program: Program::new(self.recipe(&installation, place.path(), port)),
            psql: installation.program("psql"),
            data,
            password,
            port,
            has_tls: !self.certificate_names.is_empty(),
            place,
            _ports: ports,
        };
        postgres.restart()?;
        Ok(postgres)
    }

    fn recipe(&self, installation: &Installation, directory: &Path, port: u16) -> Recipe {
        let switch = |is_on| if is_on { "on" } else { "off" };
        let durable = switch(self.is_durable);
        let mut settings = vec![
            "listen_addresses=127.0.0.1".to_owned(),
            format!("port={port}"),
            format!("unix_socket_directories={}", directory.display()),
            "max_connections=300".to_owned(),
            format!("fsync={durable}"),
            format!("full_page_writes={durable}"),
            format!("ssl={}", switch(!self.certificate_names.is_empty())),
        ];
        settings.extend(self.settings.iter().cloned());
        let mut arguments = vec![
            "-D".to_owned(),
            directory.join("data").display().to_string(),
        ];
        let settings = settings.into_iter();
        arguments.extend(settings.flat_map(|setting| ["-c".to_owned(), setting]));
        Recipe {
            name: "PostgreSQL",
            program: installation.program("postgres"),
            arguments,
            environment: vec![("LC_ALL", "C.UTF-8".to_owned())],
            user: installation.user,
            directory: directory.to_owned(),
            // "Fast": open transactions are rolled back, connections closed.
            end: Signal::INT,
            // "Immediate": it takes its own processes along.
            when_orphaned: (!self.outlives_us).then_some("QUIT"),
        }
    }
}

/// A running server with the one user `postgres`. Killed when it is dropped.
pub struct Postgres {
    program: Program,
    psql: PathBuf,
    data: PathBuf,
    password: String,
    port: u16,
    has_tls: bool,
    // After the program, because fields are dropped in this order.
    place: Place,
    _ports: Option<Ports>,
}

impl Postgres {
    /// A server that differs from the default.
    pub fn builder() -> PostgresBuilder {
        PostgresBuilder::default()
    }

    /// An empty server of one's own, on a free port, in about half a second.
    pub fn start() -> Result<Self, Error> {
        Self::builder().start()
    }

    /// A standby of one's own that follows this server by streaming, and answers questions meanwhile.
    pub fn standby(&self) -> Result<Self, Error> {
        let mut builder = Self::builder();
        builder.follows = Some(Followed {
            socket_directory: self.place.path().to_owned(),
            port: self.port,
            password: self.password.clone(),
        });
        builder.start()
    }

    /// One server for all tests of this process; each takes a database of its own. Fails the test if there is none.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Postgres> = OnceLock::new();
        SHARED.get_or_init(|| Self::start().unwrap_or_else(|error| panic!("{error}")))
    }

    /// Where the database `postgres` is: `postgres://USER:PASSWORD@127.0.0.1:PORT/postgres`.
    pub fn url(&self) -> String {
        self.url_of("postgres")
    }

    /// Where a database of this name is, or would be.
    pub fn url_of(&self, database: &str) -> String {
        let Self { password, port, .. } = self;
        format!("postgres://postgres:{password}@127.0.0.1:{port}/{database}")
    }

    /// Makes a database; returns its URL. `name` has small letters, digits and underscores.
    pub fn create_database(&self, name: &str) -> Result<String, Error> {
        self.copy_database("template0", name)
    }

    /// Makes a database with everything that another one has, which nobody may be connected to meanwhile.
    pub fn copy_database(&self, from: &str, name: &str) -> Result<String, Error> {
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if name.is_empty() || name.len() > 63 || !name.chars().all(is_plain) {
            return Err(Error::new(format!(
                "{name:?} is no name for a database: 1 to 63 small letters, digits and underscores"
            )));
        }
        self.psql(
            "postgres",
            &format!("CREATE DATABASE {name} TEMPLATE {from}"),
        )?;
        Ok(self.url_of(name))
    }

    /// Runs SQL as the superuser; returns the rows, a line each, columns separated by `|`.
    pub fn psql(&self, database: &str, sql: &str) -> Result<String, Error> {
        output_of(&mut self.psql_command(database, sql))
    }

    /// What [`Self::psql`] runs, for SQL that reads rows from its standard input.
    pub fn psql_command(&self, database: &str, sql: &str) -> Command {
        let mut command = Command::new(&self.psql);
        command
            .args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align"])
            .args(["--set=ON_ERROR_STOP=1", "--username=postgres"])
            .arg(format!("--host={}", self.place.path().display()))
            .arg(format!("--port={}", self.port))
            .arg(format!("--dbname={database}"))
            .arg(format!("--command={sql}"))
            .env("LC_ALL", "C.UTF-8");
        command
    }

    /// The certificate authority's certificate, PEM; only with [`PostgresBuilder::tls`].
    pub fn certificate_authority(&self) -> Option<PathBuf> {
        self.has_tls.then(|| self.place.path().join("ca.crt"))
    }

    /// The port of 127.0.0.1 that it listens on, also after a restart.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The server's process; 0 when it does not run.
    pub fn pid(&self) -> u32 {
        self.program.id()
    }

    /// Everything that it has logged.
    pub fn log(&self) -> String {
        self.program.log()
    }

    /// Ends it well, but without waiting for those who are connected.
    pub fn stop(&mut self) -> Result<(), Error> {
        self.program.stop()
    }

    /// Ends it as a crash would.
    pub fn kill(&mut self) {
        self.program.kill();
    }

    /// Makes it stand still: connections stay open, nothing is answered.
    pub fn pause(&self) {
        self.program.pause();
    }

    /// Lets it go on after [`Self::pause`].
    pub fn resume(&self) {
        self.program.resume();
    }

    /// Starts it on the same data and port, after stopping it if it runs.
    pub fn restart(&mut self) -> Result<(), Error> {
        self.program.stop()?;
        let state = self.data.join("postmaster.pid");
        // Names a process that was killed; its number may be someone else's by now.
        _ = std::fs::remove_file(&state);
        self.program.start(PATIENCE, |pid| is_ready(&state, pid))
    }
}

/// Reads what the server writes about itself: its process id on line 1, `ready` on line 8.
fn is_ready(state: &Path, pid: u32) -> bool {
    let text = std::fs::read_to_string(state).unwrap_or_default();
    let line = |number: usize| text.lines().nth(number - 1).unwrap_or_default().trim();
    line(1) == pid.to_string() && line(8) == "ready"
}

#[cfg(test)]
mod tests;
