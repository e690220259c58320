//! The registry that tests talk to: the program itself, on a data directory of its own.
//!
//! `TestRegistry::start().await` serves in about 100 ms, so every test has one to itself. It is used as its administrator:
//! `registry.get("/v2/").await`; [`TestRegistry::client`] makes other callers. Dropped, it is killed.

pub(crate) mod backends;
pub(crate) mod client;
pub(crate) mod content;
pub(crate) mod program;
mod records;

use std::io::Write as _;
use std::net::SocketAddr;
use std::ops::Deref;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::clients::daemon::Daemon;
use crate::scale;
use backends::Backends;
use client::{Client, Credentials};

/// The user that the first start makes, and the password it is given here.
pub(crate) const ADMIN: &str = "admin";
pub(crate) const ADMIN_PASSWORD: &str = "Correct-horse-7-battery";

/// The program that was built with the tests.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_roadstead");

/// Tests are wrong about passwords faster than people are. A program of before does not know the setting.
const UNHURRIED: &str = "ROADSTEAD_LIMITS__FAILED_LOGINS_PER_SECOND";

/// What happens by itself, and a single request, takes nowhere near so long even on a slow machine that does much else; a
/// test that waits longer has found something that never comes.
pub(crate) const PATIENCE: Duration = Duration::from_mins(4);

/// A running registry. Derefs to its administrator's [`Client`], who shows name and password on every request.
pub(crate) struct TestRegistry {
    administrator: Client,
    metrics: String,
    setup: Setup,
    process: Mutex<Process>,
}

/// A registry that is to be started, on a data directory that may hold something.
pub(crate) struct Setup {
    program: PathBuf,
    settings: Vec<(String, String)>,
    /// What is still to be made for it; nothing once it was started.
    backends: Backends,
    listen: SocketAddr,
    /// Whether there is another listener besides.
    listens_twice: bool,
    data: TempDir,
}

struct Process {
    /// `None` once it was ended.
    daemon: Option<Daemon>,
    /// What it has printed so far.
    lines: Vec<String>,
}

impl Deref for TestRegistry {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.administrator
    }
}

impl Setup {
    /// Sets a setting by the variable's name without `ROADSTEAD_`, as in `LIMITS__MANIFEST_BYTES`.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "texts and numbers read better so"
    )]
    pub(crate) fn setting(mut self, name: &str, value: impl ToString) -> Self {
        self.settings
            .push((format!("ROADSTEAD_{name}"), value.to_string()));
        self
    }

    /// Runs this program instead of the one that was built with the tests.
    pub(crate) fn running(mut self, program: &Path) -> Self {
        program.clone_into(&mut self.program);
        self.settings.retain(|(name, _)| name != UNHURRIED);
        self
    }

    /// Keeps records and bytes there.
    pub(crate) fn on(mut self, backends: Backends) -> Self {
        self.backends = backends;
        self
    }

    /// Serves here instead of on a free port.
    pub(crate) fn listening_on(mut self, address: SocketAddr) -> Self {
        self.listen = address;
        self
    }

    /// Serves on a second listener, too, of which this setting is not the default: see [`TestRegistry::second_origin`].
    pub(crate) fn listening_too(mut self, name: &str, value: impl ToString) -> Self {
        self.listens_twice = true;
        self.setting("LISTENERS__1__ADDRESS", "127.0.0.1:0")
            .setting(&format!("LISTENERS__1__{name}"), value)
    }

    /// Has this deployment key, as all replicas of a deployment do.
    pub(crate) fn with_deployment_key(self, key: &[u8; 32]) -> Self {
        let directory = self.data_dir();
        std::fs::create_dir_all(&directory).expect("it is in ours");
        let mut options = std::fs::File::options();
        let file = options.create_new(true).write(true).mode(0o600);
        file.open(directory.join("deployment.key"))
            .and_then(|mut file| file.write_all(key))
            .expect("the directory is new");
        self
    }

    /// The data directory.
    pub(crate) fn data_dir(&self) -> PathBuf {
        self.data.path().join("data")
    }

    /// The program with these arguments, on this data directory and with these settings.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = command_of(&self.program);
        command.args(arguments);
        command.arg("--data-dir").arg(self.data_dir());
        command.envs(self.settings.iter().cloned());
        command
    }

    /// Starts the program and waits until it says that it serves.
    pub(crate) async fn start(mut self) -> TestRegistry {
        let backends = std::mem::replace(&mut self.backends, Backends::EMBEDDED);
        // Starting an engine takes seconds.
        let provided = tokio::task::spawn_blocking(move || backends.provide());
        for (name, value) in provided.await.expect("the engines run") {
            self = self.setting(&name, value);
        }
        let second = self.listens_twice.then_some(["--listen", "127.0.0.1:0"]);
        let mut command = command_of(&self.program);
        command
            .arg("serve")
            .arg("--data-dir")
            .arg(self.data_dir())
            .args(["--listen", &self.listen.to_string()])
            .args(second.into_iter().flatten())
            .env("ROADSTEAD_ADMIN_PASSWORD", ADMIN_PASSWORD)
            .env("ROADSTEAD_METRICS__ADDRESS", "127.0.0.1:0")
            .envs(self.settings.iter().cloned());
        let started = tokio::task::spawn_blocking(move || {
            let mut lines = Vec::new();
            let mut origin = None;
            let (daemon, (origin, metrics)) = Daemon::start(command, |line| {
                lines.push(line.to_owned());
                let url = |after: &str| line.strip_prefix(after)?.split(' ').next();
                if let Some(url) = url("Serving ") {
                    origin.get_or_insert_with(|| url.to_owned());
                }
                let metrics = url("Metrics at ")?;
                Some((origin.clone()?, metrics.to_owned()))
            });
            (daemon, lines, origin, metrics)
        });
        let (daemon, lines, origin, metrics) = started.await.expect("it starts");
        TestRegistry {
            administrator: Client::new(origin, administrator()),
            metrics,
            setup: self,
            process: Mutex::new(Process {
                daemon: Some(daemon),
                lines,
            }),
        }
    }
}

