//! A user of several accounts says which one it means: `ann@acme`, or the header `Account`. Who says nothing means the one that
//! it belongs to first.

use serde_json::{Value, json};

use super::{FORM, form};
use crate::account_api::AccountApi as _;
use crate::harbor::Harbor as _;
use crate::registry::TestRegistry;
use crate::registry::client::{Answer, Client, Credentials};

const PASSWORD: &str = "Correct-horse-7";

/// Bob belongs to brew and is a guest of acme, where he may push to `team`; nobody else's is `other`.
struct Guest {
    registry: TestRegistry,
    ann: Client,
}

impl Guest {
    async fn start() -> Self {
        let limits = ["PER_NAME", "PER_ADDRESS", "PER_SECOND"];
        let registry = limits.iter().fold(TestRegistry::builder(), |setup, limit| {
            setup.setting(&format!("LIMITS__FAILED_LOGINS_{limit}"), 10_000)
        });
        let registry = registry.start().await;
        let ann = registry.create_account("acme", "ann");
        let boss = registry.create_account("brew", "boss");
        registry.create_account("other", "fay");
        for (account, namespace) in [("acme", "team"), ("brew", "hops")] {
            registry.admin(&["--account", account, "namespace", "create", namespace]);
        }
        let made = Self { registry, ann };
        made.add(&boss, "bob").await;
        registry_admin(
            &made.registry,
            "brew",
            &["member", "add", "hops", "bob", "--role", "developer"],
        );
        made.invite("bob").await;
        made
    }

    async fn add(&self, administrator: &Client, name: &str) {
        let body = json!({ "name": name, "password": PASSWORD });
        let made = administrator.v1_post("/accounts/brew/members", &body);
        made.await.assert_status(201);
    }

    async fn invite(&self, name: &str) {
        let body = json!({ "user": name, "role": "developer", "namespace": "team" });
        let made = self.ann.v1_post("/accounts/acme/invitations", &body).await;
        let id = made.assert_status(201).json()["id"].clone();
        let path = format!("/invitations/{}/decision", id.as_str().expect("an id"));
        let accept = json!({ "decision": "accept" });
        let guest = self.registry.as_user(name, PASSWORD);
        guest.v1_put(&path, &accept).await.assert_no_content();
    }

    async fn remove(&self, name: &str) {
        let listed = self
            .ann
            .v1_get(&format!("/accounts/acme/members?q={name}"))
            .await;
        let number = &listed.items("number")[0];
        let path = format!("/accounts/acme/members/{number}");
        self.ann.v1_delete(&path).await.assert_no_content();
    }

    fn named(&self, name: &str) -> Client {
        self.registry.as_user(name, PASSWORD)
    }
}

fn registry_admin(registry: &TestRegistry, account: &str, arguments: &[&str]) -> Value {
    registry.admin(&[&["--account", account], arguments].concat())
}

fn projects(answer: &Answer) -> Vec<String> {
    let listed = answer.json();
    let listed = listed.as_array().expect("a list").iter();
    listed
        .map(|project| project["name"].as_str().expect("a name").to_owned())
        .collect()
}

#[tokio::test]
async fn a_user_of_several_accounts_says_which_it_means() {
    let guest = Guest::start().await;
    let list =
        async |caller: &Client| projects(&caller.api_get("/projects").await.assert_status(200));
    assert_eq!(list(&guest.named("bob")).await, ["hops"]);
    assert_eq!(list(&guest.named("bob@brew")).await, ["hops"]);
    assert_eq!(list(&guest.named("bob@acme")).await, ["team"]);
    for (name, account, expected) in [
        ("bob", "acme", "team"),
        ("bob@acme", "brew", "hops"),
        ("bob@brew", "acme", "team"),
    ] {
        let asked = guest
            .named(name)
            .api_get("/projects")
            .header("account", account);
        assert_eq!(projects(&asked.await), [expected], "{name} {account}");
    }
    // It is the same user, by whatever name.
    let who = guest
        .named("bob@acme")
        .v1_get("/user")
        .await
        .assert_status(200);
    assert_eq!(who.json()["name"], "bob");
    let path = "/v2/_catalog";
    guest.ann.push_image("team/app", "v1").await;
    let catalog = guest.named("bob@acme").get(path).await.assert_status(200);
    assert_eq!(catalog.json()["repositories"], json!(["team/app"]));
    let catalog = guest.named("bob").get(path).await.assert_status(200);
    assert_eq!(catalog.json()["repositories"], json!([]));
    // Where the path says it, the name changes nothing.
    guest
        .named("bob@acme")
        .v1_get("/accounts/brew")
        .await
        .assert_status(200);
}

