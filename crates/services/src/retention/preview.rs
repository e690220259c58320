//! What a policy would do, artifact by artifact, without a run.

use super::load::{Loaded, load};
use super::pull_times::known;
use super::step::reason;
use super::{Retention, RetentionRef, RetentionText, rules_of};
use crate::access::Refused;
use crate::account_access::{AccountContext, NamespaceRef};
use crate::{Error, Result};
use model::Action;
use model::retention::{Artifact, Rules, Times};

/// Manifests that one preview looks at.
const MOST: usize = 20_000;
/// Repositories that it looks up at a time.
const REPOSITORIES: i64 = 100;

/// What would become of an artifact.
#[derive(Clone, Debug)]
pub struct PreviewArtifact {
    /// It, as the rules see it.
    pub artifact: Artifact,
    /// Whether it stays.
    pub stays: bool,
    /// Why.
    pub why: String,
}

/// What would become of a repository.
#[derive(Clone, Debug)]
pub struct PreviewRepository {
    /// Its whole name.
    pub name: String,
    /// Its artifacts, by digest.
    pub artifacts: Vec<PreviewArtifact>,
}

/// What would become of a namespace.
#[derive(Clone, Debug, Default)]
pub struct RetentionPreview {
    /// The repositories that a rule is about, by name.
    pub repositories: Vec<PreviewRepository>,
    /// Whether these are all; a dry run looks at any number.
    pub is_whole: bool,
}

impl Retention {
    /// What a namespace's policy would do, or these rules, in all of its repositories or in one, by its whole name. At most
    /// 20,000 artifacts are looked at.
    ///
    /// # Errors
    /// [`Error::NotFound`] without rules for a namespace that has no policy.
    pub async fn preview(
        &self,
        by: &AccountContext,
        named: NamespaceRef<'_>,
        text: Option<RetentionText>,
        only: Option<&str>,
    ) -> Result<RetentionPreview, Refused> {
        let action = Action::TagRetentionRead;
        let namespace = self.authorizer.namespace(by, named, action).await?;
        self.authorizer
            .require_in(by, &namespace, Action::ArtifactList)
            .await?;
        let rules = if let Some(text) = text {
            self.check(text)?.rules
        } else {
            let (row, _) = self.find(by, RetentionRef::Of(named), action).await?;
            Rules::parse(rules_of(&row.rules)?).map_err(|_| Error::Internal)?
        };
        self.settle_pulls(&rules, false).await?;
        let of = (by.id(), &namespace.id);
        let known = known(&self.core, of, &rules).await?;
        let pulls_since_ms = known.map_err(|unknown| Error::NotNow(unknown.text()))?;
        let times = Times {
            now_ms: self.core.now_ms(),
            pulls_since_ms,
        };
        Ok(self
            .look_through(by, &namespace.name, (&rules, times), only)
            .await?)
    }

    async fn look_through(
        &self,
        by: &AccountContext,
        namespace: &str,
        (rules, times): (&Rules, Times),
        only: Option<&str>,
    ) -> Result<RetentionPreview> {
        let mut preview = RetentionPreview {
            is_whole: true,
            ..RetentionPreview::default()
        };
        let (mut left, mut after) = (MOST, String::new());
        loop {
            let (account, of) = (by.id().clone(), namespace.to_owned());
            let listed = self.core.metadata.list(move |reader| {
                Ok::<_, Error>(reader.list_retention_repositories(
                    &account,
                    &of,
                    &after,
                    REPOSITORIES,
                )?)
            });
            let found = listed.await?;
            let Some((_, last)) = found.last() else {
                return Ok(preview);
            };
            after = last.as_str().to_owned();
            for (id, name) in found {
                let short = name.as_str().split_once('/').map_or("", |(_, short)| short);
                if only.is_some_and(|only| only != name.as_str())
                    || !rules.are_about_repository(short)
                {
                    continue;
                }
                let loaded = load(&self.core, (&id, &name), rules.ask_for_labels(), left).await?;
                let Loaded::All(artifacts) = loaded else {
                    preview.is_whole = false;
                    return Ok(preview);
                };
                // One without artifacts costs a look, too.
                left -= artifacts.len().max(1).min(left);
                let plan = rules.plan(short, &artifacts, times);
                let shown = artifacts
                    .iter()
                    .zip(&plan.decisions)
                    .map(|(artifact, why)| PreviewArtifact {
                        artifact: artifact.clone(),
                        stays: why.stays(),
                        why: reason(*why, &artifacts),
                    });
                preview.repositories.push(PreviewRepository {
                    name: name.as_str().to_owned(),
                    artifacts: shown.collect(),
                });
            }
        }
    }
}
