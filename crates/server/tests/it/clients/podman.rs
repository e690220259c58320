//! podman keeps images unpacked and packs them again to push them.

use super::roadstead::{PASSWORD, Roadstead, USER};
use super::workbench::{Workbench, debian_layout, run, run_in_vain};

#[test]
fn podman_signs_in_pushes_and_pulls() {
    let (registry, bench) = (Roadstead::start(), Workbench::new());
    let engine = format!(
        "podman --events-backend=none --cgroup-manager=cgroupfs --runtime=runc --tmpdir={}",
        bench.path("run/libpod").display()
    );
    let podman = |line: &str| bench.typed(&format!("{engine} {line}"));
    let name = format!("{}/library/debian:12", registry.host);

    let id = run(&mut podman(&format!(
        "pull --quiet oci:{}:debian",
        debian_layout().display()
    )));
    let id = id.trim();
    run(&mut podman(&format!("tag {id} {name}")));

    let push = format!("push --quiet --tls-verify=false --digestfile=digest {name}");
    run_in_vain(&mut podman(&push));
    let login = format!(
        "login --tls-verify=false {} --username {USER} --password",
        registry.host
    );
    run_in_vain(podman(&login).arg("wrong"));
    run(podman(&login).arg(PASSWORD));
    run(&mut podman(&push));
    let pushed = bench.read("out/digest");
    assert_eq!(bench.fetch(&registry, "library/debian:12").manifest, pushed);

    run(&mut podman("rmi --all --force"));
    run(&mut podman(&format!(
        "pull --quiet --tls-verify=false {name}"
    )));
    let facts = run(podman("image inspect")
        .arg("--format={{.Digest}} {{.Id}}")
        .arg(&name));
    assert_eq!(
        facts.trim(),
        format!("{pushed} {id}"),
        "the same image by both its names"
    );

    run(&mut podman(&format!("logout {}", registry.host)));
    run_in_vain(&mut podman(&push));
    registry.stop();
}
