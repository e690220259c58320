//! A database is asked what it is like, and stays as it is.

use super::fixture::{Database, options};
use super::postgres;
use crate::{ServerFacts, examine_postgres, examine_sqlite};
use engines::Postgres;

#[test]
fn a_sqlite_database_is_examined_beside_its_owner_and_alone() {
    let directory = tempfile::tempdir().unwrap();
    // Signs that mean something in a URI.
    let path = directory.path().join("a?b#c%20 d.db");
    assert!(examine_sqlite(&path, true, "x").is_err());
    let store = crate::MetadataStore::open(&options(&path)).unwrap();
    let beside = examine_sqlite(&path, false, "x").unwrap();
    assert_eq!(beside.schema_version, beside.known_version);
    assert!(!beside.is_too_new && beside.server.is_none());
    drop(store);
    let names = || {
        let entries = std::fs::read_dir(directory.path()).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name())
            .collect::<Vec<_>>()
    };
    let before = names();
    assert_eq!(examine_sqlite(&path, true, "x").unwrap(), beside);
    assert_eq!(names(), before, "nothing is left beside it");
    std::fs::write(&path, "no database").unwrap();
    assert!(examine_sqlite(&path, true, "x").is_err());
}

#[tokio::test]
async fn what_is_remembered_is_found() {
    let database = Database::new();
    let put = |tx: &mut crate::Tx<'_>| tx.put_deployment_value("who", "me");
    database.store.write(put).await.unwrap();
    let facts = examine_sqlite(&database.path, false, "who").unwrap();
    assert_eq!(facts.deployment_value.as_deref(), Some("me"));
}

#[test]
fn an_empty_server_is_examined_and_stays_empty() {
    let server = Postgres::shared();
    let url = server.create_database("examined").unwrap();
    let facts = examine_postgres(&postgres::options(&url), "x").unwrap();
    let ServerFacts {
        version,
        has_tls,
        has_fsync,
        synchronous_commit,
        max_connections,
        open_connections,
        may_create,
        may_write,
        ..
    } = facts.server.unwrap();
    assert_eq!((facts.schema_version, facts.deployment_value), (0, None));
    assert!(version.starts_with("15."), "{version}");
    assert!(!has_tls && !has_fsync && may_create && may_write);
    assert_eq!(synchronous_commit, "on");
    assert_eq!(max_connections, 297);
    assert!(open_connections >= 1);
    let tables = server
        .psql(
            "examined",
            "SELECT COUNT(*) FROM pg_tables WHERE schemaname = 'public'",
        )
        .unwrap();
    assert_eq!(tables.trim(), "0");
}

#[test]
fn limits_and_rights_of_a_user_are_told() {
    let server = Postgres::shared();
    let url = server.create_database("restricted").unwrap();
    drop(crate::MetadataStore::open_postgres(&postgres::options(&url)).unwrap());
    server
        .psql(
            "restricted",
            "CREATE ROLE reader LOGIN PASSWORD 'r' CONNECTION LIMIT 7; \
             GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader; \
             ALTER ROLE reader SET synchronous_commit = off",
        )
        .unwrap();
    let (_, place) = url.split_once('@').unwrap();
    let options = postgres::options(&format!("postgres://reader:r@{place}"));
    let facts = examine_postgres(&options, "policy_epoch").unwrap();
    assert_eq!(facts.schema_version, facts.known_version);
    assert_eq!(facts.deployment_value.as_deref(), Some("0"));
    let server = facts.server.unwrap();
    assert_eq!(server.max_connections, 7);
    assert_eq!(server.synchronous_commit, "off");
    assert!(!server.may_create && !server.may_write);
}