impl TestRegistry {
    /// A fresh registry with the default settings.
    pub(crate) async fn start() -> Self {
        Self::builder().start().await
    }

    /// A fresh registry whose settings can still be changed.
    pub(crate) fn builder() -> Setup {
        Setup {
            program: PathBuf::from(PROGRAM),
            settings: vec![(UNHURRIED.to_owned(), "10000".to_owned())],
            backends: scale::backends(),
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            listens_twice: false,
            data: tempfile::tempdir().expect("a temporary directory"),
        }
    }

    /// Scheme, host and port of the second listener.
    pub(crate) fn second_origin(&self) -> String {
        let process = self.process.lock().expect("no test holds it");
        let served = process.lines.iter();
        let mut origins =
            served.filter_map(|line| line.strip_prefix("Serving ")?.split(' ').next());
        origins.nth(1).expect("it has one").to_owned()
    }

    /// Address and port that it serves on.
    pub(crate) fn address(&self) -> SocketAddr {
        let (_, address) = self.origin().split_once("://").expect("a URL");
        address.parse().expect("an address")
    }

    /// A caller with other credentials than the administrator's.
    pub(crate) fn client(&self, credentials: Credentials) -> Client {
        self.administrator.with_credentials(credentials)
    }

    /// A caller with a user's name and password (or personal access token).
    pub(crate) fn as_user(&self, name: &str, password: &str) -> Client {
        self.client(Credentials::basic(name, password))
    }

    /// A caller without credentials.
    pub(crate) fn anonymous(&self) -> Client {
        self.client(Credentials::None)
    }

    /// The administrator with a token for these scopes, as in `repository:library/app:pull,push`.
    pub(crate) async fn with_token(&self, scopes: &[&str]) -> Client {
        self.administrator.with_token(scopes).await
    }

