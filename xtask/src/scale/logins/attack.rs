//! The attack: 500 attempts a second.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::bail;
use base64::Engine as _;

use super::super::client::{Answer, Client};

/// Addresses, each with a connection, and how often each tries.
const ADDRESSES: u8 = 50;
const EVERY: Duration = Duration::from_millis(100);
/// Names that each address tries.
const NAMES: u64 = 20;

/// What came of the attempts.
#[derive(Clone, Copy, Default)]
pub(super) struct Attempts {
    pub(super) sent: u64,
    /// 401.
    pub(super) wrong: u64,
    /// 429, with `Retry-After`.
    pub(super) refused: u64,
    pub(super) other: u64,
}

/// One that goes on until it is ended.
pub(super) struct Attack {
    is_over: Arc<AtomicBool>,
    attackers: Vec<JoinHandle<anyhow::Result<Attempts>>>,
}

impl Attack {
    /// Each number comes from addresses of its own: nothing is known of them yet.
    pub(super) fn begin(registry: SocketAddr, number: u8) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let attackers = (0..ADDRESSES).map(|address| {
            let from = Ipv4Addr::new(127, 1, number, address + 1);
            let is_over = is_over.clone();
            thread::spawn(move || attack(registry, from, &is_over))
        });
        Self {
            attackers: attackers.collect(),
            is_over,
        }
    }

    pub(super) fn end(self) -> anyhow::Result<Attempts> {
        self.is_over.store(true, Ordering::Relaxed);
        let mut sum = Attempts::default();
        for attacker in self.attackers {
            let Ok(attempts) = attacker.join() else {
                bail!("an attacker panicked");
            };
            let attempts = attempts?;
            sum.sent += attempts.sent;
            sum.wrong += attempts.wrong;
            sum.refused += attempts.refused;
            sum.other += attempts.other;
        }
        Ok(sum)
    }
}

fn attack(registry: SocketAddr, from: Ipv4Addr, is_over: &AtomicBool) -> anyhow::Result<Attempts> {
    let mut client = Client::connect_from(from, registry)?;
    let mut attempts = Attempts::default();
    // Not all at the same moment.
    let mut due = Instant::now() + EVERY * u32::from(from.octets()[3]) / u32::from(ADDRESSES);
    while !is_over.load(Ordering::Relaxed) {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let answer = if let Ok(answer) = guess(&mut client, attempts.sent, from) {
            answer
        } else {
            // It may close a connection; an attacker opens another.
            client = Client::connect_from(from, registry)?;
            guess(&mut client, attempts.sent, from)?
        };
        attempts.sent += 1;
        match (answer.status, answer.retry_after) {
            (401, _) => attempts.wrong += 1,
            (429, Some(1..)) => attempts.refused += 1,
            _ => attempts.other += 1,
        }
        due += EVERY;
    }
    Ok(attempts)
}

/// By each way to log in, in turn.
fn guess(client: &mut Client, number: u64, from: Ipv4Addr) -> anyhow::Result<Answer> {
    // One name in twenty is somebody's.
    let name = match number % NAMES {
        0 => "admin".to_owned(),
        other => format!("user-{}-{other}", from.octets()[3]),
    };
    let password = format!("Wrong-Password-{number}");
    let secret = base64::engine::general_purpose::STANDARD.encode(format!("{name}:{password}"));
    let basic = format!("Basic {secret}");
    match number % 3 {
        0 => {
            client.authorize(basic);
            client.get("/service/token?scope=repository:library/app:pull")
        }
        1 => {
            client.authorize(basic);
            client.get("/api/v2.0/users/current")
        }
        _ => {
            client.authorize(String::new());
            let form = format!("principal={name}&password={password}");
            let kind = "application/x-www-form-urlencoded";
            client.send("POST", "/c/login", kind, form.as_bytes())
        }
    }
}
