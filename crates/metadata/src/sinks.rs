//! Sinks of accounts: where their logs go.

use crate::connection::{Row, params};
use crate::error::{Error, Result};
use crate::{Reader, Tx};
use model::{AccountId, JobState};

/// A sink. What is sealed has no readable form here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SinkRow {
    /// Its identifier, and its follower's.
    pub id: String,
    /// Whose it is.
    pub account_id: AccountId,
    /// Its name, unique in the account.
    pub name: String,
    /// What receives: `syslog`, `https`, `s3` or `otlp`.
    pub kind: String,
    /// Where it is sent, sealed.
    pub sealed_url: String,
    /// Scheme, host and port of that.
    pub origin: String,
    /// What lets the registry in there, sealed.
    pub sealed_secret: Option<String>,
    /// What else its kind has, in JSON; no secrets.
    pub settings: String,
    /// Whether the receiver's certificate is verified.
    pub verifies_certificate: bool,
    /// Whether anything is sent at present.
    pub is_enabled: bool,
    /// Events that its receiver took.
    pub sent_events: i64,
    /// When it last took some.
    pub sent_at_ms: Option<i64>,
    /// The hour since 1970 of the last usage line.
    pub told_hour: i64,
    /// Who made it.
    pub creator: String,
    /// Grows with each change.
    pub version: i64,
    /// When it was made.
    pub created_at_ms: i64,
    /// When it was last changed.
    pub updated_at_ms: i64,
    /// When its account's metrics are pushed next; `None` when they are not.
    pub metrics_due_ms: Option<i64>,
    /// How often that failed since the last success.
    pub metrics_failures: i64,
    /// Why it failed last, for people; no secrets.
    pub metrics_error: Option<String>,
    /// When it last went well.
    pub metrics_sent_at_ms: Option<i64>,
}

macro_rules! columns {
    () => {
        "id, account_id, name, kind, sealed_url, origin, sealed_secret, settings, verifies_certificate, is_enabled, \
         sent_events, sent_at_ms, told_hour, creator, version, created_at_ms, updated_at_ms, metrics_due_ms, \
         metrics_failures, metrics_error, metrics_sent_at_ms"
    };
}

fn read_sink(row: &Row<'_>) -> Result<SinkRow> {
    Ok(SinkRow {
        id: row.text(0)?,
        account_id: AccountId::new(row.text(1)?),
        name: row.text(2)?,
        kind: row.text(3)?,
        sealed_url: row.text(4)?,
        origin: row.text(5)?,
        sealed_secret: row.optional_text(6)?,
        settings: row.text(7)?,
        verifies_certificate: row.flag(8)?,
        is_enabled: row.flag(9)?,
        sent_events: row.int(10)?,
        sent_at_ms: row.optional_int(11)?,
        told_hour: row.int(12)?,
        creator: row.text(13)?,
        version: row.int(14)?,
        created_at_ms: row.int(15)?,
        updated_at_ms: row.int(16)?,
        metrics_due_ms: row.optional_int(17)?,
        metrics_failures: row.int(18)?,
        metrics_error: row.optional_text(19)?,
        metrics_sent_at_ms: row.optional_int(20)?,
    })
}

impl Reader<'_> {
    /// A sink, whoever's it is.
    pub fn find_sink(&self, id: &str) -> Result<Option<SinkRow>> {
        const SQL: &str = concat!("SELECT ", columns!(), " FROM sinks WHERE id = ?1");
        self.connection.find(SQL, params![id], read_sink)
    }

    /// The sinks of an account, by name. There are never many.
    pub fn list_sinks(&self, account: &AccountId) -> Result<Vec<SinkRow>> {
        const SQL: &str = concat!(
            "SELECT ",
            columns!(),
            " FROM sinks WHERE account_id = ?1 ORDER BY name"
        );
        self.connection
            .list(SQL, params![account.as_str()], read_sink)
    }

    /// Accounts with sinks to which the usage of this hour was not told yet; those of `limit` such sinks.
    pub fn list_untold_accounts(&self, hour: i64, limit: i64) -> Result<Vec<AccountId>> {
        const SQL: &str = "SELECT account_id FROM sinks WHERE told_hour < ?1 \
             ORDER BY told_hour, account_id LIMIT ?2";
        let mut accounts = self.connection.list(SQL, params![hour, limit], |row| {
            Ok(AccountId::new(row.text(0)?))
        })?;
        accounts.dedup();
        Ok(accounts)
    }

    /// Sinks whose accounts' metrics are due to be pushed: with the longest due first, id and account of `limit` of them.
    pub fn list_due_metrics(&self, now_ms: i64, limit: i64) -> Result<Vec<(String, AccountId)>> {
        const SQL: &str = "SELECT id, account_id FROM sinks WHERE metrics_due_ms <= ?1 ORDER BY metrics_due_ms, id LIMIT ?2";
        self.connection.list(SQL, params![now_ms, limit], |row| {
            Ok((row.text(0)?, AccountId::new(row.text(1)?)))
        })
    }

    /// How many jobs of an account there are in each state, by the state's word. Jobs that ended are forgotten after a while.
    pub fn count_account_jobs(&self, account: &AccountId) -> Result<Vec<(String, i64)>> {
        const SQL: &str = "SELECT COUNT(CASE WHEN state = 'queued' THEN 1 END), COUNT(CASE WHEN state = 'running' THEN 1 END), \
             COUNT(CASE WHEN state = 'done' THEN 1 END), COUNT(CASE WHEN state = 'failed' THEN 1 END), \
             COUNT(CASE WHEN state = 'cancelled' THEN 1 END) FROM jobs WHERE account_id = ?1";
        let mut counts = Vec::new();
        self.connection.get(SQL, params![account.as_str()], |row| {
            for (at, state) in JobState::ALL.into_iter().enumerate() {
                counts.push((state.as_str().to_owned(), row.int(at)?));
            }
            Ok(())
        })?;
        counts.retain(|(_, count)| *count > 0);
        Ok(counts)
    }
}

