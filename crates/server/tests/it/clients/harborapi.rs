//! harborapi manages what an account holds, unmodified: a scripted day of its administrator.

use super::content::Content;
use super::roadstead::{PASSWORD, Roadstead, USER};
use super::workbench::{Workbench, debian_layout, run, tool};
use crate::registry::backends::Backends;

const SCRIPT: &str = include_str!("harborapi_day.py");
const LIFECYCLE: &str = include_str!("harborapi_lifecycle.py");

fn a_day(backends: Backends) {
    let (registry, bench) = (Roadstead::start_on(backends), Workbench::new());
    let image = Content::of_layout(&debian_layout());
    let script = bench.write("harborapi_day.py", SCRIPT);
    bench.write("harborapi_lifecycle.py", LIFECYCLE);
    let source = format!("oci:{}:debian", debian_layout().display());
    let target = format!("docker://{}/team/nested/app:v1", registry.host);
    let copy = "copy --preserve-digests --dest-tls-verify=false";
    let login = format!("--dest-creds {USER}:{PASSWORD}");
    run(&mut bench.typed(&format!("skopeo {copy} {login} {source} {target}")));

    let mut python = bench.command(tool("python/bin/python"));
    let name = format!("team/nested/app@{}", image.manifest);
    python
        .arg(script)
        .args([&registry.host, USER, PASSWORD, &name, &source]);
    let printed = run(&mut python);
    assert_eq!(
        printed.lines().collect::<Vec<_>>(),
        [
            "system",
            "projects",
            "people",
            "robots",
            "content",
            "immutability",
            "retention",
            "webhooks",
            "purges",
            "collections",
            "leave"
        ]
    );
    registry.stop();
}

#[test]
fn harborapi_manages_an_account_for_a_day() {
    a_day(Backends::EMBEDDED);
}

#[test]
fn harborapi_manages_an_account_for_a_day_on_postgresql() {
    a_day(Backends::PRODUCTION);
}
