//! Pointing a tag at an artifact, in its own repository or in another one, whatever the tag pointed at before.

use crate::Error;
use crate::access::{Push, Refused};
use crate::account_access::AccountContext;
use crate::artifacts::{ArtifactRef, Artifacts};
use crate::repositories::RepositoryRef;
use model::Action;
use oci::{RepositoryName, Tag};

impl Artifacts {
    /// Points a tag of a repository at an artifact, which is copied there with what it names and what is about it when it
    /// is not there. It is what a pull and a push under another name come to, and takes the rights to do these.
    ///
    /// # Errors
    /// [`Error::Invalid`] for names that cannot be; those of a push.
    pub async fn tag(
        &self,
        by: &AccountContext,
        from: ArtifactRef<'_>,
        to: RepositoryRef<'_>,
        tag: &str,
    ) -> Result<(), Refused> {
        let (place, root) = self.find(by, from, Action::RepositoryPull).await?;
        let tag = Tag::parse(tag).map_err(|error| Error::Invalid(error.to_string()))?;
        // A push might make a namespace; a tag does not.
        self.authorizer
            .namespace_for(by, to, Action::RepositoryPush)
            .await?;
        let target = RepositoryName::parse(&format!("{}/{}", to.namespace, to.name))
            .map_err(|error| Error::Invalid(error.to_string()))?;
        let access = self
            .authorizer
            .authorize::<Push>(&by.context, &target)
            .await?;
        // Where it is already, there is nothing to copy.
        let order = if self.has(&access, &root.digest).await? {
            vec![root.digest.clone()]
        } else {
            self.order(&place, &root.digest).await?
        };
        for digest in order {
            let is_root = digest == root.digest;
            if is_root || !self.has(&access, &digest).await? {
                let tags = if is_root {
                    vec![tag.clone()]
                } else {
                    Vec::new()
                };
                self.copy_one(&place, &access, digest, tags).await?;
            }
        }
        Ok(())
    }
}
