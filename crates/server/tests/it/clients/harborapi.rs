//! harborapi manages what an account holds, unmodified: a scripted day of its administrator.

use super::content::Content;
use super::roadstead::{PASSWORD, Roadstead, USER};
use super::workbench::{Workbench, debian_layout, run, tool};

const SCRIPT: &str = include_str!("harborapi_day.py");

#[test]
fn harborapi_manages_an_account_for_a_day() {
    let (registry, bench) = (Roadstead::start(), Workbench::new());
    let image = Content::of_layout(&debian_layout());
    let script = bench.write("harborapi_day.py", SCRIPT);
    let source = format!("oci:{}:debian", debian_layout().display());
    let target = format!("docker://{}/team/nested/app:v1", registry.host);
    let copy = "copy --preserve-digests --dest-tls-verify=false";
    let login = format!("--dest-creds {USER}:{PASSWORD}");
    run(&mut bench.typed(&format!("skopeo {copy} {login} {source} {target}")));

    let mut python = bench.command(tool("python/bin/python"));
    let name = format!("team/nested/app@{}", image.manifest);
    python
        .arg(script)
        .args([&registry.host, USER, PASSWORD, &name]);
    let printed = run(&mut python);
    assert_eq!(
        printed.lines().collect::<Vec<_>>(),
        [
            "system",
            "projects",
            "people",
            "robots",
            "content",
            "retention",
            "leave"
        ]
    );
    registry.stop();
}
