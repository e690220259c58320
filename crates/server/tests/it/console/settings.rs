//! What an account decides about itself, in the console: who gets which page, the index, and mail.

use super::matrix::Row;
use super::{BOTH, Browser};
use crate::account_api::AccountApi as _;
use crate::mail;
use crate::registry::TestRegistry;

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    ("GET", "/accounts/{account}/settings", [303, 404, 403, 403, 200]),
    ("GET", "/accounts/{account}/settings/mail", [303, 404, 403, 403, 200]),
    ("POST", "/accounts/{account}/settings/mail", [303, 404, 403, 403, 303]),
    ("POST", "/accounts/{account}/settings/mail/resume", [303, 404, 403, 403, 422]),
    ("POST", "/accounts/{account}/settings/mail/confirm", [303, 404, 403, 403, 422]),
    ("POST", "/accounts/{account}/settings/mail/addresses", [303, 404, 403, 403, 422]),
    ("POST", "/accounts/{account}/settings/mail/addresses/{mail_address}/ask", [303, 404, 403, 403, 422]),
    ("POST", "/accounts/{account}/settings/mail/addresses/{mail_address}/delete", [303, 404, 403, 403, 404]),
    ("GET", "/accounts/{account}/settings/sinks", [303, 404, 403, 403, 200]),
    ("POST", "/accounts/{account}/settings/sinks", [303, 404, 403, 403, 422]),
    ("GET", "/accounts/{account}/settings/sinks/{sink}", [303, 404, 403, 403, 404]),
    ("POST", "/accounts/{account}/settings/sinks/{sink}", [303, 404, 403, 403, 404]),
    ("POST", "/accounts/{account}/settings/sinks/{sink}/test", [303, 404, 403, 403, 404]),
    ("POST", "/accounts/{account}/settings/sinks/{sink}/resume", [303, 404, 403, 403, 404]),
    ("POST", "/accounts/{account}/settings/sinks/{sink}/delete", [303, 404, 403, 403, 404]),
    ("GET", "/accounts/{account}/settings/identity-sources", [303, 404, 403, 403, 200]),
    ("POST", "/accounts/{account}/settings/identity-sources", [303, 404, 403, 403, 422]),
    ("GET", "/accounts/{account}/settings/identity-sources/{source}", [303, 404, 403, 403, 404]),
    ("POST", "/accounts/{account}/settings/identity-sources/{source}", [303, 404, 403, 403, 404]),
    ("POST", "/accounts/{account}/settings/identity-sources/{source}/test", [303, 404, 403, 403, 404]),
    ("POST", "/accounts/{account}/settings/identity-sources/{source}/delete", [303, 404, 403, 403, 404]),
    ("GET", "/accounts/{account}/settings/addresses", [303, 404, 403, 403, 200]),
    ("POST", "/accounts/{account}/settings/addresses", [303, 404, 403, 403, 422]),
    ("GET", "/accounts/{account}/settings/addresses/{host}", [303, 404, 403, 403, 404]),
    ("POST", "/accounts/{account}/settings/addresses/{host}/prove", [303, 404, 403, 403, 404]),
    ("POST", "/accounts/{account}/settings/addresses/{host}/certificate", [303, 404, 403, 403, 404]),
    ("POST", "/accounts/{account}/settings/addresses/{host}/certificate/delete", [303, 404, 403, 403, 404]),
    ("POST", "/accounts/{account}/settings/addresses/{host}/delete", [303, 404, 403, 403, 404]),
    ("GET", "/accounts/{account}/settings/collections", [303, 404, 403, 403, 200]),
    ("POST", "/accounts/{account}/settings/collections", [303, 404, 403, 403, 303]),
    ("POST", "/accounts/{account}/settings/collections/schedule", [303, 404, 403, 403, 303]),
    ("POST", "/accounts/{account}/settings/collections/{number}/stop", [303, 404, 403, 403, 404]),
];

const SETTINGS: &str = "/console/accounts/default/settings";
const MAIL: &str = "/console/accounts/default/settings/mail";
const HOSTILE: &str = "\"></textarea><script>alert(1)</script>";

/// Where a form of the page goes that ends so.
fn action<'a>(page: &'a str, ending: &str) -> &'a str {
    let actions = page.split("action=\"").skip(1);
    let mut actions = actions.filter_map(|rest| rest.split('"').next());
    let found = actions.find(|action| action.ends_with(ending));
    found.unwrap_or_else(|| panic!("no form goes to …{ending}: {page}"))
}

