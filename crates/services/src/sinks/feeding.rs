//! Feeding sinks: what they read is sent in batches of bounded size, for a bounded time.

use super::forms::{self, Place};
use super::spec::{settings, unsealed};
use super::{HOUR_MS, SinkKind, SinkSettings, SinkTrial, Sinks, bucket, otlp};
use crate::access::Refused;
use crate::account_access::AccountContext;
use crate::limits::read_limits;
use crate::outbox::{Leaving, Left, RUN_LIMIT_MS};
use crate::usage::{Month, time_text};
use crate::{Error, Result};
use keys::SecretString;
use metadata::{EventRow, SinkRow};
use model::{Account, AccountId, Action, Event, JobId};
use outbound::{HttpFailed, HttpPost, SyslogPlace};

/// Events that are read and sent at a time, and bytes of them; one event that is larger is sent alone.
const EVENTS: i64 = 200;
const BATCH_BYTES: usize = 1024 * 1024;
/// As much of an answer as is read, in bytes; nobody looks at it.
const ANSWER_BYTES: usize = 1024;
/// Says that the receiver takes less at a time (413, Content Too Large).
const TOO_LARGE: u16 = 413;
/// Accounts whose usage lines one look writes.
const ACCOUNTS: i64 = 200;

/// Why a receiver does not have what was sent.
pub(super) struct NotSent {
    /// For people, without secrets.
    pub(super) why: String,
    /// Whether less at once may be taken.
    is_too_large: bool,
}

impl From<String> for NotSent {
    fn from(why: String) -> Self {
        Self {
            why,
            is_too_large: false,
        }
    }
}

/// What came of sending.
pub(super) type Sent = std::result::Result<(), NotSent>;

impl Sinks {
    /// One run of a sink's job: sends what it reads, until nothing is left or the time is over.
    pub async fn run(&self, payload: &str, job: &JobId) -> Result<()> {
        let parsed: serde_json::Value = serde_json::from_str(payload).unwrap_or_default();
        let id = parsed.get("follower").and_then(serde_json::Value::as_str);
        let id = id.ok_or_else(|| {
            tracing::error!("a job does not say which sink it is for");
            Error::Internal
        })?;
        let until_ms = self.core.now_ms() + RUN_LIMIT_MS;
        let mut at_once = usize::MAX;
        loop {
            if self.core.now_ms() >= until_ms {
                self.outbox.leave(id, job, Leaving::Yield).await?;
                return Ok(());
            }
            let Some(batch) = self.outbox.next(id, EVENTS).await? else {
                return Ok(());
            };
            let Some((sink, account)) = self.load(id).await? else {
                return Ok(());
            };
            let events = portion(&batch.events, at_once);
            let Some(through) = events.last().and_then(|event| event.number) else {
                match self.outbox.leave(id, job, Leaving::Idle).await? {
                    Left::Again => continue,
                    Left::Gone => return Ok(()),
                }
            };
            if let Err(not) = self.send(&sink, &account, events).await? {
                if not.is_too_large && events.len() > 1 {
                    at_once = events.len() / 2;
                    continue;
                }
                self.outbox.leave(id, job, Leaving::Failed(not.why)).await?;
                return Ok(());
            }
            let count = i64::try_from(events.len()).unwrap_or(i64::MAX);
            let place = (through, true);
            let passed = self.outbox.pass(&batch.follower, place, move |core, tx| {
                Ok(tx.note_sink_sent(&sink.id, count, core.now_ms())?)
            });
            if !passed.await? {
                return Ok(());
            }
        }
    }

