//! Tags of an artifact.

use super::views::tag_key;
use super::{ArtifactRef, Artifacts, TagView};
use crate::access::Refused;
use crate::account_access::AccountContext;
use crate::protection::Protection;
use crate::removal::{Keep, Removal, remove_tag};
use crate::{Error, Result};
use metadata::{ListQuery, Listed, Numbered, TagRow};
use model::{Action, Event};
use oci::Tag;

impl Artifacts {
    /// The tags that point at an artifact.
    pub async fn list_tags(
        &self,
        by: &AccountContext,
        named: ArtifactRef<'_>,
        query: ListQuery,
    ) -> Result<Listed<TagView>, Refused> {
        let (place, row) = self.find(by, named, Action::TagList).await?;
        let (manifest, digest) = (row.id.clone(), row.digest.clone());
        let (id, name) = (place.id.clone(), place.name.clone());
        let listed = self.core.metadata.list(move |reader| {
            let listed = reader.list_artifact_tags(&manifest, &query)?;
            let protection = Protection::seen(reader, &id, &name)?;
            let shows = |tag: &TagRow| protection.shows(reader, &tag.name, digest.as_str());
            let immutable = listed.items.iter().map(shows).collect::<Result<Vec<_>>>()?;
            Ok::<_, Error>((listed, immutable))
        });
        let (listed, immutable) = listed.await?;
        let keys: Vec<String> = listed.items.iter().map(tag_key).collect();
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        let (core, account) = (&self.core, by.id());
        let numbers = core.numbers(account, Numbered::Tag, &keys).await?;
        let artifact_number = core.number(account, Numbered::Manifest, &row.id).await?;
        let repository = place.id.as_str();
        let repository_number = core
            .number(account, Numbered::Repository, repository)
            .await?;
        let items = listed.items.into_iter().zip(immutable);
        let items = items.map(|(row, is_immutable)| {
            Ok(TagView {
                is_immutable,
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
        let who = by.clone();
        let deleted = self.core.change(by, move |core, tx, account| {
            let protection = Protection::of(tx, &place.id, &place.name)?;
            // Kept where it points, so that a push that moves it comes before the question or after the answer.
            if tx.take_tag(&place.id, &tag)?.as_ref() != Some(&row.digest) {
                return Err(Error::NotFound(unknown));
            }
            let removal = Removal {
                account,
                repository: (&place.id, &place.name),
                by: (&who.context.authenticated.caller, &who.context.origin),
                trash: Keep::of(core, tx, account)?,
                protection: &protection,
                is_whole: false,
                is_told: true,
            };
            let digest = remove_tag(core, tx, &removal, &tag)?;
            digest.ok_or(Error::NotFound(unknown))?;
            tx.touch_repository(&place.name);
            removal.finish(tx)?;
            Ok(((), None))
        });
        Ok(deleted.await?)
    }
}
