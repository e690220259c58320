//! A standby that follows the server and answers lists in its place. What it shows may be old, by no more than a limit:
//! the primary is asked for its position in the log again and again, and who has come to a position shows everything that
//! was answered before it was asked for. No clock of another machine counts.

use super::address::PostgresAddress;
use super::failure::{Failure, Trouble, classify, remedy};
use super::pool::Pool;
use super::session::{Limits, Session};
use super::wire::Pulse;
use crate::Reader;
use crate::connection::Connection;
use crate::error::{Error, Result};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// For so long it is not asked after it was too old or did not answer.
const PASSED_OVER: Duration = Duration::from_secs(2);
/// The primary answers instead, so not much time is lost on it.
const CONNECT: Duration = Duration::from_secs(2);
const ANSWER: Duration = Duration::from_secs(5);

const OTHER_DATA: &str = "holds other data than the server and database in url";

/// Where lists are read, if not from the primary.
#[derive(Clone, Debug)]
pub struct ReadReplicaOptions {
    /// A standby that follows the primary by streaming.
    pub address: PostgresAddress,
    /// The oldest that a list may be; at least 2 s.
    pub max_lag: Duration,
}

/// Where the primary was, and when.
pub(super) struct Positions {
    /// Both parts grow from front to back.
    samples: Mutex<VecDeque<(Instant, i64)>>,
    keep: Duration,
}

impl Positions {
    fn new(keep: Duration) -> Arc<Self> {
        Arc::new(Self {
            samples: Mutex::default(),
            keep,
        })
    }

    /// Notes where the primary was when it was asked at `asked`.
    pub(super) fn note(&self, asked: Instant, position: i64) {
        let mut samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        while samples
            .front()
            .is_some_and(|(at, _)| asked.saturating_duration_since(*at) > self.keep)
        {
            samples.pop_front();
        }
        match samples.back_mut() {
            Some((at, known)) if *known == position => *at = asked,
            // Another primary, which knows less: what was noted of the old one says nothing of it.
            Some((_, known)) if *known > position => {
                samples.clear();
                samples.push_back((asked, position));
            }
            _ => samples.push_back((asked, position)),
        }
    }

    /// Everything that was answered before this moment is shown by one who has come to `position`.
    fn shown_until(&self, position: i64) -> Option<Instant> {
        let samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        let later = samples.partition_point(|(_, known)| *known <= position);
        samples.get(later.checked_sub(1)?).map(|(at, _)| *at)
    }
}

/// Which data a server holds: a standby's are a copy of its primary's.
#[derive(Debug, PartialEq, Eq)]
struct Identity {
    system: String,
    database: String,
}

/// What a server says of itself.
struct Standing {
    identity: Identity,
    is_standby: bool,
    /// How much of the primary's log it shows.
    position: i64,
}

impl Standing {
    fn of(session: &Session) -> Result<Self> {
        const SQL: &str = "SELECT CAST(system_identifier AS TEXT), CAST(current_database() AS TEXT), \
             CASE WHEN pg_is_in_recovery() THEN 1 ELSE 0 END, \
             COALESCE(CAST(pg_wal_lsn_diff(pg_last_wal_replay_lsn(), '0/0') AS BIGINT), 0) FROM pg_control_system()";
        Connection::postgres(session).get(SQL, &[], |row| {
            Ok(Self {
                identity: Identity {
                    system: row.text(0)?,
                    database: row.text(1)?,
                },
                is_standby: row.flag(2)?,
                position: row.int(3)?,
            })
        })
    }

    fn require_standby_of(&self, primary: &Identity) -> Result<(), &'static str> {
        if !self.is_standby {
            Err("is no standby: it takes writes")
        } else if self.identity != *primary {
            Err(OTHER_DATA)
        } else {
            Ok(())
        }
    }
}

/// Two servers that began as copies of one have the same identity. What they hold may be different things since.
fn require_same_deployment(standby: &Session, primary: &Session) -> Result<(), &'static str> {
    let deployment = |session| {
        let reader = Reader {
            connection: Connection::postgres(session),
        };
        // A standby that is behind may not even have the table.
        reader.find_deployment_value("deployment_key_id").ok()?
    };
    match (deployment(standby), deployment(primary)) {
        (Some(there), Some(here)) if there != here => Err(OTHER_DATA),
        _ => Ok(()),
    }
}

pub(super) struct ReadReplica {
    pool: Pool,
    address: PostgresAddress,
    primary: Identity,
    positions: Arc<Positions>,
    max_lag: Duration,
    turns: Arc<Semaphore>,
    opened: Instant,
    /// In milliseconds since `opened`.
    passed_over_until_ms: AtomicU64,
    is_passed_over: AtomicBool,
}

impl ReadReplica {
    /// Makes sure that it is a standby of the server behind `primary`. One that is away is no obstacle: lists are read from
    /// the primary until it comes.
    pub(super) fn open(
        options: &ReadReplicaOptions,
        primary: &Session,
        connections: usize,
    ) -> Result<Self> {
        let address = options.address.clone();
        let limits = Limits {
            connect: CONNECT,
            statement: ANSWER,
        };
        let identity = Standing::of(primary)?.identity;
        let refused = |why: &str, remedy: &str| {
            Error::Unavailable(format!("read_url: {address} {why}; {remedy}"))
        };
        match Session::connect(&address, limits, &Arc::default()) {
            Ok(session) => {
                let standing = Standing::of(&session)?;
                standing
                    .require_standby_of(&identity)
                    .and_then(|()| require_same_deployment(&session, primary))
                    .map_err(|why| {
                        refused(
                            why,
                            "name a standby of that server, or leave read_url empty",
                        )
                    })?;
            }
            Err(trouble) if is_passing(&trouble) => {
                tracing::warn!(%address, %trouble, "the read replica is away; lists are read from the primary");
            }
            Err(trouble) => {
                let why = format!("takes no connection: {trouble}");
                return Err(refused(&why, remedy(&trouble)));
            }
        }
        Ok(Self {
            pool: Pool::new(address.clone(), limits, Arc::new(Pulse::default())),
            address,
            primary: identity,
            positions: Positions::new(options.max_lag),
            max_lag: options.max_lag,
            turns: Arc::new(Semaphore::new(connections)),
            opened: Instant::now(),
            passed_over_until_ms: AtomicU64::new(0),
            is_passed_over: AtomicBool::new(false),
        })
    }

