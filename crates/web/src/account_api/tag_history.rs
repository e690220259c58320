//! Where a tag pointed, when and by whom, and pointing it there again.

use super::query::Parameter;
use super::reply::{Answered, Done, List};
use super::trash::repository;
use super::{ApiError, Call, Time};
use model::Page;
use serde::{Deserialize, Serialize};
use services::{RepositoryRef, TagMove};
use utoipa::ToSchema;

/// What `listTagMoves` knows.
pub(super) const LIST: &[Parameter] = &[
    Parameter::text(
        "repository",
        "The repository's whole name; it has to be there.",
        255,
    ),
    Parameter::text("tag", "The tag; it has to be there.", 128),
];

/// A move of a tag.
#[derive(Serialize, ToSchema)]
pub(super) struct TagMoveShown {
    /// The number of the event in the audit log that tells of it.
    number: i64,
    tag: String,
    /// What it pointed at from then on; null when it was deleted.
    digest: Option<String>,
    /// Whether the repository has that manifest now, so that the tag can point there again.
    is_there: bool,
    by: String,
    at: Time,
}

/// Where a tag is to point.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Reversion {
    /// The repository's whole name.
    #[schema(max_length = 255)]
    repository: String,
    #[schema(max_length = 128)]
    tag: String,
    /// A manifest of the repository.
    #[schema(max_length = 255)]
    digest: String,
}

fn shown(one: TagMove) -> TagMoveShown {
    TagMoveShown {
        number: one.row.number,
        tag: one.row.tag,
        digest: one.row.digest,
        is_there: one.is_there,
        by: one.row.caller,
        at: Time::from_ms(one.row.at_ms),
    }
}

/// `listTagMoves`.
pub(super) async fn list(call: &Call<'_>) -> Answered<List<TagMoveShown>> {
    let by = call.account().await?;
    let wanted = |name| {
        let value = call.query.text(name).filter(|value| !value.is_empty());
        value.ok_or_else(|| ApiError::bad_request(format!("{name} is missing")))
    };
    let (name, tag) = (repository(wanted("repository")?)?, wanted("tag")?);
    let named = RepositoryRef {
        namespace: name.namespace(),
        name: name.path().unwrap_or_default(),
    };
    let before = match call.query.position()? {
        0 => i64::MAX,
        before => before,
    };
    let limit = call.query.page_size();
    let trash = &call.services().trash;
    let moves = trash.tag_history(&by, named, tag, (before, limit));
    let items = moves.await?;
    let is_full = i64::try_from(items.len()).is_ok_and(|count| count == limit);
    let next = items.last().filter(|_| is_full);
    let next = next.map(|last| last.row.number.to_string());
    Ok(call.page(Page { items, next }, shown))
}

/// `revertTag`.
pub(super) async fn revert(call: &Call<'_>, wanted: Reversion) -> Answered<Done> {
    let by = call.account().await?;
    let name = repository(&wanted.repository)?;
    let named = RepositoryRef {
        namespace: name.namespace(),
        name: name.path().unwrap_or_default(),
    };
    let trash = &call.services().trash;
    trash
        .revert_tag(&by, named, &wanted.tag, &wanted.digest)
        .await?;
    Ok(Done)
}
