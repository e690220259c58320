//! `cargo xtask services`: the servers that ours is compared with, started for development on
//! loopback, with everything they write under `target/services/`.

use std::fs::File;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::ValueEnum;
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::Command;
use tokio::time::Instant;

use crate::{tools, workspace};

const PATIENCE: Duration = Duration::from_secs(10);

/// What to do with them.
#[derive(clap::Args)]
pub(crate) struct Args {
    action: Action,
}

#[derive(Clone, Copy, ValueEnum)]
enum Action {
    /// Start those that are not running
    Start,
    /// End those that are running
    Stop,
    /// Say which are running
    Status,
}

struct Service {
    name: &'static str,
    address: &'static str,
    program: &'static str,
    /// The configuration; `{dir}` stands for the service's directory, `{address}` for its address.
    config: &'static str,
    /// Arguments, with the same words; `{config}` is the configuration file.
    arguments: &'static [&'static str],
}

const SERVICES: [Service; 2] = [
    Service {
        name: "docker-registry",
        address: "127.0.0.1:5100",
        program: "/usr/bin/docker-registry",
        config: "version: 0.1\nlog: {level: warn}\nhttp: {addr: \"{address}\"}\nstorage:\n  \
                 delete: {enabled: true}\n  filesystem: {rootdirectory: \"{dir}/data\"}\n",
        arguments: &["serve", "{config}"],
    },
    Service {
        name: "nginx",
        address: "127.0.0.1:5101",
        program: "/usr/sbin/nginx",
        config: "daemon off;\npid {dir}/nginx.pid;\nworker_processes auto;\nerror_log stderr;\n\
                 events {}\nhttp {\n  access_log off;\n  sendfile on;\n  tcp_nopush on;\n  \
                 client_body_temp_path {dir}/t1;\n  proxy_temp_path {dir}/t2;\n  \
                 fastcgi_temp_path {dir}/t3;\n  uwsgi_temp_path {dir}/t4;\n  \
                 scgi_temp_path {dir}/t5;\n  server { listen {address}; root {dir}/data; }\n}\n",
        arguments: &["-e", "stderr", "-p", "{dir}", "-c", "{config}"],
    },
];

/// Starts, stops or describes every service.
pub(crate) async fn run(args: &Args) -> anyhow::Result<()> {
    if matches!(args.action, Action::Start) {
        tools::debian_packages(tools::BENCH_PEERS).await?;
    }
    for service in &SERVICES {
        let state = match args.action {
            Action::Start => service.start().await?,
            Action::Stop => service.stop().await?,
            Action::Status => match service.running() {
                Some(pid) => format!("running as process {}", pid.as_raw_nonzero()),
                None => "not running".to_owned(),
            },
        };
        println!("{} on {}: {state}", service.name, service.address);
    }
    Ok(())
}

impl Service {
    fn dir(&self) -> PathBuf {
        workspace::root().join("target/services").join(self.name)
    }

    fn pid_file(&self) -> PathBuf {
        self.dir().join("pid")
    }

    /// The process that we started, if it still is that program.
    fn running(&self) -> Option<Pid> {
        let pid: i32 = std::fs::read_to_string(self.pid_file())
            .ok()?
            .trim()
            .parse()
            .ok()?;
        let program = std::fs::read_link(format!("/proc/{pid}/exe")).ok()?;
        let is_ours = program == Path::new(self.program).canonicalize().ok()?;
        Pid::from_raw(pid).filter(|_| is_ours)
    }

    async fn start(&self) -> anyhow::Result<String> {
        if self.running().is_some() {
            return Ok("was running".to_owned());
        }
        if TcpStream::connect(self.address).is_ok() {
            bail!(
                "{} is taken by another program; {} needs it",
                self.address,
                self.name
            );
        }
        let dir = self.dir();
        std::fs::create_dir_all(dir.join("data"))?;
        let config = dir.join("config");
        let fill = |text: &str| {
            text.replace("{dir}", &dir.to_string_lossy())
                .replace("{address}", self.address)
                .replace("{config}", &config.to_string_lossy())
        };
        std::fs::write(&config, fill(self.config))?;
        let log = File::create(dir.join("log"))?;
        let child = Command::new(self.program)
            .args(self.arguments.iter().map(|argument| fill(argument)))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            // Outlives this command, and an interrupt from the keyboard meant for something else.
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot start {}", self.program))?;
        let pid = child.id().context("it ended at once")?;
        std::fs::write(self.pid_file(), pid.to_string())?;
        let is_listening = || TcpStream::connect(self.address).is_ok();
        if !within(PATIENCE, is_listening).await {
            bail!(
                "{} does not listen; see {}",
                self.name,
                dir.join("log").display()
            );
        }
        Ok("started".to_owned())
    }

    async fn stop(&self) -> anyhow::Result<String> {
        let Some(pid) = self.running() else {
            return Ok("was not running".to_owned());
        };
        kill_process(pid, Signal::TERM)?;
        if !within(PATIENCE, || self.running().is_none()).await {
            bail!(
                "{} (process {}) does not end",
                self.name,
                pid.as_raw_nonzero()
            );
        }
        std::fs::remove_file(self.pid_file())?;
        Ok("stopped".to_owned())
    }
}

/// Asks every 50 ms; `false` when the time is over.
async fn within(time: Duration, mut is_so: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + time;
    while !is_so() {
        if Instant::now() > deadline {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    true
}
