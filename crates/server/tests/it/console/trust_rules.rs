//! Trust rules in the console.

use super::{BOTH, Browser};
use crate::account_api::AccountApi as _;
use crate::registry::TestRegistry;

const RULES: &str = "/console/accounts/default/trust-rules";
const KNOWN: &str = "/accounts/default/trust-rules";
const HOSTILE: &str = "\"></textarea><script>alert(1)</script>";

const FORM: [(&str, &str); 7] = [
    ("name", "releases"),
    ("issuer", "https://issuer.example.com"),
    ("audience", "registry.example.com"),
    (
        "claims",
        "repository = acme/*\r\n\r\nref=refs/tags/*\r\nref = x=y",
    ),
    ("action", "repository:push"),
    ("place", "some"),
    ("namespaces", "library"),
];

/// The form with another value in a field.
fn form_with<'a>(field: &'a str, value: &'a str) -> Vec<(&'a str, &'a str)> {
    let kept = FORM.into_iter().filter(|(name, _)| *name != field);
    kept.chain([(field, value)]).collect()
}

#[tokio::test]
async fn a_trust_rule_is_made_changed_and_deleted() {
    for backends in BOTH {
        let registry = TestRegistry::builder().on(backends).start().await;
        let browser = Browser::administrator(&registry).await;
        assert!(browser.page(RULES).await.contains("There is none yet"));
        let made = browser.submit(RULES, &FORM).await.assert_status(303);
        let page = browser.page(made.header("location")).await;
        assert!(
            page.contains("Saved.") && page.contains("ref = x=y"),
            "{page}"
        );
        let known = registry.v1_get(KNOWN).await.json()["items"][0].clone();
        let claims = serde_json::json!({ "ref": ["refs/tags/*", "x=y"], "repository": ["acme/*"] });
        assert_eq!(known["claims"], claims);
        assert_eq!(known["permissions"][0]["namespace"], "library");
        assert!(browser.page(RULES).await.contains(">releases</a>"));

        let one = format!("{RULES}/releases");
        let mut change = form_with("place", "all");
        change.push(("disabled", "yes"));
        browser.submit(&one, &change).await.assert_status(303);
        let page = browser.page(&one).await;
        assert!(
            page.contains("switched off") && page.contains("every namespace"),
            "{page}"
        );
        let known = registry.v1_get(KNOWN).await.json()["items"][0].clone();
        assert_eq!(known["disabled"], true);
        assert_eq!(known["permissions"][0]["place"], "every_namespace");

        let delete = format!("{one}/delete");
        let unsure = browser.submit(&delete, &[("confirm", "release")]).await;
        unsure.assert_status(422);
        let sure = browser.submit(&delete, &[("confirm", "releases")]).await;
        sure.assert_status(303);
        browser.get(&one).await.assert_status(404);
        let known = registry.v1_get(KNOWN).await.json();
        assert_eq!(known["items"], serde_json::json!([]));
    }
}

#[tokio::test]
async fn what_is_wrong_is_said_and_what_was_typed_stays() {
    let registry = TestRegistry::start().await;
    let browser = Browser::administrator(&registry).await;
    browser.submit(RULES, &FORM).await.assert_status(303);
    let one = format!("{RULES}/releases");
    for (field, value) in [
        ("issuer", ""),
        ("issuer", HOSTILE),
        ("audience", ""),
        ("claims", ""),
        ("claims", "no pattern"),
        ("claims", HOSTILE),
        ("action", "everything"),
        ("namespaces", "absent"),
        ("namespaces", HOSTILE),
    ] {
        for path in [RULES, &one] {
            let form = form_with(field, value);
            let page = browser.submit(path, &form).await.assert_status(422).text();
            assert!(page.contains("role=\"alert\""), "{field} {value}: {page}");
            assert!(!page.contains("<script>alert"), "{page}");
            if field != "audience" {
                assert!(page.contains("value=\"registry.example.com\""), "{page}");
            }
        }
    }
    for name in ["", "Not Good", HOSTILE, "releases"] {
        let form = form_with("name", name);
        let page = browser.submit(RULES, &form).await.assert_status(422).text();
        assert!(!page.contains("<script>alert"), "{page}");
    }
    let known = registry.v1_get(KNOWN).await.json();
    assert_eq!(known["items"].as_array().map(Vec::len), Some(1), "{known}");
}

/// What a form cannot say, since it differs from place to place, stays as it is.
#[tokio::test]
async fn a_change_keeps_what_the_form_does_not_show() {
    let registry = TestRegistry::start().await;
    let rule = serde_json::json!({
        "name": "releases", "issuer": "https://issuer.example.com", "audience": "us", "claims": { "sub": ["a"] },
        "token_lifetime_secs": 120,
        "permissions": [
            { "place": "every_namespace", "actions": ["repository:pull"] },
            { "place": "namespace", "namespace": "library", "actions": ["repository:push"] },
        ],
    });
    registry.v1_post(KNOWN, &rule).await.assert_status(201);
    let before = registry.v1_get(KNOWN).await.json()["items"][0].clone();
    let browser = Browser::administrator(&registry).await;
    let one = format!("{RULES}/releases");
    assert!(!browser.page(&one).await.contains("name=\"action\""));
    browser.submit(&one, &FORM).await.assert_status(303);
    let after = registry.v1_get(KNOWN).await.json()["items"][0].clone();
    assert_eq!(after["permissions"], before["permissions"]);
    assert_eq!(after["token_lifetime_secs"], 120);
    assert_eq!(after["audience"], "registry.example.com");
}
