//! skopeo copies between any two places, and looks without pulling.

use serde_json::Value;

use super::content::Content;
use super::roadstead::{PASSWORD, Roadstead, USER};
use super::workbench::{Workbench, debian_layout, run, run_in_vain};

#[test]
fn skopeo_copies_inspects_lists_syncs_and_deletes() {
    let (registry, bench) = (Roadstead::start(), Workbench::new());
    let image = Content::of_layout(&debian_layout());
    let skopeo = |line: &str| bench.typed(&format!("skopeo {line}"));
    let source = format!("oci:{}:debian", debian_layout().display());
    let name = format!("{}/library/debian", registry.host);
    let tagged = format!("docker://{name}:12");

    let login = format!(
        "login --tls-verify=false {} --username {USER} --password",
        registry.host
    );
    run_in_vain(skopeo(&login).arg("wrong"));
    run(skopeo(&login).arg(PASSWORD));
    let copy = "copy --preserve-digests --src-tls-verify=false --dest-tls-verify=false";
    run(&mut skopeo(&format!("{copy} {source} {tagged}")));
    assert_eq!(bench.fetch(&registry, "library/debian:12"), image);

    let inspect = format!("inspect --tls-verify=false --format={{{{.Digest}}}} {tagged}");
    assert_eq!(run(&mut skopeo(&inspect)).trim(), image.manifest);

    let other = "library/other/debian:copy";
    run(&mut skopeo(&format!(
        "{copy} {tagged} docker://{}/{other}",
        registry.host
    )));
    run(&mut skopeo(&format!(
        "{copy} {tagged} docker://{name}:latest"
    )));
    assert_eq!(bench.fetch(&registry, other), image);

    let tags = run(&mut skopeo(&format!(
        "list-tags --tls-verify=false docker://{name}"
    )));
    let tags: Value = serde_json::from_str(&tags).expect("skopeo prints JSON");
    assert_eq!(tags["Tags"], serde_json::json!(["12", "latest"]));

    let sync = format!("sync --src=docker --dest=dir --src-tls-verify=false {name} synced");
    run(&mut skopeo(&sync));
    for tag in ["12", "latest"] {
        let synced = Content::of_dir(&bench.path(&format!("out/synced/debian:{tag}")));
        assert_eq!(synced, image);
    }

    run(&mut skopeo(&format!("delete --tls-verify=false {tagged}")));
    run_in_vain(&mut skopeo(&inspect));
    assert_eq!(bench.fetch(&registry, other), image);
    registry.stop();
}

#[test]
fn skopeo_pushes_and_pulls_over_tls() {
    let (registry, bench) = (Roadstead::start_with_tls(), Workbench::new());
    let image = Content::of_layout(&debian_layout());
    let skopeo = |line: &str| bench.typed(&format!("skopeo {line}"));
    let source = format!("oci:{}:debian", debian_layout().display());
    let tagged = format!("docker://{}/library/debian:12", registry.host);
    let authority = registry.certificate_authority().display().to_string();

    let login = format!("login {} --username {USER} --password", registry.host);
    run_in_vain(skopeo(&login).arg(PASSWORD));
    run(skopeo(&login)
        .arg(PASSWORD)
        .args(["--cert-dir", &authority]));
    let copy = "copy --preserve-digests";
    run(&mut skopeo(&format!(
        "{copy} --dest-cert-dir {authority} {source} {tagged}"
    )));
    run(&mut skopeo(&format!(
        "{copy} --src-cert-dir {authority} {tagged} oci:pulled:debian"
    )));
    assert_eq!(Content::of_layout(&bench.path("out/pulled")), image);
    registry.stop();
}
