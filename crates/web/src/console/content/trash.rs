//! The trash of an account.

use crate::console::accounts::unsigned;
use crate::console::failed::{Failed, mendable};
use crate::console::sent::Sent;
use crate::console::visit::Visit;
use http::StatusCode;
use model::Action;
use pages::content::trash::{Kept, Trash, TrashLine};
use pages::{Bytes, Link, Moment, Notice, Page as _, Section};
use services::{AccountContext, Error, Refused, TrashEntry, TrashKind, TrashQuery};

/// Things on a page.
const PAGE: i64 = 50;
/// Tags of one that are shown.
const TAGS: usize = 5;

/// `GET /accounts/{account}/trash`.
pub(super) async fn list(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    let page = page(visit, &by, None).await?;
    Ok(Sent::page(page.html()))
}

/// `POST /accounts/{account}/trash/{item}/restore`.
pub(super) async fn restore(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    let restored = visit.services().trash.restore(&by, visit.param("item"));
    let why = match restored.await {
        Ok(_) => {
            let link = Link::In(&by.account().name, "trash");
            return Ok(Sent::to(&format!(
                "{link}?notice={}",
                Notice::Restored.word()
            )));
        }
        // What is in its way can be mended, and it stays in the trash until then.
        Err(Refused::Failed(error @ Error::NotNow(_))) => error.to_string(),
        Err(refused) => mendable(refused)?,
    };
    let page = page(visit, &by, Some(why)).await?;
    Ok(Sent::page(page.html()).with_status(StatusCode::UNPROCESSABLE_ENTITY))
}

async fn page(
    visit: &Visit<'_>,
    by: &AccountContext,
    failed: Option<String>,
) -> Result<Trash, Failed> {
    let trash = &visit.services().trash;
    let kind = kind(visit.query.get("kind"));
    let query = TrashQuery {
        namespace: String::new(),
        repository: String::new(),
        kind: kind.to_owned(),
        within: None,
        after: position(visit.query.get("after")),
        limit: PAGE,
    };
    let found = trash.list(by, query).await?;
    let kept = if visit.may(by, Action::ConfigurationRead).await? {
        let state = trash.settings(by).await?;
        Some(Kept {
            used: Bytes(state.used_bytes),
            days: unsigned(state.period_days),
        })
    } else {
        None
    };
    Ok(Trash {
        frame: visit.frame_of(by, Section::Trash).await?,
        account: by.account().name.clone(),
        kind: kind.to_owned(),
        items: found.entries.into_iter().map(line).collect(),
        next: found
            .next
            .map(|(at_ms, id)| format!("?kind={kind}&after={at_ms}.{id}")),
        failed,
        kept,
    })
}

/// A kind that there is; else all.
fn kind(text: &str) -> &'static str {
    let kinds = [
        TrashKind::Manifest,
        TrashKind::Tag,
        TrashKind::Repository,
        TrashKind::Namespace,
    ];
    let kinds = kinds.map(TrashKind::as_str);
    kinds.into_iter().find(|kind| *kind == text).unwrap_or("")
}

/// Where a page begins: a time and an id.
fn position(after: &str) -> Option<(i64, String)> {
    let (at, id) = after.split_once('.')?;
    Some((at.parse().ok()?, id.to_owned()))
}

fn line(entry: TrashEntry) -> TrashLine {
    let item = entry.item;
    let mut tags = entry.tags;
    tags.truncate(TAGS);
    let name = match item.kind {
        TrashKind::Namespace => item.namespace,
        TrashKind::Tag => format!("{}:{}", item.repository, item.tag),
        TrashKind::Manifest | TrashKind::Repository => item.repository,
    };
    TrashLine {
        id: item.id,
        kind: item.kind.as_str(),
        name,
        digest: Some(item.digest).filter(|digest| !digest.is_empty()),
        tags,
        deleted_by: item.deleted_by,
        deleted: Moment(item.deleted_at_ms),
        days_left: unsigned(entry.days_left),
        size: Bytes(entry.size_bytes),
    }
}
