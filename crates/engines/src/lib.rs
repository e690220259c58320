//! The engines beside Roadstead, started for tests and for people at work on it: PostgreSQL, an S3 store (SeaweedFS),
//! a load balancer (HAProxy), an OpenID provider, a directory (OpenLDAP), a collector of telemetry (rotel)
//! and a mail server (aiosmtpd). Never part of the product.
//!
//! Every engine starts in a directory of its own, listens on 127.0.0.1 only, is ready when `start` returns, and is killed
//! when it is dropped; one that outlives its test by a crash dies with the test's process. Several run at once.
//!
//! ```ignore
//! let url = Postgres::shared().create_database("tags_are_sorted")?;
//! let store = SeaweedFs::shared();
//! store.create_bucket("tags-are-sorted")?;
//! ```

mod error;
mod haproxy;
mod mail_receiver;
mod oidc_provider;
mod openldap;
mod place;
mod ports;
mod postgres;
mod program;
mod rotel;
mod seaweedfs;
mod wheels;

pub use error::Error;
pub use haproxy::{Haproxy, HaproxyBuilder};
pub use mail_receiver::{MailAccess, MailReceiver};
pub use oidc_provider::OidcProvider;
pub use openldap::OpenLdap;
pub use ports::Ports;
pub use postgres::{Postgres, PostgresBuilder};
pub use rotel::Rotel;
pub use seaweedfs::{SeaweedFs, SeaweedFsBuilder};
pub use wheels::Wheels;

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// 128 random bits in hexadecimal: the password of an engine whose data is kept. Made when the file is not there yet.
pub fn kept_secret(file: &Path) -> Result<String, Error> {
    if let Ok(secret) = std::fs::read_to_string(file) {
        return Ok(secret);
    }
    let mut bytes = [0; 16];
    File::open("/dev/urandom")
        .and_then(|mut source| source.read_exact(&mut bytes))
        .map_err(Error::of("cannot read /dev/urandom"))?;
    let secret = hex(&bytes);
    File::options()
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(file)
        .and_then(|mut file| file.write_all(secret.as_bytes()))
        .map_err(Error::at("write", file))?;
    Ok(secret)
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        _ = write!(text, "{byte:02x}");
        text
    })
}
