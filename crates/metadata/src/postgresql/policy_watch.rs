//! Hears of changes of policy that other replicas made: a counter in the database, raised in the transaction of each such
//! change and looked at twice a second.

use super::address::PostgresAddress;
use super::session::{Limits, Session};
use crate::connection::Connection;
use crate::epochs::Epochs;
use crate::error::{Error, Result};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

/// How often the counter is looked at.
const EVERY: Duration = Duration::from_millis(500);

/// Makes the counter. A deployment has one from its first start on.
pub(crate) const CREATE: &str = "INSERT INTO deployment (name, value) VALUES ('policy_epoch', '0') \
     ON CONFLICT (name) DO NOTHING";
/// Raises it. Transactions that do wait for each other from here to their commit, so it comes last.
pub(crate) const RAISE: &str = "UPDATE deployment SET value = CAST(CAST(value AS BIGINT) + 1 AS TEXT) \
     WHERE name = 'policy_epoch'";
const ASK: &str = "SELECT value FROM deployment WHERE name = 'policy_epoch'";

/// The thread that looks. It ends when this is dropped.
pub(crate) struct PolicyWatch {
    _until_dropped: Sender<()>,
}

impl PolicyWatch {
    /// Starts looking, on a connection of its own: a busy stock must not make rights stale.
    pub(crate) fn start(
        address: PostgresAddress,
        limits: Limits,
        epochs: Arc<Epochs>,
    ) -> Result<Self> {
        let (until_dropped, end) = channel::<()>();
        std::thread::Builder::new()
            .name("policy-watch".to_owned())
            .spawn(move || {
                let mut session = None;
                let mut last = None;
                loop {
                    let asked = Instant::now();
                    match look(&mut session, &address, limits) {
                        Ok(found) => {
                            epochs.heard(asked, last.as_ref() != Some(&found));
                            last = Some(found);
                        }
                        Err(error) => {
                            tracing::debug!(%error, "the policy epoch is not known at the moment");
                            session = None;
                        }
                    }
                    if end.recv_timeout(EVERY) != Err(RecvTimeoutError::Timeout) {
                        return;
                    }
                }
            })
            .map_err(|error| Error::Unavailable(error.to_string()))?;
        Ok(Self {
            _until_dropped: until_dropped,
        })
    }
}

fn look(
    session: &mut Option<Session>,
    address: &PostgresAddress,
    limits: Limits,
) -> Result<String> {
    let session = match session {
        Some(session) => session,
        none => none.insert(Session::connect(address, limits)?),
    };
    session.begin_reading();
    Connection::postgres(session).get(ASK, &[], |row| row.text(0))
}