#[tokio::test]
async fn an_account_that_a_user_is_not_in_is_like_a_wrong_password() {
    let guest = Guest::start().await;
    let wrong = guest.registry.as_user("bob", "Wrong-horse-8");
    for path in [
        "/v2/",
        "/service/token",
        "/api/v1/user",
        "/api/v2.0/users/current",
    ] {
        let expected = wrong.get(path).await;
        assert_eq!(expected.status(), 401, "{path}");
        for name in [
            "bob@other",
            "bob@default",
            "bob@nothing",
            "bob@",
            "@acme",
            "nobody@acme",
            "fay@acme",
            "bob@acme@acme",
        ] {
            let answer = guest.named(name).get(path).await;
            assert_eq!(
                (answer.status(), answer.text()),
                (expected.status(), expected.text()),
                "{name} {path}"
            );
        }
    }
    let asked = guest
        .named("bob")
        .api_get("/projects")
        .header("account", "other")
        .await;
    let nothing = guest
        .named("bob")
        .api_get("/projects")
        .header("account", "nothing")
        .await;
    assert_eq!(
        (asked.status(), asked.text()),
        (nothing.status(), nothing.text())
    );
    assert_eq!(asked.status(), 403);
    // Robots have accounts of their own, whatever stands behind their name.
    let robot = registry_admin(
        &guest.registry,
        "acme",
        &["robot", "create", "ci", "--may", "pull"],
    );
    let of = |field: &str| robot[field].as_str().expect("a text").to_owned();
    let caller = |name: String| guest.registry.as_user(&name, &of("secret"));
    caller(of("name")).get("/v2/").await.assert_status(200);
    caller(format!("{}@acme", of("name")))
        .get("/v2/")
        .await
        .assert_status(401);
    guest.remove("bob").await;
    guest.named("bob@acme").get("/v2/").await.assert_status(401);
    guest.named("bob").get("/v2/").await.assert_status(200);
}

#[tokio::test]
async fn a_name_that_holds_an_at_sign_is_a_name_first() {
    let guest = Guest::start().await;
    let boss = guest.registry.create_account("fourth", "zed");
    for name in ["zoe@example.com", "bob@fourth"] {
        let body = json!({ "name": name, "password": "Another-horse-9" });
        let made = boss.v1_post("/accounts/fourth/members", &body).await;
        made.assert_status(201);
    }
    let named = |name: &str| guest.registry.as_user(name, "Another-horse-9");
    for name in ["zoe@example.com", "zoe@example.com@fourth", "bob@fourth"] {
        let who = named(name).v1_get("/user").await.assert_status(200);
        let expected = name
            .strip_suffix("@fourth")
            .filter(|name| name.contains('@'));
        assert_eq!(who.json()["name"], expected.unwrap_or(name), "{name}");
    }
    named("zoe").get("/v2/").await.assert_status(401);
    // Bob of brew has nothing to do with whoever is called so.
    guest
        .named("bob@fourth")
        .get("/v2/")
        .await
        .assert_status(401);
    // Personal access tokens, too.
    let token = json!({ "name": "t", "actions": ["pull", "push", "delete"] });
    let made = guest
        .named("bob")
        .v1_post("/user/access-tokens", &token)
        .await;
    let secret = made.assert_status(201).json()["secret"].clone();
    let secret = secret.as_str().expect("a secret");
    for (name, status) in [
        ("bob", 200),
        ("bob@acme", 200),
        ("bob@other", 401),
        ("ann@acme", 401),
    ] {
        let answer = guest.registry.as_user(name, secret).get("/v2/").await;
        assert_eq!(answer.status(), status, "{name}");
    }
}

