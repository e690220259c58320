//! Sinks in the console.

use std::time::{Duration, Instant};

use super::{BOTH, Browser};
use crate::account_api::AccountApi as _;
use crate::registry::backends::Backends;
use crate::registry::{PATIENCE, TestRegistry};
use crate::webhooks::receiver::Receiver;

const SINKS: &str = "/console/accounts/default/settings/sinks";
const KNOWN: &str = "/accounts/default/sinks";
const HOSTILE: &str = "\"></textarea><script>alert(1)</script>";
const SECRET: &str = "Bearer s3cret-of-the-siem";

async fn registry(backends: Backends) -> TestRegistry {
    TestRegistry::builder()
        .on(backends)
        .setting("OUTBOUND__ALLOW", r#"["127.0.0.1"]"#)
        .start()
        .await
}

/// A kind, where it sends, a field that only it has, and more that its form needs.
type Form<'a> = (&'a str, &'a str, &'a str, &'a [(&'a str, &'a str)]);

/// Looks at a page until it has a text; answers with the page.
async fn page_when(browser: &Browser, path: &str, text: &str) -> String {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let page = browser.page(path).await;
        if page.contains(text) {
            return page;
        }
        assert!(Instant::now() < deadline, "no {text}: {page}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Changes a sink: what is not shown stays.
async fn changes(browser: &Browser, registry: &TestRegistry, (one, id): (&str, &str)) {
    // Switched off, under another name; what is not shown stays.
    let change = [("name", "archive"), ("format", "cloudevents")];
    browser.submit(one, &change).await.assert_status(303);
    let page = browser.page(one).await;
    assert!(page.contains("<dd>switched off</dd>") && page.contains("· archive</h1>"));
    let known = registry.v1_get(&format!("{KNOWN}/{id}")).await.json();
    assert_eq!(
        (&known["enabled"], &known["has_secret"]),
        (&false.into(), &true.into())
    );
    assert_eq!(known["format"], "cloudevents");
    let change = [("name", "archive"), ("no_secret", "yes")];
    browser.submit(one, &change).await.assert_status(303);
    let known = registry.v1_get(&format!("{KNOWN}/{id}")).await.json();
    assert_eq!(known["has_secret"], false);
    let resumed = browser.submit(&format!("{one}/resume"), &[]).await;
    assert!(resumed.assert_status(422).text().contains("is not paused"));
}

#[tokio::test]
async fn a_sink_is_made_tried_changed_switched_off_and_deleted() {
    for backends in BOTH {
        let receiver = Receiver::start().await;
        let registry = registry(backends).await;
        let browser = Browser::administrator(&registry).await;
        let empty = browser.page(SINKS).await;
        assert!(empty.contains("The log stays here"), "{empty}");
        assert!(empty.contains("?kind=syslog#new"), "{empty}");
        let form = browser.page(&format!("{SINKS}?kind=https")).await;
        assert!(form.contains("name=\"format\"") && !form.contains("name=\"region\""));

        let url = format!("{}/in?token=hidden-in-the-url", receiver.origin);
        let form = [
            ("kind", "https"),
            ("name", "siem"),
            ("url", url.as_str()),
            ("secret", SECRET),
            ("format", "cadf"),
            ("skip_verify", "yes"),
            ("on", "yes"),
        ];
        let made = browser.submit(SINKS, &form).await.assert_status(303);
        let page = browser.page(made.header("location")).await;
        assert!(page.contains("Saved.") && page.contains(&receiver.origin));
        assert!(page.contains("value=\"cadf\" checked"), "{page}");
        assert!(
            !page.contains("s3cret") && !page.contains("hidden-in"),
            "{page}"
        );
        let (one, _) = made.header("location").split_once('?').expect("a notice");
        let id = one.rsplit('/').next().expect("an id");
        page_when(&browser, one, "<dd>caught up</dd>").await;
        assert!(
            browser
                .page(SINKS)
                .await
                .contains(&format!("href=\"{one}\">siem</a>"))
        );

        let tried = browser.submit(&format!("{one}/test"), &[]).await;
        let tried = tried.assert_status(200).text();
        assert!(tried.contains("The receiver took the trial."), "{tried}");
        let known = registry.v1_get(&format!("{KNOWN}/{id}")).await.json();
        assert_eq!(
            (&known["format"], &known["has_secret"]),
            (&"cadf".into(), &true.into())
        );
        changes(&browser, &registry, (one, id)).await;

        let delete = format!("{one}/delete");
        let unsure = browser.submit(&delete, &[("confirm", "siem")]).await;
        assert!(
            unsure
                .assert_status(422)
                .text()
                .contains("id=\"not-deleted\"")
        );
        let sure = browser.submit(&delete, &[("confirm", "archive")]).await;
        sure.assert_status(303);
        browser.get(one).await.assert_status(404);
        assert_eq!(
            registry.v1_get(KNOWN).await.json()["items"],
            serde_json::json!([])
        );
    }
}

#[tokio::test]
async fn a_failing_sink_says_why() {
    let receiver = Receiver::start().await;
    receiver.answer_with(&[503; 50]);
    let registry = registry(BOTH[0]).await;
    let browser = Browser::administrator(&registry).await;
    let form = [
        ("kind", "https"),
        ("name", "siem"),
        ("url", receiver.origin.as_str()),
        ("skip_verify", "yes"),
        ("on", "yes"),
    ];
    let made = browser.submit(SINKS, &form).await.assert_status(303);
    registry.push_image("library/app", "v1").await;
    let page = page_when(&browser, SINKS, "failing</strong>").await;
    assert!(
        page.contains("status 503") && page.contains("behind"),
        "{page}"
    );
    let index = browser.page("/console/accounts/default/settings").await;
    assert!(index.contains("1 sink. 1 is failing."), "{index}");
    let (one, _) = made.header("location").split_once('?').expect("a notice");
    let tried = browser.submit(&format!("{one}/test"), &[]).await;
    let tried = tried.assert_status(200).text();
    assert!(
        tried.contains("did not take the trial") && tried.contains("503"),
        "{tried}"
    );
}

/// Each kind has a form of its own, and what is wrong is said there; what was typed stays, unless it is a secret.
#[tokio::test]
async fn every_kind_has_its_form() {
    let registry = registry(BOTH[0]).await;
    let browser = Browser::administrator(&registry).await;
    let certificate = [("ca_certificates", "no certificate")];
    let access = [("access_key_id", "key-of-the-bucket"), ("secret", "s3cret")];
    let metrics = [("metrics", "yes"), ("secret", "s3cret")];
    let kinds: [Form<'_>; 4] = [
        (
            "https",
            "https://127.0.0.1:9/",
            "name=\"format\"",
            &[("secret", "s3cret")],
        ),
        (
            "syslog",
            "syslogs://127.0.0.1:9",
            "name=\"ca_certificates\"",
            &certificate,
        ),
        (
            "s3",
            "https://127.0.0.1:9/bucket",
            "name=\"access_key_id\"",
            &access,
        ),
        (
            "otlp",
            "https://127.0.0.1:9/v1/logs",
            "name=\"metrics\"",
            &metrics,
        ),
    ];
    for (kind, url, field, more) in kinds {
        let page = browser.page(&format!("{SINKS}?kind={kind}")).await;
        assert!(
            page.contains(field) && page.contains("name=\"url\""),
            "{page}"
        );
        for (name, url) in [("", url), ("siem", "nowhere"), (HOSTILE, HOSTILE)] {
            let mut form = vec![("kind", kind), ("name", name), ("url", url)];
            form.extend(more);
            let page = browser.submit(SINKS, &form).await.assert_status(422).text();
            assert!(
                page.contains("id=\"failed\"") && page.contains(field),
                "{page}"
            );
            assert!(
                !page.contains("<script>alert") && !page.contains("s3cret"),
                "{page}"
            );
            assert!(name != "siem" || page.contains("value=\"siem\""), "{page}");
            assert!(kind != "s3" || page.contains("value=\"key-of-the-bucket\""));
            assert!(
                kind != "syslog" || page.contains("no certificate"),
                "{page}"
            );
        }
        if kind != "syslog" {
            let mut form = vec![("kind", kind), ("name", kind), ("url", url)];
            form.extend(more);
            browser.submit(SINKS, &form).await.assert_status(303);
        }
    }
    let known = registry.v1_get(KNOWN).await.json();
    let items = known["items"].as_array().expect("a list");
    let made: Vec<_> = items.iter().map(|item| &item["type"]).collect();
    assert_eq!(made, ["https", "otlp", "s3"], "{known}");
    assert!(items.iter().all(|item| item["enabled"] == false), "{known}");
}

#[tokio::test]
async fn a_name_that_would_break_out_is_text() {
    let registry = registry(BOTH[0]).await;
    let browser = Browser::administrator(&registry).await;
    let form = [
        ("kind", "https"),
        ("name", HOSTILE),
        ("url", "https://127.0.0.1:9/"),
    ];
    let made = browser.submit(SINKS, &form).await.assert_status(303);
    let (one, _) = made.header("location").split_once('?').expect("a notice");
    for path in [SINKS, one] {
        let page = browser.page(path).await;
        assert!(page.contains("alert(1)") && !page.contains("<script>alert"));
    }
    let delete = format!("{one}/delete");
    let deleted = browser.submit(&delete, &[("confirm", HOSTILE)]).await;
    deleted.assert_status(303);
    browser.get(one).await.assert_status(404);
}
