//! One connection to PostgreSQL, with its prepared statements. One thread at a time asks.

mod bulk;

use super::address::PostgresAddress;
use super::failure::{Failure, Trouble, classify};
use super::wire::{Pulse, Wire};
use crate::connection::{Param, Row};
use crate::error::{Error, Result};
use crate::writer::Durability;
use futures_util::TryStreamExt as _;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Statement};

/// How long a connection that rested may take to show that it is alive.
const SIGN_OF_LIFE: Duration = Duration::from_secs(2);
/// A transaction waits for us between two statements, for a slow machine's sake; never for a client.
const IDLE_IN_TRANSACTION: Duration = Duration::from_mins(1);
/// The server ends a statement that runs too long. It is given up on when it has not even done that after so long.
const GRACE: Duration = Duration::from_secs(5);

/// Times for a new connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// For connecting and logging in.
    pub(crate) connect: Duration,
    /// Of each statement.
    pub(crate) statement: Duration,
}

/// A connection.
pub(crate) struct Session {
    // Before the wire: that says goodbye once nobody can ask any more.
    client: Client,
    wire: RefCell<Wire>,
    statements: RefCell<HashMap<&'static str, Statement>>,
    /// Questions since somebody wanted to know how many.
    asked: Cell<u64>,
    /// The first failure since the last beginning. In a transaction nothing runs after one.
    failure: Cell<Option<Failure>>,
    /// When the transaction that is under way must be done.
    deadline: Cell<Option<Instant>>,
    /// How long each answer is waited for.
    patience: Cell<Duration>,
    /// Of a read replica: until when what it shows is new enough.
    good_until: Cell<Option<Instant>>,
}

impl Session {
    /// Connects and logs in.
    pub(super) fn connect(
        address: &PostgresAddress,
        limits: Limits,
        pulse: &Arc<Pulse>,
    ) -> Result<Self, Trouble> {
        let (client, mut wire) = Wire::connect(address, limits.connect, pulse.clone())?;
        // A server that answers a commit before it is safe is asked not to. A statement is planned once, whatever its
        // values: planning costs more than most answers, and one rare value must not bring another plan. A plan made while
        // a table was small must not read all of it once it has grown, so an index is used wherever there is one; what
        // has none then looks so costly that it would be compiled, which takes longer than the answer.
        let settings = format!(
            "SET statement_timeout = {}; SET idle_in_transaction_session_timeout = {}; \
             SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET jit = off; \
             SET max_parallel_workers_per_gather = 0; \
             SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'",
            limits.statement.as_millis(),
            IDLE_IN_TRANSACTION.as_millis()
        );
        wire.wait(limits.connect, client.batch_execute(&settings))?;
        Ok(Self {
            client,
            wire: RefCell::new(wire),
            statements: RefCell::new(HashMap::new()),
            asked: Cell::new(0),
            failure: Cell::new(None),
            deadline: Cell::new(None),
            patience: Cell::new(limits.statement + GRACE),
            good_until: Cell::new(None),
        })
    }

    /// Waits for answers for so long from now on, instead of a little longer than a statement may take.
    pub(super) fn have_patience(&self, limit: Duration) {
        self.patience.set(limit);
    }

    /// Until when what a read replica shows is new enough.
    pub(super) fn good_until(&self) -> Option<Instant> {
        self.good_until.get()
    }

    pub(super) fn set_good_until(&self, until: Option<Instant>) {
        self.good_until.set(until);
    }

    /// Whether the server still answers on it.
    pub(crate) fn is_alive(&self) -> bool {
        let sign = self.client.batch_execute("");
        self.wire.borrow_mut().wait(SIGN_OF_LIFE, sign).is_ok()
    }

    /// How often something was asked since the last time that this was.
    pub(crate) fn take_asked(&self) -> u64 {
        self.asked.replace(0)
    }

    /// What has failed since the last beginning.
    pub(crate) fn failure(&self) -> Option<Failure> {
        self.failure.get()
    }

    /// Whether nothing more can be asked on it.
    pub(crate) fn is_spent(&self) -> bool {
        self.failure.get() == Some(Failure::Lost) || self.client.is_closed()
    }

    /// Begins with questions outside of a transaction.
    pub(crate) fn begin_reading(&self) {
        self.failure.set(None);
        self.deadline.set(None);
    }

    /// Begins a transaction that may run for `limit`. One that `is_alone` waits for all others that are, whichever replica
    /// runs them: those who were in each other's way again and again stand in a line, and the first of it meets only such
    /// as have just begun.
    pub(crate) fn begin(
        &self,
        durability: Durability,
        limit: Duration,
        is_alone: bool,
    ) -> Result<()> {
        self.begin_reading();
        self.script(match durability {
            Durability::Durable => "BEGIN ISOLATION LEVEL READ COMMITTED",
            Durability::Relaxed => {
                "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL synchronous_commit = off"
            }
        })?;
        if is_alone {
            self.script("SELECT pg_advisory_xact_lock(7236834171250738)")?;
        }
        self.deadline.set(Some(Instant::now() + limit));
        Ok(())
    }

