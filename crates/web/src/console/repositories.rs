//! A namespace's repositories.

use super::accounts::unsigned;
use super::failed::Failed;
use super::sent::Sent;
use super::visit::Visit;
use pages::repositories::{Repositories, RepositoryLine};
use pages::{Moment, Page as _, Tab};
use services::NamespaceRef;

/// `GET /accounts/{account}/namespaces/{namespace}`.
pub(super) async fn list(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    let namespace = visit.param("namespace");
    let repositories = &visit.services().repositories;
    let named = NamespaceRef::Name(namespace);
    let listed = repositories.list(&by, named, visit.list_by_name()).await?;
    let lines = listed.items.into_iter().map(|view| RepositoryLine {
        name: view.details.name,
        artifacts: unsigned(view.details.artifacts),
        pulls: unsigned(view.details.pulls),
        last_pull: view.details.last_pulled_at_ms.map(Moment),
        updated: Moment(view.details.updated_at_ms),
    });
    let (lines, next) = visit.page_of(lines.collect(), |line: &RepositoryLine| &line.name);
    let page = Repositories {
        frame: visit.frame_in(&by, namespace, Tab::Repositories).await?,
        account: by.account().name.clone(),
        namespace: namespace.to_owned(),
        words: visit.query.get("q").to_owned(),
        repositories: lines,
        next,
    };
    Ok(Sent::page(page.html()))
}
