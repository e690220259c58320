//! oras pushes files that are no image: an artifact with a type of its own. Here its Python client.

use super::content::digest_of;
use super::roadstead::{PASSWORD, Roadstead, USER};
use super::workbench::{Workbench, run, tool};

/// Prints the manifest's digest; fails if the client is told anything that is not so.
const SCRIPT: &str = include_str!("oras_round_trip.py");

#[test]
fn oras_pushes_an_artifact_and_pulls_it_back() {
    let (registry, bench) = (Roadstead::start(), Workbench::new());
    let sent = bench.write("out/report.txt", "every berth was inspected\n");
    let script = bench.write("oras_round_trip.py", SCRIPT);

    let mut python = bench.command(tool("python/bin/python"));
    python
        .arg(script)
        .args([&registry.host, USER, PASSWORD, "library/reports:today"]);
    let printed = run(python.arg("report.txt").arg(bench.path("out/pulled")));

    assert_eq!(
        digest_of(&bench.path("out/pulled/report.txt")),
        digest_of(&sent)
    );
    let artifact = bench.fetch(&registry, "library/reports:today");
    assert!(
        printed.contains(&artifact.manifest),
        "{} in {printed}",
        artifact.manifest
    );
    assert!(artifact.blobs.contains(&digest_of(&sent)));
    registry.stop();
}
