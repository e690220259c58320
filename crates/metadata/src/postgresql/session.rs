//! One connection to PostgreSQL, with its prepared statements. One thread at a time asks.

use super::address::PostgresAddress;
use super::failure::{Failure, classify};
use crate::connection::{Param, Row};
use crate::error::{Error, Result};
use crate::writer::Durability;
use ::postgres::fallible_iterator::FallibleIterator as _;
use ::postgres::types::ToSql;
use ::postgres::{Client, NoTls, Statement};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// How long a connection that rested may take to show that it is alive.
const SIGN_OF_LIFE: Duration = Duration::from_secs(2);
/// A transaction waits for us between two statements, for a slow machine's sake; never for a client.
const IDLE_IN_TRANSACTION: Duration = Duration::from_mins(1);
/// After so long without an answer from its machine a connection counts as lost.
const UNREACHABLE: Duration = Duration::from_secs(15);

/// Times for a new connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) connect: Duration,
    /// Of each statement.
    pub(crate) statement: Duration,
}

/// A connection.
pub(crate) struct Session {
    client: RefCell<Client>,
    statements: RefCell<HashMap<&'static str, Statement>>,
    /// The first failure since the last beginning. In a transaction nothing runs after one.
    failure: Cell<Option<Failure>>,
    /// When the transaction that is under way must be done.
    deadline: Cell<Option<Instant>>,
}

impl Session {
    /// Connects and logs in.
    pub(crate) fn connect(
        address: &PostgresAddress,
        limits: Limits,
    ) -> Result<Self, ::postgres::Error> {
        let mut config = address.config.clone();
        config
            .connect_timeout(limits.connect)
            .tcp_user_timeout(UNREACHABLE)
            .keepalives_idle(UNREACHABLE)
            .keepalives_interval(Duration::from_secs(5))
            .keepalives_retries(3);
        let mut client = match &address.tls {
            Some(tls) => config.connect(tls.clone())?,
            None => config.connect(NoTls)?,
        };
        // A server that answers a commit before it is safe is asked not to.
        client.batch_execute(&format!(
            "SET statement_timeout = {}; SET idle_in_transaction_session_timeout = {}; \
             SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'",
            limits.statement.as_millis(),
            IDLE_IN_TRANSACTION.as_millis()
        ))?;
        Ok(Self {
            client: RefCell::new(client),
            statements: RefCell::new(HashMap::new()),
            failure: Cell::new(None),
            deadline: Cell::new(None),
        })
    }

    /// Whether the server still answers on it.
    pub(crate) fn is_alive(&self) -> bool {
        self.client.borrow_mut().is_valid(SIGN_OF_LIFE).is_ok()
    }

    /// What has failed since the last beginning.
    pub(crate) fn failure(&self) -> Option<Failure> {
        self.failure.get()
    }

    /// Whether nothing more can be asked on it.
    pub(crate) fn is_spent(&self) -> bool {
        self.failure.get() == Some(Failure::Lost)
            || self
                .client
                .try_borrow()
                .map_or(true, |client| client.is_closed())
    }

    /// Begins with questions outside of a transaction.
    pub(crate) fn begin_reading(&self) {
        self.failure.set(None);
        self.deadline.set(None);
    }

    /// Begins a transaction that may run for `limit`.
    pub(crate) fn begin(&self, durability: Durability, limit: Duration) -> Result<()> {
        self.begin_reading();
        self.script(match durability {
            Durability::Durable => "BEGIN ISOLATION LEVEL READ COMMITTED",
            Durability::Relaxed => {
                "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL synchronous_commit = off"
            }
        })?;
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
        let rolled_back = self.client.borrow_mut().batch_execute("ROLLBACK");
        if rolled_back.is_err() {
            self.failure.set(Some(Failure::Lost));
        }
    }

    /// Runs statements without parameters.
    pub(crate) fn script(&self, sql: &str) -> Result<()> {
        let done = self.client.borrow_mut().batch_execute(sql);
        done.map_err(|error| self.note(&error))
    }

    /// All rows of an answer.
    pub(crate) fn rows(
        &self,
        sql: &'static str,
        params: &[Param<'_>],
    ) -> Result<Vec<::postgres::Row>> {
        self.ask(sql, |client, statement| {
            client.query(statement, &dynamic(params))
        })
    }

    /// Runs a change and says how many rows it touched.
    pub(crate) fn execute(&self, sql: &'static str, params: &[Param<'_>]) -> Result<usize> {
        let touched = self.ask(sql, |client, statement| {
            client.execute(statement, &dynamic(params))
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
        self.ask(sql, |client, statement| {
            let mut rows = client.query_raw(statement, params.iter().copied())?;
            while let Some(row) = rows.next()? {
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
        run: impl FnOnce(&mut Client, &Statement) -> Result<T, ::postgres::Error>,
    ) -> Result<T> {
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
        let Ok(mut client) = self.client.try_borrow_mut() else {
            return Err(Error::Database(format!(
                "asked while the rows of another answer were read: {sql}"
            )));
        };
        let statement = self.statement(&mut client, sql);
        statement
            .and_then(|statement| run(&mut client, &statement))
            .map_err(|error| self.note(&error))
    }

    /// The prepared form of a text.
    fn statement(
        &self,
        client: &mut Client,
        sql: &'static str,
    ) -> Result<Statement, ::postgres::Error> {
        if let Some(known) = self.statements.borrow().get(sql) {
            return Ok(known.clone());
        }
        // The one thing in which the texts of both databases differ everywhere. No text has a question mark of its own.
        let statement = client.prepare(&sql.replace('?', "$"))?;
        self.statements.borrow_mut().insert(sql, statement.clone());
        Ok(statement)
    }

    fn note(&self, error: &::postgres::Error) -> Error {
        let (failure, error) = classify(error);
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
