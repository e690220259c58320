//! A steady stream of pushes beside a run.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::bail;

use super::policy::pushed;
use crate::scale::client::{Client, token};
use crate::scale::image;
use crate::scale::registry::Registry;

/// Clients, and how many pushes each begins in a second, if it is not late.
pub(super) const CLIENTS: u64 = 4;
const EACH_A_SECOND: u32 = 10;

/// What a stream came to.
#[derive(Clone, Debug, Default)]
pub(super) struct Pushed {
    pub(super) count: u64,
    /// What each push waited for its answers, in the order of their length.
    pub(super) times: Vec<Duration>,
}

impl Pushed {
    pub(super) fn median_ms(&self) -> f64 {
        let middle = self.times.get(self.times.len() / 2).copied();
        middle.unwrap_or_default().as_secs_f64() * 1000.0
    }
}

/// Pushes until `work` is through. `numbers` gives each image a name of its own.
pub(super) fn during<T: Send>(
    registry: &Registry<'_>,
    numbers: &AtomicU64,
    work: impl FnOnce() -> anyhow::Result<T> + Send,
) -> anyhow::Result<(T, Pushed)> {
    let mut admin = registry.client()?;
    let tokens = (0..CLIENTS)
        .map(|client| token(&mut admin, &pushed(client), "pull,push"))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let is_over = &is_over;
        let pushing: Vec<_> = (0..)
            .zip(&tokens)
            .map(|(client, token)| {
                scope.spawn(move || push(registry, (client, token), numbers, is_over))
            })
            .collect();
        let worked = work();
        is_over.store(true, Ordering::Relaxed);
        let mut sum = Pushed::default();
        for one in pushing {
            let one = one.join().unwrap_or_else(|_| bail!("a client panicked"))?;
            sum.count += one.count;
            sum.times.extend(one.times);
        }
        sum.times.sort_unstable();
        Ok((worked?, sum))
    })
}

fn push(
    registry: &Registry<'_>,
    (client, token): (u64, &str),
    numbers: &AtomicU64,
    is_over: &AtomicBool,
) -> anyhow::Result<Pushed> {
    let repository = pushed(client);
    let mut connection = Client::connect(registry.address(), &format!("Bearer {token}"))?;
    let every = Duration::from_secs(1) / EACH_A_SECOND;
    let mut sum = Pushed::default();
    let mut due = Instant::now();
    while !is_over.load(Ordering::Relaxed) {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let before = connection.waited;
        let number = numbers.fetch_add(1, Ordering::Relaxed);
        image::push(&mut connection, &repository, &format!("w{number}"))?;
        sum.times.push(connection.waited.saturating_sub(before));
        sum.count += 1;
        due += every;
    }
    Ok(sum)
}
