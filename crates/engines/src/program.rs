//! The process of an engine: started, watched until it is ready, and ended.

use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::Error;

/// Between two looks at something that will change soon.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Far longer than any engine takes to start, to recover what a kill left and to end, even on a machine that does much
/// else: the slowest of them, Python's, start in 2 s, and in 20 s on a loaded one.
pub(crate) const PATIENCE: Duration = Duration::from_mins(4);
/// How much of the log an error shows.
const LOG_LINES: usize = 40;

/// A user to run as.
#[derive(Clone, Copy, Debug)]
pub(crate) struct User {
    pub(crate) id: u32,
    pub(crate) group: u32,
}

impl User {
    /// Looks in `/etc/passwd`.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let users = std::fs::read_to_string("/etc/passwd").ok()?;
        users.lines().find_map(|line| {
            let mut fields = line.split(':');
            (fields.next()? == name).then_some(())?;
            let mut number = |skipped| fields.nth(skipped)?.parse().ok();
            Some(Self {
                id: number(1)?,
                group: number(0)?,
            })
        })
    }
}

/// What is run, as whom, and how long it may live.
#[derive(Clone, Debug)]
pub(crate) struct Recipe {
    pub(crate) name: &'static str,
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<String>,
    pub(crate) environment: Vec<(&'static str, String)>,
    pub(crate) user: Option<User>,
    pub(crate) directory: PathBuf,
    /// What asks it to end well.
    pub(crate) end: Signal,
    /// What it gets when our process dies; `None` lets it live on.
    pub(crate) when_orphaned: Option<&'static str>,
}

impl Recipe {
    fn command(&self, log: File) -> io::Result<Command> {
        let mut command = as_user(&self.program, self.user, self.when_orphaned);
        command
            .args(&self.arguments)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(&self.directory)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0);
        Ok(command)
    }
}

/// A program run as another user, and told when we die. `setpriv` becomes the program: the process id stays.
pub(crate) fn as_user(program: &Path, user: Option<User>, when_orphaned: Option<&str>) -> Command {
    if user.is_none() && when_orphaned.is_none() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    if let Some(User { id, group }) = user {
        command.args([format!("--reuid={id}"), format!("--regid={group}")]);
        command.arg("--clear-groups");
    }
    if let Some(signal) = when_orphaned {
        command.arg(format!("--pdeathsig={signal}"));
    }
    command.arg("--").arg(program);
    command
}

/// An engine's process, which can be started again after it ended.
pub(crate) struct Program {
    recipe: Recipe,
    log: PathBuf,
    child: Option<Child>,
}

impl Program {
    pub(crate) fn new(recipe: Recipe) -> Self {
        let log = recipe.directory.join("log");
        Self {
            recipe,
            log,
            child: None,
        }
    }

    /// Starts it and asks `is_ready` again and again, until it is, it has ended, or `patience` is over.
    pub(crate) fn start(
        &mut self,
        patience: Duration,
        mut is_ready: impl FnMut(u32) -> bool,
    ) -> Result<(), Error> {
        let name = self.recipe.name;
        let mut options = File::options();
        let log = options.create(true).append(true).open(&self.log);
        let log = log.map_err(Error::at("write", &self.log))?;
        let command = self.recipe.command(log).map_err(Error::of(name))?;
        let what = format!("cannot start {name} with setpriv, of the Debian package util-linux");
        self.child = Some(spawn(command).map_err(Error::of(what))?);
        let deadline = Instant::now() + patience;
        loop {
            if let Some(status) = self.ended()? {
                self.child = None;
                return Err(self.failed("does not start", &format!("it ended with {status}")));
            }
            if is_ready(self.id()) {
                return Ok(());
            }
            if Instant::now() > deadline {
                self.kill();
                let seconds = patience.as_secs();
                return Err(self.failed(
                    "does not start",
                    &format!("it is not ready after {seconds} s"),
                ));
            }
            thread::sleep(LOOK_EVERY);
        }
    }

    fn failed(&self, what: &str, why: &str) -> Error {
        let log = self.log();
        let skipped = log.lines().count().saturating_sub(LOG_LINES);
        let end: Vec<&str> = log.lines().skip(skipped).collect();
        Error::new(format!(
            "{} {what}: {why}; its log {} ends:\n{}",
            self.recipe.name,
            self.log.display(),
            end.join("\n")
        ))
    }

