//! Who may do what in an account: people and programs.

mod robots;

use super::routes::{PageRoute, pages};

/// The pages.
pub(super) const PAGES: &[PageRoute] = pages! {
    GET "/accounts/{account}/robots" SIGNED_IN robots::list;
    POST "/accounts/{account}/robots" SIGNED_IN robots::create;
    GET "/accounts/{account}/robots/{robot}" SIGNED_IN robots::show;
    POST "/accounts/{account}/robots/{robot}" SIGNED_IN robots::change;
    POST "/accounts/{account}/robots/{robot}/secret" SIGNED_IN robots::rotate;
    POST "/accounts/{account}/robots/{robot}/delete" SIGNED_IN robots::delete;
    GET "/accounts/{account}/namespaces/{namespace}/robots" SIGNED_IN robots::list;
    POST "/accounts/{account}/namespaces/{namespace}/robots" SIGNED_IN robots::create;
};
