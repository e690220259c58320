//! The one writer of a SQLite database.
//!
//! A thread owns the writing connection. It drains its queue into one transaction, runs each closure inside a
//! savepoint of its own, commits once, and only then lets the answers go. So a push waits for one fsync that it
//! shares with whoever else is pushing, and a closure that fails undoes only itself.

use crate::Tx;
use crate::connection::Connection;
use crate::deadline::Deadline;
use crate::epochs::{Changes, Epochs};
use crate::error::{Error, Result};
use crate::timings::{Cost, Timings};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use tracing::Instrument as _;

/// After a failed flush the kernel may call pages clean that never reached the disk. What was committed after them would
/// be lost with them, so nothing is.
const FAILED_FLUSHES: [i32; 2] = [
    rusqlite::ffi::SQLITE_IOERR_FSYNC,
    rusqlite::ffi::SQLITE_IOERR_DIR_FSYNC,
];
const BROKEN: &str =
    "the disk failed to keep what was written; nothing more is written until a restart";
/// Closures that share one commit at most.
const GROUP: usize = 256;

/// Whether a commit must survive a power cut before it is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Durability {
    /// It survives the end of this process, and a power cut unless that comes within moments.
    Relaxed,
    /// It is on stable storage.
    Durable,
}

/// What a closure left behind: whether its changes stay, and how to answer once that is known to last.
struct Outcome {
    keep: bool,
    cost: Cost,
    changes: Changes,
    answer: Box<dyn FnOnce(Result<()>) + Send>,
}

struct Job {
    durability: Durability,
    run: Box<dyn FnOnce(&rusqlite::Connection) -> Outcome + Send>,
}

/// The way to the writer thread.
pub(crate) struct Writer {
    queue: Option<Sender<Job>>,
    thread: Mutex<Option<std::thread::JoinHandle<()>>>,
}

