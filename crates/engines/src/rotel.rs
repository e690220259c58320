//! A collector of OpenTelemetry (rotel), which takes logs and metrics by OTLP and prints what it understood of them.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use rustix::process::Signal;

use crate::Error;
use crate::place::Place;
use crate::ports::Ports;
use crate::program::{PATIENCE, Program, Recipe};
use crate::wheels::Wheels;

const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// A running collector. Killed when it is dropped.
pub struct Rotel {
    program: Program,
    port: u16,
    // After the program, because fields are dropped in this order.
    _place: Place,
    _ports: Ports,
}

impl Rotel {
    /// A collector on free ports. What it takes goes nowhere but into its log.
    pub fn start() -> Result<Self, Error> {
        let wheels = Wheels::install()?;
        let place = Place::temporary("rotel")?;
        let ports = Ports::take(2)?;
        let (http, grpc) = (ports.numbers()[0], ports.numbers()[1]);
        let arguments = format!(
            "start --exporter blackhole --otlp-http-endpoint 127.0.0.1:{http} --otlp-grpc-endpoint 127.0.0.1:{grpc} \
             --debug-log logs --debug-log metrics --debug-log-verbosity detailed"
        );
        let recipe = Recipe {
            name: "rotel",
            program: wheels.library("rotel/rotel-agent")?,
            arguments: arguments.split(' ').map(str::to_owned).collect(),
            environment: Vec::new(),
            user: None,
            directory: place.path().to_owned(),
            end: Signal::TERM,
            when_orphaned: Some("KILL"),
        };
        let mut collector = Self {
            program: Program::new(recipe),
            port: http,
            _place: place,
            _ports: ports,
        };
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, http));
        collector.program.start(PATIENCE, |_| answers(address))?;
        Ok(collector)
    }

    /// Where it takes OTLP over HTTP: `http://127.0.0.1:PORT`.
    pub fn origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What it understood so far, a line for each field.
    pub fn printed(&self) -> String {
        self.program.log()
    }
}

fn answers(address: SocketAddr) -> bool {
    let ask = || {
        let mut stream = TcpStream::connect_timeout(&address, ANSWER_WITHIN)?;
        stream.set_read_timeout(Some(ANSWER_WITHIN))?;
        let request = format!("GET / HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok::<_, std::io::Error>(answer)
    };
    ask().is_ok_and(|answer| answer.starts_with("HTTP/1.1 "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collector_answers_and_has_understood_nothing_yet() -> Result<(), Error> {
        let collector = Rotel::start()?;
        assert!(collector.origin().starts_with("http://127.0.0.1:"));
        assert!(!collector.printed().contains("ResourceLog"));
        Ok(())
    }
}
