//! Mail about what happens in an account, to addresses whose readers agreed to it.
//!
//! An account that wants mail has a follower of its events (`outbox.rs`): each event of the kinds that it chose is told at
//! least once to each address, many of them in one mail. Addresses are personal: no event and no metric names one.

mod addresses;
mod letters;
mod room;
mod telling;

use crate::access::Refused;
use crate::account_access::AccountContext;
use crate::authorizer::Authorizer;
use crate::core::Core;
use crate::outbox::Outbox;
use crate::{Error, Result};
use keys::DeploymentKey;
use letters::Place;
use metadata::{FollowerKind, FollowerRow, MailAddressRow, Turn, Tx};
use model::{AccountId, Action, Event};
use outbound::{MailFailed, Mailer};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Kinds of events that can be told by mail.
pub const MAIL_EVENT_TYPES: [&str; 6] = [
    "job.failed",
    "webhook.paused",
    "sink.paused",
    "account.storage_warning",
    "quota.exceeded",
    "address.certificate_ending",
];
/// What a mail is for, and what came of it, as metrics say it.
const PURPOSES: [&str; 2] = ["notice", "confirmation"];
const MAIL_NOTICE: usize = 0;
const MAIL_CONFIRMATION: usize = 1;
const OUTCOMES: [&str; 3] = ["sent", "refused", "failed"];

/// What the deployment decided about mail.
#[derive(Clone, Debug)]
pub struct MailSettings {
    /// The server that takes it.
    pub mailer: Mailer,
    /// Mails about events that an account may have sent in an hour; at least 1.
    pub per_hour: u32,
    /// How people reach the registry: scheme, host and port; where that is known.
    pub registry_url: Option<String>,
}

/// What an account has told by mail, as people see it.
#[derive(Clone, Debug)]
pub struct MailView {
    /// The kinds of events.
    pub event_types: Vec<String>,
    /// Who is told, or is asked to agree.
    pub addresses: Vec<MailAddressRow>,
    /// How telling fares; `None` while nobody is told of anything.
    pub follower: Option<FollowerRow>,
    /// Sealed events that were not looked at yet.
    pub lag_events: i64,
    /// Mails about events that the mail server took.
    pub sent_mails: i64,
    /// When it last took one.
    pub sent_at_ms: Option<i64>,
}

/// Mails since this process started, by purpose and outcome.
#[derive(Debug, Default)]
struct Counts([[AtomicU64; OUTCOMES.len()]; PURPOSES.len()]);

/// Mail about accounts.
#[derive(Clone)]
pub struct Mail {
    core: Arc<Core>,
    authorizer: Arc<Authorizer>,
    key: Arc<DeploymentKey>,
    outbox: Outbox,
    counts: Arc<Counts>,
}

impl Mail {
    pub(crate) fn new(
        (core, authorizer): (Arc<Core>, Arc<Authorizer>),
        key: Arc<DeploymentKey>,
        outbox: Outbox,
    ) -> Self {
        Self {
            core,
            authorizer,
            key,
            outbox,
            counts: Arc::default(),
        }
    }

    /// What an account has told by mail, and to whom.
    pub async fn get(&self, by: &AccountContext) -> Result<MailView, Refused> {
        self.authorizer.require(by, Action::MailRead).await?;
        Ok(self.view(by.id()).await?)
    }

    /// Decides of what an account is told by mail: from then on, and nothing for no kinds.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a kind that cannot be told.
    pub async fn set(
        &self,
        by: &AccountContext,
        event_types: Vec<String>,
    ) -> Result<MailView, Refused> {
        self.require_change(by).await?;
        let kinds = kinds_of(&event_types)?;
        self.outbox.settle().await?;
        let decided = self.core.change(by, move |core, tx, account| {
            take(core, tx, account)?;
            let policy = tx.take_mail_policy(account, core.now_ms())?;
            if policy.event_types == kinds {
                return Ok(((), None));
            }
            tx.put_mail_policy(account, &kinds, core.now_ms())?;
            fit_follower(core, tx, account)?;
            let event_types = kinds.iter().map(|&kind| kind.to_owned()).collect();
            Ok(((), Some(Event::MailUpdated { event_types })))
        });
        decided.await?;
        Ok(self.view(by.id()).await?)
    }

    /// Lets mail that was paused go on: with what happened meanwhile, too, unless `skips`.
    ///
    /// # Errors
    /// [`Error::NotNow`] when it is not paused.
    pub async fn resume(&self, by: &AccountContext, skips: bool) -> Result<MailView, Refused> {
        self.authorizer.require(by, Action::MailUpdate).await?;
        if skips {
            self.outbox.settle().await?;
        }
        let resumed = self.core.change(by, move |core, tx, account| {
            if skips {
                tx.take_turn(Turn::Sealing)?;
            }
            let id = FollowerKind::mail_id(account);
            let follower = tx.take_follower(&id)?;
            if !follower.is_some_and(|follower| follower.is_paused) {
                return Err(Error::NotNow("mail is not paused".to_owned()));
            }
            Outbox::resume(core, tx, &id, skips)?;
            Ok(((), Some(Event::MailResumed { skips })))
        });
        resumed.await?;
        Ok(self.view(by.id()).await?)
    }

