//! What the registry shows of itself besides requests: readiness, database, log.

mod upkeep;

use crate::logging;
use services::{Error, Services};
use std::sync::Arc;
use std::time::Duration;
use web::health::ReadinessCheck;
use web::metrics::{Metrics, ValueKind};

/// How long each of the two may take to answer.
const PATIENCE: Duration = Duration::from_secs(4);

/// What is not ready: the database, the store, or both. Fixed words: strangers read them.
pub(crate) fn readiness(services: Arc<Services>) -> ReadinessCheck {
    Box::new(move || {
        let (database, store) = (services.clone(), services.clone());
        Box::pin(async move {
            let (database, store) = tokio::join!(
                probed(async move { database.maintenance.probe_database().await }),
                probed(async move { store.maintenance.probe_store().await }),
            );
            let database = database.err().map(|_| "database does not answer");
            let store = store.err().map(|error| match error {
                Some(Error::StorageFull) => "storage is full",
                _ => "storage does not answer",
            });
            database.into_iter().chain(store).collect()
        })
    })
}

/// Asks in a task of its own: one that keeps its thread waiting could not be given up on from the same task. No error:
/// there was no answer.
async fn probed(
    probe: impl Future<Output = Result<(), Error>> + Send + 'static,
) -> Result<(), Option<Error>> {
    match tokio::time::timeout(PATIENCE, tokio::spawn(probe)).await {
        Ok(Ok(answer)) => answer.map_err(Some),
        Ok(Err(_)) | Err(_) => Err(None),
    }
}

/// Adds what the database and the log count of themselves.
pub(crate) fn register(metrics: &Metrics, services: &Arc<Services>) {
    add(
        metrics,
        services,
        "roadstead_database_commits",
        "Commits of the database.",
        |s| float(s.maintenance.database_timings().commits().0),
    );
    add(
        metrics,
        services,
        "roadstead_database_transactions",
        "Transactions that shared those commits.",
        |s| float(s.maintenance.database_timings().commits().1),
    );
    add(
        metrics,
        services,
        "roadstead_database_commit_seconds",
        "Time spent in transactions and commits.",
        |s| s.maintenance.database_timings().commits().2,
    );
    add(
        metrics,
        services,
        "roadstead_database_reads",
        "Questions answered outside of transactions.",
        |s| float(s.maintenance.database_timings().reads().0),
    );
    add(
        metrics,
        services,
        "roadstead_database_read_seconds",
        "Time spent answering them.",
        |s| s.maintenance.database_timings().reads().1,
    );
    add(
        metrics,
        services,
        "roadstead_database_statements",
        "Statements that were run, in questions and in transactions.",
        |s| float(s.maintenance.database_timings().statements()),
    );
    add(
        metrics,
        services,
        "roadstead_database_steps",
        "Steps of SQLite's virtual machine: every row that is read takes a few. 0 on PostgreSQL, which counts for itself.",
        |s| float(s.maintenance.database_timings().steps()),
    );
    let shown = services.clone();
    metrics.register_values(
        "roadstead_database_readers",
        "Connections of the database that are open for reading.",
        ValueKind::Gauge,
        move |sink| sink.value(&[], float(shown.maintenance.database_readers() as u64)),
    );
    register_store(metrics, services);
    register_jobs(metrics, services);
    register_followers(metrics, services);
    register_mail(metrics, services);
    upkeep::register(metrics, services);
    register_process(metrics, services);
}

fn register_process(metrics: &Metrics, services: &Arc<Services>) {
    add(
        metrics,
        services,
        "roadstead_password_hashes",
        "Passwords that were hashed, at logins and where they are set.",
        |s| float(s.authenticator.password_hashes()),
    );
    metrics.register_values(
        "roadstead_log_dropped_lines",
        "Log lines lost because the log could not be written fast enough.",
        ValueKind::Counter,
        |sink| sink.value(&[], float(logging::dropped_lines())),
    );
}

