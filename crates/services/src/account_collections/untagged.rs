//! Manifests without a tag, repository by repository: each planned whole, by the same rules as retention has for what holds
//! what, and removed from in small transactions, after another look at each manifest.

use super::AccountCollections;
use super::removing::{At, Planned, take};
use super::work::{Going, add, note};
use crate::retention::{Loaded, MAX_MANIFESTS, load};
use crate::{Error, Result};
use metadata::{BlobUse, CollectionFigures};
use model::JobLogLevel;
use model::RepositoryId;
use model::retention::{Artifact, GRACE_MS, RuleAction, RuleText, Rules, Template, Times};
use model::selector::{Decoration, SelectorKind, SelectorText};
use oci::{Digest, RepositoryName};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Repositories that are looked up at a time.
const REPOSITORIES: i64 = 100;
/// Manifests whose blobs are counted together.
const COUNTED: usize = 200;
/// Blobs that a dry run remembers because others of the account's manifests need them, too.
const REMEMBERED: usize = 100_000;

/// Blobs that go only when manifests of several places go: how many of those that need each would.
#[derive(Default)]
struct Shared {
    gone: HashMap<String, i64>,
    is_full: bool,
}

impl Shared {
    /// Counts blobs that some manifests need which would go.
    fn count(&mut self, uses: Vec<BlobUse>) -> CollectionFigures {
        let mut freed = CollectionFigures::default();
        for one in uses {
            let before = self.gone.get(&one.digest).copied().unwrap_or(0);
            if before + one.times >= one.references {
                self.gone.remove(&one.digest);
                freed.blobs += 1;
                freed.freed_bytes = freed.freed_bytes.saturating_add(one.size_bytes);
            } else if before > 0 || self.gone.len() < REMEMBERED {
                self.gone.insert(one.digest, before + one.times);
            } else {
                self.is_full = true;
            }
        }
        freed
    }
}

/// What goes: whatever has no tag. A pattern with a slash matches no tag.
fn rules() -> Result<Rules> {
    let rule = RuleText {
        disabled: false,
        priority: 0,
        action: RuleAction::Remove,
        template: Template::Nothing,
        count: None,
        tag_selectors: vec![SelectorText {
            kind: SelectorKind::Doublestar,
            decoration: Decoration::Matches,
            pattern: "/".to_owned(),
            untagged: true,
        }],
        repository_selectors: Vec::new(),
    };
    Rules::parse(vec![rule]).map_err(|error| {
        tracing::error!(%error, "the rule of what has no tag is none");
        Error::Internal
    })
}

/// What goes from a repository at `now_ms`, what holds before what it holds. Nothing goes that was pushed or restored less than
/// `grace_ms` ago, or that is about something which is kept somewhere else.
fn plan(rules: &Rules, mut artifacts: Vec<Artifact>, now_ms: i64, grace_ms: i64) -> Vec<Artifact> {
    let there: HashSet<String> = artifacts.iter().map(|one| one.digest.clone()).collect();
    for one in &mut artifacts {
        let is_young = one.came_at_ms() > now_ms.saturating_sub(grace_ms);
        let is_about_another = one
            .subject
            .as_ref()
            .is_some_and(|subject| !there.contains(subject));
        one.is_protected |= is_young || is_about_another;
    }
    let times = Times {
        // The shorter time for which retention spares what has no tag is over.
        now_ms: now_ms.saturating_add(GRACE_MS),
        pulls_since_ms: 0,
    };
    let plan = rules.plan("", &artifacts, times);
    let mut artifacts: Vec<Option<Artifact>> = artifacts.into_iter().map(Some).collect();
    let going = plan.going.iter().filter_map(|at| artifacts[*at].take());
    going.collect()
}

