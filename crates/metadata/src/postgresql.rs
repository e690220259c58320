//! PostgreSQL: how it is opened, and how questions and transactions run there.
//!
//! Any number of processes work on one database at a time. A transaction runs at READ COMMITTED beside all others; it is
//! run again when the database ended it in favour of another, or when its connection was lost before its commit was
//! sent. Questions and transactions run on threads that may wait, each with a connection of its own.

mod address;
mod examining;
mod failure;
mod policy_watch;
mod pool;
mod read_replica;
mod requirements;
mod session;
mod values;
mod wire;

pub use address::PostgresAddress;
pub(crate) use examining::examine;
pub(crate) use failure::Failure;
pub use read_replica::ReadReplicaOptions;
pub(crate) use session::Session;
pub(crate) use values::Int;

use crate::connection::Connection;
use crate::epochs::Epochs;
use crate::error::{Error, Result};
use crate::schema::{self, SchemaVersions};
use crate::timings::Timings;
use crate::writer::Durability;
use crate::{Reader, Tx};
use policy_watch::PolicyWatch;
use pool::{Borrowed, Pool};
use read_replica::ReadReplica;
use requirements::require_usable;
use session::Limits;
use std::hash::{BuildHasher as _, RandomState};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tracing::Instrument as _;
use wire::Pulse;

/// Times that a transaction is begun before its conflict with others is an error, and from which on it goes alone.
const ATTEMPTS: u32 = 16;
const ALONE_FROM: u32 = 3;
/// Making a schema, or waiting for another replica that does, takes no longer.
const UPGRADE: Duration = Duration::from_hours(2);
/// The longest pause before the next attempt; it doubles up to this.
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

/// How to reach the database.
#[derive(Clone, Debug)]
pub struct PostgresOptions {
    /// Where it is.
    pub address: PostgresAddress,
    /// The most connections of this process, besides one that watches for changes of policy; at least 4.
    pub connections: usize,
    /// How long connecting may take.
    pub connect_limit: Duration,
    /// How long a question or transaction may wait for a connection.
    pub wait_limit: Duration,
    /// How long one statement, and one transaction, may run.
    pub time_limit: Duration,
    /// Where lists are read instead.
    pub read_replica: Option<ReadReplicaOptions>,
}

/// A place among those who use a connection at a time.
struct Turn {
    _of_its_kind: Option<OwnedSemaphorePermit>,
    _connection: OwnedSemaphorePermit,
}

pub(crate) struct Postgres {
    pool: Pool,
    pub(crate) epochs: Arc<Epochs>,
    pub(crate) timings: Timings,
    pub(crate) versions: SchemaVersions,
    connections: Arc<Semaphore>,
    /// Transactions that wait for each other's rows must leave connections for questions.
    transactions: Arc<Semaphore>,
    /// And so must long answers.
    lists: Arc<Semaphore>,
    wait_limit: Duration,
    time_limit: Duration,
    read_replica: Option<ReadReplica>,
    _watch: PolicyWatch,
}

/// What an attempt at a transaction came to.
enum Attempt<T, E> {
    Done(Result<T, E>),
    /// Nothing of it stayed, and it may be tried again.
    Again(Failure, E),
}

impl Postgres {
    /// Connects, and makes or upgrades the schema.
    pub(crate) fn open(options: &PostgresOptions) -> Result<Self> {
        let limits = Limits {
            connect: options.connect_limit,
            statement: options.time_limit,
        };
        let connections = options.connections.max(4);
        let pulse = Arc::new(Pulse::default());
        let pool = Pool::new(options.address.clone(), limits, pulse.clone());
        let epochs = Arc::new(Epochs::shared());
        let (versions, read_replica) = may_block(|| {
            let session = pool.open()?;
            require_usable(&session, &options.address)?;
            session.have_patience(UPGRADE);
            let versions = schema::migrate_postgres(&session)?;
            session.execute(policy_watch::CREATE, &[])?;
            let open = |replica| ReadReplica::open(replica, &session, connections / 4);
            let read_replica = options.read_replica.as_ref().map(open).transpose()?;
            session.discard();
            Ok::<_, Error>((versions, read_replica))
        })?;
        let positions = read_replica.as_ref().map(ReadReplica::positions).cloned();
        let address = options.address.clone();
        let watch = PolicyWatch::start(address, epochs.clone(), pulse, positions)?;
        Ok(Self {
            pool,
            epochs,
            timings: Timings::default(),
            versions,
            connections: Arc::new(Semaphore::new(connections)),
            transactions: Arc::new(Semaphore::new(connections * 3 / 4)),
            lists: Arc::new(Semaphore::new(connections / 4)),
            wait_limit: options.wait_limit,
            time_limit: options.time_limit,
            read_replica,
            _watch: watch,
        })
    }

