//! A repository: its artifacts, what is said of it, and its end.

use super::{named, repository};
use crate::console::accounts::unsigned;
use crate::console::failed::{Failed, mendable, unknown_form};
use crate::console::sent::Sent;
use crate::console::visit::Visit;
use http::StatusCode;
use model::Action;
use oci::RepositoryName;
use pages::artifacts::{ArtifactLine, Artifacts};
use pages::{Bytes, Link, Moment, Notice, Page as _, Section, encoded};
use services::{
    AccountContext, ArtifactPage, ArtifactParts, ArtifactRef, ArtifactView, Comparison, Condition,
    Error, Refused, Value,
};

/// Artifacts on a page.
const PAGE: usize = 50;
/// Tags of an artifact in a list.
const TAGS: usize = 10;
/// What a list shows of each.
const PARTS: ArtifactParts = ArtifactParts {
    tags: true,
    labels: true,
    accessories: false,
    attributes: false,
};

/// `GET /accounts/{account}/repositories/{repository}`.
pub(super) async fn list(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    let page = page(visit, &by, None).await?;
    Ok(Sent::page(page.html()))
}

/// `POST` to the same: what `do` says, to the repository or to some of its artifacts.
pub(super) async fn change(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    let name = repository(visit)?;
    match carry_out(visit, &by, &name).await {
        Ok(location) => Ok(Sent::to(&location)),
        Err(refused) => {
            let why = mendable(refused)?;
            let page = page(visit, &by, Some(why)).await?;
            Ok(Sent::page(page.html()).with_status(StatusCode::UNPROCESSABLE_ENTITY))
        }
    }
}

/// Does it. Answers with the page to see it on.
async fn carry_out(
    visit: &Visit<'_>,
    by: &AccountContext,
    name: &RepositoryName,
) -> Result<String, Refused> {
    let (services, account) = (visit.services(), by.account().name.as_str());
    let invalid = |text: &'static str| Error::Invalid(text.to_owned());
    let t = visit.language.texts();
    let here = Link::Artifacts(account, name.as_str());
    let (link, notice) = match visit.form.get("do") {
        "describe" => {
            let text = visit.form.get("description").replace("\r\n", "\n");
            services
                .repositories
                .describe(by, named(name), text)
                .await?;
            (here, Notice::Saved)
        }
        "delete-chosen" => {
            let chosen: Vec<&str> = visit.form.all("digest").take(PAGE).collect();
            if chosen.is_empty() {
                return Err(invalid(t.content.none_chosen).into());
            }
            for reference in chosen {
                delete(visit, by, name, reference).await?;
            }
            (here, Notice::Trashed)
        }
        "delete" => {
            if visit.form.get("name").trim() != name.as_str() {
                return Err(invalid(t.content.wrong_name).into());
            }
            services.repositories.delete(by, named(name)).await?;
            (
                Link::Repositories(account, name.namespace()),
                Notice::Trashed,
            )
        }
        _ => return Err(unknown_form()),
    };
    Ok(format!("{link}?notice={}", notice.word()))
}

/// Deletes one of those that were chosen. One that somebody else deleted meanwhile, or that went with another of them, is
/// no reason to stop.
async fn delete(
    visit: &Visit<'_>,
    by: &AccountContext,
    name: &RepositoryName,
    reference: &str,
) -> Result<(), Refused> {
    let artifact = ArtifactRef {
        repository: named(name),
        reference,
    };
    match visit.services().artifacts.delete(by, artifact).await {
        Err(Refused::Failed(Error::NotFound(_) | Error::ManifestUnknown)) | Ok(()) => Ok(()),
        Err(refused) => Err(refused),
    }
}

async fn page(
    visit: &Visit<'_>,
    by: &AccountContext,
    failed: Option<String>,
) -> Result<Artifacts, Failed> {
    let name = repository(visit)?;
    let (services, place) = (visit.services(), named(&name));
    let (repository, description_html) = services.repositories.get_rendered(by, place).await?;
    let (words, kind) = (visit.query.get("q").trim(), kind(visit.query.get("kind")));
    let wanted = ArtifactPage {
        conditions: conditions(words, kind),
        after: position(visit.query.get("after")),
        limit: i64::try_from(PAGE + 1).unwrap_or(i64::MAX),
    };
    let mut found = services.artifacts.page(by, place, wanted, PARTS).await?;
    let has_more = found.len() > PAGE;
    found.truncate(PAGE);
    let last = found.last().filter(|_| has_more);
    let next = last.map(|last| {
        let (at_ms, id) = (last.row.pushed_at_ms, &last.row.id);
        format!("?q={}&kind={kind}&after={at_ms}.{id}", encoded(words))
    });
    let may_describe = visit.may_at(by, place, Action::RepositoryUpdate).await?;
    Ok(Artifacts {
        frame: visit.frame_of(by, Section::Namespaces).await?,
        account: by.account().name.clone(),
        namespace: name.namespace().to_owned(),
        repository: name.as_str().to_owned(),
        description_html,
        description: Some(repository.details.description).filter(|_| may_describe),
        words: words.to_owned(),
        kind: kind.to_owned(),
        artifacts: found.into_iter().map(line).collect(),
        may_delete: visit.may_at(by, place, Action::ArtifactDelete).await?,
        may_delete_all: visit.may_at(by, place, Action::RepositoryDelete).await?,
        failed,
        next,
    })
}

/// A kind that can be looked for; else all.
fn kind(text: &str) -> &'static str {
    let known = Artifacts::KINDS.into_iter();
    known.into_iter().find(|kind| *kind == text).unwrap_or("")
}

fn conditions(words: &str, kind: &str) -> Vec<Condition> {
    let mut conditions = Vec::new();
    if !words.is_empty() {
        conditions.push(Condition {
            field: "tags".to_owned(),
            comparison: Comparison::Contains(words.to_owned()),
        });
    }
    if !kind.is_empty() {
        let value = Value {
            text: kind.to_owned(),
            time_ms: None,
        };
        conditions.push(Condition {
            field: "type".to_owned(),
            comparison: Comparison::AnyOf(vec![value]),
        });
    }
    conditions
}

/// Where a page begins: a time and an id.
fn position(after: &str) -> Option<(i64, String)> {
    let (at, id) = after.split_once('.')?;
    Some((at.parse().ok()?, id.to_owned()))
}

fn line(view: ArtifactView) -> ArtifactLine {
    let more = view.tags.len().saturating_sub(TAGS);
    let tags = view.tags.into_iter().take(TAGS);
    ArtifactLine {
        digest: view.row.digest.to_string(),
        kind: view.kind,
        tags: tags.map(|tag| tag.row.name).collect(),
        more_tags: u64::try_from(more).unwrap_or(u64::MAX),
        labels: view
            .labels
            .into_iter()
            .map(|label| label.row.name)
            .collect(),
        size: Bytes(unsigned(view.row.size_bytes)),
        pushed: Moment(view.row.pushed_at_ms),
        last_pull: view.row.pulled_at_ms.map(Moment),
    }
}
