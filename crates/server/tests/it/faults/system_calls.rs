//! The order of the program's system calls: nothing is acknowledged before it is on the disk.

use std::path::Path;
use std::process::Command;

use serde_json::json;

use crate::clients::daemon::Daemon;
use crate::registry::content::{OCI_CONFIG, OCI_LAYER, descriptor, image_manifest, noise, sha256};
use crate::registry::{PATIENCE, TestRegistry};

/// Calls that say what becomes durable when, and what the client hears.
const CALLS: &str = "openat,rename,renameat,renameat2,fsync,fdatasync,pwrite64,pwritev,pwritev2,\
                     write,writev,sendto,sendmsg";

/// A call of the program. Times count the lines of the trace.
#[derive(Clone, Debug)]
struct SystemCall {
    name: String,
    arguments: String,
    begun: usize,
    ended: usize,
}

impl SystemCall {
    fn is_sync_of(&self, path: &Path) -> bool {
        let path = format!("<{}>", path.display());
        matches!(self.name.as_str(), "fsync" | "fdatasync") && self.arguments.contains(&path)
    }

    fn is_write_to(&self, path: &Path) -> bool {
        let path = format!("<{}>", path.display());
        self.name.starts_with("pwrite") && self.arguments.contains(&path)
    }

    fn is_rename(&self, from: &Path, to: &Path) -> bool {
        let quoted = |path: &Path| format!("\"{}\"", path.display());
        self.name.starts_with("rename")
            && self.arguments.contains(&quoted(from))
            && self.arguments.contains(&quoted(to))
    }

    fn is_created_answer(&self) -> bool {
        matches!(
            self.name.as_str(),
            "write" | "writev" | "sendto" | "sendmsg"
        ) && self.arguments.contains("HTTP/1.1 201")
    }
}

/// Reads lines such as `4711 fsync(9</path>) = 0`, and those of calls that others interrupt:
/// `4711 fsync(9</path> <unfinished ...>` and `4711 <... fsync resumed>) = 0`.
fn parse(trace: &str) -> Vec<SystemCall> {
    let mut calls: Vec<SystemCall> = Vec::new();
    let mut unfinished: Vec<(&str, usize)> = Vec::new();
    for (at, line) in trace.lines().enumerate() {
        let Some((thread, rest)) = line.split_once(' ') else {
            continue;
        };
        let rest = rest.trim_start();
        if rest.starts_with("<... ") {
            if let Some(open) = unfinished.iter().position(|(owner, _)| *owner == thread) {
                calls[unfinished.remove(open).1].ended = at;
            }
            continue;
        }
        let Some((name, arguments)) = rest.split_once('(') else {
            continue;
        };
        let mut ended = at;
        if rest.ends_with("<unfinished ...>") {
            unfinished.push((thread, calls.len()));
            ended = usize::MAX;
        }
        calls.push(SystemCall {
            name: name.to_owned(),
            arguments: arguments.to_owned(),
            begun: at,
            ended,
        });
    }
    calls
}

/// The first of the calls that begins after `time` and is what is looked for.
#[track_caller]
fn first_after<'a>(
    calls: &'a [SystemCall],
    time: usize,
    what: &str,
    is_it: impl Fn(&SystemCall) -> bool,
) -> &'a SystemCall {
    calls
        .iter()
        .find(|call| call.begun > time && is_it(call))
        .unwrap_or_else(|| panic!("no {what} after line {time} of the trace: {calls:#?}"))
}

