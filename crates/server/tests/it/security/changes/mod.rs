//! Every operation that reads something by its name or number, or changes something, as requests that do it: what people of
//! another account try with these names and numbers, and what may not be slipped in beside.
//!
//! `{…}` in a path or a body stands for what [`Things`] holds: things of the account `own`, but for `{account}`, the account
//! that the path names, and `{place}`, a namespace of the caller's own account.

mod account_api;
mod harbor;
mod ibm;
mod things;

use http::Method;

use super::matrix::{Face, FaceKind};
use crate::registry::client::{Call, Client};

pub(super) use things::{Contents, Things, power};

/// Operation and path.
type Read = (&'static str, &'static str);

/// Operation, path, body, and the tables of [`power`] that it changes.
pub(super) type Change = (
    &'static str,
    &'static str,
    &'static str,
    &'static [&'static str],
);

/// One request of a face.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request {
    pub(super) operation: &'static str,
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    pub(super) body: &'static str,
    pub(super) changes: &'static [&'static str],
    /// Whether it is for operators.
    pub(super) is_of_deployment: bool,
    /// Whether it does what it is for when the account's administrator sends it here.
    pub(super) is_done: bool,
}

impl Request {
    /// Whether it names something of the account `own` besides the account itself.
    pub(super) fn names_things(&self) -> bool {
        let text = format!("{}{}", self.path, self.body);
        let names = text
            .split('{')
            .skip(1)
            .filter_map(|rest| rest.split_once('}'));
        let mut names = names.map(|(name, _)| name);
        names.any(Things::has)
    }

    /// As it is sent for somebody whose account is named, and has a namespace.
    pub(super) fn call(&self, face: &Face, client: &Client, things: &Things) -> Call {
        let (path, body) = (things.filled(self.path), things.filled(self.body));
        let method: Method = self.method.parse().expect("a method");
        let call = client.request(method, &format!("{}{path}", face.prefix));
        if body.is_empty() {
            return call;
        }
        call.content_type("application/json").body(body)
    }
}

/// Every request of a face, reads first. An operation that changes or names something and has none fails.
pub(super) fn requests(face: &Face) -> Vec<Request> {
    let (reads, changes, of_deployment, harmless) = match face.kind {
        FaceKind::AccountApi => (
            account_api::READS,
            account_api::CHANGES,
            account_api::OPERATORS,
            account_api::HARMLESS,
        ),
        FaceKind::Harbor => (harbor::READS, harbor::CHANGES, &[][..], harbor::HARMLESS),
        FaceKind::Ibm => (ibm::READS, ibm::CHANGES, &[][..], ibm::HARMLESS),
    };
    let method_of = |wanted: &str| {
        let found = face.operations.iter().find(|(id, _, _)| *id == wanted);
        let (_, method, _) = found.unwrap_or_else(|| panic!("{wanted} is no operation any more"));
        *method
    };
    let mut requests: Vec<Request> = Vec::new();
    for (operation, path) in reads {
        requests.push(Request {
            operation,
            method: method_of(operation),
            path,
            body: "",
            changes: &[],
            is_of_deployment: path.starts_with("/deployment"),
            is_done: true,
        });
    }
    for (operation, path, body, changes) in changes.iter().chain(of_deployment) {
        requests.push(Request {
            operation,
            method: method_of(operation),
            path,
            body,
            changes,
            is_of_deployment: path.starts_with("/deployment"),
            is_done: true,
        });
    }
    if face.kind == FaceKind::AccountApi {
        for (operation, path, body, changes) in account_api::TRIED {
            requests.push(Request {
                operation,
                method: method_of(operation),
                path,
                body,
                changes,
                is_of_deployment: false,
                is_done: false,
            });
        }
    }
    let has_none = |id: &str| !requests.iter().any(|request| request.operation == id);
    let missing: Vec<&str> = face
        .operations
        .iter()
        .filter(|(id, method, path)| {
            (path.contains('{') || !matches!(*method, "GET" | "HEAD"))
                && has_none(id)
                && !harmless.contains(id)
        })
        .map(|(id, _, _)| *id)
        .collect();
    assert!(
        missing.is_empty(),
        "these name or change something and have no request in security/changes: {missing:?}"
    );
    requests
}
