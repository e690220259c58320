//! Two things the kernel does that no safe interface offers. The only unsafe code of the project.
#![expect(unsafe_code, reason = "each block says why it is sound")]

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::fd::AsRawFd;

use bytes::Bytes;
use memmap2::MmapOptions;

/// Maps a range of a blob file. The caller has checked the range against the file's length.
/// Nothing is read; the mapping goes when the last clone of the bytes goes.
pub(crate) fn map(file: &File, range: Range<u64>) -> io::Result<Bytes> {
    let too_large = |_| io::Error::from(io::ErrorKind::InvalidInput);
    let len = usize::try_from(range.end - range.start).map_err(too_large)?;
    if len == 0 {
        return Ok(Bytes::new());
    }
    // SAFETY: a mapping is sound while nobody changes or shortens the file. `BlobFile`, the only caller,
    // holds completed objects. This crate never opens one for writing and never truncates one: a deletion
    // unlinks the name and a repeated completion renames over it, and both leave the mapped file as it is.
    // The directory is 0700, so nobody but this user and the administrator can reach the file otherwise.
    let mapping = unsafe { MmapOptions::new().offset(range.start).len(len).map(file) }?;
    Ok(Bytes::from_owner(mapping))
}

/// Lets the kernel start writing a range of dirty pages to the disk, without waiting for it.
/// Promises nothing about durability.
pub(crate) fn start_writeback(file: &File, offset: u64, len: u64) -> io::Result<()> {
    let too_large = |_| io::Error::from(io::ErrorKind::InvalidInput);
    let offset = i64::try_from(offset).map_err(too_large)?;
    let len = i64::try_from(len).map_err(too_large)?;
    // SAFETY: no memory is passed, and the descriptor is open as long as `file` is borrowed.
    let answer = unsafe {
        libc::sync_file_range(file.as_raw_fd(), offset, len, libc::SYNC_FILE_RANGE_WRITE)
    };
    if answer == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}
