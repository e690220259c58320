//! Our own API, at `/api/v1`: accounts for whoever administers them, the deployment for whoever runs it, and what belongs to
//! the caller itself.
//!
//! A request becomes a [`Call`]: its operation, its caller, what it asks. Each noun has a file. What there is stands in one
//! table, [`OPERATIONS`], which requests are routed by and which the OpenAPI document is made from.

mod access_tokens;
mod account_plan;
mod accounts;
mod addresses;
mod audit_events;
mod audit_retention;
mod certificates;
mod closing;
mod content_requests;
mod deployment;
mod error;
mod grants;
mod identity_sources;
mod immutability;
mod invitations;
mod jobs;
mod limits;
mod locks;
mod login_sources;
mod mail;
mod members;
mod network;
mod openapi;
mod operations;
mod operators;
mod plans;
mod query;
mod reply;
mod repositories;
mod retention;
mod roles;
mod sinks;
mod tag_history;
mod time;
mod trash;
mod trust_rules;
mod usage;
mod webhooks;
mod work;

use crate::authentication::{authenticate_as, credentials};
use crate::body::{Body, IncomingBody};
use crate::exchange::{Answer, RequestContext};
use crate::harbor::session::{Guard, cookie};
use crate::path::{Found, PathParams};
use crate::registry::{Registry, label};
use bytes::Bytes;
use error::ApiError;
use http::{HeaderMap, Request, Response, header};
use operations::find;
pub use operations::{OPERATIONS, Operation};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use query::Query;
use serde::de::DeserializeOwned;
use services::access::Rights;
use services::{AccountContext, AuthenticationFailed, CallerContext, Credentials};
use services::{OperatorContext, Seat, Services};
use std::sync::{Arc, OnceLock};
use time::Time;

/// Where the API is.
pub const PREFIX: &str = "/api/v1";
/// The largest body of a request.
const BODY_BYTES: u64 = 256 * 1024;

/// A request that is understood, and its caller, who is somebody.
pub(crate) struct Call<'a> {
    registry: &'a Registry,
    caller: CallerContext,
    params: PathParams,
    query: Query,
    /// The path as it came.
    path: String,
    headers: HeaderMap,
    body: Bytes,
    /// The request's place among those of the account that its path names.
    seat: OnceLock<Seat>,
}

impl Call<'_> {
    fn services(&self) -> &Services {
        &self.registry.services
    }

    /// Who asks, from where, through which door.
    fn caller(&self) -> &CallerContext {
        &self.caller
    }

    /// What stood in a place of the path.
    fn param(&self, name: &str) -> &str {
        self.params.get(name)
    }

    /// A header that is there, as text.
    fn header(&self, name: &header::HeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The caller, come to the account that the path names. For whoever has nothing to do with it there is none.
    async fn account(&self) -> Result<AccountContext, ApiError> {
        let (authorizer, name) = (&self.services().authorizer, self.param("account"));
        let by = authorizer.enter_named(self.caller.clone(), name).await?;
        if self.seat.get().is_none() {
            let seat = self.services().allowances.enter_account(&by).await?;
            self.seat.get_or_init(|| seat);
        }
        Ok(by)
    }

    /// The caller, come to the deployment, which it has to be an operator of.
    async fn operator(&self) -> Result<OperatorContext, ApiError> {
        let deployment = &self.services().deployment;
        Ok(deployment.enter(self.caller.clone()).await?)
    }

    /// The body as JSON of a type that knows all of its fields.
    fn body<T: DeserializeOwned>(&self) -> Result<T, ApiError> {
        let content_type = self.header(&header::CONTENT_TYPE).unwrap_or_default();
        let kind = content_type.split(';').next().unwrap_or_default().trim();
        // A page of another site can send forms and plain text with a login that the browser remembers, but not this.
        if !kind.eq_ignore_ascii_case("application/json") {
            return Err(ApiError::unsupported_media_type());
        }
        serde_json::from_slice(&self.body).map_err(|error| ApiError::of_body(&error))
    }

    /// The path of a thing that was made under this request's path.
    fn location(&self, name: &str) -> String {
        let name = utf8_percent_encode(name, NON_ALPHANUMERIC);
        format!("{}/{name}", self.path.trim_end_matches('/'))
    }
}

