//! A server process that a test starts: it is ready when it says so, and ends with the test.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::registry::PATIENCE;

/// A running server.
pub(crate) struct Daemon {
    name: String,
    child: Child,
    /// Closes when the process has closed its output, so when it has ended.
    lines: Receiver<String>,
}

impl Daemon {
    /// Starts `command` and reads its output until `ready` makes something of a line.
    pub(crate) fn start<T>(
        mut command: Command,
        mut ready: impl FnMut(&str) -> Option<T>,
    ) -> (Self, T) {
        let name = command.get_program().to_string_lossy().into_owned();
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command
            .spawn()
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let (sender, lines) = channel();
        let outputs: [Box<dyn Read + Send>; 2] = [
            Box::new(child.stdout.take().expect("it is piped")),
            Box::new(child.stderr.take().expect("it is piped")),
        ];
        for output in outputs {
            let sender = sender.clone();
            // Goes on reading after the start: a full pipe would stop the server.
            std::thread::spawn(move || {
                for line in BufReader::new(output).lines().map_while(Result::ok) {
                    // Nobody listens any more once the test is over.
                    _ = sender.send(line);
                }
            });
        }
        let daemon = Self { name, child, lines };
        let mut seen = Vec::new();
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let line = match daemon.lines.recv_timeout(left) {
                Ok(line) => line,
                Err(why) => panic!("{} is not ready: {why}\n{}", daemon.name, seen.join("\n")),
            };
            if let Some(found) = ready(&line) {
                return (daemon, found);
            }
            seen.push(line);
        }
    }

    /// Ends it gracefully, and fails the test if it does not end, or not well.
    pub(crate) fn stop(mut self) {
        self.signal(Signal::TERM);
        let mut seen = Vec::new();
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => seen.push(line),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    panic!("{} does not end:\n{}", self.name, seen.join("\n"));
                }
            }
        }
        let status = self.child.wait().expect("it is our child");
        assert!(
            status.success(),
            "{} ended with {status}:\n{}",
            self.name,
            seen.join("\n")
        );
    }

    /// Ends it at once, with everything that it has not written lost.
    pub(crate) fn kill(mut self) {
        // An error means that it is gone already.
        _ = self.child.kill();
        _ = self.child.wait();
    }

    /// The next line of its output; `None` if there is none in time, or will be none any more.
    pub(crate) fn next_line(&self, wait: Duration) -> Option<String> {
        self.lines.recv_timeout(wait).ok()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    fn signal(&self, signal: Signal) {
        if let Some(pid) = Pid::from_raw(self.child.id().cast_signed()) {
            // An error means that it is gone.
            _ = kill_process(pid, signal);
        }
    }
}

impl Drop for Daemon {
    /// A test that failed: end it all the same. SIGTERM first, because a container engine has
    /// children and mounts of its own to put away.
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(Some(_))) {
            return;
        }
        self.signal(Signal::TERM);
        let deadline = Instant::now() + PATIENCE;
        let left = || deadline.saturating_duration_since(Instant::now());
        while self.lines.recv_timeout(left()).is_ok() {}
        _ = self.child.kill();
        _ = self.child.wait();
    }
}
