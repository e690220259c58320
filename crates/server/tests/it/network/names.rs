//! Host names that accounts prove by themselves.

use http::Method;
use serde_json::json;

use super::dns::Dns;
use super::{Acme, error, send};
use crate::registry::client::{Answer, Client};
use crate::registry::{Setup, TestRegistry};

pub(super) const OWN: &str = "/api/v1/accounts/acme/addresses";
const GLOBEX: &str = "/api/v1/accounts/globex/addresses";
pub(super) const HOST: &str = "registry.acme.test";
const RECORD: &str = "_roadstead-challenge.registry.acme.test";
const IMAGE: &str = "/v2/acme/app/manifests/v1";

pub(super) fn asking(dns: &Dns) -> Setup {
    TestRegistry::builder().setting("OUTBOUND__NAMESERVERS", dns.setting())
}

pub(super) async fn claim(by: &Client, path: &str, host: &str) -> Answer {
    send(by, Method::POST, path, &json!({ "host": host })).await
}

pub(super) async fn prove(by: &Client, path: &str, host: &str, method: &str) -> Answer {
    let path = format!("{path}/{host}/proof");
    send(by, Method::POST, &path, &json!({ "method": method })).await
}

/// What has to be shown for a claim.
pub(super) fn content(claimed: &Answer) -> String {
    let content = &claimed.json()["challenge"]["content"];
    content.as_str().expect("a content").to_owned()
}

/// Proves a name of an account by a record.
pub(super) async fn own(by: &Client, account: &str, host: &str, dns: &Dns) {
    let path = format!("/api/v1/accounts/{account}/addresses");
    let claimed = claim(by, &path, host).await.assert_status(201);
    let record = format!("_roadstead-challenge.{host}");
    dns.set_texts(&record, &[&content(&claimed)]);
    prove(by, &path, host, "dns").await.assert_status(200);
}

/// Whether clients at the name are sent there for tokens: then exactly the account's namespaces exist there.
async fn leads_to_acme(acme: &Acme) -> bool {
    let challenge = acme.registry.anonymous().get("/v2/").header("host", HOST);
    challenge.await.header("www-authenticate").contains(HOST)
}

/// Two accounts, and a DNS that knows nothing yet.
async fn start(dns: &Dns) -> (Acme, Client) {
    let setup = asking(dns).setting("REGISTRY__EXTERNAL_URL", "https://hub.example");
    let acme = Acme::start_on(setup).await;
    let globex = acme.registry.create_account("globex", "globex-admin");
    (acme, globex)
}

#[tokio::test]
async fn a_claim_says_what_proves_it_and_leads_nowhere() {
    let dns = Dns::start().await;
    let (acme, globex) = start(&dns).await;
    let admin = &acme.admin;
    let claimed = claim(admin, OWN, "Registry.Acme.test.").await;
    let location = format!("{OWN}/registry%2Eacme%2Etest");
    let claimed = claimed
        .assert_status(201)
        .assert_header("location", &location);
    let content = content(&claimed);
    assert_eq!(content.len(), 64);
    let mut shown = claimed.json();
    let url = shown["challenge"]["http_url"].take();
    let url = url.as_str().expect("a URL");
    assert!(url.starts_with("http://registry.acme.test/.well-known/roadstead-challenge/"));
    assert!(!url.contains(&content), "{url}");
    assert!(shown["challenge"]["expires_at"].take().is_string());
    assert_eq!(
        shown,
        json!({
            "host": HOST,
            "is_automatic": false,
            "challenge": {
                "dns_record": RECORD, "http_url": null, "content": content, "expires_at": null,
            },
            "certificate": null,
        })
    );
    let again = claim(admin, OWN, HOST).await.assert_status(201);
    assert_eq!(again.json()["challenge"]["content"], content);
    // Everybody may claim it, and has to show something else.
    let other = claim(&globex, GLOBEX, HOST).await.assert_status(201);
    assert_ne!(self::content(&other), content);
    assert_ne!(other.json()["challenge"]["http_url"], url);
    assert!(!leads_to_acme(&acme).await);
}

#[tokio::test]
async fn a_name_is_an_accounts_from_when_a_record_proves_it() {
    let dns = Dns::start().await;
    let (acme, globex) = start(&dns).await;
    let admin = &acme.admin;
    let content = content(&claim(admin, OWN, HOST).await);
    let foreign = self::content(&claim(&globex, GLOBEX, HOST).await);
    let (cut, long) = (&content[..63], format!("{content}0"));
    for texts in [&[][..], &["v=spf1 -all"], &[&foreign], &[cut], &[&long]] {
        dns.set_texts(RECORD, texts);
        let refused = prove(admin, OWN, HOST, "dns").await;
        let said = refused.assert_error(412, "NOT_NOW").error_message();
        let expected = format!("there is no TXT record {RECORD} with the text {content}; ");
        assert!(said.starts_with(&expected), "{said}");
    }
    assert!(!leads_to_acme(&acme).await);
    dns.set_texts(RECORD, &["v=spf1 -all", &foreign, &content]);
    let proved = prove(admin, OWN, HOST, "dns").await.assert_status(200);
    let own =
        json!({ "host": HOST, "is_automatic": false, "challenge": null, "certificate": null });
    assert_eq!(proved.json(), own);
    assert!(leads_to_acme(&acme).await);
    assert_eq!(admin.get(OWN).await.json(), json!({ "addresses": [own] }));
    claim(admin, OWN, HOST).await.assert_error(412, "NOT_NOW");
    let again = prove(admin, OWN, HOST, "dns").await;
    again.assert_error(404, "NOT_FOUND");

    // Whoever proves it, too, comes late; whose it is is not said.
    let late = prove(&globex, GLOBEX, HOST, "dns").await;
    let said = late.assert_error(412, "NOT_NOW").error_message();
    assert!(said.contains("is the address of another account"), "{said}");
    let path = format!("{OWN}/{HOST}");
    admin.delete(&path).await.assert_status(204);
    assert!(!leads_to_acme(&acme).await);
    let theirs = prove(&globex, GLOBEX, HOST, "dns").await;
    theirs.assert_status(200);
    let sql = "SELECT kind FROM events WHERE kind LIKE 'address.%' AND resource = 'registry.acme.test' ORDER BY id";
    let kinds: Vec<String> = acme.registry.sql(sql).into_iter().flatten().collect();
    assert_eq!(
        kinds,
        [
            "address.claimed",
            "address.claimed",
            "address.proved",
            "address.removed",
            "address.proved"
        ]
    );
}

