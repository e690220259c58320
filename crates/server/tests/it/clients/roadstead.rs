//! The program under test, as a user starts it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;

use super::daemon::Daemon;
use crate::registry::backends::Backends;

/// The user that the first start makes, and the password it is given here.
pub(crate) const USER: &str = "admin";
pub(crate) const PASSWORD: &str = "Correct-horse-7-battery";

/// A running registry with an empty store of its own.
pub(crate) struct Roadstead {
    /// Address and port, as clients name it.
    pub(crate) host: String,
    daemon: Daemon,
    data: TempDir,
}

impl Roadstead {
    /// Serves plain HTTP on a free port of 127.0.0.1.
    pub(crate) fn start() -> Self {
        let data = tempfile::tempdir().expect("a temporary directory");
        Self::start_with(data, &[])
    }

    /// Serves plain HTTP with its records and bytes there, and tells receivers on this machine what happens.
    pub(crate) fn start_on(backends: Backends) -> Self {
        let data = tempfile::tempdir().expect("a temporary directory");
        let mut settings = backends.provide();
        settings.push(("OUTBOUND__ALLOW".to_owned(), r#"["127.0.0.1"]"#.to_owned()));
        let settings = settings.into_iter();
        let settings: Vec<_> = settings
            .map(|(name, value)| (format!("ROADSTEAD_{name}"), value.into()))
            .collect();
        Self::start_with(data, &settings)
    }

    /// Serves HTTPS, with a certificate that [`Self::certificate_authority`] has signed.
    pub(crate) fn start_with_tls() -> Self {
        let data = tempfile::tempdir().expect("a temporary directory");
        let [certificate, key] = make_certificates(data.path());
        let settings = [("CERTIFICATE", certificate), ("PRIVATE_KEY", key)].map(|(name, file)| {
            let name = format!("ROADSTEAD_LISTENERS__0__TLS_{name}");
            (name, file.into_os_string())
        });
        Self::start_with(data, &settings)
    }

    fn start_with(data: TempDir, settings: &[(String, OsString)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_roadstead"));
        command
            .arg("serve")
            .arg("--data-dir")
            .arg(data.path().join("data"))
            .args(["--listen", "127.0.0.1:0"])
            .env("ROADSTEAD_ADMIN_PASSWORD", PASSWORD)
            .env("ROADSTEAD_METRICS__ADDRESS", "")
            .envs(settings.iter().map(|(name, value)| (name, value)));
        let (daemon, host) = Daemon::start(command, address_in);
        Self { host, daemon, data }
    }

    /// A directory with the certificate authority as `ca.crt`, for clients that want a directory.
    pub(crate) fn certificate_authority(&self) -> PathBuf {
        self.data.path().join("authority")
    }

    /// `roadstead admin` on its data, to be given what to do; prints JSON.
    pub(crate) fn admin(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_roadstead"));
        command
            .args(["admin", "--json", "--data-dir"])
            .arg(self.data.path().join("data"));
        command
    }

    /// Ends it as an operator would; a registry that ends with an error fails the test.
    pub(crate) fn stop(self) {
        self.daemon.stop();
    }
}

/// Finds `127.0.0.1:PORT` in what the first start prints for users to paste.
fn address_in(line: &str) -> Option<String> {
    let (_, rest) = line.split_once("127.0.0.1:")?;
    let port: String = rest.chars().take_while(char::is_ascii_digit).collect();
    let port: u16 = port.parse().ok()?;
    (port != 0).then(|| format!("127.0.0.1:{port}"))
}

/// Writes a certificate authority and a certificate for 127.0.0.1; returns the server's two files.
fn make_certificates(directory: &Path) -> [PathBuf; 2] {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_key = KeyPair::generate().expect("a key");
    let authority = CertifiedIssuer::self_signed(authority, authority_key).expect("an authority");
    let key = KeyPair::generate().expect("a key");
    let certificate = CertificateParams::new(["127.0.0.1".to_owned()])
        .and_then(|params| params.signed_by(&key, &authority))
        .expect("a certificate");

    let write = |name: &str, text: String| {
        let file = directory.join(name);
        std::fs::write(&file, text).expect("the directory is ours");
        file
    };
    std::fs::create_dir(directory.join("authority")).expect("the directory is ours");
    write("authority/ca.crt", authority.pem());
    [
        write("server.crt", certificate.pem()),
        write("server.key", key.serialize_pem()),
    ]
}

#[test]
fn the_address_is_found_among_the_words_around_it() {
    let line = "  podman push 127.0.0.1:43117/library/app";
    assert_eq!(address_in(line), Some("127.0.0.1:43117".to_owned()));
    assert_eq!(address_in("listening on 127.0.0.1:0"), None);
}
