//! Who reads an account's sealed events one after the other, and how far each has come.

use crate::connection::{Row, params, parse_column};
use crate::error::Result;
use crate::{Reader, Tx};
use model::{AccountId, JobId};

/// What reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FollowerKind {
    /// A webhook, whose id it has.
    Webhook,
    /// A sink, whose id it has.
    Sink,
    /// What an account has told by mail. Its id is [`FollowerKind::mail_id`].
    Mail,
}

/// What the id of a follower begins with that tells by mail. Programs that know nothing of mail take it for that of a sink
/// which is gone, and leave it alone: another word in `kind` would stop them.
const MAIL: &str = "mail:";

impl FollowerKind {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Sink => "sink",
            Self::Mail => "mail",
        }
    }

    /// The id of the follower that tells of an account's events by mail.
    pub fn mail_id(account: &AccountId) -> String {
        format!("{MAIL}{}", account.as_str())
    }

    /// The word in the database.
    fn stored(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Sink | Self::Mail => "sink",
        }
    }

    /// What a follower of that id is, by the word in the database.
    fn read(id: &str, word: &str) -> Option<Self> {
        match word {
            "webhook" => Some(Self::Webhook),
            "sink" if id.starts_with(MAIL) => Some(Self::Mail),
            "sink" => Some(Self::Sink),
            _ => None,
        }
    }
}

/// A follower.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FollowerRow {
    /// The id of the webhook or sink.
    pub id: String,
    /// Whose events it reads.
    pub account_id: AccountId,
    /// What it is.
    pub kind: FollowerKind,
    /// The number of the newest event that it is done with.
    pub read_number: i64,
    /// Whether it was stopped after failing for long.
    pub is_paused: bool,
    /// Failures since the last success.
    pub failures: i64,
    /// Since when nothing but failures came.
    pub failing_since_ms: Option<i64>,
    /// When it is tried again.
    pub retry_at_ms: Option<i64>,
    /// Events that were purged before it had read them.
    pub missed: i64,
    /// Why it failed last, for people; no secrets.
    pub last_error: Option<String>,
    /// When it was made.
    pub created_at_ms: i64,
}

/// How a follower stands that has something to do, or may not do it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FollowerStanding {
    /// What it is.
    pub kind: FollowerKind,
    /// Whether it was stopped after failing for long.
    pub is_paused: bool,
    /// Whether its receiver failed last.
    pub is_failing: bool,
    /// When the oldest event happened that its receiver was not told of; `None` when that is not known any more.
    pub oldest_at_ms: Option<i64>,
}

macro_rules! columns {
    () => {
        "f.id, f.account_id, f.kind, f.read_number, f.state, f.failures, f.failing_since_ms, f.retry_at_ms, f.missed, \
         f.last_error, f.created_at_ms"
    };
}

fn read_follower(row: &Row<'_>) -> Result<FollowerRow> {
    Ok(FollowerRow {
        id: row.text(0)?,
        account_id: AccountId::new(row.text(1)?),
        kind: parse_column(
            "event_followers.kind",
            FollowerKind::read(&row.text(0)?, &row.text(2)?),
        )?,
        read_number: row.int(3)?,
        is_paused: row.text(4)? == "paused",
        failures: row.int(5)?,
        failing_since_ms: row.optional_int(6)?,
        retry_at_ms: row.optional_int(7)?,
        missed: row.int(8)?,
        last_error: row.optional_text(9)?,
        created_at_ms: row.int(10)?,
    })
}

/// A webhook is done with an event when it has a delivery of it, which may be waiting.
macro_rules! standings {
    () => {
        "SELECT f.id, f.kind, f.state, f.failures, \
         (SELECT e.at_ms FROM events e WHERE e.account_id = f.account_id AND e.number = f.read_number + 1), \
         (SELECT d.created_at_ms FROM webhook_deliveries d WHERE d.webhook_id = f.id AND d.state = 'waiting' \
             AND d.cause = 'event' ORDER BY d.number LIMIT 1) FROM event_followers f "
    };
}

