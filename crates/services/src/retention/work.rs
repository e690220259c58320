//! The work of a run: repository by repository, each planned whole and removed from in small transactions. What was begun and
//! broken off goes on at the repository it was at.

use super::pull_times::known;
use super::runs::{Wanted, begin, started};
use super::step::{At, Going, Place, line, spare, take};
use super::{Retention, ends, rules_of};
use crate::{Error, Result};
use metadata::{JobRow, RetentionRunRow, RetentionState, RetentionTaskRow};
use model::RepositoryId;
use model::retention::Rules;
use oci::RepositoryName;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Repositories that are looked up at a time.
const REPOSITORIES: i64 = 100;
/// Lines of a dry run's log in one row, and rows: what is more is counted, and not written.
const LINES: usize = 100;
const ROWS: usize = 100;

/// Times that a repository is planned in one run, when what rules count changes meanwhile.
const PLANS: usize = 20;

/// How the removal of what was planned ended.
enum Removed {
    /// All went that could.
    All,
    /// The run may not go on.
    Stopped,
    /// It is to be planned anew.
    Stale,
}

/// What a job of a run knows.
#[derive(Serialize, Deserialize)]
struct Payload {
    policy: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    run: Option<String>,
}

pub(super) fn payload(policy: &str, run: Option<&str>) -> String {
    let payload = Payload {
        policy: policy.to_owned(),
        run: run.map(str::to_owned),
    };
    serde_json::to_string(&payload).unwrap_or_default()
}

/// What a job came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetentionWork {
    /// What there is to say, for the job's log.
    pub said: String,
}

impl Retention {
    /// Does a run, or goes on with it. Nothing is left half-done wherever it is broken off.
    pub async fn work(&self, job: &JobRow) -> Result<RetentionWork> {
        let said = |text: &str| RetentionWork {
            said: text.to_owned(),
        };
        let Ok(payload) = serde_json::from_str::<Payload>(&job.payload) else {
            return Ok(said("the job does not say which policy it is about"));
        };
        let run = match self.open(job, payload).await {
            Ok(run) => run,
            Err(Error::NotNow(why)) => return Ok(said(&why)),
            Err(error) => return Err(error),
        };
        let Some(run) = run else {
            return Ok(said("the run has ended, or its policy is gone"));
        };
        let rules = Rules::parse(rules_of(&run.rules)?).map_err(|error| {
            tracing::error!(%error, "stored retention rules cannot be followed");
            Error::Internal
        })?;
        let core = self.core.clone();
        self.settle_pulls(&rules, true).await?;
        let of = (&run.account_id, &run.namespace_id);
        let (state, why) = match known(&core, of, &rules).await? {
            Err(unknown) => (RetentionState::Failed, Some(unknown.text())),
            Ok(_) if self.follow(&run, &Arc::new(rules)).await? => (RetentionState::Done, None),
            Ok(_) => {
                let why = "the account or the policy does not allow it any more";
                (RetentionState::Stopped, Some(why.to_owned()))
            }
        };
        let finished = self.core.metadata.write(move |tx| {
            ends::end(&core, tx, &run, (state, why.as_deref()), None)?;
            Ok::<_, Error>(tx.find_retention_run(&run.id)?)
        });
        Ok(match finished.await? {
            Some(run) => said(&format!(
                "{} artifacts were looked at, {} stay by the rules, {} {}",
                run.total,
                run.retained,
                run.removed,
                if run.is_dry_run {
                    "would go"
                } else {
                    "have gone"
                }
            )),
            None => said("the run is forgotten"),
        })
    }

    /// The run of a job, which is under way from now on; `None` for nothing to do.
    async fn open(&self, job: &JobRow, payload: Payload) -> Result<Option<RetentionRunRow>> {
        let (core, job_id) = (self.core.clone(), job.id.clone());
        let opened = self.core.metadata.write(move |tx| {
            let found = match &payload.run {
                Some(run) => tx.find_retention_run(run)?,
                None => tx.find_retention_run_of_job(&job_id)?,
            };
            let run = match found {
                Some(run) => run,
                None if payload.run.is_some() => return Ok(None),
                None => {
                    let Some(policy) = tx.take_retention_policy(&payload.policy)? else {
                        return Ok(None);
                    };
                    let details = tx.find_namespace_details(&policy.namespace_id)?;
                    let Some(details) = details else {
                        return Ok(None);
                    };
                    let wanted = Wanted {
                        policy: &policy,
                        namespace: &details.namespace.name,
                        is_dry_run: false,
                        scheduled: Some(job_id.clone()),
                    };
                    let run = begin(&core, tx, &wanted)?;
                    core.record_by_itself(tx, &started(&run), &run.account_id)?;
                    run
                }
            };
            if run.ended_at_ms.is_some() || run.policy_id.is_none() {
                return Ok(None);
            }
            tx.begin_retention_run(&run.id, core.now_ms())?;
            Ok::<_, Error>(Some(run))
        });
        opened.await
    }

