//! A connection for whoever only asks: no schema is made, nothing is watched.

use super::pool::Pool;
use super::session::{Limits, Session};
use super::{PostgresOptions, may_block};
use crate::error::Result;
use std::sync::Arc;

/// Connects, asks, and closes the connection.
pub(crate) fn examine<T>(
    options: &PostgresOptions,
    ask: impl FnOnce(&Session) -> Result<T>,
) -> Result<T> {
    let limits = Limits {
        connect: options.connect_limit,
        statement: options.time_limit,
    };
    let pool = Pool::new(options.address.clone(), limits, Arc::default());
    may_block(|| {
        let session = pool.open()?;
        session.begin_reading();
        let answer = ask(&session);
        session.discard();
        answer
    })
}