impl Writer {
    pub(crate) fn start(
        connection: rusqlite::Connection,
        epochs: Arc<Epochs>,
        timings: Arc<Timings>,
        time_limit: Duration,
    ) -> Result<Self> {
        let (queue, jobs) = channel();
        let writer = Loop::new(connection, epochs, timings, time_limit)?;
        let thread = std::thread::Builder::new()
            .name("sqlite-writer".to_owned())
            .spawn(move || writer.run(&jobs))
            .map_err(|error| Error::Unavailable(error.to_string()))?;
        Ok(Self {
            queue: Some(queue),
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Runs a closure in the writer. The closure runs to its end even if the caller stops waiting.
    pub(crate) async fn run<T, E, F>(&self, durability: Durability, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let run = Box::new(move |connection: &rusqlite::Connection| {
            let mut tx = Tx::new(Connection::sqlite_transaction(connection));
            // A panic is a bug in one closure; the others in its group have nothing to do with it.
            let result = catch_unwind(AssertUnwindSafe(|| work(&mut tx))).unwrap_or_else(|_| {
                Err(Error::Database("a transaction panicked".to_owned()).into())
            });
            Outcome {
                keep: result.is_ok(),
                cost: tx.connection.cost(),
                changes: tx.changes,
                answer: Box::new(move |committed: Result<()>| {
                    let result = match (result, committed) {
                        (Ok(_), Err(error)) => Err(error.into()),
                        (result, _) => result,
                    };
                    // Nobody waits any more: the work is done all the same.
                    let _ = reply.send(result);
                }),
            }
        });
        let queue = self.queue.as_ref().ok_or_else(closed)?;
        queue.send(Job { durability, run }).map_err(|_| closed())?;
        let waiting = tracing::info_span!(
            "database.write",
            otel.kind = "client",
            db.system.name = "sqlite"
        );
        answer
            .instrument(waiting)
            .await
            .map_err(|_| E::from(closed()))?
    }
}

impl Drop for Writer {
    /// Lets the queue run empty, so that what was accepted is committed before the process ends.
    fn drop(&mut self) {
        self.queue = None;
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        // The last handle may have been a transaction's own; then this is the writer's thread, which ends by itself.
        if let Some(thread) = thread
            && thread.thread().id() != std::thread::current().id()
        {
            let _ = thread.join();
        }
    }
}

fn closed() -> Error {
    Error::Unavailable("the writer has stopped".to_owned())
}

struct Loop {
    connection: rusqlite::Connection,
    epochs: Arc<Epochs>,
    timings: Arc<Timings>,
    time_limit: Duration,
    deadline: Arc<Deadline>,
    /// How the connection commits at present.
    durability: Cell<Option<Durability>>,
    is_broken: Cell<bool>,
}

impl Loop {
    fn new(
        mut connection: rusqlite::Connection,
        epochs: Arc<Epochs>,
        timings: Arc<Timings>,
        time_limit: Duration,
    ) -> Result<Self> {
        let deadline = Deadline::watch(&mut connection)?;
        Ok(Self {
            connection,
            epochs,
            timings,
            time_limit,
            deadline,
            durability: Cell::new(None),
            is_broken: Cell::new(false),
        })
    }

    fn run(self, jobs: &Receiver<Job>) {
        while let Ok(first) = jobs.recv() {
            let mut group = vec![first];
            while group.len() < GROUP {
                match jobs.try_recv() {
                    Ok(job) => group.push(job),
                    Err(_) => break,
                }
            }
            let mut waiting = group.into_iter();
            while waiting.len() > 0 {
                self.run_group(&mut waiting);
            }
        }
    }

    /// Runs and answers those of `waiting` that share a transaction: all of them, unless one brings it to its end.
    fn run_group(&self, waiting: &mut std::vec::IntoIter<Job>) {
        let begun = Instant::now();
        let (outcomes, committed) = self.commit(waiting);
        self.timings.commit(begun.elapsed(), outcomes.len());
        // Epochs before answers: whoever hears of a change must not meet a cached value from before it.
        for outcome in &outcomes {
            self.timings.spent(outcome.cost);
            if outcome.keep && committed.is_ok() {
                self.epochs.apply(&outcome.changes);
            }
        }
        for outcome in outcomes {
            let result = match &committed {
                Ok(()) => Ok(()),
                Err(error) => Err(Error::Unavailable(error.to_string())),
            };
            (outcome.answer)(result);
        }
    }

    /// Runs a group in one transaction. Whoever could not even start is answered by the closing of its channel.
    fn commit(&self, waiting: &mut std::vec::IntoIter<Job>) -> (Vec<Outcome>, Result<()>) {
        let durability = waiting
            .as_slice()
            .iter()
            .map(|job| job.durability)
            .max()
            .unwrap_or(Durability::Durable);
        if let Err(error) = self.begin(durability) {
            tracing::error!(%error, "the database refuses to begin a transaction");
            waiting.for_each(drop);
            return (Vec::new(), Err(error));
        }
        let mut outcomes = Vec::with_capacity(waiting.len());
        for job in waiting {
            let (outcome, settled) = self.run_in_savepoint(job);
            outcomes.extend(outcome);
            if let Err(error) = settled {
                tracing::error!(%error, "a transaction ended before its commit; what ran in it is refused");
                if !self.connection.is_autocommit() {
                    let _ = self.connection.execute_batch("ROLLBACK");
                }
                return (outcomes, Err(error));
            }
        }
        let committed = self.finish();
        (outcomes, committed)
    }

    fn begin(&self, durability: Durability) -> Result<()> {
        // In WAL mode NORMAL leaves out only the fsync of the commit; a later FULL commit makes it durable too.
        if self.is_broken.get() {
            return Err(Error::Unavailable(BROKEN.to_owned()));
        }
        if self.durability.replace(Some(durability)) != Some(durability) {
            self.execute(match durability {
                Durability::Durable => "PRAGMA synchronous = FULL",
                Durability::Relaxed => "PRAGMA synchronous = NORMAL",
            })?;
        }
        self.execute("BEGIN IMMEDIATE")
    }

    /// Runs one closure. An error means that the whole transaction cannot go on: SQLite ends it by itself when a
    /// statement that writes is interrupted, or finds the disk full.
    fn run_in_savepoint(&self, job: Job) -> (Option<Outcome>, Result<()>) {
        if let Err(error) = self.execute("SAVEPOINT job") {
            return (None, Err(error));
        }
        self.deadline.set(self.time_limit);
        let outcome = (job.run)(&self.connection);
        self.deadline.clear();
        if self.connection.is_autocommit() {
            let ended = Error::Unavailable("another transaction of its group failed".to_owned());
            return (Some(outcome), Err(ended));
        }
        let undone = if outcome.keep {
            Ok(())
        } else {
            self.execute("ROLLBACK TO job")
        };
        let settled = undone.and_then(|()| self.execute("RELEASE job"));
        (Some(outcome), settled)
    }

    fn execute(&self, sql: &'static str) -> Result<()> {
        self.connection.prepare_cached(sql)?.execute([])?;
        Ok(())
    }

    fn finish(&self) -> Result<()> {
        let committed = self
            .connection
            .prepare_cached("COMMIT")
            .and_then(|mut commit| commit.execute([]));
        if let Err(error) = &committed {
            tracing::error!(%error, "a commit failed; every member of the group is refused");
            if error
                .sqlite_error()
                .is_some_and(|error| FAILED_FLUSHES.contains(&error.extended_code))
            {
                tracing::error!("{BROKEN}");
                self.is_broken.set(true);
            }
            if !self.connection.is_autocommit() {
                let _ = self.connection.execute_batch("ROLLBACK");
            }
        }
        committed?;
        Ok(())
    }
}
