//! Connections for reading, each used by one thread at a time.

use crate::deadline::Deadline;
use crate::error::Result;
use std::ops::Deref;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// The most connections. Answers take microseconds, so a few serve any number of callers; each costs memory.
const MAX_READERS: usize = 16;

/// How long one answer may take. A reader that never ends would keep the write-ahead log from being reset.
const TIME_LIMIT: Duration = Duration::from_secs(20);

struct ReadConnection {
    connection: rusqlite::Connection,
    deadline: Arc<Deadline>,
}

/// A bounded stock of connections, opened as they are needed.
#[derive(Default)]
pub(crate) struct Readers {
    stock: Mutex<Stock>,
    returned: Condvar,
}

#[derive(Default)]
struct Stock {
    resting: Vec<ReadConnection>,
    open: usize,
}

/// A connection that goes back to the stock when dropped, also when its user panics.
pub(crate) struct Borrowed<'r> {
    readers: &'r Readers,
    connection: Option<ReadConnection>,
}

impl Readers {
    /// Takes a resting connection, opens one, or waits for one to come back.
    pub(crate) fn borrow(
        &self,
        open: impl FnOnce() -> Result<rusqlite::Connection>,
    ) -> Result<Borrowed<'_>> {
        let mut stock = self.stock.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(connection) = stock.resting.pop() {
                return Ok(Borrowed {
                    readers: self,
                    connection: Some(connection),
                }
                .begin());
            }
            if stock.open < MAX_READERS {
                stock.open += 1;
                break;
            }
            stock = self
                .returned
                .wait(stock)
                .unwrap_or_else(PoisonError::into_inner);
        }
        drop(stock);
        let mut borrowed = Borrowed {
            readers: self,
            connection: None,
        };
        let mut connection = open()?;
        let deadline = Deadline::watch(&mut connection)?;
        borrowed.connection = Some(ReadConnection {
            connection,
            deadline,
        });
        Ok(borrowed.begin())
    }

    /// Connections that are open.
    pub(crate) fn count(&self) -> usize {
        self.stock
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .open
    }
}

impl Borrowed<'_> {
    fn begin(self) -> Self {
        if let Some(connection) = &self.connection {
            connection.deadline.set(TIME_LIMIT);
        }
        self
    }
}

impl Deref for Borrowed<'_> {
    type Target = rusqlite::Connection;

    fn deref(&self) -> &Self::Target {
        &self
            .connection
            .as_ref()
            .expect("a borrowed connection is there until it is returned")
            .connection
    }
}

impl Drop for Borrowed<'_> {
    fn drop(&mut self) {
        let mut stock = self
            .readers
            .stock
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        match self.connection.take() {
            Some(connection) => {
                connection.deadline.clear();
                stock.resting.push(connection);
            }
            // It could not be opened.
            None => stock.open -= 1,
        }
        drop(stock);
        self.readers.returned.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    #[test]
    fn a_connection_that_could_not_be_opened_takes_no_place() -> Result<()> {
        let readers = Readers::default();
        for _ in 0..MAX_READERS * 2 {
            let refused = readers.borrow(|| Err(Error::Unavailable("no".to_owned())));
            assert!(refused.is_err());
        }
        drop(readers.borrow(|| Ok(rusqlite::Connection::open_in_memory()?))?);
        assert_eq!(readers.count(), 1);
        Ok(())
    }

    #[test]
    fn callers_beyond_the_last_connection_wait_for_one_to_come_back() -> Result<()> {
        let readers = Readers::default();
        let open = || Ok(rusqlite::Connection::open_in_memory()?);
        let held = (0..MAX_READERS)
            .map(|_| readers.borrow(open))
            .collect::<Result<Vec<_>>>()?;
        std::thread::scope(|scope| {
            let late = scope.spawn(|| readers.borrow(|| Err(Error::TimedOut)).map(drop));
            drop(held);
            late.join().expect("the thread ends")
        })?;
        assert_eq!(readers.count(), MAX_READERS);
        Ok(())
    }
}