impl AccountCollections {
    /// Takes what has no tag, from the repository after `done_until` on; a dry run begins at the first.
    pub(super) async fn take_untagged(
        &self,
        going: &mut Going<'_>,
        done_until: String,
    ) -> Result<()> {
        let rules = rules()?;
        let mut shared = Shared::default();
        let mut after = done_until;
        loop {
            self.require_active(&going.account).await?;
            let (account, from) = (going.account.clone(), after);
            let listed = self.core.metadata.list(move |reader| {
                Ok::<_, Error>(reader.list_repositories_after(&account, &from, REPOSITORIES)?)
            });
            let listed = listed.await?;
            let Some((_, last)) = listed.last() else {
                break;
            };
            after = last.as_str().to_owned();
            for repository in listed {
                self.take_from(going, &rules, repository, &mut shared)
                    .await?;
            }
        }
        if shared.is_full {
            let text =
                "more blobs are shared than can be counted here: more would be freed than is said";
            (going.tell)(JobLogLevel::Warning, text);
        }
        Ok(())
    }

    async fn take_from(
        &self,
        going: &mut Going<'_>,
        rules: &Rules,
        repository: (RepositoryId, RepositoryName),
        shared: &mut Shared,
    ) -> Result<()> {
        let (id, name) = (&repository.0, &repository.1);
        let Loaded::All(artifacts) = load(&self.core, (id, name), false, MAX_MANIFESTS).await?
        else {
            let text = format!(
                "{name} has more than {MAX_MANIFESTS} manifests, or too many tags: nothing without a tag goes from it"
            );
            (going.tell)(JobLogLevel::Warning, &text);
            return Ok(());
        };
        let grace_ms = self.core.settings.grace_period_ms;
        let planned = plan(rules, artifacts, self.core.now_ms(), grace_ms);
        let planned = planned.into_iter().map(|artifact| {
            Ok(Planned {
                digest: Digest::parse(&artifact.digest).map_err(|_| Error::Internal)?,
                artifact,
            })
        });
        let planned = planned.collect::<Result<Vec<_>>>()?;
        if planned.is_empty() {
            return Ok(());
        }
        if going.collection.is_dry_run {
            return self.count(going, (&repository, &planned), shared).await;
        }
        let at = Arc::new(At {
            job: going.job.clone(),
            account: going.account.clone(),
            repository,
            going: planned,
        });
        let mut next = 0;
        while next < at.going.len() {
            let of = at.clone();
            let step = self.step(move |core, tx| take(core, tx, &of, next)).await?;
            next = step.next;
            for digest in step.removed {
                let line = format!("removed {}@{digest}: it has no tag", at.repository.1);
                (going.tell)(JobLogLevel::Info, &line);
            }
        }
        let job = going.job.clone();
        let done = self.step(move |_, tx| {
            let done_until = Some(at.repository.1.as_str());
            note(tx, &job, &CollectionFigures::default(), done_until)
        });
        done.await
    }

    /// What would go from a repository.
    async fn count(
        &self,
        going: &mut Going<'_>,
        (repository, planned): (&(RepositoryId, RepositoryName), &[Planned]),
        shared: &mut Shared,
    ) -> Result<()> {
        for some in planned.chunks(COUNTED) {
            let digests: Vec<String> = some.iter().map(|one| one.digest.to_string()).collect();
            let (account, id) = (going.account.clone(), repository.0.clone());
            let uses = self.core.metadata.list(move |reader| {
                let digests: Vec<&str> = digests.iter().map(String::as_str).collect();
                let rows = reader.list_retention_manifests_of(&id, &digests)?;
                let ids: Vec<&str> = rows.iter().map(|row| row.id.as_str()).collect();
                Ok::<_, Error>(reader.list_blob_uses(&account, &ids)?)
            });
            let found = CollectionFigures {
                manifests: some.len() as u64,
                ..shared.count(uses.await?)
            };
            add(&mut going.found, &found);
            for one in some {
                let line = format!(
                    "would remove {}@{}: it has no tag",
                    repository.1, one.digest
                );
                (going.tell)(JobLogLevel::Info, &line);
            }
        }
        Ok(())
    }
}
