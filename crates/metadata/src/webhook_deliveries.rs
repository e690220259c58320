//! What was sent to webhooks, or waits for it.

use crate::connection::{Param, Row, params};
use crate::error::Result;
use crate::query::{Field, Kind, ListQuery, ListSource, Listed, list};
use crate::{Reader, Tx};
use model::AccountId;

/// A delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryRow {
    /// The webhook.
    pub webhook_id: String,
    /// Its number in the webhook, from 1.
    pub number: i64,
    /// Whose it is.
    pub account_id: AccountId,
    /// The event that it tells of: the same for all deliveries of one event.
    pub event_id: String,
    /// What happened, in Harbor's word.
    pub event_type: String,
    /// Why: `event`, `trial` or `again`.
    pub cause: String,
    /// The delivery that is sent again.
    pub of_number: Option<i64>,
    /// `waiting`, `delivered`, `failed` or `cancelled`.
    pub state: String,
    /// What `payload` is.
    pub content_type: String,
    /// What is sent.
    pub payload: String,
    /// Requests so far.
    pub attempts: i64,
    /// The last answer's status.
    pub response_status: Option<i64>,
    /// Some of the last answer, as text.
    pub response: Option<String>,
    /// Why the last request failed; no secrets.
    pub error: Option<String>,
    /// How long the last request took.
    pub duration_ms: Option<i64>,
    /// When it was made.
    pub created_at_ms: i64,
    /// When the last request began.
    pub sent_at_ms: Option<i64>,
    /// When it was delivered or given up.
    pub ended_at_ms: Option<i64>,
}

const FIELDS: &[Field] = &[
    Field {
        name: "status",
        column: "d.state",
        kind: Kind::Text,
    },
    Field {
        name: "event_type",
        column: "d.event_type",
        kind: Kind::Text,
    },
    Field {
        name: "id",
        column: "d.number",
        kind: Kind::Int,
    },
    Field {
        name: "creation_time",
        column: "d.created_at_ms",
        kind: Kind::Time,
    },
];

macro_rules! columns {
    () => {
        "d.webhook_id, d.number, d.account_id, d.event_id, d.event_type, d.cause, d.of_number, d.state, d.content_type, \
         d.payload, d.attempts, d.response_status, d.response, d.error, d.duration_ms, d.created_at_ms, d.sent_at_ms, \
         d.ended_at_ms"
    };
}

fn read_delivery(row: &Row<'_>) -> Result<DeliveryRow> {
    Ok(DeliveryRow {
        webhook_id: row.text(0)?,
        number: row.int(1)?,
        account_id: AccountId::new(row.text(2)?),
        event_id: row.text(3)?,
        event_type: row.text(4)?,
        cause: row.text(5)?,
        of_number: row.optional_int(6)?,
        state: row.text(7)?,
        content_type: row.text(8)?,
        payload: row.text(9)?,
        attempts: row.int(10)?,
        response_status: row.optional_int(11)?,
        response: row.optional_text(12)?,
        error: row.optional_text(13)?,
        duration_ms: row.optional_int(14)?,
        created_at_ms: row.int(15)?,
        sent_at_ms: row.optional_int(16)?,
        ended_at_ms: row.optional_int(17)?,
    })
}

impl Reader<'_> {
    /// A delivery.
    pub fn find_delivery(&self, webhook: &str, number: i64) -> Result<Option<DeliveryRow>> {
        const SQL: &str = concat!(
            "SELECT ",
            columns!(),
            " FROM webhook_deliveries d WHERE d.webhook_id = ?1 AND d.number = ?2"
        );
        self.connection
            .find(SQL, params![webhook, number], read_delivery)
    }

    /// The deliveries of a webhook, the newest first. Fields: `id`, `status`, `event_type`, `creation_time`.
    pub fn list_deliveries(&self, webhook: &str, query: &ListQuery) -> Result<Listed<DeliveryRow>> {
        let source = ListSource {
            columns: columns!(),
            from: "webhook_deliveries d WHERE d.webhook_id = ?1".to_owned(),
            params: vec![Param::from(webhook)],
            fields: FIELDS,
            order: "d.number DESC",
        };
        list(&self.connection, &source, query, read_delivery)
    }

    /// The oldest deliveries that wait because of an event.
    pub fn list_waiting_deliveries(&self, webhook: &str, limit: i64) -> Result<Vec<DeliveryRow>> {
        const SQL: &str = concat!(
            "SELECT ",
            columns!(),
            " FROM webhook_deliveries d WHERE d.webhook_id = ?1 AND d.state = 'waiting' AND d.cause = 'event' \
             ORDER BY d.number LIMIT ?2"
        );
        self.connection
            .list(SQL, params![webhook, limit], read_delivery)
    }

    /// How many trials and repetitions of an account wait.
    pub fn count_deliveries_by_hand(&self, account: &AccountId) -> Result<i64> {
        const SQL: &str = "SELECT COUNT(*) FROM webhook_deliveries WHERE account_id = ?1 AND state = 'waiting' \
             AND cause <> 'event'";
        self.connection
            .get(SQL, params![account.as_str()], |row| row.int(0))
    }

    /// When a webhook was last told of something of that type.
    pub fn find_last_delivery(&self, webhook: &str, event_type: &str) -> Result<Option<i64>> {
        const SQL: &str = "SELECT created_at_ms FROM webhook_deliveries WHERE webhook_id = ?1 AND event_type = ?2 \
             ORDER BY created_at_ms DESC LIMIT 1";
        self.connection
            .find(SQL, params![webhook, event_type], |row| row.int(0))
    }
}

