//! The data plane: the OCI distribution specification, and what clients rely on beyond it.
//!
//! A request becomes an [`Endpoint`] before anything else; that value is authorized, answered, counted and logged.

mod blobs;
pub(crate) mod error;
mod listings;
mod manifests;
mod response;
mod uploads;

use crate::authentication::authenticate;
use crate::body::{Body, IncomingBody};
use crate::exchange::{Answer, RequestContext};
use crate::registry::{Registry, label};
use error::{ChallengeContext, OciError};
use http::{Method, Request, Response, StatusCode};
use oci::{Endpoint, RepositoryName, ScopeActions};
use response::{HeaderText, respond};
use services::{Access, CallerContext, Error, Meter, RepositoryAction, Seat, TransferShare};
use std::sync::{Arc, OnceLock};

/// A request that is understood, and its caller.
pub(crate) struct Exchange<'a> {
    pub(crate) registry: &'a Registry,
    pub(crate) endpoint: &'a Endpoint,
    pub(crate) caller: CallerContext,
    pub(crate) request: Request<IncomingBody>,
    /// The request's place among those of the account that its repository is of.
    pub(crate) seat: &'a OnceLock<Seat>,
}

impl Exchange<'_> {
    /// Proves that the caller may do `A` to a repository.
    pub(crate) async fn authorize<A: RepositoryAction>(
        &self,
        name: &RepositoryName,
    ) -> Result<Access<A>, OciError> {
        let services = &self.registry.services;
        let access = services.authorizer.authorize(&self.caller, name).await?;
        // A mount asks about two repositories; the one that is pushed to comes first.
        if self.seat.get().is_none() {
            let seat = services.allowances.enter(&access).await?;
            self.seat.get_or_init(|| seat);
        }
        Ok(access)
    }

    /// A place among the blobs being sent or received at once, of which every account gets its share.
    pub(crate) fn begin_transfer(&self) -> Result<Transfer, OciError> {
        let transfers = &self.registry.transfers;
        let (free, all) = (
            transfers.available_permits(),
            self.registry.settings.transfers_at_once,
        );
        let share = match self.seat.get() {
            Some(seat) => Some(seat.begin_transfer(free, all).ok_or(OciError::Busy)?),
            None => None,
        };
        let place = Arc::clone(transfers).try_acquire_owned();
        Ok(Transfer {
            _place: place.map_err(|_| OciError::Busy)?,
            _share: share,
        })
    }

    /// Whether content may be sent, as far as the account's plan goes.
    pub(crate) fn require_pull(&self) -> Result<(), OciError> {
        match self.seat.get() {
            Some(seat) => Ok(seat.require_pull()?),
            None => Ok(()),
        }
    }

    /// Counts what goes out of a repository's namespace, and into it.
    pub(crate) fn meter(&self, name: &RepositoryName) -> Option<Meter> {
        let seat = self.seat.get()?;
        Some(seat.meter(name.namespace()))
    }

    /// Content as the body of an answer: what is sent of it counts as pulled.
    pub(crate) fn content(&self, name: &RepositoryName, body: Body) -> Body {
        match self.meter(name) {
            Some(meter) => body.metered(meter),
            None => body,
        }
    }
}

/// A blob under way.
pub(crate) struct Transfer {
    _place: tokio::sync::OwnedSemaphorePermit,
    _share: Option<TransferShare>,
}

/// Answers a request under `/v2/`.
pub(crate) async fn answer(
    registry: &Registry,
    request: Request<IncomingBody>,
    context: &RequestContext,
) -> Answer {
    let uri = request.uri();
    let endpoint = match Endpoint::parse(request.method().as_str(), uri.path(), uri.query()) {
        Ok(endpoint) => endpoint,
        Err(error) => {
            let challenge = challenge_context(registry, &request, context, None);
            return OciError::Endpoint(error).into_response(&challenge).into();
        }
    };
    // Only an error needs it, but then the request is gone.
    let origin = OriginParts::of(registry, &request, context).await;
    let (result, caller) = answer_endpoint(registry, &endpoint, request, context).await;
    let response = result.unwrap_or_else(|error| {
        error.into_response(&ChallengeContext {
            origin: origin.into_text(),
            service: &registry.services.settings().service,
            scope: wanted_scope(&endpoint),
        })
    });
    Answer {
        response,
        endpoint: label(endpoint.label()),
        caller,
    }
}

