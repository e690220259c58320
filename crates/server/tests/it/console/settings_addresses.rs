//! Addresses and certificates in the console.

use super::{BOTH, Browser};
use crate::account_api::AccountApi as _;
use crate::network::certificates::{good, made};
use crate::network::dns::Dns;
use crate::registry::TestRegistry;

const ADDRESSES: &str = "/console/accounts/default/settings/addresses";
const KNOWN: &str = "/accounts/default/addresses";
const HOST: &str = "registry.acme.test";
const HOSTILE: &str = "\"></textarea><script>alert(1)</script>";

/// Claims the address, and proves it by a record.
async fn claims_and_proves(browser: &Browser, registry: &TestRegistry, dns: &Dns) {
    let claimed = browser
        .submit(ADDRESSES, &[("host", "Registry.Acme.test")])
        .await;
    let claimed = claimed.assert_status(303);
    let one = format!("{ADDRESSES}/{HOST}");
    assert_eq!(claimed.header("location"), format!("{one}?notice=saved"));
    let page = browser.page(&one).await;
    let known = registry.v1_get(KNOWN).await.json()["addresses"][0].clone();
    let text = |name: &str| known["challenge"][name].as_str().expect("text").to_owned();
    let (record, content) = (text("dns_record"), text("content"));
    for shown in [&record, &content, &text("http_url")] {
        assert!(page.contains(&format!("<code>{shown}</code>")), "{page}");
    }
    assert!(!page.contains("name=\"key\""), "{page}");
    let list = browser.page(ADDRESSES).await;
    assert!(list.contains("to be proved</strong>"), "{list}");
    let index = browser.page("/console/accounts/default/settings").await;
    assert!(index.contains("0 addresses. 1 is to be proved."), "{index}");

    let prove = format!("{one}/prove");
    let early = browser.submit(&prove, &[("method", "dns")]).await;
    let early = early.assert_status(422).text();
    assert!(early.contains("there is no TXT record"), "{early}");
    dns.set_texts(&record, &[&content]);
    let proved = browser.submit(&prove, &[("method", "dns")]).await;
    let page = browser
        .page(proved.assert_status(303).header("location"))
        .await;
    assert!(page.contains("<dd>the account’s own</dd>"), "{page}");
    assert!(page.contains("the registry’s own certificate"), "{page}");
}

/// Gives it a certificate, and takes that back.
async fn gives_a_certificate(browser: &Browser, registry: &TestRegistry) {
    let one = format!("{ADDRESSES}/{HOST}");
    let certificate = format!("{one}/certificate");
    let good = good(&[HOST]);
    let form = [("chain", good.chain.as_str()), ("key", good.key.as_str())];
    browser.submit(&certificate, &form).await.assert_status(303);
    let page = browser.page(&one).await;
    assert!(
        page.contains("<dd>valid</dd>") && page.contains("2100-01-01"),
        "{page}"
    );
    assert!(
        page.contains(&good.fingerprint) && !page.contains("PRIVATE"),
        "{page}"
    );
    let list = browser.page(ADDRESSES).await;
    assert!(
        list.contains("valid") && list.contains("2100-01-01"),
        "{list}"
    );
    let known = registry.v1_get(KNOWN).await.json()["addresses"][0].clone();
    assert_eq!(
        known["certificate"]["fingerprint"],
        good.fingerprint.as_str()
    );

    let give_up = format!("{certificate}/delete");
    let unsure = browser.submit(&give_up, &[("confirm", "registry")]).await;
    let unsure = unsure.assert_status(422).text();
    assert!(unsure.contains("id=\"no-certificate\""), "{unsure}");
    browser
        .submit(&give_up, &[("confirm", HOST)])
        .await
        .assert_status(303);
    let known = registry.v1_get(KNOWN).await.json()["addresses"][0].clone();
    assert_eq!(known["certificate"], serde_json::Value::Null);
}

/// Gives it up.
async fn gives_up(browser: &Browser, registry: &TestRegistry) {
    let one = format!("{ADDRESSES}/{HOST}");
    let delete = format!("{one}/delete");
    let unsure = browser.submit(&delete, &[("confirm", "")]).await;
    assert!(
        unsure
            .assert_status(422)
            .text()
            .contains("id=\"not-deleted\"")
    );
    browser
        .submit(&delete, &[("confirm", HOST)])
        .await
        .assert_status(303);
    browser.get(&one).await.assert_status(404);
    let known = registry.v1_get(KNOWN).await.json();
    assert_eq!(known["addresses"], serde_json::json!([]));
}

#[tokio::test]
async fn an_address_is_claimed_proved_given_a_certificate_and_given_up() {
    for backends in BOTH {
        let dns = Dns::start().await;
        let registry = TestRegistry::builder()
            .on(backends)
            .setting("OUTBOUND__NAMESERVERS", dns.setting())
            .start()
            .await;
        let browser = Browser::administrator(&registry).await;
        let empty = browser.page(ADDRESSES).await;
        assert!(empty.contains("shared address"), "{empty}");
        claims_and_proves(&browser, &registry, &dns).await;
        gives_a_certificate(&browser, &registry).await;
        gives_up(&browser, &registry).await;
    }
}

#[tokio::test]
async fn what_is_wrong_is_said_and_what_was_typed_stays() {
    let registry = TestRegistry::start().await;
    registry.admin(&["--account", "default", "address", "add", HOST]);
    let browser = Browser::administrator(&registry).await;
    for host in ["", "not a host", HOST, HOSTILE] {
        let page = browser.submit(ADDRESSES, &[("host", host)]).await;
        let page = page.assert_status(422).text();
        assert!(
            page.contains("aria-describedby=\"host-rule failed\""),
            "{page}"
        );
        assert!(!page.contains("<script>alert"), "{page}");
    }
    let page = browser.submit(ADDRESSES, &[("host", "not a host")]).await;
    assert!(page.text().contains("value=\"not a host\""));

    let certificate = format!("{ADDRESSES}/{HOST}/certificate");
    let (right, other, old) = (
        good(&[HOST]),
        good(&["else.test"]),
        made(&[HOST], (2020, 2021)),
    );
    for (chain, key) in [
        (other.chain.as_str(), other.key.as_str()),
        (&old.chain, &old.key),
        (&right.chain, &other.key),
        (&right.chain, ""),
        ("", &right.key),
        (HOSTILE, HOSTILE),
    ] {
        let form = [("chain", chain), ("key", key)];
        let page = browser.submit(&certificate, &form).await;
        let page = page.assert_status(422).text();
        assert!(
            page.contains("aria-describedby=\"chain-rule failed\""),
            "{page}"
        );
        assert!(
            !page.contains("<script>alert") && !page.contains("PRIVATE KEY"),
            "{page}"
        );
        if chain == right.chain {
            assert!(page.contains("-----BEGIN CERTIFICATE-----"), "{page}");
        }
    }
    let known = registry.v1_get(KNOWN).await.json()["addresses"][0].clone();
    assert_eq!(known["certificate"], serde_json::Value::Null);
}
