//! An account's namespaces.

use super::accounts::unsigned;
use super::failed::{Failed, mendable};
use super::sent::Sent;
use super::visit::Visit;
use http::StatusCode;
use pages::namespaces::{NamespaceForm, NamespaceLine, Namespaces};
use pages::{Link, Page as _, Section};
use services::{AccountContext, NamespaceChange, NewNamespace};

/// `GET /accounts/{account}/namespaces`.
pub(super) async fn list(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    let page = page(visit, &by, NamespaceForm::default()).await?;
    Ok(Sent::page(page.html()))
}

/// `POST /accounts/{account}/namespaces`.
pub(super) async fn create(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    let name = visit.form.get("name").trim().to_owned();
    let new = NewNamespace {
        name: name.clone(),
        settings: NamespaceChange::default(),
        storage_limit: None,
    };
    match visit.services().namespaces.create(&by, new).await {
        Ok(_) => {
            let link = Link::Repositories(&by.account().name, &name).to_string();
            Ok(Sent::to(&link))
        }
        Err(refused) => {
            let failed = Some(mendable(refused)?);
            let page = page(visit, &by, NamespaceForm { name, failed }).await?;
            Ok(Sent::page(page.html()).with_status(StatusCode::UNPROCESSABLE_ENTITY))
        }
    }
}

async fn page(
    visit: &Visit<'_>,
    by: &AccountContext,
    form: NamespaceForm,
) -> Result<Namespaces, Failed> {
    let namespaces = &visit.services().namespaces;
    let listed = namespaces.list(by, visit.list_by_name()).await?;
    let lines = listed.items.into_iter().map(|view| NamespaceLine {
        name: view.details.namespace.name,
        is_public: view.details.namespace.is_public,
        repositories: unsigned(view.details.repositories),
    });
    let (lines, next) = visit.page_of(lines.collect(), |line: &NamespaceLine| &line.name);
    let may_create = namespaces.may_create(by).await?;
    Ok(Namespaces {
        frame: visit.frame_of(by, Section::Namespaces).await?,
        account: by.account().name.clone(),
        words: visit.query.get("q").to_owned(),
        namespaces: lines,
        next,
        form: may_create.then_some(form),
    })
}