async fn answer_endpoint(
    registry: &Registry,
    endpoint: &Endpoint,
    request: Request<IncomingBody>,
    context: &RequestContext,
) -> (Result<Response<Body>, OciError>, Option<Arc<str>>) {
    let caller = match authenticate(registry, &request, context).await {
        Ok(caller) => caller,
        Err(failed) => return (Err(failed.into()), None),
    };
    let name = caller.authenticated.name.clone();
    let seat = OnceLock::new();
    let exchange = Exchange {
        registry,
        endpoint,
        caller,
        request,
        seat: &seat,
    };
    let mut result = match require_namespace(&exchange, context) {
        Ok(()) => dispatch(exchange).await,
        Err(error) => Err(error),
    };
    if let (Ok(response), Some(seat)) = (&mut result, seat.into_inner()) {
        response.body_mut().hold(seat);
    }
    (result, name)
}

async fn dispatch(exchange: Exchange<'_>) -> Result<Response<Body>, OciError> {
    match exchange.endpoint {
        Endpoint::Ping => ping(&exchange).await,
        Endpoint::GetManifest {
            name, reference, ..
        } => manifests::get(&exchange, name, reference).await,
        Endpoint::PutManifest {
            name,
            reference,
            tags,
        } => manifests::put(exchange, name, reference, tags).await,
        Endpoint::DeleteManifest { name, reference } => {
            manifests::delete(&exchange, name, reference).await
        }
        Endpoint::GetBlob {
            head: true,
            name,
            digest,
        } => blobs::head(&exchange, name, digest).await,
        Endpoint::GetBlob {
            head: false,
            name,
            digest,
        } => blobs::get(&exchange, name, digest).await,
        Endpoint::DeleteBlob { name, digest } => blobs::delete(&exchange, name, digest).await,
        Endpoint::StartUpload {
            name,
            mount,
            from,
            digest,
            algorithm,
        } => match (mount, digest) {
            (Some(mount), _) => uploads::mount(&exchange, name, mount, from.as_ref()).await,
            (None, Some(digest)) => uploads::start_with_body(exchange, name, digest).await,
            (None, None) => uploads::start(&exchange, name, *algorithm).await,
        },
        Endpoint::UploadStatus { name, id } => uploads::status(&exchange, name, id).await,
        Endpoint::PatchUpload { name, id } => uploads::patch(exchange, name, id).await,
        Endpoint::PutUpload { name, id, digest } => uploads::put(exchange, name, id, digest).await,
        Endpoint::CancelUpload { name, id } => uploads::cancel(&exchange, name, id).await,
        Endpoint::ListTags { name, n, last } => {
            listings::tags(&exchange, name, *n, last.as_deref()).await
        }
        Endpoint::Referrers {
            name,
            digest,
            artifact_types,
            n,
            last,
        } => {
            let page = listings::Asked {
                n: *n,
                last: last.as_deref(),
            };
            listings::referrers(&exchange, name, digest, artifact_types, page).await
        }
        Endpoint::Catalog { n, last } => listings::catalog(&exchange, *n, last.as_deref()).await,
    }
}

/// end-1. Anonymous callers are always asked to log in, public namespaces or not: that is how a client learns where.
async fn ping(exchange: &Exchange<'_>) -> Result<Response<Body>, OciError> {
    if exchange.caller.authenticated.caller.is_anonymous() && !has_token(exchange) {
        return Err(services::Refused::Unauthenticated.into());
    }
    let authorizer = &exchange.registry.services.authorizer;
    authorizer.admit_login(&exchange.caller).await?;
    Ok(respond(StatusCode::OK, Body::full("{}"))
        .content_type("application/json")
        .done())
}

