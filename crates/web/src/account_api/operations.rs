//! Every operation there is: requests are routed by this table, and the OpenAPI document is made from it.

#[macro_use]
mod table;

mod administration;
mod lifecycle;

#[cfg(test)]
mod tests;

use super::openapi::{Described, Schemas};
use super::query::Parameter;
use super::reply::Answers;
use super::{ApiError, Call};
use crate::body::Body;
use crate::path::{self, Found, Route, decode_once};
use futures_util::future::BoxFuture;
use http::{Method, Response};
use serde_json::json;

type Run = for<'a> fn(&'a Call<'a>) -> BoxFuture<'a, Result<Response<Body>, ApiError>>;

/// What anybody may ask without a login.
const OPEN: &[&str] = &[
    "getOpenApi",
    "listLoginSources",
    "confirmMailAddress",
    "stopMail",
];

/// An operation.
#[derive(Clone, Copy)]
pub struct Operation {
    /// Its name, unique among all.
    pub id: &'static str,
    /// Its method.
    pub method: &'static str,
    /// Its path under `/api/v1`, with places in braces.
    pub path: &'static str,
    /// What it is about.
    pub tag: &'static str,
    /// What it does.
    pub summary: &'static str,
    /// The parameters of its query string, without those that every list has.
    pub(super) query: &'static [Parameter],
    pub(super) is_list: bool,
    pub(super) describe: fn(&mut Schemas) -> Described,
    run: Run,
}

impl Operation {
    /// Whether it is for everyone, logged in or not.
    pub fn is_open(&self) -> bool {
        OPEN.contains(&self.id)
    }

    pub(super) fn run<'a>(
        &self,
        call: &'a Call<'a>,
    ) -> BoxFuture<'a, Result<Response<Body>, ApiError>> {
        (self.run)(call)
    }
}

impl Route for Operation {
    fn route(&self) -> (&'static str, &'static str) {
        (self.method, self.path)
    }
}

fn describe<A: Answers>(schemas: &mut Schemas, body: Option<serde_json::Value>) -> Described {
    let mut answer = json!({ "description": A::description() });
    if let Some(content) = A::content(schemas) {
        answer["content"] = content;
    }
    Described {
        body,
        status: A::STATUS.as_u16(),
        answer,
    }
}

const COUNT: usize = administration::OPERATIONS.len() + lifecycle::OPERATIONS.len();

static ALL: [Operation; COUNT] = {
    let mut all = [administration::OPERATIONS[0]; COUNT];
    let mut at = 0;
    while at < COUNT {
        all[at] = match at.checked_sub(administration::OPERATIONS.len()) {
            None => administration::OPERATIONS[at],
            Some(rest) => lifecycle::OPERATIONS[rest],
        };
        at += 1;
    }
    all
};

/// Every operation there is.
pub static OPERATIONS: &[Operation] = &ALL;

/// The operation that a method and a path, after the prefix, ask for.
pub(super) fn find(method: &Method, path: &str) -> Found<Operation> {
    path::find(OPERATIONS, method, path, decode_once)
}
