use std::io::{self, Write};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use serde_json::Value;

use super::*;

/// A sink whose content can be looked at.
#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Sink {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What is logged while `act` runs.
fn logged(format: LogFormat, act: impl FnOnce()) -> String {
    logged_at("info", format, act)
}

fn logged_at(level: &str, format: LogFormat, act: impl FnOnce()) -> String {
    let sink = Sink::default();
    let queue = LineQueue::start(Box::new(sink.clone()), notice_of_loss(format)).unwrap();
    let subscriber = tracing_subscriber::registry()
        .with(filter(level).unwrap())
        .with(lines(format, false, Arc::clone(&queue)));
    tracing::subscriber::with_default(subscriber, act);
    queue.close();
    sink.text()
}

#[test]
fn json_lines_have_the_fields_of_event_and_spans_side_by_side() {
    let text = logged(LogFormat::Json, || {
        let outer = tracing::info_span!("request", request_id = "outer", endpoint = "end-3");
        let _outer = outer.enter();
        let inner = tracing::info_span!("inner", request_id = "inner");
        let _inner = inner.enter();
        tracing::info!(
            status = 201_u64,
            r#type = true,
            level = "mine",
            "a \"quoted\" message"
        );
        tracing::warn!(error = %"line\nbreak", "two");
    });
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0]["message"], "a \"quoted\" message");
    assert_eq!(lines[0]["level"], "INFO");
    assert_eq!(lines[0]["field.level"], "mine");
    assert_eq!(lines[0]["request_id"], "inner");
    assert_eq!(lines[0]["endpoint"], "end-3");
    assert_eq!(lines[0]["status"], 201);
    assert_eq!(lines[0]["type"], true);
    assert_eq!(lines[0]["target"], "roadstead::logging::tests");
    assert!(lines[0]["timestamp"].as_str().unwrap().ends_with('Z'));
    assert_eq!(lines[1]["error"], "line\nbreak");
}

#[test]
fn a_value_with_line_breaks_stays_on_its_line() {
    let text = logged(LogFormat::Text, || {
        tracing::info!(name = %"a\n2026-01-01T00:00:00Z ERROR forged\r", "push");
        tracing::info!("second");
    });
    assert_eq!(text.lines().count(), 2, "{text}");
    assert!(
        text.contains("a\\n2026") && text.contains("forged\\r"),
        "{text}"
    );
}

/// A sink that says when it is written to and waits for permission.
struct SlowSink {
    entered: Sender<()>,
    permission: Receiver<()>,
    sink: Sink,
}

impl Write for SlowSink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Both ends gone: the test is over and nothing waits any more.
        _ = self.entered.send(());
        _ = self.permission.recv();
        self.sink.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_slow_reader_costs_lines_which_are_counted_and_no_memory() {
    let (entered, has_entered) = channel();
    let (permit, permission) = channel();
    let sink = Sink::default();
    let slow = SlowSink {
        entered,
        permission,
        sink: sink.clone(),
    };
    let queue = LineQueue::start(Box::new(slow), notice_of_loss(LogFormat::Text)).unwrap();
    let write = |line: &str| {
        (&*queue).write_all(line.as_bytes()).unwrap();
    };
    write("first\n");
    has_entered.recv().unwrap();
    // The thread is stuck with the first line; one mebibyte may wait behind it.
    let line = format!("{}\n", "x".repeat(1023));
    for _ in 0..1024 + 3 {
        write(&line);
    }
    assert_eq!(queue.dropped_lines(), 3);
    drop(permit);
    queue.close();
    let text = sink.text();
    assert_eq!(text.lines().count(), 1 + 1024 + 1);
    assert!(text.starts_with("first\n"));
    assert!(text.ends_with("WARN 3 log lines were lost here: the log is read too slowly\n"));
}

#[test]
fn the_notice_of_lost_lines_is_json_in_a_json_log() {
    let notice: Value = serde_json::from_str(&notice_of_loss(LogFormat::Json)(7)).unwrap();
    assert_eq!(notice["lost_lines"], 7);
}

#[test]
fn the_level_does_not_decide_about_lines_of_requests_unless_it_names_them() {
    let act = || {
        tracing::info!("business");
        tracing::info!(target: ACCESS_LOG, "a request");
    };
    let text = logged_at("error", LogFormat::Text, act);
    assert!(
        text.contains("a request") && !text.contains("business"),
        "{text}"
    );
    let text = logged_at("info,access=off", LogFormat::Text, act);
    assert!(
        text.contains("business") && !text.contains("a request"),
        "{text}"
    );
}

#[test]
fn without_traces_no_span_is_made_whatever_the_level() {
    let subscriber = tracing_subscriber::registry()
        .with(filter("trace").unwrap())
        .with(events());
    tracing::subscriber::with_default(subscriber, || {
        assert!(tracing::info_span!("request").is_disabled());
        assert!(tracing::enabled!(tracing::Level::TRACE));
    });
}
