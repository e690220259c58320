//! One manifest, or one tag, on its way back.

use super::Restored;
use crate::account_access::AccountContext;
use crate::core::Core;
use crate::growth::Growth;
use crate::manifests::ManifestPush;
use crate::push_plan::PushPlan;
use crate::{Error, Result};
use metadata::{NewManifest, TrashItem, TrashKind, TrashedManifest, Tx};
use model::{AccountId, Event, NamespaceId, RepositoryId};
use oci::{Digest, Reference, RepositoryName, Tag};

/// Tags of one manifest that one transaction brings back.
const TAGS: i64 = 200;

/// Where something is restored.
pub(super) struct Place<'a> {
    pub(super) account: &'a AccountId,
    pub(super) namespace: &'a NamespaceId,
    pub(super) repository: &'a RepositoryId,
    pub(super) name: &'a RepositoryName,
}

/// One transaction of a restore.
pub(super) struct Step<'a> {
    pub(super) core: &'a Core,
    pub(super) by: &'a AccountContext,
    pub(super) place: Place<'a>,
    /// How much more it brings back.
    pub(super) left: usize,
    pub(super) restored: Restored,
}

/// A manifest on the way to the one that is wanted.
struct Open {
    digest: String,
    /// Its place in the trash: a digest can have several.
    item: TrashItem,
    /// What it names and was not looked for yet.
    children: Vec<Digest>,
}

impl Open {
    fn of(item: TrashItem, content: String) -> Result<Self> {
        let plan = plan_of(&item, content)?;
        Ok(Self {
            digest: item.digest.clone(),
            children: plan.children.into_iter().collect(),
            item,
        })
    }
}

impl Step<'_> {
    fn find(&self, tx: &Tx<'_>, digest: &str) -> Result<Option<TrashedManifest>> {
        let (place, now_ms) = (&self.place, self.core.now_ms());
        let of = (place.namespace, place.name.as_str());
        Ok(tx.find_trashed_manifest(place.account, of, digest, now_ms)?)
    }

    fn open(&self, tx: &Tx<'_>, digest: &str) -> Result<Option<Open>> {
        let Some(found) = self.find(tx, digest)? else {
            return Ok(None);
        };
        Ok(Some(Open::of(found.item, found.content)?))
    }

    /// What is to come back before the last manifest of a path: one that it names, or one about it. What is on the path
    /// already comes back anyway: an index can name what it is about.
    fn next(&self, tx: &Tx<'_>, path: &mut [Open]) -> Result<Option<Open>> {
        let Some((open, before)) = path.split_last_mut() else {
            return Ok(None);
        };
        let is_on_path = |digest: &str| before.iter().any(|one| one.digest == digest);
        while let Some(child) = open.children.pop() {
            if is_on_path(child.as_str()) {
                continue;
            }
            if let Some(child) = self.open(tx, child.as_str())? {
                return Ok(Some(child));
            }
        }
        let (place, now_ms) = (&self.place, self.core.now_ms());
        let of = (place.namespace, place.name.as_str());
        // One more than could be on the path: those do not hide another one.
        let limit = i64::try_from(before.len() + 1).unwrap_or(i64::MAX);
        let found = tx.list_trashed_referrers(place.account, of, &open.digest, (now_ms, limit))?;
        match found.into_iter().find(|found| !is_on_path(found)) {
            Some(found) => self.open(tx, &found),
            None => Ok(None),
        }
    }
}

/// Brings a manifest back after what it names and what is about it, and after what is about that. Says whether all is there.
pub(super) fn restore_tree(
    step: &mut Step<'_>,
    tx: &mut Tx<'_>,
    growth: &mut Growth,
    item: &TrashItem,
) -> Result<bool> {
    // That one and not another of its digest: each has tags of its own.
    let content = tx.find_trash_content(step.place.account, &item.id)?;
    let first = content.map(|content| Open::of(item.clone(), content));
    let mut path: Vec<Open> = first.transpose()?.into_iter().collect();
    while !path.is_empty() {
        if let Some(next) = step.next(tx, &mut path)? {
            path.push(next);
            continue;
        }
        let Some(last) = path.last() else { break };
        if step.left == 0 {
            break;
        }
        if !restore_one(step, tx, growth, &last.item)? {
            break;
        }
        path.pop();
    }
    Ok(path.is_empty())
}

