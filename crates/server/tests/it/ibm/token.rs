//! Logins with API keys, and the tokens that they become.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use serde_json::{Value, json};

use super::{Ibm, ask_for_token, create_key, with_key};
use crate::registry::client::{Client, Credentials};
use crate::registry::{ADMIN, ADMIN_PASSWORD, TestRegistry};

const SCOPE: &str = "repository:library/app:pull";
const MANIFEST: &str = "/v2/library/app/manifests/v1";

fn bearer(client: &Client) -> &str {
    match client.credentials() {
        Credentials::Bearer(token) => token,
        other => panic!("no token: {other:?}"),
    }
}

fn claims(token: &str) -> Value {
    let part = token.split('.').nth(1).expect("three parts");
    let bytes = BASE64URL.decode(part).expect("base64url");
    serde_json::from_slice(&bytes).expect("claims")
}

/// A robot account of the namespace `library`; the key is its name and secret.
fn create_robot(registry: &TestRegistry, name: &str, may: &[&str]) -> String {
    let mut arguments = vec!["robot", "create", name, "--namespace", "library"];
    for action in may {
        arguments.extend(["--may", action]);
    }
    let made = registry.admin(&arguments);
    let text = |field: &str| made[field].as_str().expect("a text").to_owned();
    format!("{}:{}", text("name"), text("secret"))
}

#[tokio::test]
async fn a_key_becomes_a_token_that_says_who_shows_it() {
    let registry = TestRegistry::start().await;
    let key = create_key(&registry, ADMIN, "ibm", &[]);
    let robot = create_robot(&registry, "ci", &["pull"]);
    for (key, name) in [(&key, ADMIN), (&robot, "robot$library+ci")] {
        let answer = ask_for_token(&registry, key).await.assert_status(200);
        assert_eq!(answer.header("cache-control"), "no-store");
        let given = answer.json();
        let claims = claims(given["access_token"].as_str().expect("a token"));
        assert_eq!(claims["sub"], name);
        assert_eq!(
            given,
            json!({
                "access_token": given["access_token"],
                "refresh_token": "not_supported",
                "token_type": "Bearer",
                "expires_in": 1200,
                "expiration": claims["exp"],
                "scope": "ibm openid",
            })
        );
        let numbers = |field: &str| claims[field].as_i64().expect("a number");
        assert_eq!(numbers("exp") - numbers("iat"), 1200);
        let client = with_key(&registry, key).await;
        // This robot account pulls, and sees no more of the namespace.
        let seen = if key == &robot {
            json!([])
        } else {
            json!(["library"])
        };
        let listed = client.ibm_get("/namespaces").await.assert_status(200);
        assert_eq!(listed.json(), seen);
    }
}

#[tokio::test]
async fn what_is_no_key_gets_no_token() {
    let registry = TestRegistry::start().await;
    let key = create_key(&registry, ADMIN, "ibm", &[]);
    let token = ask_for_token(&registry, &key).await.json()["access_token"].clone();
    let token = token.as_str().expect("a token");
    let robot = create_robot(&registry, "ci", &["pull"]);
    let password = format!("{ADMIN}:{ADMIN_PASSWORD}");
    let of_another_name = robot.replace("+ci", "+cd");
    for wrong in [
        &format!("{key}x"),
        "rst_",
        ADMIN_PASSWORD,
        &password,
        &of_another_name,
        "robot$library+ci:",
        // A token begets none.
        token,
    ] {
        let refused = ask_for_token(&registry, wrong).await.assert_status(401);
        let body = refused.json();
        assert_eq!(body["errorCode"], "BXNIM0415E", "{wrong}: {body}");
        assert!(
            body["errorMessage"]
                .as_str()
                .is_some_and(|text| !text.is_empty())
        );
    }
    let post = |form: &'static str| {
        let call = registry.anonymous();
        let call = call.request(http::Method::POST, "/identity/token");
        call.content_type("application/x-www-form-urlencoded")
            .body(form)
    };
    post("").await.assert_status(400);
    post("grant_type=password&username=admin&password=x")
        .await
        .assert_status(400);
    post("grant_type=urn:ibm:params:oauth:grant-type:apikey")
        .await
        .assert_status(400);
    registry.get("/identity/token").await.assert_status(405);
    registry.get("/identity/token/").await.assert_status(404);
}

