//! Jobs and the audit log in the console.

use super::matrix::Row;
use super::{BOTH, Browser};
use crate::account_api::AccountApi as _;
use crate::harbor::Harbor as _;
use crate::immutability::events;
use crate::registry::{PATIENCE, TestRegistry};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    ("GET", "/accounts/{account}/jobs", [303, 404, 403, 403, 200]),
    ("GET", "/accounts/{account}/jobs/{job}", [303, 404, 403, 403, 404]),
    ("POST", "/accounts/{account}/jobs/{job}/stop", [303, 404, 403, 403, 404]),
    ("POST", "/accounts/{account}/jobs/{job}/retry", [303, 404, 403, 403, 404]),
    ("GET", "/accounts/{account}/audit", [303, 404, 403, 403, 200]),
    ("GET", "/accounts/{account}/audit/export", [303, 404, 403, 403, 200]),
    ("GET", "/accounts/{account}/audit/proof", [303, 404, 403, 403, 200]),
];

const JOBS: &str = "/console/accounts/default/jobs";
const AUDIT: &str = "/console/accounts/default/audit";
const COLLECTIONS: &str = "/console/accounts/default/settings/collections";

/// Where the first line of a list leads.
fn first(list: &str) -> String {
    let (_, table) = list.split_once("<tbody>").expect("a table");
    let (_, rest) = table.split_once("href=\"").expect("a link");
    rest.split('"').next().unwrap_or_default().to_owned()
}

/// Waits until a page says something.
async fn until_it_says(browser: &Browser, path: &str, said: &str) -> String {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let page = browser.page(path).await;
        if page.contains(said) {
            return page;
        }
        assert!(
            Instant::now() < deadline,
            "{path} never says {said}: {page}"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_job_is_seen_with_what_it_says_and_what_is_waiting_is_stopped() {
    for backends in BOTH {
        let registry = TestRegistry::builder().on(backends).start().await;
        let browser = Browser::administrator(&registry).await;
        let empty = browser.page(JOBS).await;
        assert!(empty.contains("Nothing was done"), "{empty}");
        let asked = browser.submit(COLLECTIONS, &[("dry", "yes")]).await;
        asked.assert_status(303);
        let list = until_it_says(&browser, JOBS, ">done").await;
        assert!(list.contains("<code>collect_account</code>"), "{list}");
        let job = first(&list);
        let page = browser.page(&job).await;
        assert!(page.contains("Log") && page.contains("1 / "), "{page}");
        assert!(
            !page.contains("/stop") && !page.contains("/retry"),
            "{page}"
        );
        // What has ended cannot be stopped; what did not fail is not done again.
        for way in ["stop", "retry"] {
            let refused = browser.submit(&format!("{job}/{way}"), &[]).await;
            let status = refused.status();
            assert!(matches!(status, 409 | 422), "{way}: {status}");
        }

        // One that waits for its queue.
        let pause = registry
            .v1_post(
                "/accounts/default/job-queues/collect_account/pause",
                &json!({}),
            )
            .await;
        assert!(matches!(pause.status(), 200 | 204), "{}", pause.status());
        browser
            .submit(COLLECTIONS, &[("dry", "yes")])
            .await
            .assert_status(303);
        let waiting = first(&browser.page(JOBS).await);
        let page = browser.page(&waiting).await;
        assert!(page.contains("data-refresh"), "{page}");
        let stopped = browser.submit(&format!("{waiting}/stop"), &[]).await;
        let page = browser
            .page(stopped.assert_status(303).header("location"))
            .await;
        assert!(page.contains("stopped"), "{page}");
        assert_eq!(events(&registry, "job.stopped", 1).await.len(), 1);
    }
}

#[tokio::test]
async fn the_log_is_looked_through_taken_along_and_proved() {
    for backends in BOTH {
        let registry = TestRegistry::builder().on(backends).start().await;
        registry.push_image("library/app", "v1").await;
        let dora = registry.create_user("dora");
        events(&registry, "user.created", 1).await;
        let browser = Browser::administrator(&registry).await;
        let all = browser.page(AUDIT).await;
        assert!(
            all.contains("<code>manifest.pushed</code>") && all.contains("<code>user.created"),
            "{all}"
        );
        let pushed = browser.page(&format!("{AUDIT}?kind=manifest.pushed")).await;
        assert!(pushed.contains("library/app"), "{pushed}");
        assert!(!pushed.contains("<code>user.created"), "{pushed}");
        let today = until_it_says(&browser, &format!("{AUDIT}?actor=dora"), "No event").await;
        assert!(today.contains("value=\"dora\""), "{today}");
        let old = browser.page(&format!("{AUDIT}?until=2001-01-01")).await;
        assert!(old.contains("No event is like that"), "{old}");
        let wrong = browser.page(&format!("{AUDIT}?since=tomorrow")).await;
        assert!(wrong.contains("A day is written as"), "{wrong}");
        let followed = browser.page(&format!("{AUDIT}?follow=yes")).await;
        assert!(followed.contains("data-refresh"), "{followed}");

        let export = format!("{AUDIT}/export?kind=manifest.pushed&format=");
        let lines = browser.get(&format!("{export}jsonl")).await;
        let lines = lines
            .assert_status(200)
            .assert_header("content-type", "application/x-ndjson")
            .assert_header(
                "content-disposition",
                "attachment; filename=\"audit-log.jsonl\"",
            )
            .text();
        let line: Value = serde_json::from_str(lines.trim()).expect("one line of JSON");
        assert_eq!(line["kind"], "manifest.pushed");
        assert!(line["hash"].is_string(), "{line}");
        let table = browser.get(&format!("{export}csv")).await;
        let table = table.assert_status(200).text();
        let (head, row) = table.split_once("\r\n").expect("lines");
        assert_eq!(head, "number,at,kind,actor,address,resource,event");
        assert!(row.contains(",\"manifest.pushed\",\"admin\","), "{row}");
        assert!(row.contains("\"\"repository\"\""), "{row}");

        let proof = browser.page(&format!("{AUDIT}/proof")).await;
        assert!(proof.contains("none is missing"), "{proof}");
        // Whoever may not read the log gets none of it.
        let dora = Browser::of(&registry, &dora).await;
        for path in ["", "/export", "/proof"] {
            dora.get(&format!("{AUDIT}{path}")).await.assert_status(403);
        }
    }
}

/// A formula as a name is in the log, and in no table.
#[tokio::test]
async fn what_others_wrote_is_harmless_in_pages_and_tables() {
    const HOSTILE: &str = "=HYPERLINK(1)<script>alert(1)</script>";
    let registry = TestRegistry::start().await;
    let browser = Browser::administrator(&registry).await;
    let group = json!({ "group_name": HOSTILE });
    let made = registry.api_post("/usergroups", &group).await;
    made.assert_status(201);
    let page = until_it_says(&browser, AUDIT, "=HYPERLINK").await;
    assert!(!page.contains("<script>alert"), "{page}");
    let table = browser.get(&format!("{AUDIT}/export?format=csv")).await;
    let table = table.assert_status(200).text();
    assert!(table.contains(",\"'=HYPERLINK"), "{table}");
    assert!(!table.contains(",\"=HYPERLINK"), "{table}");
    let query = format!("{AUDIT}?kind=%22%3E%3Cscript%3Ealert(1)&since=%22%3E%3Cscript%3Ealert(1)");
    let page = browser.page(&query).await;
    assert!(!page.contains("<script>alert"), "{page}");
}