fn read_standing(row: &Row<'_>) -> Result<FollowerStanding> {
    let oldest = [row.optional_int(4)?, row.optional_int(5)?];
    Ok(FollowerStanding {
        kind: parse_column(
            "event_followers.kind",
            FollowerKind::read(&row.text(0)?, &row.text(1)?),
        )?,
        is_paused: row.text(2)? == "paused",
        is_failing: row.int(3)? > 0,
        oldest_at_ms: oldest.into_iter().flatten().min(),
    })
}

impl Reader<'_> {
    /// Whether anybody reads events.
    pub fn has_followers(&self) -> Result<bool> {
        const SQL: &str = "SELECT 1 FROM event_followers WHERE id > ?1 LIMIT 1";
        self.connection.exists(SQL, params![""])
    }

    /// A follower.
    pub fn find_follower(&self, id: &str) -> Result<Option<FollowerRow>> {
        const SQL: &str = concat!(
            "SELECT ",
            columns!(),
            " FROM event_followers f WHERE f.id = ?1"
        );
        self.connection.find(SQL, params![id], read_follower)
    }

    /// The followers of an account, by id.
    pub fn list_followers(&self, account: &AccountId) -> Result<Vec<FollowerRow>> {
        const SQL: &str = concat!(
            "SELECT ",
            columns!(),
            " FROM event_followers f WHERE f.account_id = ?1 ORDER BY f.id"
        );
        self.connection
            .list(SQL, params![account.as_str()], read_follower)
    }

    /// Sealed events that a follower is not done with; `None` when there is no such follower.
    pub fn follower_lag(&self, id: &str) -> Result<Option<i64>> {
        const SQL: &str = "SELECT COALESCE(c.sealed_number, 0) - f.read_number FROM event_followers f \
             LEFT JOIN event_chains c ON c.account_id = f.account_id WHERE f.id = ?1";
        self.connection.find(SQL, params![id], |row| row.int(0))
    }

    /// The number up to which every active follower of an account is done; `None` when there is none.
    pub fn find_slowest_follower(&self, account: &AccountId) -> Result<Option<i64>> {
        const SQL: &str = "SELECT MIN(read_number) FROM event_followers WHERE account_id = ?1 AND state = 'active'";
        self.connection
            .get(SQL, params![account.as_str()], |row| row.optional_int(0))
    }

    /// Active followers after `after`, by id, that have events to read, or whose time to be tried again has come.
    pub fn list_followers_behind(&self, after: &str, limit: i64) -> Result<Vec<FollowerRow>> {
        const SQL: &str = concat!(
            "SELECT ",
            columns!(),
            " FROM event_followers f LEFT JOIN event_chains c ON c.account_id = f.account_id \
             WHERE f.id > ?1 AND f.state = 'active' \
             AND (f.read_number < COALESCE(c.sealed_number, 0) OR f.failures > 0) ORDER BY f.id LIMIT ?2"
        );
        self.connection
            .list(SQL, params![after, limit], read_follower)
    }

    /// How those followers stand that have not told their receivers of everything, or whose receivers failed last; `limit` of
    /// them. Nobody is told of accounts that are being closed.
    pub fn list_follower_standings(&self, limit: i64) -> Result<Vec<FollowerStanding>> {
        const SQL: &str = concat!(
            standings!(),
            "JOIN accounts a ON a.id = f.account_id LEFT JOIN event_chains c ON c.account_id = f.account_id \
             WHERE f.id > ?1 AND a.state <> 'closing' AND (f.failures > 0 OR f.read_number < COALESCE(c.sealed_number, 0)) \
             ORDER BY f.id LIMIT ?2"
        );
        self.connection.list(SQL, params!["", limit], read_standing)
    }

    /// The same of one account's followers.
    pub fn list_account_follower_standings(
        &self,
        account: &AccountId,
        limit: i64,
    ) -> Result<Vec<FollowerStanding>> {
        const SQL: &str = concat!(
            standings!(),
            "LEFT JOIN event_chains c ON c.account_id = f.account_id \
             WHERE f.account_id = ?1 AND (f.failures > 0 OR f.read_number < COALESCE(c.sealed_number, 0)) \
             ORDER BY f.id LIMIT ?2"
        );
        self.connection
            .list(SQL, params![account.as_str(), limit], read_standing)
    }
}

