//! The rules of the repository that no compiler checks. Each test prints every place that breaks
//! its rule, so that one run is enough to mend them all.

mod architecture;
mod documents;
mod rust_source;
mod sizes;
mod threats;

use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

/// A text file of the repository; the path is relative to its root.
struct SourceFile {
    path: String,
    text: String,
}

/// The root of the checkout.
fn root() -> &'static Path {
    static ROOT: OnceLock<std::path::PathBuf> = OnceLock::new();
    ROOT.get_or_init(|| {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        root.canonicalize()
            .expect("the checkout is where it was built")
    })
}

/// Every text file that git knows or would add; what it ignores is not ours.
fn files() -> &'static [SourceFile] {
    static FILES: OnceLock<Vec<SourceFile>> = OnceLock::new();
    FILES.get_or_init(|| {
        let listed = printed_by(Command::new("git").args([
            "ls-files",
            "--cached",
            "--others",
            "--exclude-standard",
        ]));
        let read = |path: &str| {
            // Deleted files are still listed, and pictures are no text: both are left out.
            let text = std::fs::read_to_string(root().join(path)).ok()?;
            Some(SourceFile {
                path: path.to_owned(),
                text,
            })
        };
        listed.lines().filter_map(read).collect()
    })
}

/// The files whose name ends in `suffix`.
fn files_ending(suffix: &str) -> impl Iterator<Item = &'static SourceFile> {
    files()
        .iter()
        .filter(move |file| file.path.ends_with(suffix))
}

/// What a program prints when run at the root.
fn printed_by(command: &mut Command) -> String {
    let output = command
        .current_dir(root())
        .output()
        .expect("git and cargo can be started");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} failed: {complaint}");
    String::from_utf8(output.stdout).expect("names are UTF-8")
}

/// Fails with all problems, one per line.
#[track_caller]
fn expect_none(rule: &str, problems: &[String]) {
    assert!(
        problems.is_empty(),
        "{rule}:\n  {}\n",
        problems.join("\n  ")
    );
}
