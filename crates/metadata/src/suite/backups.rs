//! Backups and what they pin.

use super::fixture::{id, write};
use crate::{BackupEnd, BackupPurpose, BackupRow, MetadataStore};

pub(super) async fn run(store: &MetadataStore) {
    a_pin_lives_as_long_as_it_is_renewed(store).await;
    nothing_condemned_is_listed_while_a_pin_lives(store).await;
    old_backups_are_forgotten(store).await;
}

/// Long before any other case.
const THEN: i64 = -1_000_000;

fn backup(purpose: BackupPurpose) -> BackupRow {
    BackupRow {
        id: id(),
        purpose,
        place: "/somewhere".to_owned(),
        begun_at_ms: THEN,
        pinned_until_ms: THEN + 100,
        end: None,
    }
}

async fn begin(store: &MetadataStore, backup: &BackupRow) {
    let new = backup.clone();
    write(store, move |tx| tx.create_backup(&new)).await;
}

async fn running(store: &MetadataStore, now_ms: i64) -> Vec<BackupRow> {
    let running = store.list(move |reader| reader.list_running_backups(now_ms));
    running.await.unwrap()
}

async fn renew(store: &MetadataStore, backup: &BackupRow, now_ms: i64, until_ms: i64) -> bool {
    let id = backup.id.clone();
    write(store, move |tx| tx.renew_backup(&id, now_ms, until_ms)).await
}

async fn end(store: &MetadataStore, backup: &BackupRow, end: BackupEnd) -> bool {
    let id = backup.id.clone();
    write(store, move |tx| tx.end_backup(&id, end, THEN + 500)).await
}

async fn find(store: &MetadataStore, backup: &BackupRow) -> Option<BackupRow> {
    let id = backup.id.clone();
    let found = store.list(move |reader| reader.find_backup(&id));
    found.await.unwrap()
}

async fn a_pin_lives_as_long_as_it_is_renewed(store: &MetadataStore) {
    let (first, second) = (backup(BackupPurpose::Backup), backup(BackupPurpose::Prune));
    begin(store, &first).await;
    assert_eq!(
        running(store, THEN + 99).await,
        std::slice::from_ref(&first)
    );
    assert_eq!(running(store, THEN + 100).await, []);
    assert!(renew(store, &first, THEN + 99, THEN + 300).await);
    begin(store, &second).await;
    let renewed = BackupRow {
        pinned_until_ms: THEN + 300,
        ..first.clone()
    };
    assert_eq!(
        running(store, THEN + 50).await,
        [second.clone(), renewed.clone()]
    );
    assert!(
        !renew(store, &second, THEN + 100, THEN + 900).await,
        "it had ended by itself"
    );
    assert!(end(store, &first, BackupEnd::Incomplete).await);
    assert!(!end(store, &first, BackupEnd::Whole).await, "once");
    assert!(!renew(store, &first, THEN + 150, THEN + 900).await);
    assert_eq!(running(store, THEN + 150).await, []);
    let ended = BackupRow {
        end: Some((THEN + 500, BackupEnd::Incomplete)),
        ..renewed
    };
    assert_eq!(find(store, &first).await, Some(ended));
    assert_eq!(find(store, &second).await, Some(second.clone()));
    assert!(end(store, &second, BackupEnd::Failed).await);
}

async fn nothing_condemned_is_listed_while_a_pin_lives(store: &MetadataStore) {
    let (pin, object) = (backup(BackupPurpose::Backup), id());
    let condemned = object.clone();
    write(store, move |tx| {
        tx.condemn_blob(&condemned, 9, THEN, THEN + 10)
    })
    .await;
    let listed = async |now_ms| {
        let listed = store.list(move |reader| reader.list_condemned_objects(now_ms, 10));
        listed.await.unwrap().len()
    };
    assert_eq!(listed(THEN + 10).await, 1);
    begin(store, &pin).await;
    assert_eq!(listed(THEN + 10).await, 0, "pinned");
    assert_eq!(listed(THEN + 100).await, 1, "whoever held the pin is dead");
    assert!(renew(store, &pin, THEN + 50, THEN + 200).await);
    assert_eq!(listed(THEN + 100).await, 0);
    end(store, &pin, BackupEnd::Whole).await;
    assert_eq!(listed(THEN + 100).await, 1);
    write(store, move |tx| tx.delete_condemned_object(&object)).await;
}

async fn old_backups_are_forgotten(store: &MetadataStore) {
    // Older than those of the other cases.
    let mut old = [backup(BackupPurpose::Backup), backup(BackupPurpose::Prune)];
    for (backup, begun_at_ms) in old.iter_mut().zip([THEN - 2, THEN - 1]) {
        backup.begun_at_ms = begun_at_ms;
        begin(store, backup).await;
        end(store, backup, BackupEnd::Failed).await;
    }
    let none = write(store, |tx| tx.delete_old_backups(THEN - 2, 1000)).await;
    let one = write(store, |tx| tx.delete_old_backups(THEN, 1)).await;
    assert_eq!((none, one), (0, 1));
    assert_eq!(find(store, &old[0]).await, None);
    assert!(find(store, &old[1]).await.is_some());
    let rest = write(store, |tx| tx.delete_old_backups(THEN, 1000)).await;
    assert_eq!(rest, 1);
}
