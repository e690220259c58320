//! Every method of [`Reader`](crate::Reader) and [`Tx`](crate::Tx), asked on a real database. The cases know only
//! [`MetadataStore`], so that each database runs the same ones.
#![expect(
    clippy::redundant_closure_for_method_calls,
    reason = "a method of `Reader` is not general over the lifetime of its connection, a closure is"
)]

mod access;
mod backups;
mod broken_off;
mod collecting;
mod content;
mod coverage;
mod deployment;
mod durability;
mod ends;
mod examination;
mod fixture;
mod garbage;
mod jobs;
mod passes;
mod plans;
mod postgres;
mod races;
mod read_replica;
mod referrers;
mod uploads;
mod usage;
mod writer;

pub(crate) use fixture::Database;
pub(crate) use postgres::Database as PostgresDatabase;

use crate::MetadataStore;

/// All cases, one after the other, on one database.
pub(crate) async fn run(store: &MetadataStore) {
    access::run(store).await;
    deployment::run(store).await;
    content::run(store).await;
    referrers::run(store).await;
    uploads::run(store).await;
    garbage::run(store).await;
    passes::run(store).await;
    backups::run(store).await;
    jobs::run(store).await;
}

#[tokio::test]
async fn every_method_does_on_sqlite_what_it_says() {
    let database = fixture::Database::new();
    run(&database.store).await;
}
