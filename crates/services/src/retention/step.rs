//! One transaction of a run: it removes some artifacts that were planned to go, after another look at each.
//!
//! What came between plan and removal spares an artifact: another tag, a push, a label, an index that names it, a subject, a
//! rule of immutability, a lock.

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
/// Manifests that it removes at most.
const MOST: usize = 200;
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
    let (caller, origin) = (itself(), Origin::default());
    let account = &at.run.account_id;
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
    let (mut next, mut removed, mut lines) = (from.next, 0, String::new());
    let mut is_begun = from.is_begun;
    let end = from.next + if from.is_alone { 1 } else { LOOKED_AT };
    while let Some(going) = at
        .going
        .get(next)
        .filter(|_| removed < REMOVED && next < end)
    {
        match look(tx, at, going, (&protection, is_begun))? {
            Look::Gone => {}
            Look::Stays(why) => line(&mut lines, "kept", going, why),
            Look::Goes => {
                let gone = remove(core, tx, &removal, going, &mut freed)?;
                removed += gone.0;
                is_begun = !gone.1;
                if is_begun {
                    break;
                }
                line(&mut lines, "removed", going, &going.why);
            }
        }
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
        is_alone: false,
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
    let is_known = |tag: &metadata::TagRow| planned.tags.binary_search(&tag.name).is_ok();
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

/// Removes an artifact after what is about it and has nothing else to stay for. Says how many went, and whether it did.
fn remove(
    core: &Core,
    tx: &mut Tx<'_>,
    removal: &Removal<'_>,
    going: &Going,
    freed: &mut Freed,
) -> Result<(usize, bool)> {
    let repository = removal.repository.0;
    let mut path = vec![going.digest.clone()];
    let mut removed = 0;
    while let Some(last) = path.last() {
        if let Some(referrer) = tx.take_loose_referrer(repository, last)? {
            path.push(referrer);
            continue;
        }
        if removed == MOST || untag_some(core, tx, removal, last)?.is_none() {
            return Ok((removed, false));
        }
        if !remove_one(core, tx, removal, last, freed)? {
            return Err(Error::Unavailable);
        }
        removed += 1;
        path.pop();
    }
    Ok((removed, true))
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
