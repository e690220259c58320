//! What an account's own monitoring reads, or is sent: its figures; and their form as Prometheus' text.

use crate::access::Refused;
use crate::account_access::AccountContext;
use crate::authorizer::Authorizer;
use crate::core::Core;
use crate::limits::read_limits;
use crate::sinks::{FOLLOWER_STATES, state_of};
use crate::usage::Month;
use crate::{Error, Result};
use metadata::{FollowerKind, Reader};
use model::{AccountId, Action};
use std::fmt::Write as _;
use std::sync::Arc;

/// Followers of an account that are looked at.
const COUNTED_AT_MOST: i64 = 1000;

/// Figures of accounts.
pub struct AccountMetrics {
    core: Arc<Core>,
    authorizer: Arc<Authorizer>,
}

/// One family: its name, what it says, and its samples, each with the one label that it may have. All are gauges.
pub(crate) type Family = (&'static str, &'static str, Vec<Sample>);
/// A label's name and value, if there is one, and the sample's value.
pub(crate) type Sample = (Option<(&'static str, String)>, u64);

impl AccountMetrics {
    pub(crate) fn new(core: Arc<Core>, authorizer: Arc<Authorizer>) -> Self {
        Self { core, authorizer }
    }

    /// The caller's account's figures. A limit that there is none of has no sample.
    pub async fn read(&self, by: &AccountContext) -> Result<String, Refused> {
        self.authorizer.require(by, Action::MetricsRead).await?;
        let (account, now_ms) = (by.id().clone(), self.core.now_ms());
        let read = self.core.metadata.list(move |reader| {
            let families = families(reader, &account, now_ms)?;
            Ok::<_, Error>(written(&families))
        });
        Ok(read.await?)
    }
}

/// An account's figures: twelve families, of at most ten samples each.
pub(crate) fn families(
    reader: &Reader<'_>,
    account: &AccountId,
    now_ms: i64,
) -> Result<Vec<Family>> {
    let mut families = usage(reader, account, now_ms)?;
    families.extend(sinks(reader, account, now_ms)?);
    families.extend(webhooks(reader, account, now_ms)?);
    Ok(families)
}

fn usage(reader: &Reader<'_>, account: &AccountId, now_ms: i64) -> Result<Vec<Family>> {
    let (used, limit) = reader.get_usage(account)?;
    let traffic = reader.find_traffic(account, &Month::at(now_ms).to_string())?;
    let limits = read_limits(reader, account)?.in_effect();
    let plain = |value: u64| vec![(None, value)];
    let limited = |value: Option<u64>| value.map(plain).unwrap_or_default();
    let jobs = reader.count_account_jobs(account)?.into_iter();
    let jobs = jobs.map(|(state, count)| (Some(("state", state)), whole(count)));
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
        let label = Some(("sink", sink.name));
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

/// Webhooks may be many: they are counted, and not listed.
fn webhooks(reader: &Reader<'_>, account: &AccountId, now_ms: i64) -> Result<[Family; 2]> {
    let mut standings = reader.list_account_follower_standings(account, COUNTED_AT_MOST)?;
    standings.retain(|one| one.kind == FollowerKind::Webhook);
    let (mut counts, mut oldest_ms) = ([0; FOLLOWER_STATES.len()], now_ms);
    for one in &standings {
        counts[state_of(one)] += 1;
        if !one.is_paused {
            oldest_ms = oldest_ms.min(one.oldest_at_ms.unwrap_or(now_ms));
        }
    }
    let states = FOLLOWER_STATES.map(|state| Some(("state", state.to_owned())));
    Ok([
        (
            "roadstead_account_webhooks",
            "Webhooks whose receivers were not told of everything, by state.",
            states.into_iter().zip(counts).collect(),
        ),
        (
            "roadstead_account_webhooks_lag_seconds",
            "Age of the oldest event that one of them was not told of and that is not paused.",
            vec![(None, whole((now_ms - oldest_ms) / 1000))],
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
        for (label, value) in samples {
            _ = match label {
                Some((label, of)) => {
                    writeln!(text, "{name}{{{label}=\"{}\"}} {value}", escaped(of))
                }
                None => writeln!(text, "{name} {value}"),
            };
        }
    }
    text
}
