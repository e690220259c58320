//! A disk that misbehaves on request: for tests.
//!
//! [`FaultyDisk`] stands between a store and a real, initially empty directory. It writes down every
//! call, lets chosen calls fail, and knows what has been flushed: after [`FaultyDisk::power_cut`] the
//! directory holds what a disk may hold after a power cut. It is as unkind as POSIX allows: without a
//! flush of the file, each write is kept, lost or torn, independently of the others; without a flush of
//! the directory, each new, changed or removed name is kept or lost. Only one thing is certain: a rename
//! does not lose both names. After a flush that failed, what it should have flushed is lost.

mod content;

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{self, IoSlice};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::io::Errno;

use self::content::{Change, ChangeKind, Node, Random};
use crate::disk::{Access, Disk, RealDisk};

/// What a call asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "named like the methods of `Disk`")]
pub enum Operation {
    CreateDir,
    Open,
    Create,
    Write,
    SetLen,
    StartWriteback,
    SyncData,
    SyncAll,
    SyncDir,
    Rename,
    Remove,
}

/// One call, in the order they came. Reading and looking are not counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// What was asked for.
    pub operation: Operation,
    /// Of which file, relative to the store's directory; for a rename its new name.
    pub path: PathBuf,
}

/// What happens instead of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It fails with EIO.
    Io,
    /// It fails with ENOSPC.
    NoSpace,
    /// A write writes half of what it was given; another call does what it should.
    ShortWrite,
    /// It fails, and so does every later call until [`FaultyDisk::power_cut`].
    PowerOff,
}

/// See the [module](self).
#[derive(Debug)]
pub struct FaultyDisk {
    root: PathBuf,
    state: Mutex<State>,
}

type NodeId = usize;

#[derive(Debug, Default)]
struct State {
    calls: Vec<Call>,
    faults: HashMap<usize, Fault>,
    is_off: bool,
    is_full: bool,
    /// Files by what they are, whatever their names.
    nodes: Vec<Node>,
    /// Inode number of the real file → node.
    inodes: HashMap<u64, (NodeId, PathBuf)>,
    /// Names at the start, or at the last power cut.
    tree: BTreeMap<PathBuf, Entry>,
    /// What happened to names since.
    names: Vec<NameChange>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Entry {
    Directory,
    File(NodeId),
}

#[derive(Debug)]
struct NameChange {
    path: PathBuf,
    entry: Option<Entry>,
    is_durable: bool,
    /// The change that cannot be lost if this one is kept: an index into `names`.
    requires: Option<usize>,
}

impl State {
    fn find(&self, file: &File) -> io::Result<&(NodeId, PathBuf)> {
        let found = self.inodes.get(&file.metadata()?.ino());
        Ok(found.ok_or(Errno::BADF)?)
    }

    fn node(&mut self, file: &File) -> io::Result<&mut Node> {
        let id = self.find(file)?.0;
        Ok(&mut self.nodes[id])
    }

    fn change_name(&mut self, path: &Path, entry: Option<Entry>, requires: Option<usize>) -> usize {
        let path = path.to_owned();
        self.names.push(NameChange {
            path,
            entry,
            is_durable: false,
            requires,
        });
        self.names.len() - 1
    }

    /// Writes a call down, and lets it fail if that was asked for.
    fn begin(&mut self, operation: Operation, path: PathBuf) -> io::Result<Option<Fault>> {
        if self.is_off {
            return Err(Errno::IO.into());
        }
        let fault = self.faults.remove(&self.calls.len());
        self.calls.push(Call { operation, path });
        if self.is_full && matches!(operation, Operation::Write | Operation::Create) {
            return Err(Errno::NOSPC.into());
        }
        self.is_off = fault == Some(Fault::PowerOff);
        match fault {
            Some(Fault::Io | Fault::PowerOff) => Err(Errno::IO.into()),
            Some(Fault::NoSpace) => Err(Errno::NOSPC.into()),
            other => Ok(other),
        }
    }

