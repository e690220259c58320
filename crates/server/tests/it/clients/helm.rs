//! Helm keeps charts in a registry as OCI artifacts; here over TLS.

use std::process::Command;

use super::content::digest_of;
use super::roadstead::{PASSWORD, Roadstead, USER};
use super::workbench::{Workbench, digest_in, run, run_in_vain, tool};

#[test]
fn helm_pushes_a_chart_and_pulls_it_back() {
    let (registry, bench) = (Roadstead::start_with_tls(), Workbench::new());
    let helm = |line: &str| bench.typed(&format!("{} {line}", tool("helm/helm").display()));
    let authority = registry.certificate_authority().join("ca.crt");
    let over_tls = format!("--ca-file {}", authority.display());
    let charts = format!("oci://{}/library/charts", registry.host);

    run(&mut helm("create harbour"));
    run(&mut helm("package harbour"));
    let packaged = digest_of(&bench.path("out/harbour-0.1.0.tgz"));

    let push = format!("push harbour-0.1.0.tgz {charts} {over_tls}");
    run_in_vain(&mut helm(&push));
    let login = format!(
        "registry login {} {over_tls} --username {USER}",
        registry.host
    );
    run_in_vain(helm(&login).args(["--password", "wrong"]));
    run(helm(&login).args(["--password", PASSWORD]));
    let pushed = digest_said_by(&mut helm(&push));

    std::fs::create_dir(bench.path("out/pulled")).expect("the directory is ours");
    let chart = format!("{charts}/harbour --version 0.1.0 {over_tls}");
    assert_eq!(
        digest_said_by(&mut helm(&format!("pull {chart} --destination pulled"))),
        pushed
    );
    assert_eq!(
        digest_of(&bench.path("out/pulled/harbour-0.1.0.tgz")),
        packaged
    );
    let shown = run(&mut helm(&format!("show chart {chart}")));
    assert!(shown.contains("name: harbour"), "{shown}");
    let artifact = bench.fetch(&registry, "library/charts/harbour:0.1.0");
    assert_eq!(artifact.manifest, pushed);
    assert!(artifact.blobs.contains(&packaged));
    registry.stop();
}

/// The digest that Helm says; it may say it on standard error.
fn digest_said_by(command: &mut Command) -> String {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    command.stderr(file.reopen().expect("it was just made"));
    let printed = run(command);
    digest_in(&(printed + &std::fs::read_to_string(file.path()).expect("Helm's words")))
}
