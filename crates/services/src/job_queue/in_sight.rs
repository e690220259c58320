//! An account's jobs and schedules, as those see them who look after the account.

use super::people::unknown;
use super::{JobQueue, Settled};
use crate::access::Refused;
use crate::account_access::AccountContext;
use crate::{Error, Result};
use metadata::{JobLogRow, JobRow, ListQuery, Listed, Numbered, ScheduleRow};
use model::{Action, Event, JobId, JobKind, JobState, Page};

/// The page of a list that was asked for one entry more than it shows, and `place` of its last entry if there is more.
fn page<T>(mut items: Vec<T>, limit: usize, place: impl Fn(&T) -> String) -> Page<T> {
    let has_more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| has_more).map(place);
    Page { items, next }
}

/// One more than that.
fn and_one(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1)
}

/// What else one has to be allowed to stop a job by which others hear of what happens: nobody silences them with less.
pub(super) fn also_needed(kind: &str) -> Option<Action> {
    let feeds = [JobKind::FEED_SINKS, JobKind::PUSH_METRICS];
    if feeds.iter().any(|feed| feed.name == kind) {
        return Some(Action::SinkUpdate);
    }
    if kind == JobKind::SEND_MAIL.name {
        return Some(Action::MailUpdate);
    }
    if kind == JobKind::COLLECT_ACCOUNT.name {
        return Some(Action::GarbageCollectionStop);
    }
    let delivers = [JobKind::DELIVER_WEBHOOKS, JobKind::DELIVER_BY_HAND];
    let is_one = delivers.iter().any(|deliver| deliver.name == kind);
    is_one.then_some(Action::NotificationPolicyUpdate)
}

/// A schedule as Harbor shows it.
#[derive(Clone, Debug)]
pub struct NumberedSchedule {
    /// The schedule.
    pub row: ScheduleRow,
    /// Harbor's number for it.
    pub number: i64,
    /// Harbor's number for the retention policy that it is of, if it is of one.
    pub policy_number: Option<i64>,
}

/// The retention policy that a schedule is of.
fn policy_of(schedule: &ScheduleRow) -> Option<&str> {
    crate::retention::policy_of_schedule(&schedule.name)
}

impl JobQueue {
    /// The account's jobs, the newest first, asked for before the job `before`; from the newest for an empty one.
    pub async fn browse(
        &self,
        by: &AccountContext,
        before: String,
        limit: usize,
    ) -> Result<Page<JobRow>, Refused> {
        let action = Action::JobserviceMonitorList;
        self.authorizer.require(by, action).await?;
        let account = by.account.id.clone();
        let before = (!before.is_empty()).then(|| JobId::new(before));
        let listed = self.core.metadata.list(move |reader| {
            let before = before.as_ref();
            Ok::<_, Error>(reader.list_account_jobs(&account, before, and_one(limit))?)
        });
        Ok(page(listed.await?, limit, |job| job.id.to_string()))
    }

    /// One of the account's jobs.
    ///
    /// # Errors
    /// [`Error::NotFound`], also for a job of somebody else.
    pub async fn look_at(&self, by: &AccountContext, id: &JobId) -> Result<JobRow, Refused> {
        let action = Action::JobserviceMonitorList;
        self.authorizer.require(by, action).await?;
        Ok(self.own(by, id).await?)
    }

    /// What the runs of one of the account's jobs had to say, in order, after line `after.1` of run `after.0`.
    ///
    /// # Errors
    /// [`Error::NotFound`], also for a job of somebody else.
    pub async fn read_log(
        &self,
        by: &AccountContext,
        id: &JobId,
        (after, limit): ((i64, i64), usize),
    ) -> Result<Page<JobLogRow>, Refused> {
        let job = self.look_at(by, id).await?;
        if job.kind == JobKind::COLLECT_ACCOUNT.name {
            // It names what went, whatever namespace that was in.
            let action = Action::GarbageCollectionRead;
            self.authorizer.require(by, action).await?;
        }
        let id = id.clone();
        let listed = self
            .core
            .metadata
            .list(move |reader| Ok::<_, Error>(reader.list_job_log(&id, after, and_one(limit))?));
        let place = |line: &JobLogRow| format!("{}.{}", line.attempt, line.number);
        Ok(page(listed.await?, limit, place))
    }

