//! What an account's own monitoring reads: its figures, in Prometheus' text form.

use crate::access::Refused;
use crate::account_access::AccountContext;
use crate::authorizer::Authorizer;
use crate::core::Core;
use crate::limits::read_limits;
use crate::usage::Month;
use crate::{Error, Result};
use metadata::Reader;
use model::{AccountId, Action};
use std::fmt::Write as _;
use std::sync::Arc;

/// Figures of accounts.
pub struct AccountMetrics {
    core: Arc<Core>,
    authorizer: Arc<Authorizer>,
}

/// One family: its name, what it says, and its samples with their labels. All are gauges.
type Family = (&'static str, &'static str, Vec<(String, u64)>);

impl AccountMetrics {
    pub(crate) fn new(core: Arc<Core>, authorizer: Arc<Authorizer>) -> Self {
        Self { core, authorizer }
    }

    /// The caller's account's figures. A limit that there is none of has no sample.
    pub async fn read(&self, by: &AccountContext) -> Result<String, Refused> {
        self.authorizer.require(by, Action::MetricsRead).await?;
        let (account, now_ms) = (by.id().clone(), self.core.now_ms());
        let read = self.core.metadata.list(move |reader| {
            let mut families = usage(reader, &account, now_ms)?;
            families.extend(sinks(reader, &account, now_ms)?);
            Ok::<_, Error>(written(&families))
        });
        Ok(read.await?)
    }
}

fn usage(reader: &Reader<'_>, account: &AccountId, now_ms: i64) -> Result<Vec<Family>> {
    let (used, limit) = reader.get_usage(account)?;
    let traffic = reader.find_traffic(account, &Month::at(now_ms).to_string())?;
    let limits = read_limits(reader, account)?.in_effect();
    let plain = |value: u64| vec![(String::new(), value)];
    let limited = |value: Option<u64>| value.map(plain).unwrap_or_default();
    let jobs = reader.count_account_jobs(account)?.into_iter();
    let jobs = jobs.map(|(state, count)| (format!("{{state=\"{state}\"}}"), whole(count)));
    Ok(vec![
        (
            "ibm_containerregistry_pull_traffic",
            "Bytes pulled in this month.",
            plain(traffic.pull_bytes),
        ),
        (
            "ibm_containerregistry_pull_traffic_quota",
            "Bytes that may be pulled in a month.",
            limited(limits.pull_bytes_per_month),
        ),
        (
            "ibm_containerregistry_storage",
            "Bytes stored.",
            plain(used),
        ),
        (
            "ibm_containerregistry_storage_quota",
            "Bytes that may be stored.",
            limited(limit),
        ),
        (
            "roadstead_account_pulls",
            "Manifests pulled in this month.",
            plain(traffic.pulls),
        ),
        (
            "roadstead_account_pushes",
            "Manifests pushed in this month.",
            plain(traffic.pushes),
        ),
        ("roadstead_account_jobs", "Jobs, by state.", jobs.collect()),
    ])
}

fn sinks(reader: &Reader<'_>, account: &AccountId, now_ms: i64) -> Result<[Family; 3]> {
    let (mut events, mut seconds, mut paused) = (Vec::new(), Vec::new(), Vec::new());
    for sink in reader.list_sinks(account)? {
        let Some(follower) = reader.find_follower(&sink.id)? else {
            continue;
        };
        let lag = reader.follower_lag(&sink.id)?.unwrap_or_default();
        let mut waiting = Vec::new();
        if lag > 0 {
            waiting = reader.list_sealed_events(Some(account), follower.read_number, 1)?;
        }
        let since_ms = waiting.first().map_or(now_ms, |event| event.at_ms);
        let label = format!("{{sink=\"{}\"}}", escaped(&sink.name));
        events.push((label.clone(), whole(lag)));
        seconds.push((label.clone(), whole((now_ms - since_ms) / 1000)));
        paused.push((label, u64::from(follower.is_paused)));
    }
    Ok([
        (
            "roadstead_account_sink_lag_events",
            "Events that a sink's receiver has not taken yet.",
            events,
        ),
        (
            "roadstead_account_sink_lag_seconds",
            "For how long the first of them has been waiting.",
            seconds,
        ),
        (
            "roadstead_account_sink_paused",
            "Whether a sink was paused after its receiver failed for long.",
            paused,
        ),
    ])
}

fn whole(value: i64) -> u64 {
    u64::try_from(value).unwrap_or_default()
}

/// A label's value, as the text form wants it.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

fn written(families: &[Family]) -> String {
    let mut text = String::new();
    for (name, help, samples) in families {
        if samples.is_empty() {
            continue;
        }
        _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge");
        for (labels, value) in samples {
            _ = writeln!(text, "{name}{labels} {value}");
        }
    }
    text
}
