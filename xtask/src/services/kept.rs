//! A process that goes on after the command that started it, and is found again by the next one.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process};
use tokio::time::Instant;

use crate::workspace;

const PATIENCE: Duration = Duration::from_mins(1);

/// Where all services keep what they write.
pub(super) fn services_dir() -> PathBuf {
    workspace::root().join("target/services")
}

/// A service by its name, whether it runs or not.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub(super) name: String,
    /// What asks it to end well.
    end: Signal,
}

impl Kept {
    pub(super) fn new(name: impl Into<String>, end: Signal) -> Self {
        Self {
            name: name.into(),
            end,
        }
    }

    /// The service's directory.
    pub(super) fn dir(&self) -> PathBuf {
        services_dir().join(&self.name)
    }

    /// Process id and start time: a number alone may be someone else's by now.
    fn file(&self) -> PathBuf {
        services_dir().join(format!("{}.pid", self.name))
    }

    /// Notes the process that was started.
    pub(super) fn note(&self, pid: u32) -> anyhow::Result<()> {
        let time = start_time(pid).with_context(|| format!("{} ended at once", self.name))?;
        std::fs::write(self.file(), format!("{pid} {time}"))?;
        Ok(())
    }

    /// The process that we started, if it still runs.
    pub(super) fn running(&self) -> Option<Pid> {
        let noted = std::fs::read_to_string(self.file()).ok()?;
        let (pid, time) = noted.split_once(' ')?;
        let pid: u32 = pid.parse().ok()?;
        (start_time(pid)? == time).then_some(())?;
        Pid::from_raw(pid.cast_signed())
    }

    /// Ends it and waits until it has ended; `false` when it did not run.
    pub(super) async fn stop(&self) -> anyhow::Result<bool> {
        let Some(pid) = self.running() else {
            return Ok(false);
        };
        kill_process(pid, self.end)?;
        if !within(PATIENCE, || self.running().is_none()).await {
            let id = pid.as_raw_nonzero();
            bail!("{} (process {id}) does not end", self.name);
        }
        std::fs::remove_file(self.file())?;
        Ok(true)
    }
}

/// When a process that is still there was started, in the kernel's own unit.
fn start_time(pid: u32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold anything; behind it come state (field 3) and, as field 22, the time.
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ');
    (fields.next()? != "Z").then_some(())?;
    fields.nth(18).map(str::to_owned)
}

/// Asks every 50 ms; `false` when the time is over.
pub(super) async fn within(time: Duration, mut is_so: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + time;
    while !is_so() {
        if Instant::now() > deadline {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    true
}
