//! Collections of garbage that an account asks for.

use super::{there, unsigned};
use crate::console::failed::{Failed, mendable};
use crate::console::sent::Sent;
use crate::console::visit::Visit;
use http::StatusCode;
use model::{Action, JobState};
use pages::policies::retention::SCHEDULES;
use pages::settings::collections::{CollectionLine, Collections, Timing};
use pages::{Bytes, Moment, Notice, Page as _, Section};
use services::{AccountCollection, AccountCollectionRun, AccountContext, ListQuery, Listed};

const PLACE: &str = "settings/collections";
/// Collections that are shown.
const RUNS: i64 = 20;

/// `GET /accounts/{account}/settings/collections`.
pub(super) async fn show(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    let page = page(visit, &by).await?;
    Ok(Sent::page(page.html()))
}

/// The account's last collections, the newest first.
async fn last(
    visit: &Visit<'_>,
    by: &AccountContext,
    limit: i64,
) -> Result<Vec<AccountCollectionRun>, Failed> {
    let query = ListQuery {
        limit,
        is_uncounted: true,
        ..ListQuery::default()
    };
    let collections = &visit.services().account_collections;
    let Listed { items, .. } = collections.list(by, query).await?;
    Ok(items)
}

/// What the last one freed, if one ended.
pub(super) async fn freed(visit: &Visit<'_>, by: &AccountContext) -> Result<Option<Bytes>, Failed> {
    let runs = last(visit, by, RUNS).await?;
    let mut done = runs
        .iter()
        .filter(|run| run.job.state == JobState::Done && !run.collection.is_dry_run);
    let figures = done.find_map(|run| run.figures);
    Ok(figures.map(|figures| Bytes(figures.freed_bytes)))
}

async fn page(visit: &Visit<'_>, by: &AccountContext) -> Result<Collections, Failed> {
    let runs = last(visit, by, RUNS).await?;
    let timing = if visit.may(by, Action::GarbageCollectionRead).await? {
        Some(timing(visit, by).await?)
    } else {
        None
    };
    Ok(Collections {
        frame: visit.frame_of(by, Section::Settings).await?,
        account: by.account().name.clone(),
        runs: runs.into_iter().map(line).collect(),
        may_start: visit.may(by, Action::GarbageCollectionCreate).await?,
        may_stop: visit.may(by, Action::GarbageCollectionStop).await?,
        failed: None,
        timing,
    })
}

async fn timing(visit: &Visit<'_>, by: &AccountContext) -> Result<Timing, Failed> {
    let found = visit.services().account_collections.schedule(by).await?;
    let cron = found.as_ref().map_or("", |found| &found.cron);
    let word = SCHEDULES.iter().find(|(_, of_word)| *of_word == cron);
    Ok(Timing {
        schedule: word.map_or(cron, |(word, _)| word).to_owned(),
        takes_untagged: found
            .as_ref()
            .is_some_and(|found| found.collection.deletes_untagged),
        next: found.map(|found| Moment(found.next_ms)),
        may_change: visit.may(by, Action::GarbageCollectionUpdate).await?,
        failed: None,
    })
}

fn line(run: AccountCollectionRun) -> CollectionLine {
    let (asked, job) = (run.collection, run.job);
    CollectionLine {
        number: unsigned(run.number),
        created: Moment(job.created_at_ms),
        is_dry: asked.is_dry_run,
        takes_untagged: asked.deletes_untagged,
        is_scheduled: asked.is_scheduled,
        is_going: matches!(job.state, JobState::Queued | JobState::Running),
        state: match job.state {
            JobState::Queued => "queued",
            JobState::Running => "running",
            JobState::Done => "done",
            JobState::Cancelled => "stopped",
            JobState::Failed => "failed",
        },
        why: job.last_error,
        taken: run.figures.map(|figures| {
            let freed = Bytes(figures.freed_bytes);
            (figures.manifests, figures.blobs, figures.uploads, freed)
        }),
    }
}

fn collection(visit: &Visit<'_>) -> AccountCollection {
    AccountCollection {
        deletes_untagged: visit.form.is_on("untagged"),
        is_dry_run: visit.form.is_on("dry"),
        workers: 1,
        is_scheduled: false,
    }
}

async fn failed(visit: &Visit<'_>, by: &AccountContext, why: String) -> Result<Sent, Failed> {
    let mut page = page(visit, by).await?;
    page.failed = Some(why);
    Ok(Sent::page(page.html()).with_status(StatusCode::UNPROCESSABLE_ENTITY))
}

/// `POST /accounts/{account}/settings/collections`: asks for one now.
pub(super) async fn start(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    let collections = &visit.services().account_collections;
    match collections.start(&by, collection(visit)).await {
        Ok(_) => Ok(there(&by, PLACE, Notice::Started)),
        Err(refused) => failed(visit, &by, mendable(refused)?).await,
    }
}

/// `POST /accounts/{account}/settings/collections/{number}/stop`.
pub(super) async fn stop(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    let number = visit.param("number").parse().unwrap_or_default();
    let collections = &visit.services().account_collections;
    match collections.stop(&by, number).await {
        Ok(()) => Ok(there(&by, PLACE, Notice::Stopped)),
        Err(refused) => failed(visit, &by, mendable(refused)?).await,
    }
}

/// `POST /accounts/{account}/settings/collections/schedule`: when they run by themselves.
pub(super) async fn plan(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    let chosen = visit.form.get("schedule");
    let word = SCHEDULES.iter().find(|(word, _)| *word == chosen);
    let cron = word.map_or(chosen, |(_, cron)| cron);
    let wanted = (!cron.is_empty()).then(|| {
        let collection = AccountCollection {
            is_dry_run: false,
            ..collection(visit)
        };
        (collection, cron.to_owned())
    });
    let collections = &visit.services().account_collections;
    let action = Action::GarbageCollectionUpdate;
    match collections.set_schedule(&by, wanted, action).await {
        Ok(()) => Ok(there(&by, PLACE, Notice::Saved)),
        Err(refused) => {
            let why = mendable(refused)?;
            let mut page = page(visit, &by).await?;
            if let Some(timing) = &mut page.timing {
                timing.failed = Some(why);
                timing.takes_untagged = visit.form.is_on("untagged");
            }
            Ok(Sent::page(page.html()).with_status(StatusCode::UNPROCESSABLE_ENTITY))
        }
    }
}
