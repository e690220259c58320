//! Whoever follows an account's events gets every one of them and no other, although the receivers are away for two
//! minutes, and the registry is killed while they are and once they are back.

mod load;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use clap::ValueEnum;
use engines::Postgres;
use serde_json::{Value, json};

use super::Database;
use super::receiver::{Manner, Receiver};
use super::registry::{Place, Registry};
use super::retention::settle;
use load::{Done, Way, during};

/// How long receivers are away, and everything is there before and after. A trial has a part of it.
const AWAY: u64 = 120;
const BEFORE: u64 = 30;
const AFTER: u64 = 90;
/// How long it may take until everything has come: whoever was away is tried again after a while.
const LONGEST_WAY: Duration = Duration::from_mins(15);
const JSON: &str = "application/json";
const SETTINGS: &[(&str, &str)] = &[("ROADSTEAD_OUTBOUND__ALLOW", r#"["127.0.0.1"]"#)];

/// Who follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Follower {
    /// A webhook, over HTTP.
    Webhook,
    /// A sink that is sent CloudEvents over HTTPS.
    Https,
    /// A sink that is sent syslog over TCP.
    Syslog,
}

impl Follower {
    pub(super) const ALL: [Self; 3] = [Self::Webhook, Self::Https, Self::Syslog];

    fn title(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Https => "CloudEvents over HTTPS",
            Self::Syslog => "syslog over TCP",
        }
    }

    fn receiver(self) -> anyhow::Result<Receiver> {
        match self {
            Self::Webhook => Receiver::start(Manner::Answers, false, ids_of_cloud_events),
            Self::Https => Receiver::start(Manner::Answers, true, ids_of_cloud_events),
            Self::Syslog => Receiver::start(Manner::ReadsSyslog, false, ids_of_syslog),
        }
    }

    /// Has the registry tell it what happens.
    fn follow(self, registry: &Registry<'_>, receiver: &Receiver) -> anyhow::Result<()> {
        let address = receiver.address();
        let (path, body) = match self {
            Self::Webhook => (
                "/api/v2.0/projects/library/webhook/policies",
                json!({
                    "name": "follower",
                    "enabled": true,
                    "event_types": ["PUSH_ARTIFACT", "DELETE_ARTIFACT"],
                    "targets": [{
                        "type": "http",
                        "address": format!("http://{address}/"),
                        "payload_format": "CloudEvents",
                    }],
                }),
            ),
            Self::Https => (super::sink::SINKS, super::sink::https(receiver)),
            Self::Syslog => (super::sink::SINKS, super::sink::syslog(receiver)),
        };
        let mut admin = registry.client()?;
        let made = admin.send("POST", path, JSON, body.to_string().as_bytes())?;
        made.expect(201, self.title())?;
        Ok(())
    }

    /// Whether it is told of an event.
    fn is_told(self, event: &Logged) -> bool {
        match self {
            Self::Webhook => {
                let kinds = ["manifest.pushed", "tag.put", "manifest.deleted"];
                kinds.contains(&event.kind.as_str()) && event.repository.starts_with("library/")
            }
            Self::Https | Self::Syslog => true,
        }
    }
}

/// An event of the audit log.
struct Logged {
    number: u64,
    kind: String,
    repository: String,
}

/// What a follower got.
#[derive(Clone, Debug, Default)]
struct Got {
    title: &'static str,
    expected: usize,
    received: usize,
    /// Received more than once.
    again: usize,
    missing: usize,
    invented: usize,
    /// Received before one with a smaller number.
    unordered: usize,
    /// Until everything was there, from the end of the work.
    took: Duration,
}

fn ids_of_cloud_events(body: &str) -> Vec<String> {
    let Ok(body) = serde_json::from_str::<Value>(body) else {
        return vec![format!("no JSON: {body}")];
    };
    let events = match body {
        Value::Array(events) => events,
        one => vec![one],
    };
    let id = |event: &Value| {
        event["id"]
            .as_str()
            .unwrap_or("an event without an id")
            .to_owned()
    };
    events.iter().map(id).collect()
}

