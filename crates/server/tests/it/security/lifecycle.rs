//! What has to stay stays, whatever would bring it back or take it away; and what belongs together goes together.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::lone_manifest;
use crate::account_api::AccountApi as _;
use crate::harbor::Harbor as _;
use crate::registry::backends::Backends;
use crate::registry::client::Client;
use crate::registry::{PATIENCE, TestRegistry};

const BOTH: [Backends; 2] = [Backends::EMBEDDED, Backends::PRODUCTION];
const TRASH: &str = "/accounts/default/trash";
const POLICY: &str = "/accounts/default/namespaces/library/retention";

async fn status(client: &Client, reference: &str) -> u16 {
    let path = format!("/v2/library/app/manifests/{reference}");
    client.get(&path).await.status()
}

async fn delete(client: &Client, reference: &str) {
    let path = format!("/v2/library/app/manifests/{reference}");
    client.delete(&path).await.assert_status(202);
}

/// T46: what was deleted before there was a rule comes back, but not over what the rule holds now: by its tag, by its
/// digest, and in whatever order they went.
#[tokio::test]
async fn t46_nothing_comes_back_over_what_a_rule_holds() {
    for backends in BOTH {
        let registry = TestRegistry::builder().on(backends).start().await;
        let first = registry.push_image("library/app", "v1").await;
        delete(&registry, "v1").await;
        let second = lone_manifest("second");
        let second = registry.push_manifest("library/app", "v1", &second).await;
        delete(&registry, &first).await;
        let selector = json!([{ "kind": "doublestar", "pattern": "**" }]);
        let rule = json!({ "repositories": selector, "tags": selector });
        let rules = "/accounts/default/namespaces/library/immutability";
        registry.v1_post(rules, &rule).await.assert_status(201);

        let by_tag = json!({ "repository": "library/app", "tag": "v1" });
        let answer = registry.v1_post(&format!("{TRASH}/tags"), &by_tag).await;
        answer.assert_status(409);
        assert_eq!(status(&registry, &first).await, 404, "nothing came back");
        let by_digest = json!({ "repository": "library/app", "digest": first });
        let path = format!("{TRASH}/manifests");
        let answer = registry.v1_post(&path, &by_digest).await;
        answer.assert_status(200);
        assert_eq!(status(&registry, &first).await, 200);
        let points_at = registry.describe("library/app", "v1").await;
        assert_eq!(points_at["digest"], second, "{backends:?}");
        // Back again, it has no tag of its own: it is what may go.
        delete(&registry, &first).await;
    }
}

/// An image with a signature, a signature of an older kind under a tag, and a list of contents that is signed itself.
struct Signed {
    image: String,
    belonging: Vec<String>,
    tag: String,
}

async fn push_signed(registry: &TestRegistry, tag: &str) -> Signed {
    let image = registry.push_image("library/app", tag).await;
    let about = async |subject: &str, kind: &str| {
        let kind = format!("application/{kind}");
        let none = Value::Null;
        registry
            .push_referrer("library/app", subject, &kind, &none)
            .await
    };
    let signature = about(&image, "signature").await;
    let contents = about(&image, "contents").await;
    let of_contents = about(&contents, "signature").await;
    let older = format!("{}.sig", image.replace(':', "-"));
    let by_tag = registry.push_image("library/app", &older).await;
    Signed {
        image,
        belonging: vec![signature, contents, of_contents, by_tag],
        tag: older,
    }
}

impl Signed {
    async fn is_there(&self, registry: &TestRegistry) -> bool {
        let mut all = vec![self.image.as_str(), self.tag.as_str()];
        all.extend(self.belonging.iter().map(String::as_str));
        let mut found = Vec::new();
        for reference in all {
            found.push(status(registry, reference).await == 200);
        }
        assert!(found.iter().all(|one| *one == found[0]), "{found:?}");
        found[0]
    }
}