    /// Works through the repositories. Says whether it came to their end.
    async fn follow(&self, run: &RetentionRunRow, rules: &Arc<Rules>) -> Result<bool> {
        let run = Arc::new(run.clone());
        // What is done, for the row that says so; and what was looked at, also where no rule was about it.
        let mut before: Arc<str> = run.done_until.as_str().into();
        let mut after = run.done_until.clone();
        loop {
            let (account, namespace, from) = (run.account_id.clone(), run.namespace.clone(), after);
            let listed = self.core.metadata.list(move |reader| {
                let account_is_active = reader.find_account(&account)?;
                let found = reader.list_retention_repositories(
                    &account,
                    &namespace,
                    &from,
                    REPOSITORIES,
                )?;
                Ok::<_, Error>((account_is_active, found))
            });
            let (account, found) = listed.await?;
            if !account.is_some_and(|account| account.state.allows_push()) {
                return Ok(false);
            }
            let Some((_, last)) = found.last() else {
                return Ok(true);
            };
            after = last.as_str().to_owned();
            for repository in found {
                let name = repository.1.as_str();
                let short = name.split_once('/').map_or(name, |(_, short)| short);
                if !rules.are_about_repository(short) {
                    continue;
                }
                let done: Arc<str> = name.into();
                if !self
                    .do_repository((&run, rules), repository, before)
                    .await?
                {
                    return Ok(false);
                }
                before = done;
            }
        }
    }

    /// Does one repository. Says whether the run may go on.
    async fn do_repository(
        &self,
        (run, rules): (&Arc<RetentionRunRow>, &Arc<Rules>),
        repository: (RepositoryId, RepositoryName),
        before: Arc<str>,
    ) -> Result<bool> {
        if !run.is_dry_run {
            self.require_no_older().await?;
        }
        let plan = match self.plan((run, rules), &repository).await? {
            Ok(plan) => plan,
            Err(text) => return self.finish_refused(run, &repository.1, before, text).await,
        };
        if run.is_dry_run || plan.going.is_empty() {
            let counts = (plan.total, plan.going.as_slice());
            return self.finish_whole(run, &repository.1, before, counts).await;
        }
        let Some(task) = self
            .open_task(run, &repository.1, &before, (plan.total, plan.going.len()))
            .await?
        else {
            return Ok(false);
        };
        let mut at = At {
            run: run.clone(),
            rules: rules.clone(),
            repository,
            task: Arc::new(task),
            before,
            going: Arc::new(plan.going),
            watched: Arc::new(plan.watched),
            pulls_since_ms: plan.pulls_since_ms,
        };
        for _ in 0..PLANS {
            match self.remove_all(&at).await? {
                Removed::All => return self.close_task(&at, None).await,
                Removed::Stopped => return Ok(false),
                Removed::Stale => {}
            }
            match self.plan((run, rules), &at.repository).await? {
                Ok(plan) => {
                    at.going = Arc::new(plan.going);
                    at.watched = Arc::new(plan.watched);
                    at.pulls_since_ms = plan.pulls_since_ms;
                }
                Err(text) => return self.close_task(&at, Some(text)).await,
            }
        }
        let text = "what rules count changes all the time; what is left waits for the next run\n";
        self.close_task(&at, Some(text.to_owned())).await
    }

    /// Removes what goes, step by step.
    async fn remove_all(&self, at: &At) -> Result<Removed> {
        let mut place = Place::default();
        while place.next < at.going.len() {
            let (core, all) = (self.core.clone(), at.clone());
            let step = self
                .core
                .metadata
                .write_relaxed(move |tx| take(&core, tx, &all, place));
            let next = match step.await {
                Err(Error::Protected(_)) if place.is_alone => {
                    let (core, all) = (self.core.clone(), at.clone());
                    let spared = self
                        .core
                        .metadata
                        .write_relaxed(move |tx| spare(&core, tx, &all, place));
                    spared.await?
                }
                Err(Error::Protected(_)) => Some(Place {
                    is_alone: true,
                    ..place
                }),
                step => step?,
            };
            match next {
                Some(next) if next.is_stale => return Ok(Removed::Stale),
                Some(next) => place = next,
                None => return Ok(Removed::Stopped),
            }
        }
        Ok(Removed::All)
    }

