//! The trash in the console.

use super::matrix::Row;
use super::{BOTH, Browser};
use crate::registry::TestRegistry;

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    ("GET", "/accounts/{account}/repositories/{repository}", [303, 404, 404, 200, 200]),
    ("POST", "/accounts/{account}/repositories/{repository}", [303, 404, 404, 422, 422]),
    ("GET", "/accounts/{account}/repositories/{repository}/{reference}", [303, 404, 404, 200, 200]),
    ("POST", "/accounts/{account}/repositories/{repository}/{reference}", [303, 404, 404, 422, 422]),
    ("GET", "/accounts/{account}/repositories/{repository}/{reference}/history", [303, 404, 404, 200, 200]),
    ("POST", "/accounts/{account}/repositories/{repository}/{reference}/history", [303, 404, 404, 422, 422]),
    ("GET", "/accounts/{account}/trash", [303, 404, 200, 200, 200]),
    ("POST", "/accounts/{account}/trash/{item}/restore", [303, 404, 404, 404, 404]),
];

const TRASH: &str = "/console/accounts/default/trash";

/// Where the forms of a page send to that restore something.
fn restores(page: &str) -> Vec<&str> {
    let parts = page.split("action=\"").skip(1);
    let actions = parts.filter_map(|part| part.split('"').next());
    actions
        .filter(|action| action.ends_with("/restore"))
        .collect()
}

#[tokio::test]
async fn what_was_deleted_is_seen_and_comes_back() {
    for backends in BOTH {
        let registry = TestRegistry::builder().on(backends).start().await;
        let browser = Browser::administrator(&registry).await;
        assert!(browser.page(TRASH).await.contains("Nothing was deleted"));
        let image = registry.push_image("library/app", "v1").await;
        let path = format!("/v2/library/app/manifests/{image}");
        registry.delete(&path).await.assert_status(202);
        let page = browser.page(TRASH).await;
        assert!(
            page.contains("library/app") && page.contains(">v1</span>"),
            "{page}"
        );
        assert!(page.contains("by admin"), "{page}");
        let [restore] = restores(&page)[..] else {
            panic!("one thing: {page}");
        };
        assert_eq!(
            restores(&browser.page(&format!("{TRASH}?kind=tag")).await).len(),
            0
        );
        // Those who may not delete there see nothing, and bring nothing back.
        if backends == BOTH[0] {
            let emil = registry.create_member("library", "emil", "guest");
            let emil = Browser::of(&registry, &emil).await;
            assert_eq!(restores(&emil.page(TRASH).await).len(), 0);
            emil.submit(restore, &[]).await.assert_status(404);
        }
        let back = browser.submit(restore, &[]).await.assert_status(303);
        assert!(
            browser
                .page(back.header("location"))
                .await
                .contains("It is back.")
        );
        registry
            .get("/v2/library/app/manifests/v1")
            .await
            .assert_status(200);
    }
}

#[tokio::test]
async fn what_is_in_the_way_is_said() {
    let registry = TestRegistry::start().await;
    let browser = Browser::administrator(&registry).await;
    registry.push_image("library/app", "v1").await;
    registry
        .delete("/v2/library/app/manifests/v1")
        .await
        .assert_status(202);
    // Another image has the name now.
    let other = registry.push_image("library/app", "v2").await;
    let manifest = registry.get(&format!("/v2/library/app/manifests/{other}"));
    let manifest = manifest.await.assert_status(200).json();
    registry.push_manifest("library/app", "v1", &manifest).await;
    let page = browser.page(&format!("{TRASH}?kind=tag")).await;
    let refused = browser.submit(restores(&page)[0], &[]).await;
    let page = refused.assert_status(422).text();
    assert!(
        page.contains("role=\"alert\"") && page.contains("v1"),
        "{page}"
    );
}