impl Tx<'_> {
    /// Makes a follower that is done with everything up to `read_number`.
    pub fn create_follower(&mut self, follower: &FollowerRow) -> Result<()> {
        const SQL: &str = "INSERT INTO event_followers (id, account_id, kind, webhook_id, read_number, state, failures, \
             failing_since_ms, retry_at_ms, missed, last_error, created_at_ms) \
             VALUES (?1, ?2, ?3, ?4, ?5, 'active', 0, NULL, NULL, 0, NULL, ?6)";
        let webhook = (follower.kind == FollowerKind::Webhook).then_some(follower.id.as_str());
        let params = params![
            &follower.id,
            follower.account_id.as_str(),
            follower.kind.stored(),
            webhook,
            follower.read_number,
            follower.created_at_ms
        ];
        self.connection.execute(SQL, params)?;
        Ok(())
    }

    /// Ends a follower. Says whether there was one.
    pub fn delete_follower(&mut self, id: &str) -> Result<bool> {
        const SQL: &str = "DELETE FROM event_followers WHERE id = ?1";
        Ok(self.connection.execute(SQL, params![id])? > 0)
    }

    /// The same as [`Reader::list_followers`], and nobody else changes them until the end of the transaction.
    pub fn take_followers(&mut self, account: &AccountId) -> Result<Vec<FollowerRow>> {
        const TAKE: &str =
            "SELECT 1 FROM event_followers WHERE account_id = ?1 ORDER BY id FOR UPDATE";
        self.connection.keep(TAKE, params![account.as_str()])?;
        self.list_followers(account)
    }

    /// The same of one follower.
    pub fn take_follower(&mut self, id: &str) -> Result<Option<FollowerRow>> {
        const TAKE: &str = "SELECT 1 FROM event_followers WHERE id = ?1 FOR UPDATE";
        self.connection.keep(TAKE, params![id])?;
        self.find_follower(id)
    }

    /// A follower is done with the events up to `through`, if it was done with those up to `from`; `missed` of them were
    /// gone before it read them. Says whether it was.
    pub fn advance_follower(
        &mut self,
        id: &str,
        (from, through): (i64, i64),
        missed: i64,
    ) -> Result<bool> {
        const SQL: &str = "UPDATE event_followers SET read_number = ?3, missed = missed + ?4 \
             WHERE id = ?1 AND read_number = ?2 AND state = 'active'";
        let params = params![id, from, through, missed];
        Ok(self.connection.execute(SQL, params)? > 0)
    }

    /// Writes down how a follower fares.
    pub fn put_follower_condition(&mut self, follower: &FollowerRow) -> Result<()> {
        const SQL: &str = "UPDATE event_followers SET state = ?2, failures = ?3, failing_since_ms = ?4, retry_at_ms = ?5, \
             last_error = ?6, read_number = ?7 WHERE id = ?1";
        let state = if follower.is_paused {
            "paused"
        } else {
            "active"
        };
        let params = params![
            &follower.id,
            state,
            follower.failures,
            follower.failing_since_ms,
            follower.retry_at_ms,
            follower.last_error.as_deref(),
            follower.read_number
        ];
        self.connection.execute(SQL, params)?;
        Ok(())
    }

    /// Lets the same job be asked for anew although this one has not ended yet: what it was asked for it does no more.
    pub fn release_job_key(&mut self, job: &JobId) -> Result<()> {
        const SQL: &str = "UPDATE jobs SET dedup_key = NULL WHERE id = ?1";
        self.connection.execute(SQL, params![job.as_str()])?;
        Ok(())
    }
}
