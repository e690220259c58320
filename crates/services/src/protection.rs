//! What rules of immutability and locks forbid. Every way of moving or deleting a tag or a manifest asks here, in its own
//! transaction: [`Protection::of`] keeps the namespace's row, which whoever changes rules or locks takes, so either comes after
//! the other.
//!
//! A tag is protected by a rule that selects it, by a lock of itself, or of the manifest that it points at. A manifest is
//! protected by a lock, by any tag of it that is protected, and with whatever it belongs to: an index that names it, the
//! manifest that it is about, by `subject` or by a tag like `sha256-….sig`. Such a tag may still move, so that more signatures
//! can be added. A loose referrer goes with its subject unless it is locked.

mod whole;

use crate::{Error, Result};
use metadata::{Guard, LockKind, Tx};
use model::retention::subject_of_tag;
use model::{AccountId, NamespaceId, RepositoryId, Selector, SelectorText};
use oci::{Digest, RepositoryName, Tag};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
pub(crate) use whole::{ask_namespace, ask_repository};

/// Manifests that a decision looks at; one that belongs to more is not deleted.
const MAX_GUARDS: usize = 1000;
/// Tags that are compared at a time.
const TAGS: i64 = 500;
/// Rules that are kept understood, of all namespaces.
const MAX_UNDERSTOOD: usize = 1024;

/// A rule as it is stored: all of its selectors have to match.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImmutabilitySelectors {
    /// Of repositories, by their names without the namespace.
    pub repositories: Vec<SelectorText>,
    /// Of tags.
    pub tags: Vec<SelectorText>,
}

/// A rule that was understood.
#[derive(Debug)]
struct Understood {
    repositories: Vec<Selector>,
    tags: Vec<Selector>,
}

impl Understood {
    fn read(rule: &str) -> Result<Self> {
        let read = serde_json::from_str::<ImmutabilitySelectors>(rule);
        let read = read.map_err(|_| unreadable(rule))?;
        let all = |texts: Vec<SelectorText>| {
            let parsed = texts.into_iter().map(Selector::parse);
            parsed
                .collect::<Result<Vec<_>, _>>()
                .map_err(|_| unreadable(rule))
        };
        Ok(Self {
            repositories: all(read.repositories)?,
            tags: all(read.tags)?,
        })
    }

    fn selects(&self, tag: &str) -> bool {
        self.tags.iter().all(|selector| selector.selects_tag(tag))
    }
}

fn unreadable(rule: &str) -> Error {
    tracing::error!(rule, "a stored rule of immutability cannot be read");
    Error::Internal
}

/// Understanding an expression takes long beside a push. What a text means never changes, so nothing here goes stale.
fn understand(rule: String) -> Result<Arc<Understood>> {
    static KNOWN: LazyLock<Mutex<HashMap<String, Arc<Understood>>>> = LazyLock::new(Mutex::default);
    let known = || KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(found) = known().get(&rule) {
        return Ok(found.clone());
    }
    let read = Arc::new(Understood::read(&rule)?);
    let mut known = known();
    if known.len() >= MAX_UNDERSTOOD {
        known.clear();
    }
    known.insert(rule, read.clone());
    Ok(read)
}

/// What a tag or manifest is protected against.
#[derive(Clone, Copy, Debug)]
enum Change {
    Update,
    Delete,
}

impl Change {
    fn done(self) -> &'static str {
        match self {
            Self::Update => "updated",
            Self::Delete => "deleted",
        }
    }
}

/// What is forbidden in a repository, until the end of a transaction.
#[derive(Clone, Debug)]
pub(crate) struct Protection {
    repository: Option<RepositoryId>,
    rules: Vec<Arc<Understood>>,
    /// Manifests that decisions took until now.
    looked_at: Arc<AtomicUsize>,
    reads_labels: bool,
}

impl Protection {
    /// What rules and locks forbid in a repository; asked before the transaction takes rows of it.
    pub(crate) fn of(
        tx: &mut Tx<'_>,
        repository: &RepositoryId,
        name: &RepositoryName,
    ) -> Result<Self> {
        let Some(row) = tx.keep_protection(repository)? else {
            return Ok(Self::none());
        };
        let active = if row.is_protected {
            Self::active(tx, &row.namespace_id, repository, name)?
        } else {
            Self::none()
        };
        Ok(Self {
            reads_labels: row.reads_labels,
            ..active
        })
    }

    /// Whether labels of images say when tags end.
    pub(crate) fn reads_labels(&self) -> bool {
        self.reads_labels
    }

