//! Workloads: a token of their issuer becomes one of the registry, by a rule that trusts them.

use http::Method;
use serde_json::{Value, json};

use super::{AUDIENCE, Api, Outside, exchange, rule, timeless};
use crate::registry::TestRegistry;
use crate::registry::client::Credentials;

pub(super) const RULES: &str = "/accounts/default/trust-rules";
pub(super) const MAIN: &str = "repo:acme/app:ref:refs/heads/main";

/// The rule as it is shown.
fn shown(issuer: &str) -> Value {
    json!({
        "name": "ci",
        "description": "",
        "issuer": issuer,
        "audience": AUDIENCE,
        "claims": { "sub": ["repo:acme/*:ref:refs/heads/main"] },
        "permissions": [{ "place": "namespace", "namespace": "library", "actions": ["repository:push"] }],
        "token_lifetime_secs": 120,
        "disabled": false,
        "created_at": null,
        "updated_at": null,
        "last_used_at": null,
    })
}

#[tokio::test]
async fn a_workload_pushes_and_pulls_with_what_its_issuer_says_of_it() {
    let outside = Outside::start().await;
    let registry = &outside.registry;
    let mut body = rule(
        "ci",
        &outside.provider.issuer(),
        "repo:acme/*:ref:refs/heads/main",
    );
    body["token_lifetime_secs"] = json!(120);
    let made = registry
        .api(Method::POST, RULES, &body)
        .await
        .assert_status(201);
    assert_eq!(made.location(), "/api/v1/accounts/default/trust-rules/ci");
    assert_eq!(timeless(&made), shown(&outside.provider.issuer()));

    let token = outside.token(AUDIENCE, MAIN).await;
    let scopes = [(
        "scope",
        "repository:library/app:pull,push,delete repository:other/app:pull registry:catalog:*",
    )];
    let given = exchange(registry, &token, &scopes).await.assert_status(200);
    let given = given.assert_header("cache-control", "no-store").json();
    assert_eq!(given["token_type"], "Bearer");
    assert_eq!(
        given["issued_token_type"],
        "urn:ietf:params:oauth:token-type:access_token"
    );
    assert_eq!(given["expires_in"], 120);
    assert_eq!(
        given["scope"],
        "repository:library/app:pull,push registry:catalog:*"
    );
    assert_eq!(given.get("refresh_token"), None);
    let text = given["token"].as_str().expect("a token").to_owned();
    let workload = registry
        .anonymous()
        .with_credentials(Credentials::Bearer(text));
    workload.push_image("library/app", "v1").await;
    workload
        .get("/v2/library/app/manifests/v1")
        .await
        .assert_status(200);
    workload
        .delete("/v2/library/app/manifests/v1")
        .await
        .assert_status(401);
    workload
        .post("/v2/library/other/blobs/uploads/")
        .await
        .assert_status(401);
    // It is for images, not for managing, and not for getting others.
    workload
        .get("/api/v1/accounts/default/trust-rules")
        .await
        .assert_status(401);
    workload
        .get("/service/token?scope=repository:library/app:pull")
        .await
        .assert_status(401);

    leaves_a_trace(registry).await;
}

/// Who it was stands in the audit log.
async fn leaves_a_trace(registry: &TestRegistry) {
    let events = registry.sql(
        "SELECT kind, caller, credential FROM events WHERE credential = 'workload' OR kind LIKE 'trust%' ORDER BY id",
    );
    let name = format!("workload:ci:{MAIN}");
    assert_eq!(
        events,
        [
            ["trust_rule.created", "admin", "password"],
            ["manifest.pushed", &name, "workload"],
        ]
    );
    let used = registry
        .get(&format!("/api/v1{RULES}/ci"))
        .await
        .assert_status(200);
    assert!(used.json()["last_used_at"].is_string());
}

