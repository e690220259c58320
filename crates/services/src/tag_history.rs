//! Where each tag pointed, when and by whom: read from events when they are sealed, so that no push pays for it.
//!
//! A tag's newest 100 moves of the last 180 days are known. What an account's administrators may see of a repository, its tags'
//! history is part of.

use crate::access::Refused;
use crate::account_access::AccountContext;
use crate::protection::Protection;
use crate::repositories::RepositoryRef;
use crate::trash::Trash;
use crate::{Error, Result};
use metadata::{EventRow, NewTagMove, TagMoveRow, Tx};
use model::{AccountId, Action, Event, NamespaceId};
use oci::{Digest, Tag};
use serde::Deserialize;
use std::collections::BTreeSet;

/// Moves of one tag that are kept.
const KEPT: i64 = 100;
/// Moves that are noted at a time.
const AT_ONCE: usize = 1000;

/// A move of a tag, as people see it.
#[derive(Clone, Debug)]
pub struct TagMove {
    /// The move.
    pub row: TagMoveRow,
    /// Whether the repository has the manifest that it pointed at, so that it can point there again.
    pub is_there: bool,
}

/// What is read of an event that may tell of moves.
#[derive(Deserialize)]
struct Told {
    repository: Option<String>,
    digest: Option<String>,
    tag: Option<String>,
    #[serde(default)]
    tags: Vec<String>,
}

/// Moves that sealed events tell of.
#[derive(Default)]
pub(crate) struct Moves(Vec<Move>);

struct Move {
    account: AccountId,
    namespace: NamespaceId,
    repository: String,
    /// Each once.
    tags: BTreeSet<String>,
    number: i64,
    digest: Option<String>,
    caller: String,
    at_ms: i64,
}

impl Moves {
    /// Adds those of an event.
    pub(crate) fn add(&mut self, account: &AccountId, number: i64, event: &EventRow) {
        let is_put = match event.kind.as_str() {
            "manifest.pushed" | "tag.put" | "trash.restored" => true,
            "tag.deleted" | "manifest.deleted" => false,
            _ => return,
        };
        let (Some(namespace), Ok(told)) = (
            &event.namespace_id,
            serde_json::from_str::<Told>(&event.payload),
        ) else {
            return;
        };
        let Some(repository) = told.repository else {
            return;
        };
        self.0.push(Move {
            account: account.clone(),
            namespace: namespace.clone(),
            repository,
            tags: told.tags.into_iter().chain(told.tag).collect(),
            number,
            digest: told.digest.filter(|_| is_put),
            caller: event.caller.clone(),
            at_ms: event.at_ms,
        });
    }

    /// Notes them all.
    pub(crate) fn note(&self, tx: &mut Tx<'_>) -> Result<()> {
        let moves = self.0.iter().flat_map(|one| {
            one.tags.iter().map(|tag| NewTagMove {
                account: one.account.as_str(),
                namespace: one.namespace.as_str(),
                repository: &one.repository,
                tag,
                number: one.number,
                digest: one.digest.as_deref(),
                caller: &one.caller,
                at_ms: one.at_ms,
            })
        });
        let moves: Vec<NewTagMove<'_>> = moves.collect();
        for some in moves.chunks(AT_ONCE) {
            tx.note_tag_moves(some, KEPT)?;
        }
        Ok(())
    }
}

impl Trash {
    /// The moves of a tag, the newest first, before the one of that number; the last few seconds' may be missing.
    pub async fn tag_history(
        &self,
        by: &AccountContext,
        named: RepositoryRef<'_>,
        tag: &str,
        (before, limit): (i64, i64),
    ) -> Result<Vec<TagMove>, Refused> {
        let action = Action::TagList;
        let place = self.authorizer.repository(by, named, action).await?;
        let (account, tag) = (by.id().clone(), tag.to_owned());
        let found = self.core.metadata.list(move |reader| {
            let of = (&place.namespace.id, place.name.as_str());
            let moves = reader.list_tag_moves(&account, of, &tag, (before, limit))?;
            let shown = moves.into_iter().map(|row| {
                let digest = row
                    .digest
                    .as_deref()
                    .and_then(|text| Digest::parse(text).ok());
                let is_there = match digest {
                    Some(digest) => reader.find_manifest_id(&place.id, &digest)?.is_some(),
                    None => false,
                };
                Ok::<_, Error>(TagMove { row, is_there })
            });
            shown.collect::<Result<Vec<_>>>()
        });
        Ok(found.await?)
    }

    /// Points a tag at a manifest where it pointed before, or at any other of its repository: a tag like one that is pushed.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the repository does not have the manifest; [`Error::Protected`] when a rule or a lock forbids it.
    pub async fn revert_tag(
        &self,
        by: &AccountContext,
        named: RepositoryRef<'_>,
        tag: &str,
        digest: &str,
    ) -> Result<(), Refused> {
        let action = Action::RepositoryPush;
        let place = self.authorizer.repository(by, named, action).await?;
        let tag = Tag::parse(tag).map_err(|error| Error::Invalid(error.to_string()))?;
        let digest = Digest::parse(digest).map_err(|error| Error::Invalid(error.to_string()))?;
        let who = by.clone();
        let reverted = self.core.change(by, move |core, tx, account| {
            let gone = || {
                Error::NotFound(format!(
                    "{digest} in the repository {}; restore it from the trash first",
                    place.name
                ))
            };
            let protection = Protection::of(tx, &place.id, &place.name)?;
            let manifest = tx.keep_manifest(&place.id, &digest)?.ok_or_else(gone)?;
            let (owner, to) = ((account, &place.id), (manifest.as_str(), &digest));
            if !protection.put_tag(tx, owner, &tag, to, (core.now_ms(), None))? {
                return Ok(((), None));
            }
            tx.touch_repository(&place.name);
            let put = Event::TagPut {
                repository: place.name.clone(),
                digest: digest.clone(),
                tags: vec![tag.clone()],
            };
            core.record_by(tx, &put, &who)?;
            let event = Event::TagReverted {
                repository: place.name,
                tag,
                digest,
            };
            Ok(((), Some(event)))
        });
        Ok(reverted.await?)
    }
}
