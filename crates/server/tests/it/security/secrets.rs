//! Secrets where they do not belong, and names that strangers chose.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::forgery::bearer;
use super::{post_form, secret_of};
use crate::registry::client::Credentials;
use crate::registry::{ADMIN, ADMIN_PASSWORD, TestRegistry};

/// Where no secret belongs but some are put.
const IN_QUERY: &str = "secret-in-a-query";

/// Shows what is no good, and secrets in a query. Answers with the forged token.
async fn log_in_wrongly(registry: &TestRegistry, token: &str) -> String {
    let forged = format!("{}.forged-signature", &token[..token.len() - 30]);
    let client = registry.client(Credentials::Bearer(forged.clone()));
    client.get("/v2/").await.assert_status(401);
    registry
        .get(&format!("/v2/?token={IN_QUERY}"))
        .await
        .assert_status(200);
    let path = format!("/service/token?password={IN_QUERY}&account=alice");
    registry.get(&path).await.assert_status(200);
    forged
}

/// T70: whatever was shown as proof, rightly or wrongly, is in no line of the log, however much is logged, and in no
/// metric.
#[tokio::test]
async fn t70_no_secret_is_logged_or_measured() {
    let registry = TestRegistry::builder()
        .setting("LOG__LEVEL", "trace")
        .setting("LOG__REQUESTS", "all")
        .start()
        .await;
    registry.push_image("library/app", "v1").await;
    let alice = registry.create_member("library", "alice", "developer");
    let personal = registry.create_access_token("alice", "ci", &["pull"]);
    let scope = "repository:library/app:pull,push";
    let token = bearer(&alice.with_token(&[scope]).await);
    let form = format!(
        "grant_type=password&access_type=offline&username=alice&password={}&scope={scope}",
        secret_of(&alice)
    );
    let by_form = post_form(&registry, &form).await.assert_status(200).json();
    let refresh = by_form["refresh_token"].as_str().expect("one").to_owned();
    let by_form = by_form["access_token"].as_str().expect("one").to_owned();
    let form = format!("grant_type=refresh_token&refresh_token={refresh}&scope={scope}");
    post_form(&registry, &form).await.assert_status(200);
    personal
        .get("/v2/library/app/manifests/v1")
        .await
        .assert_status(200);
    let wrong = "Wrong-horse-8-battery";
    registry
        .as_user(ADMIN, wrong)
        .get("/v2/")
        .await
        .assert_status(401);
    for secret in [&token, &by_form] {
        let client = registry.client(Credentials::Bearer(secret.clone()));
        client
            .get("/v2/library/app/manifests/v1")
            .await
            .assert_status(200);
        client
            .delete("/v2/library/app/manifests/v1")
            .await
            .assert_status(401);
    }
    let forged = log_in_wrongly(&registry, &token).await;
    registry.admin(&["user", "reset-password", "alice"]);

    registry
        .get("/v2/")
        .header("x-request-id", "the-last-request")
        .await;
    registry.log_line_with("the-last-request");
    let basic = |name: &str, secret: &str| BASE64.encode(format!("{name}:{secret}"));
    let signature = token.rsplit('.').next().expect("a signature").to_owned();
    let (of_alice, of_personal) = (secret_of(&alice), secret_of(&personal));
    let secrets = [
        ("the administrator's password", ADMIN_PASSWORD.to_owned()),
        ("its header", basic(ADMIN, ADMIN_PASSWORD)),
        ("a password", of_alice.clone()),
        ("its header", basic("alice", &of_alice)),
        ("a wrong password", wrong.to_owned()),
        ("its header", basic(ADMIN, wrong)),
        ("a personal access token", of_personal.clone()),
        ("its header", basic("alice", &of_personal)),
        ("a refresh token", refresh),
        ("an access token", token.clone()),
        ("its signature", signature),
        ("another access token", by_form),
        ("a forged token", forged),
        ("a query", IN_QUERY.to_owned()),
    ];
    expect_nowhere(&registry, &secrets).await;
}

/// None of these is in the log or in a metric.
async fn expect_nowhere(registry: &TestRegistry, secrets: &[(&str, String)]) {
    let (log, metrics) = (registry.log(), registry.metrics().await);
    for (what, secret) in secrets {
        for (place, text) in [("log", &log), ("metrics", &metrics)] {
            let line = text.lines().find(|line| line.contains(secret.as_str()));
            assert!(line.is_none(), "{what} is in the {place}: {line:?}");
        }
    }
    assert!(!metrics.contains("alice"), "metrics name no one");
}

/// The series of all metrics, without their values.
fn series(metrics: &str) -> BTreeSet<String> {
    let lines = metrics.lines().filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| line.rsplit_once(' '))
        .map(|(series, _)| series.to_owned())
        .collect()
}

/// T70: what strangers name makes no series: names, methods, hosts, paths, headers.
#[tokio::test]
async fn t70_strangers_make_no_series() {
    let registry = TestRegistry::builder()
        .setting("LIMITS__FAILED_LOGINS_PER_ADDRESS", 100_000)
        .start()
        .await;
    let round = async |seed: &str| {
        for number in 0..30 {
            let name = format!("{seed}{number}");
            let stranger = registry.client(Credentials::basic(&name, "Wrong-horse-8"));
            for caller in [&registry.anonymous(), &stranger] {
                for path in [
                    format!("/v2/{name}/app/manifests/v1"),
                    format!("/v2/library/app/manifests/{name}"),
                    format!("/{name}"),
                    format!("/v2/{name}"),
                    format!("/service/token?scope=repository:{name}/app:pull&service={name}"),
                ] {
                    let call = caller.get(&path).header("user-agent", &name);
                    call.header("x-request-id", &name)
                        .header("host", &name)
                        .await;
                }
                let method = name.to_uppercase().parse().expect("a method");
                caller.request(method, "/v2/").await;
            }
        }
        series(&registry.metrics().await)
    };
    // Reading them is counted, too.
    registry.metrics().await;
    let first = round("alpha").await;
    let second = round("omega").await;
    let new: Vec<&String> = second.difference(&first).collect();
    assert!(new.is_empty(), "{new:?}");
    assert!(
        !first
            .iter()
            .any(|line| line.to_lowercase().contains("alpha"))
    );
    assert!(first.len() < 2000, "{} series", first.len());
}