#[tokio::test]
async fn a_workload_that_no_rule_is_for_gets_nothing() {
    let outside = Outside::start().await;
    let (registry, issuer) = (&outside.registry, outside.provider.issuer());
    let body = rule("ci", &issuer, "repo:acme/*:ref:refs/heads/main");
    registry
        .api(Method::POST, RULES, &body)
        .await
        .assert_status(201);
    let scope = [("scope", "repository:library/app:pull,push")];
    let good = outside.token(AUDIENCE, MAIN).await;
    exchange(registry, &good, &scope).await.assert_status(200);

    let mut refused = Vec::new();
    for subject in [
        "repo:acme-evil/app:ref:refs/heads/main",
        "repo:acme/app:pull_request",
        "repo:acme/app:ref:refs/heads/main2",
        "repo:acme/app:ref:refs/heads/feature/main",
    ] {
        let token = outside.token(AUDIENCE, subject).await;
        refused.push(exchange(registry, &token, &scope).await);
    }
    // For another registry.
    let other = outside.token("another.example.com", MAIN).await;
    refused.push(exchange(registry, &other, &scope).await);
    // Changed on the way, of another kind, none at all.
    let (message, _) = good.rsplit_once('.').expect("a token");
    refused.push(exchange(registry, &format!("{message}.AAAA"), &scope).await);
    refused.push(exchange(registry, "nonsense", &scope).await);
    refused.push(exchange(registry, &"a".repeat(20_000), &scope).await);
    // Where nothing is, and by a rule that is none.
    let nowhere = [("scope", "repository:nowhere/app:pull")];
    refused.push(exchange(registry, &good, &nowhere).await);
    let unnamed = [scope[0], ("trust_rule", "another")];
    refused.push(exchange(registry, &good, &unnamed).await);
    let unknown = [scope[0], ("account", "nothing")];
    refused.push(exchange(registry, &good, &unknown).await);
    let said = refused[0].text();
    for answer in refused {
        let answer = answer.assert_error(401, "UNAUTHORIZED");
        assert_eq!(answer.text(), said);
        assert_eq!(answer.json()["error"], "invalid_grant");
    }
}

#[tokio::test]
async fn an_exchange_says_what_it_is_about() {
    let outside = Outside::start().await;
    let registry = &outside.registry;
    let good = outside.token(AUDIENCE, MAIN).await;
    for (fields, why) in [
        (
            vec![(
                "subject_token_type",
                "urn:ietf:params:oauth:token-type:saml2",
            )],
            "subject_token_type",
        ),
        (vec![("audience", "another")], "audience"),
        (vec![("service", "another")], "audience"),
        (vec![("actor_token", "x")], "actor_token"),
        (
            vec![(
                "requested_token_type",
                "urn:ietf:params:oauth:token-type:refresh_token",
            )],
            "requested_token_type",
        ),
    ] {
        let mut all = vec![
            (
                "grant_type",
                "urn:ietf:params:oauth:grant-type:token-exchange",
            ),
            ("subject_token", good.as_str()),
        ];
        all.extend(fields);
        if why != "subject_token_type" {
            all.push(("subject_token_type", "urn:ietf:params:oauth:token-type:jwt"));
        }
        let anonymous = registry.anonymous();
        let call = anonymous.request(Method::POST, "/service/token");
        let answer = call.content_type(super::FORM).body(super::form(&all)).await;
        let said = answer.assert_status(400).error_message();
        assert!(said.contains(why), "{said}");
    }
    let missing = exchange(registry, &good, &[]).await.assert_status(400);
    assert_eq!(missing.json()["error"], "invalid_request");
}

#[tokio::test]
async fn a_rule_is_believed_until_it_is_changed_disabled_or_deleted() {
    let outside = Outside::start().await;
    let registry = &outside.registry;
    let body = rule("ci", &outside.provider.issuer(), MAIN);
    registry
        .api(Method::POST, RULES, &body)
        .await
        .assert_status(201);
    let token = outside.token(AUDIENCE, MAIN).await;
    let scope = [("scope", "repository:library/app:pull,push")];
    let one = &format!("{RULES}/ci");
    let text = |change: &[(&str, Value)]| {
        let mut text = body.clone();
        text.as_object_mut().expect("an object").remove("name");
        for (field, value) in change {
            text[*field] = value.clone();
        }
        text
    };
    exchange(registry, &token, &scope).await.assert_status(200);
    for change in [
        ("disabled", json!(true)),
        ("claims", json!({ "sub": ["repo:other/**"] })),
        ("audience", json!("another.example.com")),
        ("issuer", json!("https://issuer.example.com")),
    ] {
        let put = |text: Value| registry.api(Method::PUT, one, &text);
        put(text(&[change])).await.assert_status(200);
        exchange(registry, &token, &scope).await.assert_status(401);
        put(text(&[])).await.assert_status(200);
        exchange(registry, &token, &scope).await.assert_status(200);
    }
    let only_pull = json!([{ "place": "every_namespace", "actions": ["repository:pull"] }]);
    let changed = registry
        .api(Method::PUT, one, &text(&[("permissions", only_pull)]))
        .await;
    changed.assert_status(200);
    let given = exchange(registry, &token, &scope).await.assert_status(200);
    assert_eq!(given.json()["scope"], "repository:library/app:pull");
    let path = &format!("/api/v1{one}");
    registry.delete(path).await.assert_status(204);
    exchange(registry, &token, &scope).await.assert_status(401);
    registry.delete(path).await.assert_status(404);
    registry.get(path).await.assert_status(404);
    registry
        .api(Method::PUT, one, &text(&[]))
        .await
        .assert_status(404);
}

