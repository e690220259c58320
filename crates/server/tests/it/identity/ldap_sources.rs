//! Directories as identity sources: whose they are, how they are reached, and what is told of them.

use engines::OpenLdap;
use http::Method;
use serde_json::{Value, json};

use super::ldap_login::{Connected, PASSWORD, SOURCES, log_in};
use super::{Api, timeless};
use crate::registry::TestRegistry;
use crate::registry::client::Client;

async fn trial(client: &Client, source: &str) -> Value {
    let path = format!("{SOURCES}/{source}/test");
    let tried = client.api(Method::POST, &path, &Value::Null).await;
    tried.assert_status(200).json()
}

/// What is shown of the source that was described, without its times.
fn shown(connected: &Connected) -> Value {
    json!({
        "kind": "ldap",
        "name": "main",
        "home_account": "default",
        "url": connected.directory.url(),
        "starts_tls": true,
        "verify_certificate": true,
        "ca_certificates": connected.directory.authority(),
        "bind_dn": OpenLdap::READER,
        "has_bind_password": true,
        "base_dn": "ou=people,dc=example,dc=com",
        "scope": "sub",
        "user_filter": "(objectClass=person)",
        "name_attribute": "uid",
        "mail_attribute": "mail",
        "membership_attribute": "memberOf",
        "group_base_dn": "ou=groups,dc=example,dc=com",
        "group_filter": "",
        "group_name_attribute": "cn",
        "admin_group_dn": "",
        "onboards": true,
        "disabled": false,
        "created_at": null,
        "updated_at": null,
    })
}

#[tokio::test]
async fn a_directory_is_shown_without_its_secret() {
    let connected = Connected::start().await;
    let registry = &connected.registry;
    let body = connected.source("main");
    let made = registry.api(Method::POST, SOURCES, &body).await;
    let mut expected = shown(&connected);
    assert_eq!(timeless(&made.assert_status(201)), expected);
    let issuer = json!({ "name": "main", "issuer": "https://a.example.com", "client_id": "a" });
    for twice in [&body, &issuer] {
        let twice = registry.api(Method::POST, SOURCES, twice).await;
        twice.assert_status(409);
    }
    let works = json!({ "works": true, "message": "" });
    assert_eq!(trial(registry, "main").await, works);
    let changed = connected.change_source("scope", json!("one")).await;
    expected["scope"] = json!("one");
    assert_eq!(timeless(&changed.assert_status(200)), expected);
    let wrong = "Wrong-password-1";
    connected.log_in("zoe", PASSWORD).await.assert_status(200);
    connected.log_in("zoe", wrong).await.assert_status(401);
    let one = format!("/api/v1{SOURCES}/main");
    registry.delete(&one).await.assert_status(412);
    // Nothing secret stands where it can be read.
    let listed = registry.get(&format!("/api/v1{SOURCES}")).await.text();
    let rows = registry.sql("SELECT payload FROM events").concat().concat();
    let stored = registry.sql("SELECT settings FROM ldap_sources");
    let (stored, log) = (stored.concat().concat(), registry.log());
    assert!(rows.contains("identity_source.updated"), "{rows}");
    for text in [&listed, &rows, &stored, &log] {
        for secret in [OpenLdap::READER_PASSWORD, PASSWORD, wrong] {
            assert!(!text.contains(secret), "{text}");
        }
    }
}

#[tokio::test]
async fn the_registrys_password_goes_nowhere_else_without_being_given_again() {
    let connected = Connected::with_source().await;
    let mut body = connected.source("main");
    let fields = body.as_object_mut().expect("an object");
    fields.remove("name");
    fields.remove("bind_password");
    let put = async |field: &str, value: Value| {
        let mut body = body.clone();
        body[field] = value;
        let path = format!("{SOURCES}/main");
        connected.registry.api(Method::PUT, &path, &body).await
    };
    put("onboards", json!(false)).await.assert_status(200);
    for (field, value) in [
        ("url", json!(connected.directory.tls_url())),
        ("verify_certificate", json!(false)),
        ("starts_tls", json!(false)),
        ("ca_certificates", json!("")),
    ] {
        put(field, value).await.assert_status(422);
    }
    assert_eq!(trial(&connected.registry, "main").await["works"], true);
}

