//! Somebody tries wrong passwords as fast as can be, from many addresses and under many names, by every way to log in. Few of
//! them are hashed, whoever pulls does not notice, and whoever has the right password gets in.

mod attack;

use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use base64::Engine as _;
use engines::Postgres;

use super::client::{Client, token};
use super::registry::{PASSWORD, Place, Registry};
use super::{Database, image};
use attack::{Attack, Attempts};

/// Pairs of a round without an attack and one with it, and how long each takes.
const ROUNDS: u8 = 9;
const ROUND: Duration = Duration::from_secs(6);
/// Pulls a second, on as many connections as shall never wait for each other.
const PULLS: u64 = 200;
const PULLERS: u64 = 4;
/// Hashes in any second, and how much longer the slowest hundredth of the pulls may take.
const MOST_HASHES: f64 = 20.0;
const MOST_SLOWER: f64 = 1.3;
/// Attempts a second that must have been made for this to be an attack.
const LEAST_ATTEMPTS: f64 = 450.0;
const LONGEST_WAIT: Duration = Duration::from_secs(5);
const HASHES: &str = "roadstead_password_hashes_total";

/// What one round showed.
#[derive(Default)]
struct Round {
    median_ms: f64,
    p99_ms: f64,
    /// Most hashes in one second, those of the right passwords included.
    hashes: f64,
    attempts: Attempts,
    /// Until somebody with the right password was in.
    waited: Duration,
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
    let data = root.join(format!("logins-{database:?}").to_lowercase());
    let postgres = postgres.as_ref().map(|server| (server, "logins"));
    let place = Place::make(server, data, postgres)?;
    let registry = Registry::start(&place, &[])?;
    let mut admin = registry.client()?;
    image::push(&mut admin, "library/app", "v1")?;
    for round in 0..ROUNDS {
        let user = user(round);
        let body = format!(
            r#"{{"username":"{user}","email":"{user}@example.com","realname":"{user}","password":"{PASSWORD}"}}"#
        );
        let path = "/api/v2.0/users";
        let made = admin.send("POST", path, "application/json", body.as_bytes())?;
        made.expect(201, "make a user")?;
    }
    let token = token(&mut admin, "library/app", "pull")?;
    let (mut calm, mut attacked) = (Vec::new(), Vec::new());
    measure(&registry, &token, None)?;
    for number in 0..ROUNDS {
        calm.push(measure(&registry, &token, None)?);
        attacked.push(measure(&registry, &token, Some(number))?);
    }
    registry.stop()?;
    Ok(report(&calm, &attacked))
}

fn user(round: u8) -> String {
    format!("person-{round}")
}

/// Pulls for a while, with an attack beside it or without.
fn measure(registry: &Registry<'_>, token: &str, attacked: Option<u8>) -> anyhow::Result<Round> {
    let attack = attacked.map(|round| Attack::begin(registry.address(), round));
    let is_over = AtomicBool::new(false);
    let (mut times, hashes, waited) = thread::scope(|scope| {
        let pullers: Vec<_> = (0..PULLERS)
            .map(|puller| scope.spawn(move || pull(registry, token, puller)))
            .collect();
        let watching = scope.spawn(|| most_hashes(registry, &is_over));
        let entering = attacked.map(|round| scope.spawn(move || enter(registry, round)));
        let mut times = Vec::new();
        for puller in pullers {
            times.extend(joined(puller.join())?);
        }
        is_over.store(true, Ordering::Relaxed);
        let waited = entering.map(|entering| joined(entering.join()));
        Ok::<_, anyhow::Error>((times, joined(watching.join())?, waited.transpose()?))
    })?;
    let attempts = attack.map(Attack::end).transpose()?;
    times.sort_unstable();
    let at = |part: usize| times.get(times.len() * part / 100).copied();
    let ms = |time: Option<Duration>| time.unwrap_or_default().as_secs_f64() * 1000.0;
    Ok(Round {
        median_ms: ms(at(50)),
        p99_ms: ms(at(99)),
        hashes,
        attempts: attempts.unwrap_or_default(),
        waited: waited.unwrap_or_default(),
    })
}

fn joined<T>(ended: thread::Result<anyhow::Result<T>>) -> anyhow::Result<T> {
    ended.unwrap_or_else(|_| bail!("a thread panicked"))
}

/// One of those who pull, at times that do not wait for answers: what comes late counts from when it was due.
fn pull(registry: &Registry<'_>, token: &str, puller: u64) -> anyhow::Result<Vec<Duration>> {
    let mut client = Client::connect(registry.address(), &format!("Bearer {token}"))?;
    let every = Duration::from_secs(1) / u32::try_from(PULLS / PULLERS)?;
    let begun = Instant::now() + every * u32::try_from(puller)? / u32::try_from(PULLERS)?;
    let mut times = Vec::new();
    let mut due = begun;
    while due < begun + ROUND {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let answer = client.get("/v2/library/app/manifests/v1")?;
        answer.expect(200, "a pull")?;
        times.push(due.elapsed());
        due += every;
    }
    Ok(times)
}