/// Whether an anonymous caller showed a token all the same: it has logged in as nobody.
fn has_token(exchange: &Exchange<'_>) -> bool {
    matches!(
        exchange.caller.authenticated.rights,
        services::access::Rights::Token(_)
    )
}

/// Every repository is in a namespace; who forgot it is told what to type.
fn require_namespace(exchange: &Exchange<'_>, context: &RequestContext) -> Result<(), OciError> {
    match exchange.endpoint.repository() {
        // The answer to a HEAD has no body to say it in. A client that asks so before it pushes goes on, and is told then.
        Some(name) if name.path().is_none() && exchange.request.method() == Method::HEAD => {
            Err(Error::NameUnknown.into())
        }
        Some(name) if name.path().is_none() => {
            let request = &exchange.request;
            let host = context
                .host(request.uri(), request.headers())
                .unwrap_or("<host>")
                .to_owned();
            Err(Error::NamespaceMissing {
                host,
                name: name.as_str().to_owned(),
            }
            .into())
        }
        _ => Ok(()),
    }
}

/// The scope of the token that this request would need.
fn wanted_scope(endpoint: &Endpoint) -> Option<String> {
    let of = |name: &RepositoryName, actions| {
        Some(oci::Scope::repository(name.clone(), actions).to_string())
    };
    match endpoint {
        Endpoint::Ping => None,
        Endpoint::Catalog { .. } => Some(oci::Scope::catalog().to_string()),
        // A client asks whether a blob is there before it pushes it, and some keep that token for the push.
        Endpoint::GetBlob {
            head: true, name, ..
        } => of(name, ScopeActions::PULL | ScopeActions::PUSH),
        Endpoint::GetBlob { name, .. }
        | Endpoint::GetManifest { name, .. }
        | Endpoint::ListTags { name, .. }
        | Endpoint::Referrers { name, .. } => of(name, ScopeActions::PULL),
        Endpoint::StartUpload {
            name,
            from: Some(from),
            ..
        } => {
            let target = of(name, ScopeActions::PULL | ScopeActions::PUSH)?;
            Some(format!("{target} {}", of(from, ScopeActions::PULL)?))
        }
        Endpoint::StartUpload { name, .. }
        | Endpoint::PatchUpload { name, .. }
        | Endpoint::PutUpload { name, .. }
        | Endpoint::PutManifest { name, .. }
        | Endpoint::UploadStatus { name, .. }
        | Endpoint::CancelUpload { name, .. } => of(name, ScopeActions::PULL | ScopeActions::PUSH),
        Endpoint::DeleteManifest { name, .. } | Endpoint::DeleteBlob { name, .. } => {
            of(name, ScopeActions::DELETE)
        }
    }
}

/// What the origin of a request is made of, cheaply kept until an error asks for it.
enum OriginParts {
    Known(String),
    Host { is_secure: bool, host: HeaderText },
}

impl OriginParts {
    async fn of(
        registry: &Registry,
        request: &Request<IncomingBody>,
        context: &RequestContext,
    ) -> Self {
        let host = request.headers().get(http::header::HOST);
        match host {
            // The usual case costs one reference count.
            Some(host)
                if registry.settings.external_url.is_none() && !context.client.is_forwarded =>
            {
                Self::Host {
                    is_secure: context.client.is_secure,
                    host: HeaderText(host.clone()),
                }
            }
            _ => Self::Known(registry.origin_at(request, context).await),
        }
    }

    fn into_text(self) -> String {
        match self {
            Self::Known(origin) => origin,
            Self::Host { is_secure, host } => {
                format!(
                    "{}://{}",
                    if is_secure { "https" } else { "http" },
                    host.as_str()
                )
            }
        }
    }
}

fn challenge_context<'a>(
    registry: &'a Registry,
    request: &Request<IncomingBody>,
    context: &RequestContext,
    scope: Option<String>,
) -> ChallengeContext<'a> {
    ChallengeContext {
        origin: registry.origin(request, context),
        service: &registry.services.settings().service,
        scope,
    }
}