    /// Runs `roadstead admin` on the data directory while the registry runs, and returns what `--json` prints.
    pub(crate) fn admin(&self, arguments: &[&str]) -> Value {
        let mut command = command_of(&self.setup.program);
        command.args(["admin", "--json", "--data-dir"]);
        command.arg(self.setup.data_dir()).args(arguments);
        command.envs(self.setup.settings.iter().cloned());
        let output = command.output().expect("the program runs");
        assert!(
            output.status.success(),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        serde_json::from_slice(&output.stdout).expect("it prints JSON")
    }

    /// Makes a user with a generated password; returns a caller with both.
    pub(crate) fn create_user(&self, name: &str) -> Client {
        let made = self.admin(&["user", "create", name]);
        self.as_user(name, made["password"].as_str().expect("a password"))
    }

    /// Makes an account and its administrator; returns that caller.
    pub(crate) fn create_account(&self, name: &str, administrator: &str) -> Client {
        self.admin(&["account", "create", name]);
        let user = ["user", "create", administrator, "--administrator"];
        let made = self.admin(&[&["--account", name], &user[..]].concat());
        self.as_user(
            administrator,
            made["password"].as_str().expect("a password"),
        )
    }

    /// Makes a user who has a role in a namespace.
    pub(crate) fn create_member(&self, namespace: &str, name: &str, role: &str) -> Client {
        let user = self.create_user(name);
        self.admin(&["member", "add", namespace, name, "--role", role]);
        user
    }

    /// What Prometheus would read.
    pub(crate) async fn metrics(&self) -> String {
        let answer = reqwest::get(&self.metrics).await.expect("it serves");
        answer.text().await.expect("text")
    }

    /// Everything printed so far, log and all. A line about a request may come after its answer: see
    /// [`Self::log_line_with`].
    pub(crate) fn log(&self) -> String {
        let mut process = self.process.lock().expect("no test holds it");
        while let Some(line) = process.next_line(Duration::ZERO) {
            process.lines.push(line);
        }
        process.lines.join("\n")
    }

    /// The first line that contains `text`, waiting for it if it was not printed yet.
    pub(crate) fn log_line_with(&self, text: &str) -> String {
        let mut process = self.process.lock().expect("no test holds it");
        if let Some(line) = process.lines.iter().find(|line| line.contains(text)) {
            return line.clone();
        }
        while let Some(line) = process.next_line(PATIENCE) {
            process.lines.push(line.clone());
            if line.contains(text) {
                return line;
            }
        }
        panic!("no line has {text:?}:\n{}", process.lines.join("\n"));
    }

    /// The program with these arguments, on its data directory and with its settings.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        self.setup.command(arguments)
    }

    /// The process id, for what the kernel knows about it.
    pub(crate) fn pid(&self) -> u32 {
        let process = self.process.lock().expect("no test holds it");
        process.daemon.as_ref().expect("it runs").pid()
    }

    /// The data directory.
    pub(crate) fn data_dir(&self) -> PathBuf {
        self.setup.data_dir()
    }

    /// A connection of one's own, for requests that no HTTP client would send.
    pub(crate) async fn connect(&self) -> TcpStream {
        let connected = TcpStream::connect(self.address()).await;
        connected.expect("it listens")
    }

    /// Sends bytes as they are and returns what comes back until the registry closes the connection.
    pub(crate) async fn raw(&self, bytes: impl AsRef<[u8]>) -> Vec<u8> {
        let mut stream = self.connect().await;
        // It may close before it has read everything; its answer counts.
        _ = stream.write_all(bytes.as_ref()).await;
        let mut answer = Vec::new();
        let mut buffer = vec![0; 16 * 1024];
        let reading = async {
            while let Ok(length @ 1..) = stream.read(&mut buffer).await {
                answer.extend_from_slice(&buffer[..length]);
            }
        };
        let ended = tokio::time::timeout(PATIENCE, reading).await;
        assert!(
            ended.is_ok(),
            "the connection stays open after {}",
            String::from_utf8_lossy(&answer)
        );
        answer
    }

    /// Ends it at once, as a power failure would (but the kernel keeps what was written).
    pub(crate) fn kill(self) -> Setup {
        self.end(Daemon::kill)
    }

    /// Ends it as an operator would; one that ends with an error fails the test.
    pub(crate) fn stop(self) -> Setup {
        self.end(Daemon::stop)
    }

    fn end(self, end: impl FnOnce(Daemon)) -> Setup {
        let mut process = self.process.into_inner().expect("no test holds it");
        end(process.daemon.take().expect("it runs"));
        self.setup
    }
}

impl Process {
    fn next_line(&self, wait: Duration) -> Option<String> {
        self.daemon.as_ref()?.next_line(wait)
    }
}

impl Drop for Process {
    /// Nothing is kept, so nothing has to end well.
    fn drop(&mut self) {
        if let Some(daemon) = self.daemon.take() {
            daemon.kill();
        }
    }
}

/// Name and password of the user that the first start makes.
pub(crate) fn administrator() -> Credentials {
    Credentials::basic(ADMIN, ADMIN_PASSWORD)
}

/// A program, without the settings of whoever runs the tests.
#[expect(
    clippy::disallowed_methods,
    reason = "not read, but kept from the program"
)]
fn command_of(program: &Path) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("ROADSTEAD_") {
            command.env_remove(name);
        }
    }
    command
}