    /// Connections that are open.
    pub(crate) fn count(&self) -> usize {
        self.pool.count()
    }

    pub(crate) async fn read<T, E: From<Error>>(
        &self,
        question: impl Fn(&Reader<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let turn = self.turn(None).await?;
        may_block(|| self.answer(turn, question))
    }

    /// For a thread that may wait.
    pub(crate) fn read_blocking<T, E: From<Error>>(
        &self,
        question: impl Fn(&Reader<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        may_block(|| {
            let turn = block_on(self.turn(None))?;
            self.answer(turn?, question)
        })
    }

    pub(crate) async fn list<T, E>(
        self: &Arc<Self>,
        question: impl Fn(&Reader<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let turn = self.turn(Some(&self.lists)).await?;
        let this = self.clone();
        let answer = tokio::task::spawn_blocking(move || this.answer(turn, question)).await;
        answer.map_err(|_| E::from(Error::Database("a query panicked".to_owned())))?
    }

    /// The same, from the read replica as long as that is of use.
    pub(crate) async fn browse<T, E>(
        self: &Arc<Self>,
        question: impl Fn(&Reader<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let Some(turn) = self.read_replica.as_ref().and_then(ReadReplica::turn) else {
            return self.list(question).await;
        };
        let this = self.clone();
        let asking = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            let replica = this.read_replica.as_ref();
            let answer = replica.and_then(|replica| replica.answer(&question));
            (answer, question)
        });
        match asking.await {
            Ok((Some(answer), _)) => Ok(answer),
            Ok((None, question)) => self.list(question).await,
            Err(_) => Err(E::from(Error::Database("a query panicked".to_owned()))),
        }
    }

    /// Runs a transaction, also when nobody waits for it any more.
    pub(crate) async fn write<T, E, F>(
        self: &Arc<Self>,
        durability: Durability,
        work: F,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Clone + Send + 'static,
    {
        let this = self.clone();
        let waiting = tracing::info_span!(
            "database.write",
            otel.kind = "client",
            db.system.name = "postgresql"
        );
        let task = async move {
            let turn = this.turn(Some(&this.transactions)).await?;
            let run = tokio::task::spawn_blocking(move || {
                let _turn = turn;
                this.transact(durability, &work)
            });
            run.await
                .map_err(|_| E::from(Error::Database("a transaction panicked".to_owned())))?
        };
        let answer = tokio::spawn(task.instrument(waiting)).await;
        answer.map_err(|_| E::from(Error::Unavailable("the registry is ending".to_owned())))?
    }

    async fn turn(&self, kind: Option<&Arc<Semaphore>>) -> Result<Turn> {
        self.pool.require_answers()?;
        let waiting = async {
            let of_its_kind = match kind {
                Some(kind) => Some(kind.clone().acquire_owned().await.map_err(|_| closed())?),
                None => None,
            };
            let connection = self.connections.clone().acquire_owned().await;
            Ok(Turn {
                _of_its_kind: of_its_kind,
                _connection: connection.map_err(|_| closed())?,
            })
        };
        let turn = tokio::time::timeout(self.wait_limit, waiting).await;
        turn.map_err(|_| Error::Unavailable("all connections to the database are busy".to_owned()))?
    }

    /// Asks, and once more on a fresh connection when the first was lost: nothing was changed by it.
    fn answer<T, E: From<Error>>(
        &self,
        turn: Turn,
        question: impl Fn(&Reader<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let _turn = turn;
        let begun = Instant::now();
        let mut session = self.pool.take()?;
        let mut answer = ask(&session, &question);
        if answer.is_err() && session.failure() == Some(Failure::Lost) {
            session.discard();
            self.pool.forget_resting();
            session = self.pool.open()?;
            answer = ask(&session, &question);
        }
        self.timings.spent(Connection::postgres(&session).cost());
        drop(session);
        self.timings.read(begun.elapsed());
        answer
    }

    fn transact<T, E: From<Error>>(
        &self,
        durability: Durability,
        work: &(impl FnOnce(&mut Tx<'_>) -> Result<T, E> + Clone),
    ) -> Result<T, E> {
        let begun = Instant::now();
        let mut is_fresh = false;
        let mut attempts = 0;
        let answer = loop {
            attempts += 1;
            let session = if is_fresh {
                self.pool.open()
            } else {
                self.pool.take()
            };
            let session = session?;
            let attempt = self.attempt(&session, (durability, attempts), work.clone());
            self.timings.spent(Connection::postgres(&session).cost());
            drop(session);
            match attempt {
                Attempt::Done(answer) => break answer,
                Attempt::Again(Failure::Lost, _) if !is_fresh => {
                    self.pool.forget_resting();
                    is_fresh = true;
                }
                Attempt::Again(Failure::Passing, _) if attempts < ATTEMPTS => pause(attempts),
                Attempt::Again(_, error) => break Err(error),
            }
        };
        self.timings.commit(begun.elapsed(), 1);
        answer
    }

    fn attempt<T, E: From<Error>>(
        &self,
        session: &Borrowed<'_>,
        (durability, number): (Durability, u32),
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, E>,
    ) -> Attempt<T, E> {
        let begun = session.begin(durability, self.time_limit, number >= ALONE_FROM);
        if let Err(error) = begun {
            return again_after(session, error.into());
        }
        let mut tx = Tx::new(Connection::postgres(session));
        let result = catch_unwind(AssertUnwindSafe(|| work(&mut tx)))
            .unwrap_or_else(|_| Err(Error::Database("a transaction panicked".to_owned()).into()));
        let changes = tx.changes;
        let value = match (result, session.failure()) {
            (Ok(value), None) => value,
            // What a failed transaction did is undone by the database, whatever it says of itself.
            (Ok(_), Some(_)) => {
                let ignored = Error::Database("a transaction ignored a failure".to_owned());
                return again_after(session, ignored.into());
            }
            (Err(error), _) => return again_after(session, error),
        };
        if changes.is_policy()
            && let Err(error) = session.execute(policy_watch::RAISE, &[])
        {
            return again_after(session, error.into());
        }
        match session.commit() {
            Ok(()) => {
                // Before the answer: whoever hears of a change must not meet a remembered value from before it.
                self.epochs.apply(&changes);
                Attempt::Done(Ok(value))
            }
            // A conflict that only the end revealed.
            Err(error) if session.failure() != Some(Failure::Lost) => {
                again_after(session, error.into())
            }
            // Nobody knows whether it was done; doing it again could do it twice.
            Err(error) => Attempt::Done(Err(E::from(Error::Unavailable(format!(
                "the connection was lost during a commit: {error}"
            ))))),
        }
    }
}

fn ask<T, E>(session: &Session, question: impl Fn(&Reader<'_>) -> Result<T, E>) -> Result<T, E> {
    session.begin_reading();
    question(&Reader {
        connection: Connection::postgres(session),
    })
}

/// Throws a transaction away, and says whether it may be tried again.
fn again_after<T, E>(session: &Session, error: E) -> Attempt<T, E> {
    let failure = session.failure();
    session.roll_back();
    match failure {
        Some(failure @ (Failure::Lost | Failure::Passing)) => Attempt::Again(failure, error),
        Some(Failure::Lasting) | None => Attempt::Done(Err(error)),
    }
}

/// Runs what waits for the network, without keeping other tasks of this thread from running.
fn may_block<T>(work: impl FnOnce() -> T) -> T {
    match Handle::try_current() {
        Ok(runtime) if runtime.runtime_flavor() == RuntimeFlavor::MultiThread => {
            tokio::task::block_in_place(work)
        }
        _ => work(),
    }
}

/// Waits on a thread that may.
fn block_on<T>(waiting: impl Future<Output = T>) -> Result<T> {
    if let Ok(runtime) = Handle::try_current() {
        return Ok(runtime.block_on(waiting));
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build();
    let runtime = runtime.map_err(|error| Error::Unavailable(error.to_string()))?;
    Ok(runtime.block_on(waiting))
}

/// Waits a little before the next attempt, no two alike, so that those who were in each other's way are not again.
fn pause(attempts: u32) {
    let longest = Duration::from_millis(2 << attempts.min(8)).min(LONGEST_PAUSE);
    let part = RandomState::new().hash_one(attempts) % 1000;
    std::thread::sleep(longest.mul_f64(f64::from(u32::try_from(part).unwrap_or(0)) / 1000.0));
}

fn closed() -> Error {
    Error::Unavailable("the database is closed".to_owned())
}
