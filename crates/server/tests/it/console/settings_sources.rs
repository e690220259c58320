//! Identity sources in the console.

use engines::{OidcProvider, OpenLdap};

use super::{BOTH, Browser};
use crate::account_api::AccountApi as _;
use crate::registry::TestRegistry;
use crate::registry::backends::Backends;

const SOURCES: &str = "/console/accounts/default/settings/identity-sources";
const KNOWN: &str = "/accounts/default/identity-sources";
const HOSTILE: &str = "\"></textarea><script>alert(1)</script>";

async fn registry(backends: Backends) -> TestRegistry {
    TestRegistry::builder()
        .on(backends)
        .setting("OUTBOUND__ALLOW", r#"["127.0.0.1"]"#)
        .start()
        .await
}

fn issuer_form(issuer: &str) -> Vec<(&'static str, &str)> {
    vec![
        ("kind", "oidc"),
        ("name", "work"),
        ("issuer", issuer),
        ("client_id", "roadstead"),
        ("secret", "s3cret-at-the-issuer"),
        ("scopes", "profile  email groups"),
        ("name_claim", "preferred_username"),
        ("groups_claim", "groups"),
        ("onboards", "yes"),
    ]
}

/// The form with another value in a field.
fn with<'a>(
    form: &[(&'static str, &'a str)],
    field: &'static str,
    value: &'a str,
) -> Vec<(&'static str, &'a str)> {
    let kept = form.iter().copied().filter(|(name, _)| *name != field);
    kept.chain([(field, value)]).collect()
}

async fn deletes(browser: &Browser, registry: &TestRegistry, one: &str) {
    let delete = format!("{one}/delete");
    let unsure = browser.submit(&delete, &[("confirm", "wor")]).await;
    assert!(
        unsure
            .assert_status(422)
            .text()
            .contains("id=\"not-deleted\"")
    );
    let sure = browser.submit(&delete, &[("confirm", "work")]).await;
    sure.assert_status(303);
    browser.get(one).await.assert_status(404);
    assert_eq!(
        registry.v1_get(KNOWN).await.json()["items"],
        serde_json::json!([])
    );
}

#[tokio::test]
async fn an_issuer_is_added_tried_changed_and_deleted() {
    for backends in BOTH {
        let provider = OidcProvider::start().expect("an issuer");
        let registry = registry(backends).await;
        let browser = Browser::administrator(&registry).await;
        let empty = browser.page(SOURCES).await;
        assert!(empty.contains("There is none"), "{empty}");
        let form = browser.page(&format!("{SOURCES}?kind=oidc")).await;
        assert!(form.contains("value=\"preferred_username\""), "{form}");

        let issuer = provider.issuer();
        let form = issuer_form(&issuer);
        let made = browser.submit(SOURCES, &form).await.assert_status(303);
        let one = format!("{SOURCES}/work");
        assert_eq!(made.header("location"), format!("{one}?notice=saved"));
        let page = browser.page(made.header("location")).await;
        assert!(page.contains("Saved.") && page.contains("<dd>in use</dd>"));
        assert!(
            !page.contains("s3cret") && !page.contains("name=\"issuer\""),
            "{page}"
        );
        let known = registry.v1_get(KNOWN).await.json()["items"][0].clone();
        assert_eq!(
            known["scopes"],
            serde_json::json!(["profile", "email", "groups"])
        );
        assert_eq!(known["has_client_secret"], true);
        let list = browser.page(SOURCES).await;
        assert!(list.contains(">work</a>") && list.contains("<td>OpenID Connect</td>"));

        let test = format!("{one}/test");
        let tried = browser.submit(&test, &[]).await.assert_status(200).text();
        assert!(tried.contains("It answers as it should"), "{tried}");
        drop(provider);
        let tried = browser.submit(&test, &[]).await.assert_status(200).text();
        assert!(tried.contains("People could not sign in by it:"), "{tried}");
        assert!(tried.contains("does not answer as one has to"), "{tried}");

        // Its issuer stays, whatever is sent; and its secret, if nothing is.
        let changed = with(&form, "issuer", "https://elsewhere.example.com");
        let changed = with(&with(&changed, "secret", ""), "off", "yes");
        browser.submit(&one, &changed).await.assert_status(303);
        let known = registry.v1_get(KNOWN).await.json()["items"][0].clone();
        assert_eq!(
            (&known["disabled"], &known["has_client_secret"]),
            (&true.into(), &true.into())
        );
        assert_eq!(known["issuer"], issuer);
        assert!(browser.page(&one).await.contains("<dd>switched off</dd>"));
        let changed = with(&changed, "no_secret", "yes");
        browser.submit(&one, &changed).await.assert_status(303);
        let known = registry.v1_get(KNOWN).await.json()["items"][0].clone();
        assert_eq!(known["has_client_secret"], false);

        deletes(&browser, &registry, &one).await;
    }
}