    /// Ends the transaction with its changes. To be called only when nothing has failed: the server would answer the end
    /// of a failed transaction with success, having thrown it away.
    pub(crate) fn commit(&self) -> Result<()> {
        self.deadline.set(None);
        self.script("COMMIT")
    }

    /// Ends the transaction without its changes; a connection that cannot do even that is spent.
    pub(crate) fn roll_back(&self) {
        self.deadline.set(None);
        if self.failure.get() == Some(Failure::Lost) {
            return;
        }
        if self.wait(self.client.batch_execute("ROLLBACK")).is_err() {
            self.failure.set(Some(Failure::Lost));
        }
    }

    /// Runs statements without parameters.
    pub(crate) fn script(&self, sql: &str) -> Result<()> {
        self.wait(self.client.batch_execute(sql))
    }

    /// All rows of an answer.
    pub(crate) fn rows(
        &self,
        sql: &'static str,
        params: &[Param<'_>],
    ) -> Result<Vec<tokio_postgres::Row>> {
        self.ask(sql, async |statement| {
            self.client.query(statement, &dynamic(params)).await
        })
    }

    /// The same for a text that was put together for this one question: its prepared form is not kept.
    pub(crate) fn rows_once(
        &self,
        sql: &str,
        params: &[Param<'_>],
    ) -> Result<Vec<tokio_postgres::Row>> {
        self.may_ask(sql)?;
        self.wait(async {
            let statement = self.client.prepare(&sql.replace('?', "$")).await?;
            self.client.query(&statement, &dynamic(params)).await
        })
    }

    /// Runs a change and says how many rows it touched.
    pub(crate) fn execute(&self, sql: &'static str, params: &[Param<'_>]) -> Result<usize> {
        let touched = self.ask(sql, async |statement| {
            self.client.execute(statement, &dynamic(params)).await
        })?;
        Ok(usize::try_from(touched).unwrap_or(usize::MAX))
    }

    /// Shows rows as they come, for as long as `visit` answers true. It may ask nothing itself. What is left is passed over,
    /// but was sent: the query has to have a limit.
    pub(crate) fn visit(
        &self,
        sql: &'static str,
        params: &[Param<'_>],
        mut visit: impl FnMut(&Row<'_>) -> Result<bool>,
    ) -> Result<()> {
        let mut answer = Ok(());
        self.ask(sql, async |statement| {
            let params = params.iter().copied();
            let mut rows = pin!(self.client.query_raw(statement, params).await?);
            while let Some(row) = rows.try_next().await? {
                match visit(&Row::Postgres(&row)) {
                    Ok(true) => {}
                    Ok(false) => break,
                    Err(error) => {
                        answer = Err(error);
                        break;
                    }
                }
            }
            Ok(())
        })?;
        answer
    }

    fn ask<T>(
        &self,
        sql: &'static str,
        run: impl AsyncFnOnce(&Statement) -> Result<T, tokio_postgres::Error>,
    ) -> Result<T> {
        self.may_ask(sql)?;
        self.wait(async {
            let statement = self.statement(sql).await?;
            run(&statement).await
        })
    }

    /// Whether there is time for a question, and nobody in the middle of another.
    fn may_ask(&self, sql: &str) -> Result<()> {
        self.asked.set(self.asked.get() + 1);
        if let Some(deadline) = self.deadline.get() {
            if self.failure.get().is_some() {
                return Err(Error::Unavailable(
                    "the transaction was ended by the database".to_owned(),
                ));
            }
            if Instant::now() > deadline {
                self.failure.set(Some(Failure::Lasting));
                return Err(Error::TimedOut);
            }
        }
        if self.wire.try_borrow_mut().is_err() {
            return Err(Error::Database(format!(
                "asked while the rows of another answer were read: {sql}"
            )));
        }
        Ok(())
    }

    /// The prepared form of a text.
    async fn statement(&self, sql: &'static str) -> Result<Statement, tokio_postgres::Error> {
        #[cfg(test)]
        crate::connection::recorded::note_postgres(sql);
        if let Some(known) = self.statements.borrow().get(sql) {
            return Ok(known.clone());
        }
        // The one thing in which the texts of both databases differ everywhere. No text has a question mark of its own.
        let statement = self.client.prepare(&sql.replace('?', "$")).await?;
        self.statements.borrow_mut().insert(sql, statement.clone());
        Ok(statement)
    }

    /// Waits for an answer. One that does not come in time makes the connection lost.
    fn wait<T>(&self, answer: impl Future<Output = Result<T, tokio_postgres::Error>>) -> Result<T> {
        let waited = self.wire.borrow_mut().wait(self.patience.get(), answer);
        waited.map_err(|trouble| self.note(&trouble))
    }

    fn note(&self, trouble: &Trouble) -> Error {
        let (failure, error) = classify(trouble);
        if self
            .failure
            .get()
            .is_none_or(|known| known != Failure::Lost)
        {
            self.failure.set(Some(failure));
        }
        error
    }
}

fn dynamic<'a>(params: &'a [Param<'_>]) -> Vec<&'a (dyn ToSql + Sync)> {
    params.iter().map(|param| param as _).collect()
}
