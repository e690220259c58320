//! Where requests go that people's settings cause, and where not.

use serde_json::json;

use super::{AUDIENCE, Api, Outside, exchange, rule};
use crate::registry::TestRegistry;

#[tokio::test]
async fn an_issuer_that_is_not_public_is_refused_unless_it_is_listed() {
    let registry = TestRegistry::start().await;
    for issuer in [
        "http://127.0.0.1:9400",
        "https://127.0.0.1",
        "https://2130706433",
        "https://[::1]",
        "https://[::ffff:127.0.0.1]",
        "https://169.254.169.254",
        "https://10.0.0.1",
        "http://issuer.example.com:22",
        "ftp://issuer.example.com",
        "https://user:secret@issuer.example.com",
        "https://issuer.example.com/?a=b",
        "https://issuer.example.com/#a",
        "issuer.example.com",
        "",
    ] {
        let path = "/accounts/default/trust-rules";
        let body = rule("ci", issuer, "repo:acme/**");
        let made = registry.api(http::Method::POST, path, &body).await;
        if issuer == "http://issuer.example.com:22" {
            // A name is looked up when it is asked for, and refused then.
            made.assert_status(201);
            continue;
        }
        let refused = made.assert_status(422);
        let said = refused.error_message();
        assert!(
            said.starts_with("the issuer cannot be used: "),
            "{issuer}: {said}"
        );
    }
}

/// Whoever may ask the registry to ask must not learn from its answer what there is in its network.
#[tokio::test]
async fn what_went_wrong_on_the_way_to_an_issuer_stands_in_the_log_alone() {
    let outside = Outside::start().await;
    let token = outside.token(AUDIENCE, "repo:acme/app").await;
    // Without a list, the same issuer may not be asked.
    let registry = TestRegistry::start().await;
    let port = outside
        .provider
        .issuer()
        .rsplit(':')
        .next()
        .expect("a port")
        .to_owned();
    let body = rule("ci", &format!("https://localhost:{port}"), "repo:acme/**");
    let path = "/accounts/default/trust-rules";
    registry
        .api(http::Method::POST, path, &body)
        .await
        .assert_status(201);
    let scope = [("scope", "repository:library/app:pull")];
    // No rule is for this issuer, so nobody is asked.
    exchange(&registry, &token, &scope).await.assert_status(401);
    let (header, rest) = token.split_once('.').expect("a token");
    let (_, signature) = rest.split_once('.').expect("a token");
    let claims = json!({ "iss": format!("https://localhost:{port}"), "aud": AUDIENCE, "sub": "repo:acme/app", "exp": 4_000_000_000_i64 });
    let forged = format!("{header}.{}.{signature}", base64_url(&claims.to_string()));
    let refused = exchange(&registry, &forged, &scope)
        .await
        .assert_status(503);
    assert_eq!(
        refused.json()["error_description"],
        "the token's issuer could not be asked for its keys; try again"
    );
    let log = registry.log_line_with("an issuer could not be asked");
    assert!(log.contains("are not allowed"), "{log}");
}

fn base64_url(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text)
}
