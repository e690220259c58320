//! What is said of a repository, as it was written and as a page may show it; how often it was pulled; labels that say what stays.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::AccountApi;
use crate::harbor::Harbor as _;
use crate::registry::backends::Backends;
use crate::registry::{PATIENCE, TestRegistry};

const BOTH: [Backends; 2] = [Backends::EMBEDDED, Backends::PRODUCTION];
const PLACE: &str = "/accounts/default/repository";
const NEVER: &str = "0001-01-01T00:00:00.000Z";

async fn shown(registry: &TestRegistry) -> Value {
    let path = format!("{PLACE}?repository=library/app");
    registry.v1_get(&path).await.assert_status(200).json()
}

/// CVE-2025-32019 was this in Harbor.
#[tokio::test]
async fn a_description_is_kept_as_written_and_shown_without_harm() {
    for backends in BOTH {
        let registry = TestRegistry::builder().on(backends).start().await;
        registry.push_image("library/app", "v1").await;
        let before = shown(&registry).await;
        assert_eq!(
            (
                &before["name"],
                &before["description"],
                &before["description_html"],
                &before["artifacts"],
                &before["pulls"],
                &before["last_pulled_at"]
            ),
            (
                &json!("library/app"),
                &json!(""),
                &json!(""),
                &json!(1),
                &json!(0),
                &Value::Null
            )
        );
        let source = "# App\n\n<script>alert(1)</script>\n\n\
             [here](javascript:alert(1)) [there](https://example.com/) ![seen](https://example.com/pixel.png)\n";
        let html = "<h1>App</h1><p>&lt;script&gt;alert(1)&lt;/script&gt;\n</p>\
             <p>here <a href=\"https://example.com/\" rel=\"nofollow noopener noreferrer\">there</a> \
             <a href=\"https://example.com/pixel.png\" rel=\"nofollow noopener noreferrer\">image: seen</a></p>";
        let written = json!({ "repository": "library/app", "description": source });
        registry.v1_put(PLACE, &written).await.assert_no_content();
        let after = shown(&registry).await;
        assert_eq!(
            (&after["description"], &after["description_html"]),
            (&json!(source), &json!(html))
        );
        // Harbor's clients have the source.
        let path = "/projects/library/repositories/app";
        let harbor = registry.api_get(path).await.assert_status(200).json();
        assert_eq!(harbor["description"], source);

        what_is_no_description_changes_nothing(&registry).await;
        assert_eq!(shown(&registry).await["description"], source);
        let nothing = json!({ "repository": "library/app", "description": "" });
        registry.v1_put(PLACE, &nothing).await.assert_no_content();
        assert_eq!(shown(&registry).await["description_html"], "");
    }
}

async fn what_is_no_description_changes_nothing(registry: &TestRegistry) {
    let described = |text: &str| json!({ "repository": "library/app", "description": text });
    for (body, status) in [
        (described(&"x".repeat(64 * 1024 + 1)), 422),
        (described("a\u{0}b"), 422),
        (described("a\u{1b}[31mb"), 422),
        (described("a\u{9b}b"), 422),
        (json!({ "repository": "library/app" }), 422),
        (
            json!({ "repository": "library/app", "description": 7 }),
            422,
        ),
        (
            json!({ "repository": "library/app", "description": "", "pulls": 7 }),
            422,
        ),
        (json!({ "repository": "library", "description": "" }), 400),
        (
            json!({ "repository": "library/none", "description": "" }),
            404,
        ),
        (json!({ "repository": "none/app", "description": "" }), 404),
    ] {
        let answer = registry.v1_put(PLACE, &body).await;
        assert_eq!(answer.status(), status, "{}", answer.text());
    }
    let control = json!({ "description": "a\u{0}b" });
    registry
        .api_put("/projects/library/repositories/app", &control)
        .await
        .assert_status(400);
}