    /// To be told where the primary is.
    pub(super) fn positions(&self) -> &Arc<Positions> {
        &self.positions
    }

    /// A place among those who ask it, unless it is of no use at the moment or all are taken.
    pub(super) fn turn(&self) -> Option<OwnedSemaphorePermit> {
        if self.now_ms() < self.passed_over_until_ms.load(Ordering::Relaxed) {
            return None;
        }
        self.turns.clone().try_acquire_owned().ok()
    }

    /// Its answer. `None` asks for the primary's: it is too old, has failed, or says no, which the primary may know better.
    pub(super) fn answer<T, E: From<Error>>(
        &self,
        question: &impl Fn(&Reader<'_>) -> Result<T, E>,
    ) -> Option<T> {
        match self.ask(question) {
            Ok(answer) => {
                if self.is_passed_over.swap(false, Ordering::Relaxed) {
                    let address = &self.address;
                    tracing::info!(%address, "the read replica answers lists again");
                }
                answer.ok()
            }
            Err(error) => {
                let until_ms = self.now_ms() + millis(PASSED_OVER);
                self.passed_over_until_ms.store(until_ms, Ordering::Relaxed);
                if !self.is_passed_over.swap(true, Ordering::Relaxed) {
                    let address = &self.address;
                    tracing::warn!(%address, %error, "the read replica is passed over; lists are read from the primary");
                }
                None
            }
        }
    }

    fn ask<T, E: From<Error>>(
        &self,
        question: impl Fn(&Reader<'_>) -> Result<T, E>,
    ) -> Result<Result<T, E>> {
        let session = self.pool.take()?;
        session.begin_reading();
        session.have_patience(CONNECT);
        let fresh = self.require_fresh(&session);
        if let Err(error) = fresh {
            // It may have broken with all the others, or lead to another server than it did.
            session.discard();
            self.pool.forget_resting();
            return Err(error);
        }
        session.have_patience(ANSWER + Duration::from_secs(1));
        let answer = question(&Reader {
            connection: Connection::postgres(&session),
        });
        match session.failure() {
            None => Ok(answer),
            Some(failure) => {
                if failure == Failure::Lost {
                    self.pool.forget_resting();
                }
                Err(Error::Unavailable("a list failed there".to_owned()))
            }
        }
    }

    /// Asks the server behind this connection, unless what it said last still holds: it never goes back.
    fn require_fresh(&self, session: &Session) -> Result<()> {
        if session.good_until() > Some(Instant::now()) {
            return Ok(());
        }
        let standing = Standing::of(session)?;
        let unavailable = |why: String| Err(Error::Unavailable(why));
        if let Err(why) = standing.require_standby_of(&self.primary) {
            return unavailable(why.to_owned());
        }
        let shown_until = self.positions.shown_until(standing.position);
        let good_until = shown_until.map(|shown_until| shown_until + self.max_lag);
        if good_until <= Some(Instant::now()) {
            let limit = self.max_lag.as_secs();
            return unavailable(format!("it is more than {limit} s behind"));
        }
        session.set_good_until(good_until);
        Ok(())
    }

    fn now_ms(&self) -> u64 {
        millis(self.opened.elapsed())
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Whether a standby that cannot be reached may be there a little later, and the settings be right.
fn is_passing(trouble: &Trouble) -> bool {
    let (failure, error) = classify(trouble);
    let is_certificate =
        matches!(trouble, Trouble::Driver(error) if error.to_string().contains("TLS"));
    let is_refusal = failure != Failure::Lost && matches!(error, Error::Database(_));
    !is_certificate && !is_refusal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_come_to_a_position_shows_what_was_answered_before_it_was_asked_for() {
        let positions = Positions::new(Duration::from_secs(10));
        assert_eq!(positions.shown_until(i64::MAX), None);
        let begun = Instant::now();
        let at = |secs| begun + Duration::from_secs(secs);
        for (secs, position) in [(0, 100), (1, 200), (2, 200), (3, 300)] {
            positions.note(at(secs), position);
        }
        assert_eq!(positions.shown_until(99), None);
        assert_eq!(positions.shown_until(100), Some(at(0)));
        assert_eq!(positions.shown_until(199), Some(at(0)));
        // Nothing happened there for a while.
        assert_eq!(positions.shown_until(200), Some(at(2)));
        assert_eq!(positions.shown_until(1000), Some(at(3)));
        positions.note(at(12), 400);
        assert_eq!(
            positions.shown_until(100),
            None,
            "too long ago to be of use"
        );
        assert_eq!(positions.shown_until(200), Some(at(2)));
        positions.note(at(13), 50);
        assert_eq!(positions.shown_until(400), Some(at(13)));
        assert_eq!(positions.shown_until(49), None);
    }
}
