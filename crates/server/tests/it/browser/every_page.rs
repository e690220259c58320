//! Every page there is, looked at: pictures of all, audits of all, no link that leads nowhere.

use serde_json::{Value, json};
use web::console::PAGES;

use super::travel;
use crate::account_api::AccountApi as _;
use crate::harbor::Harbor as _;
use crate::registry::TestRegistry;

/// Pages that nobody who is signed in is led to.
const UNLINKED: &[&str] = &["/sign-in", "/language"];

/// A registry in which every page has something to show.
async fn furnished() -> TestRegistry {
    let registry = TestRegistry::start().await;
    let image = registry.push_image("library/app", "v1").await;
    registry.push_image("library/app", "v2").await;
    registry.push_index("library/app", "all", &[&image]).await;
    registry
        .push_referrer("library/app", &image, "application/spdx+json", &Value::Null)
        .await;
    registry
        .push_image("library/tools/deep/name", "latest")
        .await;
    registry.create_member("library", "dora", "guest");
    registry.admin(&["namespace", "create", "empty"]);
    for (name, level, namespace) in [("deploy", "system", "*"), ("ci", "project", "library")] {
        let access = json!([{ "resource": "repository", "action": "pull" }]);
        let permission = json!({ "kind": "project", "namespace": namespace, "access": access });
        let robot =
            json!({ "name": name, "level": level, "duration": 10, "permissions": [permission] });
        registry
            .api_post("/robots", &robot)
            .await
            .assert_status(201);
    }
    let group = json!({ "group_name": "developers" });
    let made = registry.api_post("/usergroups", &group).await;
    made.assert_status(201);
    let role = json!({ "name": "releaser", "actions": ["repository:push"] });
    let made = registry.v1_post("/accounts/default/roles", &role).await;
    made.assert_status(201);
    let rule = json!({
        "name": "releases", "issuer": "https://issuer.example.com", "audience": "us", "claims": { "sub": ["a"] },
        "permissions": [{ "place": "every_namespace", "actions": ["repository:push"] }],
    });
    let made = registry
        .v1_post("/accounts/default/trust-rules", &rule)
        .await;
    made.assert_status(201);
    let token = json!({ "name": "laptop", "actions": ["pull"] });
    let made = registry.v1_post("/user/access-tokens", &token).await;
    made.assert_status(201);
    registry.push_image("library/gone", "old").await;
    let gone = "/v2/library/gone/manifests/old";
    registry.delete(gone).await.assert_status(202);
    let collection = json!({ "schedule": { "type": "Manual" }, "parameters": { "dry_run": true } });
    let asked = registry.api_post("/system/gc/schedule", &collection);
    asked.await.assert_status(201);
    made_for_settings(&registry).await;
    remember_a_month(&registry);
    registry
}

/// A sink, an identity source, an address that is claimed.
async fn made_for_settings(registry: &TestRegistry) {
    let sink = json!({ "name": "siem", "type": "https", "url": "https://logs.example.com/in", "enabled": false });
    let source =
        json!({ "name": "work", "issuer": "https://login.example.com", "client_id": "roadstead" });
    let address = json!({ "host": "registry.acme.test" });
    for (place, body) in [
        ("sinks", sink),
        ("identity-sources", source),
        ("addresses", address),
    ] {
        let path = format!("/accounts/default/{place}");
        registry.v1_post(&path, &body).await.assert_status(201);
    }
}

/// What the account did in the last month, as if it had been there.
fn remember_a_month(registry: &TestRegistry) {
    let now = registry.sql("SELECT MAX(at_ms) FROM events")[0][0].clone();
    let now: i64 = now.parse().expect("a time");
    for back in 1..30 {
        let day = now - back * 86_400_000;
        let pulls = 400 + (back * 7919) % 300 - 9 * back;
        let pushes = (back * 104_729) % 40;
        let stored = (60 - back) * 700_000_000;
        registry.sql(&format!(
            "INSERT INTO account_days (account_id, day, pull_bytes, pulls, pushes, stored_bytes) \
             SELECT id, strftime('%Y-%m-%d', {day} / 1000, 'unixepoch'), {pulls} * 30000000, {pulls}, {pushes}, {stored} \
             FROM accounts WHERE name = 'default' RETURNING day"
        ));
    }
}

#[tokio::test]
async fn every_page_is_there_and_for_everyone() {
    let registry = furnished().await;
    let pages = PAGES.iter().filter(|page| page.method == "GET");
    let pages: Vec<&str> = pages.map(|page| page.path).collect();
    let given = json!({ "pages": pages, "unlinked": UNLINKED });
    let printed = travel(&registry, include_str!("every_page.py"), given).await;
    assert!(printed.ends_with(" pages\n"), "{printed}");
}
