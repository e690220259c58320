//! Sinks: places outside to which an account's log goes, all of it and in order.
//!
//! A sink follows its account's events (`outbox.rs`), and its place moves on when its receiver took them: each event comes at
//! least once. Its URL and its secret are sealed, and never shown; of the URL, people see scheme, host and port.

mod bucket;
mod feeding;
mod forms;
mod measuring;
mod otlp;
mod otlp_metrics;
mod spec;
mod standing;

use crate::access::Refused;
use crate::account_access::AccountContext;
use crate::authorizer::Authorizer;
use crate::core::Core;
use crate::outbox::Outbox;
use crate::{Error, Result};
use keys::DeploymentKey;
use metadata::{Error as MetadataError, FollowerKind, FollowerRow, SinkRow, Turn, Tx};
use model::{Action, Event};
use outbound::{HttpClient, SyslogClient};
pub use spec::{SinkKind, SinkSettings, SinkSpec};
pub use standing::FollowerCounts;
pub(crate) use standing::{STATES as FOLLOWER_STATES, state_of};
use std::sync::Arc;

/// Sinks of one account.
const MAX_OF_ACCOUNT: usize = 10;
const HOUR_MS: i64 = 3_600_000;

/// A sink as people see it.
#[derive(Clone, Debug)]
pub struct SinkView {
    /// The sink; what is sealed in it is not for people.
    pub row: SinkRow,
    /// What its kind has beside that.
    pub settings: SinkSettings,
    /// How it fares; `None` for one that is disabled.
    pub follower: Option<FollowerRow>,
    /// Sealed events that its receiver has not taken yet.
    pub lag_events: i64,
    /// For how long the first of them has been waiting, in seconds.
    pub lag_seconds: i64,
}

/// What came of a trial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SinkTrial {
    /// Whether the receiver took it.
    pub is_delivered: bool,
    /// Why not, without secrets.
    pub error: Option<String>,
}

/// Sinks.
#[derive(Clone)]
pub struct Sinks {
    core: Arc<Core>,
    authorizer: Arc<Authorizer>,
    key: Arc<DeploymentKey>,
    client: HttpClient,
    syslog: SyslogClient,
    outbox: Outbox,
    followers: Arc<FollowerCounts>,
}

impl Sinks {
    pub(crate) fn new(
        (core, authorizer): (Arc<Core>, Arc<Authorizer>),
        key: Arc<DeploymentKey>,
        (client, syslog): (HttpClient, SyslogClient),
        outbox: Outbox,
    ) -> Self {
        Self {
            core,
            authorizer,
            key,
            client,
            syslog,
            outbox,
            followers: Arc::default(),
        }
    }

    /// The sinks of an account, by name; at most ten.
    pub async fn list(&self, by: &AccountContext) -> Result<Vec<SinkView>, Refused> {
        self.authorizer.require(by, Action::SinkList).await?;
        let account = by.id().clone();
        let listed = self
            .core
            .metadata
            .list(move |reader| Ok::<_, Error>(reader.list_sinks(&account)?));
        let mut views = Vec::new();
        for row in listed.await? {
            views.push(self.view(row).await?);
        }
        Ok(views)
    }

    /// A sink.
    ///
    /// # Errors
    /// [`Error::NotFound`], also for one of another account.
    pub async fn get(&self, by: &AccountContext, id: &str) -> Result<SinkView, Refused> {
        let row = self.find(by, id, Action::SinkRead).await?;
        Ok(self.view(row).await?)
    }

    /// Makes a sink. What happens from then on is sent to it.
    ///
    /// # Errors
    /// [`Error::Invalid`], [`Error::AlreadyExists`]; [`Error::NotNow`] beyond ten in an account.
    pub async fn create(&self, by: &AccountContext, spec: SinkSpec) -> Result<SinkView, Refused> {
        self.authorizer.require(by, Action::SinkCreate).await?;
        self.require_contents(by, &spec.settings).await?;
        let row = self.stored(&self.empty(by), spec)?;
        self.outbox.settle().await?;
        let new = row.clone();
        let created = self.core.change(by, move |core, tx, account| {
            // Two at a time could be one too many; and whoever seals next must find the follower.
            tx.take_turn(Turn::Sealing)?;
            if tx.list_sinks(account)?.len() >= MAX_OF_ACCOUNT {
                let text = format!("an account has at most {MAX_OF_ACCOUNT} sinks");
                return Err(Error::NotNow(text));
            }
            tx.create_sink(&new)
                .map_err(|error| named_twice(error, &new.name))?;
            if new.is_enabled {
                Outbox::follow(core, tx, FollowerKind::Sink, (&new.id, account))?;
            }
            let event = Event::SinkCreated {
                sink: new.name,
                receiver: new.origin,
            };
            Ok(((), Some(event)))
        });
        created.await?;
        Ok(self.view(SinkRow { version: 1, ..row }).await?)
    }

