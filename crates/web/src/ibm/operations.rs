//! Every operation that works, by the name that IBM's contract gives it.

use super::{Call, IbmError};
use super::{auth, images, messages, namespaces, plans, quotas, retention, settings, tags, trash};
use crate::body::Body;
use crate::path::{self, Found, Route, decode_once};
use futures_util::future::BoxFuture;
use http::{Method, Response};

type Answered = Result<Response<Body>, IbmError>;
type Run = for<'a> fn(&'a Call<'a>) -> BoxFuture<'a, Answered>;

/// An operation of IBM's contract that works.
pub struct Operation {
    /// Its name in the contract.
    pub id: &'static str,
    /// Its method.
    pub method: &'static str,
    /// Its path under `/api/v1`.
    pub path: &'static str,
    run: Run,
}

impl Operation {
    pub(super) fn run<'a>(&self, call: &'a Call<'a>) -> BoxFuture<'a, Answered> {
        (self.run)(call)
    }
}

impl Route for Operation {
    fn route(&self) -> (&'static str, &'static str) {
        (self.method, self.path)
    }
}

macro_rules! operations {
    ($($id:ident $method:literal $path:literal => $noun:ident :: $run:ident,)*) => {
        /// Every operation that works. What is not here is answered 404.
        pub const OPERATIONS: &[Operation] = &[$(Operation {
            id: stringify!($id),
            method: $method,
            path: $path,
            run: |call| Box::pin($noun::$run(call)),
        },)*];
    };
}

operations! {
    GetAuth "GET" "/auth" => auth::get,
    UpdateAuth "PATCH" "/auth" => auth::update,
    ListImages "GET" "/images" => images::list,
    BulkDeleteImages "POST" "/images/bulkdelete" => images::delete_many,
    ListImageDigests "POST" "/images/digests" => images::list_digests,
    TagImage "POST" "/images/tags" => tags::create,
    DeleteImage "DELETE" "/images/{image}" => images::delete,
    InspectImage "GET" "/images/{image}/json" => images::inspect,
    GetImageManifest "GET" "/images/{image}/manifest" => images::manifest,
    GetMessages "GET" "/messages" => messages::get,
    ListNamespaces "GET" "/namespaces" => namespaces::list,
    ListNamespaceDetails "GET" "/namespaces/details" => namespaces::list_details,
    CreateNamespace "PUT" "/namespaces/{name}" => namespaces::create,
    AssignNamespace "PATCH" "/namespaces/{name}" => namespaces::assign,
    DeleteNamespace "DELETE" "/namespaces/{name}" => namespaces::delete,
    GetPlans "GET" "/plans" => plans::get,
    UpdatePlans "PATCH" "/plans" => plans::update,
    GetQuota "GET" "/quotas" => quotas::get,
    UpdateQuota "PATCH" "/quotas" => quotas::update,
    ListRetentionPolicies "GET" "/retentions" => retention::list,
    SetRetentionPolicy "POST" "/retentions" => retention::set,
    AnalyzeRetentionPolicy "POST" "/retentions/analyze" => retention::analyze,
    GetRetentionPolicy "GET" "/retentions/{namespace}" => retention::get,
    GetSettings "GET" "/settings" => settings::get,
    UpdateSettings "PATCH" "/settings" => settings::update,
    DeleteImageTag "DELETE" "/tags/{image}" => tags::delete,
    ListDeletedImages "GET" "/trash" => trash::list,
    RestoreTags "POST" "/trash/{digest}/restoretags" => trash::restore_tags,
    RestoreImage "POST" "/trash/{image}/restore" => trash::restore,
}

/// The operation that a method and a path, after the prefix, ask for.
pub(super) fn find(method: &Method, path: &str) -> Found<Operation> {
    path::find(OPERATIONS, method, path, decode_once)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(method: &str, path: &str) -> &'static str {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        match find(&method, path) {
            Found::Operation(operation, _) => operation.id,
            Found::OtherMethods(_) => "other methods",
            Found::Nothing => "nothing",
        }
    }

    #[test]
    fn a_request_finds_its_operation() {
        assert_eq!(found("GET", "/images"), "ListImages");
        assert_eq!(found("HEAD", "/images/"), "ListImages");
        assert_eq!(found("POST", "/images/bulkdelete"), "BulkDeleteImages");
        assert_eq!(
            found("DELETE", "/images/r.example%2Fn%2Fa%3Av1"),
            "DeleteImage"
        );
        assert_eq!(found("DELETE", "/images/tags"), "DeleteImage");
        assert_eq!(found("GET", "/images/n%2Fa/json"), "InspectImage");
        assert_eq!(found("GET", "/images/n/a/json"), "nothing");
        assert_eq!(found("GET", "/namespaces/details"), "ListNamespaceDetails");
        assert_eq!(found("PUT", "/plans"), "other methods");
        assert_eq!(found("GET", "/trash"), "ListDeletedImages");
        assert_eq!(found("GET", "/retentions"), "ListRetentionPolicies");
        for operation in OPERATIONS {
            assert_eq!(found(operation.method, operation.path), operation.id);
        }
    }

    /// The table that people read says of each operation of the contract whether it works.
    #[test]
    fn the_table_of_operations_is_true() {
        let file = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../docs/reference/ibm-api.md"
        );
        let text = std::fs::read_to_string(file).expect("the table");
        let rows: Vec<Vec<&str>> = text
            .lines()
            .filter(|line| line.starts_with("| `"))
            .map(|line| {
                line.split('|')
                    .map(|cell| cell.trim().trim_matches('`'))
                    .collect()
            })
            .filter(|row: &Vec<&str>| row.len() == 7)
            .collect();
        assert_eq!(rows.len(), 29, "IBM's contract has 29 operations");
        for row in &rows {
            let (id, method, path) = (row[1], row[2], row[3]);
            let works = OPERATIONS.iter().any(|operation| {
                operation.id == id && operation.method == method && operation.path == path
            });
            assert_eq!(row[4] == "yes", works, "{id}");
        }
        for operation in OPERATIONS {
            let is_known = rows.iter().any(|row| row[1] == operation.id);
            assert!(is_known, "{} is no operation of the contract", operation.id);
        }
        let stated = format!("{} of 29 operations work", OPERATIONS.len());
        assert!(text.contains(&stated), "not {stated}");
    }
}
