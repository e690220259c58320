//! What a snapshot is worth: everything comes back from it, in either database, or nothing does.

use super::*;
use crate::suite::{self, Database, PostgresDatabase};
use bytes::Bytes;
use std::collections::BTreeSet;
use std::path::Path;

fn export(from: &DatabasePlace) -> Vec<u8> {
    let mut text = Vec::new();
    let mut out = |piece: Vec<u8>| {
        text.extend_from_slice(&piece);
        Ok(())
    };
    export_snapshot(from, &mut out).unwrap();
    text
}

fn import(into: &DatabasePlace, text: &[u8]) -> Result<SnapshotHeader, SnapshotError> {
    import_without(into, text, &BTreeSet::new())
}

fn import_without(
    into: &DatabasePlace,
    text: &[u8],
    lost: &BTreeSet<String>,
) -> Result<SnapshotHeader, SnapshotError> {
    // As bytes come from anywhere: never where a line ends.
    let mut pieces = text.chunks(7777).map(Bytes::copy_from_slice);
    import_snapshot(into, &mut || Ok(pieces.next()), lost, 77)
}

/// Lines in no order but that of the tables: PostgreSQL gives rows in any.
fn sorted(text: &[u8]) -> BTreeSet<(String, String)> {
    let mut table = String::new();
    let lines = std::str::from_utf8(text).unwrap().lines();
    lines
        .map(|line| {
            if line.starts_with('{') {
                table = line.to_owned();
            }
            // Made at the start on PostgreSQL only.
            (table.clone(), line.to_owned())
        })
        .filter(|(_, line)| !line.starts_with("[\"policy_epoch\"") && !line.contains("\"end\""))
        .collect()
}