    /// Puts on the disk what survived a power cut.
    fn rebuild(&mut self, tree: BTreeMap<PathBuf, Entry>, contents: &[Vec<u8>]) -> io::Result<()> {
        let mut placed: HashMap<NodeId, (NodeId, PathBuf)> = HashMap::new();
        for (path, entry) in tree {
            let entry = match entry {
                Entry::Directory => {
                    RealDisk.create_dir(&path)?;
                    Entry::Directory
                }
                Entry::File(old) => {
                    if let Some((id, first)) = placed.get(&old) {
                        std::fs::hard_link(first, &path)?;
                        Entry::File(*id)
                    } else {
                        std::fs::write(&path, &contents[old])?;
                        let id = self.nodes.len();
                        self.nodes.push(Node::flushed(contents[old].clone()));
                        let inode = std::fs::metadata(&path)?.ino();
                        self.inodes.insert(inode, (id, path.clone()));
                        placed.insert(old, (id, path.clone()));
                        Entry::File(id)
                    }
                }
            };
            self.tree.insert(path, entry);
        }
        Ok(())
    }
}

impl FaultyDisk {
    /// Over an existing, empty directory.
    pub fn new(root: &Path) -> Self {
        let mut state = State::default();
        state.tree.insert(root.to_owned(), Entry::Directory);
        Self {
            root: root.to_owned(),
            state: Mutex::new(state),
        }
    }

    /// All calls since the start or the last power cut.
    pub fn calls(&self) -> Vec<Call> {
        self.state().calls.clone()
    }

    /// How many calls there have been.
    pub fn call_count(&self) -> usize {
        self.state().calls.len()
    }

    /// Lets the call with this number fail; 0 is the next one.
    pub fn fail_after(&self, calls: usize, fault: Fault) {
        let mut state = self.state();
        let at = state.calls.len() + calls;
        state.faults.insert(at, fault);
    }

    /// Whether new files and writes fail with ENOSPC from now on.
    pub fn set_full(&self, is_full: bool) {
        self.state().is_full = is_full;
    }

    /// Leaves in the directory what the seed makes of it, and turns the power on again. Close every
    /// file before.
    pub fn power_cut(&self, seed: u64) -> io::Result<()> {
        let mut random = Random(seed);
        let mut state = self.state();
        let old = std::mem::take(&mut *state);
        let mut kept: Vec<bool> = old
            .names
            .iter()
            .map(|change| change.is_durable || random.below(2) == 0)
            .collect();
        for (at, change) in old.names.iter().enumerate() {
            kept[at] &= change.is_durable || change.requires.is_none_or(|required| kept[required]);
        }
        let mut tree = old.tree;
        for (change, _) in old.names.into_iter().zip(kept).filter(|(_, kept)| *kept) {
            match change.entry {
                Some(entry) => _ = tree.insert(change.path, entry),
                None => _ = tree.remove(&change.path),
            }
        }
        let contents: Vec<_> = old
            .nodes
            .into_iter()
            .map(|node| node.after_power_cut(&mut random))
            .collect();
        // In the order of paths a directory comes before what it holds: what a lost one held goes too.
        let mut reachable = BTreeMap::new();
        for (path, entry) in tree {
            let parent = path.parent();
            if path == self.root || parent.is_some_and(|parent| reachable.contains_key(parent)) {
                reachable.insert(path, entry);
            }
        }
        clear(&self.root, &reachable)?;
        state.rebuild(reachable, &contents)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn relative(&self, path: &Path) -> PathBuf {
        path.strip_prefix(&self.root).unwrap_or(path).to_owned()
    }

    fn path_of(&self, state: &State, file: &File) -> io::Result<PathBuf> {
        Ok(self.relative(&state.find(file)?.1))
    }

    fn sync(&self, operation: Operation, file: &File) -> io::Result<()> {
        let mut state = self.state();
        let path = self.path_of(&state, file)?;
        let begun = state.begin(operation, path);
        let node = state.node(file)?;
        if begun.is_err() {
            node.pending
                .iter_mut()
                .for_each(|change| change.is_doomed = true);
        } else {
            node.flush();
        }
        begun.map(drop)
    }
}

/// Removes all files, and the directories that are not to be there.
fn clear(directory: &Path, tree: &BTreeMap<PathBuf, Entry>) -> io::Result<()> {
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        if !path.is_dir() {
            std::fs::remove_file(&path)?;
            continue;
        }
        clear(&path, tree)?;
        if !tree.contains_key(&path) {
            std::fs::remove_dir(&path)?;
        }
    }
    Ok(())
}

impl Disk for FaultyDisk {
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.begin(Operation::CreateDir, self.relative(path))?;
        let is_new = !path.exists();
        RealDisk.create_dir(path)?;
        if is_new {
            state.change_name(path, Some(Entry::Directory), None);
        }
        Ok(())
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<File> {
        let mut state = self.state();
        let is_new = access == Access::Create;
        let operation = if is_new {
            Operation::Create
        } else {
            Operation::Open
        };
        state.begin(operation, self.relative(path))?;
        let file = RealDisk.open(path, access)?;
        if is_new {
            let id = state.nodes.len();
            state.nodes.push(Node::default());
            state
                .inodes
                .insert(file.metadata()?.ino(), (id, path.to_owned()));
            state.change_name(path, Some(Entry::File(id)), None);
        }
        Ok(file)
    }

