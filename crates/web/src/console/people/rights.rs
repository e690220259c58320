//! Who may do what in an account, or in one of its namespaces.

use super::{mendable_name, place, surroundings};
use crate::console::failed::Failed;
use crate::console::sent::Sent;
use crate::console::visit::Visit;
use http::StatusCode;
use model::{Action, Coverage};
use pages::people::members::SubjectKind;
use pages::people::rights::{
    GivenBy, GivenIn, RightGiven, Rights as RightsPage, RightsAnswer, RightsForm,
};
use pages::{Page as _, Section, Tab};
use services::{AccountContext, NamespaceRef, RightsFound, RightsPlace, RightsSource, SubjectName};

/// `GET /accounts/{account}/rights` and `GET …/namespaces/{namespace}/rights`.
pub(super) async fn show(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    let authorizer = &visit.services().authorizer;
    match place(visit) {
        None => authorizer.require(&by, Action::GrantList).await?,
        Some(name) => {
            let named = NamespaceRef::Name(name);
            let found = authorizer.namespace(&by, named, Action::MemberUpdate);
            found.await.map(drop)?;
        }
    }
    let text = |name| visit.query.get(name).trim().to_owned();
    let mut form = RightsForm {
        name: text("name"),
        kind: SubjectKind::of_word(visit.query.get("kind")).unwrap_or_default(),
        is_everywhere: visit.query.get("in") == "namespaces",
        repository: text("repository"),
        failed: None,
    };
    if form.name.is_empty() {
        return page(visit, &by, (form, None)).await;
    }
    let whom = match form.kind {
        SubjectKind::User => SubjectName::User(form.name.clone()),
        SubjectKind::Group => SubjectName::Group(form.name.clone()),
        SubjectKind::Robot => SubjectName::Robot(form.name.clone()),
    };
    let asked = match place(visit) {
        Some(name) => {
            let path = Some(form.repository.as_str()).filter(|path| !path.is_empty());
            RightsPlace::Namespace(name, path)
        }
        None if form.is_everywhere => RightsPlace::EveryNamespace,
        None => RightsPlace::Account,
    };
    match authorizer.rights_of(&by, &whom, asked).await {
        Ok(found) => page(visit, &by, (form, Some(answer(found)))).await,
        Err(refused) => {
            form.failed = Some(mendable_name(refused)?);
            let sent = page(visit, &by, (form, None)).await?;
            Ok(sent.with_status(StatusCode::UNPROCESSABLE_ENTITY))
        }
    }
}

async fn page(
    visit: &Visit<'_>,
    by: &AccountContext,
    (form, answer): (RightsForm, Option<RightsAnswer>),
) -> Result<Sent, Failed> {
    let place = place(visit);
    let page = RightsPage {
        frame: surroundings(visit, by, (place, Section::Members, Tab::Members)).await?,
        account: by.account().name.clone(),
        namespace: place.map(str::to_owned),
        form,
        answer,
    };
    Ok(Sent::page(page.html()))
}

fn answer(found: RightsFound) -> RightsAnswer {
    let (mut allowed, mut denied) = (Vec::new(), Vec::new());
    for (action, sources) in found.actions {
        if sources.is_empty() {
            denied.push(action.as_str());
        } else {
            let given = sources.into_iter().map(given).collect();
            allowed.push((action.as_str(), given));
        }
    }
    RightsAnswer {
        is_active: found.is_active,
        allowed,
        denied,
    }
}

fn given(source: RightsSource) -> RightGiven {
    let (by, place) = match source {
        RightsSource::Public => (GivenBy::Public, GivenIn::Here),
        RightsSource::Request => (GivenBy::Request, GivenIn::Here),
        RightsSource::Role(role, coverage) => (GivenBy::Role(role.as_str()), given_in(coverage)),
        RightsSource::Own(coverage) => (GivenBy::Own, given_in(coverage)),
    };
    RightGiven { by, place }
}

fn given_in(coverage: Coverage) -> GivenIn {
    match coverage {
        Coverage::Everything => GivenIn::Everything,
        Coverage::Account => GivenIn::Account,
        Coverage::Namespaces => GivenIn::Namespaces,
        Coverage::Namespace(_) => GivenIn::Here,
        Coverage::Repositories(_, pattern) => GivenIn::Repositories(pattern.to_string()),
    }
}
