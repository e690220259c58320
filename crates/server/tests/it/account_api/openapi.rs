//! The OpenAPI document: it holds what the router does, and is one.

use std::collections::BTreeSet;

use serde_json::Value;
use web::account_api::{OPERATIONS, PREFIX};

use super::AccountApi;
use crate::clients::workbench::{Workbench, run, tool};
use crate::registry::TestRegistry;

async fn document() -> Value {
    let registry = TestRegistry::start().await;
    let answer = registry.anonymous().v1_get("/openapi.json").await;
    answer.assert_status(200).json()
}

#[tokio::test]
async fn the_document_and_the_router_know_the_same_operations() {
    let document = document().await;
    let mut described = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for (method, operation) in methods.as_object().expect("methods") {
            let id = operation["operationId"].as_str().expect("a name");
            let method = method.to_ascii_uppercase();
            assert!(
                described.insert((id.to_owned(), method, path.clone())),
                "{id} twice"
            );
        }
    }
    let routed = OPERATIONS.iter().map(|operation| {
        let path = format!("{PREFIX}{}", operation.path);
        (operation.id.to_owned(), operation.method.to_owned(), path)
    });
    assert_eq!(described, routed.collect());
}

#[tokio::test]
async fn every_operation_says_what_it_takes_and_gives() {
    let document = document().await;
    for operation in OPERATIONS {
        let (id, path) = (operation.id, format!("{PREFIX}{}", operation.path));
        let described = &document["paths"][&path][operation.method.to_ascii_lowercase()];
        let parameters = described["parameters"].as_array().expect("parameters");
        let places = parameters
            .iter()
            .filter(|parameter| parameter["in"] == "path");
        assert_eq!(places.count(), operation.path.matches('{').count(), "{id}");
        let takes = matches!(operation.method, "POST" | "PUT" | "PATCH");
        let body = &described["requestBody"]["content"]["application/json"]["schema"];
        assert!(body.is_object() || !takes || body.is_null(), "{id}");
        let responses = described["responses"].as_object().expect("responses");
        assert!(responses.contains_key("default"), "{id} may fail");
        let mut good = responses
            .iter()
            .filter(|(status, _)| status.starts_with('2'));
        let (status, answer) = good.next().expect("it may go well");
        assert_eq!(good.count(), 0, "{id} has one good answer");
        let has_content = answer["content"].is_object();
        assert_eq!(has_content, status != "204", "{id}: {status}");
    }
}

/// Every object that somebody sends: what it does not know is refused.
#[tokio::test]
async fn what_is_sent_knows_all_of_its_fields() {
    let document = document().await;
    let mut asked = 0;
    for operation in OPERATIONS {
        let path = format!("{PREFIX}{}", operation.path);
        let described = &document["paths"][&path][operation.method.to_ascii_lowercase()];
        let schema = &described["requestBody"]["content"]["application/json"]["schema"];
        let Some(reference) = schema["$ref"].as_str() else {
            continue;
        };
        let schema = document.pointer(&reference[1..]).expect("it is there");
        if schema["type"] == "object" {
            assert_eq!(
                schema["additionalProperties"], false,
                "{} takes anything",
                operation.id
            );
            asked += 1;
        }
    }
    assert!(asked > 5, "only {asked}");
}

fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            if let Some(reference) = fields.get("$ref").and_then(Value::as_str) {
                found.insert(reference.to_owned());
            }
            fields.values().for_each(|value| references(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

#[tokio::test]
async fn what_is_referred_to_is_there_and_the_reverse() {
    let document = document().await;
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    for reference in &found {
        let pointer = reference.strip_prefix('#').expect("it is in the document");
        assert!(
            document.pointer(pointer).is_some(),
            "{reference} is nowhere"
        );
    }
    for name in document["components"]["schemas"]
        .as_object()
        .expect("schemas")
        .keys()
    {
        let reference = format!("#/components/schemas/{name}");
        assert!(found.contains(&reference), "nothing refers to {name}");
    }
}

const VALIDATE: &str = "
import json, sys
from openapi_spec_validator import OpenAPIV31SpecValidator
document = json.load(open(sys.argv[1]))
for error in OpenAPIV31SpecValidator(document).iter_errors():
    print(list(error.absolute_path), error.message[:300])
";

#[tokio::test]
async fn the_document_is_one_of_openapi_3_1() {
    let document = document().await;
    assert_eq!(document["openapi"], "3.1.0");
    let checked = tokio::task::spawn_blocking(move || {
        let bench = Workbench::new();
        let script = bench.write("validate.py", VALIDATE);
        let file = bench.write("openapi.json", &document.to_string());
        let mut python = bench.command(tool("python/bin/python"));
        let problems = run(python.arg(script).arg(file));
        // It does find what is wrong.
        let broken = document.to_string().replacen(
            "\"operationId\":\"getCaller\"",
            "\"operationId\":\"listPlans\"",
            1,
        );
        let broken = bench.write("broken.json", &broken);
        let script = bench.path("validate.py");
        let mut python = bench.command(tool("python/bin/python"));
        (problems, run(python.arg(script).arg(broken)))
    });
    let (problems, broken) = checked.await.expect("it runs");
    assert_eq!(problems, "");
    assert!(broken.contains("listPlans"), "{broken}");
}
