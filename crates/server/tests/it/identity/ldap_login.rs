//! People who log in with the name and the password that they have in a directory.

use engines::OpenLdap;
use http::Method;
use serde_json::{Value, json};

use super::{Api, form, registry};
use crate::registry::TestRegistry;
use crate::registry::client::{Answer, Client};

pub(super) const SOURCES: &str = "/accounts/default/identity-sources";
pub(super) const PASSWORD: &str = "Secret-of-zoe-1";

/// A registry that may ask what runs on this machine, and a directory there, with Zoe in it.
pub(super) struct Connected {
    pub(super) registry: TestRegistry,
    pub(super) directory: OpenLdap,
}

impl Connected {
    pub(super) async fn start() -> Self {
        let directory = OpenLdap::start().expect("a directory");
        directory.add_person("zoe", PASSWORD).expect("a person");
        Self {
            registry: registry().await,
            directory,
        }
    }

    /// The same, and people log in by the directory.
    pub(super) async fn with_source() -> Self {
        let connected = Self::start().await;
        connected.make_source(&connected.source("main")).await;
        connected
    }

    pub(super) fn source(&self, name: &str) -> Value {
        json!({
            "kind": "ldap",
            "name": name,
            "url": self.directory.url(),
            "ca_certificates": self.directory.authority(),
            "bind_dn": OpenLdap::READER,
            "bind_password": OpenLdap::READER_PASSWORD,
            "base_dn": format!("ou=people,{}", OpenLdap::SUFFIX),
            "group_base_dn": format!("ou=groups,{}", OpenLdap::SUFFIX),
        })
    }

    pub(super) async fn make_source(&self, body: &Value) {
        let made = self.registry.api(Method::POST, SOURCES, body).await;
        made.assert_status(201);
    }

    pub(super) async fn change_source(&self, field: &str, value: Value) -> Answer {
        let mut body = self.source("main");
        body.as_object_mut().expect("an object").remove("name");
        body[field] = value;
        let path = format!("{SOURCES}/main");
        self.registry.api(Method::PUT, &path, &body).await
    }

    pub(super) async fn log_in(&self, name: &str, password: &str) -> Answer {
        log_in(&self.registry.anonymous(), name, password).await
    }

    /// Forgets on all replicas what was remembered of logins, as any change of rights does.
    pub(super) fn forget(&self, name: &str) {
        self.registry.create_user(name);
    }
}

/// `POST /c/login`.
pub(super) async fn log_in(client: &Client, name: &str, password: &str) -> Answer {
    let call = client.request(Method::POST, "/c/login");
    let body = form(&[("principal", name), ("password", password)]);
    call.content_type(super::FORM).body(body).await
}

/// Asks for a token as docker does.
async fn token(client: &Client) -> Answer {
    let scope = "repository:library/app:pull,push";
    let query = form(&[("service", "registry"), ("scope", scope)]);
    client.get(&format!("/service/token?{query}")).await
}

#[tokio::test]
async fn a_person_logs_in_with_the_password_of_a_directory_and_pushes() {
    let connected = Connected::with_source().await;
    let registry = &connected.registry;
    let session = super::oidc_login::cookie(
        &connected.log_in("zoe", PASSWORD).await.assert_status(200),
        "sid",
    );
    let me = registry.anonymous().get("/api/v2.0/users/current");
    let me = me.header("cookie", &session).await.assert_status(200);
    let me = me.json();
    assert_eq!(
        (&me["username"], &me["realname"], &me["email"]),
        (
            &json!("zoe"),
            &json!("zoe Example"),
            &json!("zoe@example.com")
        )
    );
    let docker = registry.as_user("zoe", PASSWORD);
    registry.admin(&["member", "add", "library", "zoe", "--role", "developer"]);
    token(&docker).await.assert_status(200);
    docker.push_image("library/app", "v1").await;
    for path in ["/api/v2.0/users/current", "/api/v1/user"] {
        docker.get(path).await.assert_status(200);
    }
    // What she is called there is written as the directory writes it, and she is one person.
    connected.log_in("ZOE", PASSWORD).await.assert_status(200);
    let known = registry
        .sql("SELECT u.name, e.subject FROM external_users e JOIN users u ON u.id = e.user_id");
    assert_eq!(known.len(), 1, "{known:?}");
    assert!(known[0][1].starts_with("entryuuid="), "{known:?}");
    let sql = "SELECT kind, caller, credential FROM events WHERE credential = 'identity_source' ORDER BY id";
    let events = registry.sql(sql);
    assert_eq!(events[0], ["user.created", "zoe", "identity_source"]);
    assert_eq!(events[1], ["user.logged_in", "zoe", "identity_source"]);
}