/// The most hashes in one second, looked at once in each.
fn most_hashes(registry: &Registry<'_>, is_over: &AtomicBool) -> anyhow::Result<f64> {
    let mut most = 0.0_f64;
    let (mut at, mut before) = (Instant::now(), registry.counter(HASHES)?);
    while !is_over.load(Ordering::Relaxed) {
        thread::sleep(Duration::from_secs(1));
        let now = registry.counter(HASHES)?;
        let hashed = u32::try_from(now - before)?;
        most = most.max(f64::from(hashed) / at.elapsed().as_secs_f64());
        (at, before) = (Instant::now(), now);
    }
    Ok(most)
}

/// Somebody logs in for the first time, a second after the attack began, from an address that nobody knows. Does what it is
/// told: waits, and tries again.
fn enter(registry: &Registry<'_>, round: u8) -> anyhow::Result<Duration> {
    thread::sleep(Duration::from_secs(1));
    let begun = Instant::now();
    let from = Ipv4Addr::new(127, 9, 9, round + 1);
    let mut client = Client::connect_from(from, registry.address())?;
    let secret = format!("{}:{PASSWORD}", user(round));
    let secret = base64::engine::general_purpose::STANDARD.encode(secret);
    client.authorize(format!("Basic {secret}"));
    loop {
        let answer = client.get("/service/token")?;
        if answer.status == 200 {
            return Ok(begun.elapsed());
        }
        ensure!(answer.status == 429, "a login: {}", answer.status);
        let secs = answer.retry_after.context("429 without Retry-After")?;
        ensure!(begun.elapsed() < LONGEST_WAIT * 4, "nobody gets in");
        thread::sleep(Duration::from_secs(secs));
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// What a figure of a round is.
type ValueOf = fn(&Round) -> f64;

#[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
fn report(calm: &[Round], attacked: &[Round]) -> (String, Vec<String>) {
    let of = |rounds: &[Round], value: ValueOf| median(rounds.iter().map(value).collect());
    let most = |value: ValueOf| attacked.iter().map(value).fold(0.0, f64::max);
    let mut table =
        String::from("| pulls with a token | calm | attacked | × |\n| --- | --: | --: | --: |\n");
    let values = [
        ("median, ms", (|round| round.median_ms) as ValueOf),
        ("99th percentile, ms", |round| round.p99_ms),
    ];
    let mut slower = 0.0;
    for (title, value) in values {
        let (calm, attacked) = (of(calm, value), of(attacked, value));
        slower = attacked / calm.max(1e-9);
        let _ = writeln!(
            table,
            "| {title} | {calm:.2} | {attacked:.2} | {slower:.2} |"
        );
    }
    let secs = ROUND.as_secs_f64() * f64::from(ROUNDS);
    let sum = |value: fn(&Attempts) -> u64| {
        let all = attacked.iter().map(|round| value(&round.attempts));
        all.sum::<u64>() as f64 / secs
    };
    let (sent, wrong) = (sum(|all| all.sent), sum(|all| all.wrong));
    let (refused, other) = (sum(|all| all.refused), sum(|all| all.other));
    let hashes = most(|round| round.hashes);
    let waited = most(|round| round.waited.as_secs_f64());
    let _ = write!(
        table,
        "\n| the attack | |\n| --- | --: |\n| logins a second | {sent:.0} |\n| answered that the password is wrong, a second | \
         {wrong:.1} |\n| told when to try again, a second | {refused:.0} |\n| passwords hashed in one second, at most | \
         {hashes:.1} |\n| with the right password, for the first time, from elsewhere: in after, at most, s | {waited:.2} |\n"
    );
    let mut faults = Vec::new();
    let mut must = |is_so: bool, what: String| {
        if !is_so {
            faults.push(what);
        }
    };
    must(
        slower <= MOST_SLOWER,
        format!("pulls take {slower:.2} times as long, {MOST_SLOWER} allowed"),
    );
    must(
        hashes <= MOST_HASHES,
        format!("{hashes:.1} passwords were hashed in one second, {MOST_HASHES} allowed"),
    );
    must(
        sent >= LEAST_ATTEMPTS,
        format!("only {sent:.0} logins a second were tried"),
    );
    must(
        other == 0.0,
        "some attempts were answered neither 401 nor 429 with Retry-After".to_owned(),
    );
    must(
        waited <= LONGEST_WAIT.as_secs_f64(),
        format!("who has the right password waited for {waited:.1} s"),
    );
    (table, faults)
}
