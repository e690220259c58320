//! Every page there is: requests are routed by this table.

use super::failed::Failed;
use super::sent::Sent;
use super::visit::Visit;
use super::{accounts, namespaces, password, repositories, sign_in};
use crate::path::{self, Found, Route, decode_once};
use futures_util::future::BoxFuture;
use http::Method;
use std::sync::LazyLock;

type Run = for<'a> fn(&'a Visit<'a>) -> BoxFuture<'a, Result<Sent, Failed>>;

/// A page, or what a form of one does.
#[derive(Clone, Copy)]
pub struct PageRoute {
    /// Its method.
    pub method: &'static str,
    /// Its path under `/console`, with places in braces.
    pub path: &'static str,
    /// Whether it is for everyone, signed in or not.
    pub is_open: bool,
    pub(super) run: Run,
}

impl PageRoute {
    pub(super) fn run<'a>(&self, visit: &'a Visit<'a>) -> BoxFuture<'a, Result<Sent, Failed>> {
        (self.run)(visit)
    }
}

impl Route for PageRoute {
    fn route(&self) -> (&'static str, &'static str) {
        (self.method, self.path)
    }
}

pub(super) const OPEN: bool = true;
pub(super) const SIGNED_IN: bool = false;

/// A table of pages: method, path, whether it is `OPEN` or for the `SIGNED_IN`, and what answers.
macro_rules! pages {
    ($($method:ident $path:literal $is_open:ident $run:path;)*) => {
        &[$($crate::console::routes::PageRoute {
            method: stringify!($method),
            path: $path,
            is_open: $crate::console::routes::$is_open,
            run: |visit| Box::pin($run(visit)),
        },)*]
    };
}

pub(super) use pages;

/// Every page there is: the first ones, and those of each part.
pub static PAGES: LazyLock<Vec<PageRoute>> = LazyLock::new(|| {
    let parts = [
        FIRST,
        super::content::PAGES,
        super::people::PAGES,
        super::policies::PAGES,
        super::operator::PAGES,
        super::settings::PAGES,
        super::work::PAGES,
    ];
    parts.into_iter().flatten().copied().collect()
});

const FIRST: &[PageRoute] = pages! {
    GET "" SIGNED_IN accounts::home;
    GET "/sign-in" OPEN sign_in::show;
    POST "/sign-in" OPEN sign_in::enter;
    POST "/sign-out" SIGNED_IN sign_in::leave;
    GET "/language" OPEN sign_in::speak;
    GET "/password" SIGNED_IN password::show;
    POST "/password" SIGNED_IN password::change;
    GET "/accounts/{account}" SIGNED_IN accounts::overview;
    GET "/accounts/{account}/namespaces" SIGNED_IN namespaces::list;
    POST "/accounts/{account}/namespaces" SIGNED_IN namespaces::create;
    GET "/accounts/{account}/namespaces/{namespace}" SIGNED_IN repositories::list;
};

/// The page that a method and a path, after the prefix, ask for.
pub(super) fn find(method: &Method, path: &str) -> Found<PageRoute> {
    path::find(&PAGES, method, path, decode_once)
}
