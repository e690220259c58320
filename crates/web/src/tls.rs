//! Certificates, and changing them while connections stay.

mod acceptor;
mod inspection;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::{self, PemObject};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::fmt;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::sleep;

pub(crate) use acceptor::Acceptor;
pub use inspection::{Inspection, inspect};

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {}: {source}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The certificate file is not PEM.
    #[error("{} is not a PEM file of certificates: {reason}", .path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The key file is not PEM.
    #[error("{} is not a PEM file with a private key (PKCS#8, PKCS#1 or SEC1, not encrypted): {reason}", .path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Both are fine, but not together.
    #[error(
        "the key in {} does not belong to the first certificate in {}; the server's own certificate comes first, its issuers after it",
        .key.display(), .certificate.display()
    )]
    Mismatch {
        /// The certificate file.
        certificate: PathBuf,
        /// The key file.
        key: PathBuf,
    },
}

/// A certificate chain with its key, as two files, and what of them is in use.
pub struct Certificates {
    certificate: PathBuf,
    key: PathBuf,
    current: ArcSwap<CertifiedKey>,
    /// The files as they were when they were last looked at.
    seen: Mutex<Option<[Stamp; 2]>>,
}

/// What changes when a file is replaced or rewritten.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Certificates {
    /// Reads both files (PEM).
    pub fn load(
        certificate: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
    ) -> Result<Arc<Self>, TlsError> {
        let (certificate, key) = (certificate.into(), key.into());
        let seen = stamps(&certificate, &key);
        let current = ArcSwap::from_pointee(read(&certificate, &key)?);
        Ok(Arc::new(Self {
            certificate,
            key,
            current,
            seen: Mutex::new(seen),
        }))
    }

    /// Reads both files again. New connections get the new certificate; if it cannot be used they go on
    /// with the old one.
    pub fn reload(&self) -> Result<(), TlsError> {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) =
            stamps(&self.certificate, &self.key);
        self.current
            .store(Arc::new(read(&self.certificate, &self.key)?));
        Ok(())
    }

    /// Looks at the files every `interval` and reloads them when they changed. Never returns. A change
    /// that cannot be used is logged once, until the files change again.
    pub async fn watch(self: Arc<Self>, interval: Duration) {
        loop {
            sleep(interval).await;
            let this = Arc::clone(&self);
            // Files may lie on a slow disk.
            let _ = tokio::task::spawn_blocking(move || this.reload_if_changed()).await;
        }
    }

    /// One look of [`watch`](Self::watch): whether there is a new certificate in use.
    pub fn reload_if_changed(&self) -> bool {
        let now = stamps(&self.certificate, &self.key);
        let is_same = *self.seen.lock().unwrap_or_else(PoisonError::into_inner) == now;
        // While a file is missing it is being replaced: wait for it.
        if is_same || now.is_none() {
            return false;
        }
        match self.reload() {
            Ok(()) => {
                tracing::info!(certificate = %self.certificate.display(), "the TLS certificate was reloaded");
                true
            }
            Err(error) => {
                tracing::error!(%error, "the TLS certificate changed but cannot be used; the old one stays");
                false
            }
        }
    }

    /// TLS 1.2 and 1.3 with HTTP/2 and HTTP/1.1, serving whatever certificate is current.
    pub(crate) fn server_config(self: &Arc<Self>) -> Result<Arc<ServerConfig>, rustls::Error> {
        let resolver = Arc::new(Current(Arc::clone(self)));
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
            .with_no_client_auth()
            .with_cert_resolver(resolver);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        // Resumption without state in this process.
        config.ticketer = rustls::crypto::aws_lc_rs::Ticketer::new()?;
        Ok(Arc::new(config))
    }
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificates")
            .field("certificate", &self.certificate)
            .finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct Current(Arc<Certificates>);

impl ResolvesServerCert for Current {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.current.load_full())
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

fn stamps(certificate: &Path, key: &Path) -> Option<[Stamp; 2]> {
    Some([stamp(certificate)?, stamp(key)?])
}

fn stamp(path: &Path) -> Option<Stamp> {
    let metadata = std::fs::metadata(path).ok()?;
    Some(Stamp {
        device: metadata.dev(),
        inode: metadata.ino(),
        size: metadata.size(),
        modified: (metadata.mtime(), metadata.mtime_nsec()),
        changed: (metadata.ctime(), metadata.ctime_nsec()),
    })
}

fn read(certificate_path: &Path, key_path: &Path) -> Result<CertifiedKey, TlsError> {
    let bad_certificate = |reason: String| TlsError::Certificate {
        path: certificate_path.to_owned(),
        reason,
    };
    let bad_key = |reason: String| TlsError::Key {
        path: key_path.to_owned(),
        reason,
    };

    let chain = CertificateDer::pem_slice_iter(&read_file(certificate_path)?)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| bad_certificate(error.to_string()))?;
    if chain.is_empty() {
        return Err(bad_certificate("it holds no certificate".to_owned()));
    }
    let key =
        PrivateKeyDer::from_pem_slice(&read_file(key_path)?).map_err(|error| match error {
            pem::Error::NoItemsFound => bad_key("it holds no such key".to_owned()),
            other => bad_key(other.to_string()),
        })?;
    let key = provider()
        .key_provider
        .load_private_key(key)
        .map_err(|error| bad_key(error.to_string()))?;
    let certified = CertifiedKey::new(chain, key);
    match certified.keys_match() {
        Ok(()) | Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::Unknown)) => {
            Ok(certified)
        }
        Err(rustls::Error::InconsistentKeys(_)) => Err(TlsError::Mismatch {
            certificate: certificate_path.to_owned(),
            key: key_path.to_owned(),
        }),
        Err(error) => Err(bad_certificate(error.to_string())),
    }
}

fn read_file(path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|source| TlsError::Read {
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests;
