//! Guessing is slow, whatever is guessed, and nobody else waits for it.

use futures_util::future::join_all;
use http::Method;
use serde_json::json;

use super::{FORM, exchange, form};
use crate::account_api::AccountApi as _;
use crate::registry::client::Answer;
use crate::registry::{ADMIN, ADMIN_PASSWORD, TestRegistry};

const DAY_SECS: u64 = 86_400;

async fn per_address(limit: u32) -> TestRegistry {
    let registry = TestRegistry::builder()
        .setting("LIMITS__FAILED_LOGINS_PER_ADDRESS", limit)
        .setting("LIMITS__FAILED_LOGINS_WINDOW_SECS", DAY_SECS);
    registry.start().await
}

/// How many were looked at; all others were asked to wait.
#[track_caller]
fn admitted(answers: &[Answer]) -> usize {
    let refused = answers.iter().filter(|answer| answer.status() == 401);
    for answer in answers.iter().filter(|answer| answer.status() != 401) {
        assert_eq!(answer.status(), 429, "{}", answer.text());
        assert_ne!(answer.header("retry-after"), "0");
    }
    refused.count()
}

/// T25: a user of several accounts has one name, whatever account, letters and addresses are put around it.
#[tokio::test]
async fn t25_an_account_behind_the_name_makes_no_other_name_of_it() {
    let registry = TestRegistry::builder()
        .setting("LIMITS__FAILED_LOGINS_PER_NAME", 4)
        .setting("LIMITS__FAILED_LOGINS_WINDOW_SECS", DAY_SECS)
        .start()
        .await;
    let other = registry.create_user("other");
    let mut answers = Vec::new();
    for guess in 0..30 {
        let name = match guess % 5 {
            0 => "admin@default".to_owned(),
            1 => format!("admin@account-{guess}"),
            2 => "ADMIN@Default".to_owned(),
            3 => format!("admin@{guess}@default"),
            _ => "admin".to_owned(),
        };
        let client = registry.as_user(&name, &format!("Wrong-horse-{guess}"));
        let call = match guess % 3 {
            0 => client.get("/v2/"),
            1 => client.get("/api/v1/user"),
            _ => client.get("/service/token"),
        };
        let forged = format!("198.51.100.{guess}");
        answers.push(call.header("x-forwarded-for", forged).await);
    }
    let looked_at = admitted(&answers);
    assert!((1..=4).contains(&looked_at), "{looked_at} were looked at");
    let login = registry.anonymous().request(Method::POST, "/c/login");
    let login = login.content_type(FORM);
    let login = login.body(form(&[
        ("principal", "admin@default"),
        ("password", ADMIN_PASSWORD),
    ]));
    login.await.assert_status(429);
    other.get("/v2/").await.assert_status(200);
}

/// Tokens and robot accounts' secrets are guessed no faster than passwords, under whatever names.
#[tokio::test]
async fn t25_access_tokens_and_robot_secrets_are_not_guessed_from_one_address() {
    let registry = per_address(6).await;
    let robot = registry.admin(&["robot", "create", "ci", "--may", "pull"]);
    let robot = robot["name"].as_str().expect("a name");
    let mut answers = Vec::new();
    for guess in 0..24 {
        let token = format!("rst_{guess:040}");
        let client = match guess % 4 {
            0 => registry.as_user(&format!("user-{guess}"), &token),
            1 => registry.as_user("iamapikey", &token),
            2 => registry.as_user(robot, &format!("Guess-{guess}")),
            _ => registry.as_user(&format!("robot$guess-{guess}"), "Guess-1"),
        };
        let forged = format!("198.51.100.{guess}");
        let call = client.get("/service/token");
        answers.push(call.header("x-forwarded-for", forged).await);
    }
    let looked_at = admitted(&answers);
    assert!((1..=6).contains(&looked_at), "{looked_at} were looked at");
    assert_eq!(answers.last().map(Answer::status), Some(429));
    let last = registry.as_user(robot, "Guess-0").get("/v2/").await;
    last.assert_error(429, "TOOMANYREQUESTS");
    registry
        .as_user(ADMIN, "rst_0")
        .v1_get("/user")
        .await
        .assert_status(429);
}

