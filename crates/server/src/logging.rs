//! The log: one line per event on standard error, written by a thread of its own so that no request waits for it.
//! Events are for the log, spans are for traces; without traces no span is ever made.

mod json;
mod queue;
#[cfg(test)]
mod tests;

use std::io::IsTerminal as _;
use std::sync::{Arc, OnceLock};

use anyhow::Context as _;
use outbound::traces::{TraceSettings, Traces};
use tracing::Metadata;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::{FilterExt as _, FilterFn, filter_fn};
use tracing_subscriber::layer::{Layer, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;
use web::access_log::TARGET as ACCESS_LOG;

use crate::cli;
use crate::config::{LogConfig, LogFormat, TracesConfig};
use crate::system::{SystemClock, SystemIds};
use json::JsonLines;
use model::IdSource as _;
use queue::LineQueue;

static QUEUE: OnceLock<Arc<LineQueue>> = OnceLock::new();

/// Keeps the log and the traces going; dropped, it sends and writes what is left and ends them.
#[must_use = "without it the log ends at once"]
pub(crate) struct LogGuard {
    traces: Option<Traces>,
    queue: Arc<LineQueue>,
}

impl Drop for LogGuard {
    fn drop(&mut self) {
        // The log last: the traces may have something to tell it.
        self.traces = None;
        self.queue.close();
    }
}

/// Starts the log and the traces of this process; once only, and outside of the asynchronous runtime. The guard must live
/// as long as lines are to be written.
pub(crate) fn start(log: &LogConfig, traces: &TracesConfig) -> anyhow::Result<LogGuard> {
    let has_colours = !log.refuses_colours && std::io::stderr().is_terminal();
    let queue = LineQueue::start(Box::new(std::io::stderr()), notice_of_loss(log.format))
        .context("cannot start the thread that writes the log")?;
    let filter = filter(&log.level)?;
    let traces = start_traces(traces)?;
    let started = match &traces {
        // One filter before everything: who makes a span or an unwanted event learns so from one atomic load.
        None => tracing_subscriber::registry()
            .with(filter)
            .with(events())
            .with(lines(log.format, has_colours, Arc::clone(&queue)))
            .try_init(),
        Some(traces) => {
            let lines = lines(log.format, has_colours, Arc::clone(&queue));
            tracing_subscriber::registry()
                .with(lines.with_filter(events().and(filter)))
                .with(traces.layer())
                .try_init()
        }
    };
    started.context("the log was started twice")?;
    _ = QUEUE.set(Arc::clone(&queue));
    Ok(LogGuard { traces, queue })
}

fn start_traces(traces: &TracesConfig) -> anyhow::Result<Option<Traces>> {
    let Some(endpoint) = &traces.otlp_endpoint else {
        return Ok(None);
    };
    let settings = TraceSettings {
        endpoint,
        sample_ratio: traces.sample_ratio,
        version: cli::VERSION,
        instance_id: SystemIds::new(Arc::new(SystemClock)).next_id(),
    };
    Ok(Some(Traces::start(settings)?))
}

/// Lets events through and no spans.
fn events() -> FilterFn<fn(&Metadata<'_>) -> bool> {
    let is_event: fn(&Metadata<'_>) -> bool = |metadata| !metadata.is_span();
    filter_fn(is_event).with_max_level_hint(LevelFilter::TRACE)
}

/// How many lines were lost since the start, because whoever reads the log was too slow. A metric.
pub(crate) fn dropped_lines() -> u64 {
    QUEUE.get().map_or(0, |queue| queue.dropped_lines())
}

/// Lets through what `level` allows, and the lines about requests: which of those are written is a setting of its own, and
/// a level of "warn" must not silence them.
fn filter(level: &str) -> anyhow::Result<EnvFilter> {
    let filter = EnvFilter::try_new(level).context("the level of the log")?;
    if level.contains(ACCESS_LOG) {
        return Ok(filter);
    }
    Ok(filter.add_directive(format!("{ACCESS_LOG}=trace").parse()?))
}

/// The layer that turns events into lines.
fn lines<S>(
    format: LogFormat,
    has_colours: bool,
    queue: Arc<LineQueue>,
) -> Box<dyn Layer<S> + Send + Sync>
where
    S: tracing::Subscriber + for<'span> LookupSpan<'span>,
{
    match format {
        LogFormat::Text => tracing_subscriber::fmt::layer()
            .with_ansi(has_colours)
            .with_writer(queue)
            .boxed(),
        LogFormat::Json => tracing_subscriber::fmt::layer()
            .json()
            .event_format(JsonLines)
            .with_writer(queue)
            .boxed(),
    }
}

/// The line that stands where `n` lines were lost.
fn notice_of_loss(format: LogFormat) -> fn(u64) -> String {
    match format {
        LogFormat::Text => {
            |n| format!("WARN {n} log lines were lost here: the log is read too slowly\n")
        }
        LogFormat::Json => |n| {
            format!(
                "{{\"level\":\"WARN\",\"message\":\"log lines were lost here: the log is read too \
                 slowly\",\"lost_lines\":{n}}}\n"
            )
        },
    }
}
