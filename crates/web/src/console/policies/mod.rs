//! What an account decides for its namespaces.

mod retention;
mod retention_form;

use super::routes::{PageRoute, pages};

/// The pages.
pub(super) const PAGES: &[PageRoute] = pages! {
    GET "/accounts/{account}/namespaces/{namespace}/retention" SIGNED_IN retention::show;
    POST "/accounts/{account}/namespaces/{namespace}/retention" SIGNED_IN retention::change;
    POST "/accounts/{account}/namespaces/{namespace}/retention/runs" SIGNED_IN retention::run;
    POST "/accounts/{account}/namespaces/{namespace}/retention/runs/{run}/stop" SIGNED_IN retention::stop;
};