    fn write_at(&self, file: &File, parts: &[IoSlice<'_>], offset: u64) -> io::Result<usize> {
        let mut state = self.state();
        let path = self.path_of(&state, file)?;
        let fault = state.begin(Operation::Write, path)?;
        let mut data = parts
            .iter()
            .flat_map(|part| part.iter().copied())
            .collect::<Vec<u8>>();
        if fault == Some(Fault::ShortWrite) {
            data.truncate(data.len().div_ceil(2));
        }
        let written = RealDisk.write_at(file, &[IoSlice::new(&data)], offset)?;
        data.truncate(written);
        let offset = usize::try_from(offset).map_err(io::Error::other)?;
        let kind = ChangeKind::Write { offset, data };
        state.node(file)?.pending.push(Change {
            kind,
            is_doomed: false,
        });
        Ok(written)
    }

    fn set_len(&self, file: &File, len: u64) -> io::Result<()> {
        let mut state = self.state();
        let path = self.path_of(&state, file)?;
        state.begin(Operation::SetLen, path)?;
        RealDisk.set_len(file, len)?;
        let kind = ChangeKind::SetLen(usize::try_from(len).map_err(io::Error::other)?);
        state.node(file)?.pending.push(Change {
            kind,
            is_doomed: false,
        });
        Ok(())
    }

    fn start_writeback(&self, file: &File, offset: u64, len: u64) -> io::Result<()> {
        let mut state = self.state();
        let path = self.path_of(&state, file)?;
        state.begin(Operation::StartWriteback, path)?;
        RealDisk.start_writeback(file, offset, len)
    }

    fn sync_data(&self, file: &File) -> io::Result<()> {
        self.sync(Operation::SyncData, file)
    }

    fn sync_all(&self, file: &File) -> io::Result<()> {
        self.sync(Operation::SyncAll, file)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.begin(Operation::SyncDir, self.relative(path))?;
        for at in 0..state.names.len() {
            if state.names[at].path.parent() == Some(path) {
                state.names[at].is_durable = true;
                if let Some(required) = state.names[at].requires {
                    state.names[required].is_durable = true;
                }
            }
        }
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.begin(Operation::Rename, self.relative(to))?;
        let inode = std::fs::metadata(from)?.ino();
        RealDisk.rename(from, to)?;
        let entry = state.inodes.get_mut(&inode).ok_or(Errno::BADF)?;
        to.clone_into(&mut entry.1);
        let id = entry.0;
        let arrived = state.change_name(to, Some(Entry::File(id)), None);
        state.change_name(from, None, Some(arrived));
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.begin(Operation::Remove, self.relative(path))?;
        RealDisk.remove(path)?;
        state.change_name(path, None, None);
        Ok(())
    }
}
