//! Collections of garbage in the console.

use std::time::{Duration, Instant};

use super::{BOTH, Browser};
use crate::registry::{PATIENCE, TestRegistry};

const COLLECTIONS: &str = "/console/accounts/default/settings/collections";
const KNOWN: &str = "/api/v2.0/system/gc";

/// Looks at the page until nothing goes on there.
async fn page_when_done(browser: &Browser) -> String {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let page = browser.page(COLLECTIONS).await;
        if !page.contains("data-refresh") {
            return page;
        }
        assert!(Instant::now() < deadline, "it goes on: {page}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn garbage_is_counted_collected_and_what_it_freed_is_shown() {
    for backends in BOTH {
        let registry = TestRegistry::builder().on(backends).start().await;
        let browser = Browser::administrator(&registry).await;
        let empty = browser.page(COLLECTIONS).await;
        assert!(empty.contains("None was asked for yet"), "{empty}");

        let form = [("dry", "yes"), ("untagged", "yes")];
        let asked = browser.submit(COLLECTIONS, &form).await.assert_status(303);
        assert!(
            browser
                .page(asked.header("location"))
                .await
                .contains("Started.")
        );
        let page = page_when_done(&browser).await;
        assert!(
            page.contains("done · only counted · with what has no tag"),
            "{page}"
        );
        let index = browser.page("/console/accounts/default/settings").await;
        assert!(
            index.contains("None was asked for yet"),
            "counting frees nothing: {index}"
        );

        let form = [("dry", "")];
        browser.submit(COLLECTIONS, &form).await.assert_status(303);
        let page = page_when_done(&browser).await;
        assert!(
            page.contains("<td>done</td><td class=\"number\">0 bytes</td>"),
            "{page}"
        );
        let known = registry.get(KNOWN).await.json();
        assert_eq!(known.as_array().map(Vec::len), Some(2), "{known}");
        let index = browser.page("/console/accounts/default/settings").await;
        assert!(index.contains("The last one freed 0 bytes."), "{index}");

        let stop = format!("{COLLECTIONS}/1/stop");
        let late = browser.submit(&stop, &[]).await.assert_status(422).text();
        assert!(late.contains("role=\"alert\""), "{late}");
    }
}

#[tokio::test]
async fn collections_run_by_their_times() {
    let registry = TestRegistry::start().await;
    let browser = Browser::administrator(&registry).await;
    let path = format!("{COLLECTIONS}/schedule");
    let schedule = async || {
        let known = registry.get("/api/v2.0/system/gc/schedule").await;
        let known = known.assert_status(200).text();
        serde_json::from_str::<serde_json::Value>(&known).unwrap_or_default()
    };
    let form = [("schedule", "daily"), ("untagged", "yes")];
    browser.submit(&path, &form).await.assert_status(303);
    let page = browser.page(COLLECTIONS).await;
    assert!(page.contains("value=\"daily\" selected"), "{page}");
    assert!(
        page.contains("name=\"untagged\" value=\"yes\" checked"),
        "{page}"
    );
    assert!(page.contains("The next one:"), "{page}");
    assert_eq!(schedule().await["schedule"]["type"], "Daily");

    let own = [("schedule", "0 30 4 * * *")];
    browser.submit(&path, &own).await.assert_status(303);
    let page = browser.page(COLLECTIONS).await;
    assert!(page.contains("value=\"0 30 4 * * *\" selected"), "{page}");
    for wrong in ["never again", "\"><script>alert(1)</script>"] {
        let page = browser.submit(&path, &[("schedule", wrong)]).await;
        let page = page.assert_status(422).text();
        assert!(page.contains("id=\"no-schedule\""), "{page}");
        assert!(!page.contains("<script>alert"), "{page}");
    }
    assert_eq!(schedule().await["schedule"]["cron"], "0 30 4 * * *");
    browser
        .submit(&path, &[("schedule", "none")])
        .await
        .assert_status(303);
    assert_eq!(schedule().await, serde_json::Value::Null);
    assert!(!browser.page(COLLECTIONS).await.contains("The next one:"));
}
