//! Closed and open loops. Every connection takes the next ticket when it is free. In an open loop a ticket
//! has a moment at which it should start; when all connections are late, the wait counts as latency, so a stall
//! of the server isn't hidden by the driver waiting for it (no coordinated omission).

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier, OnceLock};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};

use super::{Connection, Failure, Tally, Target};

const STALLED_AFTER: Duration = Duration::from_mins(15);

/// When a run ends.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Limit {
    Iterations(u64),
    Time(Duration),
}

/// When iterations start.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Pace {
    /// As soon as a connection is free.
    Closed,
    /// At a constant rate per second.
    Open(f64),
}

/// How a run is made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    pub connections: usize,
    pub threads: usize,
    pub limit: Limit,
    pub pace: Pace,
}

impl Load {
    pub(crate) fn closed(connections: usize, limit: Limit) -> Self {
        Self {
            connections,
            threads: 1,
            limit,
            pace: Pace::Closed,
        }
    }

    /// Bulk transfers keep more than one core of the driver busy.
    pub(crate) fn on_threads(self, threads: usize) -> Self {
        Self {
            threads: threads.min(self.connections),
            ..self
        }
    }
}

/// One iteration on a connection.
pub(crate) trait Work: Send + Sync + 'static {
    fn iterate(
        &self,
        connection: &mut Connection,
        ticket: u64,
        tally: &mut Tally,
    ) -> impl Future<Output = Result<(), Failure>>;
}

struct Schedule {
    load: Load,
    tickets: AtomicU64,
    started: OnceLock<Instant>,
}

impl Schedule {
    fn start(&self) -> Instant {
        *self.started.get_or_init(Instant::now)
    }

    fn deadline(&self) -> Option<Instant> {
        match self.load.limit {
            Limit::Time(duration) => Some(self.start() + duration),
            Limit::Iterations(_) => None,
        }
    }

    /// The next ticket and the moment from which its latency counts; `None` when the run is over.
    async fn next(&self) -> Option<(u64, Instant)> {
        let ticket = self.tickets.fetch_add(1, Ordering::Relaxed);
        if matches!(self.load.limit, Limit::Iterations(count) if ticket >= count) {
            return None;
        }
        let now = Instant::now();
        let begin = match self.load.pace {
            Pace::Closed => now,
            #[expect(clippy::cast_precision_loss, reason = "tickets are far below 2^53")]
            Pace::Open(rate) => {
                let intended = self.start() + Duration::from_secs_f64(ticket as f64 / rate);
                if intended > now {
                    tokio::time::sleep_until(intended.into()).await;
                    // Up to a millisecond late by the driver's own timer, which isn't the server's fault.
                    Instant::now()
                } else {
                    intended
                }
            }
        };
        (self.deadline().is_none_or(|deadline| begin < deadline)).then_some((ticket, begin))
    }
}

/// Opens the connections, calls `begin`, runs, and returns `begin`'s result with all counts.
pub(crate) fn run<W: Work, M>(
    target: &Target,
    load: Load,
    work: &Arc<W>,
    begin: impl FnOnce() -> M,
) -> Result<(Tally, M)> {
    let schedule = Arc::new(Schedule {
        load,
        tickets: AtomicU64::new(0),
        started: OnceLock::new(),
    });
    let connected = Arc::new(Barrier::new(load.threads + 1));
    let threads: Vec<_> = (0..load.threads)
        .map(|index| {
            let share = load.connections / load.threads
                + usize::from(index < load.connections % load.threads);
            let (target, schedule) = (target.clone(), Arc::clone(&schedule));
            let (work, connected) = (Arc::clone(work), Arc::clone(&connected));
            std::thread::spawn(move || run_thread(&target, share, &schedule, &work, &connected))
        })
        .collect();
    connected.wait();
    let begun = begin();
    schedule.start();
    connected.wait();
    let mut total = Tally::default();
    for thread in threads {
        total.merge(
            thread
                .join()
                .map_err(|_| anyhow!("a driver thread panicked"))??,
        );
    }
    Ok((total, begun))
}

fn run_thread<W: Work>(
    target: &Target,
    connections: usize,
    schedule: &Arc<Schedule>,
    work: &Arc<W>,
    connected: &Barrier,
) -> Result<Tally> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let opened = runtime
        .as_ref()
        .map_err(|error| anyhow!("{error}"))
        .and_then(|runtime| {
            runtime.block_on(async {
                let mut opened = Vec::with_capacity(connections);
                for _ in 0..connections {
                    opened.push(
                        Connection::open(target)
                            .await
                            .context("cannot connect to the server")?,
                    );
                }
                Ok(opened)
            })
        });
    // Both barriers are passed even after an error: the other threads wait there.
    connected.wait();
    connected.wait();
    let (runtime, opened) = (runtime?, opened?);
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async {
        let tasks: Vec<_> = opened
            .into_iter()
            .map(|connection| {
                let (schedule, work) = (Arc::clone(schedule), Arc::clone(work));
                tokio::task::spawn_local(async move { follow(connection, &schedule, &*work).await })
            })
            .collect();
        let mut total = Tally::default();
        for task in tasks {
            let ended = tokio::time::timeout(STALLED_AFTER, task).await;
            total.merge(ended.context("no answer for 15 minutes: the server stalled")??);
        }
        Ok(total)
    })
}

async fn follow<W: Work>(mut connection: Connection, schedule: &Schedule, work: &W) -> Tally {
    let mut tally = Tally::default();
    connection.deadline = schedule.deadline();
    while let Some((ticket, begin)) = schedule.next().await {
        match work.iterate(&mut connection, ticket, &mut tally).await {
            Ok(()) => {
                tally.iterations += 1;
                let elapsed = begin.elapsed();
                tally.latency.record(elapsed);
                if let Some(kind) = tally.kind.take() {
                    tally.record_step(kind, elapsed);
                }
            }
            Err(Failure::Cut) => {
                tally.cut += 1;
                break;
            }
            Err(failure) => {
                tally.record_failure(&failure);
                // A server that refuses everything must not be asked for the whole measured time.
                if tally.failed >= 20 || connection.renew().await.is_err() {
                    break;
                }
            }
        }
    }
    tally.received = connection.received;
    tally.sent = connection.sent;
    tally
}
