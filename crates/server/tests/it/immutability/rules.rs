//! Rules: made, changed, switched off and deleted, in Harbor's API and in ours.

use serde_json::json;

use super::{BOTH, RULES, events, make_rule, rule};
use crate::account_api::AccountApi as _;
use crate::harbor::Harbor as _;
use crate::registry::TestRegistry;
use crate::registry::backends::Backends;

async fn rules_are_managed(backends: Backends) {
    let registry = TestRegistry::builder().on(backends).start().await;
    registry.push_image("library/app", "v1").await;
    registry.push_image("library/other", "v1").await;
    // A rule is made switched on, whatever its request says, and gets its number here.
    let mut wanted = rule("app", "v*");
    wanted["disabled"] = json!(true);
    wanted["id"] = json!(77);
    wanted["priority"] = json!(9);
    let made = registry.api_post(RULES, &wanted).await.assert_status(201);
    assert!(made.location().ends_with("/immutabletagrules/1"));
    let twice = registry.api_post(RULES, &rule("app", "v*")).await;
    twice.assert_harbor_error(409, "CONFLICT");
    let listed = registry.api_get(RULES).await.assert_status(200);
    assert_eq!(listed.header("x-total-count"), "1");
    let mut shown = rule("app", "v*");
    shown["id"] = json!(1);
    assert_eq!(listed.json()[0], shown);

    let tags = "/projects/library/repositories/app/artifacts/v1/tags";
    let is_immutable = async || {
        let tags = registry.api_get(tags).await.json()[0]["immutable"].clone();
        let path = "/projects/library/repositories/app/artifacts/v1?with_immutable_status=true";
        let artifact = registry.api_get(path).await.json();
        assert_eq!(artifact["tags"][0]["immutable"], tags);
        tags
    };
    assert_eq!(is_immutable().await, true);
    let refused = registry.api_delete(&format!("{tags}/v1")).await;
    let refused = refused.assert_harbor_error(412, "PRECONDITION");
    assert_eq!(
        refused.json()["errors"][0]["message"],
        "the tag v1 configured as immutable, cannot be deleted"
    );
    // It is about one repository.
    let other = "/projects/library/repositories/other/artifacts/v1/tags/v1";
    registry.api_delete(other).await.assert_done();

    let first = format!("{RULES}/1");
    let mut off = rule("app", "v*");
    off["disabled"] = json!(true);
    registry.api_put(&first, &off).await.assert_done();
    assert_eq!(is_immutable().await, false);
    assert_eq!(registry.api_get(RULES).await.json()[0]["disabled"], true);
    registry.api_put(&first, &json!({})).await.assert_done();
    assert_eq!(is_immutable().await, true);
    registry
        .api_put(&first, &rule("app", "w*"))
        .await
        .assert_done();
    assert_eq!(is_immutable().await, false);

    // A number is looked for in its own project alone.
    registry.admin(&["namespace", "create", "team"]);
    for path in [
        "/projects/team/immutabletagrules/1",
        "/projects/library/immutabletagrules/99",
    ] {
        let put = registry.api_put(path, &rule("**", "**")).await;
        put.assert_harbor_error(404, "NOT_FOUND");
        let gone = registry.api_delete(path).await;
        gone.assert_harbor_error(404, "NOT_FOUND");
    }
    fifteen_are_enough(&registry, &first).await;
}

/// There is one rule, `first`.
async fn fifteen_are_enough(registry: &TestRegistry, first: &str) {
    for number in 1..15 {
        make_rule(registry, "**", &format!("r{number}")).await;
    }
    let more = registry.api_post(RULES, &rule("**", "r15")).await;
    more.assert_harbor_error(400, "BAD_REQUEST");
    registry.api_delete(first).await.assert_done();
    make_rule(registry, "**", "r15").await;
}

#[tokio::test]
async fn rules_are_made_changed_switched_off_and_deleted() {
    for backends in BOTH {
        rules_are_managed(backends).await;
    }
}

#[tokio::test]
async fn what_is_no_rule_is_refused_and_changes_nothing() {
    let registry = TestRegistry::start().await;
    let selector = |decoration: &str, pattern: &str| json!({ "kind": "doublestar", "decoration": decoration, "pattern": pattern });
    let with = |repositories: serde_json::Value, tags: serde_json::Value| json!({ "scope_selectors": { "repository": repositories }, "tag_selectors": tags });
    let (all, every) = (selector("repoMatches", "**"), selector("matches", "**"));
    for wanted in [
        json!({}),
        with(json!([]), json!([every])),
        with(json!([all]), json!([])),
        with(json!([every]), json!([every])),
        with(json!([all]), json!([all])),
        with(json!([all]), json!([selector("matches", "")])),
        with(json!([all]), json!([selector("matches", "{a")])),
        with(json!([all]), json!([selector("matches", &"a".repeat(300))])),
        with(json!([all]), json!([selector("holds", "v*")])),
        with(json!([all]), json!(vec![every.clone(); 11])),
        json!({ "scope_selectors": { "label": [all] }, "tag_selectors": [every] }),
        with(
            json!([all]),
            json!([{ "kind": "label", "decoration": "matches", "pattern": "v" }]),
        ),
    ] {
        let refused = registry.api_post(RULES, &wanted).await;
        assert_eq!(refused.status(), 400, "{wanted} {}", refused.text());
    }
    assert_eq!(registry.api_get(RULES).await.json(), json!([]));
}

#[tokio::test]
async fn rules_are_managed_in_the_account_api() {
    let registry = TestRegistry::start().await;
    registry.push_image("library/app", "v1").await;
    let path = "/accounts/default/namespaces/library/immutability";
    let all = json!([{ "kind": "doublestar", "pattern": "**" }]);
    let tags = json!([{ "kind": "regex", "pattern": "v[0-9]+" },
        { "kind": "doublestar", "excludes": true, "pattern": "*-rc" }]);
    let wanted = json!({ "repositories": all, "tags": tags });
    let made = registry.v1_post(path, &wanted).await.assert_status(201);
    let id = made.json()["id"].as_str().expect("an id").to_owned();
    let rule = format!("{path}/{id}");
    let shown = registry.v1_get(path).await.json()["items"][0].clone();
    assert_eq!(
        (&shown["id"], &shown["is_enabled"]),
        (&json!(id), &json!(true))
    );
    assert_eq!(shown["tags"][1]["excludes"], true);
    let delete = || registry.delete("/v2/library/app/manifests/v1");
    delete().await.assert_error(403, "DENIED");
    let off = json!({ "is_enabled": false });
    registry.v1_put(&rule, &off).await.assert_no_content();
    registry.v1_put(&rule, &off).await.assert_no_content();
    for odd in [
        json!({ "is_enabled": true, "tags": tags }),
        json!({ "is_enabled": true, "repositories": all, "tags": [] }),
        json!({ "is_enabled": true, "id": "x" }),
    ] {
        let refused = registry.v1_put(&rule, &odd).await;
        assert!(matches!(refused.status(), 400 | 422), "{}", refused.text());
    }
    assert_eq!(
        registry.v1_get(path).await.json()["items"][0]["is_enabled"],
        false
    );
    delete().await.assert_status(202);
    registry.v1_delete(&rule).await.assert_no_content();
    registry.v1_delete(&rule).await.assert_status(404);

    for kind in ["created", "updated", "deleted"] {
        let found = events(&registry, &format!("immutability_rule.{kind}"), 1).await;
        let said = "repoMatches **; matches v[0-9]+, excludes *-rc";
        assert_eq!(found, [json!(said)], "{kind}");
    }
}
