//! Pushing accounts' metrics to collectors, by OTLP: once a minute, and after failures later each time. What could not be
//! pushed is not kept: the next figures take its place.

use super::feeding::Sent;
use super::forms::Place;
use super::spec::{metrics_url, settings, unsealed};
use super::{SinkKind, Sinks, otlp_metrics};
use crate::account_metrics::families;
use crate::job_queue::JobRequest;
use crate::{Error, Result};
use metadata::SinkRow;
use model::{AccountId, JobKind};
use outbound::HttpPost;

/// A little less than the minute after which it is looked again.
const EVERY_MS: i64 = 50_000;
/// How long a sink waits after its first failure; after each further one twice as long.
const FIRST_BACKOFF_MS: i64 = 60_000;
/// How long it waits at most.
const LONGEST_BACKOFF_MS: i64 = 3_600_000;
/// Sinks of one question.
const PAGE: i64 = 200;

impl Sinks {
    /// Asks for the jobs that push metrics which are due. Says how many.
    pub async fn request_metrics(&self) -> Result<usize> {
        let (now_ms, mut count) = (self.core.now_ms(), 0);
        loop {
            let listed = self
                .core
                .metadata
                .list(move |reader| Ok::<_, Error>(reader.list_due_metrics(now_ms, PAGE)?));
            let due = listed.await?;
            if due.is_empty() {
                return Ok(count);
            }
            count += due.len();
            let core = self.core.clone();
            let asked = self.core.metadata.write_relaxed(move |tx| {
                for (id, account) in due {
                    if tx.put_off_metrics(&id, now_ms, now_ms + EVERY_MS)? {
                        core.enqueue(tx, &job(&id, account))?;
                    }
                }
                Ok::<_, Error>(())
            });
            asked.await?;
        }
    }

    /// Pushes an account's metrics to one sink, once.
    pub async fn push_metrics(&self, payload: &str) -> Result<()> {
        let parsed: serde_json::Value = serde_json::from_str(payload).unwrap_or_default();
        let id = parsed.get("sink").and_then(serde_json::Value::as_str);
        let id = id.ok_or_else(|| {
            tracing::error!("a job does not say which sink it is for");
            Error::Internal
        })?;
        let Some((sink, account)) = self.load(id).await? else {
            return Ok(());
        };
        let follower = self
            .core
            .metadata
            .read(|reader| Ok::<_, Error>(reader.find_follower(id)?));
        // Whoever does not take the log for a day is not asked for anything else.
        let is_followed = follower.await?.is_some_and(|one| !one.is_paused);
        if sink.metrics_due_ms.is_none() || !is_followed || !account.state.allows_pull() {
            return Ok(());
        }
        let now_ms = self.core.now_ms();
        let owner = sink.account_id.clone();
        let figures = self
            .core
            .metadata
            .list(move |reader| families(reader, &owner, now_ms));
        let place = Place {
            account: &account.name,
            host: self.core.settings.shared_host.as_deref(),
        };
        let request = otlp_metrics::request(&place, &figures.await?, now_ms);
        let sent = self.send_metrics(&sink, &request).await?;
        self.note_metrics(sink, sent).await
    }

    /// The inner error says why the receiver does not have them.
    async fn send_metrics(&self, sink: &SinkRow, body: &[u8]) -> Result<Sent> {
        let url = unsealed(&self.key, (&sink.id, "url"), &sink.sealed_url)?;
        // Older programs know nothing of metrics, and may have changed the sink.
        let Some(url) = metrics_url(url.expose())
            .filter(|_| settings(sink).is_ok_and(|settings| settings.pushes_metrics))
        else {
            return Ok(Err("the sink is sent no metrics any more"
                .to_owned()
                .into()));
        };
        let secret = sink.sealed_secret.as_deref();
        let secret = secret.map(|sealed| unsealed(&self.key, (&sink.id, "secret"), sealed));
        let secret = secret.transpose()?;
        let headers: Vec<(&str, &str)> = secret
            .iter()
            .map(|secret| ("authorization", secret.expose()))
            .collect();
        let request = HttpPost {
            url: &url,
            headers: &headers,
            content_type: "application/x-protobuf",
            body,
            accepts_any_certificate: !sink.verifies_certificate,
        };
        Ok(self.request(sink, SinkKind::Otlp, request).await)
    }

    async fn note_metrics(&self, sink: SinkRow, sent: Sent) -> Result<()> {
        let (now_ms, why) = (self.core.now_ms(), sent.err().map(|not| not.why));
        let noted = self.core.metadata.write_relaxed(move |tx| {
            match why {
                None => tx.note_metrics_sent(&sink.id, now_ms)?,
                Some(why) => {
                    let due_ms = now_ms + wait_ms(sink.metrics_failures);
                    tx.note_metrics_failed((&sink.id, sink.version), &why, due_ms)?;
                }
            }
            Ok::<_, Error>(())
        });
        noted.await
    }
}

/// How long a sink waits that failed so often before it failed now.
fn wait_ms(failures: i64) -> i64 {
    let doublings = u32::try_from(failures).unwrap_or(0).min(20);
    (FIRST_BACKOFF_MS << doublings).min(LONGEST_BACKOFF_MS)
}

fn job(id: &str, account: AccountId) -> JobRequest {
    JobRequest {
        kind: JobKind::PUSH_METRICS,
        account: Some(account),
        payload: serde_json::json!({ "sink": id }).to_string(),
        dedup_key: Some(format!("metrics:{id}")),
        run_at_ms: None,
    }
}
