//! Ends connections that no longer get anywhere.
//!
//! The parts of a connection count what they do; a few times per limit the watchdog looks whether the
//! counts moved. So a request pays for no clock and no timer. A limit is exceeded by a quarter at most.

use super::ConnectionLimits;
use crate::metrics::CutReason;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// What a connection has done so far.
#[derive(Default)]
pub(crate) struct Pulse {
    reads: AtomicU64,
    /// Reads before the newest request was complete: later ones belong to the next head.
    reads_seen: AtomicU64,
    written: AtomicU64,
    is_write_blocked: AtomicBool,
    requests: AtomicU64,
    handlers: AtomicU32,
    /// Large response bodies under way, and the frames they gave.
    transfers: AtomicU32,
    frames: AtomicU64,
    has_unread_body: AtomicBool,
    is_lingering: AtomicBool,
}

impl Pulse {
    pub(crate) fn read(&self) {
        // Only the connection's own task reads and writes: no read-modify-write needed.
        self.reads.store(self.reads.load(Relaxed) + 1, Relaxed);
    }

    pub(crate) fn wrote(&self, count: usize) {
        self.written
            .store(self.written.load(Relaxed) + count as u64, Relaxed);
        self.is_write_blocked.store(false, Relaxed);
    }

    pub(crate) fn write_blocked(&self) {
        self.is_write_blocked.store(true, Relaxed);
    }

    pub(crate) fn handler_started(&self) {
        self.requests.fetch_add(1, Relaxed);
        self.handlers.fetch_add(1, Relaxed);
    }

    pub(crate) fn handler_finished(&self) {
        self.reads_seen.store(self.reads.load(Relaxed), Relaxed);
        self.handlers.fetch_sub(1, Relaxed);
    }

    pub(crate) fn transfer_started(&self) {
        self.transfers.fetch_add(1, Relaxed);
    }

    pub(crate) fn transfer_moved(&self) {
        self.frames.fetch_add(1, Relaxed);
    }

    pub(crate) fn transfer_finished(&self) {
        self.transfers.fetch_sub(1, Relaxed);
    }

    pub(crate) fn body_left_unread(&self) {
        self.has_unread_body.store(true, Relaxed);
    }

    pub(crate) fn has_unread_body(&self) -> bool {
        self.has_unread_body.load(Relaxed)
    }

    pub(crate) fn lingers(&self) {
        self.is_lingering.store(true, Relaxed);
    }

    fn counts(&self) -> Counts {
        Counts {
            written: self.written.load(Relaxed),
            requests: self.requests.load(Relaxed),
            frames: self.frames.load(Relaxed),
        }
    }
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Counts {
    written: u64,
    requests: u64,
    frames: u64,
}

/// What to do with a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Let it be.
    Keep,
    /// It was idle for long enough: say goodbye.
    Finish,
    /// End it now.
    Cut(CutReason),
    /// It has waited long enough for the client to close: end it now, which is no failure.
    Close,
}

/// Watches one connection.
pub(crate) struct Watchdog {
    tick: Duration,
    limits: Limits,
    is_http2: bool,
    last: Counts,
    idle: Duration,
    partial: Duration,
    stalled: Duration,
    lingered: Duration,
    is_finishing: bool,
}

struct Limits {
    header_read: Duration,
    keep_alive: Duration,
    write_stall: Duration,
    linger: Duration,
}

impl Watchdog {
    pub(crate) fn new(limits: &ConnectionLimits, is_http2: bool) -> Self {
        let limits = Limits {
            header_read: limits.header_read,
            keep_alive: limits.keep_alive,
            write_stall: limits.write_stall,
            linger: limits.linger,
        };
        let shortest = limits
            .header_read
            .min(limits.keep_alive)
            .min(limits.write_stall)
            .min(limits.linger);
        Self {
            tick: (shortest / 4).max(Duration::from_millis(10)),
            limits,
            is_http2,
            last: Counts::default(),
            idle: Duration::ZERO,
            partial: Duration::ZERO,
            stalled: Duration::ZERO,
            lingered: Duration::ZERO,
            is_finishing: false,
        }
    }

    /// How long to wait before the next look.
    pub(crate) fn tick(&self) -> Duration {
        self.tick
    }