/// The pulls of `library/app` that the log has.
async fn until_logged(registry: &TestRegistry, count: usize) {
    let deadline = Instant::now() + PATIENCE;
    let sql = "SELECT id FROM events WHERE kind = 'manifest.pulled' AND number IS NOT NULL";
    while registry.sql(sql).len() < count {
        assert!(Instant::now() < deadline, "pulls are not written");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_namespace_declines_that_its_pulls_are_counted_or_timed() {
    for backends in BOTH {
        let registry = TestRegistry::builder().on(backends).start().await;
        registry.push_image("library/app", "v1").await;
        let mut pulls = 0;
        let mut pull = async || {
            let path = "/v2/library/app/manifests/v1";
            registry.get(path).await.assert_status(200);
            pulls += 1;
            until_logged(&registry, pulls).await;
        };
        let switch = async |counts: &str, times: &str| {
            let metadata = json!({ "counts_pulls": counts, "keeps_pull_times": times });
            let body = json!({ "metadata": metadata });
            registry
                .api_put("/projects/library", &body)
                .await
                .assert_status(200);
            let project = registry.api_get("/projects/library").await.json();
            assert_eq!(project["metadata"]["counts_pulls"], counts);
            assert_eq!(project["metadata"]["keeps_pull_times"], times);
        };
        let known = async || {
            let artifact = "/projects/library/repositories/app/artifacts/v1";
            let artifact = registry.api_get(artifact).await.assert_status(200).json();
            let shown = shown(&registry).await;
            let is_timed = artifact["pull_time"] != NEVER;
            assert_eq!(!shown["last_pulled_at"].is_null(), is_timed);
            (shown["pulls"].as_i64(), is_timed)
        };
        let looks_at_pulls = json!({ "rules":
            [{ "action": "retain", "template": "latestPulledN", "count": 1 }] });
        let preview = "/accounts/default/namespaces/library/retention/preview";
        switch("false", "false").await;
        pull().await;
        assert_eq!(known().await, (Some(0), false), "{backends:?}");
        // Nobody could say what was pulled: no rule goes by it.
        let refused = registry.v1_post(preview, &looks_at_pulls).await;
        assert_eq!(refused.status(), 412, "{}", refused.text());
        switch("true", "false").await;
        pull().await;
        assert_eq!(known().await, (Some(1), false));
        switch("false", "true").await;
        pull().await;
        assert_eq!(known().await, (Some(1), true));
        // It cannot have what the account does not keep.
        let off = json!({ "pull_count_update_disable": true, "pull_time_update_disable": true });
        let configured = registry.api_put("/configurations", &off).await;
        configured.assert_status(200);
        switch("true", "true").await;
        pull().await;
        assert_eq!(known().await.0, Some(1));
        let odd = json!({ "metadata": { "counts_pulls": "perhaps" } });
        let odd = registry.api_put("/projects/library", &odd).await;
        odd.assert_status(400);
    }
}

#[tokio::test]
async fn labels_are_told_of_in_lists_and_say_what_stays() {
    for backends in BOTH {
        let registry = TestRegistry::builder().on(backends).start().await;
        let mut digests = Vec::new();
        for tag in ["v1", "v2", "v3"] {
            digests.push(registry.push_image("library/app", tag).await);
        }
        let mut numbers = Vec::new();
        for name in ["gold", "old"] {
            let label = json!({ "name": name, "scope": "g" });
            let made = registry.api_post("/labels", &label).await;
            let made = made.assert_status(201);
            let location = made.location();
            let number = location.rsplit('/').next().expect("a number");
            numbers.push(number.parse::<i64>().expect("a number"));
        }
        let artifacts = "/projects/library/repositories/app/artifacts";
        for (tag, number) in [("v1", 0), ("v2", 0), ("v2", 1)] {
            let path = format!("{artifacts}/{tag}/labels");
            let label = json!({ "id": numbers[number] });
            registry.api_post(&path, &label).await.assert_done();
        }
        let (gold, old) = (numbers[0], numbers[1]);
        for (query, expected) in [
            (format!("labels%3D({gold})"), &["v1", "v2"][..]),
            (format!("labels%3D({gold}%20{old})"), &["v2"]),
            (format!("labels%3D{old}"), &["v2"]),
            ("labels%3D(999)".to_owned(), &[]),
            (format!("labels%3D({gold})%2Ctags%3Dv1"), &["v1"]),
        ] {
            for list in [artifacts, "/projects/library/artifacts"] {
                let path = format!("{list}?with_label=true&with_tag=true&q={query}");
                let found = registry.api_get(&path).await.assert_status(200).json();
                let found = found.as_array().expect("a list");
                let mut tags: Vec<_> = found
                    .iter()
                    .map(|one| one["tags"][0]["name"].clone())
                    .collect();
                tags.sort_by_key(ToString::to_string);
                assert_eq!(tags, expected, "{list} {query}");
                let is_gold = |one: &Value| one["labels"][0]["name"] == "gold";
                assert!(found.iter().all(is_gold), "{found:?}");
            }
        }
        // What carries one of them stays; what carries none, or the other, goes.
        let selector = |pattern: &str, excludes: bool| json!({ "kind": "label", "pattern": pattern, "excludes": excludes });
        for (selectors, stay) in [
            (json!([selector("gold", false)]), &["v1", "v2"][..]),
            (
                json!([selector("gold", false), selector("old", true)]),
                &["v1"],
            ),
            (json!([selector("old", true)]), &["v1", "v3"]),
            (json!([selector("gol", false)]), &[]),
        ] {
            let rule = json!({ "action": "retain", "template": "always", "tags": selectors });
            let path = "/accounts/default/namespaces/library/retention/preview";
            let preview = registry.v1_post(path, &json!({ "rules": [rule] })).await;
            let preview = preview.assert_status(200).json();
            let artifacts = preview["artifacts"].as_array().expect("artifacts");
            let mut stayed: Vec<_> = artifacts
                .iter()
                .filter(|one| one["stays"] == true)
                .map(|one| one["tags"][0].clone())
                .collect();
            stayed.sort_by_key(ToString::to_string);
            assert_eq!(stayed, stay, "{selectors} {preview}");
        }
    }
}