fn in_directory(directory: &Path, name: &str) -> DatabasePlace {
    DatabasePlace::Sqlite(directory.join(name))
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_comes_back_whichever_database_it_was_in() {
    let database = Database::new();
    suite::run(&database.store).await;
    let origin = export(&DatabasePlace::Sqlite(database.path.clone()));
    assert!(
        sorted(&origin).len() > 100,
        "the suite leaves rows in every table"
    );

    let copy = in_directory(database.directory.path(), "copy.db");
    import(&copy, &origin).unwrap();
    assert_eq!(sorted(&export(&copy)), sorted(&origin));

    let server = DatabasePlace::Postgres(Box::new(PostgresDatabase::empty_options()));
    let (into, text) = (server.clone(), origin.clone());
    tokio::task::spawn_blocking(move || {
        require_empty(&into).unwrap();
        import(&into, &text).unwrap();
        let there = export(&into);
        assert_eq!(sorted(&there), sorted(&text));
        let refused = require_empty(&into);
        assert!(
            matches!(refused, Err(SnapshotError::NotEmpty(_))),
            "{refused:?}"
        );
        let refused = import(&into, &text);
        assert!(
            matches!(refused, Err(SnapshotError::NotEmpty(_))),
            "{refused:?}"
        );
        assert_eq!(
            sorted(&export(&into)),
            sorted(&there),
            "nothing was changed"
        );
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_was_opened_but_never_used_is_empty() {
    let database = Database::new();
    suite::run(&database.store).await;
    let text = export(&DatabasePlace::Sqlite(database.path.clone()));
    let opened = PostgresDatabase::new();
    let place = DatabasePlace::Postgres(Box::new(opened.options()));
    let new = crate::SigningKeyRow {
        id: "key".to_owned(),
        sealed_private: "sealed with another key".to_owned(),
        created_at_ms: 1,
    };
    opened
        .store
        .write(move |tx| {
            tx.put_deployment_value("deployment_key_id", "of a first try")?;
            tx.create_signing_key(&new)
        })
        .await
        .unwrap();
    tokio::task::spawn_blocking(move || {
        import(&place, &text).unwrap();
        assert_eq!(sorted(&export(&place)), sorted(&text));
    })
    .await
    .unwrap();
    let keys = opened.store.read(|reader| {
        let keys = reader.list_signing_keys()?;
        Ok::<_, Error>(keys.len())
    });
    assert_eq!(
        keys.await.unwrap(),
        0,
        "one that cannot be opened stops a start"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_wrong_with_a_snapshot_nothing_of_it_stays() {
    let database = Database::new();
    suite::run(&database.store).await;
    let text = String::from_utf8(export(&DatabasePlace::Sqlite(database.path.clone()))).unwrap();
    let place = in_directory(database.directory.path(), "new.db");
    let server = DatabasePlace::Postgres(Box::new(PostgresDatabase::empty_options()));
    let half = &text[..text.len() / 2];
    let last_row = text.trim_end().rfind('\n').unwrap();
    let row = text.find("\n[").unwrap() + 1;
    let end_of_row = row + text[row..].find('\n').unwrap() + 1;
    let one_less = format!("{}{}", &text[..row], &text[end_of_row..]);
    let wrong = [
        String::new(),
        half.to_owned(),
        text[..=last_row].to_owned(),
        one_less,
        format!("{text}[]\n"),
        text.replacen("snapshot 1", "snapshot 2", 1),
        text.replacen("\"name\":\"users\"", "\"name\":\"users; DROP TABLE users\"", 1),
        text.replacen("\"columns\":[\"id\"", "\"columns\":[\"id) --\"", 1),
        text.replacen("{\"table\":{\"name\":\"blobs\"", "[1]\n{\"table\":{\"name\":\"blobs\"", 1),
        // A row that refers to one that is not there.
        text.replacen(
            "{\"table\":{\"name\":\"operators\",\"columns\":[\"user_id\",\"created_at_ms\"]}}\n",
            "{\"table\":{\"name\":\"operators\",\"columns\":[\"user_id\",\"created_at_ms\"]}}\n[\"nobody\",1]\n",
            1,
        ),
    ];
    tokio::task::spawn_blocking(move || {
        for (index, text) in wrong.iter().enumerate() {
            for place in [&place, &server] {
                let refused = import(place, text.as_bytes());
                assert!(refused.is_err(), "{index} is taken");
                require_empty(place).unwrap();
            }
        }
        let DatabasePlace::Sqlite(path) = &place else {
            panic!("a file");
        };
        assert!(!path.exists() && !path.with_extension("db.restoring").exists());
    })
    .await
    .unwrap();
}

#[test]
fn a_snapshot_of_a_newer_schema_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let header = SnapshotHeader {
        format: FORMAT.to_owned(),
        schema_version: crate::schema::known() + 1,
        deployment_key_id: None,
        blobs: 0,
        blob_bytes: 0,
    };
    let text = format!(
        "{}\n{{\"end\":{{\"rows\":0}}}}\n",
        serde_json::to_string(&header).unwrap()
    );
    let refused = import(&in_directory(directory.path(), "new.db"), text.as_bytes());
    assert!(
        matches!(refused, Err(SnapshotError::Database(Error::TooNew { .. }))),
        "{refused:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_of_an_older_schema_is_brought_up_to_date() {
    let directory = tempfile::tempdir().unwrap();
    let old = directory.path().join("old.db");
    let connection = rusqlite::Connection::open(&old).unwrap();
    // Before leases were looked at one by one.
    crate::schema::migrate_to(&connection, 4).unwrap();
    connection
        .execute_batch(
            "INSERT INTO accounts VALUES ('a', 'default', 'active', 1, 1); \
             INSERT INTO namespaces VALUES ('n', 'a', 'library', 0, 1); \
             INSERT INTO repositories VALUES ('r', 'a', 'n', 'library/app', 1, 1); \
             INSERT INTO blobs VALUES ('shared', 'sha256:0', 3, 'somewhere', 1); \
             INSERT INTO repository_blobs VALUES ('r', 'sha256:0', 'a', 'shared', 5);",
        )
        .unwrap();
    drop(connection);
    let text = export(&DatabasePlace::Sqlite(old));
    let server = DatabasePlace::Postgres(Box::new(PostgresDatabase::empty_options()));
    let file = in_directory(directory.path(), "new.db");
    tokio::task::spawn_blocking(move || {
        for place in [file, server] {
            assert_eq!(import(&place, &text).unwrap().schema_version, 4);
            let now = export(&place);
            let now = String::from_utf8(now).unwrap();
            let header = format!("\"schema_version\":{}", crate::schema::known());
            assert!(now.contains(&header), "{now}");
            assert!(
                now.contains("[\"r\",\"sha256:0\",\"shared\",5]"),
                "the step did its work: {now}"
            );
        }
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn blobs_whose_bytes_are_lost_come_back_in_quarantine() {
    let database = Database::new();
    suite::run(&database.store).await;
    let text = export(&DatabasePlace::Sqlite(database.path.clone()));
    let blobs = blobs_of(&text);
    let lost = blobs.iter().find(|blob| !blob.is_quarantined).unwrap();
    let copy = in_directory(database.directory.path(), "copy.db");
    import_without(&copy, &text, &BTreeSet::from([lost.location.clone()])).unwrap();
    let changed: Vec<_> = blobs_of(&export(&copy))
        .into_iter()
        .filter(|blob| !blobs.contains(blob))
        .collect();
    let expected = SnapshotBlob {
        is_quarantined: true,
        ..lost.clone()
    };
    assert_eq!(changed, [expected]);
}

fn blobs_of(text: &[u8]) -> Vec<SnapshotBlob> {
    let mut parser = SnapshotParser::default();
    let mut found = Vec::new();
    for piece in text.chunks(999) {
        parser.feed(piece).unwrap();
        found.extend(parser.blobs().unwrap());
    }
    parser.finish().unwrap();
    let shards: Vec<&str> = found.iter().map(|blob| &blob.location[34..]).collect();
    assert!(shards.is_sorted(), "{shards:?}");
    found
}

#[test]
fn every_table_is_kept_or_left_for_a_reason() {
    let mut connection = rusqlite::Connection::open_in_memory().unwrap();
    crate::schema::migrate(&mut connection).unwrap();
    let mut tables = connection
        .prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
        .unwrap();
    let tables = tables.query_map([], |row| row.get::<_, String>(0)).unwrap();
    let mut tables: BTreeSet<String> = tables.map(Result::unwrap).collect();
    tables.insert("schema_version".to_owned());
    let named = KEPT.iter().chain(LEFT.iter().map(|(table, _)| table));
    let named: BTreeSet<String> = named.map(|&table| table.to_owned()).collect();
    assert_eq!(
        tables, named,
        "say in snapshot.rs what becomes of a new table"
    );
}
