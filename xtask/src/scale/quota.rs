//! What a quota adds to a push: processor time and statements, on one registry without one, on one with a plan that has
//! limits, and on one whose namespace has a limit besides.

use std::fmt::Write as _;
use std::path::Path;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use engines::Postgres;

use super::client::{Client, token};
use super::registry::{Place, Registry};
use super::{Database, image};

/// Pushes of one round, and how many go on at once.
const PUSHES: u64 = 1000;
const AT_ONCE: u64 = 16;
const ROUNDS: u64 = 4;
const MOST: f64 = 1.2;
const STATEMENTS: &str = "roadstead_database_statements_total";

/// What limits the pushes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Limits {
    None,
    Plan,
    PlanAndNamespace,
}

impl Limits {
    const ALL: [Self; 3] = [Self::None, Self::Plan, Self::PlanAndNamespace];

    fn title(self) -> &'static str {
        match self {
            Self::None => "without a quota",
            Self::Plan => "a plan with limits",
            Self::PlanAndNamespace => "and a limit of the namespace",
        }
    }

    /// Puts them in place.
    fn set(self, registry: &Registry<'_>) -> anyhow::Result<()> {
        if self == Self::None {
            return Ok(());
        }
        let json = "application/json";
        let mut admin = registry.client()?;
        let plan = br#"{"name":"wide","storage_bytes":1000000000000,"pull_bytes_per_month":1000000000000,"namespaces":100}"#;
        let made = admin.send("POST", "/api/v1/deployment/plans", json, plan)?;
        made.expect(201, "make a plan")?;
        let path = "/api/v1/deployment/accounts/default/plan";
        let given = admin.send("PUT", path, json, br#"{"plan":"wide"}"#)?;
        given.expect(204, "give a plan")?;
        if self == Self::PlanAndNamespace {
            let project = admin.get("/api/v2.0/projects/library")?;
            let number = project.expect(200, "a project")?.json()?["project_id"].clone();
            let limit = br#"{"hard":{"storage":1000000000000}}"#;
            let path = format!("/api/v2.0/quotas/{number}");
            admin.send("PUT", &path, json, limit)?.expect(200, &path)?;
        }
        Ok(())
    }
}

/// What all rounds took.
#[derive(Clone, Debug, Default)]
struct Spent {
    cpu_ms: Vec<f64>,
    statements: Vec<f64>,
    /// Of all blobs.
    bytes: u64,
}

pub(super) fn run(
    server: &Path,
    root: &Path,
    database: Database,
) -> anyhow::Result<(String, Vec<String>)> {
    let postgres = match database {
        Database::Sqlite => None,
        Database::Postgresql => Some(Postgres::builder().start()?),
    };
    let mut places = Vec::new();
    for limits in Limits::ALL {
        let name = format!("quota-{database:?}-{limits:?}").to_lowercase();
        let data = root.join(&name);
        let postgres = postgres.as_ref();
        let name = name.replace('-', "_");
        let postgres = postgres.map(|server| (server, name.as_str()));
        places.push(Place::make(server, data, postgres)?);
    }
    let mut running = Vec::new();
    for (place, limits) in places.iter().zip(Limits::ALL) {
        let registry = Registry::start(place, &[])?;
        limits.set(&registry)?;
        running.push((registry, Spent::default()));
    }
    // The first round is not counted.
    for round in 0..=ROUNDS {
        for (registry, spent) in &mut running {
            push_all(registry, spent, round)?;
        }
        running.rotate_left(1);
    }
    running.rotate_right(usize::try_from(ROUNDS + 1)? % Limits::ALL.len());
    let mut all = Vec::new();
    for (registry, spent) in running {
        require_sum(&registry, spent.bytes)?;
        registry.stop()?;
        all.push(spent);
    }
    // It counts everything anew, and compares.
    for place in &places {
        place.check()?;
    }
    Ok(report(&all))
}

/// A thousand pushes, by several clients at once.
fn push_all(registry: &Registry<'_>, spent: &mut Spent, round: u64) -> anyhow::Result<()> {
    let mut admin = registry.client()?;
    let tokens = (0..AT_ONCE)
        .map(|client| token(&mut admin, &repository(client), "pull,push"))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let (cpu, statements) = (registry.cpu(), registry.counter(STATEMENTS)?);
    let bytes = thread::scope(|scope| {
        let pushing: Vec<_> = (0..)
            .zip(&tokens)
            .map(|(client, token)| scope.spawn(move || push_some(registry, token, (round, client))))
            .collect();
        let mut sum = 0;
        for one in pushing {
            sum += one.join().unwrap_or_else(|_| bail!("a client panicked"))?;
        }
        Ok::<_, anyhow::Error>(sum)
    })?;
    spent.bytes += bytes;
    if round > 0 {
        let cpu: Duration = registry.cpu().saturating_sub(cpu);
        let statements = registry.counter(STATEMENTS)? - statements;
        spent.cpu_ms.push(each(cpu.as_secs_f64() * 1000.0));
        spent.statements.push(each(as_float(statements)));
    }
    Ok(())
}

fn push_some(
    registry: &Registry<'_>,
    token: &str,
    (round, client): (u64, u64),
) -> anyhow::Result<u64> {
    let mut sum = 0;
    let repository = repository(client);
    let mut connection = Client::connect(registry.address(), &format!("Bearer {token}"))?;
    for number in (client..PUSHES).step_by(usize::try_from(AT_ONCE)?) {
        sum += image::push(&mut connection, &repository, &format!("r{round}-{number}"))?;
    }
    Ok(sum)
}

/// Each client has one of its own.
fn repository(client: u64) -> String {
    format!("library/app-{client}")
}

/// At rest the running total is the sum of what was pushed.
fn require_sum(registry: &Registry<'_>, bytes: u64) -> anyhow::Result<()> {
    let usage = registry.client()?.get("/api/v1/accounts/default/usage")?;
    let usage = usage.expect(200, "usage")?.json()?;
    let used = usage["now"]["used_bytes"].as_u64();
    let used = used.context("the usage says nothing of bytes")?;
    ensure!(used == bytes, "{used} bytes are used, {bytes} were pushed");
    Ok(())
}

fn each(sum: f64) -> f64 {
    sum / as_float(PUSHES)
}

#[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
fn as_float(count: u64) -> f64 {
    count as f64
}

fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

fn report(all: &[Spent]) -> (String, Vec<String>) {
    let mut table = String::from(
        "| pushes | statements each | × | CPU ms each | × |\n| --- | --: | --: | --: | --: |\n",
    );
    let mut faults = Vec::new();
    let Some(without) = all.first() else {
        return (table, faults);
    };
    for (limits, spent) in Limits::ALL.into_iter().zip(all) {
        let title = limits.title();
        let (statements, cpu) = (median(&spent.statements), median(&spent.cpu_ms));
        let ratios = [
            (
                "statements",
                statements / median(&without.statements).max(1e-9),
            ),
            ("processor time", cpu / median(&without.cpu_ms).max(1e-9)),
        ];
        let [(_, of_statements), (_, of_cpu)] = ratios;
        let _ = writeln!(
            table,
            "| {title} | {statements:.1} | {of_statements:.2} | {cpu:.2} | {of_cpu:.2} |"
        );
        for (what, ratio) in ratios.into_iter().filter(|(_, ratio)| *ratio > MOST) {
            faults.push(format!(
                "{title}: {ratio:.2} times the {what}, {MOST} allowed"
            ));
        }
    }
    (table, faults)
}