    /// Nothing is forbidden: there is no rule and no lock, or an account is destroyed.
    pub(crate) fn none() -> Self {
        Self {
            repository: None,
            rules: Vec::new(),
            looked_at: Arc::default(),
            reads_labels: false,
        }
    }

    /// The same for whoever only shows it.
    pub(crate) fn seen(
        reader: &metadata::Reader<'_>,
        repository: &RepositoryId,
        name: &RepositoryName,
    ) -> Result<Self> {
        match reader.find_protection(repository)? {
            Some(row) if row.is_protected => {
                Self::active(reader, &row.namespace_id, repository, name)
            }
            _ => Ok(Self::none()),
        }
    }

    fn active(
        reader: &metadata::Reader<'_>,
        namespace: &NamespaceId,
        repository: &RepositoryId,
        name: &RepositoryName,
    ) -> Result<Self> {
        let path = name.path().unwrap_or_default();
        let mut rules = Vec::new();
        for row in reader.list_immutability_rules(namespace)? {
            if !row.is_enabled {
                continue;
            }
            let rule = understand(row.rule)?;
            let mut selectors = rule.repositories.iter();
            if selectors.all(|selector| selector.selects_repository(path)) {
                rules.push(rule);
            }
        }
        Ok(Self {
            repository: Some(repository.clone()),
            rules,
            looked_at: Arc::default(),
            reads_labels: false,
        })
    }

    /// Manifests that decisions took until now: rows that wait for the transaction's end.
    pub(crate) fn looked_at(&self) -> usize {
        self.looked_at.load(Ordering::Relaxed)
    }

    /// Whether nothing is forbidden, whatever it is.
    pub(crate) fn is_idle(&self) -> bool {
        self.repository.is_none()
    }

    /// Whether a rule protects tags of that name.
    pub(crate) fn selects(&self, tag: &str) -> bool {
        self.rules.iter().any(|rule| rule.selects(tag))
    }

    /// Whether a tag, which points at a manifest, may not move.
    pub(crate) fn shows(
        &self,
        reader: &metadata::Reader<'_>,
        tag: &str,
        digest: &str,
    ) -> Result<bool> {
        let Some(repository) = &self.repository else {
            return Ok(false);
        };
        Ok(self.selects(tag)
            || reader.is_locked(repository, LockKind::Tag, tag)?
            || reader.is_locked(repository, LockKind::Manifest, digest)?)
    }

    /// Points a tag at a manifest. Says whether that changed anything.
    ///
    /// # Errors
    /// [`Error::Protected`] when it points at another one, and may not move.
    pub(crate) fn put_tag(
        &self,
        tx: &mut Tx<'_>,
        (account, repository): (&AccountId, &RepositoryId),
        tag: &Tag,
        (manifest, digest): (&str, &Digest),
        (now_ms, ends_at_ms): (i64, Option<i64>),
    ) -> Result<bool> {
        if !self.is_idle() {
            // Made first: two pushes of a new tag would each find none.
            if tx.create_tag(account, repository, tag, manifest, now_ms)? {
                if ends_at_ms.is_some() {
                    tx.set_tag_end(repository, tag, ends_at_ms)?;
                }
                return Ok(true);
            }
            let points_at = tx.take_tag(repository, tag)?.ok_or(Error::Unavailable)?;
            if points_at == *digest {
                return Ok(false);
            }
            self.require(tx, tag, &points_at, Change::Update)?;
        }
        let owner = (account, repository);
        Ok(tx.put_tag_until(owner, tag, manifest, (now_ms, ends_at_ms))?)
    }

    /// Asks whether a tag may be deleted; it cannot move until the transaction ends.
    ///
    /// # Errors
    /// [`Error::Protected`].
    pub(crate) fn ask_tag(&self, tx: &mut Tx<'_>, tag: &Tag) -> Result<()> {
        let Some(repository) = &self.repository else {
            return Ok(());
        };
        let Some(points_at) = tx.take_tag(repository, tag)? else {
            return Ok(());
        };
        self.require(tx, tag, &points_at, Change::Delete)?;
        // What holds a signature for clients that know no referrers.
        if let Some(subject) = subject_of_tag(tag.as_str()).and_then(|it| Digest::parse(&it).ok())
            && let Some(why) = self.guarded(tx, &subject)?
        {
            return Err(Error::Protected(format!(
                "the tag {tag} cannot be deleted: it belongs to {subject}, and {why}"
            )));
        }
        Ok(())
    }

