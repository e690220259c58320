//! Telling webhooks: what they read becomes deliveries, and those are sent in order, for a bounded time.

use super::Webhooks;
use super::answers::{SentWith, readable};
use super::ends::{FORGOTTEN, REMEMBERED};
use super::payload::{Place, Told, repository_of, told};
use super::spec::{WebhookKind, glob, unsealed};
use crate::core::Core;
use crate::outbox::{Batch, Leaving, Left, RUN_LIMIT_MS};
use crate::{DEFAULT_ACCOUNT, Error, Result};
use metadata::{DeliveryRow, NamespaceRow, Numbered, RepositoryKey, Tx, WebhookRow};
use model::{JobId, JobKind, NamespaceId};
use oci::RepositoryName;
use outbound::{HttpFailed, HttpPost};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Events that are read at a time, and deliveries that wait at most.
const EVENTS: i64 = 200;
const WAITING: usize = 50;
/// As much of an answer as is kept, in bytes.
const ANSWER_BYTES: usize = 4096;
/// For how long deliveries are remembered.
const MEMORY_MS: i64 = 30 * 24 * 3_600_000;
/// For how long something that somebody asked for may wait.
const STUCK_MS: i64 = 3_600_000;

/// What came of a request.
enum Sent {
    /// The receiver took it.
    Delivered,
    /// It will never take this.
    Refused,
    /// It may take it later.
    Failed(String),
}

impl Webhooks {
    /// One run of a webhook's job: sends what waits, then what it reads, until nothing is left or the time is over.
    pub async fn run(&self, payload: &str, job: &JobId) -> Result<()> {
        let id = read_text(payload, "follower")?;
        let until_ms = self.core.now_ms() + RUN_LIMIT_MS;
        loop {
            let Some((webhook, namespace)) = self.load(&id).await? else {
                return Ok(());
            };
            let wanted = id.clone();
            let waiting = self
                .core
                .metadata
                .list(move |reader| Ok::<_, Error>(reader.list_waiting_deliveries(&wanted, 1)?));
            let waiting = waiting.await?;
            // One at a time: what was changed, disabled or deleted meanwhile is so for the next.
            if let Some(delivery) = waiting.into_iter().next() {
                if self.core.now_ms() >= until_ms {
                    self.outbox.leave(&id, job, Leaving::Yield).await?;
                    return Ok(());
                }
                if let Sent::Failed(why) = self.send(&webhook, delivery, false).await? {
                    self.outbox.leave(&id, job, Leaving::Failed(why)).await?;
                    return Ok(());
                }
                continue;
            }
            let Some(batch) = self.outbox.next(&id, EVENTS).await? else {
                return Ok(());
            };
            if batch.events.is_empty() {
                match self.outbox.leave(&id, job, Leaving::Idle).await? {
                    Left::Again => continue,
                    Left::Gone => return Ok(()),
                }
            }
            if !self.take_up(&webhook, &namespace, &batch).await? {
                return Ok(());
            }
        }
    }

    /// Sends something that somebody asked for, once.
    pub async fn run_by_hand(&self, payload: &str) -> Result<()> {
        let id = read_text(payload, "webhook")?;
        let parsed: serde_json::Value = serde_json::from_str(payload).unwrap_or_default();
        let number = parsed.get("delivery").and_then(serde_json::Value::as_i64);
        let number = number.ok_or(Error::Internal)?;
        let Some((webhook, _)) = self.load(&id).await? else {
            return Ok(());
        };
        let found = self
            .core
            .metadata
            .read(|reader| Ok::<_, Error>(reader.find_delivery(&id, number)?));
        if let Some(delivery) = found.await?.filter(|found| found.state == "waiting") {
            self.send(&webhook, delivery, true).await?;
        }
        Ok(())
    }

    /// Asks for jobs that were lost, ends what waits for nothing, and forgets what is old. Says how much there was.
    pub async fn tend(&self) -> Result<usize> {
        let count = self.outbox.tend().await?;
        let now_ms = self.core.now_ms();
        loop {
            let tended = self.core.metadata.write_relaxed(move |tx| {
                let why = "its job was lost or called off";
                let ended = tx.end_stuck_deliveries(why, (now_ms - STUCK_MS, now_ms), FORGOTTEN)?;
                Ok::<_, Error>(ended + tx.forget_deliveries(now_ms - MEMORY_MS, FORGOTTEN)?)
            });
            if tended.await? == 0 {
                return Ok(count);
            }
        }
    }

