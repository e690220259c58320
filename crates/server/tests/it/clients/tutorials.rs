//! The tutorials and one page beside them, typed as they stand: every block of commands in order, each of which must print
//! what the page says.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use engines::Ports;

use super::daemon::Daemon;
use super::workbench::Workbench;

/// A block of commands, and what is to be seen then.
struct Step {
    typed: String,
    way: Way,
    /// Lines in their order, between others; `…` stands for anything.
    seen: Vec<String>,
}

/// What the word after `sh` says of a block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Way {
    /// It ends well.
    Done,
    /// It is refused: the page shows with what words.
    Refused,
    /// It goes on in a terminal of its own.
    Serving,
    /// A numbered list: what is done in a browser.
    Clicked,
}

/// What a page needs besides what it says itself.
pub(crate) trait Reader {
    /// Makes what the page takes to be there.
    fn prepare(&self, _bench: &Workbench) {}

    /// Does the steps of a list in a browser, with the password that the registry showed. Answers with the secret that the
    /// last page shows, if it shows one.
    fn click(&self, steps: &str, password: &str) -> String {
        panic!("nobody is there to do this with {password}: {steps}");
    }

    /// How long a step took.
    fn note(&self, _typed: &str, _took: Duration) {}
}

/// Whoever needs nothing but a shell.
struct Typist;

impl Reader for Typist {}

/// The places of what the page cannot know.
const PASSWORD: &str = "the password that was shown";
const SECRET: &str = "the secret that was shown";

/// The addresses that the pages name; here each is another port.
const ADDRESSES: [&str; 2] = ["127.0.0.1:5000", "127.0.0.1:5001"];

/// Reads a page's blocks.
fn steps(page: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let Some(kind) = line.strip_prefix("```") else {
            list(line, &mut steps);
            continue;
        };
        let block = lines.by_ref().take_while(|line| *line != "```");
        let block: Vec<&str> = block.collect();
        let way = match kind {
            "sh" => Way::Done,
            "sh refused" => Way::Refused,
            "sh serving" => Way::Serving,
            "text" => {
                let last = steps.last_mut().expect("something was typed before");
                last.seen.extend(block.into_iter().map(str::to_owned));
                continue;
            }
            other => panic!("what is a block of {other}?"),
        };
        let (typed, seen) = (block.join("\n"), Vec::new());
        steps.push(Step { typed, way, seen });
    }
    steps
}

/// Takes in a line of a numbered list; a list is one step.
fn list(line: &str, steps: &mut Vec<Step>) {
    let is_item = line.split_once(". ").is_some_and(|(number, _)| {
        !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
    });
    if !is_item {
        return;
    }
    match steps.last_mut() {
        Some(step) if step.way == Way::Clicked => {
            step.typed.push('\n');
            step.typed.push_str(line);
        }
        _ => steps.push(Step {
            typed: line.to_owned(),
            way: Way::Clicked,
            seen: Vec::new(),
        }),
    }
}

/// Whether a line is as the page has it.
fn is_like(line: &str, shown: &str) -> bool {
    let Some((first, rest)) = shown.split_once('…') else {
        return line == shown;
    };
    let Some(mut left) = line.strip_prefix(first) else {
        return false;
    };
    let (between, last) = rest.rsplit_once('…').unwrap_or(("", rest));
    for part in between.split('…') {
        let Some(at) = left.find(part) else {
            return false;
        };
        left = &left[at + part.len()..];
    }
    left.ends_with(last)
}

/// The first line of the page that did not come.
fn missing<'a>(printed: &str, shown: &'a [String]) -> Option<&'a str> {
    let mut lines = printed.lines().map(str::trim_end);
    let mut shown = shown.iter().filter(|line| !line.trim().is_empty());
    shown
        .find(|line| !lines.any(|printed| is_like(printed, line)))
        .map(String::as_str)
}

/// Starts what goes on, and waits until it says that it is ready: the registry shows how to push, others say that they wait.
/// Answers with the password that was shown, if one was.
fn start(shell: Command) -> (Daemon, Option<String>) {
    let (mut is_near, mut password) = (false, None);
    let (daemon, ()) = Daemon::start(shell, |line| {
        if is_near && !line.trim().is_empty() {
            password = Some(line.trim().to_owned());
            is_near = false;
        }
        is_near |= line.contains("The password of user admin");
        (line.contains("docker push") || line.contains("waiting for")).then_some(())
    });
    (daemon, password)
}

fn shell(bench: &Workbench, script: &str) -> Command {
    let mut shell = bench.command("bash");
    shell.arg("-c").arg(script).envs(environment(bench));
    shell
}