    /// Everything it has printed.
    pub(crate) fn log(&self) -> String {
        let bytes = std::fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The process id; 0 when it does not run.
    pub(crate) fn id(&self) -> u32 {
        self.child.as_ref().map_or(0, Child::id)
    }

    fn ended(&mut self) -> Result<Option<ExitStatus>, Error> {
        match &mut self.child {
            Some(child) => child.try_wait().map_err(Error::of("cannot wait")),
            None => Ok(None),
        }
    }

    /// Asks it to end and waits until it has.
    pub(crate) fn stop(&mut self) -> Result<(), Error> {
        let Some(pid) = self.pid() else {
            return Ok(());
        };
        // An error means that it is gone.
        _ = kill_process(pid, self.recipe.end);
        let deadline = Instant::now() + PATIENCE;
        while self.ended()?.is_none() {
            if Instant::now() > deadline {
                self.kill();
                return Err(self.failed("does not end", "it was killed"));
            }
            thread::sleep(LOOK_EVERY);
        }
        self.child = None;
        Ok(())
    }

    /// Ends it at once, with its children.
    pub(crate) fn kill(&mut self) {
        let Some(pid) = self.pid() else {
            return;
        };
        // Children may have left the group, as those of PostgreSQL do.
        let children = children(pid);
        // Errors mean that they are gone.
        _ = kill_process(pid, Signal::KILL);
        _ = kill_process_group(pid, Signal::KILL);
        for child in &children {
            _ = kill_process(*child, Signal::KILL);
        }
        if let Some(mut child) = self.child.take() {
            _ = child.wait();
        }
        let deadline = Instant::now() + PATIENCE;
        while children.iter().any(|child| is_alive(*child)) && Instant::now() < deadline {
            thread::sleep(LOOK_EVERY);
        }
    }

    /// Stops it and its children where they are, as if the machine stood still.
    pub(crate) fn pause(&self) {
        self.signal_all(Signal::STOP);
    }

    /// Lets them go on.
    pub(crate) fn resume(&self) {
        self.signal_all(Signal::CONT);
    }

    fn signal_all(&self, signal: Signal) {
        if let Some(pid) = self.pid() {
            let all = std::iter::once(pid).chain(children(pid));
            all.for_each(|pid| _ = kill_process(pid, signal));
        }
    }

    fn pid(&self) -> Option<Pid> {
        Pid::from_raw(self.child.as_ref()?.id().cast_signed())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if self.recipe.when_orphaned.is_some() {
            self.kill();
        }
    }
}

fn children(pid: Pid) -> Vec<Pid> {
    let id = pid.as_raw_nonzero();
    let list = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children"));
    let list = list.unwrap_or_default();
    let numbers = list.split_whitespace().filter_map(|id| id.parse().ok());
    numbers.filter_map(Pid::from_raw).collect()
}

/// Whether it is still there and not merely unburied.
fn is_alive(pid: Pid) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()));
    stat.is_ok_and(|stat| !stat.contains(") Z "))
}

/// Starts processes on a thread that lives as long as our process: a child is told of the death of the *thread* that made
/// it, and the thread of a test ends with the test.
fn spawn(command: Command) -> io::Result<Child> {
    type Order = (Command, Sender<io::Result<Child>>);
    static SPAWNER: OnceLock<Mutex<Sender<Order>>> = OnceLock::new();
    let spawner = SPAWNER.get_or_init(|| {
        let (sender, orders) = channel::<Order>();
        thread::spawn(move || {
            for (mut command, answer) in orders {
                _ = answer.send(command.spawn());
            }
        });
        Mutex::new(sender)
    });
    let (answer, child) = channel();
    let gone = || io::Error::other("the thread that starts processes is gone");
    let spawner = spawner.lock().map_err(|_| gone())?;
    spawner.send((command, answer)).map_err(|_| gone())?;
    child.recv().map_err(|_| gone())?
}

/// Runs a program to its end; returns what it printed. Its failure is an error with its own words.
pub(crate) fn output_of(command: &mut Command) -> Result<String, Error> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(Error::of(format!("cannot start {name}")))?;
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        return Err(Error::new(format!("{name} failed: {}", complaint.trim())));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
