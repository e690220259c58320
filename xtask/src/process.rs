//! Running a program with a time limit: its output passes through line by line, and when its
//! time is over, its whole process group is ended, so that no server it started lives on.

use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::{Instant, timeout};

/// How long a process group may take to end after being asked to.
const TIME_TO_END: Duration = Duration::from_secs(5);

/// What the caller does with each line that a program prints.
pub(crate) enum Lines<'a> {
    /// Print it.
    Through,
    /// Print it, and look at it.
    ThroughAnd(&'a mut dyn FnMut(&str)),
    /// Only look at it.
    To(&'a mut dyn FnMut(&str)),
}

impl Lines<'_> {
    fn take(&mut self, line: &[u8]) {
        let line = String::from_utf8_lossy(line);
        if !matches!(self, Self::To(_)) {
            println!("{line}");
        }
        match self {
            Self::Through => {}
            Self::ThroughAnd(look) | Self::To(look) => look(&line),
        }
    }
}

/// Runs `command` until it ends or `deadline` comes.
///
/// Returns whether it succeeded. A program that runs over its time, or an interrupt from the
/// keyboard, is an error; the process group is gone by then.
pub(crate) async fn run(
    command: &mut Command,
    deadline: Instant,
    mut lines: Lines<'_>,
) -> anyhow::Result<bool> {
    let name = command
        .as_std()
        .get_program()
        .to_string_lossy()
        .into_owned();
    let mut child = command
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {name}"))?;
    let group = Group::of(&child)?;
    let mut output = child
        .stdout
        .take()
        .map(|output| BufReader::new(output).split(b'\n'));

    let ending = loop {
        tokio::select! {
            line = next_line(&mut output) => match line? {
                Some(line) => lines.take(&line),
                None => output = None,
            },
            status = child.wait() => break Ending::Of(status?),
            () = tokio::time::sleep_until(deadline) => break Ending::OverTime,
            interrupt = tokio::signal::ctrl_c() => break interrupt.map(|()| Ending::Interrupted)?,
        }
    };
    if !matches!(ending, Ending::Of(_)) {
        group.end(&mut child).await;
    }
    group.kill();
    let rest = async {
        while let Ok(Some(line)) = next_line(&mut output).await {
            lines.take(&line);
        }
    };
    // What the program itself wrote is in the pipe already; only a stray child could hold it open.
    timeout(Duration::from_secs(2), rest).await.ok();
    match ending {
        Ending::Of(status) => Ok(status.success()),
        Ending::OverTime => bail!("{name} was ended: it ran over its share of time"),
        Ending::Interrupted => bail!("interrupted"),
    }
}

/// Runs `command` silently and returns what it printed; its failure is an error with its own words.
pub(crate) async fn output_of(command: &mut Command) -> anyhow::Result<String> {
    let name = command
        .as_std()
        .get_program()
        .to_string_lossy()
        .into_owned();
    let output = command
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .with_context(|| format!("cannot start {name}"))?;
    if !output.status.success() {
        bail!(
            "{name} failed: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

enum Ending {
    Of(ExitStatus),
    OverTime,
    Interrupted,
}

type OutputLines = tokio::io::Split<BufReader<ChildStdout>>;

async fn next_line(output: &mut Option<OutputLines>) -> anyhow::Result<Option<Vec<u8>>> {
    match output {
        Some(lines) => Ok(lines.next_segment().await?),
        None => std::future::pending().await,
    }
}

/// A process group that we started.
struct Group(Pid);

impl Group {
    fn of(child: &Child) -> anyhow::Result<Self> {
        let id = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        Ok(Self(
            id.context("the program ended before it could be watched")?,
        ))
    }

    async fn end(&self, child: &mut Child) {
        // An error means that the group is gone already, which is what is wanted.
        kill_process_group(self.0, Signal::TERM).ok();
        timeout(TIME_TO_END, child.wait()).await.ok();
    }

    fn kill(&self) {
        kill_process_group(self.0, Signal::KILL).ok();
    }
}