    /// Asks whether a manifest may be deleted; nothing can come to protect it until the transaction ends.
    ///
    /// # Errors
    /// [`Error::Protected`].
    pub(crate) fn ask_manifest(&self, tx: &mut Tx<'_>, digest: &Digest) -> Result<()> {
        match self.guarded(tx, digest)? {
            None => Ok(()),
            Some(why) => Err(Error::Protected(format!(
                "the artifact {digest} cannot be deleted: {why}"
            ))),
        }
    }

    fn require(&self, tx: &Tx<'_>, tag: &Tag, points_at: &Digest, change: Change) -> Result<()> {
        let Some(repository) = &self.repository else {
            return Ok(());
        };
        let done = change.done();
        let why = if self.selects(tag.as_str()) {
            format!("the tag {tag} configured as immutable, cannot be {done}")
        } else if tx.is_locked(repository, LockKind::Tag, tag.as_str())? {
            format!("the tag {tag} is locked, cannot be {done}")
        } else if tx.is_locked(repository, LockKind::Manifest, points_at.as_str())? {
            format!("the artifact {points_at} is locked, so its tag {tag} cannot be {done}")
        } else {
            return Ok(());
        };
        Err(Error::Protected(why))
    }

    /// Why a manifest is protected; `None` when it is not.
    fn guarded(&self, tx: &mut Tx<'_>, digest: &Digest) -> Result<Option<String>> {
        let Some(repository) = &self.repository else {
            return Ok(None);
        };
        let mut known = BTreeSet::from([digest.clone()]);
        let mut open = vec![digest.clone()];
        while let Some(next) = open.pop() {
            self.looked_at.fetch_add(1, Ordering::Relaxed);
            let Some(guard) = tx.take_guard(repository, &next)? else {
                continue;
            };
            let mut above = Vec::new();
            if let Some(why) = self.keeps(tx, repository, &guard, &mut above)? {
                return Ok(Some(why));
            }
            let limit = i64::try_from(MAX_GUARDS).unwrap_or(i64::MAX);
            let indexes = tx.list_indexes_of(repository, &next, limit)?;
            above.extend(indexes.into_iter().map(|index| index.digest));
            above.extend(guard.subject);
            open.extend(above.into_iter().filter(|one| known.insert(one.clone())));
            if known.len() >= MAX_GUARDS {
                let why = format!(
                    "it belongs to {MAX_GUARDS} other artifacts or more; delete those that nothing protects first"
                );
                return Ok(Some(why));
            }
        }
        Ok(None)
    }

    /// Why a manifest by itself is protected. What its tags say it is about comes into `above`.
    fn keeps(
        &self,
        tx: &Tx<'_>,
        repository: &RepositoryId,
        guard: &Guard,
        above: &mut Vec<Digest>,
    ) -> Result<Option<String>> {
        if tx.is_locked(repository, LockKind::Manifest, guard.digest.as_str())? {
            return Ok(Some(format!("the artifact {} is locked", guard.digest)));
        }
        if let Some(tag) = tx.find_locked_tag(&guard.id)? {
            return Ok(Some(format!("the tag {tag} is locked")));
        }
        let mut after = String::new();
        loop {
            let tags = tx.list_tag_names_of(&guard.id, &after, TAGS)?;
            for tag in &tags {
                if self.selects(tag) {
                    let why = format!("the tag {tag} configured as immutable, cannot be deleted");
                    return Ok(Some(why));
                }
                let subject = subject_of_tag(tag).and_then(|it| Digest::parse(&it).ok());
                above.extend(subject.filter(|_| above.len() < MAX_GUARDS));
            }
            match tags.into_iter().next_back() {
                Some(last) if last > after => after = last,
                _ => return Ok(None),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_understood_once_and_all_its_selectors_have_to_match() {
        let rule = r#"{"repositories":[{"kind":"doublestar","decoration":"repoMatches","pattern":"team/**"}],
            "tags":[{"kind":"doublestar","decoration":"matches","pattern":"v*"},
                    {"kind":"doublestar","decoration":"excludes","pattern":"*-rc*"}]}"#;
        let first = understand(rule.to_owned()).unwrap();
        assert!(Arc::ptr_eq(&first, &understand(rule.to_owned()).unwrap()));
        let selected = ["v1", "v1-rc1", "latest"].map(|tag| first.selects(tag));
        assert_eq!(selected, [true, false, false]);
        assert!(understand("{}".to_owned()).is_err());
    }
}
