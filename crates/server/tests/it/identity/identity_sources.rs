//! Identity sources: whom they let in, into which groups, and whose they are.

use engines::OidcProvider;
use http::Method;
use serde_json::{Value, json};

use super::oidc_login::{SOURCES, UnderWay, describe, log_in, make_source, name_of, source};
use super::{Api, Outside};
use crate::registry::client::Client;

#[tokio::test]
async fn groups_are_those_that_the_issuer_names_at_each_login() {
    let outside = Outside::start().await;
    let registry = &outside.registry;
    let mut body = source("main", &outside.provider.issuer());
    body["admin_group"] = json!("admins");
    make_source(&outside, &body).await;
    // A group of the account's own, of which no issuer says who is in it.
    let local = registry
        .request(Method::POST, "/api/v2.0/usergroups")
        .content_type("application/json");
    local
        .body(json!({ "group_name": "dev", "group_type": 2 }).to_string())
        .await
        .assert_status(201);
    let groups = async |claim: Option<Value>| {
        let mut claims = json!({ "preferred_username": "zoe" });
        if let Some(claim) = claim {
            claims["groups"] = claim;
        }
        describe(&outside.provider, "zoe", &claims).await;
        let session = log_in(&outside, "", "zoe").await;
        let rows = registry.sql(
            "SELECT t.name FROM user_group_members m JOIN user_groups t ON t.id = m.group_id ORDER BY t.name",
        );
        (session, rows.concat())
    };
    let may_administer = async |session: &str| {
        let asked = registry
            .anonymous()
            .get("/api/v1/accounts/default/trust-rules");
        asked.header("cookie", session).await.status()
    };
    let (session, named) = groups(Some(json!(["dev", "ops"]))).await;
    assert_eq!(named, ["dev (main)", "ops"]);
    assert_eq!(may_administer(&session).await, 403);
    let (session, named) = groups(Some(json!("admins"))).await;
    assert_eq!(named, ["admins"]);
    assert_eq!(may_administer(&session).await, 200);
    let (session, named) = groups(Some(json!("admins,ops"))).await;
    assert_eq!(named, ["admins,ops"]);
    assert_eq!(may_administer(&session).await, 403);
    let (_, named) = groups(None).await;
    assert!(named.is_empty(), "{named:?}");
    // The group has power no longer once another one is meant.
    groups(Some(json!(["admins"]))).await;
    body["admin_group"] = json!("others");
    body.as_object_mut().expect("an object").remove("name");
    registry
        .api(Method::PUT, &format!("{SOURCES}/main"), &body)
        .await
        .assert_status(200);
    let (session, _) = groups(Some(json!(["admins"]))).await;
    assert_eq!(may_administer(&session).await, 403);
}

