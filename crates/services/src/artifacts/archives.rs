//! One small file out of an archive that somebody pushed, and that is not trusted: what is read, unpacked and looked at of it
//! is bounded, nothing of it is written anywhere, and links in it lead nowhere.

use crate::{Error, Result};
use bytes::{Buf, Bytes};
use flate2::read::GzDecoder;
use futures_util::{Stream, TryStreamExt};
use std::io::{self, ErrorKind, Read};
use tokio::sync::mpsc;

/// The largest archive, as it is stored and as it is unpacked, in bytes. Charts have some kilobytes.
const PACKED_BYTES: u64 = 16 << 20;
const UNPACKED_BYTES: u64 = 32 << 20;
/// Files that are looked at in one.
const MAX_FILES: usize = 10_000;
/// The largest file that is shown, in bytes.
pub(super) const FILE_BYTES: u64 = 1 << 20;
/// Pieces on their way from the store to whoever unpacks.
const PIECES: usize = 2;

/// How an archive is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packing {
    Tar,
    TarGzip,
}

/// Refuses an archive that is too large by what its descriptor says.
pub(super) fn require_small(size_bytes: u64) -> Result<()> {
    if size_bytes <= PACKED_BYTES {
        return Ok(());
    }
    Err(Error::Invalid(format!(
        "the archive has {size_bytes} bytes, and {PACKED_BYTES} are read for this; pull the artifact and look into it there"
    )))
}

/// The first file of an archive whose path is `wanted`; `None` when there is none.
///
/// # Errors
/// [`Error::Invalid`] for what is no archive or has more in it than is looked at, [`Error::Unavailable`] when it cannot be read.
pub(super) async fn find_file<S, E>(
    chunks: S,
    packing: Packing,
    wanted: fn(&str) -> bool,
) -> Result<Option<Vec<u8>>>
where
    S: Stream<Item = Result<Bytes, E>>,
    E: std::fmt::Display,
{
    let (sender, pieces) = mpsc::channel(PIECES);
    let finding = tokio::task::spawn_blocking(move || {
        let pieces = Pieces {
            pieces,
            piece: Bytes::new(),
        };
        match packing {
            Packing::Tar => find_in(Bounded::new(pieces), wanted),
            Packing::TarGzip => find_in(Bounded::new(GzDecoder::new(pieces)), wanted),
        }
    });
    let mut chunks = std::pin::pin!(chunks);
    loop {
        match chunks.try_next().await {
            Ok(Some(chunk)) => {
                // Whoever has found it takes no more.
                if sender.send(chunk).await.is_err() {
                    break;
                }
            }
            Ok(None) => break,
            Err(error) => {
                tracing::warn!(%error, "an archive could not be read");
                return Err(Error::Unavailable);
            }
        }
    }
    drop(sender);
    let found = finding.await.map_err(|error| {
        tracing::error!(%error, "an archive could not be looked into");
        Error::Internal
    })?;
    found.map_err(|error| {
        Error::Invalid(match error.kind() {
            ErrorKind::FileTooLarge => format!(
                "there is more in the archive than is looked at for this: {UNPACKED_BYTES} bytes, {MAX_FILES} files, and \
                 {FILE_BYTES} bytes of the one that is shown; pull the artifact and look into it there"
            ),
            _ => "the archive cannot be unpacked; push one that can".to_owned(),
        })
    })
}

fn find_in(unpacked: impl Read, wanted: fn(&str) -> bool) -> io::Result<Option<Vec<u8>>> {
    let mut archive = tar::Archive::new(unpacked);
    for (count, entry) in archive.entries()?.enumerate() {
        let mut entry = entry?;
        if count >= MAX_FILES {
            return Err(ErrorKind::FileTooLarge.into());
        }
        let is_wanted = entry.header().entry_type().is_file()
            && std::str::from_utf8(&entry.path_bytes())
                .is_ok_and(|path| wanted(path.trim_start_matches("./")));
        if !is_wanted {
            continue;
        }
        if entry.size() > FILE_BYTES {
            return Err(ErrorKind::FileTooLarge.into());
        }
        let mut content = Vec::new();
        entry.read_to_end(&mut content)?;
        return Ok(Some(content));
    }
    Ok(None)
}

/// What arrives, for whoever reads and waits.
struct Pieces {
    pieces: mpsc::Receiver<Bytes>,
    piece: Bytes,
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match self.pieces.blocking_recv() {
                Some(piece) => self.piece = piece,
                None => return Ok(0),
            }
        }
        let count = buffer.len().min(self.piece.len());
        self.piece.copy_to_slice(&mut buffer[..count]);
        Ok(count)
    }
}

