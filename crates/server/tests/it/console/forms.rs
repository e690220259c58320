//! Forms of other sites, pages in other sites' pages, and what a browser may run.

use std::collections::BTreeSet;

use web::console::PAGES;

use super::{Browser, OVERVIEW};
use crate::immutability::events;
use crate::registry::{ADMIN, ADMIN_PASSWORD, TestRegistry};

/// The path of a page with something in each place.
fn path_of(page: &web::console::PageRoute) -> String {
    let path = page
        .path
        .replace("{account}", "default")
        .replace("{namespace}", "library")
        .replace("{repository}", "library%2Fapp")
        .replace("{reference}", "v1");
    format!("/console{path}")
}

/// Every form of the console, from another site's page, with the cookie of whoever visits that page.
#[tokio::test]
async fn another_sites_form_changes_nothing() {
    let registry = TestRegistry::start().await;
    let browser = Browser::administrator(&registry).await;
    let stranger = Browser::administrator(&registry).await;
    let (own, others) = (browser.csrf().await, stranger.csrf().await);
    assert_ne!(own, others, "each session has a token of its own");
    let before = registry.rows();
    let forms = PAGES.iter().filter(|page| page.method == "POST");
    for page in forms {
        let path = path_of(page);
        let fields = |csrf: &'static str| [("name", "taken"), ("csrf", csrf), ("password", "x")];
        if !page.is_open {
            for csrf in ["", "0", Box::leak(others.clone().into_boxed_str())] {
                let refused = browser.send(&path, &fields(csrf)).await;
                let refused = refused.assert_status(403).text();
                assert!(
                    refused.contains("came from another site"),
                    "{path}: {refused}"
                );
            }
        }
        for (header, value) in [
            ("origin", "https://evil.example"),
            ("origin", "null"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
        ] {
            let body = format!("csrf={own}&name={ADMIN}&password={ADMIN_PASSWORD}");
            let refused = browser
                .client
                .post(&path)
                .header("cookie", &browser.session)
                .header(header, value)
                .content_type("application/x-www-form-urlencoded")
                .body(body)
                .await;
            assert_eq!(refused.status(), 403, "{path} {header}: {value}");
            assert_eq!(refused.find_header("set-cookie"), None, "{path}");
        }
    }
    assert_eq!(registry.rows(), before, "something was changed");
}

#[tokio::test]
async fn no_page_is_shown_in_another_or_runs_what_is_written_into_it() {
    let registry = TestRegistry::start().await;
    registry.push_image("library/app", "v1").await;
    let browser = Browser::administrator(&registry).await;
    let mut policies = BTreeSet::new();
    for page in PAGES.iter().filter(|page| page.method == "GET") {
        let answer = browser.get(&path_of(page)).await;
        assert!(matches!(answer.status(), 200 | 303 | 404), "{}", page.path);
        policies.insert(answer.header("content-security-policy").to_owned());
        assert_eq!(answer.header("x-frame-options"), "DENY");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("referrer-policy"), "same-origin");
        assert_eq!(answer.header("cache-control"), "no-store", "{}", page.path);
    }
    insta::assert_snapshot!(policies.into_iter().collect::<Vec<_>>().join("\n"), @"default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'");
    // What every page needs may be kept for good, and is for everybody.
    let page = browser.page(OVERVIEW).await;
    let parts = page.split("\"/console/static/").skip(1);
    let assets: BTreeSet<&str> = parts.filter_map(|part| part.split('"').next()).collect();
    assert_eq!(assets.len(), 3, "{assets:?}");
    for asset in assets {
        let sent = registry
            .anonymous()
            .get(&format!("/console/static/{asset}"))
            .await;
        let sent = sent.assert_status(200);
        assert_eq!(
            sent.header("cache-control"),
            "public, max-age=31536000, immutable"
        );
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_request_is_said_on_a_page() {
    let registry = TestRegistry::start().await;
    let browser = Browser::administrator(&registry).await;
    for (path, status) in [
        ("/console/none", 404),
        ("/console/accounts/none", 404),
        ("/console/accounts/default/namespaces/none", 404),
        ("/console/accounts/default/repositories/library%2Fnone", 404),
        ("/console/accounts/default/repositories/no%20name", 404),
        (
            "/console/accounts/default/repositories/library%2Fapp/none",
            404,
        ),
        ("/console/accounts/default/repositories/%ff", 404),
        ("/console/static/000000000000/console.css", 404),
        ("/console/sign-out", 405),
        ("/console/language?to=tlh", 404),
    ] {
        let answer = browser.get(path).await.assert_status(status);
        assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
        assert!(
            answer.text().contains("<h1>That did not work</h1>"),
            "{path}"
        );
    }
    let answer = browser.get("/console/sign-out").await;
    assert_eq!(answer.header("allow"), "POST");
    let large = "x".repeat(70_000);
    let refused = browser.send("/console/sign-in", &[("name", &large)]).await;
    refused.assert_status(413);
}

#[tokio::test]
async fn a_namespace_is_made_with_a_form() {
    let registry = TestRegistry::start().await;
    let browser = Browser::administrator(&registry).await;
    let path = "/console/accounts/default/namespaces";
    let made = browser.submit(path, &[("name", " team ")]).await;
    let made = made.assert_status(303).location();
    assert_eq!(made, "/console/accounts/default/namespaces/team");
    assert!(browser.page(&made).await.contains("Nothing was pushed"));
    for (name, expected) in [
        ("team", "the namespace team"),
        ("Not Good<", "Not Good&#60;"),
    ] {
        let refused = browser.submit(path, &[("name", name)]).await;
        let refused = refused.assert_status(422).text();
        assert!(refused.contains("role=\"alert\""), "{refused}");
        assert!(refused.contains(expected), "{refused}");
    }
    let made = events(&registry, "namespace.created", 1).await;
    assert_eq!(made, ["team"]);
}