impl Tx<'_> {
    /// Makes a sink.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`] when the account has one of that name; the transaction can go on.
    pub fn create_sink(&mut self, sink: &SinkRow) -> Result<()> {
        const SQL: &str = "INSERT INTO sinks (id, account_id, name, kind, sealed_url, origin, sealed_secret, settings, \
             verifies_certificate, is_enabled, sent_events, sent_at_ms, told_hour, creator, version, created_at_ms, \
             updated_at_ms, metrics_due_ms) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 0, NULL, ?11, ?12, 1, ?13, ?13, ?14) ON CONFLICT \
             (account_id, name) DO NOTHING";
        let created = self.connection.execute(
            SQL,
            params![
                &sink.id,
                sink.account_id.as_str(),
                &sink.name,
                &sink.kind,
                &sink.sealed_url,
                &sink.origin,
                sink.sealed_secret.as_deref(),
                &sink.settings,
                sink.verifies_certificate,
                sink.is_enabled,
                sink.told_hour,
                &sink.creator,
                sink.created_at_ms,
                sink.metrics_due_ms
            ],
        )?;
        if created == 0 {
            return Err(Error::AlreadyExists);
        }
        Ok(())
    }

    /// Changes what people decide about a sink, if it is still in the version that `sink` says, and forgets how pushing
    /// metrics failed. Says whether it was.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`] when the account has another of that name.
    pub fn update_sink(&mut self, sink: &SinkRow, now_ms: i64) -> Result<bool> {
        const OTHER: &str = "SELECT 1 FROM sinks WHERE account_id = ?1 AND name = ?2 AND id <> ?3";
        const SQL: &str = "UPDATE sinks SET name = ?3, kind = ?4, sealed_url = ?5, origin = ?6, sealed_secret = ?7, \
             settings = ?8, verifies_certificate = ?9, is_enabled = ?10, version = version + 1, updated_at_ms = ?11, \
             metrics_due_ms = ?12, metrics_failures = 0, metrics_error = NULL WHERE id = ?1 AND version = ?2";
        let other = params![sink.account_id.as_str(), &sink.name, &sink.id];
        if self.connection.exists(OTHER, other)? {
            return Err(Error::AlreadyExists);
        }
        let updated = self.connection.execute(
            SQL,
            params![
                &sink.id,
                sink.version,
                &sink.name,
                &sink.kind,
                &sink.sealed_url,
                &sink.origin,
                sink.sealed_secret.as_deref(),
                &sink.settings,
                sink.verifies_certificate,
                sink.is_enabled,
                now_ms,
                sink.metrics_due_ms
            ],
        )?;
        Ok(updated > 0)
    }

    /// A sink's receiver took so many events.
    pub fn note_sink_sent(&mut self, id: &str, events: i64, now_ms: i64) -> Result<()> {
        const SQL: &str =
            "UPDATE sinks SET sent_events = sent_events + ?2, sent_at_ms = ?3 WHERE id = ?1";
        self.connection.execute(SQL, params![id, events, now_ms])?;
        Ok(())
    }

    /// An account's metrics are pushed to a sink again at `due_ms`, if they were due at or before `now_ms`. Says whether they
    /// were.
    pub fn put_off_metrics(&mut self, id: &str, now_ms: i64, due_ms: i64) -> Result<bool> {
        const SQL: &str =
            "UPDATE sinks SET metrics_due_ms = ?3 WHERE id = ?1 AND metrics_due_ms <= ?2";
        Ok(self.connection.execute(SQL, params![id, now_ms, due_ms])? > 0)
    }

    /// An account's metrics were pushed to a sink.
    pub fn note_metrics_sent(&mut self, id: &str, now_ms: i64) -> Result<()> {
        const SQL: &str = "UPDATE sinks SET metrics_failures = 0, metrics_error = NULL, metrics_sent_at_ms = ?2 WHERE id = ?1";
        self.connection.execute(SQL, params![id, now_ms])?;
        Ok(())
    }

    /// They could not be, and are tried again at `due_ms`, if the sink is still in this version.
    pub fn note_metrics_failed(
        &mut self,
        (id, version): (&str, i64),
        error: &str,
        due_ms: i64,
    ) -> Result<()> {
        const SQL: &str = "UPDATE sinks SET metrics_failures = metrics_failures + 1, metrics_error = ?3, metrics_due_ms = ?4 \
             WHERE id = ?1 AND version = ?2 AND metrics_due_ms IS NOT NULL";
        let params = params![id, version, error, due_ms];
        self.connection.execute(SQL, params)?;
        Ok(())
    }

    /// The usage of an hour is told to an account's sinks. Says whether it was not told before.
    pub fn note_usage_told(&mut self, account: &AccountId, hour: i64) -> Result<bool> {
        const SQL: &str =
            "UPDATE sinks SET told_hour = ?2 WHERE account_id = ?1 AND told_hour < ?2";
        let told = self
            .connection
            .execute(SQL, params![account.as_str(), hour])?;
        Ok(told > 0)
    }

    /// Deletes a sink. Says whether there was one.
    pub fn delete_sink(&mut self, id: &str) -> Result<bool> {
        const SQL: &str = "DELETE FROM sinks WHERE id = ?1";
        Ok(self.connection.execute(SQL, params![id])? > 0)
    }
}
