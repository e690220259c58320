//! A tag and its history.

use super::{named, repository};
use crate::console::failed::{Failed, mendable_name, unknown_form};
use crate::console::sent::Sent;
use crate::console::visit::Visit;
use http::StatusCode;
use model::Action;
use oci::{Reference, RepositoryName, Tag};
use pages::content::tag::{MoveLine, TagChanges, TagNow, TagPage};
use pages::{Link, Moment, Notice, Page as _, Section};
use services::{
    AccountContext, ArtifactParts, ArtifactRef, Error, Refused, RepositoryRef, TagEnd, TagMove,
};

/// Moves on a page.
const PAGE: usize = 50;
const DAY_MS: i64 = 24 * 3_600_000;
/// Only the artifact's tags: one of them is this one.
const PARTS: ArtifactParts = ArtifactParts {
    tags: true,
    labels: false,
    accessories: false,
    attributes: false,
};

/// `GET /accounts/{account}/repositories/{repository}/{reference}/history`.
pub(super) async fn show(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    let page = page(visit, &by, None).await?;
    Ok(Sent::page(page.html()))
}

/// `POST` to the same: what `do` says, to the tag.
pub(super) async fn change(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    let (name, tag) = (repository(visit)?, tag(visit)?);
    match carry_out(visit, &by, (&name, &tag)).await {
        Ok(location) => Ok(Sent::to(&location)),
        Err(refused) => {
            let page = page(visit, &by, Some(mendable_name(refused)?)).await?;
            Ok(Sent::page(page.html()).with_status(StatusCode::UNPROCESSABLE_ENTITY))
        }
    }
}

fn tag(visit: &Visit<'_>) -> Result<Tag, Failed> {
    Tag::parse(visit.param("reference")).map_err(|_| Failed::not_found())
}

/// Does it. Answers with the page to see it on.
async fn carry_out(
    visit: &Visit<'_>,
    by: &AccountContext,
    (name, tag): (&RepositoryName, &Tag),
) -> Result<String, Refused> {
    let (services, place) = (visit.services(), named(name));
    let locks = &services.locks;
    let account = by.account().name.as_str();
    let segments = ["repositories", name.as_str(), tag.as_str(), "history"];
    let mut link = Link::Under(account, &segments);
    let mut notice = Notice::Saved;
    match visit.form.get("do") {
        "lock" => locks.lock(by, place, Reference::Tag(tag.clone())).await?,
        "unlock" => locks.unlock(by, place, Reference::Tag(tag.clone())).await?,
        "revert" => {
            let digest = visit.form.get("digest");
            let trash = &services.trash;
            trash.revert_tag(by, place, tag.as_str(), digest).await?;
        }
        "end" => {
            let end = end(visit)?;
            locks.set_tag_end(by, place, tag.as_str(), end).await?;
        }
        "delete" => {
            let artifact = ArtifactRef {
                repository: place,
                reference: tag.as_str(),
            };
            let artifacts = &services.artifacts;
            artifacts.delete_tag(by, artifact, tag.as_str()).await?;
            link = Link::Artifacts(account, name.as_str());
            notice = Notice::Trashed;
        }
        _ => return Err(unknown_form()),
    }
    Ok(format!("{link}?notice={}", notice.word()))
}

/// The end that was typed, in days; none for a tag that stays.
fn end(visit: &Visit<'_>) -> Result<Option<TagEnd>, Error> {
    let text = visit.form.get("days").trim();
    if text.is_empty() {
        return Ok(None);
    }
    let days = text.parse::<u16>().ok().filter(|days| *days > 0);
    let days = days.ok_or_else(|| {
        let t = visit.language.texts();
        Error::Invalid(t.content.wrong_days.to_owned())
    })?;
    Ok(Some(TagEnd::After(i64::from(days) * DAY_MS)))
}

async fn page(
    visit: &Visit<'_>,
    by: &AccountContext,
    failed: Option<String>,
) -> Result<TagPage, Failed> {
    let (name, tag) = (repository(visit)?, tag(visit)?);
    let place = named(&name);
    let before = visit.query.get("before").parse().unwrap_or(i64::MAX);
    let limit = i64::try_from(PAGE + 1).unwrap_or(i64::MAX);
    let trash = &visit.services().trash;
    let mut moves = trash
        .tag_history(by, place, tag.as_str(), (before, limit))
        .await?;
    let now = now(visit, by, place, &tag).await?;
    if now.is_none() && moves.is_empty() {
        return Err(Failed::not_found());
    }
    let has_more = moves.len() > PAGE;
    moves.truncate(PAGE);
    let last = moves.last().filter(|_| has_more);
    let next = last.map(|last| format!("?before={}", last.row.number));
    let here = now.as_ref().map(|now| now.digest.clone());
    let may = async |action| visit.may_at(by, place, action).await;
    Ok(TagPage {
        frame: visit.frame_of(by, Section::Namespaces).await?,
        account: by.account().name.clone(),
        repository: name.as_str().to_owned(),
        tag: tag.as_str().to_owned(),
        moves: moves
            .into_iter()
            .map(|one| line(one, here.as_deref()))
            .collect(),
        now,
        next,
        may: TagChanges {
            revert: may(Action::RepositoryPush).await?,
            lock: may(Action::ImmutableTagCreate).await?,
            unlock: may(Action::ImmutableTagDelete).await?,
            delete: may(Action::TagDelete).await?,
        },
        days: visit.form.get("days").to_owned(),
        failed,
    })
}

/// The tag as it is, if there is one.
async fn now(
    visit: &Visit<'_>,
    by: &AccountContext,
    place: RepositoryRef<'_>,
    tag: &Tag,
) -> Result<Option<TagNow>, Failed> {
    let services = visit.services();
    let artifact = ArtifactRef {
        repository: place,
        reference: tag.as_str(),
    };
    let view = match services.artifacts.get(by, artifact, PARTS).await {
        Ok(view) => view,
        Err(Refused::Failed(Error::NotFound(_) | Error::ManifestUnknown)) => return Ok(None),
        Err(refused) => return Err(refused.into()),
    };
    let mut tags = view.tags.iter();
    let Some(found) = tags.find(|one| one.row.name == tag.as_str()) else {
        return Ok(None);
    };
    let may_know = visit.may_at(by, place, Action::ImmutableTagList).await?;
    let what = Reference::Tag(tag.clone());
    let is_locked = may_know && services.locks.is_locked(by, place, what).await?;
    let ends = services.locks.tag_end(by, place, tag).await?;
    Ok(Some(TagNow {
        digest: view.row.digest.to_string(),
        set: Moment(found.row.updated_at_ms),
        is_immutable: found.is_immutable,
        is_locked,
        ends: ends.map(Moment),
    }))
}

fn line(one: TagMove, here: Option<&str>) -> MoveLine {
    MoveLine {
        is_there: one.is_there,
        can_return: one.is_there && one.row.digest.as_deref() != here,
        digest: one.row.digest,
        by: one.row.caller,
        at: Moment(one.row.at_ms),
    }
}
