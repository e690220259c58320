//! The trash: for how long it keeps what was deleted, what is in it, bringing things back, and emptying it.

use super::query::Parameter;
use super::reply::{Answered, Done, List, Shown};
use super::{ApiError, Call, Time};
use model::Page;
use oci::RepositoryName;
use serde::{Deserialize, Serialize};
use services::{Restored, TrashEntry, TrashQuery, TrashSettings};
use utoipa::ToSchema;

/// What `listTrash` knows.
pub(super) const LIST: &[Parameter] = &[
    Parameter::text("namespace", "Only of the namespace of this name.", 255),
    Parameter::text(
        "repository",
        "Only of the repository of this whole name.",
        255,
    ),
    Parameter::one_of(
        "kind",
        "Only things of this kind.",
        &["manifest", "tag", "repository", "namespace"],
    ),
    Parameter::text(
        "within",
        "What was deleted with the thing of this id; without it what stands by itself.",
        63,
    ),
];

/// For how long the trash keeps things, and how much: all of it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TrashSettingsText {
    /// Days, 0 for not at all; null or nothing for as many as the deployment says.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 90)]
    period_days: Option<i64>,
    /// Bytes beside the account's storage; null or nothing for as many as its storage may have.
    #[serde(default)]
    #[schema(minimum = 0)]
    limit_bytes: Option<i64>,
}

/// For how long the trash keeps things, how much, and how much there is.
#[derive(Serialize, ToSchema)]
pub(super) struct TrashSettingsShown {
    /// Days that the account decided on; null for as many as the deployment says.
    own_period_days: Option<i64>,
    /// Bytes that the account decided on; null for as many as its storage may have.
    own_limit_bytes: Option<i64>,
    /// Days for which what is deleted now is kept.
    period_days: i64,
    /// Bytes that are kept at most, what was deleted first going first; null for no limit.
    limit_bytes: Option<u64>,
    /// Bytes in the trash: each blob once, and only what no image of the account needs.
    used_bytes: u64,
}

/// Something in the trash.
#[derive(Serialize, ToSchema)]
pub(super) struct TrashShown {
    id: String,
    /// `manifest`, `tag`, `repository` or `namespace`.
    kind: &'static str,
    namespace: String,
    /// The repository's whole name; null for a namespace.
    repository: Option<String>,
    /// The manifest's digest, or the one that the tag pointed at.
    digest: Option<String>,
    /// Tags that come back with it, the first 100.
    tags: Vec<String>,
    media_type: Option<String>,
    /// Bytes that it keeps by itself: those of all things add up to what is in the trash.
    size_bytes: u64,
    deleted_by: String,
    deleted_at: Time,
    /// When it is gone for good.
    purged_at: Time,
    /// Days until then, a part of one counted whole.
    days_left: i64,
}

/// What came back.
#[derive(Serialize, ToSchema)]
pub(super) struct RestoredShown {
    /// Manifests that are there again.
    manifests: u64,
    /// Tags that point where they did, the first 1000.
    tags: Vec<String>,
    /// Tags that stay in the trash, because others of the same names point elsewhere now; the first 1000.
    conflicts: Vec<String>,
}

/// A tag of a repository.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TrashedTag {
    /// The repository's whole name.
    #[schema(max_length = 255)]
    repository: String,
    #[schema(max_length = 128)]
    tag: String,
}

/// A manifest of a repository.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TrashedDigest {
    /// The repository's whole name.
    #[schema(max_length = 255)]
    repository: String,
    #[schema(max_length = 255)]
    digest: String,
}

/// What was purged.
#[derive(Serialize, ToSchema)]
pub(super) struct Emptied {
    /// How many things.
    purged: u64,
}

/// `getTrashSettings`.
pub(super) async fn settings(call: &Call<'_>) -> Answered<Shown<TrashSettingsShown>> {
    let by = call.account().await?;
    let state = call.services().trash.settings(&by).await?;
    Ok(Shown(TrashSettingsShown {
        own_period_days: state.settings.period_days,
        own_limit_bytes: state.settings.limit_bytes,
        period_days: state.period_days,
        limit_bytes: state.limit_bytes,
        used_bytes: state.used_bytes,
    }))
}

