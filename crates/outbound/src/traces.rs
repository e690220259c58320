//! Traces, sent to a collector by OTLP over HTTP.
//!
//! Encoding, batching and sending are left to OpenTelemetry's own crates: the protocol moves, they move with it, and
//! beyond the HTTP client that is here anyway they cost some twenty small crates. Ours is what they cannot know: which
//! spans are begun, what they are called, and what the operator hears when the collector is away.
//!
//! A finished span goes into a bounded queue and is dropped when that is full, so no request ever waits for the
//! collector. A thread of their own sends them, and once more at the end.

mod exporter;
mod sampler;

use exporter::Exporter;
use opentelemetry::propagation::{Extractor, TextMapPropagator as _};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::{
    ExporterBuildError, Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracerProvider,
};
use sampler::OnlyRequests;
use std::time::Duration;
use tracing::level_filters::LevelFilter;
use tracing::{Metadata, Span, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::registry::LookupSpan;

/// Spans that wait to be sent; about 2 MiB.
const QUEUE_SPANS: usize = 2_048;
/// Spans in one message to the collector.
const BATCH_SPANS: usize = 512;
/// How long spans gather before they are sent.
const BATCH_EVERY: Duration = Duration::from_secs(5);
/// How long the collector may take for a message, and the end of the process for the last ones.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where traces go, and what they say of their sender.
#[derive(Debug)]
pub struct TraceSettings<'a> {
    /// The collector's URL with its path, as in `http://127.0.0.1:4318/v1/traces`.
    pub endpoint: &'a str,
    /// The part of the requests that is traced when the caller does not say: 0.0 to 1.0.
    pub sample_ratio: f64,
    /// The version of the program: `service.version`.
    pub version: &'static str,
    /// What tells this process from its siblings: `service.instance.id`.
    pub instance_id: String,
}

/// Why no traces can be sent.
#[derive(Debug, thiserror::Error)]
pub enum TracesError {
    /// The URL passed the settings' check but is none. It is not repeated here: it may hold a password.
    #[error(
        "[traces] otlp_endpoint is no URL that can be used; write it as in \"http://127.0.0.1:4318/v1/traces\""
    )]
    Endpoint,
    /// The HTTP client could not be made, for want of the system's certificates for example.
    #[error("traces cannot be sent; does this machine have its certificate authorities installed?")]
    Client(#[source] reqwest::Error),
    /// OpenTelemetry refused.
    #[error("traces cannot be sent")]
    Exporter(#[source] ExporterBuildError),
}

/// Sends traces until it is dropped; then it sends what is left, for 5 seconds at most.
pub struct Traces {
    provider: SdkTracerProvider,
}

impl Traces {
    /// Starts the thread that sends. Connects to nothing yet, and does not fail when nobody listens. Blocks; to be called
    /// outside of the asynchronous runtime.
    pub fn start(settings: TraceSettings<'_>) -> Result<Self, TracesError> {
        let exporter = Exporter::new(otlp_exporter(settings.endpoint)?);
        let batches = BatchConfigBuilder::default()
            .with_max_queue_size(QUEUE_SPANS)
            .with_max_export_batch_size(BATCH_SPANS)
            .with_scheduled_delay(BATCH_EVERY)
            .build();
        let batches = BatchSpanProcessor::builder(exporter)
            .with_batch_config(batches)
            .build();
        let resource = Resource::builder()
            .with_service_name("roadstead")
            .with_attribute(KeyValue::new("service.version", settings.version))
            .with_attribute(KeyValue::new("service.instance.id", settings.instance_id))
            .build();
        let provider = SdkTracerProvider::builder()
            .with_span_processor(batches)
            .with_sampler(Sampler::ParentBased(Box::new(OnlyRequests::new(
                settings.sample_ratio,
            ))))
            .with_resource(resource)
            .build();
        Ok(Self { provider })
    }

    /// The layer that makes traces of `tracing` spans of level INFO. Events stay in the log.
    pub fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'span> LookupSpan<'span>,
    {
        let is_ours = filter_fn(|metadata: &Metadata<'_>| metadata.is_span())
            .with_max_level_hint(LevelFilter::INFO);
        tracing_opentelemetry::layer()
            .with_tracer(self.provider.tracer("roadstead"))
            // What the source code looks like is no matter of those who read traces, and every attribute is an allocation.
            .with_location(false)
            .with_target(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
            // Nobody here asks OpenTelemetry for its current span.
            .with_context_activation(false)
            .with_filter(is_ours)
    }
}

impl Drop for Traces {
    fn drop(&mut self) {
        if let Err(error) = self.provider.shutdown_with_timeout(PATIENCE) {
            tracing::warn!(%error, "the last traces could not be sent");
        }
    }
}

/// Makes a span the child of the span that a caller named in the headers `traceparent` and `tracestate` (W3C Trace Context,
/// 3.2 and 3.3). What cannot be understood is ignored, as section 4.3 asks for. To be called before the span is entered.
pub fn adopt_parent(span: &Span, traceparent: &str, tracestate: &str) {
    let headers = CallerHeaders {
        traceparent,
        tracestate,
    };
    let parent = TraceContextPropagator::new().extract_with_context(&Context::new(), &headers);
    // It fails for spans that are not traced, which have no parents.
    _ = span.set_parent(parent);
}

struct CallerHeaders<'a> {
    traceparent: &'a str,
    tracestate: &'a str,
}

impl Extractor for CallerHeaders<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        match key {
            "traceparent" => Some(self.traceparent),
            "tracestate" => Some(self.tracestate),
            _ => None,
        }
    }

    fn keys(&self) -> Vec<&str> {
        vec!["traceparent", "tracestate"]
    }
}

fn otlp_exporter(endpoint: &str) -> Result<SpanExporter, TracesError> {
    let url = reqwest::Url::parse(endpoint).map_err(|_| TracesError::Endpoint)?;
    let client = reqwest::blocking::Client::builder()
        .timeout(PATIENCE)
        // Traces go where the setting says and nowhere else.
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none());
    let client = match url.scheme() {
        // A container image may come without certificate authorities; they are not missed here.
        "http" => client.tls_certs_only([]),
        _ => client,
    };
    SpanExporter::builder()
        .with_http()
        .with_http_client(client.build().map_err(TracesError::Client)?)
        .with_endpoint(endpoint)
        .with_protocol(Protocol::HttpBinary)
        .with_timeout(PATIENCE)
        .build()
        .map_err(|error| match error {
            ExporterBuildError::InvalidConfiguration(_) => TracesError::Endpoint,
            other @ ExporterBuildError::InternalFailure(_) => TracesError::Exporter(other),
        })
}

#[cfg(test)]
mod tests;