    /// Changes a sink, if it is in the version `of_version` when one is named.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Invalid`], [`Error::AlreadyExists`]; [`Error::NotNow`] when it was changed meanwhile.
    pub async fn update(
        &self,
        by: &AccountContext,
        id: &str,
        spec: SinkSpec,
        of_version: Option<i64>,
    ) -> Result<SinkView, Refused> {
        let old = self.find_to_change(by, id, &spec.settings).await?;
        if of_version.is_some_and(|version| version != old.version) {
            return Err(changed_meanwhile().into());
        }
        let row = self.stored(&old, spec)?;
        let settings = spec::changed(&old, &row);
        if settings.is_empty() {
            return Ok(self.view(old).await?);
        }
        if row.is_enabled && !old.is_enabled {
            self.outbox.settle().await?;
        }
        let new = row.clone();
        let updated = self.core.change(by, move |core, tx, account| {
            if new.is_enabled != old.is_enabled {
                tx.take_turn(Turn::Sealing)?;
            }
            // Its follower first, as whoever delivers does.
            let follower = tx.take_follower(&new.id)?;
            if !tx
                .update_sink(&new, core.now_ms())
                .map_err(|error| named_twice(error, &new.name))?
            {
                return Err(changed_meanwhile());
            }
            if !new.is_enabled && follower.is_some() {
                Outbox::unfollow(tx, &new.id)?;
            }
            if new.is_enabled && follower.is_none() {
                Outbox::follow(core, tx, FollowerKind::Sink, (&new.id, account))?;
            }
            let event = Event::SinkUpdated {
                sink: new.name,
                receiver: new.origin,
                settings,
            };
            Ok(((), Some(event)))
        });
        updated.await?;
        let row = SinkRow {
            version: row.version + 1,
            updated_at_ms: self.core.now_ms(),
            metrics_failures: 0,
            metrics_error: None,
            ..row
        };
        Ok(self.view(row).await?)
    }

