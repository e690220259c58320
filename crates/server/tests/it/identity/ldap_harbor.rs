//! Harbor's operations for directories.

use engines::OpenLdap;
use http::Method;
use serde_json::{Value, json};

use super::ldap_login::{Connected, PASSWORD};
use crate::registry::client::{Answer, Client};

async fn post(client: &Client, path: &str, body: &Value) -> Answer {
    let call = client.request(Method::POST, &format!("/api/v2.0{path}"));
    let call = call.content_type("application/json");
    call.body(body.to_string()).await
}

#[tokio::test]
async fn a_directory_is_pinged_as_described_or_as_it_is() {
    let connected = Connected::start().await;
    let registry = &connected.registry;
    post(registry, "/ldap/ping", &json!({}))
        .await
        .assert_status(400);
    connected.make_source(&connected.source("main")).await;
    let ping = async |body: Value| {
        let answer = post(registry, "/ldap/ping", &body).await;
        answer.assert_status(200).json()
    };
    assert_eq!(ping(json!({})).await, json!({ "success": true }));
    let described = json!({
        "ldap_url": connected.directory.url(),
        "ldap_search_dn": OpenLdap::READER,
        "ldap_search_password": OpenLdap::READER_PASSWORD,
        "ldap_base_dn": OpenLdap::SUFFIX,
        "ldap_filter": "objectClass=person",
        "ldap_uid": "uid",
        "ldap_scope": 2,
        "ldap_connection_timeout": 5,
        "ldap_verify_cert": true,
    });
    assert_eq!(ping(described.clone()).await, json!({ "success": true }));
    let mut wrong = described.clone();
    wrong["ldap_search_password"] = json!("x");
    let refused = ping(wrong).await;
    assert_eq!(refused["success"], false);
    let message = refused["message"].as_str().expect("a message");
    assert!(
        message.contains("does not let the registry in"),
        "{message}"
    );
    for (field, value) in [
        ("ldap_url", json!("ldaps://10.0.0.1")),
        ("ldap_scope", json!(3)),
        ("ldap_filter", json!("(")),
        ("ldap_base_dn", json!("")),
    ] {
        let mut body = described.clone();
        body[field] = value;
        post(registry, "/ldap/ping", &body).await.assert_status(400);
    }
    post(&registry.anonymous(), "/ldap/ping", &json!({}))
        .await
        .assert_status(401);
    let member = registry.create_user("member");
    post(&member, "/ldap/ping", &json!({}))
        .await
        .assert_status(403);
}

#[tokio::test]
async fn people_are_found_and_let_in() {
    let connected = Connected::with_source().await;
    let (registry, directory) = (&connected.registry, &connected.directory);
    directory.add_person("bob", PASSWORD).expect("bob");
    let search = async |query: &str| {
        let found = registry
            .get(&format!("/api/v2.0/ldap/users/search{query}"))
            .await;
        found.assert_status(200).json()
    };
    let zoe = json!({ "username": "zoe", "realname": "zoe Example", "email": "zoe@example.com" });
    assert_eq!(search("?username=zo").await, json!([zoe]));
    assert_eq!(search("?username=*").await, json!([]));
    assert_eq!(search("").await.as_array().map(Vec::len), Some(2));
    let import = async |people: &[&str]| {
        let body = json!({ "ldap_uid_list": people });
        post(registry, "/ldap/users/import", &body).await
    };
    let failed = import(&["zoe", "nobody", "*"])
        .await
        .assert_status(404)
        .json();
    let uids: Vec<&Value> = failed
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| &one["uid"])
        .collect();
    assert_eq!(uids, ["nobody", "*"]);
    import(&["zoe", "bob"]).await.assert_status(200);
    import(&[]).await.assert_status(400);
    let users = registry.sql(
        "SELECT u.name FROM external_users e JOIN users u ON u.id = e.user_id ORDER BY u.name",
    );
    assert_eq!(users.concat(), ["bob", "zoe"]);
    // They need not be wanted as newcomers any more.
    connected
        .change_source("onboards", json!(false))
        .await
        .assert_status(200);
    connected.log_in("zoe", PASSWORD).await.assert_status(200);
    directory.add_person("new", PASSWORD).expect("somebody");
    connected.log_in("new", PASSWORD).await.assert_status(401);
    // They have no password here, and get none.
    let refused = registry
        .command(&["admin", "user", "reset-password", "zoe"])
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("has no password here"), "{said}");
}

#[tokio::test]
async fn groups_of_the_directory_become_members_of_projects() {
    let connected = Connected::with_source().await;
    let (registry, directory) = (&connected.registry, &connected.directory);
    directory.add_group("dev", &["zoe"]).expect("a group");
    let dev =
        json!({ "group_name": "dev", "group_type": 1, "ldap_group_dn": OpenLdap::group("dev") });
    let search = async |query: &str| {
        let found = registry
            .get(&format!("/api/v2.0/ldap/groups/search{query}"))
            .await;
        found.assert_status(200).json()
    };
    assert_eq!(search("?groupname=de").await, json!([dev]));
    assert_eq!(search("?groupname=x").await, json!([]));
    let escaped = OpenLdap::group("dev")
        .replace('=', "%3D")
        .replace(',', "%2C");
    assert_eq!(search(&format!("?groupdn={escaped}")).await, json!([dev]));
    // What is no group of the directory does not become one here.
    for entry in [OpenLdap::group("none"), OpenLdap::person("zoe")] {
        let body = json!({ "group_type": 1, "ldap_group_dn": entry });
        post(registry, "/usergroups", &body)
            .await
            .assert_status(404);
    }
    let body = json!({ "group_type": 1, "group_name": "Developers", "ldap_group_dn": OpenLdap::group("dev") });
    let made = post(registry, "/usergroups", &body)
        .await
        .assert_status(201);
    let shown = registry.get(&made.location()).await.json();
    assert_eq!(shown["group_name"], "Developers");
    assert_eq!(shown["ldap_group_dn"], json!(OpenLdap::group("dev")));
    let body = json!({ "role_id": 2, "member_group": { "group_type": 1, "ldap_group_dn": OpenLdap::group("dev") } });
    let path = "/projects/library/members";
    post(registry, path, &body).await.assert_status(201);
    post(registry, path, &body).await.assert_status(409);
    // Whoever is in it has what it has, from the first login on.
    connected.log_in("zoe", PASSWORD).await.assert_status(200);
    let docker = registry.as_user("zoe", PASSWORD);
    docker.push_image("library/app", "v1").await;
    let groups = registry.sql("SELECT name FROM user_groups");
    assert_eq!(groups.concat(), ["Developers"]);
}
