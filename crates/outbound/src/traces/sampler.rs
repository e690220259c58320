//! Which requests are traced when their callers do not say.

use opentelemetry::trace::{Link, SpanKind, TraceId};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{Sampler, SamplingResult, ShouldSample};

/// A part of the requests, and nothing else: a transaction of some background job is no trace of its own.
#[derive(Clone, Debug)]
pub(super) struct OnlyRequests {
    part: Sampler,
}

impl OnlyRequests {
    pub(super) fn new(ratio: f64) -> Self {
        Self {
            part: Sampler::TraceIdRatioBased(ratio),
        }
    }
}

impl ShouldSample for OnlyRequests {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        trace_id: TraceId,
        name: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        let chosen = match kind {
            SpanKind::Server => &self.part,
            _ => &Sampler::AlwaysOff,
        };
        chosen.should_sample(parent, trace_id, name, kind, attributes, links)
    }
}