/// T18: a management token is for IBM's API alone, and no other token is one.
#[tokio::test]
async fn t18_a_token_for_management_is_no_token_for_images() {
    let registry = TestRegistry::start().await;
    registry.push_image("library/app", "v1").await;
    let key = create_key(&registry, ADMIN, "ibm", &[]);
    let management = with_key(&registry, &key).await;
    for path in [MANIFEST, "/v2/", "/v2/_catalog", "/service/token"] {
        management.get(path).await.assert_status(401);
    }
    // Harbor's API takes a login that is none for no login at all.
    for path in ["/api/v2.0/users/current", "/api/v2.0/configurations"] {
        management.get(path).await.assert_status(401);
    }
    management.ibm_get("/quotas").await.assert_status(200);
    let refresh = registry
        .get(&format!("/service/token?offline_token=true&scope={SCOPE}"))
        .await
        .json();
    let refresh = refresh["refresh_token"].as_str().expect("one");
    let pulling = registry.with_token(&[SCOPE]).await;
    for wrong in [bearer(&pulling), refresh, &key, ADMIN_PASSWORD, "", "a.b.c"] {
        let client = registry.client(Credentials::Bearer(wrong.to_owned()));
        client
            .ibm_get("/namespaces")
            .await
            .assert_ibm_error(401, "UNAUTHORIZED");
        registry
            .as_user("iambearer", wrong)
            .get("/service/token")
            .await
            .assert_status(401);
    }
    // A token that was changed is none.
    let token = bearer(&management);
    let (start, signature) = token.rsplit_once('.').expect("three parts");
    let changed = format!("{start}.{}", signature.chars().rev().collect::<String>());
    let client = registry.client(Credentials::Bearer(changed));
    client.ibm_get("/namespaces").await.assert_status(401);
}

/// IBM's login names, wherever a name and a password are shown.
#[tokio::test]
async fn keys_and_tokens_log_in_under_ibms_names() {
    let registry = TestRegistry::start().await;
    registry.push_image("library/app", "v1").await;
    let key = create_key(&registry, ADMIN, "ibm", &[]);
    let robot = create_robot(&registry, "ci", &["pull"]);
    let token = bearer(&with_key(&registry, &key).await).to_owned();
    for (name, secret, who) in [
        ("iamapikey", key.as_str(), ADMIN),
        ("iamapikey", &robot, "robot$library+ci"),
        ("iambearer", &token, ADMIN),
    ] {
        let client = registry.as_user(name, secret);
        client.get(MANIFEST).await.assert_status(200);
        client.ibm_get("/namespaces").await.assert_status(200);
        let given = client
            .get(&format!("/service/token?offline_token=true&scope={SCOPE}"))
            .await
            .assert_status(200)
            .json();
        assert_eq!(given["scope"], SCOPE);
        assert_eq!(
            claims(given["token"].as_str().expect("a token"))["sub"],
            who
        );
        // One that lives for weeks is only had for a key of a user.
        let lasting = given["refresh_token"].is_string();
        assert_eq!(lasting, secret == key, "{name} {who}");
        let form = format!(
            "grant_type=password&username={name}&password={}&scope={SCOPE}",
            secret.replace('+', "%2B")
        );
        let call = registry.anonymous();
        let call = call.request(http::Method::POST, "/service/token");
        call.content_type("application/x-www-form-urlencoded")
            .body(form)
            .await
            .assert_status(200);
    }
    for (name, secret) in [
        ("iamapikey", ADMIN_PASSWORD),
        ("iamapikey", token.as_str()),
        ("iamapikey", "rst_wrong"),
        ("iambearer", key.as_str()),
    ] {
        registry
            .as_user(name, secret)
            .get("/service/token")
            .await
            .assert_error(401, "UNAUTHORIZED");
    }
    // Nobody can have these names.
    for name in ["iamapikey", "iambearer"] {
        let output = registry
            .command(&["admin", "user", "create", name])
            .output();
        assert!(
            !output.expect("the program runs").status.success(),
            "{name}"
        );
    }
}

/// A key says what may be done with it, and so does every token that it becomes.
#[tokio::test]
async fn a_token_allows_what_its_key_does() {
    let registry = TestRegistry::start().await;
    registry.push_image("library/app", "v1").await;
    let pulling = create_key(&registry, ADMIN, "pull", &["pull"]);
    let pulling = with_key(&registry, &pulling).await;
    let images = pulling.ibm_get("/images").await.assert_status(200);
    assert_eq!(images.json().as_array().map(Vec::len), Some(1));
    for (method, path) in [
        ("DELETE", "/images/library%2Fapp%3Av1"),
        ("DELETE", "/tags/library%2Fapp%3Av1"),
        (
            "POST",
            "/images/tags?fromimage=library/app:v1&toimage=library/app:v2",
        ),
        ("PUT", "/namespaces/other"),
        ("GET", "/quotas"),
        ("GET", "/auth"),
    ] {
        let method = method.parse().expect("a method");
        let call = pulling.request(method, &format!("/api/v1{path}"));
        call.await.assert_ibm_error(403, "FORBIDDEN");
    }
    let robot = create_robot(&registry, "ci", &["pull", "delete"]);
    let robot = with_key(&registry, &robot).await;
    robot.ibm_put("/namespaces/other").await.assert_status(403);
    let deleted = robot.ibm_delete("/images/library%2Fapp%3Av1").await;
    deleted.assert_status(200);
}

