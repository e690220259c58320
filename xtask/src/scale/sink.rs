//! A sink that takes everything and never answers: pushes of its account are as quick as without it, and memory stays as
//! it is.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use engines::Postgres;
use serde_json::{Value, json};

use super::client::{Client, token};
use super::receiver::{Manner, Receiver};
use super::registry::{Place, Registry};
use super::{Database, image};

/// Pairs of a round with the sink and one without, and pushes of each, by so many clients.
const PAIRS: u64 = 8;
const PUSHES: u64 = 500;
const CLIENTS: u64 = 8;
/// The rate with the sink to the one without.
const LEAST: f64 = 0.95;
/// Memory may have grown by so much, in bytes, from the first pair to the last: what pushes leave behind is in it.
const MOST_MEMORY: u64 = 16 << 20;
const JSON: &str = "application/json";
const SETTINGS: &[(&str, &str)] = &[("ROADSTEAD_OUTBOUND__ALLOW", r#"["127.0.0.1"]"#)];

/// Where the account's sinks are.
pub(super) const SINKS: &str = "/api/v1/accounts/default/sinks";

/// CloudEvents over HTTPS, to a receiver with a certificate that nobody knows.
pub(super) fn https(receiver: &Receiver) -> Value {
    json!({
        "name": "https",
        "type": "https",
        "format": "cloudevents",
        "url": format!("https://{}/", receiver.address()),
        "skip_cert_verify": true,
    })
}

/// Syslog over TCP.
pub(super) fn syslog(receiver: &Receiver) -> Value {
    json!({
        "name": "syslog",
        "type": "syslog",
        "url": format!("syslog://{}", receiver.address()),
    })
}

/// What a round showed.
#[derive(Clone, Copy, Debug, Default)]
struct Round {
    /// Pushes in a second.
    rate: f64,
    /// In the end, in bytes.
    memory: u64,
}

pub(super) fn run(
    server: &Path,
    root: &Path,
    database: Database,
    pushes: Option<u64>,
) -> anyhow::Result<(String, Vec<String>)> {
    let postgres = match database {
        Database::Sqlite => None,
        Database::Postgresql => Some(Postgres::builder().start()?),
    };
    let data = root.join(format!("sink-{database:?}").to_lowercase());
    let postgres = postgres.as_ref().map(|server| (server, "sink"));
    let place = Place::make(server, data, postgres)?;
    let registry = Registry::start(&place, SETTINGS)?;
    let receiver = Receiver::start(Manner::IsSilent, true, |_| Vec::new())?;
    let (pushes, numbers) = (pushes.unwrap_or(PUSHES), AtomicU64::new(0));
    push_all(&registry, pushes, &numbers)?;
    let (mut without, mut with) = (Vec::new(), Vec::new());
    for pair in 0..PAIRS {
        for turn in 0..2 {
            let rounds = if (pair + turn) % 2 == 0 {
                &mut without
            } else {
                &mut with
            };
            let has_sink = (pair + turn) % 2 == 1;
            let sink = has_sink.then(|| add(&registry, &receiver)).transpose()?;
            let round = push_all(&registry, pushes, &numbers)?;
            println!("sink: {has_sink}, {round:?}");
            rounds.push(round);
            if let Some(path) = sink {
                let removed = registry.client()?.send("DELETE", &path, "", b"")?.status;
                ensure!(matches!(removed, 200 | 204), "removing the sink: {removed}");
            }
        }
    }
    registry.stop()?;
    Ok(report(&without, &with, receiver.messages()))
}

/// Answers with the sink's path, once something has been sent to it.
fn add(registry: &Registry<'_>, receiver: &Receiver) -> anyhow::Result<String> {
    let mut admin = registry.client()?;
    let body = https(receiver).to_string();
    let before = receiver.messages();
    let made = admin
        .send("POST", SINKS, JSON, body.as_bytes())?
        .expect(201, "make a sink")?;
    let id = made.json()?["id"]
        .as_str()
        .context("a sink has no id")?
        .to_owned();
    let begun = Instant::now();
    let mut number = 0;
    while receiver.messages() == before {
        ensure!(
            begun.elapsed() < Duration::from_mins(2),
            "nothing is sent to the sink"
        );
        // Something that it is told of.
        image::push(&mut admin, "library/first", &format!("{id}-{number}"))?;
        number += 1;
        thread::sleep(Duration::from_millis(200));
    }
    Ok(format!("{SINKS}/{id}"))
}

fn push_all(registry: &Registry<'_>, pushes: u64, numbers: &AtomicU64) -> anyhow::Result<Round> {
    let mut admin = registry.client()?;
    let tokens = (0..CLIENTS)
        .map(|client| token(&mut admin, &repository(client), "pull,push"))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let end = numbers.load(Ordering::Relaxed) + pushes;
    let begun = Instant::now();
    thread::scope(|scope| {
        let pushing: Vec<_> = (0..)
            .zip(&tokens)
            .map(|(client, token)| {
                scope.spawn(move || push_some(registry, (client, token), numbers, end))
            })
            .collect();
        for one in pushing {
            one.join().unwrap_or_else(|_| bail!("a client panicked"))?;
        }
        Ok::<_, anyhow::Error>(())
    })?;
    let took = begun.elapsed();
    numbers.store(end, Ordering::Relaxed);
    Ok(Round {
        rate: as_float(pushes) / took.as_secs_f64(),
        memory: registry.memory(),
    })
}

fn push_some(
    registry: &Registry<'_>,
    (client, token): (u64, &str),
    numbers: &AtomicU64,
    end: u64,
) -> anyhow::Result<()> {
    let repository = repository(client);
    let mut connection = Client::connect(registry.address(), &format!("Bearer {token}"))?;
    loop {
        let number = numbers.fetch_add(1, Ordering::Relaxed);
        if number >= end {
            return Ok(());
        }
        image::push(&mut connection, &repository, &format!("s{number}"))?;
    }
}

/// Each client has one of its own.
fn repository(client: u64) -> String {
    format!("library/app-{client}")
}

#[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
fn as_float(count: u64) -> f64 {
    count as f64
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

fn report(without: &[Round], with: &[Round], sent: u64) -> (String, Vec<String>) {
    let rates = |rounds: &[Round]| median(rounds.iter().map(|round| round.rate).collect());
    let mib = |round: Option<&Round>| as_float(round.map_or(0, |round| round.memory)) / 1_048_576.0;
    let of_pairs = without.iter().zip(with);
    // Each pair's own: whatever else the machine does meets both.
    let ratio = median(
        of_pairs
            .map(|(without, with)| with.rate / without.rate.max(1e-9))
            .collect(),
    );
    let mut table =
        String::from("| pushes | without | with a silent sink | × |\n| --- | --: | --: | --: |\n");
    let (alone, beside) = (rates(without), rates(with));
    let _ = writeln!(
        table,
        "| a second | {alone:.1} | {beside:.1} | {ratio:.2} |"
    );
    let ends = |rounds: &[Round]| (mib(rounds.first()), mib(rounds.last()));
    let ((a, b), (c, d)) = (ends(without), ends(with));
    let _ = writeln!(
        table,
        "| memory after the first round, MiB | {a:.1} | {c:.1} | |"
    );
    let _ = writeln!(
        table,
        "| memory after the last round, MiB | {b:.1} | {d:.1} | |"
    );
    let _ = writeln!(
        table,
        "\nThe sink took {sent} pieces of requests and answered none."
    );
    let mut faults = Vec::new();
    if ratio < LEAST {
        faults.push(format!("{ratio:.2} times the pushes, {LEAST} wanted"));
    }
    let memory = |round: Option<&Round>| round.map_or(0, |round| round.memory);
    let grown = memory(with.last()).saturating_sub(memory(with.first()));
    if grown > MOST_MEMORY {
        let grown = as_float(grown) / 1_048_576.0;
        faults.push(format!("the memory grew by {grown:.1} MiB"));
    }
    (table, faults)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_compared() {
        let round = |rate: f64, mib: u64| Round {
            rate,
            memory: mib << 20,
        };
        let without = [round(50.0, 60), round(100.0, 61), round(80.0, 62)];
        let with = [round(49.0, 60), round(96.0, 61), round(79.0, 70)];
        let (table, faults) = report(&without, &with, 3);
        assert_eq!(faults, [""; 0]);
        assert!(
            table.contains("| a second | 80.0 | 79.0 | 0.98 |"),
            "{table}"
        );
        let with = with.map(|one| round(one.rate * 0.9, (one.memory >> 20) * 2));
        assert_eq!(report(&without, &with, 3).1.len(), 2);
    }
}
