//! The log: one line per event on standard error, written by a thread of its own so that no request waits for it.

mod json;
mod queue;
#[cfg(test)]
mod tests;

use std::io::IsTerminal as _;
use std::sync::{Arc, OnceLock};

use anyhow::Context as _;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::{Layer, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;
use web::access_log::TARGET as ACCESS_LOG;

use crate::config::{LogConfig, LogFormat};
use json::JsonLines;
use queue::LineQueue;

static QUEUE: OnceLock<Arc<LineQueue>> = OnceLock::new();

/// Keeps the log going; dropped, it writes what is left and ends it.
#[must_use = "without it the log ends at once"]
pub(crate) struct LogGuard(Arc<LineQueue>);

impl Drop for LogGuard {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// Starts the log of this process; once only. The guard must live as long as lines are to be written.
pub(crate) fn start(log: &LogConfig) -> anyhow::Result<LogGuard> {
    let has_colours = !log.refuses_colours && std::io::stderr().is_terminal();
    let queue = LineQueue::start(Box::new(std::io::stderr()), notice_of_loss(log.format))
        .context("cannot start the thread that writes the log")?;
    let filter = filter(&log.level)?;
    tracing_subscriber::registry()
        .with(filter)
        .with(lines(log.format, has_colours, Arc::clone(&queue)))
        .try_init()
        .context("the log was started twice")?;
    _ = QUEUE.set(Arc::clone(&queue));
    Ok(LogGuard(queue))
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