#[tokio::test]
async fn a_directory_is_added_tried_and_changed() {
    let directory = OpenLdap::start().expect("a directory");
    let registry = registry(BOTH[0]).await;
    let browser = Browser::administrator(&registry).await;
    let page = browser.page(&format!("{SOURCES}?kind=ldap")).await;
    assert!(page.contains("value=\"(objectClass=person)\""), "{page}");
    let (url, authority) = (directory.url(), directory.authority());
    let base = format!("ou=people,{}", OpenLdap::SUFFIX);
    let form = [
        ("kind", "ldap"),
        ("name", "people"),
        ("url", url.as_str()),
        ("ca_certificates", authority),
        ("bind_dn", OpenLdap::READER),
        ("secret", OpenLdap::READER_PASSWORD),
        ("base_dn", base.as_str()),
        ("scope", "one"),
        ("user_filter", "(objectClass=person)"),
        ("name_attribute", "uid"),
        ("group_name_attribute", "cn"),
        ("starts_tls", "yes"),
        ("onboards", "yes"),
    ];
    browser.submit(SOURCES, &form).await.assert_status(303);
    let one = format!("{SOURCES}/people");
    let page = browser.page(&one).await;
    assert!(page.contains("value=\"one\" selected"), "{page}");
    assert!(page.contains("-----BEGIN CERTIFICATE-----"), "{page}");
    assert!(!page.contains(OpenLdap::READER_PASSWORD), "{page}");
    let known = registry.v1_get(KNOWN).await.json()["items"][0].clone();
    assert_eq!(
        (&known["kind"], &known["scope"]),
        (&"ldap".into(), &"one".into())
    );
    assert_eq!(
        (&known["starts_tls"], &known["verify_certificate"]),
        (&true.into(), &true.into())
    );
    let test = format!("{one}/test");
    let tried = browser.submit(&test, &[]).await.assert_status(200).text();
    assert!(tried.contains("It answers as it should"), "{tried}");

    let changed = with(
        &with(&form, "base_dn", "ou=nobody,dc=example,dc=com"),
        "secret",
        "",
    );
    browser.submit(&one, &changed).await.assert_status(303);
    let tried = browser.submit(&test, &[]).await.assert_status(200).text();
    assert!(tried.contains("has no entry base_dn"), "{tried}");
    // The password is given to no other directory.
    let moved = with(&changed, "url", "ldaps://127.0.0.1:1");
    let page = browser.submit(&one, &moved).await.assert_status(422).text();
    assert!(page.contains("value=\"ldaps://127.0.0.1:1\""), "{page}");
    let known = registry.v1_get(KNOWN).await.json()["items"][0].clone();
    assert_eq!(
        (&known["url"], &known["has_bind_password"]),
        (&url.into(), &true.into())
    );
}

#[tokio::test]
async fn what_is_wrong_is_said_and_what_was_typed_stays() {
    let registry = registry(BOTH[0]).await;
    let browser = Browser::administrator(&registry).await;
    let form = issuer_form("https://127.0.0.1:9");
    browser.submit(SOURCES, &form).await.assert_status(303);
    let one = format!("{SOURCES}/work");
    for (field, value) in [
        ("name", "work"),
        ("name", HOSTILE),
        ("issuer", "nowhere"),
        ("issuer", HOSTILE),
        ("client_id", ""),
        ("name_claim", ""),
        ("scopes", HOSTILE),
    ] {
        let wrong = with(&form, field, value);
        let page = browser
            .submit(SOURCES, &wrong)
            .await
            .assert_status(422)
            .text();
        assert!(page.contains("role=\"alert\""), "{field}: {page}");
        assert!(
            page.contains("value=\"groups\""),
            "what was typed stays: {page}"
        );
        assert!(
            !page.contains("<script>alert") && !page.contains("s3cret"),
            "{page}"
        );
        if matches!(field, "client_id" | "name_claim" | "scopes") {
            let page = browser.submit(&one, &wrong).await.assert_status(422).text();
            assert!(
                page.contains("role=\"alert\"") && !page.contains("<script>alert"),
                "{page}"
            );
        }
    }
    let directory = [("kind", "ldap"), ("name", "people"), ("url", HOSTILE)];
    let page = browser.submit(SOURCES, &directory).await;
    let page = page.assert_status(422).text();
    assert!(page.contains("name=\"base_dn\"") && !page.contains("<script>alert"));
    let known = registry.v1_get(KNOWN).await.json();
    assert_eq!(known["items"].as_array().map(Vec::len), Some(1), "{known}");
}
