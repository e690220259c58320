//! One transaction of a run: it removes some artifacts that were planned to go, after another look at each.
//!
//! What came between plan and removal spares an artifact: another tag, a push, a label, an index that names it, a subject, a
//! rule of immutability, a lock.

use super::look::{Look, look_at};
use super::pull_times::known_since;
use super::watch::{Watched, is_all_there};
use crate::core::Core;
use crate::growth::Freed;
use crate::protection::Protection;
use crate::removal::{Keep, Removal, remove_many, remove_one, untag_some};
use crate::{Error, Result};
use metadata::{RetentionRunRow, RetentionTaskRow, Tx};
use model::caller::{CallerKind, CredentialKind, Origin};
use model::retention::{Artifact, Rules, Why};
use model::{Caller, RepositoryId, UserId};
use oci::{Digest, RepositoryName};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Artifacts that one transaction looks at and removes, where others write at the same time.
const REMOVED: usize = 40;
/// The same at first, where one writer serves all; then as many as it can in [`WORKED`].
const REMOVED_ALONE: usize = 8;
/// Rows that it takes: manifests that go, their tags, and what is asked whether it protects them. More only for one that has
/// more by itself.
const ROWS: usize = 200;
/// How long it works where one writer serves all: pushes wait for it.
const WORKED: Duration = Duration::from_millis(3);
/// Tags of a manifest that goes together with others.
const TAGS_TOGETHER: usize = 50;

/// Why something stays that rules of immutability or locks protect.
pub(super) const PROTECTED: &str = "it is immutable or locked, or something about it is";

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
    /// Artifacts that a step takes, 0 before the first.
    pub(super) at_once: usize,
    /// How long the last step worked.
    pub(super) worked: Duration,
}

impl Place {
    /// Artifacts that the next step takes.
    fn at_once(self, core: &Core) -> usize {
        match self.at_once {
            _ if self.is_alone || self.is_begun => 1,
            _ if core.metadata.is_shared() => REMOVED,
            0 => REMOVED_ALONE,
            known => known,
        }
    }

    /// The place after a step that took so many artifacts, and so long.
    fn after(step: &Step, (taken, worked): (usize, Duration)) -> Self {
        let at_once = if worked > WORKED {
            (taken / 2).max(1)
        } else if worked * 2 < WORKED {
            (taken + 2).min(REMOVED)
        } else {
            taken
        };
        Self {
            next: step.next,
            is_begun: step.is_begun,
            is_alone: false,
            is_stale: false,
            at_once,
            worked,
        }
    }
}

/// What a step came to until now.
struct Step {
    next: usize,
    removed: usize,
    rows: usize,
    /// Whether some of the next one went.
    is_begun: bool,
    lines: String,
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
    // What rules count was looked at before: it must not be looked at again for each single artifact.
    let begun = Instant::now();
    let taken = from.at_once(core);
    let end = at.going.len().min(from.next + taken);
    let Some(some) = at.going.get(from.next..end) else {
        return Ok(None);
    };
    let mut step = Step {
        next: from.next,
        removed: 0,
        rows: 0,
        is_begun: false,
        lines: String::new(),
    };
    take_some(
        core,
        tx,
        (at, some, from.is_begun),
        &removal,
        (&mut step, &mut freed),
    )?;
    let count = i64::try_from(step.removed).unwrap_or(i64::MAX);
    let id = core.ids.next_id();
    tx.note_retention_step((account, &at.task.id), count, (&id, &step.lines))?;
    if step.removed > 0 || step.is_begun {
        tx.touch_repository(name);
        freed.settle(tx, account)?;
        removal.finish(tx)?;
    }
    Ok(Some(Place::after(&step, (taken, begun.elapsed()))))
}

/// Removes those of some artifacts that may still go: together, where they have nothing but tags of their own.
fn take_some(
    core: &Core,
    tx: &mut Tx<'_>,
    (at, some, is_begun): (&At, &[Going], bool),
    removal: &Removal<'_>,
    (step, freed): (&mut Step, &mut Freed),
) -> Result<()> {
    let begun = Instant::now();
    let is_late = || !core.metadata.is_shared() && begun.elapsed() >= WORKED;
    let mut together = BTreeMap::new();
    let looks = look_at(tx, at, some, (removal.protection, is_begun))?;
    for (going, look) in some.iter().zip(looks) {
        let mut look = look;
        if matches!(look, Look::Held(_)) && step.removed > 0 {
            // What it waits for may have gone in this very step.
            remove_many(core, tx, removal, &std::mem::take(&mut together), freed)?;
            let again = look_at(
                tx,
                at,
                std::slice::from_ref(going),
                (removal.protection, false),
            )?;
            look = again.into_iter().next().unwrap_or(Look::Gone);
        }
        match look {
            Look::Gone => {}
            Look::Stays(why) | Look::Held(why) => line(&mut step.lines, "kept", going, why),
            Look::Goes(found) if !found.has_referrers && found.tags <= TAGS_TOGETHER => {
                if step.rows > 0 && step.rows + 1 + found.tags > ROWS {
                    break;
                }
                together.insert(found.id, &going.digest);
                step.removed += 1;
                step.rows += 1 + found.tags;
                line(&mut step.lines, "removed", going, &going.why);
            }
            Look::Goes(_) => {
                if step.rows >= ROWS || (step.removed > 0 && is_late()) {
                    break;
                }
                remove_many(core, tx, removal, &std::mem::take(&mut together), freed)?;
                let gone = remove(core, tx, removal, going, (freed, step.rows))?;
                step.removed += gone.removed;
                step.rows = gone.rows;
                if !gone.is_whole {
                    step.is_begun = gone.is_begun;
                    break;
                }
                line(&mut step.lines, "removed", going, &going.why);
            }
        }
        step.rows = step.rows.max(removal.protection.looked_at());
        step.next += 1;
    }
    remove_many(core, tx, removal, &together, freed)
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
