//! Namespaces as clients of IBM's registry see them: a list of all, and an end that takes everything in them along.

use super::Namespaces;
use crate::access::Refused;
use crate::account_access::{AccountContext, NamespaceRef};
use crate::protection::ask_namespace;
use crate::repositories::{Place, delete_whole};
use crate::{Error, Result};
use metadata::{ListQuery, NamespaceDetails};
use model::Action;

/// Namespaces that one list reads.
pub const MAX_NAMESPACES: usize = 10_000;
/// Repositories that are looked up at a time, to be deleted.
const REPOSITORIES: i64 = 100;
/// How often a namespace that is pushed to at the same time is emptied again.
const TRIES: usize = 3;

impl Namespaces {
    /// All namespaces that the caller may see, by name.
    ///
    /// # Errors
    /// [`Error::Invalid`] for more than [`MAX_NAMESPACES`]: a part of a list would look like the whole.
    pub async fn list_visible(
        &self,
        by: &AccountContext,
    ) -> Result<Vec<NamespaceDetails>, Refused> {
        if by.authenticated().caller.is_anonymous() {
            return Err(Refused::Unauthenticated);
        }
        let query = ListQuery {
            limit: i64::try_from(MAX_NAMESPACES).unwrap_or(i64::MAX) + 1,
            ..ListQuery::default()
        };
        let listed = self.list_details(by, query).await?.items;
        if listed.len() > MAX_NAMESPACES {
            let text = format!(
                "there are more than {MAX_NAMESPACES} namespaces to list; use /api/v2.0/projects, which has pages"
            );
            return Err(Error::Invalid(text).into());
        }
        Ok(listed)
    }

    /// Deletes a namespace with everything in it. It can be restored for as long as the account keeps what was deleted. A large
    /// one goes in many transactions, itself last: what is
    /// broken off in between can be begun again.
    ///
    /// # Errors
    /// [`Error::NamespaceInUse`] for one that is pushed to all the time.
    pub async fn delete_with_content(
        &self,
        by: &AccountContext,
        named: NamespaceRef<'_>,
    ) -> Result<(), Refused> {
        let action = Action::NamespaceDelete;
        let namespace = self.authorizer.namespace(by, named, action).await?;
        self.authorizer
            .require_in(by, &namespace, Action::RepositoryDelete)
            .await?;
        ask_namespace(&self.core, by.id(), &namespace.id).await?;
        for _ in 0..TRIES {
            loop {
                let id = namespace.id.clone();
                let found = self.core.metadata.list(move |reader| {
                    Ok::<_, Error>(reader.list_repositories_of(&id, REPOSITORIES)?)
                });
                let found = found.await?;
                if found.is_empty() {
                    break;
                }
                for (id, name) in found {
                    let namespace = namespace.clone();
                    let place = Place {
                        namespace,
                        id,
                        name,
                    };
                    match delete_whole(&self.core, by, &place, Some(&place.namespace.id)).await {
                        // Someone else was quicker.
                        Ok(()) | Err(Error::NotFound(_)) => {}
                        Err(error) => return Err(error.into()),
                    }
                }
            }
            match self.delete(by, named).await {
                Err(Refused::Failed(Error::NamespaceInUse(_))) => {}
                done => return done,
            }
        }
        Err(Error::NamespaceInUse(namespace.name.clone()).into())
    }
}
