//! What an account decides for its namespaces, in the console.

use super::matrix::Row;
use super::{BOTH, Browser};
use crate::account_api::AccountApi as _;
use crate::registry::TestRegistry;
use serde_json::json;

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    ("GET", "/accounts/{account}/namespaces/{namespace}/retention", [303, 404, 404, 403, 200]),
    ("POST", "/accounts/{account}/namespaces/{namespace}/retention", [303, 404, 404, 403, 200]),
    ("POST", "/accounts/{account}/namespaces/{namespace}/retention/runs", [303, 404, 404, 403, 422]),
    ("POST", "/accounts/{account}/namespaces/{namespace}/retention/runs/{run}/stop", [303, 404, 404, 403, 404]),
];

const RETENTION: &str = "/console/accounts/default/namespaces/library/retention";

/// A form with one rule: the one pushed last stays.
fn rule<'a>(wanted: &'a str, count: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("rules", "1"),
        ("action-0", "retain"),
        ("template-0", "latestPushedK"),
        ("count-0", count),
        ("tags-0", "v*"),
        ("schedule", "daily"),
        ("do", wanted),
    ]
}

#[tokio::test]
async fn rules_are_tried_before_they_are_kept() {
    for backends in BOTH {
        let registry = TestRegistry::builder().on(backends).start().await;
        for tag in ["v1", "v2", "v3"] {
            registry.push_image("library/app", tag).await;
        }
        let browser = Browser::administrator(&registry).await;
        let first = browser.page(RETENTION).await;
        assert!(first.contains("The rules never ran"), "{first}");
        let tried = browser.submit(RETENTION, &rule("preview", "1")).await;
        let tried = tried.assert_status(200).text();
        assert!(
            tried.contains("<strong>1</strong> stay, <strong>2</strong> go"),
            "{tried}"
        );
        assert!(
            tried.contains(">v1</span>") && tried.contains("goes</strong>"),
            "{tried}"
        );
        let path = "/accounts/default/namespaces/library/retention";
        registry.v1_get(path).await.assert_status(404);

        browser
            .submit(RETENTION, &rule("save", "1"))
            .await
            .assert_status(303);
        let kept = registry.v1_get(path).await.assert_status(200).json();
        assert_eq!(kept["schedule"], "0 0 0 * * *");
        assert_eq!(kept["rules"][0]["count"], 1);
        assert_eq!(kept["rules"][0]["tags"][0]["pattern"], "v*");
        let page = browser.page(RETENTION).await;
        assert!(
            page.contains("value=\"v*\"") && page.contains("Run now"),
            "{page}"
        );

        let runs = format!("{RETENTION}/runs");
        browser
            .submit(&runs, &[("dry", "yes")])
            .await
            .assert_status(303);
        let listed = format!("{path}/runs");
        let run = crate::trash::until(&registry, &listed, |runs| {
            runs["items"][0]["state"] == "done"
        });
        assert_eq!(run.await["items"][0]["removed"], 2);
        let page = browser.page(RETENTION).await;
        assert!(page.contains("done (Dry run)"), "{page}");
        // What has ended is not stopped again, and whoever asks is told.
        let stop = format!("{runs}/1/stop");
        browser.submit(&stop, &[]).await.assert_status(303);
        // What says nothing is no run.
        browser.submit(&runs, &[]).await.assert_status(422);
        let real = [("dry", "no")];
        browser.submit(&runs, &real).await.assert_status(303);
        let run = crate::trash::until(&registry, &listed, |runs| {
            runs["items"][0]["is_dry_run"] == false && runs["items"][0]["state"] == "done"
        });
        assert_eq!(run.await["items"][0]["removed"], 2);
        registry
            .get("/v2/library/app/manifests/v1")
            .await
            .assert_status(404);
    }
}

#[tokio::test]
async fn a_form_grows_shrinks_and_says_what_is_wrong() {
    let registry = TestRegistry::start().await;
    let browser = Browser::administrator(&registry).await;
    let grown = browser
        .submit(RETENTION, &rule("add", "1"))
        .await
        .assert_status(200)
        .text();
    assert!(
        grown.contains("Rule 2") && grown.contains("name=\"rules\" value=\"2\""),
        "{grown}"
    );
    let shrunk = browser
        .submit(RETENTION, &rule("without-0", "1"))
        .await
        .assert_status(200)
        .text();
    assert!(!shrunk.contains("Rule 1"), "{shrunk}");
    for (count, said) in [
        ("", "needs a number"),
        ("many", "many is no number"),
        ("9999999", "at most 1000000"),
        ("\"'><script>alert(1)</script>", "is no number"),
    ] {
        for wanted in ["preview", "save"] {
            let answer = browser.submit(RETENTION, &rule(wanted, count)).await;
            let page = answer.assert_status(422).text();
            assert!(page.contains(said), "{count}: {page}");
            assert!(
                page.contains("value=\"v*\"") && !page.contains("<script>alert"),
                "{page}"
            );
        }
    }
    let mut many = vec![("rules", "16"), ("do", "save")];
    many.push(("action-0", "retain"));
    browser.submit(RETENTION, &many).await.assert_status(422);
    registry
        .v1_get("/accounts/default/namespaces/library/retention")
        .await
        .assert_status(404);
}

/// What the form cannot show goes through it unchanged.
#[tokio::test]
async fn a_rule_that_says_more_stays_as_it_is() {
    let registry = TestRegistry::start().await;
    let path = "/accounts/default/namespaces/library/retention";
    let tags = json!([{ "kind": "regex", "pattern": "v[0-9]+" }]);
    let rule = json!({ "action": "keep", "template": "always", "tags": tags });
    let policy = json!({ "rules": [rule], "schedule": "0 30 4 * * 1" });
    registry.v1_put(path, &policy).await.assert_status(204);
    let before = registry.v1_get(path).await.json();
    let browser = Browser::administrator(&registry).await;
    let page = browser.page(RETENTION).await;
    let (_, sealed) = page
        .split_once("name=\"sealed-0\" value=\"")
        .expect("it is sealed");
    let sealed = sealed
        .split('"')
        .next()
        .unwrap_or_default()
        .replace("&#34;", "\"");
    let form = [
        ("rules", "1"),
        ("sealed-0", sealed.as_str()),
        ("schedule", "0 30 4 * * 1"),
        ("do", "save"),
    ];
    browser.submit(RETENTION, &form).await.assert_status(303);
    assert_eq!(registry.v1_get(path).await.json(), before);
}
