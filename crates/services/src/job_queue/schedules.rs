//! Schedules: whichever process sees first that a time has come asks for the job, and nobody else does.

use super::{BATCH, JobQueue};
use crate::{Error, Result};
use croner::Cron;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use metadata::{NewJob, NewSchedule, ScheduleRow};
use model::{JobId, JobKind, ScheduleId};
use std::str::FromStr;

/// When something comes again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Timing {
    /// Every so many milliseconds, at least one.
    Every {
        /// From one time to the next.
        ms: i64,
    },
    /// As cron says it, in UTC: `minute hour day month weekday`, with seconds before them if there are six.
    Cron(String),
}

/// Why a timing cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} says no time ({reason}); write minute, hour, day, month and weekday, as in \"0 3 * * *\" for every day at 3:00 UTC"
)]
pub struct TimingInvalid {
    /// What was given.
    pub text: String,
    /// What is wrong with it.
    pub reason: String,
}

impl Timing {
    /// The first time after `now_ms`, counted on from `from_ms`. Times that were missed do not come again.
    ///
    /// # Errors
    /// [`TimingInvalid`] for a cron text that is none, or that never comes.
    pub fn next_ms(&self, from_ms: i64, now_ms: i64) -> Result<i64, TimingInvalid> {
        match self {
            Self::Every { ms } => {
                let ms = (*ms).max(1);
                let missed = (now_ms - from_ms).max(0) / ms;
                Ok(from_ms.saturating_add((missed + 1).saturating_mul(ms)))
            }
            Self::Cron(text) => next_by_cron(text, now_ms).map_err(|reason| TimingInvalid {
                text: text.clone(),
                reason,
            }),
        }
    }

    fn every_ms(&self) -> Option<i64> {
        match self {
            Self::Every { ms } => Some(*ms),
            Self::Cron(_) => None,
        }
    }

    fn cron(&self) -> Option<&str> {
        match self {
            Self::Every { .. } => None,
            Self::Cron(text) => Some(text),
        }
    }
}

fn next_by_cron(text: &str, now_ms: i64) -> Result<i64, String> {
    let cron = Cron::from_str(text).map_err(|error| error.to_string())?;
    let now = Timestamp::from_millisecond(now_ms).map_err(|error| error.to_string())?;
    let now = now.to_zoned(TimeZone::UTC).datetime();
    let next = cron
        .find_next_occurrence(&now, false)
        .map_err(|error| error.to_string())?;
    let next = next
        .to_zoned(TimeZone::UTC)
        .map_err(|error| error.to_string())?;
    Ok(next.timestamp().as_millisecond())
}

/// When a cron text comes next. Six fields, the first of which is 0: nothing comes more often than each minute.
pub(crate) fn next_of(cron: &str, now_ms: i64) -> Result<i64> {
    let fields: Vec<&str> = cron.split_whitespace().collect();
    if fields.len() != 6 || fields[0] != "0" || cron.len() > 200 {
        return Err(Error::Invalid(
            "a schedule has six fields, seconds first, which are 0: \"0 0 3 * * *\" is every day at 3:00 UTC".to_owned(),
        ));
    }
    let timing = Timing::Cron(cron.to_owned());
    let next = timing.next_ms(now_ms, now_ms);
    next.map_err(|error| Error::Invalid(error.to_string()))
}

fn timing_of(schedule: &ScheduleRow) -> Timing {
    match (&schedule.cron, schedule.every_ms) {
        (Some(text), _) => Timing::Cron(text.clone()),
        (None, every_ms) => Timing::Every {
            ms: every_ms.unwrap_or(i64::MAX),
        },
    }
}

impl JobQueue {
    /// Makes the deployment's own schedules what this release and its settings say: kinds, and when each comes. One that
    /// stays as it was keeps its next time.
    pub async fn follow_schedules(&self, wanted: Vec<(JobKind, Timing)>) -> Result<()> {
        let now_ms = self.core.now_ms();
        let mut schedules = Vec::new();
        for (kind, timing) in wanted {
            let next_ms = timing
                .next_ms(now_ms, now_ms)
                .map_err(|error| Error::Invalid(error.to_string()))?;
            let id = ScheduleId::new(self.core.ids.next_id());
            schedules.push((id, kind, timing, next_ms));
        }
        self.core
            .metadata
            .write(move |tx| {
                for (id, kind, timing, next_run_at_ms) in &schedules {
                    let schedule = NewSchedule {
                        id,
                        account_id: None,
                        name: kind.name,
                        kind: kind.name,
                        payload: "{}",
                        max_attempts: kind.max_attempts,
                        every_ms: timing.every_ms(),
                        cron: timing.cron(),
                        next_run_at_ms: *next_run_at_ms,
                    };
                    tx.put_schedule(&schedule, now_ms)?;
                }
                Ok::<_, Error>(())
            })
            .await
    }

