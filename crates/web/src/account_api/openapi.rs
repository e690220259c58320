//! The OpenAPI document (3.1), made from the table of operations and the types that they read and write.

use super::operations::Operation;
use super::query::known;
use super::reply::{Answered, Shown};
use super::{Call, OPERATIONS, PREFIX};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::future::{Ready, ready};
use std::sync::LazyLock;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema};
use utoipa::{PartialSchema, ToSchema};

/// The schemas that the document names.
#[derive(Default)]
pub(super) struct Schemas(Map<String, Value>);

impl Schemas {
    /// The schema of a type, as a reference to it, which is in the document with all that it needs from now on.
    pub(super) fn of<T: ToSchema>(&mut self) -> Value {
        let mut needed = vec![(T::name().into_owned(), T::schema())];
        T::schemas(&mut needed);
        for (name, schema) in needed {
            self.0.insert(name, json!(schema));
        }
        json!({ "$ref": format!("#/components/schemas/{}", T::name()) })
    }
}

/// What an operation reads and writes, as the document has it.
pub(super) struct Described {
    /// The body that it takes.
    pub(super) body: Option<Value>,
    /// The status of its answer.
    pub(super) status: u16,
    /// What the answer is.
    pub(super) answer: Value,
}

/// The document.
#[derive(Serialize)]
#[serde(transparent)]
pub(super) struct Document(&'static Value);

impl PartialSchema for Document {
    fn schema() -> RefOr<Schema> {
        let text = "A document in the form of OpenAPI 3.1.";
        ObjectBuilder::new().description(Some(text)).into()
    }
}

impl ToSchema for Document {}

/// `getOpenApi`.
pub(super) fn document(_: &Call<'_>) -> Ready<Answered<Shown<Document>>> {
    static DOCUMENT: LazyLock<Value> = LazyLock::new(write);
    ready(Ok(Shown(Document(&DOCUMENT))))
}

fn write() -> Value {
    let mut schemas = Schemas::default();
    let mut paths = Map::new();
    let mut tags: Vec<&str> = Vec::new();
    for operation in OPERATIONS {
        let path = paths
            .entry(format!("{PREFIX}{}", operation.path))
            .or_insert_with(|| json!({}));
        path[operation.method.to_ascii_lowercase()] = described(operation, &mut schemas);
        if !tags.contains(&operation.tag) {
            tags.push(operation.tag);
        }
    }
    let tags: Vec<Value> = tags
        .into_iter()
        .map(|name| json!({ "name": name }))
        .collect();
    schemas.0.insert("Errors".to_owned(), errors());
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Roadstead",
            "summary": "Accounts, for whoever administers them, and the deployment, for whoever runs it.",
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "security": [{ "basic": [] }, { "session": [], "csrf": [] }],
        "tags": tags,
        "paths": paths,
        "components": {
            "schemas": schemas.0,
            "responses": {
                "Error": {
                    "description": "It was not done; why, and what to do, stands inside.",
                    "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Errors" } } },
                },
            },
            "securitySchemes": {
                "basic": {
                    "type": "http",
                    "scheme": "basic",
                    "description": "A name with its password, a personal access token or a robot account's secret.",
                },
                "session": { "type": "apiKey", "in": "cookie", "name": "sid" },
                "csrf": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "X-Harbor-CSRF-Token",
                    "description": "What the answers to a session's requests carry in the same header; changes need it.",
                },
            },
        },
    })
}

fn errors() -> Value {
    json!({
        "type": "object",
        "description": "Why something was not done.",
        "required": ["errors"],
        "properties": {
            "errors": {
                "type": "array",
                "minItems": 1,
                "items": {
                    "type": "object",
                    "required": ["code", "message"],
                    "properties": {
                        "code": { "type": "string", "description": "For programs." },
                        "message": { "type": "string", "description": "For people." },
                    },
                },
            },
        },
    })
}

fn described(operation: &Operation, schemas: &mut Schemas) -> Value {
    let Described {
        body,
        status,
        answer,
    } = (operation.describe)(schemas);
    let places = operation.path.split('/').filter_map(|part| {
        let name = part.strip_prefix('{')?.strip_suffix('}')?;
        let schema = json!({ "type": "string", "minLength": 1 });
        Some(json!({ "name": name, "in": "path", "required": true, "schema": schema }))
    });
    let query = known(operation).map(super::query::Parameter::described);
    let parameters: Vec<Value> = places.chain(query).collect();
    let mut responses = json!({ "default": { "$ref": "#/components/responses/Error" } });
    responses[status.to_string()] = answer;
    let mut described = json!({
        "operationId": operation.id,
        "summary": operation.summary,
        "tags": [operation.tag],
        "parameters": parameters,
        "responses": responses,
    });
    if let Some(schema) = body {
        described["requestBody"] = json!({
            "required": true,
            "content": { "application/json": { "schema": schema } },
        });
    }
    if operation.is_open() {
        described["security"] = json!([]);
    }
    described
}