    /// A webhook that may be told of something now. What waits for one whose account is being closed is called off.
    async fn load(&self, id: &str) -> Result<Option<(WebhookRow, Arc<NamespaceRow>)>> {
        let found = self.core.metadata.read(|reader| {
            let Some(webhook) = reader.find_webhook(id)? else {
                return Ok(None);
            };
            let namespace = reader.find_namespace_by_id(&webhook.namespace_id)?;
            Ok::<_, Error>(namespace.map(|namespace| (webhook, Arc::new(namespace))))
        });
        let Some((webhook, namespace)) = found.await? else {
            return Ok(None);
        };
        if namespace.account_state.allows_pull() {
            return Ok(Some((webhook, namespace)));
        }
        let (id, now_ms) = (webhook.id, self.core.now_ms());
        let ended = self.core.metadata.write(move |tx| {
            let why = ("cancelled", "the account is being closed");
            Ok::<_, Error>(tx.end_waiting_deliveries(&id, why, now_ms)?)
        });
        ended.await?;
        Ok(None)
    }

    /// What is needed to say what a webhook is told of.
    pub(super) async fn place<'a>(
        &self,
        webhook: &'a WebhookRow,
        namespace: &'a NamespaceRow,
    ) -> Result<Place<'a>> {
        let account = &webhook.account_id;
        let core = &self.core;
        let namespace_id: &NamespaceId = &namespace.id;
        let number = core.number(account, Numbered::Namespace, namespace_id.as_str());
        let numbers = (
            number.await?,
            core.number(account, Numbered::Webhook, &webhook.id).await?,
        );
        let owner = core
            .metadata
            .read(|reader| Ok::<_, Error>(reader.find_account(account)?));
        let name = owner.await?.map_or_else(String::new, |owner| owner.name);
        let own = core.settings.account_domain.as_ref();
        let own = own.filter(|_| name != DEFAULT_ACCOUNT);
        let host = own
            .map(|domain| format!("{name}.{domain}/"))
            .or_else(|| Some(format!("{}/", core.settings.shared_host.as_ref()?)));
        Ok(Place {
            repositories: glob(&webhook.repositories)?,
            tags: glob(&webhook.tags)?,
            webhook,
            namespace: (&namespace.name, namespace.is_public),
            host: host.unwrap_or_default(),
            created: HashMap::new(),
            numbers,
        })
    }

    /// When the repositories were made that a webhook is told of, by name.
    async fn created(&self, place: &Place<'_>, batch: &Batch) -> Result<HashMap<String, i64>> {
        let events = batch.events.iter();
        let named = events.filter_map(|event| repository_of(place, event));
        let account_id = &place.webhook.account_id;
        let keys: HashSet<RepositoryKey> = named
            .take(WAITING)
            .filter_map(|name| RepositoryName::parse(&name).ok())
            .map(|name| RepositoryKey {
                account_id: account_id.clone(),
                name,
            })
            .collect();
        let found = self.core.metadata.read(|reader| {
            let mut created = HashMap::new();
            for key in &keys {
                if let Some(at_ms) = reader.find_repository_time(key)? {
                    created.insert(key.name.as_str().to_owned(), at_ms);
                }
            }
            Ok::<_, Error>(created)
        });
        found.await
    }

    /// Makes deliveries of what was read. Says whether the webhook was still where it had been.
    async fn take_up(
        &self,
        webhook: &WebhookRow,
        namespace: &NamespaceRow,
        batch: &Batch,
    ) -> Result<bool> {
        let mut place = self.place(webhook, namespace).await?;
        place.created = self.created(&place, batch).await?;
        let mut taken: Vec<(String, Told)> = Vec::new();
        let mut through = batch.through();
        for event in &batch.events {
            let Some(told) = told(&place, event) else {
                continue;
            };
            taken.push((event.id.clone(), told));
            if taken.len() == WAITING {
                through = event.number.unwrap_or(through);
                break;
            }
        }
        let webhook = webhook.clone();
        self.outbox
            .pass(&batch.follower, (through, false), move |core, tx| {
                create(core, tx, &webhook, taken)
            })
            .await
    }

    /// Sends a delivery, and writes down what came of it.
    async fn send(
        &self,
        webhook: &WebhookRow,
        mut delivery: DeliveryRow,
        is_last: bool,
    ) -> Result<Sent> {
        let sealed_url = Some(webhook.sealed_url.as_str());
        let url = unsealed(&self.key, &webhook.id, "url", sealed_url)?.ok_or(Error::Internal)?;
        let sealed_auth = webhook.sealed_auth.as_deref();
        let auth = unsealed(&self.key, &webhook.id, "auth", sealed_auth)?;
        let sealed_secret = webhook.sealed_secret.as_deref();
        let secret = unsealed(&self.key, &webhook.id, "secret", sealed_secret)?;
        let at_secs = self.core.now_ms().div_euclid(1000);
        let (at, number) = (at_secs.to_string(), delivery.number.to_string());
        let body = delivery.payload.as_bytes();
        let signature = secret
            .as_ref()
            .map(|secret| format!("v1={}", keys::sign_message(secret, at_secs, body)));
        let mut headers = vec![
            ("x-roadstead-event", delivery.event_type.as_str()),
            ("x-roadstead-event-id", delivery.event_id.as_str()),
            ("x-roadstead-delivery", number.as_str()),
            ("x-roadstead-timestamp", at.as_str()),
        ];
        if let Some(signature) = &signature {
            headers.push(("x-roadstead-signature", signature));
        }
        if let Some(auth) = &auth {
            headers.push(("authorization", auth.expose()));
        }
        let post = HttpPost {
            url: url.expose(),
            headers: &headers,
            content_type: &delivery.content_type,
            body,
            accepts_any_certificate: !webhook.verifies_certificate,
        };
        let began_ms = self.core.now_ms();
        let answered = self.client.post(post, ANSWER_BYTES).await;
        let took_ms = (self.core.now_ms() - began_ms).max(0);
        delivery.sent_at_ms = Some(began_ms);
        delivery.attempts += 1;
        delivery.response_status = None;
        delivery.response = None;
        delivery.duration_ms = None;
        let sent = match answered {
            Ok(answer) => {
                let sent = SentWith {
                    url: &url,
                    is_path_secret: webhook.kind == WebhookKind::Slack.as_str(),
                    auth: auth.as_ref(),
                    secret: secret.as_ref(),
                };
                delivery.response = Some(readable(&answer.body, ANSWER_BYTES, &sent));
                delivery.response_status = Some(i64::from(answer.status));
                delivery.duration_ms = Some(took_ms);
                judge(answer.status)
            }
            Err(error) => {
                let (receiver, id) = (&webhook.origin, &webhook.id);
                tracing::warn!(receiver, webhook = id, %error, "a webhook's receiver did not answer");
                Sent::Failed(said_to_people(&error))
            }
        };
        self.write_down(delivery, &sent, is_last).await?;
        Ok(sent)
    }

    async fn write_down(
        &self,
        mut delivery: DeliveryRow,
        sent: &Sent,
        is_last: bool,
    ) -> Result<()> {
        let now_ms = self.core.now_ms();
        let (state, error) = match sent {
            Sent::Delivered => ("delivered", None),
            Sent::Refused => ("failed", Some("the receiver does not take it".to_owned())),
            Sent::Failed(why) if is_last => ("failed", Some(why.clone())),
            Sent::Failed(why) => ("waiting", Some(why.clone())),
        };
        state.clone_into(&mut delivery.state);
        delivery.error = error;
        delivery.ended_at_ms = (state != "waiting").then_some(now_ms);
        let has_answered = !matches!(sent, Sent::Failed(_));
        let written = self.core.metadata.write(move |tx| {
            // Also what it does not take says that it is there.
            if has_answered {
                crate::outbox::succeeded(tx, &delivery.webhook_id)?;
            }
            tx.put_attempt(&delivery)?;
            Ok::<_, Error>(())
        });
        written.await
    }
}

