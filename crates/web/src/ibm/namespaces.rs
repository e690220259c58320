//! Namespaces. There is one resource group, `default`, and every namespace is in it.

use super::{Call, IbmError, reply};
use crate::body::Body;
use http::{Response, StatusCode};
use model::Action;
use serde_json::{Value, json};
use services::{Error, NamespaceChange, NamespaceRef, NewNamespace, Refused};

const RESOURCE_GROUP: &str = "default";

/// `ListNamespaces`: their names.
pub(super) async fn list(call: &Call<'_>) -> Result<Response<Body>, IbmError> {
    let listed = call.services().namespaces.list_visible(&call.by).await?;
    let names = listed.into_iter().map(|details| details.namespace.name);
    let names: Vec<String> = names.collect();
    Ok(reply::json(StatusCode::OK, &json!(names)))
}

/// `ListNamespaceDetails`.
pub(super) async fn list_details(call: &Call<'_>) -> Result<Response<Body>, IbmError> {
    let listed = call.services().namespaces.list_visible(&call.by).await?;
    let account = call.by.account().id.as_str();
    let service = &call.services().settings().service;
    let details: Vec<Value> = listed
        .iter()
        .map(|details| {
            let namespace = &details.namespace;
            let created = reply::time(namespace.created_at_ms);
            json!({
                "account": account,
                "name": namespace.name,
                "crn": format!("crn:v1:{service}:private:container-registry::a/{account}::namespace:{}", namespace.name),
                "resource_group": RESOURCE_GROUP,
                "resource_created_date": created,
                "created_date": created,
                "updated_date": reply::time(details.updated_at_ms),
            })
        })
        .collect();
    Ok(reply::json(StatusCode::OK, &json!(details)))
}

/// `CreateNamespace`: 201, or 200 for one that the account has.
pub(super) async fn create(call: &Call<'_>) -> Result<Response<Body>, IbmError> {
    let name = call.param("name");
    let services = call.services();
    call.require_login()?;
    require_group(call)?;
    let new = NewNamespace {
        name: name.to_owned(),
        settings: NamespaceChange::default(),
        storage_limit: None,
    };
    let (status, is_claimed) = match services.namespaces.create(&call.by, new).await {
        Ok(created) => (StatusCode::CREATED, created.is_claimed),
        Err(Refused::Failed(Error::AlreadyExists(_))) => (StatusCode::OK, true),
        Err(error) => return Err(error.into()),
    };
    let mut body = json!({ "namespace": name });
    if !is_claimed {
        body["message"] =
            "another account has the name on the shared address; push to the account's own address"
                .into();
    }
    Ok(reply::json(status, &body))
}

/// `AssignNamespace`: to the group that it is in.
pub(super) async fn assign(call: &Call<'_>) -> Result<Response<Body>, IbmError> {
    let (services, name) = (call.services(), call.param("name"));
    let action = Action::NamespaceCreate;
    services.authorizer.require(&call.by, action).await?;
    if call.header("x-auth-resource-group").is_none() {
        return Err(IbmError::bad_request("X-Auth-Resource-Group is missing"));
    }
    require_group(call)?;
    let named = NamespaceRef::Name(name);
    services.namespaces.get(&call.by, named).await?;
    Ok(reply::json(StatusCode::OK, &json!({ "namespace": name })))
}

/// `DeleteNamespace`: with everything in it, for good.
pub(super) async fn delete(call: &Call<'_>) -> Result<Response<Body>, IbmError> {
    let named = NamespaceRef::Name(call.param("name"));
    let namespaces = &call.services().namespaces;
    namespaces.delete_with_content(&call.by, named).await?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}

fn require_group(call: &Call<'_>) -> Result<(), IbmError> {
    match call.header("x-auth-resource-group") {
        None | Some("" | RESOURCE_GROUP) => Ok(()),
        Some(_) => Err(IbmError::unsupported(format!(
            "an account has one resource group here, {RESOURCE_GROUP}, and every namespace is in it"
        ))),
    }
}
