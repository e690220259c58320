//! What an account holds, beside its lists.

mod trash;

use super::routes::{PageRoute, pages};

/// The pages.
pub(super) const PAGES: &[PageRoute] = pages! {
    GET "/accounts/{account}/trash" SIGNED_IN trash::list;
    POST "/accounts/{account}/trash/{item}/restore" SIGNED_IN trash::restore;
};