/// Stores deliveries of events, and forgets as many old ones, more or less.
fn create(
    core: &Core,
    tx: &mut Tx<'_>,
    webhook: &WebhookRow,
    taken: Vec<(String, Told)>,
) -> Result<()> {
    if taken.is_empty() {
        return Ok(());
    }
    let count = i64::try_from(taken.len()).unwrap_or(i64::MAX);
    let Some(first) = tx.number_deliveries(&webhook.id, count)? else {
        return Ok(());
    };
    for (number, (event_id, told)) in (first..).zip(taken) {
        let delivery = DeliveryRow {
            webhook_id: webhook.id.clone(),
            number,
            account_id: webhook.account_id.clone(),
            event_id,
            event_type: told.event_type,
            cause: "event".to_owned(),
            of_number: None,
            state: "waiting".to_owned(),
            content_type: told.content_type.to_owned(),
            payload: told.payload,
            attempts: 0,
            response_status: None,
            response: None,
            error: None,
            duration_ms: None,
            created_at_ms: core.now_ms(),
            sent_at_ms: None,
            ended_at_ms: None,
        };
        tx.create_delivery(&delivery)?;
    }
    tx.forget_deliveries_through(&webhook.id, first - REMEMBERED, (false, FORGOTTEN))?;
    Ok(())
}

/// A status that says that this very body will never be taken does not hold up what comes after it.
fn judge(status: u16) -> Sent {
    match status {
        200..=299 => Sent::Delivered,
        400 | 405 | 406 | 411 | 413 | 415 | 422 => Sent::Refused,
        status => Sent::Failed(format!("the receiver answered with status {status}")),
    }
}

/// What people may know: which way it failed tells about a network that may not be theirs.
fn said_to_people(error: &HttpFailed) -> String {
    match error {
        HttpFailed::TimedOut => "the receiver did not answer within 10 seconds".to_owned(),
        _ => {
            "the receiver cannot be reached, or the deployment does not allow requests to go there"
                .to_owned()
        }
    }
}

fn read_text(payload: &str, field: &str) -> Result<String> {
    let payload: serde_json::Value = serde_json::from_str(payload).unwrap_or_default();
    let text = payload.get(field).and_then(serde_json::Value::as_str);
    text.map(str::to_owned).ok_or_else(|| {
        let kind = JobKind::DELIVER_WEBHOOKS.name;
        tracing::error!(kind, field, "a job does not say what it is for");
        Error::Internal
    })
}
