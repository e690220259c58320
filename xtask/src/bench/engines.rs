//! What rows on PostgreSQL and S3 share: the two engines, and what they and the registry have counted.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context as _, Result};
use engines::{Postgres, SeaweedFs};

use super::driver::{Client, Payload, Target};

/// Running engines, for one row or several.
pub(crate) struct Engines {
    postgres: Postgres,
    pub store: SeaweedFs,
    places: AtomicU32,
}

impl Engines {
    pub(crate) fn start() -> Result<Self> {
        let postgres = Postgres::builder()
            .durable()
            .setting("shared_preload_libraries", "pg_stat_statements")
            .start()?;
        postgres.psql("postgres", "CREATE EXTENSION pg_stat_statements")?;
        Ok(Self {
            postgres,
            store: SeaweedFs::start()?,
            places: AtomicU32::new(0),
        })
    }

    /// An empty database and an empty bucket.
    pub(crate) fn provide(self: &Arc<Self>) -> Result<Place> {
        let number = self.places.fetch_add(1, Ordering::Relaxed);
        let (database, bucket) = (format!("bench_{number}"), format!("bench-{number}"));
        let database_url = self.postgres.create_database(&database)?;
        self.store.create_bucket(&bucket)?;
        Ok(Place {
            engines: Arc::clone(self),
            database,
            database_url,
            bucket,
        })
    }
}

/// Where one deployment keeps everything.
#[derive(Clone)]
pub(crate) struct Place {
    pub engines: Arc<Engines>,
    database: String,
    pub database_url: String,
    pub bucket: String,
}

impl Place {
    /// Statements that PostgreSQL has executed for this database since it started.
    fn queries(&self) -> Result<u64> {
        let sql = format!(
            "SELECT COALESCE(SUM(calls), 0) FROM pg_stat_statements \
             JOIN pg_database ON pg_database.oid = dbid WHERE datname = '{}'",
            self.database
        );
        let answer = self.engines.postgres.psql("postgres", &sql)?;
        Ok(answer.trim().parse()?)
    }
}

/// What a deployment has asked of its engines.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counts {
    pub queries: u64,
    pub store_calls: u64,
}

/// Where the counts of a deployment are.
pub(crate) struct Counters {
    pub place: Place,
    /// Of every replica.
    pub metrics: Vec<SocketAddr>,
}

impl Counters {
    pub(crate) fn read(&self) -> Result<Counts> {
        let mut store_calls = 0;
        for address in &self.metrics {
            store_calls += store_calls_of(*address)?;
        }
        Ok(Counts {
            queries: self.place.queries()?,
            store_calls,
        })
    }

    /// What was added since an earlier look.
    pub(crate) fn since(&self, before: Counts) -> Result<Counts> {
        let now = self.read()?;
        Ok(Counts {
            queries: now.queries.saturating_sub(before.queries),
            store_calls: now.store_calls.saturating_sub(before.store_calls),
        })
    }
}

fn store_calls_of(metrics: SocketAddr) -> Result<u64> {
    let mut client = Client::open(&Target::plain(metrics), None)?;
    let answer = client.send("GET", "/metrics", &[], Payload::Nothing)?;
    let text = String::from_utf8_lossy(&answer.body);
    let value = text
        .lines()
        .find_map(|line| line.strip_prefix("roadstead_store_requests_total "))
        .context("/metrics doesn't count requests to the store")?;
    let value: f64 = value.trim().parse()?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a count, written with a decimal point"
    )]
    let count = value as u64;
    Ok(count)
}