#[tokio::test]
async fn an_address_is_asked_agrees_and_is_taken_away() {
    for backends in BOTH {
        let receiver = mail::receiver();
        let registry = mail::builder(backends, receiver.port()).start().await;
        let browser = Browser::administrator(&registry).await;
        let overview = browser.page(super::OVERVIEW).await;
        assert!(overview.contains(SETTINGS), "{overview}");
        let index = browser.page(SETTINGS).await;
        assert!(index.contains(MAIL) && index.contains("0 addresses are told."));
        let empty = browser.page(MAIL).await;
        assert!(empty.contains("Nobody is told yet"), "{empty}");

        let kinds = [("kind", "job.failed"), ("kind", "sink.paused")];
        browser.submit(MAIL, &kinds).await.assert_status(303);
        let add = format!("{MAIL}/addresses");
        let added = browser
            .submit(&add, &[("address", "ops@example.com")])
            .await;
        let page = browser
            .page(added.assert_status(303).header("location"))
            .await;
        assert!(page.contains("Saved.") && page.contains("has not agreed yet"));
        assert!(page.contains("value=\"job.failed\" checked"), "{page}");
        assert!(!page.contains("value=\"quota.exceeded\" checked"), "{page}");
        let known = registry.v1_get("/accounts/default/mail").await.json();
        assert_eq!(known["addresses"][0]["state"], "unconfirmed");
        assert_eq!(known["event_types"].as_array().map(Vec::len), Some(2));

        let first = mail::mails(&receiver, 1).await[0].code();
        let again = action(&page, "/ask").to_owned();
        browser.submit(&again, &[]).await.assert_status(303);
        let second = mail::mails(&receiver, 2).await[1].code();
        let confirm = format!("{MAIL}/confirm");
        for wrong in [first.as_str(), "", HOSTILE] {
            let page = browser.submit(&confirm, &[("code", wrong)]).await;
            let page = page.assert_status(422).text();
            assert!(page.contains("id=\"no-code\""), "{page}");
            assert!(wrong.is_empty() || !page.contains(wrong), "{page}");
        }
        let confirmed = browser.submit(&confirm, &[("code", &second)]).await;
        confirmed.assert_status(303);
        let page = browser.page(MAIL).await;
        assert!(page.contains("<td>is told</td>"), "{page}");
        assert!(!page.contains("/ask\""), "{page}");
        let index = browser.page(SETTINGS).await;
        assert!(index.contains("1 address is told."), "{index}");

        let delete = action(&page, "/delete").to_owned();
        let deleted = browser.submit(&delete, &[]).await.assert_status(303);
        let page = browser.page(deleted.header("location")).await;
        assert!(page.contains("Deleted.") && !page.contains("ops@example.com"));
        let known = registry.v1_get("/accounts/default/mail").await.json();
        assert_eq!(known["addresses"], serde_json::json!([]));
    }
}

#[tokio::test]
async fn a_wrong_address_is_said_beside_its_field() {
    let receiver = mail::receiver();
    let registry = mail::builder(BOTH[0], receiver.port()).start().await;
    let browser = Browser::administrator(&registry).await;
    let add = format!("{MAIL}/addresses");
    let once = [("address", "ops@example.com")];
    browser.submit(&add, &once).await.assert_status(303);
    for wrong in ["", "nobody", "ops@example.com", HOSTILE] {
        let page = browser.submit(&add, &[("address", wrong)]).await;
        let page = page.assert_status(422).text();
        assert!(
            page.contains("aria-describedby=\"address-rule failed\""),
            "{page}"
        );
        assert!(!page.contains("<script>alert"), "{page}");
    }
    let page = browser.submit(&add, &[("address", "no body")]).await.text();
    assert!(
        page.contains("value=\"no body\""),
        "what was typed stays: {page}"
    );
    let kinds = [("kind", "repository.created"), ("kind", "job.failed")];
    let page = browser.submit(MAIL, &kinds).await.assert_status(422).text();
    assert!(page.contains("value=\"job.failed\" checked"), "{page}");
    let french = browser.client.get(MAIL).header("cookie", &browser.session);
    let french = french.header("accept-language", "fr").await.text();
    assert!(french.contains("n’a pas encore accepté"), "{french}");
}

/// Where no mail is sent, the page says so when an address is added.
#[tokio::test]
async fn without_a_mail_server_the_page_says_so() {
    let registry = TestRegistry::start().await;
    let browser = Browser::administrator(&registry).await;
    let add = format!("{MAIL}/addresses");
    let page = browser
        .submit(&add, &[("address", "ops@example.com")])
        .await;
    let page = page.assert_status(422).text();
    assert!(page.contains("id=\"failed\"") && page.contains("value=\"ops@example.com\""));
}

/// Whoever may see one part of the settings sees that one.
#[tokio::test]
async fn a_part_is_shown_to_whoever_may_see_it() {
    let registry = TestRegistry::start().await;
    let dora = registry.create_user("dora");
    let role = serde_json::json!({ "name": "mail-reader", "actions": ["mail:read"] });
    let made = registry.v1_post("/accounts/default/roles", &role).await;
    made.assert_status(201);
    let browser = Browser::of(&registry, &dora).await;
    let overview = browser.page(super::OVERVIEW).await;
    assert!(!overview.contains(SETTINGS), "{overview}");
    let given = [("name", "dora"), ("kind", "user"), ("role", "mail-reader")];
    let admin = Browser::administrator(&registry).await;
    let given = admin
        .submit("/console/accounts/default/members", &given)
        .await;
    given.assert_status(303);
    let index = browser.page(SETTINGS).await;
    assert!(index.contains(MAIL), "{index}");
    assert_eq!(index.matches("<section>").count(), 1, "{index}");
    let page = browser.page(MAIL).await;
    assert!(!page.contains("name=\"address\"") && !page.contains("name=\"kind\""));
    let refused = browser.submit(MAIL, &[("kind", "job.failed")]).await;
    refused.assert_status(403);
}

#[tokio::test]
async fn no_form_of_the_settings_is_taken_without_the_sessions_token() {
    let registry = TestRegistry::start().await;
    let browser = Browser::administrator(&registry).await;
    let form = [
        ("host", "registry.acme.test"),
        ("kind", "https"),
        ("name", "siem"),
        ("url", "https://logs.example.com"),
    ];
    let posts = ROWS.iter().filter(|(method, ..)| *method == "POST");
    for (_, path, _) in posts {
        let path = path.replace("{account}", "default");
        let sent = browser.send(&format!("/console{path}"), &form).await;
        sent.assert_status(403);
    }
    for place in ["sinks", "identity-sources"] {
        let known = registry.v1_get(&format!("/accounts/default/{place}")).await;
        assert_eq!(known.json()["items"], serde_json::json!([]), "{place}");
    }
    let known = registry.v1_get("/accounts/default/addresses").await;
    assert_eq!(known.json()["addresses"], serde_json::json!([]));
}
