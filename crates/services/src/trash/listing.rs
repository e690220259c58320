//! What is in the trash, as it is listed.

use super::Trash;
use crate::access::{Refused, Rights};
use crate::account_access::AccountContext;
use crate::authorizer::Visible;
use crate::credential_scope::is_good_for;
use crate::{Error, Result};
use metadata::{TrashFilter, TrashItem, TrashKind};
use model::Action;

const DAY_MS: i64 = 86_400_000;
/// Tags that are shown with a manifest.
const TAGS: i64 = 100;
/// Things of one page.
const MAX_PAGE: i64 = 1000;

/// What is asked for.
#[derive(Clone, Debug, Default)]
pub struct TrashQuery {
    /// Only of this namespace, by name; all when empty.
    pub namespace: String,
    /// Only of this repository, by its full name; all when empty.
    pub repository: String,
    /// `manifest`, `tag`, `repository` or `namespace`; all when empty.
    pub kind: String,
    /// What was deleted with this; else what stands by itself.
    pub within: Option<String>,
    /// Where the page begins: `next` of the page before it.
    pub after: Option<(i64, String)>,
    /// Things of the page, 1000 at most.
    pub limit: i64,
}

/// Something in the trash, as people see it.
#[derive(Clone, Debug)]
pub struct TrashEntry {
    /// What it is.
    pub item: TrashItem,
    /// The tags that come back with it, the first 100.
    pub tags: Vec<String>,
    /// The bytes that it keeps and nothing of the account does besides, but for what was deleted before it.
    pub size_bytes: u64,
    /// Days until it is gone, a part of one counted whole.
    pub days_left: i64,
}

/// A page of the trash, what was deleted last first.
#[derive(Clone, Debug, Default)]
pub struct TrashPage {
    /// What is on it.
    pub entries: Vec<TrashEntry>,
    /// Where the next one begins, if there is one.
    pub next: Option<(i64, String)>,
}

impl Trash {
    /// The namespaces to whose content the caller may do an action, those too that were deleted for whoever may do it
    /// everywhere.
    pub(super) async fn places(
        &self,
        by: &AccountContext,
        action: Action,
    ) -> Result<Visible, Refused> {
        let who = by.authenticated();
        if who.caller.is_anonymous() {
            return Err(Refused::Unauthenticated);
        }
        if matches!(who.rights, Rights::Token(_)) || !is_good_for(&who.caller, action) {
            return Err(Refused::Forbidden);
        }
        let visible = self
            .authorizer
            .visible_repositories(&by.context, by.id(), action)
            .await?;
        Ok(visible.namespaces)
    }

    /// What is in the trash of the namespaces from which the caller may delete. Of namespaces that were deleted themselves
    /// only whoever may delete from all sees anything.
    pub async fn list(&self, by: &AccountContext, query: TrashQuery) -> Result<TrashPage, Refused> {
        let places = self.places(by, Action::ArtifactDelete).await?;
        let namespaces = match &places {
            Visible::All => None,
            Visible::Some(_) => Some(places.ids()),
        };
        let now_ms = self.core.now_ms();
        let filter = TrashFilter {
            namespaces,
            namespace: query.namespace,
            repository: query.repository,
            kind: query.kind,
            parent: query.within,
            now_ms,
        };
        let (account, after) = (by.id().clone(), query.after);
        let limit = query.limit.clamp(1, MAX_PAGE);
        let listed = self.core.metadata.list(move |reader| {
            let before = after
                .as_ref()
                .map_or((i64::MAX, ""), |(at_ms, id)| (*at_ms, id.as_str()));
            let mut items = reader.list_trash(&account, &filter, before, limit + 1)?;
            let is_more = i64::try_from(items.len()).is_ok_and(|count| count > limit);
            items.truncate(usize::try_from(limit).unwrap_or(1));
            let last = items.last();
            let next = last.map(|last| (last.deleted_at_ms, last.id.clone()));
            let mut entries = Vec::with_capacity(items.len());
            for item in items {
                let (tags, size_bytes) = match item.kind {
                    TrashKind::Manifest => {
                        let within = reader.list_trash_within(&account, &item.id, TAGS)?;
                        let tags = within.into_iter().map(|tag| tag.tag).collect();
                        (tags, reader.get_trash_item_size(&item.id)?)
                    }
                    TrashKind::Tag => (vec![item.tag.clone()], 0),
                    TrashKind::Repository | TrashKind::Namespace => (Vec::new(), 0),
                };
                entries.push(TrashEntry {
                    tags,
                    size_bytes,
                    days_left: (item.purge_at_ms - now_ms + DAY_MS - 1) / DAY_MS,
                    item,
                });
            }
            Ok::<_, Error>(TrashPage {
                entries,
                next: next.filter(|_| is_more),
            })
        });
        Ok(listed.await?)
    }
}
