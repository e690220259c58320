//! The key's file: read only if nobody else could have read it, created so that it is whole or not there.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::KEY_LENGTH;
use crate::random::Random;
use crate::secret::hex;

/// Why the file of the deployment key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The file does not exist and was not to be created.
    #[error(
        "there is no deployment key at {path}; restore it from where it is kept safe, or point the setting at it (a new key could not open what the old one sealed)"
    )]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// Others than its owner may read or change it.
    #[error(
        "the deployment key {path} can be read or changed by others (mode {mode:04o}, owner {owner}); it must be ours with mode 0600, or root's with mode 0640"
    )]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
        /// Its owner's user id.
        owner: u32,
    },
    /// Another length than a key has.
    #[error(
        "the deployment key {path} must be exactly 32 bytes but is {length}; restore it from where it is kept safe"
    )]
    WrongLength {
        /// The file.
        path: PathBuf,
        /// Its length in bytes.
        length: u64,
    },
    /// A directory, a pipe, a device.
    #[error("the deployment key {path} is not a regular file")]
    NotAFile {
        /// What was found there.
        path: PathBuf,
    },
    /// The file system refused.
    #[error("cannot {action} the deployment key {path}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the file system said.
        source: io::Error,
    },
}

pub(super) type KeyBytes = Zeroizing<[u8; KEY_LENGTH]>;

pub(super) fn load_or_create(path: &Path, random: &dyn Random) -> Result<KeyBytes, KeyFileError> {
    match load(path) {
        Err(KeyFileError::Missing { .. }) => {}
        found => {
            // Whoever created it may have been stopped before this; on a read-only mount it is not needed.
            sync_directory(path).ok();
            return found;
        }
    }
    let mut key = Zeroizing::new([0; KEY_LENGTH]);
    random.fill(&mut *key);
    match create(path, &key, random) {
        Ok(()) => Ok(key),
        // Another process was faster: there is one key, and it is theirs.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            sync_directory(path).map_err(|source| failed("sync", path, source))?;
            load(path)
        }
        Err(source) => Err(failed("create", path, source)),
    }
}

pub(super) fn load(path: &Path) -> Result<KeyBytes, KeyFileError> {
    // Non-blocking, or opening a pipe would wait for whoever writes to it.
    let non_blocking = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let mut file = match OpenOptions::new()
        .read(true)
        .custom_flags(non_blocking)
        .open(path)
    {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(KeyFileError::Missing { path: path.into() });
        }
        Err(source) => return Err(failed("open", path, source)),
    };
    // Of the file that is open, not of whatever the name means a moment later.
    let found = file
        .metadata()
        .map_err(|source| failed("inspect", path, source))?;
    if !found.is_file() {
        return Err(KeyFileError::NotAFile { path: path.into() });
    }
    let our_user = rustix::process::geteuid().as_raw();
    if !is_private(found.mode(), found.uid(), our_user) {
        return Err(KeyFileError::Exposed {
            path: path.into(),
            mode: found.mode() & 0o7777,
            owner: found.uid(),
        });
    }
    if found.len() != KEY_LENGTH as u64 {
        return Err(KeyFileError::WrongLength {
            path: path.into(),
            length: found.len(),
        });
    }
    let mut key = Zeroizing::new([0; KEY_LENGTH]);
    file.read_exact(&mut *key)
        .map_err(|source| failed("read", path, source))?;
    Ok(key)
}

/// Ours and closed to everyone else; or root's, for a group that we are in (how orchestrators mount secrets for a
/// process that does not run as root).
pub(super) fn is_private(mode: u32, owner: u32, our_user: u32) -> bool {
    let exposed = if owner == our_user { 0o077 } else { 0o037 };
    (owner == our_user || owner == 0) && mode & exposed == 0
}

/// Written and synced under another name, then linked to its own: a crash leaves the whole key or none, and a key
/// that is already there is never replaced.
fn create(path: &Path, key: &KeyBytes, random: &dyn Random) -> io::Result<()> {
    let mut suffix = [0; 8];
    random.fill(&mut suffix);
    let mut name = path
        .file_name()
        .ok_or_else(|| io::Error::other("the path has no file name"))?
        .to_owned();
    name.push(format!(".{}.new", hex(&suffix)));
    let unfinished = path.with_file_name(name);
    let written = write_new(&unfinished, key).and_then(|()| fs::hard_link(&unfinished, path));
    let removed = fs::remove_file(&unfinished);
    written?;
    removed?;
    sync_directory(path)
}

fn sync_directory(path: &Path) -> io::Result<()> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    File::open(directory)?.sync_all()
}

fn write_new(path: &Path, key: &KeyBytes) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(&**key)?;
    file.sync_all()
}

fn failed(action: &'static str, path: &Path, source: io::Error) -> KeyFileError {
    KeyFileError::Io {
        action,
        path: path.into(),
        source,
    }
}
