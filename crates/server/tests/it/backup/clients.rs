//! A client pulls what was restored.

use super::{Place, back_up, digest_of, done, empty};
use crate::clients::workbench::{Workbench, debian_layout, run};
use crate::registry::backends::{Backends, Store};
use crate::registry::{ADMIN, ADMIN_PASSWORD, TestRegistry};

#[tokio::test(flavor = "multi_thread")]
async fn skopeo_pulls_from_a_restored_registry_what_it_pushed() {
    let registry = TestRegistry::builder().on(Backends::EMBEDDED).start().await;
    let bench = Workbench::new();
    let source = format!("oci:{}:debian", debian_layout().display());
    let copy =
        "skopeo copy --quiet --preserve-digests --src-tls-verify=false --dest-tls-verify=false";
    let credentials = format!("{ADMIN}:{ADMIN_PASSWORD}");
    let target = format!("docker://{}/library/debian:12", registry.host());
    let push = format!("{copy} --dest-creds={credentials} {source} {target}");
    tokio::task::block_in_place(|| run(&mut bench.typed(&push)));
    let pushed = digest_of(&registry, "library/debian", "12").await;

    let place = Place::new(Store::Files);
    back_up(&registry, &place.name);
    let there = empty(Backends::PRODUCTION, &registry.data_dir());
    done(&mut there.command(&["restore", "--json", "--from", &place.name]));
    let moved = there.start().await;
    let source = format!("docker://{}/library/debian:12", moved.host());
    let pull = format!("{copy} --src-creds={credentials} {source} dir:pulled");
    tokio::task::block_in_place(|| run(&mut bench.typed(&pull)));
    let pulled = std::fs::read(bench.path("out/pulled/manifest.json")).expect("skopeo wrote it");
    assert_eq!(crate::registry::content::sha256(pulled), pushed);
}
