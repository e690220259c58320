//! What a plan stands on: an artifact goes because a rule that counts picks others, so those have to be there when it goes.

use super::Retention;
use super::load::{Loaded, artifact, load};
use super::pull_times::known;
use super::step::{At, Going, reason};
use crate::{Error, Result};
use metadata::{RetentionRunRow, Tx};
use model::RepositoryId;
use model::retention::{Artifact, Rules, Times, subject_of_tag};
use oci::{Digest, RepositoryName};
use std::collections::BTreeMap;

/// Artifacts of one repository that rules count and that are looked at in each step. Where there are more, nothing goes.
pub(super) const MAX_WATCHED: usize = 5_000;
/// Those that are asked for at a time.
const ASKED: usize = 200;
/// Tags and labels of those, all together; with more, the plan is made anew.
const PARTS: i64 = 100_000;

/// An artifact that rules pick by counting.
#[derive(Clone, Debug)]
pub(crate) struct Watched {
    artifact: Artifact,
    /// The rules, by their places.
    rules: Vec<usize>,
}

/// What is to become of a repository.
pub(crate) struct Planned {
    pub(crate) total: usize,
    /// What goes, in order.
    pub(crate) going: Vec<Going>,
    /// What has to be there for that.
    pub(crate) watched: Vec<Watched>,
    pub(crate) pulls_since_ms: i64,
}

impl Retention {
    /// Plans a repository. A text says why no rule is followed in it.
    pub(super) async fn plan(
        &self,
        (run, rules): (&RetentionRunRow, &Rules),
        (id, name): &(RepositoryId, RepositoryName),
    ) -> Result<Result<Planned, String>> {
        let most = self.most_manifests;
        let of = (&run.account_id, &run.namespace_id);
        let pulls_since_ms = match known(&self.core, of, rules).await? {
            Ok(since_ms) => since_ms,
            Err(unknown) => return Ok(Err(format!("{name}: {}\n", unknown.text()))),
        };
        let Loaded::All(artifacts) =
            load(&self.core, (id, name), rules.ask_for_labels(), most).await?
        else {
            return Ok(Err(format!(
                "{name} has more than {most} manifests, or too many tags: no rule is followed in it\n"
            )));
        };
        let times = Times {
            now_ms: self.core.now_ms(),
            pulls_since_ms,
        };
        let plan = planned(rules, name, &artifacts, times)?;
        if plan.watched.len() > self.most_watched {
            return Ok(Err(format!(
                "rules count more than {} artifacts of {name}, which cannot be watched while others go: no rule is \
                 followed in it; go by days instead\n",
                self.most_watched
            )));
        }
        Ok(Ok(plan))
    }
}

/// What goes from a repository, in order, with why, and what has to be there for that.
pub(crate) fn planned(
    rules: &Rules,
    repository: &RepositoryName,
    artifacts: &[Artifact],
    times: Times,
) -> Result<Planned> {
    let name = repository.as_str();
    let short = name.split_once('/').map_or(name, |(_, short)| short);
    let plan = rules.plan(short, artifacts, times);
    let mut watched: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for counted in plan.counted.iter().filter(|_| !plan.going.is_empty()) {
        for at in &counted.picks {
            watched.entry(*at).or_default().push(counted.rule);
        }
    }
    let going = plan.going.iter().map(|at| {
        let artifact = artifacts[*at].clone();
        Ok(Going {
            digest: Digest::parse(&artifact.digest).map_err(|_| Error::Internal)?,
            why: reason(plan.decisions[*at], artifacts),
            artifact,
        })
    });
    Ok(Planned {
        total: artifacts.len(),
        going: going.collect::<Result<_>>()?,
        watched: watched
            .into_iter()
            .map(|(at, rules)| Watched {
                artifact: artifacts[at].clone(),
                rules,
            })
            .collect(),
        pulls_since_ms: times.pulls_since_ms,
    })
}

/// Whether all that rules count is as it was planned with, or newer. What goes after this, in the same transaction, is no more
/// picked by a rule than it was in the plan: so many that come before it are there.
pub(super) fn is_all_there(tx: &Tx<'_>, at: &At) -> Result<bool> {
    for some in at.watched.chunks(ASKED) {
        if !are_there(tx, at, some)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn are_there(tx: &Tx<'_>, at: &At, watched: &[Watched]) -> Result<bool> {
    let digests: Vec<&str> = watched
        .iter()
        .map(|one| one.artifact.digest.as_str())
        .collect();
    let rows = tx.list_retention_manifests_of(&at.repository.0, &digests)?;
    let ids: Vec<&str> = rows.iter().map(|row| row.id.as_str()).collect();
    let mut found: BTreeMap<&str, Artifact> = rows
        .iter()
        .map(|row| (row.id.as_str(), artifact(row)))
        .collect();
    let tags = tx.list_tags_of(&ids, PARTS)?;
    let labels = if at.rules.ask_for_labels() {
        tx.list_labels_of(&ids, PARTS)?
    } else {
        Vec::new()
    };
    if [tags.len(), labels.len()].contains(&usize::try_from(PARTS).unwrap_or(usize::MAX)) {
        return Ok(false);
    }
    for tag in tags {
        if let Some(artifact) = found.get_mut(tag.manifest_id.as_str()) {
            artifact.tags.push(tag.name);
        }
    }
    for (manifest, label) in labels {
        if let Some(artifact) = found.get_mut(manifest.as_str()) {
            artifact.labels.push(label.name);
        }
    }
    let found: BTreeMap<&str, &Artifact> = found
        .values()
        .map(|artifact| (artifact.digest.as_str(), artifact))
        .collect();
    for one in watched {
        let Some(now) = found.get(one.artifact.digest.as_str()) else {
            return Ok(false);
        };
        if !one.is_like(now, &at.rules) || !is_on_its_own(tx, &at.repository.0, now)? {
            return Ok(false);
        }
    }
    Ok(true)
}

impl Watched {
    /// Whether the rules that picked it are about it as it is now, and it is no older.
    fn is_like(&self, now: &Artifact, rules: &Rules) -> bool {
        now.pushed_at_ms >= self.artifact.pushed_at_ms
            && now.pulled_at_ms >= self.artifact.pulled_at_ms
            && self
                .rules
                .iter()
                .all(|rule| rules.is_still_about(*rule, now))
    }
}

/// Whether rules say something of an artifact by itself: it has a tag of its own, or nothing holds it.
fn is_on_its_own(tx: &Tx<'_>, repository: &RepositoryId, one: &Artifact) -> Result<bool> {
    let is_there = |digest: &str| match Digest::parse(digest) {
        Ok(digest) => Ok::<_, Error>(tx.find_manifest_id(repository, &digest)?.is_some()),
        Err(_) => Ok(false),
    };
    for tag in &one.tags {
        match subject_of_tag(tag).filter(|subject| *subject != one.digest) {
            Some(subject) if is_there(&subject)? => {}
            _ => return Ok(true),
        }
    }
    if !one.tags.is_empty() {
        return Ok(false);
    }
    let digest = Digest::parse(&one.digest).map_err(|_| Error::Internal)?;
    if tx.is_in_index(repository, &digest)? {
        return Ok(false);
    }
    match one.subject.as_ref().filter(|it| **it != one.digest) {
        Some(subject) => Ok(!is_there(subject)?),
        None => Ok(true),
    }
}
