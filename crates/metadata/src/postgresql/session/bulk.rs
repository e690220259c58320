//! What only moving a whole database needs: texts made at run time, and rows by the million.

use super::{Limits, Session};
use crate::error::{Error, Result};
use crate::postgresql::PostgresOptions;
use crate::postgresql::failure::remedy;
use crate::postgresql::wire::Pulse;
use bytes::Bytes;
use futures_util::SinkExt as _;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

/// The longest statement of all: putting every blob in order, or flushing what was written.
const STATEMENT: Duration = Duration::from_hours(2);

impl Session {
    /// A connection on which a transaction may go on for as long as its rows are on their way.
    pub(crate) fn open_for_bulk(options: &PostgresOptions) -> Result<Self> {
        let limits = Limits {
            connect: options.connect_limit,
            statement: STATEMENT,
        };
        let address = &options.address;
        let session = Self::connect(address, limits, &Arc::new(Pulse::default()));
        let session = session.map_err(|trouble| {
            let remedy = remedy(&trouble);
            Error::Unavailable(format!("no connection to {address}: {trouble}; {remedy}"))
        })?;
        session.script("SET idle_in_transaction_session_timeout = 0")?;
        Ok(session)
    }

    /// All rows of an answer to a text without parameters.
    pub(crate) fn rows_of(&self, sql: &str) -> Result<Vec<tokio_postgres::Row>> {
        self.wait(self.client.query(sql, &[]))
    }

    /// Adds rows in the text form of COPY; `sql` is a `COPY … FROM STDIN`.
    pub(crate) fn copy_in(&self, sql: &str, rows: Bytes) -> Result<()> {
        self.wait(async {
            let mut sink = pin!(self.client.copy_in(sql).await?);
            sink.send(rows).await?;
            sink.finish().await.map(drop)
        })
    }
}
