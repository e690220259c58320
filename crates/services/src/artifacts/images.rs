//! The images of an account, of many repositories in one list.

use super::Artifacts;
use crate::access::{Refused, Rights};
use crate::account_access::AccountContext;
use crate::credential_scope::is_good_for;
use crate::visibility::Visible;
use crate::{Error, Result};
use metadata::{ImageFilter, ImageRow, Listable};
use model::Action;

/// Rows that one list reads: images, each as often as it has tags.
pub const MAX_IMAGES: usize = 10_000;

/// An image with its tags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageView {
    /// The full name of its repository.
    pub repository: String,
    /// Its digest.
    pub digest: String,
    /// Its media type.
    pub media_type: String,
    /// Bytes of itself and of everything that it needs.
    pub size_bytes: i64,
    /// When it was pushed.
    pub pushed_at_ms: i64,
    /// The tags that point at it, by name.
    pub tags: Vec<String>,
}

impl Artifacts {
    /// The images of the namespaces whose images the caller may list, by repository and digest. What is about other
    /// manifests, and untagged children of indexes, are not among them.
    ///
    /// # Errors
    /// [`Error::Invalid`] for more than [`MAX_IMAGES`]: a part of a list would look like the whole.
    pub async fn list_images(
        &self,
        by: &AccountContext,
        filter: ImageFilter,
    ) -> Result<Vec<ImageView>, Refused> {
        let (who, action) = (by.authenticated(), Action::ArtifactList);
        if who.caller.is_anonymous() {
            return Err(Refused::Unauthenticated);
        }
        if matches!(who.rights, Rights::Token(_)) || !is_good_for(&who.caller, action) {
            return Err(Refused::Forbidden);
        }
        let visible = self
            .authorizer
            .visible_repositories(&by.context, by.id(), action)
            .await?;
        let account = by.id().clone();
        let limit = i64::try_from(MAX_IMAGES).unwrap_or(i64::MAX) + 1;
        let listed = self.core.metadata.list(move |reader| {
            let ids = visible.namespaces.ids();
            let listable = match visible.namespaces {
                Visible::All => Listable::All,
                Visible::Some(_) => Listable::PublicAnd(&ids),
            };
            Ok::<_, Error>(reader.list_images(
                &account,
                (listable, &visible.parts),
                &filter,
                limit,
            )?)
        });
        let rows = listed.await?;
        if rows.len() > MAX_IMAGES {
            let text = format!(
                "there are more than {MAX_IMAGES} images and tags to list; ask for some namespaces or repositories at a time"
            );
            return Err(Error::Invalid(text).into());
        }
        Ok(gathered(rows))
    }
}

/// Rows in order, with the tags of each image brought together.
fn gathered(rows: Vec<ImageRow>) -> Vec<ImageView> {
    let mut images: Vec<ImageView> = Vec::new();
    for row in rows {
        let is_same =
            |last: &&mut ImageView| last.repository == row.repository && last.digest == row.digest;
        if let Some(last) = images.last_mut().filter(is_same) {
            last.tags.extend(row.tag);
            continue;
        }
        images.push(ImageView {
            repository: row.repository,
            digest: row.digest,
            media_type: row.media_type,
            size_bytes: row.size_bytes,
            pushed_at_ms: row.pushed_at_ms,
            tags: row.tag.into_iter().collect(),
        });
    }
    images
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tags_of_an_image_are_brought_together() {
        let row = |repository: &str, digest: &str, tag: Option<&str>| ImageRow {
            repository: repository.to_owned(),
            digest: digest.to_owned(),
            media_type: String::new(),
            size_bytes: 1,
            pushed_at_ms: 2,
            tag: tag.map(str::to_owned),
        };
        let rows = vec![
            row("n/a", "x", Some("v1")),
            row("n/a", "x", Some("v2")),
            row("n/a", "y", None),
            row("n/b", "y", Some("v1")),
        ];
        let images: Vec<_> = gathered(rows)
            .into_iter()
            .map(|image| (image.repository, image.digest, image.tags.join(",")))
            .collect();
        let of = |repository: &str, digest: &str, tags: &str| {
            (repository.to_owned(), digest.to_owned(), tags.to_owned())
        };
        assert_eq!(
            images,
            [
                of("n/a", "x", "v1,v2"),
                of("n/a", "y", ""),
                of("n/b", "y", "v1")
            ]
        );
    }
}