/// T52: signatures and lists of contents stay with what they are about and go with it, by retention, and come back with it.
#[tokio::test]
async fn t52_what_is_about_an_image_stays_goes_and_comes_back_with_it() {
    for backends in BOTH {
        let registry = TestRegistry::builder().on(backends).start().await;
        let older = push_signed(&registry, "v1").await;
        let newer = push_signed(&registry, "v2").await;
        let of_versions = json!([{ "kind": "regex", "pattern": "v[0-9]+" }]);
        let rule = json!({ "action": "retain", "template": "latestPushedK", "count": 1, "tags": of_versions });
        let policy = json!({ "rules": [rule] });
        registry.v1_put(POLICY, &policy).await.assert_no_content();
        let runs = format!("{POLICY}/runs");
        registry.v1_post(&runs, &json!({})).await.assert_status(201);
        let deadline = Instant::now() + PATIENCE;
        while registry.v1_get(&runs).await.json()["items"][0]["state"] != "done" {
            assert!(Instant::now() < deadline, "the run does not end");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert!(!older.is_there(&registry).await, "{backends:?}");
        assert!(newer.is_there(&registry).await, "{backends:?}");

        let wanted = json!({ "repository": "library/app", "tag": "v1" });
        let path = format!("{TRASH}/tags");
        registry.v1_post(&path, &wanted).await.assert_status(200);
        // In a request of its own: the signature under a tag.
        let wanted = json!({ "repository": "library/app", "tag": older.tag });
        registry.v1_post(&path, &wanted).await.assert_status(200);
        assert!(older.is_there(&registry).await, "{backends:?}");
        // A lock of the image holds all of it.
        let lock = json!({ "repository": "library/app", "reference": older.image });
        let locks = "/accounts/default/locks";
        registry.v1_post(locks, &lock).await.assert_no_content();
        for reference in older.belonging.iter().chain([&older.tag]) {
            let path = format!("/v2/library/app/manifests/{reference}");
            registry.delete(&path).await.assert_error(403, "DENIED");
        }
        let repository = registry.api_delete("/projects/library/repositories/app");
        repository.await.assert_harbor_error(412, "PRECONDITION");
        assert!(older.is_there(&registry).await);
    }
}

/// T51: expressions on which other engines stand still are followed in a moment, by the preview, and by pushes under a rule.
#[tokio::test]
async fn t51_no_expression_takes_long() {
    let registry = TestRegistry::start().await;
    let tag = "a".repeat(127) + "!";
    let tag = tag.replace('!', "_");
    registry.push_image("library/app", &tag).await;
    for pattern in ["(a+)+$", "(a|a)*b", "(a|aa)+$", "(.*a){20}", "([a-z]+)*1"] {
        let tags = json!([{ "kind": "regex", "pattern": pattern }]);
        let rules =
            json!({ "rules": [{ "action": "remove", "template": "nothing", "tags": tags }] });
        let preview = registry.v1_post(&format!("{POLICY}/preview"), &rules);
        let preview = preview.await.assert_status(200).json();
        assert_eq!(preview["total"], 1, "{pattern}");
        assert_eq!(preview["removed"], 0, "{pattern} does not match {tag}");
        let all = json!([{ "kind": "doublestar", "pattern": "**" }]);
        let rule = json!({ "repositories": all, "tags": tags });
        let rules = "/accounts/default/namespaces/library/immutability";
        registry.v1_post(rules, &rule).await.assert_status(201);
    }
    registry.push_image("library/app", &tag).await;
    delete(&registry, &tag).await;
    // What would need too much memory is none.
    for pattern in ["(a{1000}){1000}", "((a{100}){100}){100}", &"a".repeat(257)] {
        let tags = json!([{ "kind": "regex", "pattern": pattern }]);
        let rules =
            json!({ "rules": [{ "action": "remove", "template": "nothing", "tags": tags }] });
        let refused = registry.v1_put(POLICY, &rules).await;
        assert!(matches!(refused.status(), 400 | 422), "{}", refused.text());
    }
    registry.v1_get(POLICY).await.assert_status(404);
}
