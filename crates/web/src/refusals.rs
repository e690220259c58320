//! Requests that are refused, for the audit log.
//!
//! A request that shows nothing and is asked to log in is not refused: that is how clients learn where to.

use crate::authentication::{agent, basic_name, host_name};
use crate::exchange::{Answer, RequestContext};
use crate::registry::Registry;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Uri, header};
use services::{Refusal, RefusalKind};

const KEPT_COUNT: usize = 4;
/// What the log wants to know of a request that was refused; the login first.
const KEPT: [HeaderName; KEPT_COUNT] = [
    header::AUTHORIZATION,
    header::HOST,
    header::USER_AGENT,
    HeaderName::from_static("x-forwarded-host"),
];

/// On an answer whose refusal stands in the log already.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Noted;

/// What is kept of a request until its answer is known: a few reference counts.
pub(crate) struct Asked {
    uri: Uri,
    kept: [Option<HeaderValue>; KEPT_COUNT],
}

impl Asked {
    /// `None` for a request that tells by itself who was refused: a form with a name.
    pub(crate) fn of<B>(request: &Request<B>) -> Option<Self> {
        let has_header = request.headers().contains_key(header::AUTHORIZATION);
        let is_form = request.method() == Method::POST && !has_header;
        if is_form
            && !request.uri().path().starts_with("/v2")
            && !request.uri().path().starts_with("/api/")
        {
            return None;
        }
        Some(Self::keep(request))
    }

    /// The same of any request.
    pub(crate) fn keep<B>(request: &Request<B>) -> Self {
        Self {
            uri: request.uri().clone(),
            kept: KEPT.map(|name| request.headers().get(name).cloned()),
        }
    }

    fn headers(&self) -> HeaderMap {
        let kept = KEPT.into_iter().zip(self.kept.iter().cloned());
        kept.filter_map(|(name, value)| Some((name, value?)))
            .collect()
    }

    /// Notes a refusal, if the answer is one.
    pub(crate) fn note(&self, registry: &Registry, context: &RequestContext, answer: &Answer) {
        if answer.response.extensions().get::<Noted>().is_some() {
            return;
        }
        let Some(kind) = self.kind(answer) else {
            return;
        };
        let basic = basic_name(&self.headers());
        let name = answer.caller.as_deref().or(basic.as_deref());
        self.note_as(registry, context, (kind, name));
    }

    /// Notes a refusal of somebody who gave a name.
    pub(crate) fn note_as(
        &self,
        registry: &Registry,
        context: &RequestContext,
        (kind, name): (RefusalKind, Option<&str>),
    ) {
        let headers = self.headers();
        let host = context.host(&self.uri, &headers).unwrap_or_default();
        registry.services.traffic.refused(&Refusal {
            kind,
            address: context.client.address,
            agent: agent(&headers).as_deref(),
            host: &host_name(host),
            name,
            account: None,
        });
    }

    fn kind(&self, answer: &Answer) -> Option<RefusalKind> {
        let headers = answer.response.headers();
        let [authorization, ..] = &self.kept;
        match answer.response.status() {
            StatusCode::FORBIDDEN => Some(RefusalKind::Access),
            StatusCode::UNAUTHORIZED if authorization.is_some() => {
                let challenge = headers.get(header::WWW_AUTHENTICATE);
                let challenge = challenge.map_or(&b""[..], |value| value.as_bytes());
                let wanted = b"insufficient_scope";
                let lacks_scope = challenge.windows(wanted.len()).any(|part| part == wanted);
                Some(if lacks_scope {
                    RefusalKind::Access
                } else {
                    RefusalKind::Login
                })
            }
            _ => None,
        }
    }
}
