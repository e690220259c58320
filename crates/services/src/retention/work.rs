//! The work of a run: repository by repository, each planned whole and removed from in small transactions. What was begun and
//! broken off goes on at the repository it was at.

use super::pull_times::known;
use super::runs::{Wanted, begin, started};
use super::step::{At, Place, spare, take};
use super::{Retention, ends, rules_of};
use crate::{Error, Result};
use metadata::{JobRow, RetentionRunRow, RetentionState};
use model::RepositoryId;
use model::retention::Rules;
use oci::RepositoryName;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Repositories that are looked up at a time.
const REPOSITORIES: i64 = 100;
/// Times that a repository is planned in one run, when what rules count changes meanwhile.
const PLANS: usize = 20;

/// A step gives way to other writers for so many times as long as it worked.
const OTHERS_SHARE: u32 = 4;

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
                    let namespace = tx.find_namespace_by_id(&policy.namespace_id)?;
                    let Some(namespace) = namespace else {
                        return Ok(None);
                    };
                    let wanted = Wanted {
                        policy: &policy,
                        namespace: &namespace.name,
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
            let written = self.core.metadata.timings().commits().1;
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
            // Where one writer serves all, whoever else writes gets most of it.
            let others = self.core.metadata.timings().commits().1 > written + 1;
            if others && !self.core.metadata.is_shared() {
                tokio::time::sleep(place.worked * OTHERS_SHARE).await;
            }
        }
        Ok(Removed::All)
    }
}
