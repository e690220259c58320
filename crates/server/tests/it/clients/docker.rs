//! The Docker engine, driven by each generation of its command line that is on the machine.

use std::path::Path;

use super::daemon::Daemon;
use super::roadstead::{PASSWORD, Roadstead, USER};
use super::workbench::{Workbench, debian_rootfs, digest_in, run, run_in_vain};

/// Debian's, and one that an administrator may have put beside it.
const COMMAND_LINES: &[&str] = &["/usr/bin/docker", "/usr/local/bin/docker"];

fn start_engine(bench: &Workbench) -> Daemon {
    // No networks: nothing is run in the containers, and the machine's firewall stays as it is.
    let mut command = bench.typed(
        "dockerd --iptables=false --ip6tables=false --bridge=none --storage-driver=overlay2",
    );
    command
        .arg("--config-file")
        .arg(bench.write("daemon.json", "{}"));
    command.arg("--data-root").arg(bench.path("docker"));
    command.arg("--exec-root").arg(bench.path("run/docker"));
    command.arg("--pidfile").arg(bench.path("docker.pid"));
    command.arg("--host").arg(socket(bench));
    let is_ready = |line: &str| line.contains("API listen on").then_some(());
    Daemon::start(command, is_ready).0
}

fn socket(bench: &Workbench) -> String {
    format!("unix://{}", bench.path("d.sock").display())
}

#[test]
fn docker_signs_in_pushes_and_pulls() {
    let (registry, bench) = (Roadstead::start(), Workbench::new());
    let engine = start_engine(&bench);
    let settings = format!(
        "--host={} --config={}",
        socket(&bench),
        bench.path("home/docker").display()
    );
    let import = format!("import {}", debian_rootfs().display());
    let id = run(&mut bench.typed(&format!("{} {settings} {import}", COMMAND_LINES[0])));
    let id = id.trim();

    let programs = COMMAND_LINES
        .iter()
        .filter(|program| Path::new(program).exists());
    for (number, program) in programs.enumerate() {
        let docker = |line: &str| bench.typed(&format!("{program} {settings} {line}"));
        let short = format!("library/debian:{number}");
        let name = format!("{}/{short}", registry.host);
        run(&mut docker(&format!("tag {id} {name}")));
        run_in_vain(&mut docker(&format!("push {name}")));

        let login = format!("login {} --username {USER} --password", registry.host);
        run_in_vain(docker(&login).arg("wrong"));
        run(docker(&login).arg(PASSWORD));
        let pushed = digest_in(&run(&mut docker(&format!("push {name}"))));
        assert_eq!(bench.fetch(&registry, &short).manifest, pushed);

        // Without its last name the image goes, so that the pull brings every byte again.
        run(&mut docker(&format!("image rm --force {id}")));
        assert_eq!(
            digest_in(&run(&mut docker(&format!("pull {name}")))),
            pushed
        );
        let inspect = format!("image inspect --format={{{{.Id}}}} {name}");
        assert_eq!(run(&mut docker(&inspect)).trim(), id, "the same image");
        run(&mut docker(&format!("logout {}", registry.host)));
    }
    engine.stop();
    registry.stop();
}