    /// Asks for the jobs of every schedule whose time has come, unless somebody else has. Says how many were asked for
    /// here. A schedule that fails holds up no other.
    pub async fn fire_schedules(&self) -> Result<usize> {
        let now_ms = self.core.now_ms();
        let due = self
            .core
            .metadata
            .list(move |reader| Ok::<_, Error>(reader.list_due_schedules(now_ms, BATCH)?));
        let mut fired = 0;
        for schedule in due.await? {
            let (id, kind) = (schedule.id.clone(), schedule.kind.clone());
            match self.fire(schedule, now_ms).await {
                Ok(is_ours) => fired += usize::from(is_ours),
                Err(error) => {
                    tracing::error!(%error, schedule = %id, kind, "a schedule could not ask for its job");
                }
            }
        }
        Ok(fired)
    }

    async fn fire(&self, schedule: ScheduleRow, now_ms: i64) -> Result<bool> {
        let from_ms = schedule.next_run_at_ms;
        let next_ms = timing_of(&schedule)
            .next_ms(from_ms, now_ms)
            .map_err(|error| Error::Invalid(error.to_string()))?;
        let job_id = JobId::new(self.core.ids.next_id());
        self.core
            .metadata
            .write_relaxed(move |tx| {
                if !tx.advance_schedule(&schedule.id, from_ms, next_ms)? {
                    return Ok(false);
                }
                // While the job of last time is queued or running, it stands for this time too.
                let job = NewJob {
                    id: &job_id,
                    account_id: schedule.account_id.as_ref(),
                    kind: &schedule.kind,
                    payload: &schedule.payload,
                    dedup_key: Some(&schedule.name),
                    run_at_ms: now_ms,
                    max_attempts: schedule.max_attempts,
                };
                let job = tx.enqueue(&job, now_ms)?;
                tx.note_scheduled_job(&schedule.id, &job.id)?;
                Ok::<_, Error>(true)
            })
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::Timing;

    /// 2026-11-21 00:00 UTC, a Saturday.
    const MIDNIGHT: i64 = 1_795_219_200_000;
    const HOUR: i64 = 3_600_000;

    fn cron(text: &str, now_ms: i64) -> Result<i64, String> {
        let next = Timing::Cron(text.to_owned()).next_ms(0, now_ms);
        next.map_err(|error| error.to_string())
    }

    #[test]
    fn an_interval_keeps_its_beat_and_makes_up_for_nothing() {
        let every = Timing::Every { ms: 60 };
        assert_eq!(every.next_ms(1000, 1000), Ok(1060));
        assert_eq!(every.next_ms(1000, 1059), Ok(1060));
        assert_eq!(every.next_ms(1000, 1060), Ok(1120));
        assert_eq!(
            every.next_ms(1000, 1000 + 60 * 500 + 7),
            Ok(1000 + 60 * 501)
        );
        assert_eq!(
            every.next_ms(1000, 5),
            Ok(1060),
            "a clock that went back does not bring a time nearer"
        );
        assert!(Timing::Every { ms: i64::MAX }.next_ms(5, 6).is_ok());
    }

    #[test]
    fn cron_is_read_in_utc() {
        assert_eq!(cron("0 3 * * *", MIDNIGHT), Ok(MIDNIGHT + 3 * HOUR));
        assert_eq!(
            cron("0 3 * * *", MIDNIGHT + 3 * HOUR),
            Ok(MIDNIGHT + 27 * HOUR),
            "a time is after the one before"
        );
        assert_eq!(cron("*/15 * * * *", MIDNIGHT + 1), Ok(MIDNIGHT + HOUR / 4));
        assert_eq!(cron("0 0 * * 1", MIDNIGHT), Ok(MIDNIGHT + 48 * HOUR));
        assert_eq!(
            cron("30 0 3 * * *", MIDNIGHT),
            Ok(MIDNIGHT + 3 * HOUR + 30_000)
        );
    }

    #[test]
    fn what_says_no_time_is_refused_with_a_remedy() {
        for text in ["", "never", "61 * * * *", "0 0 30 2 *"] {
            let error = cron(text, MIDNIGHT).expect_err(text);
            assert!(error.contains("as in \"0 3 * * *\""), "{error}");
        }
    }
}