/// `setTrashSettings`.
pub(super) async fn set(call: &Call<'_>, wanted: TrashSettingsText) -> Answered<Done> {
    let by = call.account().await?;
    let settings = TrashSettings {
        period_days: wanted.period_days,
        limit_bytes: wanted.limit_bytes,
    };
    call.services().trash.set(&by, settings).await?;
    Ok(Done)
}

fn shown(entry: TrashEntry) -> TrashShown {
    let some = |text: String| Some(text).filter(|text| !text.is_empty());
    let item = entry.item;
    TrashShown {
        id: item.id,
        kind: item.kind.as_str(),
        namespace: item.namespace,
        repository: some(item.repository),
        digest: some(item.digest),
        tags: entry.tags,
        media_type: some(item.media_type),
        size_bytes: entry.size_bytes,
        deleted_by: item.deleted_by,
        deleted_at: Time::from_ms(item.deleted_at_ms),
        purged_at: Time::from_ms(item.purge_at_ms),
        days_left: entry.days_left,
    }
}

/// Where a page begins: a time and an id.
fn position(cursor: &str) -> Answered<Option<(i64, String)>> {
    if cursor.is_empty() {
        return Ok(None);
    }
    let read = cursor.split_once('.');
    let read = read.and_then(|(at, id)| Some((at.parse().ok()?, id.to_owned())));
    let invalid = || ApiError::bad_request("cursor has to be what `next` of the page before says");
    read.map(Some).ok_or_else(invalid)
}

/// `listTrash`.
pub(super) async fn list(call: &Call<'_>) -> Answered<List<TrashShown>> {
    let by = call.account().await?;
    let text = |name| call.query.text(name).unwrap_or_default().to_owned();
    let query = TrashQuery {
        namespace: text("namespace"),
        repository: text("repository"),
        kind: text("kind"),
        within: call.query.text("within").map(str::to_owned),
        after: position(call.query.cursor().unwrap_or_default())?,
        limit: call.query.page_size(),
    };
    let found = call.services().trash.list(&by, query).await?;
    let page = Page {
        items: found.entries,
        next: found.next.map(|(at_ms, id)| format!("{at_ms}.{id}")),
    };
    Ok(call.page(page, shown))
}

fn came_back(restored: Restored) -> Shown<RestoredShown> {
    Shown(RestoredShown {
        manifests: restored.manifests,
        tags: restored.tags,
        conflicts: restored.conflicts,
    })
}

/// The repository of a whole name.
pub(super) fn repository(name: &str) -> Answered<RepositoryName> {
    let name = RepositoryName::parse(name).ok();
    let name = name.filter(|name| name.path().is_some());
    name.ok_or_else(|| {
        ApiError::bad_request("repository has to be a whole name, such as namespace/app")
    })
}

/// `restoreTrash`.
pub(super) async fn restore(call: &Call<'_>) -> Answered<Shown<RestoredShown>> {
    let by = call.account().await?;
    let trash = &call.services().trash;
    Ok(came_back(trash.restore(&by, call.param("item")).await?))
}

/// `restoreTag`.
pub(super) async fn restore_tag(
    call: &Call<'_>,
    wanted: TrashedTag,
) -> Answered<Shown<RestoredShown>> {
    let by = call.account().await?;
    let (trash, of) = (&call.services().trash, repository(&wanted.repository)?);
    let restored = trash.restore_named_tag(&by, &of, &wanted.tag).await?;
    Ok(came_back(restored))
}

/// `restoreManifest`.
pub(super) async fn restore_manifest(
    call: &Call<'_>,
    wanted: TrashedDigest,
) -> Answered<Shown<RestoredShown>> {
    let by = call.account().await?;
    let (trash, of) = (&call.services().trash, repository(&wanted.repository)?);
    let restored = trash.restore_digest(&by, &of, &wanted.digest).await?;
    Ok(came_back(restored))
}

/// `purgeTrash`.
pub(super) async fn purge(call: &Call<'_>) -> Answered<Done> {
    let by = call.account().await?;
    let trash = &call.services().trash;
    trash.purge_one(&by, call.param("item")).await?;
    Ok(Done)
}

/// `emptyTrash`.
pub(super) async fn empty(call: &Call<'_>) -> Answered<Shown<Emptied>> {
    let by = call.account().await?;
    let purged = call.services().trash.empty(&by).await?;
    Ok(Shown(Emptied { purged }))
}
