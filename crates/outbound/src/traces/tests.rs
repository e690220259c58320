use super::*;
use opentelemetry::trace::SpanKind;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{SpanData, SpanExporter as Exports};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use tracing_subscriber::layer::SubscriberExt as _;

/// A collector in this process.
#[derive(Clone, Debug, Default)]
struct Collector {
    spans: Arc<Mutex<Vec<SpanData>>>,
    is_away: Arc<AtomicBool>,
}

impl Exports for Collector {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        if self.is_away.load(Ordering::Relaxed) {
            return Err(OTelSdkError::InternalFailure("away".to_owned()));
        }
        self.spans.lock().unwrap().extend(batch);
        Ok(())
    }
}

/// The spans that leave while `act` runs, in the order of their ends.
fn spans_of(ratio: f64, act: impl FnOnce()) -> Vec<SpanData> {
    let collector = Collector::default();
    let traces = Traces {
        provider: SdkTracerProvider::builder()
            .with_simple_exporter(Exporter::new(collector.clone()))
            .with_sampler(Sampler::ParentBased(Box::new(OnlyRequests::new(ratio))))
            .build(),
    };
    let subscriber = tracing_subscriber::registry().with(traces.layer());
    tracing::subscriber::with_default(subscriber, act);
    collector.spans.lock().unwrap().clone()
}

fn request() -> Span {
    tracing::info_span!(parent: None, "http.request", otel.kind = "server")
}

const SAMPLED: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const NOT_SAMPLED: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";

#[test]
fn a_request_is_named_after_its_endpoint_and_holds_what_was_done_for_it() {
    let spans = spans_of(1.0, || {
        let request = tracing::info_span!(
            parent: None,
            "http.request",
            otel.kind = "server",
            roadstead.endpoint = tracing::field::Empty
        );
        request.in_scope(|| {
            tracing::info_span!("database.write", otel.kind = "client").in_scope(|| ());
            tracing::info!("an event");
        });
        request.record("roadstead.endpoint", "get_manifest");
    });
    let names: Vec<_> = spans.iter().map(|span| span.name.as_ref()).collect();
    assert_eq!(names, ["database.write", "get_manifest"]);
    let [write, request] = &spans[..] else {
        unreachable!()
    };
    assert_eq!(write.parent_span_id, request.span_context.span_id());
    assert_eq!(write.span_kind, SpanKind::Client);
    assert!(request.events.events.is_empty());
    assert_eq!(
        request.attributes.len(),
        1,
        "nothing that was not asked for"
    );
}

#[test]
fn the_callers_decision_goes_before_the_ratio() {
    let with_parent =
        |traceparent: &'static str| move || adopt_parent(&request(), traceparent, "vendor=1");
    let spans = spans_of(0.0, with_parent(SAMPLED));
    assert_eq!(spans.len(), 1);
    let context = &spans[0].span_context;
    assert_eq!(
        context.trace_id().to_string(),
        "0af7651916cd43dd8448eb211c80319c"
    );
    assert_eq!(spans[0].parent_span_id.to_string(), "b7ad6b7169203331");
    assert_eq!(context.trace_state().get("vendor"), Some("1"));
    assert!(spans_of(1.0, with_parent(NOT_SAMPLED)).is_empty());
}

#[test]
fn without_a_caller_who_says_the_ratio_decides() {
    for nonsense in ["", "00-", "zz", "ff-1-2-3", "00-0-0-01", "\u{e9}"] {
        let act = || adopt_parent(&request(), nonsense, "");
        assert_eq!(spans_of(1.0, act).len(), 1, "{nonsense:?}");
        assert!(spans_of(0.0, act).is_empty(), "{nonsense:?}");
    }
    assert_eq!(spans_of(1.0, || drop(request())).len(), 1);
    assert!(spans_of(0.0, || drop(request())).is_empty());
}

#[test]
fn what_no_request_asked_for_is_no_trace() {
    let spans = spans_of(1.0, || {
        tracing::info_span!("database.write", otel.kind = "client").in_scope(|| ());
        tracing::info_span!("sweep").in_scope(|| ());
    });
    assert!(spans.is_empty(), "{spans:?}");
}

#[test]
fn a_url_that_cannot_be_used_is_refused_without_repeating_it() {
    for endpoint in ["http://user:secret@", "http://[::1/secret", "secret"] {
        let settings = TraceSettings {
            endpoint,
            sample_ratio: 1.0,
            version: "1",
            instance_id: String::new(),
        };
        let error = Traces::start(settings).err().unwrap();
        assert!(matches!(error, TracesError::Endpoint), "{error:?}");
        assert!(!format!("{error} {error:?}").contains("secret"));
    }
}

/// Counts the lines that the operator would see.
struct Lines(Arc<Mutex<Vec<tracing::Level>>>);

impl<S: Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &tracing::Event<'_>, _: tracing_subscriber::layer::Context<'_, S>) {
        self.0.lock().unwrap().push(*event.metadata().level());
    }
}

#[test]
fn the_log_hears_once_that_the_collector_is_away_and_once_that_it_is_back() {
    let collector = Collector::default();
    let provider = SdkTracerProvider::builder()
        .with_simple_exporter(Exporter::new(collector.clone()))
        .build();
    let levels = Arc::new(Mutex::new(Vec::new()));
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
    let subscriber = tracing_subscriber::registry()
        .with(Lines(levels.clone()))
        .with(layer);
    tracing::subscriber::with_default(subscriber, || {
        for is_away in [false, true, true, false, false] {
            collector.is_away.store(is_away, Ordering::Relaxed);
            drop(request());
        }
    });
    assert_eq!(
        *levels.lock().unwrap(),
        [tracing::Level::WARN, tracing::Level::INFO]
    );
    assert_eq!(collector.spans.lock().unwrap().len(), 3);
}