#[tokio::test]
async fn a_session_and_a_refresh_token_stay_with_the_account_that_was_meant() {
    let guest = Guest::start().await;
    let anonymous = guest.registry.anonymous();
    let log_in = async |name: &str| {
        let login = anonymous
            .request(http::Method::POST, "/c/login")
            .content_type(FORM);
        let given = login
            .body(form(&[("principal", name), ("password", PASSWORD)]))
            .await;
        let cookie = given.assert_status(200).header("set-cookie").to_owned();
        cookie.split(';').next().expect("a cookie").to_owned()
    };
    let (here, home) = (log_in("bob@acme").await, log_in("bob").await);
    let list = |cookie: &str| anonymous.api_get("/projects").header("cookie", cookie);
    assert_eq!(projects(&list(&here).await), ["team"]);
    assert_eq!(projects(&list(&home).await), ["hops"]);
    let refused = anonymous
        .request(http::Method::POST, "/c/login")
        .content_type(FORM);
    let refused = refused.body(form(&[("principal", "bob@other"), ("password", PASSWORD)]));
    refused.await.assert_status(401);

    let token = "/service/token?scope=registry:catalog:*&offline_token=true";
    let catalog = async |secret: &Value| {
        let fields = [
            ("grant_type", "refresh_token"),
            ("refresh_token", secret.as_str().expect("a secret")),
            ("scope", "registry:catalog:*"),
        ];
        let asked = anonymous
            .request(http::Method::POST, "/service/token")
            .content_type(FORM);
        let given = asked.body(form(&fields)).await;
        if given.status() != 200 {
            return given;
        }
        let token = given.json()["token"].as_str().expect("a token").to_owned();
        let bearer = guest.registry.client(Credentials::Bearer(token));
        bearer.get("/v2/_catalog").await
    };
    guest.ann.push_image("team/app", "v1").await;
    let given = guest
        .named("bob@acme")
        .get(token)
        .await
        .assert_status(200)
        .json();
    let own = guest
        .named("bob")
        .get(token)
        .await
        .assert_status(200)
        .json();
    let listed = catalog(&given["refresh_token"]).await.assert_status(200);
    assert_eq!(listed.json()["repositories"], json!(["team/app"]));
    let listed = catalog(&own["refresh_token"]).await.assert_status(200);
    assert_eq!(listed.json()["repositories"], json!([]));

    guest.remove("bob").await;
    catalog(&given["refresh_token"]).await.assert_status(401);
    catalog(&own["refresh_token"]).await.assert_status(200);
    let who = |cookie: &str| anonymous.api_get("/users/current").header("cookie", cookie);
    who(&here).await.assert_status(401);
    who(&home).await.assert_status(200);
}

/// Login pages ask without a login which buttons to show, and learn no more.
#[tokio::test]
async fn a_login_page_learns_which_buttons_to_show() {
    let registry = TestRegistry::builder()
        .setting("REGISTRY__EXTERNAL_URL", "http://registry.example.test")
        .start()
        .await;
    let ann = registry.create_account("acme", "ann");
    let source = |name: &str| {
        json!({
            "name": name,
            "issuer": format!("https://{name}.example.com"),
            "client_id": "hidden-client",
            "client_secret": "hidden-secret",
            "button_text": format!("Log in by {name}"),
        })
    };
    let own = "/accounts/acme/identity-sources";
    ann.v1_post(own, &source("acme-sso"))
        .await
        .assert_status(201);
    ann.v1_post(own, &source("shared")).await.assert_status(201);
    let mut off = source("off");
    off["disabled"] = json!(true);
    ann.v1_post(own, &off).await.assert_status(201);
    let of_all = "/deployment/identity-sources";
    for name in ["main", "shared"] {
        let mut source = source(name);
        source["home_account"] = json!("default");
        registry.v1_post(of_all, &source).await.assert_status(201);
    }
    let address = json!({ "host": "registry.acme.test" });
    let path = "/deployment/accounts/acme/addresses";
    registry.v1_post(path, &address).await.assert_status(201);

    let shown = |name: &str| {
        json!({
            "name": name,
            "kind": "oidc",
            "button_text": format!("Log in by {name}"),
            "login_url": format!("/c/oidc/login?source={}", name.replace('-', "%2D")),
        })
    };
    let anonymous = registry.anonymous();
    let listed = anonymous.v1_get("/login-sources").await.assert_status(200);
    assert_eq!(
        listed.json(),
        json!({ "items": [shown("main"), shown("shared")] })
    );
    let listed = anonymous.v1_get("/login-sources");
    let listed = listed.header("host", "registry.acme.test");
    let listed = listed.await.assert_status(200);
    assert_eq!(
        listed.json(),
        json!({ "items": [shown("acme-sso"), shown("shared"), shown("main")] })
    );
    assert!(!listed.text().contains("hidden"));
    // A session that has ended is in nobody's way.
    let stale = anonymous
        .v1_get("/login-sources")
        .header("cookie", "sid=rss_gone");
    stale.await.assert_status(200);
}