#[tokio::test]
async fn a_directory_is_believed_only_with_a_certificate_that_is() {
    let connected = Connected::start().await;
    let registry = &connected.registry;
    let (plain, tls) = (connected.directory.url(), connected.directory.tls_url());
    let other = OpenLdap::start().expect("another directory");
    for (name, url, more, works) in [
        ("starttls", &plain, json!({}), true),
        ("tls", &tls, json!({}), true),
        ("untrusted", &plain, json!({ "ca_certificates": "" }), false),
        (
            "other-tls",
            &tls,
            json!({ "ca_certificates": other.authority() }),
            false,
        ),
        (
            "other",
            &plain,
            json!({ "ca_certificates": other.authority() }),
            false,
        ),
        (
            "any",
            &plain,
            json!({ "ca_certificates": "", "verify_certificate": false }),
            true,
        ),
        // In the clear to where the deployment lists it.
        ("clear", &plain, json!({ "starts_tls": false }), true),
        (
            "no-tls-there",
            &tls.replace("ldaps", "ldap"),
            json!({}),
            false,
        ),
        (
            "wrong-password",
            &plain,
            json!({ "bind_password": "x" }),
            false,
        ),
        (
            "wrong-base",
            &plain,
            json!({ "base_dn": "ou=nobody,dc=example,dc=com" }),
            false,
        ),
        ("silent", &"ldap://127.0.0.1:1".to_owned(), json!({}), false),
    ] {
        let mut body = connected.source(name);
        body["url"] = json!(url);
        for (field, value) in more.as_object().expect("an object") {
            body[field] = value.clone();
        }
        connected.make_source(&body).await;
        let tried = trial(registry, name).await;
        assert_eq!(tried["works"], works, "{name}: {tried}");
        let begun = connected.log_in("zoe", PASSWORD).await;
        let expected = match name {
            _ if works => 200,
            "wrong-base" => 401,
            _ => 503,
        };
        assert_eq!(begun.status(), expected, "{name}: {}", begun.text());
        remove(registry, name).await;
    }
}

/// Forgets a source and whoever came by it.
async fn remove(registry: &TestRegistry, name: &str) {
    let found = registry
        .get("/api/v2.0/users?q=username%3Dzoe")
        .await
        .json();
    if let Some(number) = found[0]["user_id"].as_i64() {
        let deleted = registry.delete(&format!("/api/v2.0/users/{number}")).await;
        deleted.assert_status(200);
    }
    let removed = registry.delete(&format!("/api/v1{SOURCES}/{name}")).await;
    removed.assert_status(204);
}

#[tokio::test]
async fn a_directory_of_the_machine_is_not_asked_unless_it_is_listed() {
    let directory = OpenLdap::start().expect("a directory");
    directory.add_person("zoe", PASSWORD).expect("a person");
    let registry = TestRegistry::start().await;
    let body = |url: &str| {
        json!({
            "kind": "ldap",
            "name": "main",
            "url": url,
            "ca_certificates": directory.authority(),
            "base_dn": "ou=people,dc=example,dc=com",
        })
    };
    for url in [
        directory.url(),
        directory.tls_url(),
        "ldaps://10.0.0.1".to_owned(),
    ] {
        let refused = registry.api(Method::POST, SOURCES, &body(&url)).await;
        refused.assert_status(422);
    }
    // A name is looked at when it stands for something.
    let url = directory.tls_url().replace("127.0.0.1", "localhost");
    registry
        .api(Method::POST, SOURCES, &body(&url))
        .await
        .assert_status(201);
    let refused = trial(&registry, "main").await;
    log_in(&registry.anonymous(), "zoe", PASSWORD)
        .await
        .assert_status(503);
    assert_eq!(directory.log(), "");
    // No other answer than that of a directory that is not there.
    let nowhere = body("ldaps://nothing.invalid");
    let mut nowhere = nowhere;
    nowhere.as_object_mut().expect("an object").remove("name");
    let path = format!("{SOURCES}/main");
    registry
        .api(Method::PUT, &path, &nowhere)
        .await
        .assert_status(200);
    assert_eq!(trial(&registry, "main").await, refused);
}

