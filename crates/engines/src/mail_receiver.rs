//! A mail server (aiosmtpd) that keeps what it is sent, and refuses what it is told to.

use std::io::Read as _;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::time::Duration;

use rustix::process::Signal;

use crate::Error;
use crate::place::Place;
use crate::ports::Ports;
use crate::program::{PATIENCE, Program, Recipe};
use crate::wheels::Wheels;

const ANSWER_WITHIN: Duration = Duration::from_secs(2);
const SCRIPT: &str = include_str!("mail_receiver.py");

/// How a mail server is spoken to.
#[derive(Clone, Copy, Debug, Default)]
pub struct MailAccess<'a> {
    /// `none` (as an empty text), `starttls` or `tls`.
    pub security: &'a str,
    /// The certificate that it shows and its key, in PEM.
    pub certificate: Option<(&'a str, &'a str)>,
    /// The name and the password without which it takes nothing.
    pub login: Option<(&'a str, &'a str)>,
}

/// A running mail server. Killed when it is dropped.
pub struct MailReceiver {
    program: Program,
    port: u16,
    // After the program, because fields are dropped in this order.
    place: Place,
    _ports: Ports,
}

impl MailReceiver {
    /// A mail server on a free port.
    pub fn start(access: MailAccess<'_>) -> Result<Self, Error> {
        let wheels = Wheels::install()?;
        let place = Place::temporary("mail")?;
        let ports = Ports::take(1)?;
        let port = ports.numbers()[0];
        let (name, password) = access.login.unwrap_or_default();
        let security = match access.security {
            "" => "none",
            security => security,
        };
        let written = |file: &str, text: &str| {
            let file = place.path().join(file);
            std::fs::write(&file, text).map_err(Error::at("write", &file))
        };
        written("receiver.py", SCRIPT)?;
        if let Some((certificate, key)) = access.certificate {
            written("certificate.pem", certificate)?;
            written("key.pem", key)?;
        }
        let directory = place.path().to_owned();
        let recipe = Recipe {
            name: "aiosmtpd",
            program: wheels.program("python"),
            arguments: vec![
                "receiver.py".to_owned(),
                port.to_string(),
                directory.display().to_string(),
                security.to_owned(),
                name.to_owned(),
                password.to_owned(),
            ],
            environment: Vec::new(),
            user: None,
            directory,
            end: Signal::TERM,
            when_orphaned: Some("KILL"),
        };
        let mut receiver = Self {
            program: Program::new(recipe),
            port,
            place,
            _ports: ports,
        };
        receiver.run(security == "tls")?;
        Ok(receiver)
    }

    fn run(&mut self, is_tls: bool) -> Result<(), Error> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        self.program.start(PATIENCE, |_| answers(address, is_tls))
    }

    /// Its port, on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What it took, in order, each as JSON: `from`, `to`, `text`, `is_secure`, `is_known`.
    pub fn mails(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.place.path()).into_iter().flatten();
        let mut files: Vec<PathBuf> = entries
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| {
                path.extension()
                    .is_some_and(|extension| extension == "mail")
            })
            .collect();
        files.sort_unstable();
        files
            .iter()
            .filter_map(|file| std::fs::read_to_string(file).ok())
            .collect()
    }

    /// Refuses addresses from now on: a JSON object of answers such as `550 5.1.1 unknown`, by address.
    pub fn refuse(&self, answers: &str) -> Result<(), Error> {
        self.write("refuse.json", answers)
    }

    /// Takes nothing while that is so.
    pub fn set_busy(&self, is_busy: bool) -> Result<(), Error> {
        self.set("busy", is_busy)
    }

    /// Takes mail, and ends the connection before it says so, while that is so.
    pub fn set_forgetful(&self, is_forgetful: bool) -> Result<(), Error> {
        self.set("forget", is_forgetful)
    }

    /// Ends it.
    pub fn stop(&mut self) -> Result<(), Error> {
        self.program.stop()
    }

    /// Starts it on the same port; what it took before is still there.
    pub fn restart(&mut self) -> Result<(), Error> {
        self.program.stop()?;
        self.run(false)
    }

    fn set(&self, file: &str, is_there: bool) -> Result<(), Error> {
        if is_there {
            return self.write(file, "");
        }
        let file = self.place.path().join(file);
        std::fs::remove_file(&file).map_err(Error::at("remove", &file))
    }

    fn write(&self, file: &str, text: &str) -> Result<(), Error> {
        // Whole at once: it is read at any time.
        let (new, file) = (self.place.path().join("new"), self.place.path().join(file));
        std::fs::write(&new, text).map_err(Error::at("write", &new))?;
        std::fs::rename(&new, &file).map_err(Error::at("write", &file))
    }
}

/// Whether a mail server says good day there; over TLS it waits for the client to begin.
fn answers(address: SocketAddr, is_tls: bool) -> bool {
    let Ok(mut stream) = TcpStream::connect_timeout(&address, ANSWER_WITHIN) else {
        return false;
    };
    let mut greeting = [0; 3];
    is_tls
        || (stream.set_read_timeout(Some(ANSWER_WITHIN)).is_ok()
            && stream.read_exact(&mut greeting).is_ok()
            && greeting == *b"220")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_server_answers_until_it_is_stopped() -> Result<(), Error> {
        let mut receiver = MailReceiver::start(MailAccess::default())?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, receiver.port()));
        assert!(answers(address, false));
        assert!(receiver.mails().is_empty());
        receiver.stop()?;
        assert!(!answers(address, false));
        receiver.restart()?;
        assert!(answers(address, false));
        Ok(())
    }
}