#[tokio::test]
async fn of_several_rules_the_one_that_allows_the_most_is_used() {
    let outside = Outside::start().await;
    let registry = &outside.registry;
    let mut pull = rule("a-pull", &outside.provider.issuer(), "repo:acme/**");
    pull["permissions"][0]["actions"] = json!(["repository:pull"]);
    let push = rule("b-push", &outside.provider.issuer(), MAIN);
    for body in [pull, push] {
        registry
            .api(Method::POST, RULES, &body)
            .await
            .assert_status(201);
    }
    let token = outside.token(AUDIENCE, MAIN).await;
    let granted = async |more: &[(&str, &str)]| {
        let mut fields = vec![("scope", "repository:library/app:pull,push")];
        fields.extend(more);
        let given = exchange(registry, &token, &fields).await.assert_status(200);
        given.json()["scope"].clone()
    };
    assert_eq!(granted(&[]).await, "repository:library/app:pull,push");
    assert_eq!(
        granted(&[("trust_rule", "a-pull")]).await,
        "repository:library/app:pull"
    );
    let listed = registry
        .get(&format!("/api/v1{RULES}?page_size=1"))
        .await
        .assert_status(200);
    let listed = listed.json();
    assert_eq!(
        (&listed["total"], &listed["items"][0]["name"]),
        (&json!(2), &json!("a-pull"))
    );
}

#[tokio::test]
async fn a_rule_is_of_one_account_and_gives_what_its_maker_holds() {
    let outside = Outside::start().await;
    let registry = &outside.registry;
    let acme = registry.create_account("acme", "zoe");
    registry.admin(&["--account", "acme", "namespace", "create", "acme"]);
    let mut body = rule("ci", &outside.provider.issuer(), MAIN);
    let theirs = "/accounts/acme/trust-rules";
    // A namespace of another account is none.
    acme.api(Method::POST, theirs, &body)
        .await
        .assert_status(404);
    body["permissions"] = json!([{ "place": "every_namespace", "actions": ["repository:push"] }]);
    acme.api(Method::POST, theirs, &body)
        .await
        .assert_status(201);
    acme.api(Method::POST, theirs, &body)
        .await
        .assert_status(409);
    acme.api(Method::POST, RULES, &body)
        .await
        .assert_status(404);
    let token = outside.token(AUDIENCE, MAIN).await;
    let granted = async |fields: &[(&str, &str)]| {
        let given = exchange(registry, &token, fields).await;
        match given.status() {
            200 => given.json()["scope"].as_str().expect("a scope").to_owned(),
            status => status.to_string(),
        }
    };
    let (own, foreign) = (
        "repository:acme/app:pull,push",
        "repository:library/app:pull,push",
    );
    assert_eq!(granted(&[("scope", own)]).await, own);
    assert_eq!(granted(&[("scope", foreign)]).await, "401");
    assert_eq!(
        granted(&[("scope", foreign), ("account", "acme")]).await,
        ""
    );
    assert_eq!(granted(&[("scope", own), ("account", "acme")]).await, own);

    let member = registry.create_member("library", "bob", "project-admin");
    member
        .api(
            Method::POST,
            RULES,
            &rule("ci", &outside.provider.issuer(), MAIN),
        )
        .await
        .assert_status(403);
    member
        .get(&format!("/api/v1{RULES}"))
        .await
        .assert_status(403);
    registry
        .anonymous()
        .get(&format!("/api/v1{RULES}"))
        .await
        .assert_status(401);
}
