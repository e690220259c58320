//! The last steps before a batch of spans leaves, on the thread that sends.

use opentelemetry::Value;
use opentelemetry::trace::SpanKind;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// The attribute that says which endpoint answered.
const ENDPOINT: &str = "roadstead.endpoint";

/// Names the spans, sends them, and tells the log when that begins or ceases to fail: once, not once per batch.
#[derive(Debug)]
pub(super) struct Exporter<E> {
    inner: E,
    is_failing: AtomicBool,
}

impl<E> Exporter<E> {
    pub(super) fn new(inner: E) -> Self {
        Self {
            inner,
            is_failing: AtomicBool::new(false),
        }
    }
}

impl<E: SpanExporter> SpanExporter for Exporter<E> {
    async fn export(&self, mut batch: Vec<SpanData>) -> OTelSdkResult {
        batch.iter_mut().for_each(name_after_endpoint);
        let result = self.inner.export(batch).await;
        let was_failing = self.is_failing.swap(result.is_err(), Ordering::Relaxed);
        match &result {
            Err(error) if !was_failing => {
                tracing::warn!(%error, "[traces] otlp_endpoint takes no traces; they are dropped until it does");
            }
            Ok(()) if was_failing => tracing::info!("[traces] otlp_endpoint takes traces again"),
            _ => {}
        }
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

/// A request's endpoint is known only when its span has long begun, and a span that has begun keeps its name.
fn name_after_endpoint(span: &mut SpanData) {
    if span.span_kind != SpanKind::Server {
        return;
    }
    let endpoint = span.attributes.iter().find(|a| a.key.as_str() == ENDPOINT);
    if let Some(Value::String(endpoint)) = endpoint.map(|attribute| &attribute.value) {
        span.name = endpoint.as_str().to_owned().into();
    }
}