#[tokio::test]
async fn what_is_no_directory_is_refused() {
    let connected = Connected::start().await;
    for (field, value) in [
        ("url", json!("http://127.0.0.1")),
        ("url", json!("ldap://127.0.0.1/dc=example")),
        ("name", json!("A")),
        ("base_dn", json!("")),
        ("base_dn", json!("people")),
        ("bind_dn", json!("")),
        ("bind_password", json!("")),
        ("bind_password", json!("x".repeat(1025))),
        ("user_filter", json!("(uid=zoe")),
        ("group_filter", json!("()")),
        ("name_attribute", json!("")),
        ("name_attribute", json!("a b")),
        ("membership_attribute", json!("(x=*)")),
        ("ca_certificates", json!("none")),
        ("scope", json!("subtree")),
        ("kind", json!("nis")),
        ("home_account", json!("acme")),
        ("bind_pasword", json!("unknown")),
    ] {
        let mut body = connected.source("main");
        body[field] = value;
        let refused = connected.registry.api(Method::POST, SOURCES, &body).await;
        assert_eq!(refused.status(), 422, "{field}: {}", refused.text());
    }
    let listed = connected.registry.get(&format!("/api/v1{SOURCES}")).await;
    assert_eq!(listed.json(), json!({ "items": [] }));
}

/// A password is shown to directories of the account that is meant, and of the deployment.
#[tokio::test]
async fn a_password_is_shown_to_no_other_accounts_directory() {
    let connected = Connected::start().await;
    let registry = &connected.registry;
    let acme = registry.create_account("acme", "ann");
    let source = connected.source("own");
    let path = "/accounts/acme/identity-sources";
    acme.api(Method::POST, path, &source)
        .await
        .assert_status(201);
    connected.log_in("zoe", PASSWORD).await.assert_status(401);
    connected
        .log_in("zoe@acme", PASSWORD)
        .await
        .assert_status(200);
    let home = "SELECT a.name FROM users u JOIN accounts a ON a.id = u.home_account_id WHERE u.name = 'zoe'";
    assert_eq!(registry.sql(home), [["acme"]]);
    // Even now that she has a name here.
    connected.log_in("zoe", PASSWORD).await.assert_status(401);
    let named = registry.as_user("zoe@acme", PASSWORD);
    named.get("/api/v1/user").await.assert_status(200);
    // A name of the directory that is somebody's elsewhere is still hers in her account.
    connected
        .directory
        .add_person("local", PASSWORD)
        .expect("a person");
    registry.create_user("local");
    connected.log_in("local", PASSWORD).await.assert_status(401);
    connected
        .log_in("local@acme", PASSWORD)
        .await
        .assert_status(200);
    let names = registry.sql("SELECT name FROM users WHERE name LIKE 'local%' ORDER BY name");
    assert_eq!(names.concat(), ["local", "local-2"]);
    // The deployment's are for everyone, and only its operators see them.
    let mut of_all = connected.source("all");
    of_all["home_account"] = json!("acme");
    let all = "/deployment/identity-sources";
    acme.api(Method::POST, all, &of_all)
        .await
        .assert_status(404);
    registry
        .api(Method::POST, all, &of_all)
        .await
        .assert_status(201);
    connected
        .directory
        .add_person("bob", PASSWORD)
        .expect("bob");
    connected.log_in("bob", PASSWORD).await.assert_status(200);
    let tried = registry
        .api(Method::POST, &format!("{all}/all/test"), &Value::Null)
        .await;
    assert_eq!(tried.assert_status(200).json()["works"], true);
    let public = registry.anonymous().get("/api/v1/login-sources").await;
    assert!(
        public.text().contains(r#""name":"all""#),
        "{}",
        public.text()
    );
    assert!(!public.text().contains("own"), "{}", public.text());
}
