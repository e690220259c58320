//! Set-up: the same content into a registry through its API, or into nginx's files.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};

use super::Peer;
use crate::bench::content::{Blob, Manifest};
use crate::bench::driver::Client;

/// Where content goes.
pub(crate) enum Store {
    Registry(Box<Client>),
    Files(PathBuf),
}

impl Store {
    pub(crate) fn push_blob(&mut self, repository: &str, blob: &Blob) -> Result<()> {
        match self {
            Self::Registry(client) => client.push_blob(repository, blob),
            Self::Files(root) => {
                let file = create(root, &format!("v2/{repository}/blobs/{}", blob.digest))?;
                Ok(blob.write_to(file)?)
            }
        }
    }

    pub(crate) fn push_manifest(
        &mut self,
        repository: &str,
        reference: &str,
        manifest: &Manifest,
    ) -> Result<()> {
        match self {
            Self::Registry(client) => client.push_manifest(repository, reference, manifest),
            Self::Files(root) => {
                let path = format!("v2/{repository}/manifests/{reference}");
                create(root, &path)?;
                Ok(fs::write(root.join(path), &manifest.bytes)?)
            }
        }
    }
}

fn create(root: &Path, path: &str) -> Result<File> {
    let path = root.join(path);
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    Ok(File::create(path)?)
}

/// Calls `each` with 0 to `count - 1`, spread over `connections` clients of the peer.
pub(crate) fn in_parallel(
    peer: &Peer,
    count: u64,
    connections: u64,
    each: impl Fn(&mut Client, u64) -> Result<()> + Sync,
) -> Result<()> {
    let next = std::sync::atomic::AtomicU64::new(0);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..connections.min(count))
            .map(|_| {
                scope.spawn(|| -> Result<()> {
                    let mut client = peer.client()?;
                    loop {
                        let number = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                        if number >= count {
                            return Ok(());
                        }
                        each(&mut client, number)?;
                    }
                })
            })
            .collect();
        threads.into_iter().try_for_each(|thread| {
            thread
                .join()
                .map_err(|_| anyhow!("a seeding thread panicked"))?
        })
    })
}