    /// Looks once; to be called every [`tick`](Self::tick).
    pub(crate) fn look(&mut self, pulse: &Pulse) -> Verdict {
        let now = pulse.counts();
        let last = std::mem::replace(&mut self.last, now);
        if pulse.is_lingering.load(Relaxed) {
            self.lingered += self.tick;
            return if self.lingered >= self.limits.linger {
                Verdict::Close
            } else {
                Verdict::Keep
            };
        }
        let is_handling = pulse.handlers.load(Relaxed) > 0;
        let is_transferring = pulse.transfers.load(Relaxed) > 0;
        let is_write_blocked = pulse.is_write_blocked.load(Relaxed);

        // HTTP/2 has windows of its own: a stream can stall while the socket still takes pings.
        let is_socket_stuck = is_write_blocked && now.written == last.written;
        let are_streams_stuck =
            self.is_http2 && is_transferring && !is_handling && now.frames == last.frames;
        if is_socket_stuck || are_streams_stuck {
            self.stalled += self.tick;
            if self.stalled >= self.limits.write_stall {
                return Verdict::Cut(CutReason::WriteStall);
            }
        } else {
            self.stalled = Duration::ZERO;
        }

        let is_busy = is_handling || is_transferring || is_write_blocked;
        if is_busy || now.requests != last.requests || now.written != last.written {
            (self.idle, self.partial) = (Duration::ZERO, Duration::ZERO);
            return Verdict::Keep;
        }
        let has_partial_head = pulse.reads.load(Relaxed) > pulse.reads_seen.load(Relaxed);
        if has_partial_head && !self.is_http2 {
            self.partial += self.tick;
            if self.partial >= self.limits.header_read {
                return Verdict::Cut(CutReason::HeaderTimeout);
            }
            return Verdict::Keep;
        }
        self.idle += self.tick;
        if self.idle < self.limits.keep_alive {
            return Verdict::Keep;
        }
        if std::mem::replace(&mut self.is_finishing, true) {
            Verdict::Close
        } else {
            Verdict::Finish
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> ConnectionLimits {
        ConnectionLimits {
            header_read: Duration::from_secs(8),
            keep_alive: Duration::from_secs(40),
            write_stall: Duration::from_secs(16),
            linger: Duration::from_secs(8),
            ..ConnectionLimits::default()
        }
    }

    /// Looks until the verdict is not to keep, at most `most` times; how often it kept, and the verdict.
    fn looks(watchdog: &mut Watchdog, pulse: &Pulse, most: usize) -> (usize, Verdict) {
        for kept in 0..most {
            match watchdog.look(pulse) {
                Verdict::Keep => {}
                verdict => return (kept, verdict),
            }
        }
        (most, Verdict::Keep)
    }

    #[test]
    fn a_head_that_drips_is_cut_although_bytes_arrive() {
        let (pulse, mut watchdog) = (Pulse::default(), Watchdog::new(&limits(), false));
        let mut kept = 0;
        while watchdog.look(&pulse) == Verdict::Keep && kept < 100 {
            pulse.read();
            kept += 1;
        }
        assert!((4..=6).contains(&kept), "{kept}");
    }

    #[test]
    fn an_idle_connection_is_told_and_then_closed() {
        let (pulse, mut watchdog) = (Pulse::default(), Watchdog::new(&limits(), false));
        pulse.handler_started();
        pulse.read();
        pulse.handler_finished();
        assert_eq!(looks(&mut watchdog, &pulse, 100), (20, Verdict::Finish));
        assert_eq!(watchdog.look(&pulse), Verdict::Close);
    }

    #[test]
    fn a_request_that_takes_long_is_left_alone() {
        let (pulse, mut watchdog) = (Pulse::default(), Watchdog::new(&limits(), false));
        pulse.handler_started();
        assert_eq!(looks(&mut watchdog, &pulse, 1000), (1000, Verdict::Keep));
    }

    #[test]
    fn a_client_that_takes_nothing_is_cut_and_one_that_takes_little_is_not() {
        let (pulse, mut watchdog) = (Pulse::default(), Watchdog::new(&limits(), false));
        pulse.transfer_started();
        for _ in 0..100 {
            pulse.wrote(1);
            pulse.write_blocked();
            assert_eq!(watchdog.look(&pulse), Verdict::Keep);
        }
        assert_eq!(
            looks(&mut watchdog, &pulse, 100),
            (7, Verdict::Cut(CutReason::WriteStall))
        );
    }

    #[test]
    fn a_stalled_stream_is_cut_although_the_connection_answers_pings() {
        let (pulse, mut watchdog) = (Pulse::default(), Watchdog::new(&limits(), true));
        pulse.transfer_started();
        let mut kept = 0;
        while watchdog.look(&pulse) == Verdict::Keep && kept < 100 {
            pulse.wrote(17);
            kept += 1;
        }
        assert!(kept < 100);
    }
}
