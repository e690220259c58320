//! Every method of [`Reader`](crate::Reader) and [`Tx`](crate::Tx), asked on a real database. The cases know only
//! [`MetadataStore`], so that each database runs the same ones.
#![expect(
    clippy::redundant_closure_for_method_calls,
    reason = "a method of `Reader` is not general over the lifetime of its connection, a closure is"
)]

mod access;
mod access_questions;
mod account_addresses;
mod account_collections;
mod account_now;
mod account_summaries;
mod address_certificates;
mod artifacts;
mod attention;
mod auditing;
mod backups;
mod broken_off;
mod collecting;
mod content;
mod counts;
mod coverage;
mod deployment;
mod durability;
mod ends;
mod examination;
mod fixture;
mod garbage;
mod groups;
mod identity;
mod images;
mod invitations;
mod jobs;
mod labels;
mod ldap;
mod limits;
mod mail;
mod months;
mod network_rules;
mod operators;
mod passes;
mod people;
mod plans;
mod plans_of_accounts;
mod postgres;
mod protection;
mod races;
mod read_replica;
mod referrers;
mod removals;
mod replicas;
mod repository_details;
mod retention;
mod rights;
mod sinks;
mod trash;
mod trash_containers;
mod trash_races;
mod uploads;
mod usage;
mod users;
mod webhooks;
mod writer;

pub(crate) use fixture::Database;
pub(crate) use postgres::Database as PostgresDatabase;

use crate::MetadataStore;

/// All cases, one after the other, on one database.
pub(crate) async fn run(store: &MetadataStore) {
    access::run(store).await;
    access_questions::run(store).await;
    account_summaries::run(store).await;
    people::run(store).await;
    counts::run(store).await;
    plans_of_accounts::run(store).await;
    limits::run(store).await;
    months::run(store).await;
    account_now::run(store).await;
    attention::run(store).await;
    groups::run(store).await;
    rights::run(store).await;
    identity::run(store).await;
    ldap::run(store).await;
    users::run(store).await;
    invitations::run(store).await;
    deployment::run(store).await;
    auditing::run(store).await;
    content::run(store).await;
    referrers::run(store).await;
    artifacts::run(store).await;
    images::run(store).await;
    labels::run(store).await;
    protection::run(store).await;
    webhooks::run(store).await;
    sinks::run(store).await;
    mail::run(store).await;
    retention::run(store).await;
    removals::run(store).await;
    network_rules::run(store).await;
    account_addresses::run(store).await;
    account_collections::run(store).await;
    address_certificates::run(store).await;
    replicas::run(store).await;
    repository_details::run(store).await;
    uploads::run(store).await;
    garbage::run(store).await;
    trash::run(store).await;
    trash_containers::run(store).await;
    passes::run(store).await;
    backups::run(store).await;
    jobs::run(store).await;
}

#[tokio::test]
async fn every_method_does_on_sqlite_what_it_says() {
    let database = fixture::Database::new();
    run(&database.store).await;
}