/// Follows a running program until it ends.
fn follow(pid: u32, output: &Path) -> Daemon {
    let mut command = Command::new("strace");
    command
        .args(["-f", "-y", "-s", "64", "-e", &format!("trace={CALLS}")])
        .args(["-p", &pid.to_string(), "-o"])
        .arg(output);
    // Complains and ends when this machine does not let processes be traced.
    let attached = |line: &str| line.contains("attached").then_some(());
    Daemon::start(command, attached).0
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_acknowledged_before_it_is_on_the_disk() {
    let registry = TestRegistry::start().await;
    let data = registry.data_dir();
    let data = data.canonicalize().expect("it is there");
    // Whatever the first requests of a life do besides is done before the trace begins.
    registry.push_image("library/before", "latest").await;

    let output = tempfile::NamedTempFile::new().expect("a temporary file");
    let strace = follow(registry.pid(), output.path());
    let (config, layer) = (noise(1, 300), noise(2, 300_000));
    let location = registry.start_upload("library/app").await;
    let key = location.rsplit('/').next().expect("a path");
    let key = key.split('?').next().expect("a name").to_owned();
    registry
        .put(&format!("{location}?digest={}", sha256(&layer)))
        .content_type("application/octet-stream")
        .body(layer.clone())
        .await
        .assert_status(201);
    registry.push_blob("library/app", config.clone()).await;
    let manifest = image_manifest(
        &descriptor(OCI_CONFIG, &config),
        &[descriptor(OCI_LAYER, &layer)],
    );
    registry
        .push_manifest("library/app", "latest", &json!(manifest))
        .await;
    registry.stop();
    while strace.next_line(PATIENCE).is_some() {}
    strace.stop();

    let trace = std::fs::read_to_string(output.path()).expect("strace wrote it");
    let calls = parse(&trace);
    let answers: Vec<_> = calls
        .iter()
        .filter(|call| call.is_created_answer())
        .collect();
    assert_eq!(answers.len(), 3, "two blobs and a manifest: {answers:?}");
    assert_blob_is_durable_before(&calls, &data, &key, answers[0]);
    assert_commit_between(&calls, &data, answers[1].ended, answers[2]);
}

/// File, then name, then database, then answer.
fn assert_blob_is_durable_before(
    calls: &[SystemCall],
    data: &Path,
    key: &str,
    answer: &SystemCall,
) {
    let upload = data.join("uploads").join(key);
    let directory = data.join("blobs").join(&key[key.len() - 2..]);
    let written = calls.iter().filter(|call| call.is_write_to(&upload));
    let written = written.map(|call| call.ended).max().expect("it is written");
    let file = first_after(calls, written, "flush of the file", |call| {
        call.is_sync_of(&upload)
    });
    let name = first_after(calls, file.ended, "rename", |call| {
        call.is_rename(&upload, &directory.join(key))
    });
    let flushed = first_after(calls, name.ended, "flush of the directory", |call| {
        call.is_sync_of(&directory)
    });
    assert_commit_between(calls, data, flushed.ended, answer);
}

/// The database writes its log and flushes it, all after `time`, and only then the answer leaves.
fn assert_commit_between(calls: &[SystemCall], data: &Path, time: usize, answer: &SystemCall) {
    let log = data.join("roadstead.db-wal");
    let written = first_after(calls, time, "write of a commit", |call| {
        call.is_write_to(&log)
    });
    let flushed = first_after(calls, written.ended, "flush of a commit", |call| {
        call.is_sync_of(&log)
    });
    assert!(
        flushed.ended < answer.begun,
        "answered at {} before the commit was flushed at {}",
        answer.begun,
        flushed.ended
    );
}

#[test]
fn calls_that_others_interrupt_end_where_they_are_resumed() {
    let trace = "1 fsync(9</a> <unfinished ...>\n2 write(3</b>, \"HTTP/1.1 201\", 12) = 12\n\
                 1 <... fsync resumed>) = 0\n1 rename(\"/a\", \"/c\") = 0\n";
    let calls = parse(trace);
    assert_eq!(calls.len(), 3);
    assert_eq!((calls[0].begun, calls[0].ended), (0, 2));
    assert!(calls[0].is_sync_of(Path::new("/a")));
    assert!(calls[1].is_created_answer() && calls[1].ended == 1);
    assert!(calls[2].is_rename(Path::new("/a"), Path::new("/c")));
}
