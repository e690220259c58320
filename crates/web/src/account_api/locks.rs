//! Locks of tags and manifests, and tags that end by themselves.

use super::query::Parameter;
use super::reply::{Answered, Done, List, Shown};
use super::trash::repository;
use super::{ApiError, Call, Time};
use model::Page;
use oci::{Reference, RepositoryName};
use serde::{Deserialize, Serialize};
use services::{LockKind, LockView, RepositoryRef, TagEnd, TagEndView};
use utoipa::ToSchema;

const REPOSITORY: Parameter = Parameter::text(
    "repository",
    "The repository's whole name; it has to be there.",
    255,
);

/// What `listLocks` knows.
pub(super) const LIST: &[Parameter] = &[
    REPOSITORY,
    Parameter::one_of(
        "kind",
        "Locks of tags, as without it, or of manifests.",
        &["tag", "manifest"],
    ),
];

/// What `unlock` knows.
pub(super) const UNLOCK: &[Parameter] = &[
    REPOSITORY,
    Parameter::text(
        "reference",
        "The tag or the digest; it has to be there.",
        255,
    ),
];

/// What `listTagEnds` knows.
pub(super) const ENDS: &[Parameter] = &[REPOSITORY];

/// What is to be locked.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewLock {
    /// The repository's whole name.
    #[schema(max_length = 255)]
    repository: String,
    /// A tag, which then does not move and is not deleted; or a manifest's digest: then it is not deleted, and none of its
    /// tags moves or is deleted.
    #[schema(max_length = 255)]
    reference: String,
}

/// A lock.
#[derive(Serialize, ToSchema)]
pub(super) struct LockShown {
    /// `tag` or `manifest`.
    kind: &'static str,
    /// The tag or the digest.
    reference: String,
    locked_by: String,
    locked_at: Time,
}

/// When a tag is to end.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TagEndText {
    /// The repository's whole name.
    #[schema(max_length = 255)]
    repository: String,
    #[schema(max_length = 128)]
    tag: String,
    /// A time such as `2027-01-31T12:00:00Z`, or from now on a number of `s`, `m`, `h`, `d`, `w` or `y`, such as `2w`. Null for
    /// never.
    #[schema(max_length = 64)]
    end: Option<String>,
}

/// A tag, and when it ends.
#[derive(Serialize, ToSchema)]
pub(super) struct TagEndShown {
    tag: String,
    /// Null for never.
    ends_at: Option<Time>,
}

fn wanted<'a>(call: &'a Call<'_>, name: &str) -> Answered<&'a str> {
    let value = call.query.text(name).filter(|value| !value.is_empty());
    value.ok_or_else(|| ApiError::bad_request(format!("{name} is missing")))
}

fn named(name: &RepositoryName) -> RepositoryRef<'_> {
    RepositoryRef {
        namespace: name.namespace(),
        name: name.path().unwrap_or_default(),
    }
}

fn reference(text: &str) -> Answered<Reference> {
    Reference::parse(text)
        .map_err(|_| ApiError::bad_request("reference has to be a tag or a digest"))
}

/// The page of a list by name.
fn page<T>(items: Vec<T>, size: usize, name: impl Fn(&T) -> &str) -> Page<T> {
    let next = items.last().filter(|_| items.len() == size).map(name);
    let next = next.map(str::to_owned);
    Page { items, next }
}

/// `listLocks`.
pub(super) async fn list(call: &Call<'_>) -> Answered<List<LockShown>> {
    let by = call.account().await?;
    let name = repository(wanted(call, "repository")?)?;
    let (kind, word) = match call.query.text("kind") {
        Some("manifest") => (LockKind::Manifest, "manifest"),
        _ => (LockKind::Tag, "tag"),
    };
    let (after, size) = call.after();
    let page_size = (after.as_str(), call.query.page_size());
    let locks = &call.services().locks;
    let items = locks.list(&by, named(&name), kind, page_size).await?;
    let shown = |lock: LockView| LockShown {
        kind: word,
        reference: lock.name,
        locked_by: lock.locked_by,
        locked_at: Time::from_ms(lock.locked_at_ms),
    };
    Ok(call.page(page(items, size, |lock| &lock.name), shown))
}

/// `lock`.
pub(super) async fn lock(call: &Call<'_>, wanted: NewLock) -> Answered<Done> {
    let by = call.account().await?;
    let name = repository(&wanted.repository)?;
    let what = reference(&wanted.reference)?;
    call.services().locks.lock(&by, named(&name), what).await?;
    Ok(Done)
}

/// `unlock`.
pub(super) async fn unlock(call: &Call<'_>) -> Answered<Done> {
    let by = call.account().await?;
    let name = repository(wanted(call, "repository")?)?;
    let what = reference(wanted(call, "reference")?)?;
    call.services()
        .locks
        .unlock(&by, named(&name), what)
        .await?;
    Ok(Done)
}

/// `listTagEnds`.
pub(super) async fn list_ends(call: &Call<'_>) -> Answered<List<TagEndShown>> {
    let by = call.account().await?;
    let name = repository(wanted(call, "repository")?)?;
    let (after, size) = call.after();
    let page_size = (after.as_str(), call.query.page_size());
    let locks = &call.services().locks;
    let items = locks.list_tag_ends(&by, named(&name), page_size).await?;
    let shown = |end: TagEndView| TagEndShown {
        tag: end.tag,
        ends_at: Some(Time::from_ms(end.ends_at_ms)),
    };
    Ok(call.page(page(items, size, |end| &end.tag), shown))
}

/// `setTagEnd`.
pub(super) async fn set_end(call: &Call<'_>, wanted: TagEndText) -> Answered<Shown<TagEndShown>> {
    let by = call.account().await?;
    let name = repository(&wanted.repository)?;
    let end = wanted.end.as_deref().map(|text| {
        TagEnd::parse(text).ok_or_else(|| {
            ApiError::bad_request(
                "end has to be a time such as 2027-01-31T12:00:00Z, or a duration such as 2w",
            )
        })
    });
    let locks = &call.services().locks;
    let set = locks
        .set_tag_end(&by, named(&name), &wanted.tag, end.transpose()?)
        .await?;
    Ok(Shown(TagEndShown {
        tag: wanted.tag,
        ends_at: set.map(Time::from_ms),
    }))
}
