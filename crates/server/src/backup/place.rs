//! Opening the place of backups: two stores, one for objects and one for records.

use crate::blob_store;
use crate::cli::{Place, Reach};
use crate::config::{self, Config};
use anyhow::{Context as _, ensure};
use blobs::{BlobStore, FilesystemOptions};
use model::IdSource;
use services::backup::BackupPlace;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

/// Objects of all backups.
const OBJECTS: &str = "objects";
/// One for each backup.
const RECORDS: &str = "records";

/// Opens the place, and makes a directory that is not there.
pub(crate) async fn open(
    place: &Place,
    config: &Config,
    reach: &Reach,
    ids: &dyn IdSource,
) -> anyhow::Result<BackupPlace> {
    match place {
        Place::Directory(path) => open_directory(path, config),
        Place::Bucket { bucket, prefix } => open_bucket((bucket, prefix), config, reach, ids).await,
    }
}

/// The same for one that has to be there.
pub(crate) async fn open_existing(
    place: &Place,
    config: &Config,
    reach: &Reach,
    ids: &dyn IdSource,
) -> anyhow::Result<BackupPlace> {
    if let Place::Directory(path) = place {
        let is_there = path.join(RECORDS).is_dir() && path.join(OBJECTS).is_dir();
        ensure!(is_there, "{} holds no backups", path.display());
    }
    open(place, config, reach, ids).await
}

fn open_directory(path: &Path, config: &Config) -> anyhow::Result<BackupPlace> {
    let refused = || format!("cannot keep backups in {}", path.display());
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .with_context(refused)?;
    let path = path.canonicalize().with_context(refused)?;
    for own in [&config.data_dir, &config.storage.directory] {
        let own = own.canonicalize().unwrap_or_else(|_| own.clone());
        ensure!(
            !path.starts_with(&own),
            "{} belongs to the registry: a backup beside it would be lost together with it; name another place",
            path.display()
        );
    }
    let open = |name| {
        BlobStore::open(FilesystemOptions {
            root: path.join(name),
            reserve_bytes: 0,
        })
        .with_context(refused)
    };
    Ok(BackupPlace {
        objects: open(OBJECTS)?,
        records: open(RECORDS)?,
    })
}

async fn open_bucket(
    (bucket, prefix): (&str, &str),
    config: &Config,
    reach: &Reach,
    ids: &dyn IdSource,
) -> anyhow::Result<BackupPlace> {
    let mut there = config.clone();
    if let Some(file) = &reach.bucket_settings {
        there.s3 = config::load_file(file)?.s3;
    } else {
        let is_own = config.s3.bucket.as_deref() == Some(bucket) && config.s3.prefix == prefix;
        ensure!(
            !is_own,
            "s3://{bucket}/{prefix} is where the registry keeps its blobs; name another bucket"
        );
    }
    there.s3.bucket = Some(bucket.to_owned());
    let mut within = |name: &str| {
        there.s3.prefix = match prefix {
            "" => name.to_owned(),
            prefix => format!("{prefix}/{name}"),
        };
        there.clone()
    };
    let (objects, records) = (within(OBJECTS), within(RECORDS));
    let refused = || format!("cannot keep backups in s3://{bucket}/{prefix}");
    Ok(BackupPlace {
        objects: blob_store::open(&objects, ids)
            .await
            .with_context(refused)?,
        records: blob_store::connect(&records, bucket, ids).with_context(refused)?,
    })
}