/// T21: what a token was got with is taken away, and the token with it, at once.
#[tokio::test]
async fn t21_a_token_ends_with_its_key() {
    let registry = TestRegistry::builder()
        .setting("REGISTRY__ROBOT_SECRET_OVERLAP_SECS", 0)
        .start()
        .await;
    let tokens = async |user: &str, key: &str| {
        let key = create_key(&registry, user, key, &[]);
        let bearer = with_key(&registry, &key).await;
        bearer.ibm_get("/namespaces").await.assert_status(200);
        bearer
    };
    let expect_dead = async |client: &Client| {
        client
            .ibm_get("/namespaces")
            .await
            .assert_ibm_error(401, "UNAUTHORIZED");
        registry
            .as_user("iambearer", bearer(client))
            .get("/service/token")
            .await
            .assert_status(401);
    };
    registry.create_user("alice");
    let (first, second) = (
        tokens("alice", "first").await,
        tokens("alice", "second").await,
    );
    registry.admin(&["token", "revoke", "alice", "first"]);
    expect_dead(&first).await;
    second.ibm_get("/namespaces").await.assert_status(200);
    registry.admin(&["user", "disable", "alice"]);
    expect_dead(&second).await;

    let robot = create_robot(&registry, "ci", &["pull"]);
    let old = with_key(&registry, &robot).await;
    old.ibm_get("/namespaces").await.assert_status(200);
    let (name, _) = robot.split_once(':').expect("two parts");
    let reset = registry.admin(&["robot", "rotate", name]);
    expect_dead(&old).await;
    let secret = reset["secret"].as_str().expect("a secret");
    let new = with_key(&registry, &format!("{name}:{secret}")).await;
    new.ibm_get("/namespaces").await.assert_status(200);
    registry.admin(&["robot", "delete", name]);
    expect_dead(&new).await;

    // What its user may do is looked up, too.
    registry.admin(&["namespace", "create", "team"]);
    registry.create_member("team", "bob", "developer");
    let bob = tokens("bob", "key").await;
    let names = async || bob.ibm_get("/namespaces").await.assert_status(200).json();
    assert_eq!(names().await, json!(["team"]));
    registry.admin(&["member", "remove", "team", "bob"]);
    assert_eq!(names().await, json!([]));
}

/// T1: keys are not guessed in peace, and whoever has one is not kept out by those who guess.
#[tokio::test]
async fn t01_wrong_keys_are_counted_and_noted() {
    let registry = TestRegistry::start().await;
    let key = create_key(&registry, ADMIN, "ibm", &[]);
    let robot = create_robot(&registry, "ci", &["pull"]);
    let mut last = 0;
    for _ in 0..40 {
        let wrong = ask_for_token(&registry, "robot$library+ci:wrong").await;
        last = wrong.status();
        if last == 429 {
            wrong.header("retry-after");
            break;
        }
        wrong.assert_status(401);
    }
    assert_eq!(last, 429, "the name is tried for ever");
    ask_for_token(&registry, &robot).await.assert_status(429);
    with_key(&registry, &key).await;
    registry
        .as_user("iamapikey", &key)
        .get("/v2/")
        .await
        .assert_status(200);
    ask_for_token(&registry, "rst_wrong")
        .await
        .assert_status(401);

    let setup = registry.stop();
    let logins = setup.sql(
        "SELECT caller, credential, payload FROM events WHERE kind = 'user.logged_in' AND payload LIKE '%management%'",
    );
    assert_eq!(logins.len(), 1, "{logins:?}");
    assert_eq!(&logins[0][..2], [ADMIN, "access_token"]);
    let refused = setup.sql("SELECT payload FROM events WHERE kind = 'login.refused'");
    let refused = format!("{refused:?}");
    assert!(refused.contains("count"), "{refused}");
    assert!(!refused.contains("rst_wrong"), "{refused}");
}
