//! Telling addresses: what is read becomes one mail to each of them, as long as there is room; what comes meanwhile waits, and
//! is in the next one.

use super::addresses::said;
use super::letters::{self, Told};
use super::{MAIL_NOTICE, Mail, MailSettings, place, room};
use crate::outbox::{Batch, Leaving, Left, RUN_LIMIT_MS};
use crate::{Error, Result};
use metadata::{MailAddressRow, MailAddressState, MailPolicyRow};
use model::{Account, AccountId, Event, JobId};
use outbound::MailFailed;

/// Events that are read at a time, pages of them that one mail is made of at most, and events that it tells of.
const EVENTS: i64 = 200;
const PAGES: usize = 50;
const TOLD: usize = 1000;
/// How long a mail waits for the mail server's turn, and until it is tried again when nothing is taken for its address.
const TURN_MS: i64 = 5_000;
const RETRY_MS: i64 = 10 * 60_000;
/// An address for which nothing was taken for so long is refused.
const PATIENCE_MS: i64 = 24 * 3_600_000;

/// What came of looking once at what is next.
enum Round {
    /// Nothing follows any more, or may not.
    Gone,
    /// Something was read, and everybody was told who is to be.
    Passed,
    /// There is nothing to read.
    Idle,
    /// There is room again then.
    Full(i64),
    /// The mail server failed; why, for people.
    Failed(String),
}

/// What one address was told.
enum Sent {
    Done,
    Full(i64),
    /// Nothing is taken for this address until then; for others it may be.
    Later(i64),
    Failed(String),
}

/// What is decided about an account.
struct Plan {
    account: Account,
    policy: MailPolicyRow,
    addresses: Vec<MailAddressRow>,
}

impl Mail {
    /// One run of a job of mail: sends an address its code, or tells an account's addresses of what is next, until nothing is
    /// left or the time is over.
    ///
    /// # Errors
    /// [`Error::NotNow`] when a code could not be sent at present.
    pub async fn run(&self, payload: &str, job: &JobId) -> Result<()> {
        let parsed: serde_json::Value = serde_json::from_str(payload).unwrap_or_default();
        let text = |field: &str| parsed.get(field).and_then(serde_json::Value::as_str);
        if let Some(id) = text("address") {
            return self.send_code(id, text("ask").unwrap_or_default()).await;
        }
        let id = text("follower").ok_or_else(|| {
            tracing::error!("a job does not say whom mail is for");
            Error::Internal
        })?;
        let until_ms = self.core.now_ms() + RUN_LIMIT_MS;
        loop {
            let leaving = if self.core.now_ms() >= until_ms {
                Leaving::Yield
            } else {
                match self.round(id).await? {
                    Round::Gone => return Ok(()),
                    Round::Passed => continue,
                    Round::Idle => Leaving::Idle,
                    Round::Full(free_at_ms) => Leaving::Until(free_at_ms),
                    Round::Failed(why) => Leaving::Failed(why),
                }
            };
            if self.outbox.leave(id, job, leaving).await? == Left::Gone {
                return Ok(());
            }
        }
    }

    async fn round(&self, id: &str) -> Result<Round> {
        let Some(batch) = self.outbox.next(id, EVENTS).await? else {
            return Ok(Round::Gone);
        };
        if batch.events.is_empty() {
            return Ok(Round::Idle);
        }
        let Some(plan) = self.plan(&batch.follower.account_id).await? else {
            return Ok(Round::Gone);
        };
        let is_told = |one: &&MailAddressRow| one.state == MailAddressState::Confirmed;
        let mut readers: Vec<&MailAddressRow> = plan.addresses.iter().filter(is_told).collect();
        // Whoever was told least recently comes first: when there is room for few mails, all have their turn.
        readers.sort_by_key(|reader| reader.told_number);
        let settings = match self.settings() {
            Ok(settings) => settings,
            Err(error) => return Ok(Round::Failed(error.to_string())),
        };
        let (events, through) = self.gather(settings, &plan, &batch).await?;
        let mut waits_until = None;
        for reader in &readers {
            let new: Vec<&Told> = events
                .iter()
                .filter(|event| event.number > reader.told_number)
                .collect();
            if new.is_empty() {
                continue;
            }
            let waits = reader.retry_at_ms.filter(|at| *at > self.core.now_ms());
            let sent = match waits {
                Some(retry_at_ms) => Sent::Later(retry_at_ms),
                None => self.tell(settings, &plan, (reader, &new)).await?,
            };
            match sent {
                Sent::Done => {}
                Sent::Later(at_ms) => {
                    waits_until = Some(waits_until.map_or(at_ms, |until: i64| until.min(at_ms)));
                }
                Sent::Full(free_at_ms) => return Ok(Round::Full(free_at_ms)),
                Sent::Failed(why) => return Ok(Round::Failed(why)),
            }
        }
        // What one of them still has to be told of is not passed.
        if let Some(until_ms) = waits_until {
            return Ok(Round::Full(until_ms));
        }
        // What was nobody's concern says nothing about the mail server.
        let is_success = !events.is_empty() || readers.is_empty();
        let place = (through, is_success);
        let passed = self.outbox.pass(&batch.follower, place, |_, _| Ok(()));
        Ok(if passed.await? {
            Round::Passed
        } else {
            Round::Gone
        })
    }

