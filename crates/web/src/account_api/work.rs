//! Work that people of the account ask for: now, again and again, or once more after it failed.

use super::jobs::JobShown;
use super::reply::{Answered, Created, Done, Shown};
use super::{ApiError, Call};
use model::{Action, JobId, JobKind};
use serde::{Deserialize, Serialize};
use services::{AccountCollection, AuditPurge, ScheduleRow};
use utoipa::ToSchema;

/// What people ask for.
#[derive(Clone, Copy, PartialEq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum WorkKind {
    /// A collection of the account's garbage.
    CollectAccount,
    /// A purge of the account's audit log.
    PurgeAuditLog,
}

/// What is to be done.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewJob {
    kind: WorkKind,
    /// Whether nothing goes, and the job only says what would.
    #[serde(default)]
    dry_run: bool,
    /// Of `collect_account`: whether manifests without a tag go, too.
    delete_untagged: Option<bool>,
    /// Of `purge_audit_log`: how old what goes has to be.
    #[schema(minimum = 1, maximum = 240_000)]
    older_than_hours: Option<i64>,
    /// Of `purge_audit_log`: the types of what goes, such as `create_artifact`.
    #[schema(max_items = 1000)]
    event_types: Option<Vec<String>>,
}

/// When something is to be done, and how.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ScheduleText {
    /// The six fields of cron in UTC, the first of which is 0.
    #[schema(max_length = 200, example = "0 0 3 * * *")]
    cron: String,
    /// Whether nothing goes, and each job only says what would.
    #[serde(default)]
    dry_run: bool,
    /// Of `collect_account`: whether manifests without a tag go, too.
    delete_untagged: Option<bool>,
    /// Of `purge_audit_log`: how old what goes has to be.
    #[schema(minimum = 1, maximum = 240_000)]
    older_than_hours: Option<i64>,
    /// Of `purge_audit_log`: the types of what goes, such as `create_artifact`.
    #[schema(max_items = 1000)]
    event_types: Option<Vec<String>>,
}

/// How what a schedule asks for is done.
#[derive(Serialize, ToSchema)]
pub(super) struct WorkShown {
    /// Whether nothing goes.
    dry_run: bool,
    /// Of `collect_account`: whether manifests without a tag go, too.
    delete_untagged: Option<bool>,
    /// Of `purge_audit_log`: how old what goes has to be.
    older_than_hours: Option<i64>,
    /// Of `purge_audit_log`: the types of what goes.
    event_types: Option<Vec<String>>,
}

/// A job that was asked for.
#[derive(Serialize, ToSchema)]
pub(super) struct JobMade {
    id: String,
}

/// What goes, and how.
struct Parameters {
    is_dry_run: bool,
    deletes_untagged: Option<bool>,
    hours: Option<i64>,
    event_types: Option<Vec<String>>,
}

impl Parameters {
    fn collection(self) -> Answered<AccountCollection> {
        if self.hours.is_some() || self.event_types.is_some() {
            return Err(ApiError::bad_request(
                "older_than_hours and event_types are of purge_audit_log; collect_account has dry_run and delete_untagged",
            ));
        }
        Ok(AccountCollection {
            deletes_untagged: self.deletes_untagged.unwrap_or(false),
            is_dry_run: self.is_dry_run,
            workers: 1,
            is_scheduled: false,
        })
    }

    fn purge(self) -> Answered<AuditPurge> {
        let (None, Some(hours), Some(event_types)) =
            (self.deletes_untagged, self.hours, self.event_types)
        else {
            return Err(ApiError::bad_request(
                "purge_audit_log needs older_than_hours and event_types, and has dry_run and nothing else",
            ));
        };
        Ok(AuditPurge {
            hours,
            event_types,
            is_dry_run: self.is_dry_run,
            is_scheduled: false,
        })
    }
}

/// How what a schedule asks for is done; nothing for what has rules of its own.
pub(super) fn shown(row: &ScheduleRow) -> Option<WorkShown> {
    if let Some(collection) = AccountCollection::of(row) {
        return Some(WorkShown {
            dry_run: collection.is_dry_run,
            delete_untagged: Some(collection.deletes_untagged),
            older_than_hours: None,
            event_types: None,
        });
    }
    AuditPurge::of(row).map(|purge| WorkShown {
        dry_run: purge.is_dry_run,
        delete_untagged: None,
        older_than_hours: Some(purge.hours),
        event_types: Some(purge.event_types),
    })
}

