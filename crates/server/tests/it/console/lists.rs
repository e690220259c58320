//! Long lists, a page at a time.

use super::{BOTH, Browser};
use crate::harbor::Harbor as _;
use crate::registry::TestRegistry;
use crate::registry::backends::Backends;
use serde_json::json;

/// The names in the first column of a list, in their order.
fn names(page: &str) -> Vec<String> {
    let rows = page.split("<tr><th scope=\"row\"><a href=\"").skip(1);
    let texts = rows.filter_map(|row| row.split_once("\">")?.1.split("</a>").next());
    texts.map(str::to_owned).collect()
}

/// Where the next page is.
fn next(page: &str) -> Option<String> {
    let (_, rest) = page.split_once("rel=\"next\" href=\"")?;
    Some(rest.split('"').next()?.replace("&#38;", "&"))
}

async fn namespaces_in_pages(backends: Backends) {
    let registry = TestRegistry::builder().on(backends).start().await;
    for at in 0..60 {
        let body = json!({ "project_name": format!("team-{at:02}") });
        registry
            .api_post("/projects", &body)
            .await
            .assert_status(201);
    }
    let browser = Browser::administrator(&registry).await;
    let path = "/console/accounts/default/namespaces";
    let first = browser.page(path).await;
    let mut all = names(&first);
    assert_eq!(all.len(), 50);
    let second = next(&first).expect("another page");
    let second = browser.page(&format!("{path}{second}")).await;
    all.extend(names(&second));
    assert_eq!(next(&second), None);
    let mut expected: Vec<String> = (0..60).map(|at| format!("team-{at:02}")).collect();
    expected.insert(0, "library".to_owned());
    assert_eq!(all, expected);
    let found = browser.page(&format!("{path}?q=M-5")).await;
    assert_eq!(names(&found), expected[51..].to_vec(), "whatever the case");
    assert!(found.contains("name=\"q\" value=\"M-5\""), "{found}");
    let found = browser.page(&format!("{path}?q=%25")).await;
    assert!(found.contains("Nothing here has that in its name."));
}

#[tokio::test]
async fn namespaces_are_shown_in_pages() {
    for backends in BOTH {
        namespaces_in_pages(backends).await;
    }
}

/// The digests of the artifacts that a list shows.
fn artifacts(page: &str) -> Vec<String> {
    let rows = page.split("name=\"digest\" value=\"").skip(1);
    rows.filter_map(|row| row.split('"').next())
        .map(str::to_owned)
        .collect()
}

#[tokio::test]
async fn artifacts_are_shown_in_pages() {
    for backends in BOTH {
        let registry = TestRegistry::builder().on(backends).start().await;
        let mut pushed = Vec::new();
        for at in 0..52 {
            pushed.push(registry.push_image("library/app", &format!("v{at}")).await);
        }
        pushed.reverse();
        let browser = Browser::administrator(&registry).await;
        let path = "/console/accounts/default/repositories/library%2Fapp";
        let first = browser.page(path).await;
        assert_eq!(artifacts(&first), pushed[..50], "the youngest first");
        let second = next(&first).expect("another page");
        // What comes meanwhile moves nothing.
        registry.push_image("library/app", "late").await;
        let second = browser.page(&format!("{path}{second}")).await;
        assert_eq!(artifacts(&second), pushed[50..]);
        assert_eq!(next(&second), None);
        for odd in [
            "?after=",
            "?after=x",
            "?after=1",
            "?after=99999999999999999999.x",
        ] {
            let page = browser.page(&format!("{path}{odd}")).await;
            assert_eq!(artifacts(&page).len(), 50, "{odd}");
        }
        for (query, count) in [
            ("?q=V5", 3),
            ("?q=%25", 0),
            ("?kind=CHART", 0),
            ("?kind=IMAGE&q=v51", 1),
            ("?kind=nonsense", 50),
        ] {
            let page = browser.page(&format!("{path}{query}")).await;
            assert_eq!(artifacts(&page).len(), count, "{query}");
            assert_eq!(
                page.contains("No artifact is like that."),
                count == 0,
                "{query}"
            );
        }
    }
}
