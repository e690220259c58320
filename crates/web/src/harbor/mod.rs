//! Harbor's API v2.0: the management of what one account holds, for the clients that people already have.
//!
//! A project is a namespace, the system is the account, the system's administrator is the account's. A request becomes a
//! [`Call`]: its operation, its caller come to one account, what it asks. Each noun has a file.

mod accessories;
mod additions;
mod allowlists;
mod artifacts;
mod audit_logs;
mod configurations;
mod error;
mod gc;
mod groups;
mod icons;
mod immutable;
mod jobservice;
mod labels;
mod ldap;
mod members;
mod oidc;
mod operations;
mod permissions;
mod projects;
mod purges;
mod query;
mod quotas;
mod reply;
mod repositories;
mod retentions;
mod robots;
mod schedules;
mod search;
pub(crate) mod session;
mod statistics;
mod system;
mod tags;
mod timing;
mod users;
mod webhooks;

use crate::authentication::{authenticate_as, credentials};
use crate::body::{Body, IncomingBody};
use crate::exchange::{Answer, RequestContext};
use crate::path::{Found, PathParams};
use crate::registry::{Registry, label};
use bytes::Bytes;
pub(crate) use error::HarborError;
use http::{HeaderMap, Method, Request, Response, StatusCode, header};
pub use operations::OPERATIONS;
use operations::Operation;
use query::Query;
use reply::Reply;
use serde::de::DeserializeOwned;
use serde_json::Value;
use services::access::Rights;
use services::{AccountContext, AuthenticationFailed, Credentials, Listed, NamespaceRef, Services};
use std::sync::Arc;

/// Where the API is.
pub(crate) const PREFIX: &str = "/api/v2.0";
/// The largest body of a request.
const BODY_BYTES: u64 = 1 << 20;

/// A request that is understood, and its caller.
pub(crate) struct Call<'a> {
    registry: &'a Registry,
    /// The caller, come to one account.
    by: AccountContext,
    params: PathParams,
    query: Query,
    /// The path as it came.
    path: String,
    headers: HeaderMap,
    body: Bytes,
    /// How the client reaches the registry: scheme and host.
    origin: String,
}

impl Call<'_> {
    fn services(&self) -> &Services {
        &self.registry.services
    }

    /// What stood in a place of the path.
    fn param(&self, name: &str) -> &str {
        self.params.get(name)
    }

    /// A number that stood in a place of the path.
    fn number(&self, name: &str) -> Result<i64, HarborError> {
        self.param(name).parse().map_err(|_| {
            HarborError::unprocessable(format!("{name} in path must be of type int64"))
        })
    }

    /// The namespace that a path names: by number when it is one, unless the request says that it is a name.
    fn namespace(&self) -> NamespaceRef<'_> {
        let named = self.param("project_name_or_id");
        let is_name = self.header("x-is-resource-name") == Some("true");
        match named.parse() {
            Ok(number) if !is_name => NamespaceRef::Number(number),
            _ => NamespaceRef::Name(named),
        }
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The body as JSON of a type that knows its fields; others are passed over, as Harbor does, and so is a field that is
    /// null: some clients write what they have nothing to say of.
    fn json<T: DeserializeOwned>(&self) -> Result<T, HarborError> {
        if self.body.is_empty() {
            return Err(HarborError::unprocessable("body in body is required"));
        }
        let parsed = serde_json::from_slice(&self.body).and_then(|mut value| {
            leave_nulls_out(&mut value);
            serde_json::from_value(value)
        });
        parsed.map_err(|error| {
            HarborError::unprocessable(format!("the body is not as it has to be: {error}"))
        })
    }

    /// The path of a thing that was made under this request's path.
    fn location(&self, id: &impl std::fmt::Display) -> String {
        format!("{}/{id}", self.path.trim_end_matches('/'))
    }

    /// The page of a list that the request asks for, each entry as `show` writes it.
    fn page<T>(
        &self,
        listed: &Listed<T>,
        show: impl Fn(&T) -> Value,
    ) -> Result<Reply, HarborError> {
        let items = listed.items.iter().map(show).collect();
        let asked = self.query.page()?;
        let (path, query) = (&self.path, &self.query);
        Ok(Reply::page(items, listed.total, asked, path, query))
    }

    /// Asks anonymous callers to log in.
    fn require_login(&self) -> Result<(), HarborError> {
        if self.by.authenticated().caller.is_anonymous() {
            Err(HarborError::unauthorized())
        } else {
            Ok(())
        }
    }
}

fn leave_nulls_out(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, value| !value.is_null());
            fields.values_mut().for_each(leave_nulls_out);
        }
        Value::Array(items) => items.iter_mut().for_each(leave_nulls_out),
        _ => {}
    }
}