fn register_store(metrics: &Metrics, services: &Arc<Services>) {
    let shown = services.clone();
    metrics.register_values(
        "roadstead_store_operations",
        "What the blob store was asked to do, and whether it did.",
        ValueKind::Counter,
        move |sink| {
            for (operation, done, failed, _) in shown.maintenance.store_timings() {
                sink.value(
                    &[("operation", operation), ("outcome", "done")],
                    float(done),
                );
                sink.value(
                    &[("operation", operation), ("outcome", "failed")],
                    float(failed),
                );
            }
        },
    );
    let shown = services.clone();
    metrics.register_values(
        "roadstead_store_seconds",
        "Time spent on it. Appending lasts for as long as the client sends.",
        ValueKind::Counter,
        move |sink| {
            for (operation, _, _, seconds) in shown.maintenance.store_timings() {
                sink.value(&[("operation", operation)], seconds);
            }
        },
    );
    add(
        metrics,
        services,
        "roadstead_store_requests",
        "Requests sent to an object store, tries included; 0 for files.",
        |s| float(s.maintenance.store_requests()),
    );
    add(
        metrics,
        services,
        "roadstead_store_reread_bytes",
        "Bytes of uploads that were read again from an object store.",
        |s| float(s.maintenance.store_reread_bytes()),
    );
}

fn register_jobs(metrics: &Metrics, services: &Arc<Services>) {
    let shown = services.clone();
    metrics.register_values(
        "roadstead_jobs",
        "Jobs of the whole deployment that wait or run, counted up to 100,000.",
        ValueKind::Gauge,
        move |sink| {
            for (state, count) in shown.jobs.counts().in_state() {
                sink.value(&[("state", state)], float(count.unsigned_abs()));
            }
        },
    );
    let shown = services.clone();
    metrics.register_values(
        "roadstead_jobs_oldest_due_seconds",
        "For how long the longest waiting job of the deployment could have run.",
        ValueKind::Gauge,
        move |sink| {
            let age = shown.jobs.counts().oldest_due_age_secs();
            sink.value(&[], float(age.unsigned_abs()));
        },
    );
    let shown = services.clone();
    metrics.register_values(
        "roadstead_jobs_ended",
        "Runs of jobs that ended in this process.",
        ValueKind::Counter,
        move |sink| {
            for (kind, outcome, count) in shown.jobs.counts().ended() {
                sink.value(&[("kind", kind), ("outcome", outcome)], float(count));
            }
        },
    );
    add(
        metrics,
        services,
        "roadstead_jobs_taken_over",
        "Jobs taken over from a process that gave no sign of life.",
        |s| float(s.jobs.counts().taken_over()),
    );
}

fn register_followers(metrics: &Metrics, services: &Arc<Services>) {
    let shown = services.clone();
    metrics.register_values(
        "roadstead_followers",
        "Webhooks, sinks and accounts' mail whose receivers were not told of everything, counted up to 10,000.",
        ValueKind::Gauge,
        move |sink| {
            for (kind, state, count, _) in shown.sinks.followers().all() {
                sink.value(
                    &[("kind", kind), ("state", state)],
                    float(count.unsigned_abs()),
                );
            }
        },
    );
    let shown = services.clone();
    metrics.register_values(
        "roadstead_followers_oldest_undelivered_seconds",
        "For how long the oldest event has been waiting that a receiver was not told of.",
        ValueKind::Gauge,
        move |sink| {
            for (kind, state, _, age) in shown.sinks.followers().all() {
                sink.value(
                    &[("kind", kind), ("state", state)],
                    float(age.unsigned_abs()),
                );
            }
        },
    );
}

fn register_mail(metrics: &Metrics, services: &Arc<Services>) {
    let shown = services.clone();
    metrics.register_values(
        "roadstead_mails",
        "Mails that this process tried to send, to one address each.",
        ValueKind::Counter,
        move |sink| {
            for (purpose, outcome, count) in shown.mail.counts() {
                sink.value(&[("purpose", purpose), ("outcome", outcome)], float(count));
            }
        },
    );
}

fn add(
    metrics: &Metrics,
    services: &Arc<Services>,
    name: &'static str,
    help: &'static str,
    read: fn(&Services) -> f64,
) {
    let services = services.clone();
    metrics.register_values(name, help, ValueKind::Counter, move |sink| {
        sink.value(&[], read(&services));
    });
}

#[expect(clippy::cast_precision_loss, reason = "counters far below 2^53")]
fn float(count: u64) -> f64 {
    count as f64
}
