//! Small real files for blobs, written beside the rows.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

use anyhow::{Context as _, anyhow};

/// Files that may wait to be written.
const WAITING: usize = 10_000;

/// A thread that writes files into a blob store.
pub(in crate::scale) struct Files {
    queue: SyncSender<(String, String)>,
    thread: JoinHandle<anyhow::Result<()>>,
}

impl Files {
    /// For the store in this directory, which the registry has made.
    pub(super) fn start(store: &Path) -> anyhow::Result<Self> {
        let blobs = store.join("blobs");
        anyhow::ensure!(blobs.is_dir(), "{} is not there", blobs.display());
        let (queue, waiting) = sync_channel::<(String, String)>(WAITING);
        let thread = std::thread::spawn(move || {
            for (location, content) in waiting {
                let file = path_of(&blobs, &location);
                std::fs::write(&file, content)
                    .with_context(|| format!("cannot write {}", file.display()))?;
            }
            Ok(())
        });
        Ok(Self { queue, thread })
    }

    pub(super) fn write(&self, location: &str, content: &str) -> anyhow::Result<()> {
        self.queue
            .send((location.to_owned(), content.to_owned()))
            .map_err(|_| anyhow!("files cannot be written"))
    }

    /// Waits until everything is written.
    pub(super) fn finish(self) -> anyhow::Result<()> {
        drop(self.queue);
        self.thread
            .join()
            .map_err(|_| anyhow!("the thread that writes files panicked"))?
    }
}

fn path_of(blobs: &Path, location: &str) -> PathBuf {
    let shard = &location[location.len() - 2..];
    blobs.join(shard).join(location)
}
