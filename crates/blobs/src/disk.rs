//! The file layer: what the store asks of a disk, and the real one.
//!
//! It is a trait so that tests can stand between the store and the file system: record the order of
//! calls, let one fail, cut the power. Files themselves are ordinary [`File`]s in every implementation.

use std::fmt;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, IoSlice};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::Path;

use crate::kernel;

/// How to open a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// An existing file, for reading.
    Read,
    /// An existing file, for reading and writing.
    Write,
    /// A file that must not exist yet, mode 0600, for reading and writing.
    Create,
}

/// The calls the store makes. All of them block.
pub trait Disk: fmt::Debug + Send + Sync + 'static {
    /// Makes a directory with mode 0700; an existing one is left alone.
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        match DirBuilder::new().mode(0o700).create(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
            made => made,
        }
    }

    /// Opens a file.
    fn open(&self, path: &Path, access: Access) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.read(true);
        match access {
            Access::Read => {}
            Access::Write => _ = options.write(true),
            Access::Create => _ = options.write(true).create_new(true).mode(0o600),
        }
        options.open(path)
    }

    /// Length of a file.
    fn len(&self, file: &File) -> io::Result<u64> {
        Ok(file.metadata()?.len())
    }

    /// Reads at an offset; 0 only at the end.
    fn read_at(&self, file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        file.read_at(buffer, offset)
    }

    /// Writes at an offset, possibly less than given.
    fn write_at(&self, file: &File, parts: &[IoSlice<'_>], offset: u64) -> io::Result<usize> {
        Ok(rustix::io::pwritev(file, parts, offset)?)
    }

    /// Shortens or extends a file.
    fn set_len(&self, file: &File, len: u64) -> io::Result<()> {
        file.set_len(len)
    }

    /// Starts writing a range to the disk, without waiting and without promising anything.
    fn start_writeback(&self, file: &File, offset: u64, len: u64) -> io::Result<()> {
        kernel::start_writeback(file, offset, len)
    }

    /// Makes content and length durable: fdatasync(2).
    fn sync_data(&self, file: &File) -> io::Result<()> {
        file.sync_data()
    }

    /// Makes everything about the file durable, except its name: fsync(2).
    fn sync_all(&self, file: &File) -> io::Result<()> {
        file.sync_all()
    }

    /// Makes the names in a directory durable.
    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    /// Renames a file, replacing what has the new name.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    /// Removes a name; an error of kind `NotFound` if there is none.
    fn remove(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }

    /// Names in a directory that are text.
    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        std::fs::read_dir(path)?
            .map(|entry| Ok(entry?.file_name().into_string().ok()))
            .filter_map(io::Result::transpose)
            .collect()
    }

    /// Bytes that an unprivileged user may still write to the file system.
    fn free_bytes(&self, path: &Path) -> io::Result<u64> {
        let state = rustix::fs::statvfs(path)?;
        Ok(state.f_bavail.saturating_mul(state.f_frsize))
    }
}

/// The disk of this machine: every call as the trait defines it.
#[derive(Debug, Clone, Copy)]
pub struct RealDisk;

impl Disk for RealDisk {}

/// Writes all of `parts` at `offset`, in as many calls as it takes.
pub(crate) fn write_all_at(
    disk: &dyn Disk,
    file: &File,
    mut parts: &mut [IoSlice<'_>],
    mut offset: u64,
) -> io::Result<()> {
    IoSlice::advance_slices(&mut parts, 0);
    while !parts.is_empty() {
        match disk.write_at(file, parts, offset) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => {
                IoSlice::advance_slices(&mut parts, written);
                offset += written as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Whether the error means that there is no room: the disk, or the user's quota.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}

/// What a file system is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suitability {
    /// Anything.
    Local,
    /// Works, but the operator should know.
    Doubtful(&'static str),
    /// Named, for the error.
    Network(&'static str),
}

/// Judges a file system by the magic number of statfs(2).
fn suitability(magic: u64) -> Suitability {
    // The kernel reports some numbers sign-extended from 32 bits.
    match magic & 0xffff_ffff {
        0x6969 => Suitability::Network("NFS"),
        0x517b | 0xff53_4d42 | 0xfe53_4d42 => Suitability::Network("SMB"),
        0x0102_1997 => Suitability::Network("9p"),
        0x00c3_6400 => Suitability::Network("CephFS"),
        0x5346_414f => Suitability::Network("AFS"),
        0x7375_7245 => Suitability::Network("Coda"),
        0x0bd0_0bd0 => Suitability::Network("Lustre"),
        // FUSE carries local disks as well as remote ones, and does not say which.
        0x6573_5546 => {
            Suitability::Doubtful("FUSE: make sure that it is a local disk that honours fsync")
        }
        0x0102_1994 => Suitability::Doubtful("tmpfs: everything is lost when the machine stops"),
        _ => Suitability::Local,
    }
}

/// Judges the file system that a directory lies on.
pub fn suitability_of(directory: &Path) -> io::Result<Suitability> {
    let magic = rustix::fs::statfs(directory)?.f_type;
    #[expect(
        clippy::cast_sign_loss,
        reason = "a bit pattern, whose type differs by platform"
    )]
    Ok(suitability(magic as u64))
}

/// Refuses a directory on a network file system, warns about a doubtful one.
///
/// There, fsync may not reach the disk of the other side, a lost connection turns a mapped blob into a
/// fatal signal, and a second host can change files behind this one's cache.
pub(crate) fn require_local(root: &Path) -> io::Result<()> {
    match suitability_of(root)? {
        Suitability::Local => Ok(()),
        Suitability::Doubtful(what) => {
            tracing::warn!(directory = %root.display(), "the data directory lies on {what}");
            Ok(())
        }
        Suitability::Network(name) => Err(io::Error::new(
            io::ErrorKind::Unsupported,
            format!(
                "the data directory {} lies on a network file system ({name}), where neither durability \
                 nor mapped files can be relied on; use a local disk, or object storage",
                root.display()
            ),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn network_file_systems_are_told_from_local_ones() {
        assert_eq!(suitability(0x6969), Suitability::Network("NFS"));
        assert_eq!(
            suitability(0xffff_ffff_fe53_4d42),
            Suitability::Network("SMB")
        );
        assert_eq!(suitability(0xef53), Suitability::Local);
        assert_eq!(suitability(0x5846_5342), Suitability::Local);
        assert!(matches!(suitability(0x6573_5546), Suitability::Doubtful(_)));
    }
}
