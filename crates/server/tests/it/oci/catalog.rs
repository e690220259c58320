//! `/v2/_catalog`: which repositories are there? Not in the specification, but clients know it.

use serde_json::{Value, json};

use crate::registry::TestRegistry;
use crate::registry::client::Client;

async fn repositories(client: &Client, query: &str) -> Value {
    let answer = client.get(&format!("/v2/_catalog{query}")).await;
    answer.assert_status(200).json()["repositories"].clone()
}

/// catalog: All repositories that have had a manifest, in the order of their bytes.
#[tokio::test]
async fn repositories_are_listed_in_order() {
    let registry = TestRegistry::start().await;
    assert_eq!(repositories(&registry, "").await, json!([]));
    for name in ["library/b", "library/a-b", "library/a/b", "team/a"] {
        registry.push_image(name, "1.0").await;
    }
    registry.push_blob("library/only-a-blob", "x").await;

    let expected = json!(["library/a-b", "library/a/b", "library/b", "team/a"]);
    assert_eq!(repositories(&registry, "").await, expected);
}

/// catalog: `n`, `last` and Link as in the list of tags.
#[tokio::test]
async fn repositories_are_read_page_by_page() {
    let settings = TestRegistry::builder().setting("LIMITS__CATALOG_PAGE", 2);
    let registry = settings.start().await;
    for name in ["library/a", "library/b", "library/c"] {
        registry.push_image(name, "1.0").await;
    }

    for query in ["", "?n=2", "?n=5000"] {
        let target = format!("/v2/_catalog{query}");
        let first = registry.get(&target).await.assert_status(200);
        let names = json!(["library/a", "library/b"]);
        assert_eq!(first.json()["repositories"], names);
        let next = first.next_page().expect("there is more");
        let second = registry.get(&next).await.assert_status(200);
        assert_eq!(second.json()["repositories"], json!(["library/c"]));
        assert_eq!(second.next_page(), None);
    }
    assert_eq!(repositories(&registry, "?n=0").await, json!([]));
    let after = repositories(&registry, "?last=library/bb").await;
    assert_eq!(after, json!(["library/c"]));
    let bad = registry.get("/v2/_catalog?n=many").await;
    bad.assert_error(400, "PAGINATION_NUMBER_INVALID");
}

/// catalog: Everyone sees what they may pull, and strangers are asked to log in.
#[tokio::test]
async fn callers_see_the_repositories_they_may_pull() {
    let registry = TestRegistry::start().await;
    for namespace in ["mine", "theirs", "open"] {
        registry.admin(&["namespace", "create", namespace]);
        registry
            .push_image(&format!("{namespace}/app"), "1.0")
            .await;
    }
    registry.admin(&["namespace", "set-public", "open"]);
    let alice = registry.create_member("mine", "alice", "guest");

    let expected = json!(["mine/app", "open/app"]);
    assert_eq!(repositories(&alice, "").await, expected);
    let everything = json!(["mine/app", "open/app", "theirs/app"]);
    assert_eq!(repositories(&registry, "").await, everything);
    let nobody = registry.anonymous().get("/v2/_catalog").await;
    nobody.assert_error(401, "UNAUTHORIZED");
}

/// catalog: A token needs the scope `registry:catalog:*`, which the challenge names.
#[tokio::test]
async fn the_catalog_has_a_scope_of_its_own() {
    let registry = TestRegistry::start().await;
    registry.push_image("library/app", "1.0").await;

    let other = registry.with_token(&["repository:library/app:pull"]).await;
    let refused = other.get("/v2/_catalog").await;
    let refused = refused.assert_error(401, "UNAUTHORIZED");
    let challenge = refused.header("www-authenticate");
    assert!(challenge.contains("scope=\"registry:catalog:*\""));
    assert!(challenge.contains("error=\"insufficient_scope\""));

    let right = registry.with_token(&["registry:catalog:*"]).await;
    assert_eq!(repositories(&right, "").await, json!(["library/app"]));
}
