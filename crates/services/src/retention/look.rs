//! A second look at artifacts that were planned to go: what came between plan and removal spares them.

use super::step::{At, Going, PROTECTED};
use crate::protection::Protection;
use crate::{Error, Result};
use metadata::{Held, RetentionManifest, TagRow, Tx};
use model::retention::{Artifact, subject_of_tag};
use std::collections::BTreeMap;

/// Tags of the artifacts that are looked at together; one that has so many by itself is spared.
const TAGS: usize = 10_000;

/// What a second look at an artifact says.
pub(super) enum Look {
    /// It goes.
    Goes(Found),
    /// It is not there any more.
    Gone,
    /// It stays; why.
    Stays(&'static str),
    /// It stays for as long as something else does; why.
    Held(&'static str),
}

/// An artifact that nobody tags, names in an index or pushes again until the transaction ends.
pub(super) struct Found {
    pub(super) id: String,
    /// How many tags it has.
    pub(super) tags: usize,
    /// Whether some manifest is about it.
    pub(super) has_referrers: bool,
}

/// What the database says of some artifacts.
struct Facts {
    /// By digest.
    manifests: BTreeMap<String, RetentionManifest>,
    /// By the manifest's id.
    tags: BTreeMap<String, Vec<TagRow>>,
    labels: BTreeMap<String, Vec<String>>,
    held: BTreeMap<String, Held>,
}

/// Looks at artifacts again, at least at the first, and keeps them as they are until the transaction ends. `is_begun` when some
/// tags of the first went already.
///
/// # Errors
/// [`Error::Protected`] never: what is protected stays.
pub(super) fn look_at(
    tx: &mut Tx<'_>,
    at: &At,
    some: &[Going],
    (protection, is_begun): (&Protection, bool),
) -> Result<Vec<Look>> {
    let facts = match facts(tx, at, some)? {
        Some(facts) => facts,
        None if some.len() > 1 => {
            return look_at(tx, at, &some[..1], (protection, is_begun));
        }
        None => return Ok(vec![Look::Stays("it has too many tags")]),
    };
    let looks = some.iter().map(|going| {
        let look = look(&facts, at, going, is_begun);
        if !matches!(look, Look::Goes(_)) {
            return Ok(look);
        }
        match protection.ask_manifest(tx, &going.digest) {
            Err(Error::Protected(_)) => Ok(Look::Stays(PROTECTED)),
            asked => asked.map(|()| look),
        }
    });
    looks.collect()
}

/// `None` when they have too many tags or labels.
fn facts(tx: &mut Tx<'_>, at: &At, some: &[Going]) -> Result<Option<Facts>> {
    let repository = &at.repository.0;
    let limit = i64::try_from(TAGS).unwrap_or(i64::MAX);
    let mut digests: Vec<&str> = some.iter().map(|going| going.digest.as_str()).collect();
    let rows = tx.take_retention_manifests(repository, &digests)?;
    let ids: Vec<&str> = rows.iter().map(|row| row.id.as_str()).collect();
    let tag_rows = tx.list_tags_of(&ids, limit)?;
    let label_rows = if at.rules.ask_for_labels() {
        tx.list_labels_of(&ids, limit)?
    } else {
        Vec::new()
    };
    if tag_rows.len() >= TAGS || label_rows.len() >= TAGS {
        return Ok(None);
    }
    let subjects: Vec<String> = some
        .iter()
        .flat_map(|going| going.artifact.tags.iter())
        .filter_map(|tag| subject_of_tag(tag))
        .collect();
    digests.extend(rows.iter().filter_map(|row| row.subject.as_deref()));
    digests.extend(subjects.iter().map(String::as_str));
    digests.sort_unstable();
    digests.dedup();
    let held = tx.list_held(repository, &digests)?;
    let mut tags: BTreeMap<String, Vec<TagRow>> = BTreeMap::new();
    for tag in tag_rows {
        tags.entry(tag.manifest_id.clone()).or_default().push(tag);
    }
    let mut labels: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (manifest, label) in label_rows {
        labels.entry(manifest).or_default().push(label.name);
    }
    let manifests = rows
        .into_iter()
        .map(|row| (row.digest.as_str().to_owned(), row));
    Ok(Some(Facts {
        manifests: manifests.collect(),
        tags,
        labels,
        held,
    }))
}

fn look(facts: &Facts, at: &At, going: &Going, is_begun: bool) -> Look {
    let planned = &going.artifact;
    let held = |digest: &str| facts.held.get(digest).cloned().unwrap_or_default();
    let own = held(going.digest.as_str());
    let Some(found) = facts.manifests.get(going.digest.as_str()) else {
        return if own.is_there {
            Look::Stays("it is being pushed, tagged or deleted")
        } else {
            Look::Gone
        };
    };
    if found.restored_at_ms != planned.restored_at_ms {
        return Look::Stays("it came back from the trash");
    }
    if found.pushed_at_ms != planned.pushed_at_ms {
        return Look::Stays("it was pushed again");
    }
    if at.rules.ask_for_pulls() && found.pulled_at_ms != planned.pulled_at_ms {
        return Look::Stays("it was pulled again");
    }
    let none = Vec::new();
    let tags = facts.tags.get(&found.id).unwrap_or(&none);
    if !tags.iter().all(|tag| is_known(planned, tag))
        || (!is_begun && tags.len() != planned.tags.len())
    {
        return Look::Stays("its tags have changed");
    }
    if at.rules.ask_for_labels() {
        let none = Vec::new();
        if *facts.labels.get(&found.id).unwrap_or(&none) != planned.labels {
            return Look::Stays("its labels have changed");
        }
    }
    if own.is_in_index {
        return Look::Held("an index holds it");
    }
    let by_tag = planned.tags.iter().filter_map(|tag| subject_of_tag(tag));
    let mut subjects = found.subject.clone().into_iter().chain(by_tag);
    if subjects.any(|subject| subject != going.digest.as_str() && held(&subject).is_there) {
        return Look::Held("the artifact that it is about is there");
    }
    Look::Goes(Found {
        id: found.id.clone(),
        tags: tags.len(),
        has_referrers: own.has_referrers,
    })
}

/// Whether a tag is as it was planned with. One that was deleted and made again says that somebody wants it.
pub(crate) fn is_known(planned: &Artifact, tag: &TagRow) -> bool {
    let place = planned.tags.binary_search(&tag.name);
    place.is_ok_and(|at| planned.tagged_at_ms.get(at) == Some(&tag.updated_at_ms))
}
