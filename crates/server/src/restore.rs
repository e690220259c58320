//! `roadstead restore`: makes a deployment from a backup, on whichever database and store the settings name.

use crate::admin::Answer;
use crate::backup::{self, Bar, until_told_to_end};
use crate::blob_store;
use crate::cli::RestoreArgs;
use crate::config::{self, Config};
use crate::data_dir::DataDir;
use crate::system::SystemClock;
use crate::text::date;
use anyhow::{Context as _, bail};
use keys::DeploymentKey;
use model::Clock as _;
use serde_json::json;
use services::SnapshotHeader;
use services::backup::{BackupRecord, Restore, Restored};

/// `roadstead restore`.
pub(crate) fn run(args: &RestoreArgs) -> anyhow::Result<()> {
    let config = config::load(&args.config.to_flags())?.config;
    let Some(_directory) = DataDir::lock(&config.data_dir)? else {
        bail!(
            "a roadstead runs on {}; a backup is restored into an empty deployment that nobody uses yet",
            config.data_dir.display()
        );
    };
    let key = DeploymentKey::load(&config.deployment_key).with_context(|| {
        format!(
            "put the deployment.key of the deployment that was backed up at {}",
            config.deployment_key.display()
        )
    })?;
    let begun_at_ms = SystemClock.now_ms();
    let bar = Bar::default();
    let restoring = restore(args, &config, key.id(), &bar);
    let (record, header, restored) = backup::runtime()?.block_on(until_told_to_end(restoring))?;
    let secs = (SystemClock.now_ms() - begun_at_ms) / 1000;
    answer(&record, &header, &restored, secs).print(args.reach.json)
}

async fn restore(
    args: &RestoreArgs,
    config: &Config,
    key_id: &str,
    bar: &Bar,
) -> anyhow::Result<(BackupRecord, SnapshotHeader, Restored)> {
    let ids = backup::ids();
    let place = backup::place::open_existing(&args.from, config, &args.reach, &ids).await?;
    let record = place.find(args.backup.as_deref()).await?;
    let restore = Restore {
        place,
        record,
        database: backup::database_of(config),
        blobs: blob_store::open(config, &ids).await?,
        progress: bar,
    };
    let header = restore.check(key_id).await?;
    let restored = restore.copy_blobs(&header, args.despite_damage).await;
    bar.clear();
    let restored = restored?;
    restore.import(&restored, SystemClock.now_ms()).await?;
    Ok((restore.record, header, restored))
}

fn answer(
    record: &BackupRecord,
    header: &SnapshotHeader,
    restored: &Restored,
    secs: i64,
) -> Answer {
    let lost = restored.lost.len();
    let mut text = format!(
        "restored backup {} of {}: {} blobs, {} bytes, every one compared with its digest; {secs} s\n",
        record.id,
        date(Some(record.begun_at_ms)),
        header.blobs,
        header.blob_bytes,
    );
    if lost > 0 {
        let lines = backup::lines(&restored.lost);
        text = format!(
            "{text}{lost} blobs are not in the backup; they are not served until they are pushed again:\n{lines}"
        );
    }
    let json = json!({
        "id": record.id,
        "begun_at": date(Some(record.begun_at_ms)),
        "blobs": header.blobs,
        "blob_bytes": header.blob_bytes,
        "copied": restored.copied,
        "there": restored.there,
        "lost": restored.lost,
    });
    Answer::new(json, text)
}