fn ids_of_syslog(message: &str) -> Vec<String> {
    // Behind the structured data stands the event as JSON.
    let event = message.split_once("] ").map_or("", |(_, event)| event);
    ids_of_cloud_events(event)
}

pub(super) fn run(
    server: &Path,
    root: &Path,
    database: Database,
    (followers, away): (&[Follower], Option<u64>),
) -> anyhow::Result<(String, Vec<String>)> {
    let postgres = match database {
        Database::Sqlite => None,
        Database::Postgresql => Some(Postgres::builder().start()?),
    };
    let data = root.join(format!("events-{database:?}").to_lowercase());
    let postgres = postgres.as_ref().map(|server| (server, "events"));
    let place = Place::make(server, data, postgres)?;
    let registry = Registry::start(&place, SETTINGS)?;
    let mut following = Vec::new();
    for &follower in followers {
        // What happened before is sealed, and none of it is told.
        settle(&registry)?;
        let before = log(&place)?.len();
        let receiver = follower.receiver()?;
        follower.follow(&registry, &receiver)?;
        following.push((follower, receiver, before));
    }
    let way = Mutex::new(Way::to(&registry)?);
    let away = away.unwrap_or(AWAY);
    let part = |secs: u64| Duration::from_secs(secs * away / AWAY);
    let mut running = Some(registry);
    let done = during(&way, || {
        thread::sleep(part(BEFORE));
        for (_, receiver, _) in &following {
            receiver.set_up(false);
        }
        thread::sleep(part(AWAY) / 2);
        restart(&place, &mut running, &way)?;
        thread::sleep(part(AWAY) / 2);
        for (_, receiver, _) in &following {
            receiver.set_up(true);
        }
        thread::sleep(part(AFTER) / 2);
        restart(&place, &mut running, &way)?;
        thread::sleep(part(AFTER) / 2);
        Ok(())
    })?;
    let mut got = Vec::new();
    let begun = Instant::now();
    for (follower, receiver, before) in &following {
        got.push(wait(&place, *before, (*follower, receiver), begun)?);
    }
    running.map_or(Ok(()), Registry::stop)?;
    let proved = place
        .command("admin")
        .args(["audit", "verify", "--all"])
        .output()?;
    ensure!(
        proved.status.success(),
        "the audit log is not as it was sealed"
    );
    Ok(report(done, &got))
}

/// Kills the registry, and starts it again.
fn restart<'p>(
    place: &'p Place<'p>,
    running: &mut Option<Registry<'p>>,
    way: &Mutex<Way>,
) -> anyhow::Result<()> {
    running.take().map_or(Ok(()), Registry::kill)?;
    let registry = Registry::start(place, SETTINGS)?;
    let Ok(mut way) = way.lock() else {
        bail!("somebody panicked");
    };
    *way = Way::to(&registry)?;
    *running = Some(registry);
    Ok(())
}

/// The sealed events of the account, by their identifiers.
fn log(place: &Place<'_>) -> anyhow::Result<BTreeMap<String, Logged>> {
    let output = place.command("admin").args(["audit", "export"]).output()?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "the log cannot be read: {errors}");
    let text = String::from_utf8(output.stdout)?;
    let mut events = BTreeMap::new();
    for line in text.lines() {
        let event: Value = serde_json::from_str(line)?;
        let id = event["id"].as_str().context("an event has no id")?;
        let logged = Logged {
            number: event["number"].as_u64().context("an event has no number")?,
            kind: event["kind"].as_str().unwrap_or_default().to_owned(),
            repository: event["event"]["repository"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
        };
        events.insert(id.to_owned(), logged);
    }
    Ok(events)
}