#[tokio::test]
async fn a_source_lets_in_whom_its_owner_wants() {
    let outside = Outside::start().await;
    let (registry, issuer) = (&outside.registry, outside.provider.issuer());
    let begin = || registry.anonymous().get("/c/oidc/login");
    begin().await.assert_status(404);
    make_source(&outside, &source("main", &issuer)).await;
    let twice = registry
        .api(Method::POST, SOURCES, &source("main", &issuer))
        .await;
    twice.assert_status(409);
    describe(
        &outside.provider,
        "zoe",
        &json!({ "preferred_username": "zoe" }),
    )
    .await;
    log_in(&outside, "", "zoe").await;
    let one = &format!("{SOURCES}/main");
    let change = async |field: &str, value: Value| {
        let mut body = source("main", &issuer);
        body.as_object_mut().expect("an object").remove("name");
        body[field] = value;
        registry
            .api(Method::PUT, one, &body)
            .await
            .assert_status(200)
            .json()
    };
    // Newcomers are not wanted any more; who is here comes again.
    change("onboards", json!(false)).await;
    log_in(&outside, "", "zoe").await;
    let stranger = UnderWay::begin(registry, &issuer, "", "stranger").await;
    stranger.finish(registry).await.assert_status(403);
    registry.admin(&["user", "disable", "zoe"]);
    let disabled = UnderWay::begin(registry, &issuer, "", "zoe").await;
    disabled.finish(registry).await.assert_status(403);
    // A source that brought people stays; one that is disabled lets nobody in, even those who are on their way.
    registry
        .delete(&format!("/api/v1{one}"))
        .await
        .assert_status(412);
    let on_its_way = UnderWay::begin(registry, &issuer, "", "zoe").await;
    change("disabled", json!(true)).await;
    on_its_way.finish(registry).await.assert_status(404);
    begin().await.assert_status(404);
    // The secret is nowhere to be seen, and goes when it is taken away.
    let listed = registry
        .get(&format!("/api/v1{SOURCES}"))
        .await
        .assert_status(200)
        .text();
    assert!(
        listed.contains(r#""has_client_secret":true"#) && !listed.contains("a/secret"),
        "{listed}"
    );
    assert_eq!(
        change("client_secret", json!("")).await["has_client_secret"],
        false
    );
    let rows = registry.sql("SELECT payload FROM events").concat().concat();
    assert!(
        rows.contains("identity_source.updated") && !rows.contains("a/secret"),
        "{rows}"
    );
}

#[tokio::test]
async fn a_source_of_the_deployment_is_its_operators_and_one_of_an_account_its_own() {
    let outside = Outside::start().await;
    let (registry, issuer) = (&outside.registry, outside.provider.issuer());
    let acme = registry.create_account("acme", "zoe");
    let all = "/deployment/identity-sources";
    let mut body = source("all", &issuer);
    body["home_account"] = json!("acme");
    acme.api(Method::POST, all, &body).await.assert_status(404);
    registry
        .api(Method::POST, all, &body)
        .await
        .assert_status(201);
    acme.get(&format!("/api/v1{SOURCES}"))
        .await
        .assert_status(404);
    let listed = registry
        .get(&format!("/api/v1{all}"))
        .await
        .assert_status(200)
        .json();
    assert_eq!(listed["items"][0]["home_account"], "acme");
    let own = acme
        .get("/api/v1/accounts/acme/identity-sources")
        .await
        .assert_status(200)
        .json();
    assert_eq!(own, json!({ "items": [] }));
    describe(
        &outside.provider,
        "bob",
        &json!({ "preferred_username": "bob" }),
    )
    .await;
    let session = log_in(&outside, "", "bob").await;
    let home = registry.sql("SELECT a.name FROM users u JOIN accounts a ON a.id = u.home_account_id WHERE u.name = 'bob'");
    assert_eq!(home, [["acme"]]);
    assert_eq!(name_of(registry, &session).await, "bob");

    // The account's own comes before it.
    let second = OidcProvider::start().expect("an issuer");
    let path = "/accounts/acme/identity-sources";
    acme.api(Method::POST, path, &source("own", &second.issuer()))
        .await
        .assert_status(201);
    let begun = registry
        .anonymous()
        .get("/c/oidc/login?account=acme")
        .await
        .assert_status(302);
    assert!(
        begun.location().starts_with(&second.issuer()),
        "{}",
        begun.location()
    );
    registry
        .delete(&format!("/api/v1{path}/own"))
        .await
        .assert_status(404);
    acme.delete(&format!("/api/v1{path}/own"))
        .await
        .assert_status(204);
}

#[tokio::test]
async fn what_is_no_source_is_refused() {
    let outside = Outside::start().await;
    let acme = outside.registry.create_account("acme", "zoe");
    let (path, issuer) = ("/accounts/acme/identity-sources", outside.provider.issuer());
    for (field, value) in [
        ("issuer", json!("https://10.0.0.1")),
        ("name", json!("A")),
        ("client_id", json!("")),
        ("scopes", json!(["a b"])),
        ("admin_group", json!("a\nb")),
        ("home_account", json!("default")),
        ("secret", json!("unknown")),
    ] {
        let mut body = source("own", &issuer);
        body[field] = value;
        let refused = acme.api(Method::POST, path, &body).await;
        assert_eq!(refused.status(), 422, "{field}: {}", refused.text());
    }
}

/// Harbor's question whether an issuer answers tells nothing of what else does.
#[tokio::test]
async fn an_issuer_can_be_asked_whether_it_answers() {
    let outside = Outside::start().await;
    let registry = &outside.registry;
    let ping = |caller: &Client, url: &str| {
        let call = caller.request(Method::POST, "/api/v2.0/system/oidc/ping");
        let body = json!({ "url": url, "verify_cert": true }).to_string();
        call.content_type("application/json").body(body)
    };
    ping(registry, &outside.provider.issuer())
        .await
        .assert_status(200);
    let silent = ping(registry, "http://127.0.0.1:9")
        .await
        .assert_status(400)
        .text();
    let closed = ping(registry, "https://nothing.invalid")
        .await
        .assert_status(400)
        .text();
    let page = ping(registry, registry.origin())
        .await
        .assert_status(400)
        .text();
    assert_eq!((&silent, &silent), (&closed, &page));
    ping(registry, "https://10.0.0.1").await.assert_status(400);
    ping(&registry.anonymous(), &outside.provider.issuer())
        .await
        .assert_status(401);
    let member = registry.create_user("zoe");
    ping(&member, &outside.provider.issuer())
        .await
        .assert_status(403);
}
