//! `roadstead backup`: copies what the registry's settings name, while a running registry goes on. That one, or the data
//! directory if none runs, is only asked to keep what is being copied.

mod bar;
mod pin;
pub(crate) mod place;

pub(crate) use bar::Bar;
pub(crate) use pin::carry_out;

use crate::admin::Answer;
use crate::blob_store;
use crate::cli::{BackupArgs, BackupCommand, Outcome, Place, Reach};
use crate::config::{self, Config};
use crate::data_dir::DataDir;
use crate::system::{SystemClock, SystemIds};
use crate::target::Target;
use crate::text::{date, table};
use anyhow::{Context as _, bail, ensure};
use keys::DeploymentKey;
use model::{Clock as _, IdSource as _};
use pin::Pin;
use serde_json::json;
use services::DatabasePlace;
use services::SnapshotHeader;
use services::backup::{
    Backup, BackupCopy, BackupPlace, BackupRecord, BlobProblem, Pruned, StoredSnapshot,
    prune_backups, verify_backup,
};
use std::sync::Arc;
use tokio::runtime::Runtime;

/// `roadstead backup`.
pub(crate) fn run(args: &BackupArgs) -> anyhow::Result<()> {
    let config = config::load(&args.config.to_flags())?.config;
    let runtime = runtime()?;
    let Some(command) = &args.command else {
        let to = args.to.as_ref().context("--to is missing")?;
        return make(&config, &runtime, to, &args.reach);
    };
    ensure!(args.to.is_none(), "--to makes a backup; this takes --from");
    match command {
        BackupCommand::List { from } => list(&config, &runtime, from, &args.reach),
        BackupCommand::Verify {
            from,
            backup,
            remove_damaged,
        } => {
            let which = (backup.as_deref(), *remove_damaged);
            verify(&config, &runtime, from, which, &args.reach)
        }
        BackupCommand::Prune { from, keep } => prune(&config, &runtime, from, *keep, &args.reach),
    }
}

pub(crate) fn runtime() -> anyhow::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")
}

pub(crate) fn ids() -> SystemIds {
    SystemIds::new(Arc::new(SystemClock))
}

/// Where the records of a registry with these settings are.
pub(crate) fn database_of(config: &Config) -> DatabasePlace {
    match &config.database.postgres {
        Some(postgres) => DatabasePlace::Postgres(Box::new(postgres.clone())),
        None => DatabasePlace::Sqlite(DataDir::database(&config.data_dir)),
    }
}