    async fn plan(&self, account: &AccountId) -> Result<Option<Plan>> {
        let wanted = account.clone();
        let found = self.core.metadata.read(move |reader| {
            let policy = reader.find_mail_policy(&wanted)?;
            let account = reader.find_account(&wanted)?;
            let (Some(policy), Some(account)) = (policy, account) else {
                return Ok(None);
            };
            let addresses = reader.list_mail_addresses(&wanted)?;
            Ok::<_, Error>(Some(Plan {
                account,
                policy,
                addresses,
            }))
        });
        found.await
    }

    /// What is to be told of a batch, and of what comes after it if there is anything, and the number of the last event that
    /// was looked at.
    async fn gather(
        &self,
        settings: &MailSettings,
        plan: &Plan,
        batch: &Batch,
    ) -> Result<(Vec<Told>, i64)> {
        let at = place(settings, &plan.account.name);
        let (mut events, mut page, mut through) =
            (Vec::new(), batch.events.clone(), batch.through());
        for _ in 0..PAGES {
            let kinds = &plan.policy.event_types;
            let wanted = page.iter().filter(|event| kinds.contains(&event.kind));
            events.extend(wanted.map(|event| letters::told(&at, event)));
            let is_last = i64::try_from(page.len()).unwrap_or(i64::MAX) < EVENTS;
            if events.is_empty() || events.len() >= TOLD || is_last {
                break;
            }
            let account = plan.account.id.clone();
            let next = self.core.metadata.list(move |reader| {
                Ok::<_, Error>(reader.list_sealed_events(Some(&account), through, EVENTS)?)
            });
            page = next.await?;
            through = page
                .last()
                .and_then(|event| event.number)
                .unwrap_or(through);
        }
        Ok((events, through))
    }

    async fn tell(
        &self,
        settings: &MailSettings,
        plan: &Plan,
        (reader, events): (&MailAddressRow, &[&Told]),
    ) -> Result<Sent> {
        if let Err(free_at_ms) = self.take_room(settings.per_hour, &plan.account.id).await? {
            return Ok(Sent::Full(free_at_ms));
        }
        let to = reader.address.parse().map_err(Error::Invalid)?;
        let at = place(settings, &plan.account.name);
        let stop = self.stop_code(&reader.id);
        let letter = letters::notice(&at, events, (&reader.address, &stop));
        let number = |event: Option<&&Told>| event.map_or(0, |event| event.number);
        let (first, through) = (number(events.first()), number(events.last()));
        // The same events for the same address have the same id, however often they come.
        let message_id = format!("notice.{}.{first}-{through}", reader.id);
        let sent = settings.mailer.send(outbound::Mail {
            to: &to,
            subject: &letter.subject,
            text: &letter.text,
            id: &message_id,
            at_ms: self.core.now_ms(),
        });
        let sent = sent.await;
        self.note(MAIL_NOTICE, &reader.id, &sent);
        let (core, id) = (self.core.clone(), reader.id.clone());
        let account = reader.account_id.clone();
        match sent {
            Ok(()) => {
                let noted = self.core.metadata.write(move |tx| {
                    tx.note_mail_sent((&id, &account), through, core.now_ms())?;
                    Ok::<_, Error>(())
                });
                noted.await?;
            }
            Err(error @ (MailFailed::Refused(_) | MailFailed::Text(_))) => {
                let why = said(&error);
                let noted = self.core.metadata.write(move |tx| {
                    if tx.refuse_mail_address(&id, &why)? {
                        let mail_address = id.clone();
                        let event = Event::MailAddressRefused { mail_address };
                        core.record_by_itself(tx, &event, &account)?;
                    }
                    Ok::<_, Error>(())
                });
                noted.await?;
            }
            Err(error @ MailFailed::Later(_)) => return self.wait_for(reader, &error).await,
            Err(MailFailed::Busy) => return Ok(Sent::Full(self.core.now_ms() + TURN_MS)),
            Err(error) => return Ok(Sent::Failed(said(&error))),
        }
        Ok(Sent::Done)
    }

    /// Tries an address again later; one for which nothing was taken for a day is refused.
    async fn wait_for(&self, reader: &MailAddressRow, error: &MailFailed) -> Result<Sent> {
        let (core, id, why) = (self.core.clone(), reader.id.clone(), said(error));
        let account = reader.account_id.clone();
        let noted = self.core.metadata.write(move |tx| {
            let now_ms = core.now_ms();
            let retry_at_ms = now_ms + RETRY_MS;
            let since_ms = tx.note_mail_failing(&id, &why, (now_ms, retry_at_ms))?;
            if now_ms - since_ms < PATIENCE_MS {
                return Ok(Sent::Later(retry_at_ms));
            }
            if tx.refuse_mail_address(&id, &why)? {
                let mail_address = id.clone();
                let event = Event::MailAddressRefused { mail_address };
                core.record_by_itself(tx, &event, &account)?;
            }
            Ok::<_, Error>(Sent::Done)
        });
        noted.await
    }

    /// Takes room for a mail; when there is room again, if there is none.
    async fn take_room(
        &self,
        per_hour: u32,
        account: &AccountId,
    ) -> Result<std::result::Result<(), i64>> {
        let (core, account) = (self.core.clone(), account.clone());
        let taken = self.core.metadata.write(move |tx| {
            let now_ms = core.now_ms();
            let policy = tx.take_mail_policy(&account, now_ms)?;
            match room::take(policy.busy_until_ms, now_ms, per_hour) {
                Ok(busy_until_ms) => {
                    tx.take_mail_room(&account, busy_until_ms)?;
                    Ok::<_, Error>(Ok(()))
                }
                Err(free_at_ms) => Ok(Err(free_at_ms)),
            }
        });
        taken.await
    }
}
