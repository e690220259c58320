//! HAProxy before several replicas: each request may go to another one.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::Error;
use crate::place::Place;
use crate::ports::Ports;
use crate::program::{PATIENCE, Program, Recipe};

const PROGRAM: &str = "/usr/sbin/haproxy";

/// How a load balancer is to be started.
#[derive(Debug, Default)]
pub struct HaproxyBuilder {
    directory: Option<PathBuf>,
    port: Option<u16>,
    outlives_us: bool,
    passes_tcp: bool,
}

impl HaproxyBuilder {
    /// Keeps its configuration and log in this directory.
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

    /// Goes on when this value is dropped and when this process ends.
    #[must_use]
    pub fn outliving_us(mut self) -> Self {
        self.outlives_us = true;
        self
    }

    /// Passes connections on as they are, and says whose they are by the PROXY protocol, version 2.
    #[must_use]
    pub fn passing_tcp(mut self) -> Self {
        self.passes_tcp = true;
        self
    }

    /// Starts it before these replicas, which need not run yet.
    pub fn start(self, replicas: &[SocketAddr]) -> Result<Haproxy, Error> {
        if !Path::new(PROGRAM).exists() {
            return Err(Error::new(format!(
                "there is no {PROGRAM}; as root, run: apt-get install --no-install-recommends haproxy"
            )));
        }
        let place = match &self.directory {
            Some(path) => Place::kept(path)?,
            None => Place::temporary("lb")?,
        };
        let mut ports = None;
        let port = match self.port {
            Some(port) => port,
            None => ports.insert(Ports::take(1)?).numbers()[0],
        };
        let path = place.path().join("haproxy.cfg");
        let socket = place.path().join("stats.sock");
        let text = if self.passes_tcp {
            tcp_configuration(port, &socket, replicas)
        } else {
            configuration(port, &socket, replicas)
        };
        std::fs::write(&path, text).map_err(Error::at("write", &path))?;
        let recipe = Recipe {
            name: "HAProxy",
            program: PROGRAM.into(),
            // In the foreground, one process.
            arguments: vec![
                "-db".to_owned(),
                "-f".to_owned(),
                path.display().to_string(),
            ],
            environment: Vec::new(),
            user: None,
            directory: place.path().to_owned(),
            end: Signal::TERM,
            when_orphaned: (!self.outlives_us).then_some("KILL"),
        };
        let mut haproxy = Haproxy {
            program: Program::new(recipe),
            socket,
            port,
            _place: place,
            _ports: ports,
        };
        haproxy.restart()?;
        Ok(haproxy)
    }
}

/// Round robin without regard to who asks. A request that found nobody goes to another replica; one that was already read
/// by a replica which then died is repeated only if repeating cannot change anything.
fn configuration(port: u16, socket: &Path, replicas: &[SocketAddr]) -> String {
    let mut text = format!(
        "\
global
    stats socket {} mode 600 level admin
    log stderr format raw local0 notice

defaults
    mode http
    log global
    timeout connect 5s
    timeout client 10m
    timeout server 10m
    timeout queue 30s
    retries 3
    option redispatch 1
    retry-on conn-failure empty-response

frontend registry
    bind 127.0.0.1:{port}
    default_backend replicas

backend replicas
    balance roundrobin
    http-request disable-l7-retry unless {{ method GET HEAD }}
    http-request set-header X-Forwarded-For %[src]
    http-request set-header X-Forwarded-Proto http
    http-request set-header X-Forwarded-Host %[req.hdr(host)]
    option httpchk GET /readyz
    http-check expect status 200
    default-server check inter 500ms fall 2 rise 1 observe layer4 on-error mark-down error-limit 1
",
        socket.display()
    );
    for (number, replica) in replicas.iter().enumerate() {
        _ = writeln!(text, "    server r{number} {replica}");
    }
    text
}

/// Each connection goes to one replica, header of the PROXY protocol first. So do the checks, which are the proxy's own.
fn tcp_configuration(port: u16, socket: &Path, replicas: &[SocketAddr]) -> String {
    let mut text = format!(
        "\
global
    stats socket {} mode 600 level admin
    log stderr format raw local0 notice

defaults
    mode tcp
    log global
    timeout connect 5s
    timeout client 10m
    timeout server 10m

frontend registry
    bind 127.0.0.1:{port}
    default_backend replicas

backend replicas
    balance roundrobin
    option httpchk GET /readyz
    http-check expect status 200
    default-server check check-send-proxy send-proxy-v2 inter 500ms fall 2 rise 1
",
        socket.display()
    );
    for (number, replica) in replicas.iter().enumerate() {
        _ = writeln!(text, "    server r{number} {replica}");
    }
    text
}

