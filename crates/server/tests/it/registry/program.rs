//! The program run to its end, as an operator runs it.

use std::path::Path;
use std::process::{Child, Stdio};
use std::thread::JoinHandle;
use std::time::Instant;

use serde_json::Value;

use super::{PATIENCE, Setup, TestRegistry, command_of};

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// What it printed, which is JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl TestRegistry {
    /// Runs a command of the program with the settings of this registry, which goes on running.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        self.setup.run(arguments)
    }
}

impl Setup {
    /// Runs a command of the program with these settings and this data directory. It has to end by itself. On a runtime of
    /// several threads others go on meanwhile.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        let mut command = command_of(Path::new(&self.program));
        command.args(arguments);
        command.arg("--data-dir").arg(self.data_dir());
        command.envs(self.settings.iter().cloned());
        command.stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program runs");
        let (stdout, stderr) = (read(child.stdout.take()), read(child.stderr.take()));
        let code = wait(&mut child);
        let [stdout, stderr] = [stdout, stderr].map(|reading| reading.join().expect("it is text"));
        assert!(
            code.is_some(),
            "{arguments:?} does not end:\n{stdout}\n{stderr}"
        );
        Ended {
            code,
            stdout,
            stderr,
        }
    }
}

/// `None` when it had to be killed.
fn wait(child: &mut Child) -> Option<i32> {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        if let Some(status) = child.try_wait().expect("it is our child") {
            return status.code();
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    // An error means that it is gone.
    _ = child.kill();
    _ = child.wait();
    None
}

fn read(output: Option<impl std::io::Read + Send + 'static>) -> JoinHandle<String> {
    let mut output = output.expect("it is piped");
    std::thread::spawn(move || {
        let mut text = String::new();
        output.read_to_string(&mut text).expect("it is text");
        text
    })
}
