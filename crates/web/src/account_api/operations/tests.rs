//! The tables and the document that people read agree, and a request finds its operation.

use super::*;

fn found(method: &str, path: &str) -> String {
    let method = Method::from_bytes(method.as_bytes()).expect("a method");
    match find(&method, path) {
        Found::Operation(operation, _) => operation.id.to_owned(),
        Found::OtherMethods(others) => others,
        Found::Nothing => "nothing".to_owned(),
    }
}

#[test]
fn a_request_finds_its_operation() {
    assert_eq!(found("GET", "/openapi.json"), "getOpenApi");
    assert_eq!(found("HEAD", "/openapi.json/"), "getOpenApi");
    assert_eq!(found("POST", "/openapi.json"), "GET");
    assert_eq!(found("GET", "/"), "nothing");
    assert_eq!(found("GET", ""), "nothing");
}

#[test]
fn every_operation_has_a_name_and_a_path_of_its_own() {
    for operation in OPERATIONS {
        assert_eq!(found(operation.method, operation.path), operation.id);
        let same = OPERATIONS.iter().filter(|other| other.id == operation.id);
        assert_eq!(same.count(), 1, "{}", operation.id);
        assert!(operation.summary.ends_with('.'), "{}", operation.id);
    }
}

/// The table that people read is the one that requests are routed by.
#[test]
fn the_table_of_operations_is_true() {
    let file = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../docs/reference/account-api.md"
    );
    let text = std::fs::read_to_string(file).expect("the table");
    let rows: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("| `"))
        .collect();
    let expected = OPERATIONS.iter().map(|operation| {
        let Operation {
            id,
            method,
            path,
            summary,
            ..
        } = operation;
        format!("| `{id}` | {method} | `{path}` | {summary} |")
    });
    assert_eq!(rows, expected.collect::<Vec<_>>());
}
