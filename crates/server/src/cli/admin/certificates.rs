//! `roadstead admin address certificate`.

use std::path::{Path, PathBuf};

use crate::config::Secret;
use anyhow::{Context as _, ensure};
use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};

/// The longest of both files: more is neither.
const MAX_FILE_BYTES: u64 = 64 * 1024;

/// What can be done to the certificate of a host name.
#[derive(Subcommand, Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CertificateCommand {
    /// Show clients that ask for the name this certificate, instead of the listener's
    #[command(after_help = "\
The name has to be the account's own. It is shown on new connections within a second, on every replica.

Example:
  roadstead admin --account acme address certificate set registry.acme.example \\
    --certificate fullchain.pem --private-key privkey.pem")]
    Set(CertificateFiles),
    /// Show what is known of the name's certificate
    Show {
        /// The name
        host: String,
    },
    /// Show the listener's certificate for the name again
    Remove {
        /// The name
        host: String,
    },
}

/// A certificate in two files.
#[derive(Args, Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct CertificateFiles {
    /// The name
    pub(crate) host: String,
    /// File with the certificate and its issuers (PEM), the server's own first
    #[arg(long, value_name = "FILE")]
    #[serde(skip)]
    certificate: PathBuf,
    /// File with the private key (PEM, without a password)
    #[arg(long, value_name = "FILE")]
    #[serde(skip)]
    private_key: PathBuf,
    /// What was in them, filled by [`CertificateFiles::read`].
    #[arg(skip)]
    pub(crate) given: Option<(String, Secret)>,
}

impl CertificateFiles {
    /// Reads both files, as whoever typed the command.
    pub(crate) fn read(&mut self) -> anyhow::Result<()> {
        let chain = read(&self.certificate)?;
        let key = read(&self.private_key)?;
        self.given = Some((chain, Secret::new(key)));
        Ok(())
    }
}

fn read(path: &Path) -> anyhow::Result<String> {
    let shown = || path.display().to_string();
    let length = std::fs::metadata(path).with_context(shown)?.len();
    ensure!(
        length <= MAX_FILE_BYTES,
        "{} is longer than {MAX_FILE_BYTES} bytes",
        path.display()
    );
    std::fs::read_to_string(path).with_context(shown)
}
