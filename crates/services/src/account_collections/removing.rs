//! One transaction of a collection in a repository: another look at what is to go, and its removal.

use super::work::note;
use crate::core::Core;
use crate::growth::Freed;
use crate::protection::Protection;
use crate::removal::{Keep, Removal, remove_one, untag_some};
use crate::retention::is_known;
use crate::{Error, Result};
use metadata::{CollectionFigures, Tx};
use model::caller::{CallerKind, CredentialKind, Origin};
use model::retention::{Artifact, subject_of_tag};
use model::{AccountId, Caller, JobId, RepositoryId, UserId};
use oci::{Digest, RepositoryName};

/// Manifests that one transaction looks at; fewer where one writer serves all.
const LOOKED_AT: usize = 20;
const LOOKED_AT_ALONE: usize = 5;
/// Rows after which a transaction takes no other manifest.
const ROWS: usize = 100;
/// Tags of one manifest that are compared; one with more stays.
const TAGS: i64 = 1000;

/// A manifest that is planned to go.
#[derive(Clone, Debug)]
pub(super) struct Planned {
    pub(super) digest: Digest,
    pub(super) artifact: Artifact,
}

/// A repository whose manifests go.
pub(super) struct At {
    pub(super) job: JobId,
    pub(super) account: AccountId,
    pub(super) repository: (RepositoryId, RepositoryName),
    pub(super) going: Vec<Planned>,
}

/// What a step came to: the manifest to go on with, and those that went.
pub(super) struct Step {
    pub(super) next: usize,
    pub(super) removed: Vec<Digest>,
}

/// Who removes: nobody who could log in.
fn itself() -> Caller {
    Caller {
        kind: CallerKind::User {
            id: UserId::new("garbage-collection"),
            name: "garbage-collection".to_owned(),
        },
        credential: CredentialKind::None,
        home_account: None,
    }
}

/// One transaction: removes some of what goes, from a place on.
pub(super) fn take(core: &Core, tx: &mut Tx<'_>, at: &At, from: usize) -> Result<Step> {
    let (caller, origin) = (itself(), Origin::default());
    let (repository, name) = &at.repository;
    let protection = Protection::of(tx, repository, name)?;
    let removal = Removal {
        account: &at.account,
        repository: (repository, name),
        by: (&caller, &origin),
        trash: Keep::of(core, tx, &at.account)?,
        protection: &protection,
        is_whole: false,
        is_told: true,
    };
    let mut work = Work {
        freed: Freed::of(tx, repository)?,
        taken: CollectionFigures::default(),
        removed: Vec::new(),
        rows: 0,
    };
    let most = if core.metadata.is_shared() {
        LOOKED_AT
    } else {
        LOOKED_AT_ALONE
    };
    let mut next = from;
    for one in at.going.iter().skip(from).take(most) {
        if work.rows >= ROWS {
            break;
        }
        if goes(tx, repository, one, &protection)?
            && !work.remove(core, tx, &removal, &one.digest)?
        {
            break;
        }
        next += 1;
    }
    let Work {
        freed,
        mut taken,
        removed,
        rows,
    } = work;
    if rows > 0 {
        tx.touch_repository(name);
        taken.freed_bytes = freed.settle(tx, &at.account)?;
        removal.finish(tx)?;
    }
    note(tx, &at.job, &taken, None)?;
    Ok(Step { next, removed })
}

/// Looks at a manifest again, and keeps it as it is until the transaction ends. Whatever came since it was planned spares it.
fn goes(
    tx: &mut Tx<'_>,
    repository: &RepositoryId,
    planned: &Planned,
    protection: &Protection,
) -> Result<bool> {
    let digest = &planned.digest;
    let found = tx.take_retention_manifests(repository, &[digest.as_str()])?;
    let Some(found) = found.into_iter().next() else {
        return Ok(false);
    };
    let was = &planned.artifact;
    if (found.pushed_at_ms, found.restored_at_ms) != (was.pushed_at_ms, was.restored_at_ms) {
        return Ok(false);
    }
    let tags = tx.list_tags_of(&[&found.id], TAGS)?;
    let are_all = i64::try_from(tags.len()).is_ok_and(|count| count < TAGS);
    if !are_all || !tags.iter().all(|tag| is_known(&planned.artifact, tag)) {
        return Ok(false);
    }
    let subject = found.subject.as_deref();
    let by_tag = planned.artifact.tags.iter();
    let by_tag = by_tag.filter_map(|tag| subject_of_tag(tag));
    let subjects: Vec<String> = subject
        .map(str::to_owned)
        .into_iter()
        .chain(by_tag)
        .collect();
    let mut asked: Vec<&str> = subjects.iter().map(String::as_str).collect();
    asked.push(digest.as_str());
    let held = tx.list_held(repository, &asked)?;
    let is_held = held.iter().any(|(of, held)| {
        if of == digest.as_str() {
            held.is_in_index
        } else {
            held.is_there
        }
    });
    if is_held {
        return Ok(false);
    }
    match protection.ask_manifest(tx, digest) {
        Err(Error::Protected(_)) => Ok(false),
        asked => asked.map(|()| true),
    }
}

/// What a transaction did until now.
struct Work {
    freed: Freed,
    taken: CollectionFigures,
    removed: Vec<Digest>,
    /// Manifests and tags that it took.
    rows: usize,
}

impl Work {
    /// Removes a manifest after what is about it and nothing else keeps. Says whether all of it is gone, or stays for good:
    /// when not, it goes on in another transaction.
    fn remove(
        &mut self,
        core: &Core,
        tx: &mut Tx<'_>,
        removal: &Removal<'_>,
        digest: &Digest,
    ) -> Result<bool> {
        let repository = removal.repository.0;
        let mut path = vec![digest.clone()];
        while let Some(last) = path.last() {
            if let Some(referrer) = tx.take_loose_referrer(repository, last)? {
                match removal.protection.ask_manifest(tx, &referrer) {
                    // It came since, and keeps what it is about.
                    Err(Error::Protected(_)) => return Ok(true),
                    asked => asked?,
                }
                path.push(referrer);
                continue;
            }
            if self.rows >= ROWS {
                return Ok(false);
            }
            let Some(tags) = untag_some(core, tx, removal, last)? else {
                self.rows = ROWS;
                return Ok(false);
            };
            self.remove_counted(core, tx, removal, last)?;
            self.rows += 1 + tags;
            path.pop();
        }
        Ok(true)
    }

    fn remove_counted(
        &mut self,
        core: &Core,
        tx: &mut Tx<'_>,
        removal: &Removal<'_>,
        digest: &Digest,
    ) -> Result<()> {
        let Some(id) = tx.find_manifest_id(removal.repository.0, digest)? else {
            return Ok(());
        };
        let uses = tx.list_blob_uses(removal.account, &[&id])?;
        let last = uses.iter().filter(|one| one.times >= one.references);
        self.taken.blobs += last.count() as u64;
        if remove_one(core, tx, removal, digest, &mut self.freed)? {
            self.taken.manifests += 1;
            self.removed.push(digest.clone());
        }
        Ok(())
    }
}
