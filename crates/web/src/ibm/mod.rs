//! IBM's API of its container registry, for the clients that people have for it: a thin face over the same services.
//!
//! A request becomes a [`Call`]: its operation, its caller come to one account, what it asks. An API key becomes a token
//! at [`TOKEN_PATH`]. What does not work yet is not there: 404, never a success.

mod auth;
mod error;
mod image_name;
mod images;
mod messages;
mod namespaces;
mod operations;
mod plans;
mod quotas;
mod reply;
mod retention;
mod settings;
mod tags;
mod token;
mod trash;

use crate::authentication::{authenticate_as, credentials};
use crate::body::{Body, IncomingBody};
use crate::exchange::{Answer, RequestContext};
use crate::path::{Found, PathParams};
use crate::registry::{Registry, label};
use bytes::Bytes;
use error::IbmError;
use http::{HeaderMap, Method, Request, Response};
use image_name::{Hosts, ImageName};
pub use operations::OPERATIONS;
use operations::{Operation, find};
use serde::de::DeserializeOwned;
use services::{AccountContext, Credentials, Services};
use std::sync::Arc;

/// Where the operations are.
pub const PREFIX: &str = "/api/v1";
/// Where an API key becomes a token.
pub const TOKEN_PATH: &str = "/identity/token";
/// The nouns under [`PREFIX`] that are IBM's; all others are the product's own.
const NOUNS: &[&str] = &[
    "auth",
    "images",
    "messages",
    "namespaces",
    "plans",
    "quotas",
    "retentions",
    "settings",
    "tags",
    "trash",
];
/// The largest body of a request.
const BODY_BYTES: u64 = 1 << 20;

/// Whether a path is of this face.
pub(crate) fn is_path(path: &str) -> bool {
    let rest = path
        .strip_prefix(PREFIX)
        .and_then(|rest| rest.strip_prefix('/'));
    let noun = rest.and_then(|rest| rest.split('/').next());
    path == TOKEN_PATH || noun.is_some_and(|noun| NOUNS.contains(&noun))
}

/// A request that is understood, and its caller.
pub(crate) struct Call<'a> {
    registry: &'a Registry,
    /// The caller, come to one account.
    by: AccountContext,
    params: PathParams,
    query: Vec<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
    /// The names under which the client knows the registry.
    hosts: Hosts,
}

impl Call<'_> {
    fn services(&self) -> &Services {
        &self.registry.services
    }

    /// What stood in a place of the path.
    fn param(&self, name: &str) -> &str {
        self.params.get(name)
    }

    /// The values of a parameter of the query, in order.
    fn values(&self, name: &str) -> impl Iterator<Item = &str> {
        let named = self.query.iter().filter(move |(known, _)| known == name);
        named.map(|(_, value)| value.as_str())
    }

    /// A parameter that is `true` or `false`; of several the last counts.
    fn flag(&self, name: &str) -> Result<Option<bool>, IbmError> {
        match self.values(name).last() {
            None | Some("") => Ok(None),
            Some("true" | "1") => Ok(Some(true)),
            Some("false" | "0") => Ok(Some(false)),
            Some(_) => Err(IbmError::bad_request(format!("{name} is true or false"))),
        }
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The image that stood in the path.
    fn image(&self) -> Result<ImageName, IbmError> {
        self.named(self.param("image"))
    }

    /// An image by its name, with or without the registry's.
    fn named(&self, name: &str) -> Result<ImageName, IbmError> {
        ImageName::parse(name, &self.hosts).map_err(IbmError::bad_request)
    }

    /// The body as JSON of a type that knows all of its fields.
    fn json<T: DeserializeOwned>(&self) -> Result<T, IbmError> {
        serde_json::from_slice(&self.body).map_err(|error| {
            IbmError::bad_request(format!("the body is not as it has to be: {error}"))
        })
    }

    /// Asks anonymous callers to log in.
    fn require_login(&self) -> Result<(), IbmError> {
        if self.by.authenticated().caller.is_anonymous() {
            Err(services::Refused::Unauthenticated.into())
        } else {
            Ok(())
        }
    }
}

/// Answers a request whose path [`is_path`].
pub(crate) async fn answer(
    registry: &Registry,
    request: Request<IncomingBody>,
    context: &RequestContext,
) -> Answer {
    let (response, caller) = if request.uri().path() == TOKEN_PATH {
        token::answer(registry, request, context).await
    } else {
        let (result, caller) = route(registry, request, context).await;
        let response = result.unwrap_or_else(|error| error.into_response(&context.request_id));
        (response, caller)
    };
    Answer {
        response,
        endpoint: label("ibm"),
        caller,
    }
}