/// Waits for something that may take long, unless someone wants it to end.
pub(crate) async fn until_told_to_end<T>(
    work: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<T> {
    tokio::select! {
        done = work => done,
        _ = tokio::signal::ctrl_c() => {
            bail!("ended before it was done; the same command goes on where it was")
        }
    }
}

fn make(config: &Config, runtime: &Runtime, to: &Place, reach: &Reach) -> anyhow::Result<()> {
    let target = Target::find(config)?;
    let key = DeploymentKey::load(&config.deployment_key)?;
    let ids = ids();
    let begun_at_ms = SystemClock.now_ms();
    let bar = Bar::default();
    let backup = runtime.block_on(async {
        let place = place::open(to, config, reach, &ids).await?;
        place.require_ours(Some(key.id())).await?;
        anyhow::Ok(Backup {
            database: database_of(config),
            blobs: blob_store::open(config, &ids).await?,
            place,
            progress: &bar,
        })
    })?;
    let pin = Pin::begin(target, config, to, false)?;
    let snapshot_key = ids.next_id();
    let copying = async {
        let (header, snapshot) = backup.take_snapshot(&snapshot_key).await?;
        let copy = backup.copy_blobs(&header, &snapshot).await?;
        Ok((header, snapshot, copy))
    };
    let copied = runtime.block_on(until_told_to_end(pin.guard(copying)));
    bar.clear();
    // What it names may be gone if the pin was not alive all the time.
    let made = copied.and_then(|copied| pin.renew().map(|()| copied));
    let made = made.and_then(|(header, snapshot, copy)| {
        let record = record(pin.id(), begun_at_ms, (header, snapshot, copy));
        runtime.block_on(backup.conclude(&record))?;
        Ok(record)
    });
    let outcome = match &made {
        Ok(record) if record.problems.is_empty() => Outcome::Whole,
        Ok(_) => Outcome::Incomplete,
        Err(_) => Outcome::Failed,
    };
    // It ends by itself after a while; whether there is a backup does not depend on it.
    let ended = pin.end(outcome);
    let record = made?;
    answer(&record, to).print(reach.json)?;
    if let Err(error) = ended {
        tell(&format!(
            "the registry does not know that the backup has ended: {error:#}"
        ));
    }
    if !record.problems.is_empty() {
        bail!(
            "{} blobs could not be read and are not in the backup: see `roadstead fsck` and `roadstead scrub`, and push them again",
            record.problems.len()
        );
    }
    Ok(())
}

fn record(
    id: &str,
    begun_at_ms: i64,
    (header, snapshot, copy): (SnapshotHeader, StoredSnapshot, BackupCopy),
) -> BackupRecord {
    BackupRecord {
        id: id.to_owned(),
        begun_at_ms,
        ended_at_ms: SystemClock.now_ms(),
        schema_version: header.schema_version,
        deployment_key_id: header.deployment_key_id,
        snapshot,
        blobs: header.blobs,
        blob_bytes: header.blob_bytes,
        copied: copy.copied,
        copied_bytes: copy.copied_bytes,
        problems: copy.problems,
    }
}

fn answer(record: &BackupRecord, place: &Place) -> Answer {
    let secs = (record.ended_at_ms - record.begun_at_ms) / 1000;
    let text = format!(
        "backup {} in {place}: {} blobs, {} bytes; {} of them new, {} bytes; records {} bytes; {secs} s\n{}",
        record.id,
        record.blobs,
        record.blob_bytes,
        record.copied,
        record.copied_bytes,
        record.snapshot.size_bytes,
        lines(&record.problems)
    );
    Answer::new(shown(record), text)
}

fn shown(record: &BackupRecord) -> serde_json::Value {
    json!({
        "id": record.id,
        "begun_at": date(Some(record.begun_at_ms)),
        "ended_at": date(Some(record.ended_at_ms)),
        "is_whole": record.problems.is_empty(),
        "schema_version": record.schema_version,
        "deployment_key_id": record.deployment_key_id,
        "blobs": record.blobs,
        "blob_bytes": record.blob_bytes,
        "copied": record.copied,
        "copied_bytes": record.copied_bytes,
        "snapshot_bytes": record.snapshot.size_bytes,
        "problems": record.problems,
    })
}

/// A line for each blob that something is wrong with.
pub(crate) fn lines(problems: &[BlobProblem]) -> String {
    problems.iter().fold(String::new(), |text, problem| {
        let BlobProblem {
            digest,
            location,
            what,
        } = problem;
        text + &format!("{digest}  {location}  {what}\n")
    })
}

fn list(config: &Config, runtime: &Runtime, from: &Place, reach: &Reach) -> anyhow::Result<()> {
    let records = runtime.block_on(async {
        let place = place::open_existing(from, config, reach, &ids()).await?;
        anyhow::Ok(place.list().await?)
    })?;
    let head = [
        "ID",
        "BEGUN",
        "ENDED",
        "BLOBS",
        "BYTES",
        "NEW BYTES",
        "MISSING",
    ];
    let rows = records.iter().rev().map(|record| {
        vec![
            record.id.clone(),
            date(Some(record.begun_at_ms)),
            date(Some(record.ended_at_ms)),
            record.blobs.to_string(),
            record.blob_bytes.to_string(),
            record.copied_bytes.to_string(),
            record.problems.len().to_string(),
        ]
    });
    let text = table(&head, rows);
    Answer::new(records.iter().rev().map(shown).collect(), text).print(reach.json)
}

fn verify(
    config: &Config,
    runtime: &Runtime,
    from: &Place,
    (backup, removes_damaged): (Option<&str>, bool),
    reach: &Reach,
) -> anyhow::Result<()> {
    let bar = Bar::default();
    let (record, verified) = runtime.block_on(until_told_to_end(async {
        let place = place::open_existing(from, config, reach, &ids()).await?;
        let record = place.find(backup).await?;
        let verified = verify_backup(&place, &record, removes_damaged, &bar).await?;
        Ok((record, verified))
    }))?;
    bar.clear();
    let count = verified.problems.len();
    let text = format!(
        "backup {}: {} objects are what they should be, {count} are not\n{}",
        record.id,
        verified.whole,
        lines(&verified.problems)
    );
    let json = json!({
        "id": record.id,
        "whole": verified.whole,
        "problems": verified.problems,
    });
    Answer::new(json, text).print(reach.json)?;
    match (count, removes_damaged) {
        (0, _) => Ok(()),
        (_, true) => bail!(
            "objects were damaged and are gone; the next backup brings those anew that the registry still has"
        ),
        (_, false) => bail!(
            "objects are damaged; with --remove-damaged they go, and the next backup brings them anew"
        ),
    }
}

fn prune(
    config: &Config,
    runtime: &Runtime,
    from: &Place,
    keep: u32,
    reach: &Reach,
) -> anyhow::Result<()> {
    let target = Target::find(config)?;
    let key = DeploymentKey::load(&config.deployment_key)?;
    let place: BackupPlace = runtime.block_on(async {
        let place = place::open_existing(from, config, reach, &ids()).await?;
        place.require_ours(Some(key.id())).await?;
        anyhow::Ok(place)
    })?;
    let pin = Pin::begin(target, config, from, true)?;
    let keep = usize::try_from(keep).unwrap_or(usize::MAX);
    let pruning = async { Ok(prune_backups(&place, keep).await?) };
    let pruned = runtime.block_on(until_told_to_end(pin.guard(pruning)));
    let ended = pin.end(if pruned.is_ok() {
        Outcome::Whole
    } else {
        Outcome::Failed
    });
    let Pruned {
        backups,
        kept,
        objects,
        bytes,
    } = pruned?;
    ended?;
    let text = format!(
        "{backups} backups are gone, {kept} stay; {objects} objects that none of them needs are gone, {bytes} bytes\n"
    );
    let json = json!({ "backups": backups, "kept": kept, "objects": objects, "bytes": bytes });
    Answer::new(json, text).print(reach.json)
}

/// Tells something that is no result.
pub(crate) fn tell(text: &str) {
    use std::io::Write as _;
    // Standard error may be closed.
    let _ = writeln!(std::io::stderr(), "roadstead: {text}");
}
