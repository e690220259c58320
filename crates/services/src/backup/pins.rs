//! Who is making a backup: as long as somebody is, nothing is deleted from the store.

use crate::core::Core;
use crate::{Error, Result};
use metadata::{BackupEnd, BackupPurpose, BackupRow, Turn};
use model::caller::Origin;
use model::{Caller, Event};
use std::sync::Arc;

/// How long a pin lives without a sign of life: deleting waits for so long after a backup that died.
const LIFETIME_MS: i64 = 5 * 60_000;
/// How long backups are remembered.
const HISTORY_MS: i64 = 400 * 86_400_000;
/// Old ones forgotten at once.
const OLD_BACKUPS: i64 = 1000;

/// Backups that are being made, and those that were.
pub struct Backups {
    core: Arc<Core>,
}

impl Backups {
    pub(crate) fn new(core: Arc<Core>) -> Self {
        Self { core }
    }

    /// Pins whatever a snapshot may name that is taken from now on, and answers with the backup's identifier. The pin lives
    /// for five minutes, unless it is [renewed](Self::renew).
    ///
    /// # Errors
    /// [`Error::Invalid`] when backups are being taken away, or one is to be while another is being made.
    pub async fn begin(&self, purpose: BackupPurpose, place: &str) -> Result<String> {
        let (core, place) = (self.core.clone(), place.to_owned());
        let id = core.ids.next_id();
        self.core
            .metadata
            .write(move |tx| {
                let now_ms = core.now_ms();
                tx.take_turn(Turn::Backups)?;
                let running = tx.list_running_backups(now_ms)?;
                let is_in_the_way =
                    |other: &&BackupRow| [other.purpose, purpose].contains(&BackupPurpose::Prune);
                if let Some(other) = running.iter().find(is_in_the_way) {
                    return Err(Error::Invalid(in_the_way(other, now_ms)));
                }
                tx.delete_old_backups(now_ms - HISTORY_MS, OLD_BACKUPS)?;
                tx.create_backup(&BackupRow {
                    id: id.clone(),
                    purpose,
                    place: place.clone(),
                    begun_at_ms: now_ms,
                    pinned_until_ms: now_ms + LIFETIME_MS,
                    end: None,
                })?;
                Ok(id)
            })
            .await
    }

    /// Says that a backup goes on. Answers whether its pin was alive all the time: otherwise what it names may be gone.
    pub async fn renew(&self, id: &str) -> Result<bool> {
        let (core, id) = (self.core.clone(), id.to_owned());
        self.core
            .metadata
            .write(move |tx| {
                let now_ms = core.now_ms();
                Ok(tx.renew_backup(&id, now_ms, now_ms + LIFETIME_MS)?)
            })
            .await
    }

    /// Ends a backup, and with it its pin.
    pub async fn end(&self, id: &str, end: BackupEnd, caller: &Caller) -> Result<()> {
        let (core, id, caller) = (self.core.clone(), id.to_owned(), caller.clone());
        self.core
            .metadata
            .write(move |tx| {
                let now_ms = core.now_ms();
                let has_ended = tx.end_backup(&id, end, now_ms)?;
                let made = tx.find_backup(&id)?.filter(|backup| {
                    has_ended && backup.purpose == BackupPurpose::Backup && end != BackupEnd::Failed
                });
                if let Some(backup) = made {
                    let event = Event::BackupMade {
                        place: backup.place,
                        is_whole: end == BackupEnd::Whole,
                    };
                    core.record_for_deployment(tx, &event, (&caller, &Origin::default()))?;
                }
                Ok(())
            })
            .await
    }
}

fn in_the_way(other: &BackupRow, now_ms: i64) -> String {
    let what = match other.purpose {
        BackupPurpose::Backup => "a backup is being made",
        BackupPurpose::Prune => "old backups are being taken away",
    };
    let secs = (other.pinned_until_ms - now_ms) / 1000;
    format!(
        "{what} (to {}); try again when that is done, or, if it died, in {secs} seconds",
        other.place
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{TestRegistry, settings};

    const PLACE: &str = "/somewhere";

    async fn condemn(registry: &TestRegistry, location: &str) {
        let (location, now_ms) = (location.to_owned(), registry.services.core.now_ms());
        let core = &registry.services.core;
        core.metadata
            .write(move |tx| Ok::<_, Error>(tx.condemn_blob(&location, 5, now_ms, now_ms)?))
            .await
            .expect("it is written");
    }

    #[tokio::test]
    async fn nothing_is_deleted_while_a_backup_lives_and_one_that_died_is_forgotten() {
        let registry = TestRegistry::start(settings()).await;
        let services = &registry.services;
        let id = services.backups.begin(BackupPurpose::Backup, PLACE).await;
        let id = id.expect("it begins");
        condemn(&registry, "01890a5d-ac96-774b-bcce-b302099a80f4").await;
        let deleted = async || {
            let deleted = services.maintenance.delete_condemned_objects().await;
            deleted.expect("the store answers")
        };
        for _ in 0..3 {
            registry.clock.advance(LIFETIME_MS - 1);
            assert_eq!(deleted().await, 0);
            assert!(services.backups.renew(&id).await.expect("it is written"));
        }
        registry.clock.advance(LIFETIME_MS);
        assert_eq!(deleted().await, 1, "whoever made it is dead");
        assert!(
            !services.backups.renew(&id).await.expect("it is written"),
            "and must not believe that it goes on"
        );

        let id = services.backups.begin(BackupPurpose::Backup, PLACE).await;
        let id = id.expect("it begins");
        condemn(&registry, "01890a5d-ac96-774b-bcce-b302099a80f5").await;
        assert_eq!(deleted().await, 0);
        let caller = Caller::local_operator();
        let ended = services.backups.end(&id, BackupEnd::Whole, &caller);
        ended.await.expect("it is written");
        assert_eq!(deleted().await, 1);
    }

    #[tokio::test]
    async fn backups_go_on_side_by_side_but_not_beside_their_removal() {
        let registry = TestRegistry::start(settings()).await;
        let backups = &registry.services.backups;
        let caller = Caller::local_operator();
        let begin = |purpose| backups.begin(purpose, PLACE);
        let first = begin(BackupPurpose::Backup).await.expect("it begins");
        let second = begin(BackupPurpose::Backup).await.expect("it begins");
        for id in [first, second] {
            let refused = begin(BackupPurpose::Prune).await;
            let text = refused.expect_err("a backup goes on").to_string();
            assert!(
                text.contains(PLACE) && text.contains("300 seconds"),
                "{text}"
            );
            backups
                .end(&id, BackupEnd::Failed, &caller)
                .await
                .expect("it is written");
        }
        let prune = begin(BackupPurpose::Prune).await.expect("it begins");
        for purpose in [BackupPurpose::Backup, BackupPurpose::Prune] {
            assert!(begin(purpose).await.is_err(), "{purpose:?}");
        }
        backups
            .end(&prune, BackupEnd::Whole, &caller)
            .await
            .expect("it is written");
        begin(BackupPurpose::Backup).await.expect("it begins");
    }
}