fn made(call: &Call<'_>, id: &JobId) -> Created<JobMade> {
    let path = format!("/api/v1/accounts/{}/jobs/{id}", call.param("account"));
    Created::at(path, JobMade { id: id.to_string() })
}

/// The kind that a path names.
fn kind(call: &Call<'_>) -> Answered<WorkKind> {
    let named = call.param("kind");
    if named == JobKind::COLLECT_ACCOUNT.name {
        Ok(WorkKind::CollectAccount)
    } else if named == JobKind::PURGE_AUDIT_LOG.name {
        Ok(WorkKind::PurgeAuditLog)
    } else {
        Err(ApiError::not_found(
            "schedules are set of collect_account and purge_audit_log; that of retention is in the namespace's policy",
        ))
    }
}

pub(super) async fn start(call: &Call<'_>, job: NewJob) -> Answered<Created<JobMade>> {
    let by = call.account().await?;
    let NewJob {
        kind,
        dry_run,
        delete_untagged,
        older_than_hours,
        event_types,
    } = job;
    let parameters = Parameters {
        is_dry_run: dry_run,
        deletes_untagged: delete_untagged,
        hours: older_than_hours,
        event_types,
    };
    let services = call.services();
    let job = match kind {
        WorkKind::CollectAccount => {
            let collection = parameters.collection()?;
            services.account_collections.start(&by, collection).await?
        }
        WorkKind::PurgeAuditLog => {
            let purge = parameters.purge()?;
            services.audit_purges.start(&by, purge).await?
        }
    };
    Ok(made(call, &job.id))
}

pub(super) async fn retry(call: &Call<'_>) -> Answered<Created<JobMade>> {
    let by = call.account().await?;
    let id = JobId::new(call.param("job").to_owned());
    let new = call.services().jobs.retry(&by, &id).await?;
    Ok(made(call, &new))
}

pub(super) async fn set_schedule(call: &Call<'_>, text: ScheduleText) -> Answered<Done> {
    let by = call.account().await?;
    let kind = kind(call)?;
    let ScheduleText {
        cron,
        dry_run,
        delete_untagged,
        older_than_hours,
        event_types,
    } = text;
    let parameters = Parameters {
        is_dry_run: dry_run,
        deletes_untagged: delete_untagged,
        hours: older_than_hours,
        event_types,
    };
    let services = call.services();
    match kind {
        WorkKind::CollectAccount => {
            let wanted = Some((parameters.collection()?, cron));
            let action = Action::GarbageCollectionUpdate;
            let collections = &services.account_collections;
            collections.set_schedule(&by, wanted, action).await?;
        }
        WorkKind::PurgeAuditLog => {
            let wanted = Some((parameters.purge()?, cron));
            let action = Action::PurgeAuditUpdate;
            let purges = &services.audit_purges;
            purges.set_schedule(&by, wanted, action).await?;
        }
    }
    Ok(Done)
}

pub(super) async fn end_schedule(call: &Call<'_>) -> Answered<Done> {
    let by = call.account().await?;
    let services = call.services();
    match kind(call)? {
        WorkKind::CollectAccount => {
            let action = Action::GarbageCollectionUpdate;
            let collections = &services.account_collections;
            collections.set_schedule(&by, None, action).await?;
        }
        WorkKind::PurgeAuditLog => {
            let action = Action::PurgeAuditUpdate;
            let purges = &services.audit_purges;
            purges.set_schedule(&by, None, action).await?;
        }
    }
    Ok(Done)
}

/// What a collection came to until now.
#[derive(Serialize, ToSchema)]
pub(super) struct CollectionShown {
    /// Manifests that went, or would go.
    manifests: u64,
    /// Blobs that the account needs or knows no more.
    blobs: u64,
    /// Uploads that were ended.
    uploads: u64,
    /// Bytes that all of it counted for in the account.
    freed_bytes: u64,
}

pub(super) async fn get(call: &Call<'_>) -> Answered<Shown<JobShown>> {
    let by = call.account().await?;
    let id = JobId::new(call.param("job").to_owned());
    let services = call.services();
    let job = services.jobs.look_at(&by, &id).await?;
    let figures = services.account_collections.figures_of(&by, &job).await?;
    let collection = figures.map(|figures| CollectionShown {
        manifests: figures.manifests,
        blobs: figures.blobs,
        uploads: figures.uploads,
        freed_bytes: figures.freed_bytes,
    });
    Ok(Shown(super::jobs::shown(job).with(collection)))
}