/// Answers a request under `/api/`, and those of logins under `/c/`.
pub(crate) async fn answer(
    registry: &Registry,
    request: Request<IncomingBody>,
    context: &RequestContext,
) -> Answer {
    let (result, caller) = route(registry, request, context).await;
    Answer {
        response: result.unwrap_or_else(HarborError::into_response),
        endpoint: label("harbor"),
        caller,
    }
}

type Routed = (Result<Response<Body>, HarborError>, Option<Arc<str>>);

async fn route(
    registry: &Registry,
    request: Request<IncomingBody>,
    context: &RequestContext,
) -> Routed {
    let path = request.uri().path();
    if path.starts_with("/c/") {
        return (session::answer(registry, request, context).await, None);
    }
    if path.trim_end_matches('/') == "/api/version" {
        let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
        let version = serde_json::json!({ "version": "v2.0" });
        let answer = if is_read {
            Ok(Reply::json(&version).into_response())
        } else {
            Err(HarborError::method_not_allowed())
        };
        return (answer, None);
    }
    let found = path.strip_prefix(PREFIX).map_or(Found::Nothing, |rest| {
        operations::find(request.method(), rest)
    });
    match found {
        Found::Operation(operation, params) => {
            perform(registry, operation, params, request, context).await
        }
        Found::OtherMethods(_) => (Err(HarborError::method_not_allowed()), None),
        Found::Nothing => {
            let text = "there is no such operation; docs/reference/harbor-api.md lists those that there are";
            (Err(HarborError::not_found(text)), None)
        }
    }
}

async fn perform(
    registry: &Registry,
    operation: &'static Operation,
    params: PathParams,
    request: Request<IncomingBody>,
    context: &RequestContext,
) -> Routed {
    let origin = registry.origin_at(&request, context).await;
    let cookie = session::cookie(request.headers());
    let by = match enter(registry, &request, context, cookie.as_deref()).await {
        Ok(by) => by,
        // Who asks cannot be found out without the database. That it is away is the answer, then.
        Err(error)
            if operation.id == "getHealth" && error.status == StatusCode::SERVICE_UNAVAILABLE =>
        {
            return (Ok(system::condition(registry).await.into_response()), None);
        }
        Err(error) => return (Err(error), None),
    };
    let name = by.authenticated().name.clone();
    // Whoever asks too much at once is refused before its body is read.
    let seat = match registry.services.allowances.enter_account(&by).await {
        Ok(seat) => seat,
        Err(error) => return (Err(error.into()), name),
    };
    let (head, body) = request.into_parts();
    // A cookie comes along whichever page made the browser ask; the token only from ours.
    let guard = session::Guard::of(registry, &head, cookie.as_deref());
    if let Err(why) = guard.check() {
        let refused = HarborError::forbidden(why).into_response();
        return (Ok(guard.mark(refused)), name);
    }
    if let Err(error) = guard.renew().await {
        return (Err(error.into()), name);
    }
    let body = match body.read_to_limit(BODY_BYTES).await {
        Ok(body) => body,
        Err(error) => return (Err(error.into()), name),
    };
    let call = Call {
        registry,
        by,
        params,
        query: Query::parse(head.uri.query().unwrap_or_default()),
        path: head.uri.path().to_owned(),
        headers: head.headers,
        body,
        origin,
    };
    let mut response = match operation.run(&call).await {
        Ok(reply) => reply.into_response(),
        Err(error) => error.into_response(),
    };
    response.body_mut().hold(seat);
    (Ok(guard.mark(response)), name)
}

/// Finds out who is calling, and which account it is about. As with Harbor, a wrong login is an anonymous request, except
/// one of too many.
async fn enter(
    registry: &Registry,
    request: &Request<IncomingBody>,
    context: &RequestContext,
    cookie: Option<&str>,
) -> Result<AccountContext, HarborError> {
    let has_header = request.headers().contains_key(header::AUTHORIZATION);
    let shown = match cookie {
        Some(cookie) if !has_header => Ok(Credentials::Session(cookie)),
        _ => credentials(request.headers()),
    };
    let shown = shown.unwrap_or(Credentials::None);
    let caller = match authenticate_as(registry, request, context, shown).await {
        Err(
            AuthenticationFailed::Wrong
            | AuthenticationFailed::Expired
            | AuthenticationFailed::TokenInvalid,
        ) => authenticate_as(registry, request, context, Credentials::None).await?,
        caller => caller?,
    };
    // What it may do to images says nothing of what its owner manages.
    if matches!(caller.authenticated.rights, Rights::Token(_)) {
        return Err(HarborError::forbidden(
            "a token for images is no login here; show a name with its password, access token or robot secret",
        ));
    }
    let wanted = request.headers().get("account");
    let wanted = wanted.and_then(|value| value.to_str().ok());
    Ok(registry.services.authorizer.enter(caller, wanted).await?)
}