/// Waits until a follower has everything, if it ever does.
fn wait(
    place: &Place<'_>,
    before: usize,
    (follower, receiver): (Follower, &Receiver),
    begun: Instant,
) -> anyhow::Result<Got> {
    loop {
        let log = log(place)?;
        let is_new = |event: &Logged| event.number > before as u64;
        let expected = log
            .iter()
            .filter(|(_, event)| is_new(event) && follower.is_told(event));
        let expected: BTreeSet<&String> = expected.map(|(id, _)| id).collect();
        let mut got = compare(&receiver.ids(), &expected, &log);
        (got.title, got.took) = (follower.title(), begun.elapsed());
        if (got.missing, got.invented) == (0, 0) || begun.elapsed() > LONGEST_WAY {
            println!("{got:?}");
            return Ok(got);
        }
        if got.missing + got.invented > 0 {
            println!("{}: {} of {} to come", got.title, got.missing, got.expected);
        }
        thread::sleep(Duration::from_secs(2));
    }
}

fn compare(ids: &[String], expected: &BTreeSet<&String>, log: &BTreeMap<String, Logged>) -> Got {
    let mut seen = BTreeSet::new();
    let (mut last, mut unordered, mut invented) = (0, 0, 0);
    for id in ids.iter().filter(|id| !id.is_empty()) {
        if !seen.insert(id) {
            continue;
        }
        if !expected.contains(id) {
            invented += 1;
        }
        let number = log.get(id).map_or(last, |event| event.number);
        unordered += usize::from(number < last);
        last = last.max(number);
    }
    Got {
        expected: expected.len(),
        received: seen.len(),
        again: ids.len() - seen.len(),
        missing: expected.iter().filter(|id| !seen.contains(*id)).count(),
        invented,
        unordered,
        ..Got::default()
    }
}

fn report(done: Done, all: &[Got]) -> (String, Vec<String>) {
    let mut table = String::from(
        "| follower | events | received | again | missing | invented | out of order | all there after, s |\n\
         | --- | --: | --: | --: | --: | --: | --: | --: |\n",
    );
    let mut faults = Vec::new();
    for got in all {
        let Got {
            title,
            expected,
            received,
            again,
            missing,
            invented,
            unordered,
            took,
        } = got;
        let took = took.as_secs_f64();
        let _ = writeln!(
            table,
            "| {title} | {expected} | {received} | {again} | {missing} | {invented} | {unordered} | {took:.0} |"
        );
        if missing + invented + unordered > 0 || *expected == 0 {
            faults.push(format!(
                "{title}: {missing} of {expected} events are missing, {invented} are invented, {unordered} out of order"
            ));
        }
    }
    let Done { images, failures } = done;
    let _ = writeln!(
        table,
        "\n{images} images were pushed; {failures} times something failed and was tried again."
    );
    (table, faults)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_invented_or_out_of_order_is_found() {
        let ids = ["a", "b", "c", "d"].map(str::to_owned);
        let logged = |number| Logged {
            number,
            kind: String::new(),
            repository: String::new(),
        };
        let log: BTreeMap<String, Logged> =
            ids.clone().into_iter().zip((1..).map(logged)).collect();
        let expected: BTreeSet<&String> = ids.iter().collect();
        let whole = compare(
            &["a", "b", "b", "c", "a", "d"].map(str::to_owned),
            &expected,
            &log,
        );
        let counts = |got: &Got| (got.again, got.missing, got.invented, got.unordered);
        assert_eq!(counts(&whole), (2, 0, 0, 0));
        let wrong = compare(&["b", "a", "x", "d"].map(str::to_owned), &expected, &log);
        assert_eq!(counts(&wrong), (0, 1, 1, 1));
        let (_, faults) = report(Done::default(), &[whole, wrong]);
        assert_eq!(faults.len(), 1);
    }

    #[test]
    fn messages_say_which_events_they_tell_of() {
        assert_eq!(ids_of_cloud_events(r#"{"id": "1"}"#), ["1"]);
        assert_eq!(
            ids_of_cloud_events(r#"[{"id": "1"}, {"id": "2"}]"#),
            ["1", "2"]
        );
        let message = r#"<110>1 2026-01-01T00:00:00Z host roadstead - tag.put [meta sequenceId="3"] {"id":"7"}"#;
        assert_eq!(ids_of_syslog(message), ["7"]);
    }
}
