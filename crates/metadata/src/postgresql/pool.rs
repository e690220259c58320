//! Connections to PostgreSQL: a bounded stock, opened as they are needed.

use super::address::PostgresAddress;
use super::failure::remedy;
use super::session::{Limits, Session};
use super::wire::Pulse;
use crate::error::{Error, Result};
use std::ops::Deref;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A connection that rested for longer is asked whether it is alive before it is used.
const MAY_BE_DEAD_AFTER: Duration = Duration::from_secs(30);

struct Resting {
    session: Session,
    since: Instant,
}

/// The stock. Whoever takes from it has a permit from elsewhere, which is what bounds it.
pub(crate) struct Pool {
    address: PostgresAddress,
    limits: Limits,
    pulse: Arc<Pulse>,
    resting: Mutex<Vec<Resting>>,
    open: AtomicUsize,
}

/// A connection that goes back when dropped, unless it is of no use any more.
pub(crate) struct Borrowed<'p> {
    pool: &'p Pool,
    session: Option<Session>,
}

impl Pool {
    pub(super) fn new(address: PostgresAddress, limits: Limits, pulse: Arc<Pulse>) -> Self {
        Self {
            address,
            limits,
            pulse,
            resting: Mutex::new(Vec::new()),
            open: AtomicUsize::new(0),
        }
    }

    /// Takes the connection that was used last, or opens one.
    pub(crate) fn take(&self) -> Result<Borrowed<'_>> {
        loop {
            let Some(Resting { session, since }) = self.lock().pop() else {
                return self.open();
            };
            let borrowed = self.lend(session);
            if since.elapsed() < MAY_BE_DEAD_AFTER || borrowed.is_alive() {
                return Ok(borrowed);
            }
            borrowed.discard();
        }
    }

    /// Opens a connection whatever is there.
    pub(crate) fn open(&self) -> Result<Borrowed<'_>> {
        self.require_answers()?;
        let session = Session::connect(&self.address, self.limits, &self.pulse);
        let session = session.map_err(|trouble| {
            let remedy = remedy(&trouble);
            Error::Unavailable(format!(
                "no connection to {}: {trouble}; {remedy}",
                self.address
            ))
        })?;
        self.open.fetch_add(1, Ordering::Relaxed);
        Ok(self.lend(session))
    }

    /// Fails while the server is known to answer nobody: one asks it then, and not everyone.
    pub(super) fn require_answers(&self) -> Result<()> {
        if self.pulse.is_silent() {
            let address = &self.address;
            return Err(Error::Unavailable(format!("{address} does not answer")));
        }
        Ok(())
    }

    /// Closes what rests: the server has gone, and most likely all of it with it.
    pub(crate) fn forget_resting(&self) {
        let resting = std::mem::take(&mut *self.lock());
        self.open.fetch_sub(resting.len(), Ordering::Relaxed);
        drop(resting);
    }

    /// Connections that are open.
    pub(crate) fn count(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    fn lend(&self, session: Session) -> Borrowed<'_> {
        Borrowed {
            pool: self,
            session: Some(session),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Resting>> {
        self.resting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Borrowed<'_> {
    /// Closes the connection.
    pub(crate) fn discard(mut self) {
        self.session = None;
        self.pool.open.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Deref for Borrowed<'_> {
    type Target = Session;

    fn deref(&self) -> &Self::Target {
        self.session
            .as_ref()
            .expect("a borrowed connection is there until it is returned")
    }
}

impl Drop for Borrowed<'_> {
    fn drop(&mut self) {
        let Some(session) = self.session.take() else {
            return;
        };
        // A panic may have left a question half asked.
        if session.is_spent() || std::thread::panicking() {
            self.pool.open.fetch_sub(1, Ordering::Relaxed);
            return;
        }
        self.pool.lock().push(Resting {
            session,
            since: Instant::now(),
        });
    }
}
