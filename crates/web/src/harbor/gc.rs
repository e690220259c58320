//! Collections of the account's garbage: one now, by a schedule, and what became of each.

use super::reply::Reply;
use super::timing::{self, Asked};
use super::{Call, HarborError};
use model::Action;
use serde::Deserialize;
use serde_json::{Value, json};
use services::{
    AccountCollection, AccountCollectionRun, AccountCollectionSchedule, CollectionFigures,
};

const NAME: &str = "GARBAGE_COLLECTION";

#[derive(Deserialize, Default)]
struct Parameters {
    #[serde(default)]
    delete_untagged: bool,
    #[serde(default)]
    dry_run: bool,
    workers: Option<i64>,
}

impl Parameters {
    fn collection(&self) -> AccountCollection {
        AccountCollection {
            deletes_untagged: self.delete_untagged,
            is_dry_run: self.dry_run,
            workers: self.workers.unwrap_or(1),
            is_scheduled: false,
        }
    }
}

/// The parameters as clients want to see them again, with what came of it.
fn parameters(collection: &AccountCollection, figures: Option<CollectionFigures>) -> String {
    let mut value = json!({
        "delete_untagged": collection.deletes_untagged,
        "dry_run": collection.is_dry_run,
        "workers": collection.workers,
    });
    if let Some(figures) = figures {
        value["freed_space"] = figures.freed_bytes.into();
        value["purged_blobs"] = figures.blobs.into();
        value["purged_manifests"] = figures.manifests.into();
    }
    value.to_string()
}

fn run(run: &AccountCollectionRun) -> Value {
    let asked = &run.collection;
    let parameters = parameters(asked, run.figures);
    timing::run(
        (run.number, NAME),
        (asked.is_scheduled, &parameters),
        &run.job,
    )
}

fn schedule(one: &AccountCollectionSchedule) -> Value {
    let parameters = parameters(&one.collection, None);
    timing::schedule(NAME, &parameters, &one.cron, one.next_ms)
}

/// Does what a request asks for. Answers with the number of a collection that was asked for now.
async fn follow(call: &Call<'_>, action: Action) -> Result<i64, HarborError> {
    call.require_login()?;
    let (asked, parameters) = timing::asked::<Parameters>(call)?;
    let collections = &call.services().account_collections;
    let collection = parameters.collection();
    let wanted = match asked {
        Asked::Now => return Ok(collections.start(&call.by, collection).await?.number),
        Asked::Never => None,
        Asked::Then(cron) => Some((collection, cron)),
    };
    collections.set_schedule(&call.by, wanted, action).await?;
    Ok(0)
}

/// `getGCSchedule`: nothing at all where there is none.
pub(super) async fn get_schedule(call: &Call<'_>) -> Result<Reply, HarborError> {
    call.require_login()?;
    let found = call
        .services()
        .account_collections
        .schedule(&call.by)
        .await?;
    Ok(found.map_or_else(Reply::done, |found| Reply::json(&schedule(&found))))
}

/// `createGCSchedule`: its number is 0 unless it is a collection now.
pub(super) async fn create_schedule(call: &Call<'_>) -> Result<Reply, HarborError> {
    let number = follow(call, Action::GarbageCollectionCreate).await?;
    Ok(Reply::created(&timing::location(call, number)))
}

/// `updateGCSchedule`.
pub(super) async fn update_schedule(call: &Call<'_>) -> Result<Reply, HarborError> {
    follow(call, Action::GarbageCollectionUpdate).await?;
    Ok(Reply::done())
}

/// `getGCHistory`.
pub(super) async fn list(call: &Call<'_>) -> Result<Reply, HarborError> {
    call.require_login()?;
    let query = call.query.list()?;
    let collections = &call.services().account_collections;
    let listed = collections.list(&call.by, query).await?;
    call.page(&listed, run)
}

/// `getGC`.
pub(super) async fn get(call: &Call<'_>) -> Result<Reply, HarborError> {
    call.require_login()?;
    let number = call.number("gc_id")?;
    let collections = &call.services().account_collections;
    let found = collections.get(&call.by, number).await?;
    Ok(Reply::json(&run(&found)))
}

/// `stopGC`.
pub(super) async fn stop(call: &Call<'_>) -> Result<Reply, HarborError> {
    call.require_login()?;
    let number = call.number("gc_id")?;
    let collections = &call.services().account_collections;
    collections.stop(&call.by, number).await?;
    Ok(Reply::done())
}

/// `getGCLog`.
pub(super) async fn log(call: &Call<'_>) -> Result<Reply, HarborError> {
    call.require_login()?;
    let number = call.number("gc_id")?;
    let collections = &call.services().account_collections;
    let text = collections.log(&call.by, number).await?;
    Ok(Reply::text("text/plain; charset=utf-8", text))
}