    /// Deletes a sink; what it was not sent yet stays in the log.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn delete(&self, by: &AccountContext, id: &str) -> Result<(), Refused> {
        let row = self.find(by, id, Action::SinkDelete).await?;
        let deleted = self.core.change(by, move |_, tx, _| {
            // Whoever enables it at this moment makes a follower, which would be left behind alone.
            tx.take_turn(Turn::Sealing)?;
            tx.take_follower(&row.id)?;
            Outbox::unfollow(tx, &row.id)?;
            if !tx.delete_sink(&row.id)? {
                return Err(unknown());
            }
            Ok(((), Some(Event::SinkDeleted { sink: row.name })))
        });
        Ok(deleted.await?)
    }

    /// Lets a sink that was paused go on: with what happened meanwhile, too, unless `skips`.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::NotNow`] for one that is not paused.
    pub async fn resume(
        &self,
        by: &AccountContext,
        id: &str,
        skips: bool,
    ) -> Result<SinkView, Refused> {
        let row = self.find(by, id, Action::SinkUpdate).await?;
        if skips {
            self.outbox.settle().await?;
        }
        let (id, name) = (row.id.clone(), row.name.clone());
        let resumed = self.core.change(by, move |core, tx, _| {
            if skips {
                tx.take_turn(Turn::Sealing)?;
            }
            let follower = tx.take_follower(&id)?;
            if !follower.is_some_and(|follower| follower.is_paused) {
                return Err(Error::NotNow(format!("the sink {name} is not paused")));
            }
            Outbox::resume(core, tx, &id, skips)?;
            Ok(((), Some(Event::SinkResumed { sink: name, skips })))
        });
        resumed.await?;
        Ok(self.view(row).await?)
    }

    /// Whoever decides what is sent where may read it anyway.
    async fn require_contents(
        &self,
        by: &AccountContext,
        settings: &SinkSettings,
    ) -> Result<(), Refused> {
        self.authorizer.require(by, Action::AuditLogList).await?;
        if settings.pushes_metrics {
            self.authorizer.require(by, Action::MetricsRead).await?;
        }
        Ok(())
    }

    /// A sink that is to become something else.
    async fn find_to_change(
        &self,
        by: &AccountContext,
        id: &str,
        settings: &SinkSettings,
    ) -> Result<SinkRow, Refused> {
        self.authorizer.require(by, Action::SinkUpdate).await?;
        self.require_contents(by, settings).await?;
        self.find(by, id, Action::SinkUpdate).await
    }

    /// A sink of the caller's account, when its caller may do an action to it.
    async fn find(
        &self,
        by: &AccountContext,
        id: &str,
        action: Action,
    ) -> Result<SinkRow, Refused> {
        self.authorizer.require(by, action).await?;
        let found = self
            .core
            .metadata
            .read(|reader| Ok::<_, Error>(reader.find_sink(id)?));
        let row = found.await?.filter(|row| row.account_id == *by.id());
        Ok(row.ok_or_else(unknown)?)
    }

    /// A sink and how far it is, as of one moment: what was sent while the row was read is in both, or in neither.
    async fn view(&self, row: SinkRow) -> Result<SinkView> {
        let now_ms = self.core.now_ms();
        let found = self.core.metadata.list(move |reader| {
            let row = reader.find_sink(&row.id)?.unwrap_or_else(|| row.clone());
            let follower = reader.find_follower(&row.id)?;
            let lag = reader.follower_lag(&row.id)?.unwrap_or_default();
            let read_number = follower.as_ref().map_or(0, |one| one.read_number);
            let mut waiting = Vec::new();
            if lag > 0 {
                waiting = reader.list_sealed_events(Some(&row.account_id), read_number, 1)?;
            }
            Ok::<_, Error>((row, follower, lag, waiting))
        });
        let (row, follower, lag_events, waiting) = found.await?;
        let since_ms = waiting.first().map_or(now_ms, |event| event.at_ms);
        Ok(SinkView {
            settings: spec::settings(&row)?,
            row,
            follower,
            lag_events,
            lag_seconds: (now_ms - since_ms).max(0) / 1000,
        })
    }

    /// What a new sink begins with.
    fn empty(&self, by: &AccountContext) -> SinkRow {
        let now_ms = self.core.now_ms();
        SinkRow {
            id: self.core.ids.next_id(),
            account_id: by.id().clone(),
            name: String::new(),
            kind: String::new(),
            sealed_url: String::new(),
            origin: String::new(),
            sealed_secret: None,
            settings: String::new(),
            verifies_certificate: true,
            is_enabled: false,
            sent_events: 0,
            sent_at_ms: None,
            told_hour: now_ms.div_euclid(HOUR_MS),
            creator: by.authenticated().caller.display_name().to_owned(),
            version: 1,
            created_at_ms: now_ms,
            updated_at_ms: now_ms,
            metrics_due_ms: None,
            metrics_failures: 0,
            metrics_error: None,
            metrics_sent_at_ms: None,
        }
    }
}

/// Says that a sink was paused.
pub(crate) fn paused(
    core: &Core,
    tx: &mut Tx<'_>,
    follower: &FollowerRow,
    failing_since_ms: i64,
) -> Result<()> {
    let Some(row) = tx.find_sink(&follower.id)? else {
        return Ok(());
    };
    let event = Event::SinkPaused {
        sink: row.name,
        failing_since_ms,
    };
    core.record_by_itself(tx, &event, &row.account_id)
}

fn named_twice(error: MetadataError, name: &str) -> Error {
    match error {
        MetadataError::AlreadyExists => Error::AlreadyExists(format!("the sink {name}")),
        error => error.into(),
    }
}

fn unknown() -> Error {
    Error::NotFound("the sink".to_owned())
}

fn changed_meanwhile() -> Error {
    Error::NotNow(
        "the sink was changed since you read it; read it again, and change what you find then"
            .to_owned(),
    )
}
