//! Server processes: started in a process of their own, ended by id, and weighed from `/proc`.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use rustix::process::{Pid, Signal, kill_process};

use super::engines::{Counters, Counts};

const SAMPLE_EVERY: Duration = Duration::from_millis(20);
const END_WITHIN: Duration = Duration::from_secs(20);

/// A running server; ended when dropped.
pub(crate) struct Process {
    child: Child,
}

impl Process {
    /// Starts it with its output in `log`.
    pub(crate) fn start(command: &mut Command, log: &Path) -> Result<Self> {
        let out = fs::File::options().create(true).append(true).open(log)?;
        let errors = out.try_clone()?;
        let child = command
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(errors)
            .spawn()
            .with_context(|| format!("cannot start {command:?}; install it or name its path"))?;
        Ok(Self { child })
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// True once it ended by itself.
    pub(crate) fn ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Asks it to end, and makes it end after 20 s.
    pub(crate) fn stop(&mut self) {
        if self.ended() {
            return;
        }
        if let Some(id) = i32::try_from(self.id()).ok().and_then(Pid::from_raw) {
            // It may have ended meanwhile; the wait below tells.
            let _ = kill_process(id, Signal::TERM);
        }
        let deadline = Instant::now() + END_WITHIN;
        while Instant::now() < deadline {
            if self.ended() {
                return;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.stop();
    }
}

/// What a server used during a row.
#[derive(Debug, Clone, Default)]
pub(crate) struct Usage {
    pub seconds: f64,
    pub cpu_seconds: f64,
    pub driver_cpu_seconds: f64,
    pub peak_anon_bytes: u64,
    /// What was asked of the engines of a server that is on any, or why that isn't known.
    pub asked: Option<Result<Counts, String>>,
}

/// Measures process trees from `begin` to `end`.
pub(crate) struct Meter {
    roots: Vec<u32>,
    counters: Option<(Counters, Result<Counts>)>,
    started: Instant,
    cpu: f64,
    driver_cpu: f64,
    peak: Arc<AtomicU64>,
    finished: Arc<AtomicBool>,
    sampler: Option<JoinHandle<()>>,
    companion: Option<Process>,
}

impl Meter {
    pub(crate) fn begin(roots: Vec<u32>, counters: Option<Counters>) -> Self {
        // Asking takes its time, and the server's: before anything is measured.
        let counters = counters.map(|counters| {
            let counts = counters.read();
            (counters, counts)
        });
        let peak = Arc::new(AtomicU64::new(anonymous_bytes(&roots)));
        let finished = Arc::new(AtomicBool::new(false));
        let sampler = {
            let (peak, finished) = (Arc::clone(&peak), Arc::clone(&finished));
            let roots = roots.clone();
            std::thread::spawn(move || {
                while !finished.load(Ordering::Relaxed) {
                    peak.fetch_max(anonymous_bytes(&roots), Ordering::Relaxed);
                    std::thread::sleep(SAMPLE_EVERY);
                }
            })
        };
        Self {
            started: Instant::now(),
            cpu: tree_cpu_seconds(&roots),
            roots,
            counters,
            driver_cpu: cpu_seconds(std::process::id()),
            peak,
            finished,
            sampler: Some(sampler),
            companion: None,
        }
    }

    /// A process that runs for as long as this measures: a profiler.
    pub(crate) fn attach(&mut self, companion: Option<Process>) {
        self.companion = companion;
    }

    pub(crate) fn end(mut self) -> Usage {
        let seconds = self.started.elapsed().as_secs_f64();
        let cpu_seconds_now = tree_cpu_seconds(&self.roots);
        let driver_cpu_seconds = cpu_seconds(std::process::id()) - self.driver_cpu;
        self.finish();
        self.companion = None;
        let asked = self.counters.take().map(|(counters, before)| {
            let since = before.and_then(|before| counters.since(before));
            since.map_err(|error| format!("counting: {error:#}"))
        });
        Usage {
            seconds,
            cpu_seconds: cpu_seconds_now - self.cpu,
            driver_cpu_seconds,
            peak_anon_bytes: self.peak.load(Ordering::Relaxed),
            asked,
        }
    }

    fn finish(&mut self) {
        self.finished.store(true, Ordering::Relaxed);
        if let Some(sampler) = self.sampler.take() {
            let _ = sampler.join();
        }
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.finish();
    }
}

/// RssAnon of the processes and their descendants.
pub(crate) fn anonymous_bytes(roots: &[u32]) -> u64 {
    roots
        .iter()
        .flat_map(|root| tree(*root))
        .filter_map(|id| {
            let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
            let line = status
                .lines()
                .find_map(|line| line.strip_prefix("RssAnon:"))?;
            let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse().ok()?;
            Some(kibibytes * 1024)
        })
        .sum()
}

fn tree_cpu_seconds(roots: &[u32]) -> f64 {
    let processes = roots.iter().flat_map(|root| tree(*root));
    processes.map(cpu_seconds).sum()
}

/// User and system time of a process, its ended children included.
fn cpu_seconds(id: u32) -> f64 {
    let Ok(stat) = fs::read_to_string(format!("/proc/{id}/stat")) else {
        return 0.0;
    };
    // The second field is the program's name in brackets and may hold spaces.
    let Some((_, rest)) = stat.rsplit_once(')') else {
        return 0.0;
    };
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let ticks: u32 = (11..15)
        .filter_map(|at| fields.get(at)?.parse::<u32>().ok())
        .sum();
    f64::from(ticks)
        / f64::from(u32::try_from(rustix::param::clock_ticks_per_second()).unwrap_or(100))
}

fn tree(root: u32) -> Vec<u32> {
    let mut found = vec![root];
    let mut next = 0;
    while let Some(id) = found.get(next).copied() {
        next += 1;
        let Ok(tasks) = fs::read_dir(format!("/proc/{id}/task")) else {
            continue;
        };
        for task in tasks.flatten() {
            let children = fs::read_to_string(task.path().join("children")).unwrap_or_default();
            found.extend(
                children
                    .split_whitespace()
                    .filter_map(|id| id.parse::<u32>().ok()),
            );
        }
    }
    found
}