/// What is unpacked, up to a limit.
struct Bounded<R> {
    inner: R,
    left: u64,
}

impl<R> Bounded<R> {
    fn new(inner: R) -> Self {
        Self {
            inner,
            left: UNPACKED_BYTES,
        }
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.left = self
            .left
            .checked_sub(count as u64)
            .ok_or(ErrorKind::FileTooLarge)?;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use futures_util::stream;
    use std::io::Write;

    fn entry(
        archive: &mut tar::Builder<Vec<u8>>,
        path: &str,
        kind: tar::EntryType,
        content: &[u8],
    ) {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        archive
            .append_data(&mut header, path, content)
            .expect("an entry");
    }

    fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut archive = tar::Builder::new(Vec::new());
        for (path, content) in files {
            entry(&mut archive, path, tar::EntryType::Regular, content);
        }
        archive.into_inner().expect("an archive")
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
        gzip.write_all(bytes).expect("bytes");
        gzip.finish().expect("bytes")
    }

    async fn find(bytes: &[u8], packing: Packing) -> Result<Option<Vec<u8>>> {
        let pieces: Vec<Result<Bytes, io::Error>> = bytes
            .chunks(100)
            .map(|piece| Ok(Bytes::copy_from_slice(piece)))
            .collect();
        find_file(stream::iter(pieces), packing, |path| path == "a/wanted").await
    }

    #[tokio::test]
    async fn one_file_is_found_and_others_are_passed_over() {
        let files: [(&str, &[u8]); 4] = [
            ("a/other", &[7; 5000]),
            ("a/b/wanted", b"deeper"),
            ("a/wanted", b"this"),
            ("a/wanted", b"again"),
        ];
        let bytes = archive(&files);
        let found = find(&bytes, Packing::Tar).await;
        assert_eq!(found.ok().flatten().as_deref(), Some(&b"this"[..]));
        let found = find(&gzip(&bytes), Packing::TarGzip).await;
        assert_eq!(found.ok().flatten().as_deref(), Some(&b"this"[..]));
        let found = find(&gzip(&archive(&files[..2])), Packing::TarGzip).await;
        assert!(matches!(found, Ok(None)));
    }

    #[tokio::test]
    async fn a_link_is_no_file() {
        let mut archive = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        archive
            .append_link(&mut header, "a/wanted", "/etc/passwd")
            .expect("a link");
        let bytes = archive.into_inner().expect("an archive");
        assert!(matches!(find(&bytes, Packing::Tar).await, Ok(None)));
    }

    #[tokio::test]
    async fn bombs_are_given_up() {
        let zeros = vec![0; usize::try_from(UNPACKED_BYTES).expect("a size") + 1];
        let large = archive(&[("a/other", &zeros), ("a/wanted", b"this")]);
        let packed = gzip(&large);
        assert!(
            packed.len() < 100_000,
            "it is small before: {}",
            packed.len()
        );
        let one = vec![0; usize::try_from(FILE_BYTES).expect("a size") + 1];
        let many: Vec<(&str, &[u8])> = vec![("a/other", b""); MAX_FILES + 1];
        for bytes in [
            packed,
            gzip(&archive(&[("a/wanted", &one)])),
            gzip(&archive(&many)),
            // The name of an entry as long as an archive may be.
            {
                let mut archive = tar::Builder::new(Vec::new());
                entry(&mut archive, "x", tar::EntryType::GNULongName, &zeros);
                gzip(&archive.into_inner().expect("an archive"))
            },
        ] {
            let found = find(&bytes, Packing::TarGzip).await;
            let Err(Error::Invalid(said)) = found else {
                panic!("{found:?}");
            };
            assert!(said.contains("more in the archive"), "{said}");
        }
    }

    #[tokio::test]
    async fn what_is_no_archive_is_refused() {
        let cut = gzip(&archive(&[("a/other", &[7; 5000])]));
        for bytes in [
            &b"not packed at all"[..],
            &cut[..cut.len() / 2],
            &[0x1f, 0x8b, 8, 0xff],
        ] {
            let found = find(bytes, Packing::TarGzip).await;
            assert!(matches!(found, Err(Error::Invalid(_))), "{found:?}");
        }
        assert!(require_small(PACKED_BYTES).is_ok());
        assert!(require_small(PACKED_BYTES + 1).is_err());
    }
}