    /// Mails since this process started: purpose, outcome, how many.
    pub fn counts(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> {
        PURPOSES
            .into_iter()
            .zip(&self.counts.0)
            .flat_map(|(purpose, counts)| {
                let counts = OUTCOMES.into_iter().zip(counts);
                counts
                    .map(move |(outcome, count)| (purpose, outcome, count.load(Ordering::Relaxed)))
            })
    }

    /// Whoever decides what is told to whom may read it anyway.
    async fn require_change(&self, by: &AccountContext) -> Result<(), Refused> {
        self.authorizer.require(by, Action::MailUpdate).await?;
        self.authorizer.require(by, Action::AuditLogList).await?;
        Ok(())
    }

    /// What the deployment decided.
    ///
    /// # Errors
    /// [`Error::NotNow`] when it sends no mail.
    fn settings(&self) -> Result<&MailSettings> {
        self.core.settings.mail.as_ref().ok_or_else(|| {
            let text = "this deployment sends no mail; whoever runs it would set [mail]";
            Error::NotNow(text.to_owned())
        })
    }

    /// Counts a mail to an address of that id, and writes down for the deployment why it was not sent.
    fn note(&self, purpose: usize, id: &str, sent: &std::result::Result<(), MailFailed>) {
        let outcome = match sent {
            Ok(()) => 0,
            Err(MailFailed::Refused(_) | MailFailed::Text(_)) => 1,
            Err(
                MailFailed::Later(_)
                | MailFailed::Failed(_)
                | MailFailed::TimedOut
                | MailFailed::Busy,
            ) => 2,
        };
        if matches!(sent, Err(MailFailed::Busy)) {
            return;
        }
        self.counts.0[purpose][outcome].fetch_add(1, Ordering::Relaxed);
        if let Err(error) = sent {
            let purpose = PURPOSES[purpose];
            tracing::warn!(address = id, purpose, %error, "a mail was not sent");
        }
    }

    async fn view(&self, account: &AccountId) -> Result<MailView> {
        let account = account.clone();
        let found = self.core.metadata.list(move |reader| {
            let id = FollowerKind::mail_id(&account);
            let policy = reader.find_mail_policy(&account)?;
            Ok::<_, Error>(MailView {
                sent_mails: policy.as_ref().map_or(0, |policy| policy.sent_mails),
                sent_at_ms: policy.as_ref().and_then(|policy| policy.sent_at_ms),
                event_types: policy.map(|policy| policy.event_types).unwrap_or_default(),
                addresses: reader.list_mail_addresses(&account)?,
                follower: reader.find_follower(&id)?,
                lag_events: reader.follower_lag(&id)?.unwrap_or_default(),
            })
        });
        found.await
    }
}

/// Where an account is, for a mail.
fn place<'a>(settings: &'a MailSettings, account: &'a str) -> Place<'a> {
    Place {
        account,
        registry_url: settings.registry_url.as_deref(),
    }
}

/// The kinds of events of that name, each once, in the order in which there are.
fn kinds_of(names: &[String]) -> Result<Vec<&'static str>> {
    if let Some(unknown) = names
        .iter()
        .find(|name| !MAIL_EVENT_TYPES.contains(&name.as_str()))
    {
        let unknown: String = unknown.chars().take(100).collect();
        let known = MAIL_EVENT_TYPES.join(", ");
        let text = format!("{unknown:?} is not told by mail; these are: {known}");
        return Err(Error::Invalid(text));
    }
    let kinds = MAIL_EVENT_TYPES.into_iter();
    Ok(kinds
        .filter(|kind| names.iter().any(|name| name == kind))
        .collect())
}

/// Before the first change of who is told of what, in every transaction that may begin or end a follower: what comes first is
/// what whoever seals takes first, then the follower, then the account's policy and addresses.
fn take(core: &Core, tx: &mut Tx<'_>, account: &AccountId) -> Result<()> {
    tx.take_turn(Turn::Sealing)?;
    tx.take_follower(&FollowerKind::mail_id(account))?;
    tx.take_mail_policy(account, core.now_ms())?;
    Ok(())
}

/// An account has a follower exactly while something is to be told to somebody.
fn fit_follower(core: &Core, tx: &mut Tx<'_>, account: &AccountId) -> Result<()> {
    let id = FollowerKind::mail_id(account);
    let policy = tx.find_mail_policy(account)?;
    let is_wanted = policy.is_some_and(|policy| !policy.event_types.is_empty());
    let addresses = tx.list_mail_addresses(account)?;
    let has_reader = addresses.iter().any(|one| one.confirmed_at_ms.is_some());
    match (is_wanted && has_reader, tx.find_follower(&id)?.is_some()) {
        (true, false) => Outbox::follow(core, tx, FollowerKind::Mail, (&id, account)),
        (false, true) => Outbox::unfollow(tx, &id),
        _ => Ok(()),
    }
}

/// Says that nobody is told by mail any more.
pub(crate) fn paused(
    core: &Core,
    tx: &mut Tx<'_>,
    follower: &FollowerRow,
    failing_since_ms: i64,
) -> Result<()> {
    let event = Event::MailPaused { failing_since_ms };
    core.record_by_itself(tx, &event, &follower.account_id)
}
