//! A bounded buffer of log lines between the threads that log and the one that writes.

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What may wait to be written. More is lost, and counted: a log that nobody reads must cost neither memory nor time.
const CAPACITY_BYTES: usize = 1024 * 1024;

/// How long the end of the program waits for the last lines.
const LAST_LINES_TIMEOUT: Duration = Duration::from_secs(2);

/// Takes whole lines from any thread, never waits for the sink, and hands them over in order.
pub(super) struct LineQueue {
    state: Mutex<State>,
    /// Something was added, or the queue was closed.
    changed: Condvar,
    /// The writer thread has ended.
    ended: Condvar,
    dropped: AtomicU64,
}

#[derive(Default)]
struct State {
    lines: Vec<u8>,
    /// Lines lost since the last batch was taken.
    lost: u64,
    is_closed: bool,
    has_ended: bool,
}

impl LineQueue {
    /// Starts the thread that writes to `sink`. Where lines were lost it writes what `notice` makes of their number.
    pub(super) fn start(
        sink: Box<dyn Write + Send>,
        notice: fn(u64) -> String,
    ) -> io::Result<Arc<Self>> {
        let queue = Arc::new(Self {
            state: Mutex::default(),
            changed: Condvar::new(),
            ended: Condvar::new(),
            dropped: AtomicU64::new(0),
        });
        let writer = Arc::clone(&queue);
        std::thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || writer.write_all_to(sink, notice))?;
        Ok(queue)
    }

    /// How many lines were lost since the start.
    pub(super) fn dropped_lines(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Ends the thread after the lines that are waiting; gives up waiting for a sink that is stuck.
    pub(super) fn close(&self) {
        let mut state = self.state();
        state.is_closed = true;
        self.changed.notify_one();
        drop(
            self.ended
                .wait_timeout_while(state, LAST_LINES_TIMEOUT, |state| !state.has_ended),
        );
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, line: &[u8]) {
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        let mut state = self.state();
        if state.is_closed || state.lines.len() + line.len() > CAPACITY_BYTES {
            state.lost += 1;
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let was_empty = state.lines.is_empty();
        // A value with a line break in it must not be able to forge a line.
        for part in text.split_inclusive(|byte| matches!(byte, b'\n' | b'\r')) {
            match part.split_last() {
                Some((b'\n', start)) => state.lines.extend([start, b"\\n"].concat()),
                Some((b'\r', start)) => state.lines.extend([start, b"\\r"].concat()),
                _ => state.lines.extend(part),
            }
        }
        state.lines.push(b'\n');
        if was_empty {
            self.changed.notify_one();
        }
    }

    fn write_all_to(&self, mut sink: Box<dyn Write + Send>, notice: fn(u64) -> String) {
        let mut batch = Vec::new();
        while let Some(lost) = self.take_batch(&mut batch) {
            if lost > 0 {
                batch.extend(notice(lost).into_bytes());
            }
            // There is nowhere left to report that standard error is broken.
            _ = sink.write_all(&batch).and_then(|()| sink.flush());
        }
        self.state().has_ended = true;
        self.ended.notify_all();
    }

    /// Waits for lines, exchanges them for the empty `batch`, and says how many were lost after them; `None` at the end.
    fn take_batch(&self, batch: &mut Vec<u8>) -> Option<u64> {
        batch.clear();
        let waits = |state: &mut State| state.lines.is_empty() && !state.is_closed;
        let waited = self.changed.wait_while(self.state(), waits);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner);
        if state.lines.is_empty() {
            return None;
        }
        std::mem::swap(&mut state.lines, batch);
        Some(std::mem::take(&mut state.lost))
    }
}

/// One call is one event: the formatting layer writes it in one piece.
impl Write for &LineQueue {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
