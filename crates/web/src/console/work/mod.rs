//! What an account's jobs do, and what was done in it.

mod audit;
mod jobs;

use super::routes::{PageRoute, pages};

/// The pages.
pub(super) const PAGES: &[PageRoute] = pages! {
    GET "/accounts/{account}/jobs" SIGNED_IN jobs::list;
    GET "/accounts/{account}/jobs/{job}" SIGNED_IN jobs::show;
    POST "/accounts/{account}/jobs/{job}/stop" SIGNED_IN jobs::stop;
    POST "/accounts/{account}/jobs/{job}/retry" SIGNED_IN jobs::retry;
    GET "/accounts/{account}/audit" SIGNED_IN audit::list;
    GET "/accounts/{account}/audit/export" SIGNED_IN audit::export;
    GET "/accounts/{account}/audit/proof" SIGNED_IN audit::prove;
};
