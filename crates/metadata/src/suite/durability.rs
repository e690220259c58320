//! What stays in a file, and what is refused there.

use super::fixture::{Database, World, digest, id, options, write};
use crate::{Error, MetadataStore};

#[tokio::test]
async fn reopening_keeps_everything() {
    let database = Database::new();
    super::run(&database.store).await;
    let dump = dump(&database.path);
    assert!(dump.iter().any(|(_, rows)| *rows > 0));
    let Database {
        store,
        path,
        directory,
    } = database;
    drop(store);
    assert_eq!(super::durability::dump(&path), dump);
    let reopened = MetadataStore::open(&options(&path)).unwrap();
    reopened.read_blocking(|reader| reader.probe()).unwrap();
    assert_eq!(super::durability::dump(&path), dump);
    super::run(&reopened).await;
    drop(directory);
}

/// How many rows each table has.
fn dump(path: &std::path::Path) -> Vec<(String, i64)> {
    let connection = rusqlite::Connection::open(path).unwrap();
    let mut statement = connection
        .prepare("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
        .unwrap();
    let tables = statement
        .query_map([], |row| row.get::<_, String>(0))
        .unwrap();
    tables
        .map(|table| {
            let table = table.unwrap();
            let count = format!("SELECT COUNT(*) FROM {table}");
            let rows = connection.query_row(&count, [], |row| row.get(0)).unwrap();
            (table, rows)
        })
        .collect()
}

#[tokio::test]
async fn a_database_of_a_newer_release_is_refused_and_left_alone() {
    let database = Database::new();
    let Database {
        store,
        path,
        directory,
    } = database;
    drop(store);
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection
        .pragma_update(None, "user_version", 1_000_000)
        .unwrap();
    let refused = MetadataStore::open(&options(&path)).map(|_| ());
    assert!(
        matches!(
            refused,
            Err(Error::TooNew {
                found: 1_000_000,
                ..
            })
        ),
        "{refused:?}"
    );
    let version: i64 = connection
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .unwrap();
    assert_eq!(version, 1_000_000);
    drop(directory);
}

#[tokio::test]
async fn the_file_is_nobody_elses_to_read() {
    use std::os::unix::fs::PermissionsExt;
    let database = Database::new();
    World::create(&database.store).await;
    let mut looked_at = 0;
    for entry in std::fs::read_dir(database.directory.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{:?}", entry.file_name());
        looked_at += 1;
    }
    assert!(looked_at >= 2, "the database and its log");
}

/// What keeps a blob is the database itself, whatever a program believes.
#[tokio::test]
async fn foreign_keys_keep_what_is_referenced() {
    let database = Database::new();
    let store = &database.store;
    let world = World::create(store).await;
    let blob = digest(&id());
    world.add_blob(store, &blob, 10).await;
    let new = super::content::manifest(&id());
    let (to, needed) = (world.clone(), blob.clone());
    write(store, move |tx| {
        tx.create_manifest(&new, &to.account.id, &to.repository, 1)?;
        tx.create_manifest_blob(&new.id, &to.repository, "shared", &needed)?;
        tx.delete_repository_blob(&to.repository, &needed).map(drop)
    })
    .await;
    let refused = store
        .write(|tx| {
            tx.connection
                .execute("/* of a test */ DELETE FROM blobs", &[])
        })
        .await;
    assert!(
        matches!(refused, Err(Error::ReferenceViolated)),
        "{refused:?}"
    );
    let kept = store
        .read_blocking(|reader| reader.find_blob_location("shared", &blob))
        .unwrap();
    assert!(kept.is_some());
    let refused = store
        .write(|tx| {
            tx.connection
                .execute("/* of a test */ DELETE FROM manifests", &[])
        })
        .await;
    assert!(
        matches!(refused, Err(Error::ReferenceViolated)),
        "{refused:?}"
    );
}

/// Whoever copies the file of a stopped registry has everything.
#[tokio::test]
async fn a_closed_database_is_one_file() {
    let database = Database::new();
    World::create(&database.store).await;
    let Database {
        store, directory, ..
    } = database;
    drop(store);
    let names: Vec<_> = std::fs::read_dir(directory.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names, ["metadata.db"]);
}
