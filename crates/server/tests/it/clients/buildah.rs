//! buildah builds an image without a base, and pushes it in both manifest formats.

use super::content::parse;
use super::roadstead::{PASSWORD, Roadstead, USER};
use super::workbench::{Workbench, debian_rootfs, run};

#[test]
fn buildah_builds_from_scratch_and_pushes_both_formats() {
    let (registry, bench) = (Roadstead::start(), Workbench::new());
    let buildah = |line: &str| bench.typed(&format!("buildah {line}"));

    let container = run(&mut buildah("from scratch"));
    let container = container.trim();
    run(&mut buildah(&format!(
        "add --quiet {container} {} /",
        debian_rootfs().display()
    )));
    run(&mut buildah(&format!("config --cmd /bin/bash {container}")));
    run(&mut buildah(&format!(
        "commit --quiet --rm {container} debian"
    )));

    let login = format!("login --tls-verify=false --username={USER} --password");
    run(buildah(&login).args([PASSWORD, &registry.host]));
    let formats = [
        ("oci", "application/vnd.oci.image.manifest.v1+json"),
        (
            "v2s2",
            "application/vnd.docker.distribution.manifest.v2+json",
        ),
    ];
    for (format, media_type) in formats {
        let name = format!("library/debian:{format}");
        let target = format!("docker://{}/{name}", registry.host);
        let push = "push --quiet --tls-verify=false --digestfile=digest";
        run(&mut buildah(&format!(
            "{push} --format={format} debian {target}"
        )));
        assert_eq!(
            bench.fetch(&registry, &name).manifest,
            bench.read("out/digest")
        );

        let inspect = format!("skopeo inspect --raw --tls-verify=false {target}");
        let manifest = bench.write("out/manifest.json", &run(&mut bench.typed(&inspect)));
        assert_eq!(parse(&manifest)["mediaType"], media_type);
    }

    run(&mut buildah("rmi --all --force"));
    let name = format!("{}/library/debian:oci", registry.host);
    run(&mut buildah(&format!(
        "pull --quiet --tls-verify=false {name}"
    )));
    registry.stop();
}