/// Types a block that ends well, or is refused, and prints what the page shows. What it sets, the next one has.
fn type_block(bench: &Workbench, typed: &str, is_done: bool, seen: &[String]) {
    let script = format!(
        "set -eo pipefail -o allexport; [ ! -e ../set ] || . ../set; {typed}\nexport -p > ../set"
    );
    let output = shell(bench, &script)
        .stdin(Stdio::null())
        .output()
        .expect("bash is a shell");
    let printed = [&output.stdout[..], &output.stderr].concat();
    let printed = String::from_utf8_lossy(&printed);
    let is_well = output.status.success() == is_done;
    assert!(is_well, "{typed}\n{}\n{printed}", output.status);
    if let Some(line) = missing(&printed, seen) {
        panic!("{typed}\nmust print\n{line}\nbut printed\n{printed}");
    }
}

/// Types a page of the documentation in a directory of its own.
pub(crate) fn type_page(name: &str, reader: &dyn Reader) {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    let page = std::fs::read_to_string(page.join(name)).expect("the page is there");
    let bench = Workbench::new();
    let ports = Ports::take(ADDRESSES.len()).expect("free ports");
    let here = |text: &str| {
        let addresses = ADDRESSES.iter().zip(ports.numbers());
        addresses.fold(text.to_owned(), |text, (address, port)| {
            text.replace(address, &format!("127.0.0.1:{port}"))
        })
    };
    reader.prepare(&bench);
    let mut serving = Vec::new();
    let (mut password, mut secret) = (String::new(), String::new());
    for step in steps(&page) {
        let (typed, way) = (here(&step.typed), step.way);
        let typed = typed.replace(PASSWORD, &password).replace(SECRET, &secret);
        let begun = Instant::now();
        if way == Way::Clicked {
            secret = reader.click(&typed, &password);
            reader.note(&step.typed, begun.elapsed());
            continue;
        }
        if way == Way::Serving {
            let (daemon, shown) = start(shell(&bench, &format!("exec {typed}")));
            serving.push((typed, daemon));
            password = shown.unwrap_or(password);
        } else {
            let seen: Vec<String> = step.seen.iter().map(|line| here(line)).collect();
            type_block(&bench, &typed, way == Way::Done, &seen);
        }
        reader.note(&step.typed, begun.elapsed());
    }
    for (typed, daemon) in serving {
        // What a page has people write themselves ends as it may.
        if typed.starts_with("roadstead") {
            daemon.stop();
        } else {
            daemon.kill();
        }
    }
}

/// The program by its name, and a podman that leaves the machine as it is.
pub(crate) fn environment(bench: &Workbench) -> Vec<(&'static str, String)> {
    let program = Path::new(env!("CARGO_BIN_EXE_roadstead"));
    let place = program.parent().expect("it lies in a directory");
    #[expect(
        clippy::disallowed_methods,
        reason = "what is typed is looked for as it always is"
    )]
    let path = std::env::var("PATH").expect("there is one");
    // As many open files as a container gets by default are more than a machine of tests may have.
    let containers = format!(
        "[containers]\ndefault_ulimits = [\"nofile=1024:1024\", \"nproc=1024:1024\"]\n[engine]\nevents_logger = \"none\"\ncgroup_manager = \"cgroupfs\"\nruntime = \"runc\"\ntmp_dir = \"{}\"\n",
        bench.path("run/libpod").display()
    );
    let containers = bench.write("containers.conf", &containers);
    vec![
        ("PATH", format!("{}:{path}", place.display())),
        ("CONTAINERS_CONF", containers.display().to_string()),
        ("BUILDAH_ISOLATION", "chroot".to_owned()),
        ("ROADSTEAD_METRICS__ADDRESS", String::new()),
    ]
}

#[test]
fn two_customers() {
    type_page("tutorials/two-customers.md", &Typist);
}

#[test]
fn what_stays_and_what_goes() {
    type_page("how-to/lifecycle.md", &Typist);
}

#[test]
fn what_is_shown_is_compared_line_by_line() {
    assert!(is_like("state       active", "state       active"));
    assert!(is_like("storage  5 of 7 bytes", "storage  … of 7 bytes"));
    assert!(is_like("anything at all", "…"));
    assert!(!is_like("storage  5 of 7 bytes", "storage  … of 8 bytes"));
    assert!(!is_like(
        "storage  5 of 7 bytes, or so",
        "storage  … of 7 bytes"
    ));
    let shown = |lines: [&str; 2]| lines.map(str::to_owned);
    assert_eq!(missing("a\nb\nc", &shown(["a", "c"])), None);
    assert_eq!(missing("a\nb\nc", &shown(["c", "a"])), Some("a"));
}
