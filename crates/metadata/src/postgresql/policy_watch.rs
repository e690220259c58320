//! Hears of changes of policy that other replicas made: a counter in the database, raised in the transaction of each such
//! change and looked at twice a second. Whoever looks so often also is the first to notice that the server answers nobody.

use super::address::PostgresAddress;
use super::failure::Trouble;
use super::read_replica::Positions;
use super::session::{Limits, Session};
use super::wire::{Pulse, SILENCE};
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
const ASK: &str = "SELECT value, CAST(0 AS BIGINT) FROM deployment WHERE name = 'policy_epoch'";
/// The same, with how far the server's log has come.
const ASK_WITH_POSITION: &str = "SELECT value, CAST(pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0') AS BIGINT) \
     FROM deployment WHERE name = 'policy_epoch'";

/// The thread that looks. It ends when this is dropped.
pub(crate) struct PolicyWatch {
    _until_dropped: Sender<()>,
}

impl PolicyWatch {
    /// Starts looking, on a connection of its own: a busy stock must not make rights stale. Tells `pulse` when the server
    /// does not even answer who logs in, and `positions` how far the server's log has come.
    pub(super) fn start(
        address: PostgresAddress,
        epochs: Arc<Epochs>,
        pulse: Arc<Pulse>,
        positions: Option<Arc<Positions>>,
    ) -> Result<Self> {
        let (until_dropped, end) = channel::<()>();
        let ask = positions.as_ref().map_or(ASK, |_| ASK_WITH_POSITION);
        let look = move || {
            let mut session = None;
            let mut last = None;
            loop {
                let asked = Instant::now();
                match look(&mut session, &address, ask) {
                    Ok((found, position)) => {
                        if let Some(positions) = &positions {
                            positions.note(asked, position);
                        }
                        epochs.heard(asked, last.as_ref() != Some(&found));
                        last = Some(found);
                        tell(&pulse, &address, false);
                    }
                    Err(missed) => {
                        session = None;
                        tell(&pulse, &address, matches!(missed, Missed::Everything));
                    }
                }
                if end.recv_timeout(EVERY) != Err(RecvTimeoutError::Timeout) {
                    return;
                }
            }
        };
        std::thread::Builder::new()
            .name("policy-watch".to_owned())
            .spawn(look)
            .map_err(|error| Error::Unavailable(error.to_string()))?;
        Ok(Self {
            _until_dropped: until_dropped,
        })
    }
}

/// What was not heard.
enum Missed {
    /// The counter. The next look begins with a new connection, which shows whether anyone hears anything.
    Counter,
    /// Any answer at all.
    Everything,
}

fn look(
    session: &mut Option<Session>,
    address: &PostgresAddress,
    ask: &'static str,
) -> Result<(String, i64), Missed> {
    const LIMITS: Limits = Limits {
        connect: SILENCE,
        statement: SILENCE,
    };
    let session = match session {
        Some(session) => session,
        none => {
            // Of its own: who finds out whether the server answers must not go by what was found out before.
            let connected = Session::connect(address, LIMITS, &Arc::default());
            let connected = connected.map_err(|trouble| {
                tracing::debug!(%trouble, "the policy epoch is not known at the moment");
                match trouble {
                    Trouble::Silent(_) => Missed::Everything,
                    Trouble::Driver(_) | Trouble::Ourselves(_) => Missed::Counter,
                }
            })?;
            connected.have_patience(SILENCE);
            none.insert(connected)
        }
    };
    session.begin_reading();
    let found = Connection::postgres(session).get(ask, &[], |row| Ok((row.text(0)?, row.int(1)?)));
    found.map_err(|error| {
        tracing::debug!(%error, "the policy epoch is not known at the moment");
        Missed::Counter
    })
}

fn tell(pulse: &Pulse, address: &PostgresAddress, is_silent: bool) {
    if pulse.set_silent(is_silent) {
        if is_silent {
            tracing::warn!(%address, "the database does not answer; requests that need it are refused until it does");
        } else {
            tracing::info!(%address, "the database answers again");
        }
    }
}
