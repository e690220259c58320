//! From an empty machine to a running image, by the words of the tutorial, and how long that takes.

use std::sync::Mutex;
use std::time::Duration;

use serde_json::{Value, json};

use super::{pictures, run};
use crate::clients::tutorials::{Reader, environment, type_page};
use crate::clients::workbench::{self, Workbench, debian_layout};

/// What the tutorial promises.
const MOST: Duration = Duration::from_mins(5);

/// Somebody with an image, a shell and a browser.
#[derive(Default)]
struct Newcomer {
    steps: Mutex<Vec<(String, Duration)>>,
}

impl Reader for Newcomer {
    fn prepare(&self, bench: &Workbench) {
        let podman = |line: &str| {
            let mut command = bench.typed(line);
            workbench::run(command.envs(environment(bench)))
        };
        let source = format!("oci:{}", debian_layout().display());
        let id = podman(&format!("podman pull --quiet {source}"));
        podman(&format!("podman tag {} debian:12", id.trim()));
    }

    fn click(&self, steps: &str, password: &str) -> String {
        let origin = steps
            .split_once('<')
            .and_then(|(_, rest)| rest.split_once('>'));
        let (origin, _) = origin.expect("a list begins where a page is opened");
        let given = json!({
            "origin": origin,
            "name": "admin",
            "password": password,
            "pictures": pictures(),
            "steps": steps,
            "is_known": !steps.contains(password),
        });
        let printed = run(include_str!("clicking.py"), &given);
        let seen: Value = serde_json::from_str(&printed).expect("JSON");
        let main = seen["main"].as_str().expect("text");
        assert!(!main.is_empty());
        seen["secret"].as_str().expect("text").to_owned()
    }

    fn note(&self, typed: &str, took: Duration) {
        let mut steps = self.steps.lock().expect("nobody panicked");
        steps.push((typed.to_owned(), took));
    }
}

#[test]
fn from_nothing_to_a_running_image_in_five_minutes() {
    let newcomer = Newcomer::default();
    type_page("tutorials/running-image.md", &newcomer);
    let steps = newcomer.steps.into_inner().expect("nobody panicked");
    let mut all = Duration::ZERO;
    for (typed, took) in &steps {
        let first = typed.lines().next().unwrap_or_default();
        println!("{:6.1} s  {first}", took.as_secs_f64());
        all += *took;
    }
    println!("{:6.1} s  all of it", all.as_secs_f64());
    assert_eq!(steps.len(), 6);
    assert!(all < MOST, "{all:?}");
}
