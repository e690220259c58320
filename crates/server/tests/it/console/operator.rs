//! The operator's side of the console.

use super::matrix::Row;
use super::{BOTH, Browser};
use crate::account_api::AccountApi as _;
use crate::registry::TestRegistry;
use serde_json::json;

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    ("GET", "/operator/accounts", [303, 404, 404, 404, 200]),
    ("GET", "/operator/accounts/{account}", [303, 404, 404, 404, 200]),
    ("POST", "/operator/accounts/{account}/plan", [303, 404, 404, 404, 404]),
    ("POST", "/operator/accounts/{account}/state", [303, 404, 404, 404, 422]),
];

const ACCOUNTS: &str = "/console/operator/accounts";
const ACME: &str = "/console/operator/accounts/acme";
const PLAN: &str = "/console/operator/accounts/acme/plan";
const STATE: &str = "/console/operator/accounts/acme/state";

#[tokio::test]
async fn an_account_is_found_given_a_plan_suspended_and_resumed() {
    for backends in BOTH {
        let registry = TestRegistry::builder().on(backends).start().await;
        let ann = registry.create_account("acme", "ann");
        registry.admin(&["--account", "acme", "namespace", "create", "hidden-team"]);
        let tiny = json!({ "name": "tiny", "namespaces": 5 });
        let made = registry.v1_post("/deployment/plans", &tiny).await;
        made.assert_status(201);
        let none = json!({ "name": "empty", "namespaces": 0 });
        let made = registry.v1_post("/deployment/plans", &none).await;
        made.assert_status(201);
        let browser = Browser::administrator(&registry).await;

        let me = browser.page("/console/password").await;
        assert!(me.contains(&format!("href=\"{ACCOUNTS}\"")), "{me}");
        let all = browser.page(ACCOUNTS).await;
        assert!(all.contains(ACME) && all.contains(">default</a>"), "{all}");
        let found = browser.page(&format!("{ACCOUNTS}?q=ac")).await;
        assert!(
            found.contains(ACME) && !found.contains(">default</a>"),
            "{found}"
        );
        let after = browser.page(&format!("{ACCOUNTS}?after=acme")).await;
        assert!(
            !after.contains(ACME) && after.contains(">default</a>"),
            "{after}"
        );
        let nothing = browser.page(&format!("{ACCOUNTS}?q=%3Cb%3E")).await;
        assert!(
            nothing.contains("No account has a name") && !nothing.contains("<b>"),
            "{nothing}"
        );

        let shown = browser.page(ACME).await;
        assert!(!shown.contains("hidden-team"), "{shown}");
        let too_small = [("plan", "empty")];
        let answer = browser.submit(PLAN, &too_small).await;
        let page = answer.assert_status(422).text();
        assert!(page.contains("id=\"plan-failed\""), "{page}");
        let given = browser.submit(PLAN, &[("plan", "tiny")]);
        let given = given.await.assert_status(303);
        let page = browser.page(given.header("location")).await;
        assert!(page.contains("Saved.") && page.contains("<dd>tiny</dd>"));
        let known = ann.v1_get("/accounts/acme").await.json();
        assert_eq!(known["terms"]["plan"]["name"], "tiny");

        let why = "unpaid <script>alert(1)</script>";
        let form = [("to", "pull"), ("reason", why)];
        let done = browser.submit(STATE, &form).await;
        let page = browser
            .page(done.assert_status(303).header("location"))
            .await;
        assert!(
            page.contains("<dd>suspended</dd>") && page.contains("unpaid &#60;script&#62;"),
            "{page}"
        );
        let known = ann.v1_get("/accounts/acme").await.json();
        assert_eq!(
            (&known["state"], &known["state_reason"]),
            (&json!("suspended"), &json!(why))
        );
        let done = browser.submit(STATE, &[("to", "active")]);
        done.await.assert_status(303);
        let known = ann.v1_get("/accounts/acme").await.json();
        assert_eq!(known["state"], "active");
    }
}

#[tokio::test]
async fn what_is_wrong_is_said_and_what_was_typed_stays() {
    let registry = TestRegistry::start().await;
    let browser = Browser::administrator(&registry).await;
    registry.create_account("acme", "ann");
    let long = "x".repeat(1001);
    for (to, reason) in [("", "\"><script>alert(1)"), ("pull", &long)] {
        let form = [("to", to), ("reason", reason)];
        let page = browser.submit(STATE, &form).await.assert_status(422).text();
        assert!(page.contains("id=\"state-failed\""), "{page}");
        let typed = reason.replace('"', "&#34;").replace('>', "&#62;");
        let typed = typed.replace('<', "&#60;");
        assert!(page.contains(&format!("value=\"{typed}\"")), "{page}");
    }
    let foreign = [("csrf", "x"), ("to", "nothing")];
    browser.send(STATE, &foreign).await.assert_status(403);
    let known = registry.v1_get("/deployment/accounts/acme").await.json();
    assert_eq!(known["state"], "active");
    browser
        .get(&format!("{ACCOUNTS}/absent"))
        .await
        .assert_status(404);
}

/// Each role of operators sees the forms that it may send, and nobody else a way here.
#[tokio::test]
async fn who_is_no_operator_sees_no_way_and_who_may_only_look_no_form() {
    let registry = TestRegistry::start().await;
    let ann = registry.create_account("acme", "ann");
    let ann = Browser::of(&registry, &ann).await;
    let me = ann.page("/console/password").await;
    assert!(!me.contains("/console/operator"), "{me}");
    for role in ["support", "billing", "auditor"] {
        let user = registry.create_user(role);
        registry.admin(&["operator", "add", role, "--role", role]);
        let browser = Browser::of(&registry, &user).await;
        let me = browser.page("/console/password").await;
        assert!(me.contains(ACCOUNTS), "{me}");
        assert!(browser.page(ACCOUNTS).await.contains(ACME));
        let shown = browser.page(ACME).await;
        assert!(
            !shown.contains("/state\"") && !shown.contains("/plan\""),
            "{shown}"
        );
        let tried = browser.submit(STATE, &[("to", "nothing")]);
        tried.await.assert_status(403);
    }
}
