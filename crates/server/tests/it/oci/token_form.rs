//! `/service/token`: how a login becomes a token, and how a token is renewed.

use serde_json::Value;

use crate::registry::TestRegistry;
use crate::registry::client::{Answer, Client, Credentials};

const SCOPE: &str = "repository:library/app:pull,push";

async fn get(client: &Client, query: &str) -> Answer {
    let target = format!("/service/token?service=roadstead&{query}");
    client.get(&target).await
}

async fn post(registry: &TestRegistry, form: &str) -> Answer {
    let post = registry.anonymous().post("/service/token");
    let post = post.content_type("application/x-www-form-urlencoded");
    post.body(form.to_owned()).await
}

fn password_form() -> String {
    format!(
        "grant_type=password&service=roadstead&client_id=test&scope={SCOPE}&username=admin&password={}",
        crate::registry::ADMIN_PASSWORD
    )
}

/// Checks that an answer brings a token that lets its bearer push; returns the answer.
async fn works(registry: &TestRegistry, answer: Answer) -> Value {
    let answer = answer.assert_status(200);
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("cache-control"), "no-store");
    let body = answer.json();
    let token = body["token"].as_str().expect("a token");
    let client = registry.client(Credentials::Bearer(token.to_owned()));
    client.start_upload("library/app").await;
    body
}

/// token: GET with name and password gives a token, under both of its names, with its lifetime and scope.
#[tokio::test]
async fn a_password_becomes_a_token() {
    let registry = TestRegistry::start().await;

    let body = works(&registry, get(&registry, &format!("scope={SCOPE}")).await).await;
    assert_eq!(body["access_token"], body["token"]);
    assert_eq!(body["expires_in"], 300);
    assert_eq!(body["scope"], SCOPE);
    let issued_at = body["issued_at"].as_str().expect("a time");
    assert!(issued_at.ends_with('Z') && issued_at.contains('T'));
    assert_eq!(body.get("refresh_token"), None);
}

/// token: Clients take a lifetime below a minute for a minute, so none is given.
#[tokio::test]
async fn a_token_lives_for_a_minute_at_least() {
    let settings = TestRegistry::builder().setting("REGISTRY__TOKEN_LIFETIME_SECS", 60);
    let registry = settings.start().await;

    let body = works(&registry, get(&registry, &format!("scope={SCOPE}")).await).await;
    assert_eq!(body["expires_in"], 60);
}

/// token: POST with a form and a password, as containerd tries first.
#[tokio::test]
async fn a_form_with_a_password_becomes_a_token() {
    let registry = TestRegistry::start().await;

    let body = works(&registry, post(&registry, &password_form()).await).await;
    assert_eq!(body["scope"], SCOPE);
    assert_eq!(body.get("refresh_token"), None);
    let offline = format!("{}&access_type=offline", password_form());
    let body = works(&registry, post(&registry, &offline).await).await;
    assert!(body["refresh_token"].is_string());
}

/// token: A POST that cannot be answered is 400 or 401, whereupon containerd tries GET.
#[tokio::test]
async fn a_form_that_is_not_understood_lets_the_client_fall_back() {
    let registry = TestRegistry::start().await;

    for form in ["", "grant_type=client_credentials", "scope=x", "\u{0}"] {
        let answer = post(&registry, form).await;
        answer.assert_error(400, "UNSUPPORTED");
    }
    let wrong = "grant_type=password&username=admin&password=wrong";
    let answer = post(&registry, wrong).await;
    answer.assert_error(401, "UNAUTHORIZED");
    works(&registry, get(&registry, &format!("scope={SCOPE}")).await).await;
}

/// token: `offline_token=true` gives a refresh token, which becomes tokens without the password.
#[tokio::test]
async fn a_login_is_kept_with_a_refresh_token() {
    let registry = TestRegistry::start().await;

    let login = get(
        &registry,
        "offline_token=true&client_id=docker&account=admin",
    )
    .await;
    let login = login.assert_status(200).json();
    let refresh = login["refresh_token"].as_str().expect("a refresh token");
    let form = format!(
        "grant_type=refresh_token&service=roadstead&client_id=containers/image&scope={SCOPE}&refresh_token={refresh}"
    );
    for _ in 0..2 {
        works(&registry, post(&registry, &form).await).await;
    }
    let registry = registry.stop().start().await;
    works(&registry, post(&registry, &form).await).await;
    let wrong = form.replace(refresh, "rsr_wrong");
    let answer = post(&registry, &wrong).await;
    answer.assert_error(401, "UNAUTHORIZED");
}

/// token: A refresh token ends with the password it was got with.
#[tokio::test]
async fn a_refresh_token_ends_when_the_password_changes() {
    let registry = TestRegistry::start().await;
    let alice = registry.create_user("alice");
    let login = get(&alice, "offline_token=true").await;
    let login = login.assert_status(200).json();
    let refresh = login["refresh_token"].as_str().expect("a refresh token");
    let form = format!("grant_type=refresh_token&service=roadstead&refresh_token={refresh}");
    post(&registry, &form).await.assert_status(200);

    registry.admin(&["user", "reset-password", "alice"]);
    let answer = post(&registry, &form).await;
    answer.assert_error(401, "UNAUTHORIZED");
}

/// token: A personal access token is a password for one purpose.
#[tokio::test]
async fn a_personal_access_token_works_as_a_password() {
    let registry = TestRegistry::start().await;
    registry.create_member("library", "alice", "developer");
    let made = registry.admin(&["token", "create", "alice", "ci", "--may", "pull"]);
    let secret = made["secret"].as_str().expect("a secret");
    let script = registry.as_user("alice", secret);

    script.get("/v2/").await.assert_status(200);
    let body = get(&script, &format!("scope={SCOPE}")).await;
    let body = body.assert_status(200).json();
    assert_eq!(body["scope"], "repository:library/app:pull");

    registry.admin(&["token", "revoke", "alice", "ci"]);
    let answer = get(&script, "").await;
    answer.assert_error(401, "UNAUTHORIZED");
}

/// token: Wrong credentials give no token, and no anonymous one either.
#[tokio::test]
async fn a_wrong_password_gets_no_token() {
    let registry = TestRegistry::start().await;
    registry.admin(&["namespace", "set-public", "library"]);

    let wrong = registry.as_user("admin", "wrong");
    let answer = get(&wrong, "scope=repository:library/app:pull").await;
    let answer = answer.assert_error(401, "UNAUTHORIZED");
    assert!(answer.header("www-authenticate").starts_with("Basic "));
    let nobody = registry.as_user("nobody", "wrong");
    let answer = get(&nobody, "").await;
    answer.assert_error(401, "UNAUTHORIZED");
}

/// token: A token cannot be made of a token, so a stolen one ends.
#[tokio::test]
async fn a_token_does_not_make_another() {
    let registry = TestRegistry::start().await;
    let bearer = registry.with_token(&[SCOPE]).await;

    let answer = get(&bearer, &format!("scope={SCOPE}")).await;
    answer.assert_error(401, "UNAUTHORIZED");
}

/// token: Other methods are refused with those that are there.
#[tokio::test]
async fn tokens_are_got_with_get_and_post() {
    let registry = TestRegistry::start().await;

    let answer = registry.put("/service/token").body("").await;
    let answer = answer.assert_error(405, "UNSUPPORTED");
    assert_eq!(answer.header("allow"), "GET, HEAD, POST");
}
