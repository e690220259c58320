//! containerd by its own command line, ctr: it keeps blobs as they came, so what it pushes is what
//! it was given.

use super::content::Content;
use super::daemon::Daemon;
use super::roadstead::{PASSWORD, Roadstead, USER};
use super::workbench::{Workbench, debian_layout, run, run_in_vain};

fn start_containerd(bench: &Workbench) -> Daemon {
    let config = format!(
        "version = 2\nroot = \"{}\"\nstate = \"{}\"\n\
         disabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n\
         [grpc]\naddress = \"{}\"\n[ttrpc]\naddress = \"{}\"\n",
        bench.path("containerd").display(),
        bench.path("run/containerd").display(),
        bench.path("c.sock").display(),
        bench.path("t.sock").display(),
    );
    let mut command = bench.command("containerd");
    command
        .arg("--config")
        .arg(bench.write("containerd.toml", &config));
    let is_ready = |line: &str| {
        line.contains("containerd successfully booted")
            .then_some(())
    };
    Daemon::start(command, is_ready).0
}

#[test]
fn ctr_pushes_and_pulls() {
    let (registry, bench) = (Roadstead::start(), Workbench::new());
    let containerd = start_containerd(&bench);
    let socket = bench.path("c.sock");
    let ctr = |line: &str| {
        bench.typed(&format!(
            "ctr --address={} --namespace=test images {line}",
            socket.display()
        ))
    };
    let image = Content::of_layout(&debian_layout());
    let repository = format!("{}/library/debian", registry.host);
    // ctr makes the tag from the name that the layout gives its image.
    let name = format!("{repository}:debian");

    let archive = bench.path("layout.tar").display().to_string();
    let layout = debian_layout();
    let tar = format!(
        "tar --create --file {archive} --directory {}",
        layout.display()
    );
    run(&mut bench.typed(&format!("{tar} oci-layout index.json blobs")));
    run(&mut ctr(&format!(
        "import --no-unpack --base-name {repository} {archive}"
    )));

    let push = |password: &str| {
        let mut push = ctr("push --plain-http --user");
        push.arg(format!("{USER}:{password}")).arg(&name);
        push
    };
    run_in_vain(&mut push("wrong"));
    run(&mut push(PASSWORD));
    assert_eq!(bench.fetch(&registry, "library/debian:debian"), image);

    run(&mut ctr(&format!("rm --sync {name}")));
    run(ctr("pull --plain-http --user")
        .arg(format!("{USER}:{PASSWORD}"))
        .arg(&name));
    let list = run(&mut ctr(&format!("ls name=={name}")));
    assert!(
        list.contains(&image.manifest),
        "{} in what ctr lists:\n{list}",
        image.manifest
    );
    run(&mut ctr("check"));
    containerd.stop();
    registry.stop();
}