    async fn open_task(
        &self,
        run: &RetentionRunRow,
        repository: &RepositoryName,
        before: &Arc<str>,
        (total, going): (usize, usize),
    ) -> Result<Option<RetentionTaskRow>> {
        let task = self.new_task(run, repository, (total, going));
        let (run, before) = (run.clone(), before.clone());
        let opened = self.core.metadata.write_relaxed(move |tx| {
            if !tx.keep_retention_run(&run.id, &before)? {
                return Ok(None);
            }
            Ok::<_, Error>(Some(tx.put_retention_task(&run.account_id, &task)?))
        });
        opened.await
    }

    fn new_task(
        &self,
        run: &RetentionRunRow,
        repository: &RepositoryName,
        (total, going): (usize, usize),
    ) -> RetentionTaskRow {
        let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        RetentionTaskRow {
            id: self.core.ids.next_id(),
            run_id: run.id.clone(),
            repository: repository.as_str().to_owned(),
            state: "running".to_owned(),
            total: count(total),
            retained: count(total - going),
            removed: 0,
            lines: 0,
            started_at_ms: self.core.now_ms(),
            ended_at_ms: None,
        }
    }

    async fn close_task(&self, at: &At, left: Option<String>) -> Result<bool> {
        let (core, at) = (self.core.clone(), at.clone());
        let closed = self.core.metadata.write_relaxed(move |tx| {
            if !tx.keep_retention_run(&at.run.id, &at.before)? {
                return Ok(false);
            }
            if let Some(text) = &left {
                let of = (&at.run.account_id, at.task.id.as_str());
                tx.note_retention_step(of, 0, (&core.ids.next_id(), text))?;
            }
            tx.finish_retention_task(&at.task, left.is_some(), core.now_ms())?;
            Ok::<_, Error>(true)
        });
        closed.await
    }

    /// Writes down all of a repository where nothing really goes, in one transaction.
    async fn finish_whole(
        &self,
        run: &Arc<RetentionRunRow>,
        repository: &RepositoryName,
        before: Arc<str>,
        (total, going): (usize, &[Going]),
    ) -> Result<bool> {
        let mut texts: Vec<String> = Vec::new();
        for some in going.chunks(LINES).take(ROWS) {
            let mut text = String::new();
            for one in some {
                line(&mut text, "would remove", one, &one.why);
            }
            texts.push(text);
        }
        if going.len() > LINES * ROWS {
            texts.push(format!("and {} more\n", going.len() - LINES * ROWS));
        }
        let task = self.new_task(run, repository, (total, going.len()));
        let removed = i64::try_from(going.len()).unwrap_or(i64::MAX);
        self.write_whole(run, (task, before), (texts, removed, false))
            .await
    }

    async fn finish_refused(
        &self,
        run: &Arc<RetentionRunRow>,
        repository: &RepositoryName,
        before: Arc<str>,
        text: String,
    ) -> Result<bool> {
        let task = self.new_task(run, repository, (0, 0));
        self.write_whole(run, (task, before), (vec![text], 0, true))
            .await
    }

    async fn write_whole(
        &self,
        run: &Arc<RetentionRunRow>,
        (task, before): (RetentionTaskRow, Arc<str>),
        (texts, removed, is_refused): (Vec<String>, i64, bool),
    ) -> Result<bool> {
        let (core, run) = (self.core.clone(), run.clone());
        let written = self.core.metadata.write_relaxed(move |tx| {
            if !tx.keep_retention_run(&run.id, &before)? {
                return Ok(false);
            }
            let task = tx.put_retention_task(&run.account_id, &task)?;
            let of = (&run.account_id, task.id.as_str());
            tx.note_retention_step(of, removed, ("", ""))?;
            for text in &texts {
                tx.note_retention_step(of, 0, (&core.ids.next_id(), text))?;
            }
            tx.finish_retention_task(&task, is_refused, core.now_ms())?;
            Ok::<_, Error>(true)
        });
        written.await
    }
}
