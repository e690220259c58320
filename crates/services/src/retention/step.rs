//! One transaction of a run: it removes some artifacts that were planned to go, after another look at each.
//!
//! What came between plan and removal spares an artifact: another tag, a push, a label, an index that names it, a subject, a
//! rule of immutability, a lock.

use super::pull_times::known_since;
use super::watch::{Watched, is_all_there};
use crate::core::Core;
use crate::growth::Freed;
use crate::protection::Protection;
use crate::removal::{Keep, Removal, remove_one, untag_some};
use crate::{Error, Result};
use metadata::{RetentionRunRow, RetentionTaskRow, Tx};
use model::caller::{CallerKind, CredentialKind, Origin};
use model::retention::{Artifact, Rules, Why, subject_of_tag};
use model::{Caller, RepositoryId, UserId};
use oci::{Digest, RepositoryName};
use std::fmt::Write;
use std::sync::Arc;

/// Artifacts that one transaction removes, more or less: what is about them goes along.
const REMOVED: usize = 20;
/// Rows that it takes: manifests that go, their tags, and what is asked whether it protects them. More only for one that has
/// more by itself.
const ROWS: usize = 200;
/// How long it works where one writer serves all, in milliseconds: pushes wait for it.
const WORKED_MS: i64 = 4;
/// Artifacts that it looks at.
const LOOKED_AT: usize = 100;
/// Tags of one manifest that are compared; one with more is spared.
const TAGS: usize = 10_000;

const PROTECTED: &str = "it is immutable or locked, or something about it is";

/// An artifact that is planned to go.
#[derive(Clone, Debug)]
pub(crate) struct Going {
    pub(super) artifact: Artifact,
    pub(super) digest: Digest,
    /// Why, for the log.
    pub(super) why: String,
}

/// The repository that a run is at.
#[derive(Clone)]
pub(crate) struct At {
    pub(crate) run: Arc<RetentionRunRow>,
    pub(crate) rules: Arc<Rules>,
    pub(crate) repository: (RepositoryId, RepositoryName),
    pub(crate) task: Arc<RetentionTaskRow>,
    /// The repository that was done before this one.
    pub(crate) before: Arc<str>,
    pub(crate) going: Arc<Vec<Going>>,
    /// What rules count.
    pub(crate) watched: Arc<Vec<Watched>>,
    /// Since when it was known when things were pulled, 0 for always.
    pub(crate) pulls_since_ms: i64,
}

/// How far a run is in a repository.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Place {
    /// The next of those that go.
    pub(crate) next: usize,
    /// Whether some of its tags, or of what is about it, went already.
    pub(super) is_begun: bool,
    /// Whether it is looked at by itself: with others it could not go.
    pub(crate) is_alone: bool,
    /// Whether something that rules count has gone or changed: the rest is to be planned anew.
    pub(crate) is_stale: bool,
}