impl Tx<'_> {
    /// Makes a delivery. Says whether it is new: neither of an event that the webhook was told of, nor of a delivery that
    /// waits to be sent again already.
    pub fn create_delivery(&mut self, delivery: &DeliveryRow) -> Result<bool> {
        const SQL: &str = "INSERT INTO webhook_deliveries (webhook_id, number, account_id, event_id, event_type, cause, \
             of_number, state, content_type, payload, attempts, created_at_ms) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'waiting', ?8, ?9, 0, ?10) ON CONFLICT DO NOTHING";
        let params = params![
            &delivery.webhook_id,
            delivery.number,
            delivery.account_id.as_str(),
            &delivery.event_id,
            &delivery.event_type,
            &delivery.cause,
            delivery.of_number,
            &delivery.content_type,
            &delivery.payload,
            delivery.created_at_ms
        ];
        Ok(self.connection.execute(SQL, params)? > 0)
    }

    /// Writes down what came of a request, while the delivery waits. Says whether it did.
    pub fn put_attempt(&mut self, delivery: &DeliveryRow) -> Result<bool> {
        const SQL: &str = "UPDATE webhook_deliveries SET state = ?3, attempts = ?4, response_status = ?5, response = ?6, \
             error = ?7, duration_ms = ?8, sent_at_ms = ?9, ended_at_ms = ?10 \
             WHERE webhook_id = ?1 AND number = ?2 AND state = 'waiting'";
        let params = params![
            &delivery.webhook_id,
            delivery.number,
            &delivery.state,
            delivery.attempts,
            delivery.response_status,
            delivery.response.as_deref(),
            delivery.error.as_deref(),
            delivery.duration_ms,
            delivery.sent_at_ms,
            delivery.ended_at_ms
        ];
        Ok(self.connection.execute(SQL, params)? > 0)
    }

    /// Ends all deliveries of a webhook that wait because of an event. Says how many.
    pub fn end_waiting_deliveries(
        &mut self,
        webhook: &str,
        (state, why): (&str, &str),
        now_ms: i64,
    ) -> Result<usize> {
        const SQL: &str = "UPDATE webhook_deliveries SET state = ?2, error = ?3, ended_at_ms = ?4 \
             WHERE webhook_id = ?1 AND state = 'waiting' AND cause = 'event'";
        self.connection
            .execute(SQL, params![webhook, state, why, now_ms])
    }

    /// Ends at most `limit` trials and repetitions that wait since before `before_ms`, whose job came to nothing. Says how
    /// many.
    pub fn end_stuck_deliveries(
        &mut self,
        why: &str,
        (before_ms, now_ms): (i64, i64),
        limit: i64,
    ) -> Result<usize> {
        const LIST: &str = "SELECT webhook_id, number FROM webhook_deliveries WHERE state = 'waiting' AND cause <> 'event' \
             AND ended_at_ms IS NULL AND created_at_ms < ?1 ORDER BY created_at_ms LIMIT ?2";
        const END: &str = "UPDATE webhook_deliveries SET state = 'cancelled', error = ?3, ended_at_ms = ?4 \
             WHERE webhook_id = ?1 AND number = ?2 AND state = 'waiting'";
        let stuck = self
            .connection
            .list(LIST, params![before_ms, limit], |row| {
                Ok((row.text(0)?, row.int(1)?))
            })?;
        let mut ended = 0;
        for (webhook, number) in &stuck {
            let params = params![webhook, *number, why, now_ms];
            ended += self.connection.execute(END, params)?;
        }
        Ok(ended)
    }

    /// Forgets at most `limit` deliveries that ended before `before_ms`. Says how many went.
    pub fn forget_deliveries(&mut self, before_ms: i64, limit: i64) -> Result<usize> {
        const LIST: &str = "SELECT webhook_id, number FROM webhook_deliveries \
             WHERE ended_at_ms IS NOT NULL AND ended_at_ms < ?1 ORDER BY ended_at_ms LIMIT ?2";
        const DELETE: &str = "DELETE FROM webhook_deliveries WHERE webhook_id = ?1 AND number = ?2 \
             AND ended_at_ms IS NOT NULL";
        let old = self
            .connection
            .list(LIST, params![before_ms, limit], |row| {
                Ok((row.text(0)?, row.int(1)?))
            })?;
        let mut gone = 0;
        for (webhook, number) in &old {
            gone += self.connection.execute(DELETE, params![webhook, *number])?;
        }
        Ok(gone)
    }

    /// Forgets at most `limit` of a webhook's deliveries up to a number; those that wait, too, if `all`. Says how many went.
    pub fn forget_deliveries_through(
        &mut self,
        webhook: &str,
        through: i64,
        (all, limit): (bool, i64),
    ) -> Result<usize> {
        const SQL: &str = "DELETE FROM webhook_deliveries WHERE webhook_id = ?1 AND number IN \
             (SELECT d.number FROM webhook_deliveries d WHERE d.webhook_id = ?1 AND d.number <= ?2 \
             AND (?3 = 1 OR d.state <> 'waiting') ORDER BY d.number LIMIT ?4)";
        self.connection
            .execute(SQL, params![webhook, through, all, limit])
    }

    /// Forgets at most `limit` deliveries of an account, whatever became of them. Says how many went.
    pub fn forget_account_deliveries(&mut self, account: &AccountId, limit: i64) -> Result<usize> {
        const SQL: &str = "DELETE FROM webhook_deliveries WHERE account_id = ?1 AND (webhook_id, number) IN \
             (SELECT d.webhook_id, d.number FROM webhook_deliveries d WHERE d.account_id = ?1 LIMIT ?2)";
        self.connection
            .execute(SQL, params![account.as_str(), limit])
    }
}
