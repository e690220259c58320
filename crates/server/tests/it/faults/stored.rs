//! What lies in the data directory, and what the database says of it.

use std::collections::BTreeSet;
use std::path::Path;

use rusqlite::{Connection, OpenFlags};

/// Names in a data directory, and the keys that the database has for them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Stored {
    pub(super) upload_files: BTreeSet<String>,
    pub(super) blob_files: BTreeSet<String>,
    pub(super) open_uploads: BTreeSet<String>,
    pub(super) locations: BTreeSet<String>,
    pub(super) condemned: BTreeSet<String>,
}

impl Stored {
    pub(super) fn read(data: &Path) -> Self {
        let database = data.join("roadstead.db");
        let connection = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY)
            .expect("it opens");
        let keys = |sql: &str| -> BTreeSet<String> {
            let mut statement = connection.prepare(sql).expect("the schema has this");
            let rows = statement.query_map([], |row| row.get(0)).expect("it runs");
            rows.map(|key| key.expect("keys are text")).collect()
        };
        let shards = std::fs::read_dir(data.join("blobs")).expect("it is there");
        Self {
            open_uploads: keys("SELECT id FROM uploads WHERE state = 'open'"),
            locations: keys("SELECT location FROM blobs"),
            condemned: keys("SELECT location FROM condemned_objects"),
            upload_files: names(&data.join("uploads")),
            blob_files: shards
                .flat_map(|shard| names(&shard.expect("a directory").path()))
                .collect(),
        }
    }

    /// Whether every object is one that a row names, and the other way round, with no upload open any more.
    pub(super) fn is_clean(&self) -> bool {
        self.upload_files.is_empty()
            && self.open_uploads.is_empty()
            && self.condemned.is_empty()
            && self.blob_files == self.locations
    }

    /// What is wrong, for people.
    pub(super) fn leftovers(&self) -> String {
        format!(
            "upload files {:?}, open uploads {:?}, condemned {:?}, objects without a row {:?}, rows without an object {:?}",
            self.upload_files,
            self.open_uploads,
            self.condemned,
            self.blob_files
                .difference(&self.locations)
                .collect::<Vec<_>>(),
            self.locations
                .difference(&self.blob_files)
                .collect::<Vec<_>>(),
        )
    }
}

fn names(directory: &Path) -> BTreeSet<String> {
    std::fs::read_dir(directory)
        .expect("it is there")
        .map(|entry| entry.expect("a file").file_name())
        .map(|name| name.into_string().expect("names are text"))
        .collect()
}
