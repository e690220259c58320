use super::*;
use crate::testing::{Setup, ask};
use std::fmt::{Debug, Write};
use std::sync::{Arc, Mutex};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

#[test]
fn each_kind_logs_what_it_says() {
    let (get, put) = (Method::GET, Method::PUT);
    let (fine, missing) = (Some(StatusCode::OK), Some(StatusCode::NOT_FOUND));
    let logged = |log: AccessLog| {
        [(&get, fine), (&put, fine), (&get, missing), (&get, None)].map(|(m, s)| log.includes(m, s))
    };
    assert_eq!(logged(AccessLog::All), [true, true, true, true]);
    assert_eq!(logged(AccessLog::Changes), [false, true, true, true]);
    assert_eq!(logged(AccessLog::Failures), [false, false, true, true]);
    assert_eq!(logged(AccessLog::None), [false, false, false, false]);
}

/// Keeps everything that is logged, of every target.
#[derive(Clone, Default)]
struct Everything(Arc<Mutex<String>>);

struct Fields<'a>(&'a mut String);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _ = write!(self.0, "{}={value:?} ", field.name());
    }
}

impl Subscriber for Everything {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        attributes.record(&mut Fields(&mut self.0.lock().expect("text")));
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        values.record(&mut Fields(&mut self.0.lock().expect("text")));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut text = self.0.lock().expect("text");
        let _ = write!(text, "[{}] ", event.metadata().target());
        event.record(&mut Fields(&mut text));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[tokio::test]
async fn a_line_says_what_happened_and_no_secret() {
    let everything = Everything::default();
    // With only one subscriber alive, tracing may ask another test's thread, which has none, whether an
    // event is wanted, and remember its "never". With two it asks both.
    let _second = tracing::Dispatch::new(Everything::default());
    let _guard = tracing::subscriber::set_default(everything.clone());
    let running = Setup::new(200_000).start();
    let mut stream = running.connect().await;
    let request = |path: &str| {
        format!(
            "GET {path}?token=s3cret HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer s3cret\r\nCookie: s3cret\r\nX-Request-Id: id-1\r\n\r\n"
        )
    };
    ask(&mut stream, &request("/small")).await;
    ask(&mut stream, &request("/file")).await;
    ask(&mut stream, &request("/panic")).await;
    let text = everything.0.lock().expect("text").clone();
    assert!(!text.contains("s3cret"), "{text}");
    let lines: Vec<_> = text
        .split('[')
        .filter(|line| line.starts_with("access]"))
        .collect();
    assert_eq!(lines.len(), 3, "{text}");
    for field in [
        "method=\"GET\"",
        "path=\"/small\"",
        "endpoint=\"test\"",
        "status=200",
        "duration_us=",
        "bytes=5",
        "request_id=\"id-1\"",
        "caller=\"tester\"",
        "client=127.0.0.1",
    ] {
        assert!(lines[0].contains(field), "{field} in {}", lines[0]);
    }
    assert!(
        lines[1].contains("bytes=200000") && lines[1].contains("is_complete=true"),
        "{}",
        lines[1]
    );
    assert!(lines[2].contains("status=500"), "{}", lines[2]);
}