type Routed = (Result<Response<Body>, IbmError>, Option<Arc<str>>);

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
        Found::OtherMethods(_) => (Err(IbmError::method_not_allowed()), None),
        Found::Nothing => {
            let text =
                "there is no such operation; docs/reference/ibm-api.md lists those that there are";
            (Err(IbmError::not_found(text)), None)
        }
    }
}

async fn perform(
    registry: &Registry,
    (operation, params): (&'static Operation, PathParams),
    request: Request<IncomingBody>,
    context: &RequestContext,
) -> Routed {
    let by = match enter(registry, &request, context).await {
        Ok(by) => by,
        Err(error) => return (Err(error), None),
    };
    let name = by.authenticated().name.clone();
    // Whoever asks too much at once is refused before its body is read.
    let seat = match registry.services.allowances.enter_account(&by).await {
        Ok(seat) => seat,
        Err(error) => return (Err(error.into()), name),
    };
    let hosts = Hosts::of(registry, &request, context).await;
    let (head, body) = request.into_parts();
    if let Err(error) = require_own_page(&head.method, &head.headers) {
        return (Err(error), name);
    }
    let body = match body.read_to_limit(BODY_BYTES).await {
        Ok(body) => body,
        Err(error) => return (Err(error.into()), name),
    };
    let query = crate::token::decode(head.uri.query().unwrap_or_default());
    let call = Call {
        registry,
        by,
        params,
        query: query
            .into_iter()
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect(),
        headers: head.headers,
        body,
        hosts,
    };
    let response = operation.run(&call).await.map(|mut response| {
        response.body_mut().hold(seat);
        response
    });
    (response, name)
}

/// A browser that remembers a login shows it for pages of other sites, too: these must not change anything.
fn require_own_page(method: &Method, headers: &HeaderMap) -> Result<(), IbmError> {
    let site = headers
        .get("sec-fetch-site")
        .map(http::HeaderValue::as_bytes);
    let is_foreign = site.is_some_and(|site| site == b"cross-site" || site == b"same-site");
    if is_foreign && *method != Method::GET && *method != Method::HEAD {
        return Err(IbmError::forbidden(
            "a page of another site may not ask for this; use a client, or a page of the registry itself",
        ));
    }
    Ok(())
}

/// Finds out who is calling, and which account it is about: the one that the request names, by name or id, else that of
/// the address, else the caller's own.
async fn enter(
    registry: &Registry,
    request: &Request<IncomingBody>,
    context: &RequestContext,
) -> Result<AccountContext, IbmError> {
    let shown = match credentials(request.headers())? {
        Credentials::Bearer(token) => Credentials::ManagementToken(token),
        other => other,
    };
    let caller = authenticate_as(registry, request, context, shown).await?;
    let is_anonymous = caller.authenticated.caller.is_anonymous();
    let wanted = request.headers().get("account");
    let wanted = wanted.and_then(|value| value.to_str().ok());
    // Anonymous callers are asked to log in, whichever account they name.
    let wanted = wanted.filter(|wanted| !wanted.is_empty() && !is_anonymous);
    let authorizer = &registry.services.authorizer;
    let by = authorizer.enter(caller, wanted).await;
    let by = by.map_err(IbmError::of_account)?;
    // An address of an account's own says which account it is; another that is named is none there.
    let is_same = |wanted: &str| by.account().name == wanted || by.account().id.as_str() == wanted;
    if wanted.is_none_or(is_same) {
        Ok(by)
    } else {
        Err(IbmError::of_account(services::Refused::Hidden))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_face_has_its_nouns_and_no_others() {
        for path in [
            "/identity/token",
            "/api/v1/images",
            "/api/v1/images/a%2Fb/json",
            "/api/v1/plans/",
        ] {
            assert!(is_path(path), "{path}");
        }
        for path in [
            "/identity/token/x",
            "/api/v1",
            "/api/v1/accounts/a/images",
            "/api/v1/openapi.json",
            "/api/v1/imagesx",
            "/api/v2.0/quotas",
        ] {
            assert!(!is_path(path), "{path}");
        }
        for operation in OPERATIONS {
            assert!(is_path(&format!("{PREFIX}{}", operation.path)));
        }
    }

    #[test]
    fn pages_of_other_sites_change_nothing() {
        let of = |method: Method, site: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            if let Some(site) = site {
                headers.insert("sec-fetch-site", http::HeaderValue::from_static(site));
            }
            require_own_page(&method, &headers).is_ok()
        };
        assert!(of(Method::POST, None));
        assert!(of(Method::DELETE, Some("same-origin")));
        assert!(of(Method::GET, Some("cross-site")));
        assert!(!of(Method::POST, Some("cross-site")));
        assert!(!of(Method::PUT, Some("same-site")));
    }
}
