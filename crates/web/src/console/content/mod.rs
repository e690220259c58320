//! What is in an account: its repositories with their artifacts and tags, and its trash.

mod artifact;
mod artifact_changes;
mod repository;
mod tag;
mod trash;

use super::failed::Failed;
use super::routes::{PageRoute, pages};
use super::visit::Visit;
use oci::RepositoryName;
use services::RepositoryRef;

/// The pages.
pub(super) const PAGES: &[PageRoute] = pages! {
    GET "/accounts/{account}/repositories/{repository}" SIGNED_IN repository::list;
    POST "/accounts/{account}/repositories/{repository}" SIGNED_IN repository::change;
    GET "/accounts/{account}/repositories/{repository}/{reference}" SIGNED_IN artifact::show;
    POST "/accounts/{account}/repositories/{repository}/{reference}" SIGNED_IN artifact_changes::change;
    GET "/accounts/{account}/repositories/{repository}/{reference}/history" SIGNED_IN tag::show;
    POST "/accounts/{account}/repositories/{repository}/{reference}/history" SIGNED_IN tag::change;
    GET "/accounts/{account}/trash" SIGNED_IN trash::list;
    POST "/accounts/{account}/trash/{item}/restore" SIGNED_IN trash::restore;
};

/// The repository that the path names.
fn repository(visit: &Visit<'_>) -> Result<RepositoryName, Failed> {
    RepositoryName::parse(visit.param("repository")).map_err(|_| Failed::not_found())
}

fn named(name: &RepositoryName) -> RepositoryRef<'_> {
    RepositoryRef {
        namespace: name.namespace(),
        name: name.path().unwrap_or_default(),
    }
}
