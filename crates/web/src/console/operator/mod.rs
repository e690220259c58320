//! What operators of the deployment do. Whoever is none finds nothing here.

mod accounts;

use super::failed::Failed;
use super::routes::{PageRoute, pages};
use super::visit::Visit;
use services::{OperatorContext, Refused};

/// The pages.
pub(super) const PAGES: &[PageRoute] = pages! {
    GET "/operator/accounts" SIGNED_IN accounts::list;
    GET "/operator/accounts/{account}" SIGNED_IN accounts::show;
    POST "/operator/accounts/{account}/plan" SIGNED_IN accounts::set_plan;
    POST "/operator/accounts/{account}/state" SIGNED_IN accounts::set_state;
};

/// The caller, come to the deployment, which it has to be an operator of.
async fn enter(visit: &Visit<'_>) -> Result<OperatorContext, Failed> {
    let deployment = &visit.services().deployment;
    Ok(deployment.enter(visit.caller()?.clone()).await?)
}

/// Whether the caller is one.
pub(super) async fn is_one(visit: &Visit<'_>) -> Result<bool, Failed> {
    let deployment = &visit.services().deployment;
    match deployment.enter(visit.caller()?.clone()).await {
        Ok(_) => Ok(true),
        Err(Refused::Hidden | Refused::Forbidden) => Ok(false),
        Err(refused) => Err(refused.into()),
    }
}