/// Answers a request under `/api/v1`.
pub(crate) async fn answer(
    registry: &Registry,
    request: Request<IncomingBody>,
    context: &RequestContext,
) -> Answer {
    let (result, caller) = route(registry, request, context).await;
    Answer {
        response: result.unwrap_or_else(ApiError::into_response),
        endpoint: label("account_api"),
        caller,
    }
}

type Routed = (Result<Response<Body>, ApiError>, Option<Arc<str>>);

async fn route(
    registry: &Registry,
    request: Request<IncomingBody>,
    context: &RequestContext,
) -> Routed {
    let path = request.uri().path().strip_prefix(PREFIX);
    match find(request.method(), path.unwrap_or_default()) {
        Found::Operation(operation, params) => {
            perform(registry, (operation, params), request, context).await
        }
        Found::OtherMethods(allowed) => (Err(ApiError::method_not_allowed(allowed)), None),
        Found::Nothing => {
            let text =
                "there is no such operation; /api/v1/openapi.json describes those that there are";
            (Err(ApiError::not_found(text)), None)
        }
    }
}

async fn perform(
    registry: &Registry,
    (operation, params): (&'static Operation, PathParams),
    request: Request<IncomingBody>,
    context: &RequestContext,
) -> Routed {
    // What everyone may ask is for those, too, whose session has ended.
    let cookie = cookie(request.headers()).filter(|_| !operation.is_open());
    let caller = match enter(registry, &request, context, cookie.as_deref()).await {
        Ok(caller) => caller,
        Err(error) => return (Err(error), None),
    };
    let who = caller.authenticated.clone();
    let name = who.name.clone();
    let is_token = matches!(who.rights, Rights::Token(_));
    if !operation.is_open() && (who.caller.is_anonymous() || is_token) {
        return (Err(ApiError::unauthorized(is_token)), name);
    }
    let (head, body) = request.into_parts();
    // A cookie comes along whichever page made the browser ask; the token only from ours.
    let guard = Guard::of(registry, &head, cookie.as_deref());
    if let Err(why) = guard.check() {
        return (
            Ok(guard.mark(ApiError::forbidden(why).into_response())),
            name,
        );
    }
    if let Err(error) = guard.renew().await {
        return (Err(error.into()), name);
    }
    let query = Query::read(head.uri.query().unwrap_or_default(), operation);
    let body = match body.read_to_limit(BODY_BYTES).await {
        Ok(body) => body,
        Err(error) => return (Err(error.into()), name),
    };
    let response = match query {
        Ok(query) => {
            let call = Call {
                registry,
                caller,
                params,
                query,
                path: head.uri.path().to_owned(),
                headers: head.headers,
                body,
                seat: OnceLock::new(),
            };
            let mut result = operation.run(&call).await;
            if let (Ok(response), Some(seat)) = (&mut result, call.seat.into_inner()) {
                response.body_mut().hold(seat);
            }
            result
        }
        Err(error) => Err(error),
    };
    let response = response.unwrap_or_else(ApiError::into_response);
    (Ok(guard.mark(response)), name)
}

/// Finds out who is calling. A login that is wrong is never nobody's.
async fn enter(
    registry: &Registry,
    request: &Request<IncomingBody>,
    context: &RequestContext,
    cookie: Option<&str>,
) -> Result<CallerContext, ApiError> {
    let has_header = request.headers().contains_key(header::AUTHORIZATION);
    let shown = match cookie {
        Some(cookie) if !has_header => Credentials::Session(cookie),
        _ => credentials(request.headers())?,
    };
    let caller = authenticate_as(registry, request, context, shown).await;
    Ok(caller.map_err(|failed: AuthenticationFailed| failed)?)
}