/// What a second look at an artifact says.
enum Look {
    /// It goes.
    Goes,
    /// It is not there any more.
    Gone,
    /// It stays; why.
    Stays(&'static str),
}

/// Who removes: nobody who could log in.
fn itself() -> Caller {
    Caller {
        kind: CallerKind::User {
            id: UserId::new("retention"),
            name: "retention".to_owned(),
        },
        credential: CredentialKind::None,
        home_account: None,
    }
}

/// Removes some of what goes, from a place on. Answers with the place to go on from, or `None` when the run may not go on.
///
/// # Errors
/// [`Error::Protected`] when something about an artifact must not go; then it is asked for alone.
pub(crate) fn take(core: &Core, tx: &mut Tx<'_>, at: &At, from: Place) -> Result<Option<Place>> {
    if !tx.keep_retention_run(&at.run.id, &at.before)? {
        return Ok(None);
    }
    let account = &at.run.account_id;
    let of = (account, &at.run.namespace_id);
    match known_since(tx, of, &at.rules, core.now_ms())? {
        Ok(since_ms) if since_ms <= at.pulls_since_ms => {}
        _ => return Ok(None),
    }
    if !is_all_there(tx, at)? {
        return Ok(Some(Place {
            is_stale: true,
            ..from
        }));
    }
    let (caller, origin) = (itself(), Origin::default());
    let (repository, name) = &at.repository;
    let protection = Protection::of(tx, repository, name)?;
    let removal = Removal {
        account,
        repository: (repository, name),
        by: (&caller, &origin),
        trash: Keep::of(core, tx, account)?,
        protection: &protection,
        is_whole: false,
        is_told: true,
    };
    let mut freed = Freed::of(tx, repository)?;
    let (mut next, mut removed, mut rows, mut lines) = (from.next, 0, 0, String::new());
    let mut is_begun = from.is_begun;
    let end = from.next + if from.is_alone { 1 } else { LOOKED_AT };
    // What was counted was looked at before: it must not be looked at again for each single artifact.
    let removing_from_ms = core.now_ms();
    let is_late = || !core.metadata.is_shared() && core.now_ms() - removing_from_ms >= WORKED_MS;
    while let Some(going) = at.going.get(next).filter(|_| {
        removed < REMOVED && rows < ROWS && next < end && (next == from.next || !is_late())
    }) {
        match look(tx, at, going, (&protection, is_begun))? {
            Look::Gone => {}
            Look::Stays(why) => line(&mut lines, "kept", going, why),
            Look::Goes => {
                let gone = remove(core, tx, &removal, going, (&mut freed, rows))?;
                removed += gone.removed;
                rows = gone.rows;
                if !gone.is_whole {
                    is_begun |= gone.is_begun;
                    break;
                }
                line(&mut lines, "removed", going, &going.why);
            }
        }
        rows = rows.max(protection.looked_at());
        is_begun = false;
        next += 1;
    }
    let count = i64::try_from(removed).unwrap_or(i64::MAX);
    let id = core.ids.next_id();
    tx.note_retention_step((account, &at.task.id), count, (&id, &lines))?;
    if removed > 0 || is_begun {
        tx.touch_repository(name);
        freed.settle(tx, account)?;
        removal.finish(tx)?;
    }
    Ok(Some(Place {
        next,
        is_begun,
        ..Place::default()
    }))
}

/// Leaves an artifact where it is, because something about it must not go.
pub(super) fn spare(core: &Core, tx: &mut Tx<'_>, at: &At, from: Place) -> Result<Option<Place>> {
    if !tx.keep_retention_run(&at.run.id, &at.before)? {
        return Ok(None);
    }
    let mut lines = String::new();
    if let Some(going) = at.going.get(from.next) {
        line(&mut lines, "kept", going, PROTECTED);
    }
    let id = core.ids.next_id();
    tx.note_retention_step((&at.run.account_id, &at.task.id), 0, (&id, &lines))?;
    Ok(Some(Place {
        next: from.next + 1,
        ..Place::default()
    }))
}

/// A line of a task's log.
pub(super) fn line(lines: &mut String, word: &str, going: &Going, why: &str) {
    let tags = going.artifact.tags.iter().take(10).map(String::as_str);
    let tags: Vec<&str> = tags.collect();
    let more = if going.artifact.tags.len() > 10 {
        ", …"
    } else {
        ""
    };
    let tags = match tags.as_slice() {
        [] => "untagged".to_owned(),
        tags => format!("{}{more}", tags.join(", ")),
    };
    // Writing into a text does not fail.
    let _ = writeln!(lines, "{word} {} ({tags}): {why}", going.digest);
}

/// Looks at an artifact again, and keeps it as it is until the transaction ends.
fn look(
    tx: &mut Tx<'_>,
    at: &At,
    going: &Going,
    (protection, is_begun): (&Protection, bool),
) -> Result<Look> {
    let repository = &at.repository.0;
    let planned = &going.artifact;
    let Some(found) = tx.take_retention_manifest(repository, &going.digest)? else {
        return Ok(match tx.find_manifest_id(repository, &going.digest)? {
            Some(_) => Look::Stays("it is being pushed, tagged or deleted"),
            None => Look::Gone,
        });
    };
    match protection.ask_manifest(tx, &going.digest) {
        Err(Error::Protected(_)) => {
            return Ok(Look::Stays(PROTECTED));
        }
        asked => asked?,
    }
    if found.pushed_at_ms != planned.pushed_at_ms {
        return Ok(Look::Stays("it was pushed again"));
    }
    if at.rules.ask_for_pulls() && found.pulled_at_ms != planned.pulled_at_ms {
        return Ok(Look::Stays("it was pulled again"));
    }
    let limit = i64::try_from(TAGS).unwrap_or(i64::MAX);
    let tags = tx.list_tags_of(&[&found.id], limit)?;
    if tags.len() >= TAGS {
        return Ok(Look::Stays("it has too many tags"));
    }
    let is_known = |tag: &metadata::TagRow| {
        let place = planned.tags.binary_search(&tag.name);
        // A tag that was deleted and made again says that somebody wants it.
        place.is_ok_and(|at| planned.tagged_at_ms.get(at) == Some(&tag.updated_at_ms))
    };
    if !tags.iter().all(is_known) || (!is_begun && tags.len() != planned.tags.len()) {
        return Ok(Look::Stays("its tags have changed"));
    }
    if at.rules.ask_for_labels() {
        let labels = tx.list_labels_of(&[&found.id], limit)?;
        if !labels
            .iter()
            .map(|(_, label)| &label.name)
            .eq(&planned.labels)
        {
            return Ok(Look::Stays("its labels have changed"));
        }
    }
    if tx.is_in_index(repository, &going.digest)? {
        return Ok(Look::Stays("an index holds it"));
    }
    let by_tag = planned.tags.iter().filter_map(|tag| subject_of_tag(tag));
    for subject in found.subject.into_iter().chain(by_tag) {
        let subject = Digest::parse(&subject)
            .ok()
            .filter(|it| *it != going.digest);
        if let Some(subject) = subject
            && tx.find_manifest_id(repository, &subject)?.is_some()
        {
            return Ok(Look::Stays("the artifact that it is about is there"));
        }
    }
    Ok(Look::Goes)
}

/// What a removal came to.
struct Gone {
    /// Manifests that went.
    removed: usize,
    /// Rows that the transaction took until now.
    rows: usize,
    /// Whether something of it went.
    is_begun: bool,
    /// Whether all of it did.
    is_whole: bool,
}

/// Removes an artifact after what is about it and has nothing else to stay for, when the transaction, which took some rows
/// already, has room for it.
fn remove(
    core: &Core,
    tx: &mut Tx<'_>,
    removal: &Removal<'_>,
    going: &Going,
    (freed, taken): (&mut Freed, usize),
) -> Result<Gone> {
    let repository = removal.repository.0;
    let mut path = vec![going.digest.clone()];
    let mut gone = Gone {
        removed: 0,
        rows: taken,
        is_begun: false,
        is_whole: false,
    };
    while let Some(last) = path.last() {
        if let Some(referrer) = tx.take_loose_referrer(repository, last)? {
            path.push(referrer);
            continue;
        }
        if gone.rows >= ROWS {
            return Ok(gone);
        }
        let Some(tags) = untag_some(core, tx, removal, last)? else {
            gone.is_begun = true;
            gone.rows = ROWS;
            return Ok(gone);
        };
        if gone.rows > 0 && gone.rows + 1 + tags > ROWS {
            gone.rows = ROWS;
            return Ok(gone);
        }
        if !remove_one(core, tx, removal, last, freed)? {
            return Err(Error::Unavailable);
        }
        gone.removed += 1;
        gone.rows += 1 + tags;
        gone.is_begun = true;
        path.pop();
    }
    gone.is_whole = true;
    Ok(gone)
}

/// Why something stays or goes, for people.
pub(super) fn reason(why: Why, digests: &[Artifact]) -> String {
    let other = |at: usize| digests.get(at).map_or("another", |one| one.digest.as_str());
    match why {
        Why::KeptByRule(rule) => format!("rule {rule} keeps it"),
        Why::Protected => PROTECTED.to_owned(),
        Why::HeldBy(holder) => format!("{} holds it, and stays", other(holder)),
        Why::Young => "it has no tag, and was pushed within the last hour".to_owned(),
        Why::NoRule => "no rule is about it".to_owned(),
        Why::Circle => "it is held in a circle".to_owned(),
        Why::NotRetained => "no rule retains it".to_owned(),
        Why::RemovedByRule(rule) => format!("rule {rule} removes it"),
        Why::GoesWith(holder) => format!("it goes with {}", other(holder)),
    }
}