    /// Sends a trial, which is in no log, and says what came of it. It takes no longer than 15 s.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn test(&self, by: &AccountContext, id: &str) -> Result<SinkTrial, Refused> {
        let sink = self.find(by, id, Action::SinkUpdate).await?;
        let trial = EventRow {
            id: self.core.ids.next_id(),
            number: None,
            hash: None,
            kind: "sink.trial".to_owned(),
            caller: by.authenticated().caller.display_name().to_owned(),
            credential: String::new(),
            address: None,
            agent: None,
            resource: Some(sink.name.clone()),
            namespace_id: None,
            payload: r#"{"text":"This is a trial: nothing happened."}"#.to_owned(),
            at_ms: self.core.now_ms(),
        };
        if !by.account().state.allows_push() {
            return Err(Error::AccountSuspended.into());
        }
        let sent = self.send(&sink, by.account(), &[trial]).await?;
        let is_delivered = sent.is_ok();
        let tested = self.core.change(by, move |_, _, _| {
            let event = Event::SinkTested {
                sink: sink.name,
                is_delivered,
            };
            Ok(((), Some(event)))
        });
        tested.await?;
        Ok(SinkTrial {
            is_delivered,
            error: sent.err().map(|not| not.why),
        })
    }

    /// Writes a usage line for the hour that is over into the logs of accounts that have sinks. Says how many.
    pub async fn tell_usage(&self) -> Result<usize> {
        let hour = self.core.now_ms().div_euclid(HOUR_MS);
        let listed = self
            .core
            .metadata
            .list(move |reader| Ok::<_, Error>(reader.list_untold_accounts(hour, ACCOUNTS)?));
        let accounts = listed.await?;
        let count = accounts.len();
        for account in accounts {
            self.tell_usage_of(account, hour).await?;
        }
        Ok(count)
    }

    async fn tell_usage_of(&self, account: AccountId, hour: i64) -> Result<()> {
        let core = self.core.clone();
        let told = self.core.metadata.write(move |tx| {
            if !tx.note_usage_told(&account, hour)? {
                return Ok(());
            }
            let began_ms = (hour - 1) * HOUR_MS;
            let (used_bytes, storage_limit_bytes) = tx.get_usage(&account)?;
            let traffic = tx.find_traffic(&account, &Month::at(began_ms).to_string())?;
            let limits = read_limits(tx, &account)?.in_effect();
            let event = Event::UsageHour {
                usage: time_text(began_ms),
                used_bytes,
                storage_limit_bytes,
                pull_bytes: traffic.pull_bytes,
                pull_limit_bytes: limits.pull_bytes_per_month,
                pulls: traffic.pulls,
                pushes: traffic.pushes,
            };
            core.record_by_itself(tx, &event, &account)?;
            Ok::<_, Error>(())
        });
        told.await
    }

    pub(super) async fn load(&self, id: &str) -> Result<Option<(SinkRow, Account)>> {
        let found = self.core.metadata.read(|reader| {
            let Some(sink) = reader.find_sink(id)? else {
                return Ok(None);
            };
            let account = reader.find_account(&sink.account_id)?;
            Ok::<_, Error>(account.map(|account| (sink, account)))
        });
        found.await
    }

    /// Sends events. The inner error says why the receiver does not have them.
    async fn send(&self, sink: &SinkRow, account: &Account, events: &[EventRow]) -> Result<Sent> {
        let kind = SinkKind::parse(&sink.kind).ok_or(Error::Internal)?;
        let settings = settings(sink)?;
        let url = unsealed(&self.key, (&sink.id, "url"), &sink.sealed_url)?;
        let secret = sink.sealed_secret.as_deref();
        let secret = secret.map(|sealed| unsealed(&self.key, (&sink.id, "secret"), sealed));
        let secret = secret.transpose()?;
        let place = Place {
            account: &account.name,
            host: self.core.settings.shared_host.as_deref(),
        };
        if kind == SinkKind::Syslog {
            let receiver = SyslogPlace {
                url: url.expose().to_owned(),
                verifies_certificate: sink.verifies_certificate,
                ca_certificates: settings.ca_certificates,
            };
            let messages: Vec<String> = events
                .iter()
                .map(|one| forms::syslog(&place, one))
                .collect();
            let sent = self.syslog.send(&receiver, &messages).await;
            return Ok(sent.map_err(|error| said(sink, &error).into()));
        }
        let (content_type, body) = match kind {
            SinkKind::Otlp => {
                let request = otlp::request(&place, events, self.core.now_ms());
                ("application/x-protobuf", request)
            }
            SinkKind::S3 => ("application/x-ndjson", lines(&place, events)),
            _ if settings.is_cadf => ("application/json", forms::cadf(&place, events).into()),
            _ => (
                "application/cloudevents-batch+json",
                forms::cloud_events(&place, events).into(),
            ),
        };
        let (target, headers) = match &secret {
            Some(secret) if kind == SinkKind::S3 => {
                let object = object_place(sink, url.expose(), &place, events);
                self.signed(object, (&settings, secret), &body)
            }
            Some(secret) => (
                url.expose().to_owned(),
                vec![("authorization", secret.expose().to_owned())],
            ),
            None => (url.expose().to_owned(), Vec::new()),
        };
        let headers: Vec<(&str, &str)> = headers
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let request = HttpPost {
            url: &target,
            headers: &headers,
            content_type,
            body: &body,
            accepts_any_certificate: !sink.verifies_certificate,
        };
        Ok(self.request(sink, kind, request).await)
    }

    /// The URL and the headers with which an object is put.
    fn signed(
        &self,
        (origin, path): (String, String),
        (settings, secret): (&SinkSettings, &SecretString),
        body: &[u8],
    ) -> (String, Vec<(&'static str, String)>) {
        let region = match settings.region.as_str() {
            "" => "us-east-1",
            region => region,
        };
        let key = bucket::AccessKey {
            id: &settings.access_key_id,
            secret,
            region,
        };
        let object = bucket::Object {
            host: origin.rsplit("://").next().unwrap_or_default(),
            path: &path,
            body,
            at: &compact_time(self.core.now_ms()),
        };
        let headers = bucket::headers(&key, &object).into();
        (format!("{origin}{path}"), headers)
    }

    pub(super) async fn request(
        &self,
        sink: &SinkRow,
        kind: SinkKind,
        request: HttpPost<'_>,
    ) -> Sent {
        let answer = if kind == SinkKind::S3 {
            self.client.put(request, ANSWER_BYTES).await
        } else {
            self.client.post(request, ANSWER_BYTES).await
        };
        match answer {
            Ok(answer) if (200..300).contains(&answer.status) => Ok(()),
            Ok(answer) => Err(NotSent {
                why: format!("{} answered with status {}", sink.origin, answer.status),
                is_too_large: answer.status == TOO_LARGE,
            }),
            Err(error) => Err(said(sink, &error).into()),
        }
    }
}