/// A running load balancer. Killed when it is dropped.
pub struct Haproxy {
    program: Program,
    socket: PathBuf,
    port: u16,
    // After the program, because fields are dropped in this order.
    _place: Place,
    _ports: Option<Ports>,
}

impl Haproxy {
    /// A load balancer that differs from the default.
    pub fn builder() -> HaproxyBuilder {
        HaproxyBuilder::default()
    }

    /// A load balancer on a free port before these replicas, which need not run yet.
    pub fn start(replicas: &[SocketAddr]) -> Result<Self, Error> {
        Self::builder().start(replicas)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port))
    }

    /// The load balancer's process; 0 when it does not run.
    pub fn pid(&self) -> u32 {
        self.program.id()
    }

    /// Everything that it has logged.
    pub fn log(&self) -> String {
        self.program.log()
    }

    /// Which replicas it sends requests to, in the order in which they were given.
    pub fn up(&self) -> Result<Vec<bool>, Error> {
        // Columns: https://docs.haproxy.org, "Statistics and monitoring", CSV format.
        let table = ask(&self.socket, "show stat replicas 4 -1\n")?;
        let server = |line: &str| {
            let fields: Vec<&str> = line.split(',').collect();
            (fields.len() > 17).then(|| fields[17].starts_with("UP"))
        };
        let lines = table.lines().filter(|line| !line.starts_with('#'));
        Ok(lines.filter_map(server).collect())
    }

    /// Waits until it sends requests to all replicas.
    pub fn wait_until_all_are_up(&self) -> Result<(), Error> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let up = self.up()?;
            if up.iter().all(|&is_up| is_up) {
                return Ok(());
            }
            if Instant::now() > deadline {
                let log = self.log();
                return Err(Error::new(format!("replicas that are up: {up:?}\n{log}")));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ends it; open connections are cut.
    pub fn stop(&mut self) -> Result<(), Error> {
        self.program.stop()
    }

    /// Starts it on the same port, after stopping it if it runs.
    pub fn restart(&mut self) -> Result<(), Error> {
        self.program.stop()?;
        let socket = &self.socket;
        // The socket of a process that was killed is still there, but nobody answers on it.
        self.program
            .start(PATIENCE, |_| ask(socket, "show info\n").is_ok())
    }
}

fn ask(socket: &Path, question: &str) -> Result<String, Error> {
    let mut answer = String::new();
    UnixStream::connect(socket)
        .and_then(|mut stream| {
            stream.write_all(question.as_bytes())?;
            stream.read_to_string(&mut answer)
        })
        .map_err(Error::at("ask HAProxy at", socket))?;
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead as _, BufReader};
    use std::net::{TcpListener, TcpStream};

    /// A replica that is always ready and answers with its name.
    fn replica(name: &'static str) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.expect("a connection");
                let mut lines = BufReader::new(stream.try_clone().expect("a copy")).lines();
                while lines
                    .next()
                    .is_some_and(|line| line.is_ok_and(|line| !line.is_empty()))
                {}
                let length = name.len();
                let head = format!(
                    "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
                );
                // The balancer may be gone.
                _ = write!(stream, "{head}{name}");
            }
        });
        address
    }

    fn ask_over_http(address: SocketAddr) -> String {
        let mut stream = TcpStream::connect(address).expect("it listens");
        let request = "GET /v2/ HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        answer.rsplit("\r\n").next().unwrap_or_default().to_owned()
    }

    #[test]
    fn requests_go_to_every_replica_that_is_ready() -> Result<(), Error> {
        let gone = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let gone = gone.map_err(Error::of("no port"))?;
        let mut haproxy = Haproxy::start(&[replica("one"), replica("two")])?;
        haproxy.wait_until_all_are_up()?;
        let mut seen: Vec<String> = (0..4).map(|_| ask_over_http(haproxy.address())).collect();
        seen.sort();
        assert_eq!(seen, ["one", "one", "two", "two"]);
        haproxy.restart()?;
        assert_eq!(ask_over_http(haproxy.address()).len(), 3);

        // Nobody listens there: its requests go to the other one, from the first on.
        let haproxy = Haproxy::start(&[gone, replica("other")])?;
        let seen: Vec<String> = (0..4).map(|_| ask_over_http(haproxy.address())).collect();
        assert_eq!(seen, ["other"; 4]);
        assert_eq!(haproxy.up()?.len(), 2);
        Ok(())
    }
}
