//! IBM's Python SDK manages an account, unmodified: a scripted day of its administrator.

use super::content::Content;
use super::roadstead::{PASSWORD, Roadstead, USER};
use super::workbench::{Workbench, debian_layout, run, tool};

const SCRIPT: &str = include_str!("ibm_day.py");

#[test]
fn ibms_sdk_manages_an_account_for_a_day() {
    let (registry, bench) = (Roadstead::start(), Workbench::new());
    let image = Content::of_layout(&debian_layout());
    let script = bench.write("ibm_day.py", SCRIPT);
    let source = format!("oci:{}:debian", debian_layout().display());
    let copy = "copy --preserve-digests --dest-tls-verify=false";
    let push = |login: &str, name: &str| {
        let target = format!("docker://{}/{name}", registry.host);
        run(&mut bench.typed(&format!(
            "skopeo {copy} --dest-creds {login} {source} {target}"
        )));
    };
    push(&format!("{USER}:{PASSWORD}"), "team/nested/app:v1");
    let key = create_key(&registry);
    // IBM's login name, with the key as the password.
    push(&format!("iamapikey:{key}"), "team/app:v1");

    let mut python = bench.command(tool("python/bin/python"));
    python
        .arg(script)
        .args([&registry.host, &key, "default", &image.manifest]);
    let printed = run(&mut python);
    assert_eq!(
        printed.lines().collect::<Vec<_>>(),
        [
            "login",
            "account",
            "namespaces",
            "images",
            "tags",
            "deleting",
            "leave"
        ]
    );
    registry.stop();
}

/// A personal access token of the administrator.
fn create_key(registry: &Roadstead) -> String {
    let printed = run(registry.admin().args(["token", "create", USER, "ibm"]));
    let made: serde_json::Value = serde_json::from_str(&printed).expect("it prints JSON");
    made["secret"].as_str().expect("a secret").to_owned()
}
