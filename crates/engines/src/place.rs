//! Directories: one for each engine, removed with it, or after it when its process was killed.

use std::fs::{DirBuilder, File, TryLockError};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::Error;

/// An engine's directory.
pub(crate) struct Place {
    path: PathBuf,
    /// `NAME.lock` beside it, held as long as this process lives; `None` for a directory that stays.
    lock: Option<File>,
}

impl Place {
    /// A new empty directory that goes when this is dropped. If this process is killed, the next one to make a directory
    /// removes it.
    pub(crate) fn temporary(name: &str) -> Result<Self, Error> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let all = subdirectory("run")?;
        let _guard = lock(&base()?.join("run.lock"))?;
        remove_abandoned(&all);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = all.join(format!("{name}-{}-{number}", std::process::id()));
        let lock = lock(&lock_file(&path))?;
        make(&path, 0o700)?;
        Ok(Self {
            path,
            lock: Some(lock),
        })
    }

    /// A directory that stays; made if it is not there.
    pub(crate) fn kept(path: &Path) -> Result<Self, Error> {
        std::fs::create_dir_all(path).map_err(Error::at("make", path))?;
        let path = path.canonicalize().map_err(Error::at("find", path))?;
        Ok(Self { path, lock: None })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn is_kept(&self) -> bool {
        self.lock.is_none()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.lock.is_some() {
            remove(&self.path);
        }
    }
}

/// Where engines of this user live. Short, because sockets lie in it: their paths have at most 107 bytes. Outside the
/// checkout, because PostgreSQL refuses to run as root, and its user may not be allowed to enter the checkout.
pub(crate) fn base() -> Result<PathBuf, Error> {
    let user = rustix::process::geteuid().as_raw();
    let path = std::env::temp_dir().join(format!("roadstead-engines-{user}"));
    make(&path, 0o755)?;
    let owner = path.metadata().map_err(Error::at("read", &path))?.uid();
    if owner != user {
        return Err(Error::new(format!(
            "{} belongs to user {owner}, not to us: remove it",
            path.display()
        )));
    }
    Ok(path)
}

/// A directory in [`base`], made if it is not there.
pub(crate) fn subdirectory(name: &str) -> Result<PathBuf, Error> {
    let path = base()?.join(name);
    make(&path, 0o755)?;
    Ok(path)
}

/// Waits for the lock on a file, which is made if it is not there; it is held until the file is closed.
pub(crate) fn lock(path: &Path) -> Result<File, Error> {
    let file = open(path)?;
    file.lock().map_err(Error::at("lock", path))?;
    Ok(file)
}

/// The lock on a file if nobody holds it.
pub(crate) fn try_lock(path: &Path) -> Result<Option<File>, Error> {
    let file = open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(Error::at("lock", path)(error)),
    }
}

fn open(path: &Path) -> Result<File, Error> {
    let mut options = File::options();
    options.create(true).truncate(false).write(true);
    options.open(path).map_err(Error::at("open", path))
}

fn make(path: &Path, mode: u32) -> Result<(), Error> {
    match DirBuilder::new().mode(mode).create(path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            Err(Error::at("make", path)(error))
        }
        _ => Ok(()),
    }
}

fn lock_file(path: &Path) -> PathBuf {
    path.with_extension("lock")
}

/// What processes left that were killed: their locks went with them.
fn remove_abandoned(all: &Path) {
    for entry in std::fs::read_dir(all).into_iter().flatten().flatten() {
        let path = entry.path();
        let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_directory && matches!(try_lock(&lock_file(&path)), Ok(Some(_))) {
            remove(&path);
        }
    }
}

/// An error leaves files that nobody needs, to be removed another time.
fn remove(path: &Path) {
    if std::fs::remove_dir_all(path).is_ok() {
        _ = std::fs::remove_file(lock_file(path));
    }
}