/// An address whose tokens are not believed waits, and logins from there do not.
#[tokio::test]
async fn exchanges_that_are_refused_are_slowed_down_by_address() {
    let registry = per_address(5).await;
    // What cannot be read is a request's defect, and no guess.
    for _ in 0..20 {
        exchange(&registry, "nonsense", &[])
            .await
            .assert_status(400);
    }
    let account = [("account", "default")];
    let mut answers = Vec::new();
    for guess in 0..20 {
        let token = format!("nonsense-{guess}");
        let forged = format!("203.0.113.{guess}");
        let call = exchange(&registry, &token, &account);
        answers.push(call.header("x-forwarded-for", forged).await);
    }
    let looked_at = admitted(&answers);
    assert!((1..=5).contains(&looked_at), "{looked_at} were looked at");
    let last = answers.last().expect("one");
    let body = last.json();
    assert_eq!(body["error"], "temporarily_unavailable");
    assert_eq!(body["errors"][0]["code"], "TOOMANYREQUESTS");
    assert_eq!(body["error_description"], body["errors"][0]["message"]);
    assert_eq!(last.header("cache-control"), "no-store");
    // Another account's name changes nothing: it is the address that waits.
    let named = [("account", "another"), ("trust_rule", "ci")];
    exchange(&registry, "x", &named).await.assert_status(429);
    for _ in 0..10 {
        registry.get("/v2/").await.assert_status(200);
    }
    registry.get("/service/token").await.assert_status(200);
}

/// T24: a name with an account costs what a wrong password costs, and says as much, whoever exists.
#[tokio::test]
async fn t24_names_with_accounts_say_nothing() {
    let registry = TestRegistry::builder()
        .setting("LIMITS__FAILED_LOGINS_PER_ADDRESS", 100_000)
        .setting("LIMITS__FAILED_LOGINS_PER_NAME", 100_000)
        .setting("LIMITS__FAILED_LOGINS_PER_SECOND", 10_000)
        .start()
        .await;
    registry.create_account("acme", "ann");
    let mut seen = Vec::new();
    for name in [
        "ann@acme",
        "ann@default",
        "ann@nothing",
        "eve@acme",
        "eve@nothing",
    ] {
        let client = registry.as_user(name, "Wrong-horse-8-battery");
        let answer = client.get("/service/token").await.assert_status(401);
        let hashes = hashes(&registry).await;
        seen.push((answer.text(), hashes));
    }
    let steps: Vec<u64> = seen.windows(2).map(|pair| pair[1].1 - pair[0].1).collect();
    assert_eq!(steps, [1; 4], "each is one password that was checked");
    assert!(seen.iter().all(|(text, _)| *text == seen[0].0));
    let members = registry.v1_get("/accounts/default/members").await;
    assert_eq!(members.items("name"), [json!(ADMIN)]);
}

/// A build begins many pulls at once, each with a login of its own.
#[tokio::test]
async fn one_password_shown_forty_times_at_once_is_one_login() {
    let registry = TestRegistry::start().await;
    let right = registry.create_user("ann");
    let wrong = registry.as_user("ann", "Wrong-horse-8-battery");
    let before = hashes(&registry).await;
    let answers = join_all((0..40).map(|_| right.get("/service/token").into_future())).await;
    assert!(answers.iter().all(|answer| answer.status() == 200));
    assert_eq!(hashes(&registry).await - before, 1);
    let answers = join_all((0..40).map(|_| wrong.get("/service/token").into_future())).await;
    let looked_at = admitted(&answers);
    assert!((1..=10).contains(&looked_at), "{looked_at} were looked at");
}

/// Passwords that were hashed so far, right or wrong.
async fn hashes(registry: &TestRegistry) -> u64 {
    let metrics = registry.metrics().await;
    let line = metrics
        .lines()
        .find_map(|line| line.strip_prefix("roadstead_password_hashes_total "))
        .and_then(|count| count.split('.').next()?.parse().ok());
    line.expect("they are counted")
}
