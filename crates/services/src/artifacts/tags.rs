//! Tags of an artifact.

use super::views::tag_key;
use super::{ArtifactRef, Artifacts, TagView};
use crate::access::Refused;
use crate::account_access::AccountContext;
use crate::{Error, Result};
use metadata::{ListQuery, Listed, Numbered};
use model::{Action, Event};
use oci::{Reference, Tag};

impl Artifacts {
    /// The tags that point at an artifact.
    pub async fn list_tags(
        &self,
        by: &AccountContext,
        named: ArtifactRef<'_>,
        query: ListQuery,
    ) -> Result<Listed<TagView>, Refused> {
        let (place, row) = self.find(by, named, Action::TagList).await?;
        let manifest = row.id.clone();
        let listed = self
            .core
            .metadata
            .list(move |reader| Ok::<_, Error>(reader.list_artifact_tags(&manifest, &query)?));
        let listed = listed.await?;
        let keys: Vec<String> = listed.items.iter().map(tag_key).collect();
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        let (core, account) = (&self.core, by.id());
        let numbers = core.numbers(account, Numbered::Tag, &keys).await?;
        let artifact_number = core.number(account, Numbered::Manifest, &row.id).await?;
        let repository = place.id.as_str();
        let repository_number = core
            .number(account, Numbered::Repository, repository)
            .await?;
        let items = listed.items.into_iter().map(|row| {
            Ok(TagView {
                number: numbers.of(&tag_key(&row))?,
                row,
                repository_number,
                artifact_number,
            })
        });
        Ok(Listed {
            items: items.collect::<Result<_>>()?,
            total: listed.total,
        })
    }

    /// Points a new tag at an artifact.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`] when the repository has a tag of that name, whatever it points at.
    pub async fn create_tag(
        &self,
        by: &AccountContext,
        named: ArtifactRef<'_>,
        name: &str,
    ) -> Result<(), Refused> {
        let (place, row) = self.find(by, named, Action::TagCreate).await?;
        let tag = Tag::parse(name).map_err(|error| Error::Invalid(error.to_string()))?;
        let created = self.core.change(by, move |core, tx, account| {
            let kept = tx.keep_manifest(&place.id, &row.digest)?;
            let manifest =
                kept.ok_or_else(|| Error::NotFound(format!("the artifact {}", row.digest)))?;
            if !tx.create_tag(account, &place.id, &tag, &manifest, core.now_ms())? {
                return Err(Error::AlreadyExists(format!("the tag {tag}")));
            }
            tx.touch_repository(&place.name);
            let event = Event::TagPut {
                repository: place.name,
                digest: row.digest,
                tags: vec![tag],
            };
            Ok(((), Some(event)))
        });
        Ok(created.await?)
    }

    /// Deletes a tag that points at an artifact, which stays.
    pub async fn delete_tag(
        &self,
        by: &AccountContext,
        named: ArtifactRef<'_>,
        name: &str,
    ) -> Result<(), Refused> {
        let (place, row) = self.find(by, named, Action::TagDelete).await?;
        let unknown = format!("the tag {name} of the artifact {}", row.digest);
        let tag = Tag::parse(name).map_err(|_| Error::NotFound(unknown.clone()))?;
        let deleted = self.core.change(by, move |_, tx, _| {
            let pointed = tx.find_artifact(&place.id, &Reference::Tag(tag.clone()))?;
            if pointed.is_none_or(|pointed| pointed.id != row.id) {
                return Err(Error::NotFound(unknown));
            }
            // A push that moves it at the same time may come first: then it is gone from where that pointed it.
            let digest = tx.delete_tag(&place.id, &tag)?;
            let digest = digest.ok_or(Error::NotFound(unknown))?;
            tx.touch_repository(&place.name);
            let event = Event::TagDeleted {
                repository: place.name,
                tag,
                digest,
            };
            Ok(((), Some(event)))
        });
        Ok(deleted.await?)
    }
}