    /// Stops one of the account's jobs: at once when it waits, within a second or so when it is running. What asked for it is told
    /// in the same transaction. Says which state it is in now.
    ///
    /// # Errors
    /// [`Error::NotFound`], also for a job of somebody else; [`Error::NotNow`] when it has ended.
    pub async fn stop(&self, by: &AccountContext, id: &JobId) -> Result<JobState, Refused> {
        let action = Action::JobserviceMonitorStop;
        self.authorizer.require(by, action).await?;
        let job = self.own(by, id).await?;
        if let Some(action) = also_needed(&job.kind) {
            self.authorizer.require(by, action).await?;
        }
        Ok(self.stop_one(by, job).await?)
    }

    /// Stops a job for somebody who was authorized to.
    pub(crate) async fn stop_one(&self, by: &AccountContext, job: JobRow) -> Result<JobState> {
        let id = &job.id;
        let (wanted, kind) = (id.clone(), job.kind.clone());
        let forget_at_ms = self.core.now_ms() + self.settings.keep_ms;
        let stopped = self.core.change(by, move |core, tx, _| {
            let was_stopped = tx.find_job(&wanted)?.is_some_and(|job| job.is_cancelled);
            let Some(state) = tx.cancel_job(&wanted, core.now_ms(), forget_at_ms)? else {
                let text = format!("the job {wanted} has ended already; there is nothing to stop");
                return Err(Error::NotNow(text));
            };
            super::hooks::job_ended(core, tx, &wanted, state)?;
            let event = Event::JobStopped {
                job: wanted.to_string(),
                job_kind: kind,
            };
            Ok((state, (!was_stopped).then_some(event)))
        });
        let state = stopped.await?;
        if state == JobState::Running {
            self.cancellations.send_modify(|count| *count += 1);
        } else {
            self.counts.count(&job.kind, Settled::Cancelled);
        }
        Ok(state)
    }

    /// The account's schedules by name, after `after`.
    pub async fn schedules(
        &self,
        by: &AccountContext,
        after: String,
        limit: usize,
    ) -> Result<Page<ScheduleRow>, Refused> {
        let action = Action::JobserviceMonitorList;
        self.authorizer.require(by, action).await?;
        let account = by.account.id.clone();
        let listed = self.core.metadata.list(move |reader| {
            Ok::<_, Error>(reader.list_schedules(Some(&account), &after, and_one(limit))?)
        });
        Ok(page(listed.await?, limit, |schedule| schedule.name.clone()))
    }

    /// The same as Harbor shows them: each with a number of its own, and the one of the retention policy that it is of.
    pub async fn numbered_schedules(
        &self,
        by: &AccountContext,
        query: ListQuery,
    ) -> Result<Listed<NumberedSchedule>, Refused> {
        let action = Action::JobserviceMonitorList;
        self.authorizer.require(by, action).await?;
        let account = by.id().clone();
        let listed = self
            .core
            .metadata
            .list(move |reader| Ok::<_, Error>(reader.list_account_schedules(&account, &query)?));
        let listed = listed.await?;
        let ids: Vec<&str> = listed.items.iter().map(|one| one.id.as_str()).collect();
        let numbers = self.core.numbers(by.id(), Numbered::Schedule, &ids).await?;
        let of: Vec<&str> = listed.items.iter().filter_map(policy_of).collect();
        let kind = Numbered::RetentionPolicy;
        let policies = self.core.numbers(by.id(), kind, &of).await?;
        let numbered = listed.items.iter().map(|row| {
            let policy = policy_of(row).map(|policy| policies.of(policy));
            Ok(NumberedSchedule {
                number: numbers.of(row.id.as_str())?,
                policy_number: policy.transpose()?,
                row: row.clone(),
            })
        });
        Ok(Listed {
            items: numbered.collect::<Result<_>>()?,
            total: listed.total,
        })
    }

    pub(super) async fn own(&self, by: &AccountContext, id: &JobId) -> Result<JobRow> {
        let wanted = id.clone();
        let found = self
            .core
            .metadata
            .list(move |reader| Ok::<_, Error>(reader.find_job(&wanted)?));
        let account = Some(&by.account.id);
        let found = found.await?;
        found
            .filter(|job| job.account_id.as_ref() == account)
            .ok_or_else(|| unknown(id))
    }
}