/// Brings back one manifest and its tags, and takes it out of the trash. Says whether none of its tags is left there that could
/// come back. One that was pushed again meanwhile is there already.
pub(super) fn restore_one(
    step: &mut Step<'_>,
    tx: &mut Tx<'_>,
    growth: &mut Growth,
    item: &TrashItem,
) -> Result<bool> {
    let (account, repository) = (step.place.account, step.place.repository);
    // First: whoever purges or restores the same waits, and finds nothing. Its blobs stay as long as it is there.
    if tx.take_trash(account, &item.id)?.is_none() {
        return Ok(true);
    }
    let content = tx.find_trash_content(account, &item.id)?;
    let plan = plan_of(item, content.ok_or(Error::Internal)?)?;
    if tx.keep_manifest(repository, &plan.digest)?.is_none() {
        step.restored.manifests += u64::from(store(step, tx, growth, item, &plan)?);
    }
    let live = tx.keep_manifest(repository, &plan.digest)?;
    let live = live.ok_or(Error::Unavailable)?;
    let mut put = Vec::new();
    let tags = tx.list_trash_within(account, &item.id, TAGS)?;
    let is_whole = i64::try_from(tags.len()).is_ok_and(|count| count < TAGS);
    for tag in tags.iter().filter(|one| one.kind == TrashKind::Tag) {
        if tx.take_trash(account, &tag.id)?.is_some() {
            put.extend(put_back(step, tx, tag, &live)?);
        }
    }
    step.left = step.left.saturating_sub(1 + tags.len());
    if is_whole {
        tx.forget_trash(&item.id)?;
    }
    let event = Event::TrashRestored {
        trash: format!("{}@{}", step.place.name, plan.digest),
        repository: Some(step.place.name.clone()),
        digest: Some(plan.digest),
        tags: put,
    };
    step.core.record_by(tx, &event, step.by)?;
    Ok(is_whole)
}

/// Brings back a tag whose manifest is there.
pub(super) fn restore_tag(step: &mut Step<'_>, tx: &mut Tx<'_>, item: &TrashItem) -> Result<()> {
    step.left = step.left.saturating_sub(1);
    if tx.take_trash(step.place.account, &item.id)?.is_none() {
        return Ok(());
    }
    let digest = Digest::parse(&item.digest).map_err(|_| Error::Internal)?;
    let Some(live) = tx.keep_manifest(step.place.repository, &digest)? else {
        // It points at nothing: it stands by itself, until its manifest is restored or pushed again.
        tx.part_trash(&item.id)?;
        return Ok(());
    };
    let Some(tag) = put_back(step, tx, item, &live)? else {
        return Ok(());
    };
    let event = Event::TrashRestored {
        trash: format!("{}:{tag}", step.place.name),
        repository: Some(step.place.name.clone()),
        digest: Some(digest),
        tags: vec![tag],
    };
    step.core.record_by(tx, &event, step.by)
}

/// Points a tag where it pointed, unless there is one of its name that points elsewhere. Answers with it if it did.
fn put_back(
    step: &mut Step<'_>,
    tx: &mut Tx<'_>,
    item: &TrashItem,
    live: &str,
) -> Result<Option<Tag>> {
    let (account, repository) = (step.place.account, step.place.repository);
    let tag = Tag::parse(&item.tag).map_err(|_| Error::Internal)?;
    let whole = format!("{}:{tag}", step.place.name);
    let is_made = tx.create_tag(account, repository, &tag, live, step.core.now_ms())?;
    if !is_made {
        let there = tx.find_artifact(repository, &Reference::Tag(tag.clone()))?;
        if there.is_none_or(|there| there.id != live) {
            tx.part_trash(&item.id)?;
            step.restored.conflicts.push(whole);
            return Ok(None);
        }
    }
    tx.forget_trash(&item.id)?;
    step.restored.tags.push(whole);
    Ok(is_made.then_some(tag))
}

/// Stores a manifest as a push does, but for what it needs: that is what the trash kept for it. Says whether it was not there.
fn store(
    step: &Step<'_>,
    tx: &mut Tx<'_>,
    growth: &mut Growth,
    item: &TrashItem,
    plan: &PushPlan,
) -> Result<bool> {
    let (account, repository) = (step.place.account, step.place.repository);
    let now_ms = step.core.now_ms();
    let manifest = NewManifest {
        id: item.id.clone(),
        digest: plan.digest.clone(),
        media_type: plan.media_type.to_owned(),
        artifact_type: plan.artifact_type.clone(),
        subject: plan.subject.clone(),
        annotations: plan.annotations.clone(),
        content: plan.content.clone(),
    };
    if !tx.create_manifest(&manifest, account, repository, now_ms)? {
        // A push was quicker.
        return Ok(false);
    }
    tx.restore_push_time(&item.id, now_ms)?;
    let into = (repository, item.id.as_str());
    for (storage, digest, size) in tx.list_trash_blobs(&item.id)? {
        tx.put_repository_blob(account, repository, &storage, &digest, now_ms)?;
        growth.reference(tx, account, into, (&storage, &digest, size))?;
    }
    for child in &plan.children {
        tx.create_manifest_child(&item.id, repository, child)?;
    }
    tx.forget_unreferenced_blobs_of(account, &item.id)?;
    Ok(true)
}

/// What a manifest says, as when it was pushed.
fn plan_of(item: &TrashItem, content: String) -> Result<PushPlan> {
    let push = ManifestPush {
        reference: Reference::parse(&item.digest).map_err(|_| Error::Internal)?,
        tags: Vec::new(),
        content_type: item.media_type.clone(),
        content: content.into(),
    };
    PushPlan::make(&push)
}