#[tokio::test]
async fn names_that_cannot_be_ones_own_and_too_many_of_them_are_refused() {
    let dns = Dns::start().await;
    let setup = asking(&dns)
        .setting("ACCOUNTS__DOMAIN", "registry.example")
        .setting("REGISTRY__EXTERNAL_URL", "https://hub.example:5000");
    let acme = Acme::start_on(setup).await;
    let admin = &acme.admin;
    for host in [
        "",
        "localhost",
        "hub.example",
        "HUB.example.",
        "registry.example",
        "acme.registry.example",
        "globex.registry.example",
        "a.acme.registry.example",
        "127.0.0.1",
        "0x7f.1",
        "[::1]",
        "acme.test:443",
        "https://acme.test/",
        "acme.test/",
        "a b.test",
        "*.acme.test",
        "acme.test\r\nhost: x",
        "a_b.test",
        "acme..test",
        &"a".repeat(10_000),
    ] {
        claim(admin, OWN, host).await.assert_error(422, "INVALID");
    }
    let idn = claim(admin, OWN, "Bücher.test").await.assert_status(201);
    assert_eq!(idn.json()["host"], "xn--bcher-kva.test");
    for number in 1..50 {
        let host = format!("n{number}.acme.test");
        claim(admin, OWN, &host).await.assert_status(201);
    }
    let full = claim(admin, OWN, HOST).await.assert_error(412, "NOT_NOW");
    assert!(full.error_message().contains("50 addresses"));
    // Claimed anew, it takes no more room; given up, it makes some.
    claim(admin, OWN, "bücher.test").await.assert_status(201);
    let path = format!("{OWN}/n1.acme.test");
    admin.delete(&path).await.assert_status(204);
    admin.delete(&path).await.assert_error(404, "NOT_FOUND");
    claim(admin, OWN, HOST).await.assert_status(201);
    assert_eq!(dns.asked(), [""; 0], "nobody is asked before a proof");

    // After a week the claims are gone, and then their rows.
    let expired = "UPDATE address_claims SET expires_at_ms = 1 RETURNING host";
    assert_eq!(acme.registry.sql(expired).len(), 50);
    let listed = admin.get(OWN).await.json();
    assert_eq!(listed["addresses"].as_array().map(Vec::len), Some(1));
    prove(admin, OWN, HOST, "dns")
        .await
        .assert_error(404, "NOT_FOUND");
    acme.registry.admin(&["jobs", "run", "tend_addresses"]);
    let rows = "SELECT host FROM address_claims";
    super::until(|| acme.registry.sql(rows).is_empty()).await;
}

/// T12: names of others are not there, whatever is asked of them.
#[tokio::test]
async fn what_is_anothers_is_neither_shown_nor_changed() {
    let dns = Dns::start().await;
    let acme = Acme::start_on(asking(&dns)).await;
    own(&acme.admin, "acme", HOST, &dns).await;
    claim(&acme.admin, OWN, "claimed.acme.test")
        .await
        .assert_status(201);
    let globex = acme.registry.create_account("globex", "globex-admin");
    let before = acme.admin.get(OWN).await.json();
    let certificate = json!({ "certificate_chain": "a", "private_key": "b" });
    for host in [HOST, "claimed.acme.test", "none.test"] {
        for path in [OWN, GLOBEX] {
            let one = format!("{path}/{host}");
            let answers = [
                globex.delete(&one).await,
                prove(&globex, path, host, "dns").await,
                globex.get(&format!("{one}/certificate")).await,
                globex.delete(&format!("{one}/certificate")).await,
            ];
            for answer in answers {
                assert_eq!(error(&answer).0, 404, "{answer:?}");
            }
        }
        let put = send(
            &globex,
            Method::PUT,
            &format!("{OWN}/{host}/certificate"),
            &certificate,
        );
        put.await.assert_status(404);
    }
    assert_eq!(acme.admin.get(OWN).await.json(), before);
    assert_eq!(globex.get(GLOBEX).await.json(), json!({ "addresses": [] }));
    globex
        .get(IMAGE)
        .header("host", HOST)
        .await
        .assert_status(404);
}
