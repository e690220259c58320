//! An OpenID provider that believes whatever it is told about its users (oidc-provider-mock): RS256, code flow with PKCE,
//! claims of one's choice.

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

/// A running provider. Killed when it is dropped.
pub struct OidcProvider {
    program: Program,
    port: u16,
    // After the program, because fields are dropped in this order.
    _place: Place,
    _ports: Ports,
}

impl OidcProvider {
    /// A provider on a free port, which takes any client and any user.
    pub fn start() -> Result<Self, Error> {
        let wheels = Wheels::install()?;
        let place = Place::temporary("oidc")?;
        let ports = Ports::take(1)?;
        let port = ports.numbers()[0];
        let recipe = Recipe {
            name: "oidc-provider-mock",
            program: wheels.program("oidc-provider-mock"),
            arguments: vec![
                "--host".to_owned(),
                "127.0.0.1".to_owned(),
                "--port".to_owned(),
                port.to_string(),
            ],
            environment: Vec::new(),
            user: None,
            directory: place.path().to_owned(),
            end: Signal::TERM,
            when_orphaned: Some("KILL"),
        };
        let mut provider = Self {
            program: Program::new(recipe),
            port,
            _place: place,
            _ports: ports,
        };
        provider.restart()?;
        Ok(provider)
    }

    /// Its issuer: `http://127.0.0.1:PORT`, for whoever asks it by that name.
    pub fn issuer(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Ends it; its key and its users are gone.
    pub fn stop(&mut self) -> Result<(), Error> {
        self.program.stop()
    }

    /// Starts it on the same port, after stopping it if it runs: with another key.
    pub fn restart(&mut self) -> Result<(), Error> {
        self.program.stop()?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        self.program.start(PATIENCE, |_| answers(address))
    }
}

fn answers(address: SocketAddr) -> bool {
    let ask = || {
        let mut stream = TcpStream::connect_timeout(&address, ANSWER_WITHIN)?;
        stream.set_read_timeout(Some(ANSWER_WITHIN))?;
        let request = format!("GET /jwks HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok::<_, std::io::Error>(answer)
    };
    ask().is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_answers_until_it_is_stopped() -> Result<(), Error> {
        let mut provider = OidcProvider::start()?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, provider.port));
        assert_eq!(provider.issuer(), format!("http://{address}"));
        assert!(answers(address));
        provider.stop()?;
        assert!(!answers(address));
        provider.restart()?;
        assert!(answers(address));
        Ok(())
    }
}
