//! Every page there is, looked at: pictures of all, audits of all, no link that leads nowhere.

use serde_json::{Value, json};
use web::console::PAGES;

use super::travel;
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
    registry
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