/// As many of the first events as make a batch, `at_once` at most; one at least, if there are any.
fn portion(events: &[EventRow], at_once: usize) -> &[EventRow] {
    let mut bytes = 0;
    let fits = events.iter().take_while(|event| {
        bytes += event.payload.len();
        bytes <= BATCH_BYTES
    });
    let count = fits.count().min(at_once).max(1).min(events.len());
    events.get(..count).unwrap_or_default()
}

fn lines(place: &Place<'_>, events: &[EventRow]) -> Vec<u8> {
    let mut text = String::new();
    for event in events {
        text += &forms::line(place, event);
        text.push('\n');
    }
    text.into_bytes()
}

/// The store and the path of the object with these events. It is named by the first and the last of them: what is put in the
/// place of another has the same events, however late it comes.
fn object_place(
    sink: &SinkRow,
    url: &str,
    place: &Place<'_>,
    events: &[EventRow],
) -> (String, String) {
    let path = url.split_once("://").map_or("", |(_, rest)| rest);
    let path = path.split_once('/').map_or("", |(_, path)| path);
    let (first, last) = (events.first(), events.last());
    let time = compact_time(first.map_or(0, |event| event.at_ms));
    let number = |event: Option<&EventRow>| event.and_then(|event| event.number);
    let name = match (number(first), number(last)) {
        (Some(first), Some(last)) => format!("{first:020}-{last:020}"),
        _ => "trial".to_owned(),
    };
    let (day, account) = (time.get(..8).unwrap_or_default(), place.account);
    let path = format!("/{}/{account}/{day}/{name}.jsonl", path.trim_matches('/'));
    (sink.origin.clone(), path)
}

/// `YYYYMMDDTHHMMSSZ`.
fn compact_time(at_ms: i64) -> String {
    time_text(at_ms).replace(['-', ':'], "")
}

/// What people may know: which way it failed tells about a network that may not be theirs.
fn said(sink: &SinkRow, error: &HttpFailed) -> String {
    tracing::warn!(sink = sink.id, host = sink.origin, %error, "a sink's receiver was not reached");
    match error {
        HttpFailed::TimedOut => format!("{} did not answer in time", sink.origin),
        _ => format!(
            "{} cannot be reached, or the deployment does not allow connections there",
            sink.origin
        ),
    }
}