#[tokio::test]
async fn what_is_not_somebodys_password_lets_nobody_in() {
    let connected = Connected::with_source().await;
    let registry = &connected.registry;
    connected.directory.add_person("bob", "x").expect("bob");
    for (name, password) in [
        ("zoe", "Wrong-password-1"),
        // With no password, a directory takes anybody for nobody in particular.
        ("zoe", ""),
        ("nobody", PASSWORD),
        ("", PASSWORD),
        ("*", PASSWORD),
        ("zo*", PASSWORD),
        ("*)(uid=*", PASSWORD),
        ("zoe)(objectClass=*", PASSWORD),
        ("zoe\\2a", PASSWORD),
        ("zoe\0", PASSWORD),
        ("uid=zoe,ou=people,dc=example,dc=com", PASSWORD),
        ("cn=registry", OpenLdap::READER_PASSWORD),
        ("zoe", "x"),
    ] {
        let refused = connected.log_in(name, password).await;
        assert_eq!(refused.status(), 401, "{name:?} {password:?}");
        // Two names in one throttle would keep each other out.
        let refused = token(&registry.as_user(name, password)).await;
        assert!(
            matches!(refused.status(), 401 | 429),
            "{name:?} {password:?}: {}",
            refused.text()
        );
    }
    let known = registry.sql("SELECT user_id FROM external_users");
    assert!(known.is_empty(), "{known:?}");
}

#[tokio::test]
async fn t21_a_group_gives_what_it_gives_as_long_as_the_directory_says_so() {
    let connected = Connected::with_source().await;
    let (registry, directory) = (&connected.registry, &connected.directory);
    directory.add_group("dev", &["zoe"]).expect("a group");
    directory.add_group("ops", &["zoe"]).expect("a group");
    connected.log_in("zoe", PASSWORD).await.assert_status(200);
    let groups = || {
        let sql = "SELECT t.name FROM user_group_members m JOIN user_groups t ON t.id = m.group_id ORDER BY t.name";
        registry.sql(sql).concat()
    };
    assert_eq!(groups(), ["dev", "ops"]);
    let body = json!({ "role_id": 2, "member_group": { "group_type": 1, "ldap_group_dn": OpenLdap::group("dev") } });
    let added = registry.request(Method::POST, "/api/v2.0/projects/library/members");
    let added = added
        .content_type("application/json")
        .body(body.to_string());
    added.await.assert_status(201);
    let docker = registry.as_user("zoe", PASSWORD);
    docker.push_image("library/app", "v1").await;
    directory.leave_group("dev", "zoe").expect("a change");
    connected.log_in("zoe", PASSWORD).await.assert_status(200);
    assert_eq!(groups(), ["ops"]);
    let refused = docker.post("/v2/library/app/blobs/uploads/").await;
    assert!(matches!(refused.status(), 403 | 404), "{}", refused.text());
    // Whoever administers the account does so by a group.
    let admins = json!(OpenLdap::group("ops").to_uppercase());
    let changed = connected.change_source("admin_group_dn", admins).await;
    changed.assert_status(200);
    connected.log_in("zoe", PASSWORD).await.assert_status(200);
    docker
        .get(&format!("/api/v1{SOURCES}"))
        .await
        .assert_status(200);
    directory.leave_group("ops", "zoe").expect("a change");
    connected.log_in("zoe", PASSWORD).await.assert_status(200);
    docker
        .get(&format!("/api/v1{SOURCES}"))
        .await
        .assert_status(403);
}

#[tokio::test]
async fn whoever_is_gone_from_the_directory_is_not_let_in_any_more() {
    let connected = Connected::with_source().await;
    let docker = connected.registry.as_user("zoe", PASSWORD);
    token(&docker).await.assert_status(200);
    connected
        .directory
        .delete(&OpenLdap::person("zoe"))
        .expect("a deletion");
    connected.log_in("zoe", PASSWORD).await.assert_status(401);
    connected.forget("somebody");
    token(&docker).await.assert_status(401);
    // Somebody else of that name is somebody else.
    let other = "Secret-of-another-1";
    connected
        .directory
        .add_person("zoe", other)
        .expect("another");
    connected.log_in("zoe", other).await.assert_status(401);
    let registry = &connected.registry;
    let found = registry
        .get("/api/v2.0/users?q=username%3Dzoe")
        .await
        .json();
    let number = found[0]["user_id"].as_i64().expect("a number");
    let deleted = registry.delete(&format!("/api/v2.0/users/{number}")).await;
    deleted.assert_status(200);
    connected.log_in("zoe", other).await.assert_status(200);
}

#[tokio::test]
async fn a_directory_that_is_down_is_nobodys_fault() {
    let mut connected = Connected::with_source().await;
    let registry = &connected.registry;
    let local = registry.create_user("local");
    connected.log_in("zoe", PASSWORD).await.assert_status(200);
    let docker = registry.as_user("zoe", PASSWORD);
    connected.directory.stop().expect("it stops");
    connected.forget("somebody");
    // More often than wrong passwords are allowed to be.
    for _ in 0..30 {
        let down = token(&docker).await.assert_status(503);
        assert!(
            down.text().contains("the directory main does not answer"),
            "{}",
            down.text()
        );
    }
    connected.log_in("zoe", PASSWORD).await.assert_status(503);
    docker.get("/api/v1/user").await.assert_status(503);
    docker
        .get("/api/v2.0/users/current")
        .await
        .assert_status(503);
    docker.get("/v2/").await.assert_error(503, "UNAVAILABLE");
    token(&local).await.assert_status(200);
    connected.directory.restart().expect("it starts");
    token(&connected.registry.as_user("zoe", PASSWORD))
        .await
        .assert_status(200);
}
