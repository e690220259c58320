//! The tutorials and one page beside them, typed as they stand: every block of commands in order, each of which must print
//! what the page says.

use std::path::Path;
use std::process::Stdio;

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
}

/// The addresses that the pages name; here each is another port.
const ADDRESSES: [&str; 2] = ["127.0.0.1:5000", "127.0.0.1:5001"];

/// Reads a page's blocks.
fn steps(page: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let Some(kind) = line.strip_prefix("```") else {
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

/// Whether a line of what was started says that it is ready: the registry shows how to push, others say that they wait.
fn is_ready(line: &str) -> Option<()> {
    (line.contains("docker push") || line.contains("waiting for")).then_some(())
}

/// Types a page of the documentation in a directory of its own.
fn type_page(name: &str) {
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
    let mut serving = Vec::new();
    for step in steps(&page) {
        let (typed, way) = (here(&step.typed), step.way);
        let seen: Vec<String> = step.seen.iter().map(|line| here(line)).collect();
        let script = match way {
            Way::Serving => format!("exec {typed}"),
            // What one block sets, the next one has.
            Way::Done | Way::Refused => format!(
                "set -eo pipefail -o allexport; [ ! -e ../set ] || . ../set; {typed}\nexport -p > ../set"
            ),
        };
        let mut shell = bench.command("bash");
        shell.arg("-c").arg(&script).envs(environment(&bench));
        if way == Way::Serving {
            serving.push((typed, Daemon::start(shell, is_ready).0));
            continue;
        }
        let output = shell
            .stdin(Stdio::null())
            .output()
            .expect("bash is a shell");
        let printed = [&output.stdout[..], &output.stderr].concat();
        let printed = String::from_utf8_lossy(&printed);
        let is_well = output.status.success() == (way == Way::Done);
        assert!(is_well, "{typed}\n{}\n{printed}", output.status);
        if let Some(line) = missing(&printed, &seen) {
            panic!("{typed}\nmust print\n{line}\nbut printed\n{printed}");
        }
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
fn environment(bench: &Workbench) -> Vec<(&'static str, String)> {
    let program = Path::new(env!("CARGO_BIN_EXE_roadstead"));
    let place = program.parent().expect("it lies in a directory");
    #[expect(
        clippy::disallowed_methods,
        reason = "what is typed is looked for as it always is"
    )]
    let path = std::env::var("PATH").expect("there is one");
    let containers = format!(
        "[engine]\nevents_logger = \"none\"\ncgroup_manager = \"cgroupfs\"\nruntime = \"runc\"\ntmp_dir = \"{}\"\n",
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
    type_page("tutorials/two-customers.md");
}

#[test]
fn what_stays_and_what_goes() {
    type_page("how-to/lifecycle.md");
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
