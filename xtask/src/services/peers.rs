//! The servers that ours is compared with.

use std::fs::File;
use std::net::TcpStream;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail};
use rustix::process::Signal;
use tokio::process::Command;

use super::kept::{Kept, within};

const PATIENCE: Duration = Duration::from_secs(10);

struct Peer {
    name: &'static str,
    address: &'static str,
    program: &'static str,
    /// The configuration; `{dir}` stands for the peer's directory, `{address}` for its address.
    config: &'static str,
    /// Arguments, with the same words; `{config}` is the configuration file.
    arguments: &'static [&'static str],
}

const PEERS: [Peer; 2] = [
    Peer {
        name: "docker-registry",
        address: "127.0.0.1:5100",
        program: "/usr/bin/docker-registry",
        config: "version: 0.1\nlog: {level: warn}\nhttp: {addr: \"{address}\"}\nstorage:\n  \
                 delete: {enabled: true}\n  filesystem: {rootdirectory: \"{dir}/data\"}\n",
        arguments: &["serve", "{config}"],
    },
    Peer {
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

/// All of them, whether they run or not.
pub(super) fn all() -> Vec<Kept> {
    PEERS.iter().map(Peer::kept).collect()
}

/// Starts those that do not run.
pub(super) async fn start() -> anyhow::Result<()> {
    for peer in &PEERS {
        let state = peer.start().await?;
        println!("{} on {}: {state}", peer.name, peer.address);
    }
    Ok(())
}

impl Peer {
    fn kept(&self) -> Kept {
        Kept::new(self.name, Signal::TERM)
    }

    async fn start(&self) -> anyhow::Result<&'static str> {
        let kept = self.kept();
        if kept.running().is_some() {
            return Ok("was running");
        }
        if TcpStream::connect(self.address).is_ok() {
            bail!(
                "{} is taken by another program; {} needs it",
                self.address,
                self.name
            );
        }
        let dir = kept.dir();
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
        kept.note(child.id().context("it ended at once")?)?;
        let is_listening = || TcpStream::connect(self.address).is_ok();
        if !within(PATIENCE, is_listening).await {
            bail!(
                "{} does not listen; see {}",
                self.name,
                dir.join("log").display()
            );
        }
        Ok("started")
    }
}
