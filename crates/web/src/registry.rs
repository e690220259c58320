//! What the registry's listeners serve: the way from a path to the face that answers it.

use crate::authentication::host_name;
use crate::body::{Body, IncomingBody};
use crate::exchange::{Answer, Handler, RequestContext};
use crate::health::Health;
use crate::metrics::EndpointLabel;
use crate::refusals::Asked;
use crate::{account_api, console, harbor, ibm, oci as oci_face, token};
use http::{HeaderValue, Request, Response, StatusCode, header};
use rustls::sign::CertifiedKey;
use services::Services;
use std::sync::Arc;

/// What the faces want to know of the deployment.
#[derive(Clone, Debug)]
pub struct RegistrySettings {
    /// How clients reach the registry, as `https://registry.example.com`; `None`: as the request says.
    pub external_url: Option<String>,
    /// The largest manifest, in bytes.
    pub manifest_bytes: u64,
    /// Tags that one manifest push may set besides its reference.
    pub tags_per_put: usize,
    /// Scopes that one token request may ask for.
    pub scopes_per_token: usize,
    /// Most tags on a page.
    pub tags_page: usize,
    /// Most repositories on a page.
    pub catalog_page: usize,
    /// Ranges of a blob in one request.
    pub ranges_per_request: usize,
    /// Blobs being sent or received at once; further requests are asked to come back.
    pub transfers_at_once: usize,
}

/// The token endpoint.
pub(crate) const TOKEN_PATH: &str = "/service/token";

/// The endpoints that requests are counted under, in the order of their labels.
pub const ENDPOINTS: &[&str] = &[
    "token",
    "ping",
    "get_blob",
    "head_blob",
    "get_manifest",
    "head_manifest",
    "mount_blob",
    "start_upload",
    "patch_upload",
    "put_upload",
    "put_manifest",
    "list_tags",
    "delete_manifest",
    "delete_blob",
    "referrers",
    "upload_status",
    "cancel_upload",
    "catalog",
    "harbor",
    "account_api",
    "ibm",
    "console",
];

/// Answers every request that the transport does not answer itself.
pub struct Registry {
    pub(crate) services: Arc<Services>,
    pub(crate) settings: RegistrySettings,
    pub(crate) transfers: Arc<tokio::sync::Semaphore>,
    health: Arc<Health>,
}

impl Registry {
    /// Puts the faces before the services.
    pub fn new(services: Arc<Services>, settings: RegistrySettings, health: Arc<Health>) -> Self {
        let transfers = Arc::new(tokio::sync::Semaphore::new(settings.transfers_at_once));
        Self {
            services,
            settings,
            transfers,
            health,
        }
    }

    /// What is not well at the moment; nothing when all is.
    pub(crate) async fn unwell(&self) -> Vec<&'static str> {
        self.health.reasons().await.to_vec()
    }

    async fn answer(&self, request: Request<IncomingBody>, context: &RequestContext) -> Answer {
        if is_misdirected(&request, context) {
            return misdirected().into();
        }
        let path = request.uri().path();
        if path == "/v2" || path.starts_with("/v2/") {
            return oci_face::answer(self, request, context).await;
        }
        if ibm::is_path(path) {
            return ibm::answer(self, request, context).await;
        }
        if path.starts_with("/api/v1/") {
            return account_api::answer(self, request, context).await;
        }
        if path.starts_with("/api/") || path.starts_with("/c/") {
            return harbor::answer(self, request, context).await;
        }
        if path == TOKEN_PATH {
            return token::answer(self, request, context).await;
        }
        if console::is_path(path) {
            return console::answer(self, request, context).await;
        }
        not_found().into()
    }

    /// How the client of this request reaches the registry: scheme and host. At an account's own address that is the address:
    /// elsewhere other namespaces exist.
    pub(crate) async fn origin_at<B>(
        &self,
        request: &Request<B>,
        context: &RequestContext,
    ) -> String {
        let origin = self.origin(request, context);
        let host = context.host(request.uri(), request.headers());
        let (Some(host), Some((scheme, _))) = (host, origin.split_once("://")) else {
            return origin;
        };
        // Only a setting could have said another host than the request's.
        let is_own = self.settings.external_url.is_some()
            && matches!(
                self.services.address_of(&host_name(host)).await,
                Ok(model::Address::Account(_))
            );
        if is_own {
            format!("{scheme}://{host}")
        } else {
            origin
        }
    }

    /// The same for the deployment's shared address.
    pub(crate) fn origin<B>(&self, request: &Request<B>, context: &RequestContext) -> String {
        if let Some(url) = &self.settings.external_url {
            return url.trim_end_matches('/').to_owned();
        }
        let scheme = if context.client.is_secure {
            "https"
        } else {
            "http"
        };
        match context.host(request.uri(), request.headers()) {
            Some(host) => format!("{scheme}://{host}"),
            None => format!("{scheme}://{}", context.connection().local),
        }
    }
}

impl Handler for Registry {
    async fn certificate_for(&self, name: &str) -> Option<Arc<CertifiedKey>> {
        let found = self.services.certificates.shown_for(name).await?;
        Some(found.certified())
    }

    async fn handle(&self, request: Request<IncomingBody>, context: RequestContext) -> Answer {
        let asked = Asked::of(&request);
        let answer = self.answer(request, &context).await;
        if let Some(asked) = asked {
            asked.note(self, &context, &answer);
        }
        answer
    }
}

/// The label of a request that reached the endpoint of that name.
pub(crate) fn label(endpoint: &str) -> EndpointLabel {
    let position = ENDPOINTS.iter().position(|known| *known == endpoint);
    position
        .and_then(|at| u16::try_from(at).ok())
        .map_or(EndpointLabel::UNKNOWN, EndpointLabel::at)
}

/// RFC 9110, 7.4: a connection that showed an account's own certificate is for that account's name. Whoever uses it for
/// another has taken the certificate for wider than the registry means it.
fn is_misdirected<B>(request: &Request<B>, context: &RequestContext) -> bool {
    let Some(name) = &context.connection().shown_for else {
        return false;
    };
    // A proxy shares its connections out among its clients, and says whom each asked for.
    let host = context.host(request.uri(), request.headers());
    !context.client.is_forwarded && host.is_none_or(|host| host_name(host) != **name)
}

/// RFC 9110, 15.5.20: clients may send it again on another connection.
fn misdirected() -> Response<Body> {
    let text = serde_json::json!({ "errors": [{
        "code": "MISDIRECTED",
        "message": "this connection is for another host name; open one for the host that the request is for",
    }]});
    let mut response = Response::new(Body::full(text.to_string()));
    *response.status_mut() = StatusCode::MISDIRECTED_REQUEST;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

fn not_found() -> Response<Body> {
    let text = "This is a container registry. Its API is at /v2/; use it with docker, podman, skopeo, oras or helm.\n";
    let mut response = Response::new(Body::full(text));
    *response.status_mut() = StatusCode::NOT_FOUND;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, plain);
    response
}

#[cfg(test)]
mod tests {
    use super::{ENDPOINTS, label};
    use crate::metrics::EndpointLabel;

    #[test]
    fn every_endpoint_has_a_label_of_its_own() {
        let labels: Vec<_> = ENDPOINTS.iter().map(|endpoint| label(endpoint)).collect();
        assert!(labels.iter().all(|one| *one != EndpointLabel::UNKNOWN));
        assert!(labels.windows(2).all(|pair| pair[0] != pair[1]));
        assert_eq!(label("no such endpoint"), EndpointLabel::UNKNOWN);
    }
}
