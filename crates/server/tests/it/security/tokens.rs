//! Bearer and refresh tokens: forged, stretched, taken for one another, outlived.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use serde_json::{Value, json};

use super::forgery::{Forger, bearer, claims_of};
use super::{post_form, raw_status, request, secret_of};
use crate::registry::client::{Client, Credentials};
use crate::registry::{ADMIN, ADMIN_PASSWORD, TestRegistry};

const SCOPE: &str = "repository:library/app:pull";
const MANIFEST: &str = "/v2/library/app/manifests/v1";

async fn started() -> (TestRegistry, Forger) {
    let registry = TestRegistry::start().await;
    registry.push_image("library/app", "v1").await;
    let forger = Forger::of(&registry);
    (registry, forger)
}

/// What a token gets: to be refused as a token, on every endpoint.
async fn expect_refused(registry: &TestRegistry, what: &str, token: &str) {
    let client = registry.client(Credentials::Bearer(token.to_owned()));
    for path in ["/v2/", MANIFEST, "/v2/_catalog", "/service/token"] {
        let answer = client.get(path).await;
        assert_eq!(answer.status(), 401, "{what} on {path}: {}", answer.text());
        let challenge = answer.header("www-authenticate");
        assert!(
            path == "/service/token" || challenge.contains("invalid_token"),
            "{what}: {challenge}"
        );
    }
}

/// The control of all of these: a token that was made like them and is right does get through.
#[tokio::test]
async fn t16_a_token_made_with_the_right_key_and_claims_is_accepted() {
    let (registry, forger) = started().await;
    let claims = claims_of(&registry.with_token(&[SCOPE]).await);
    let token = Credentials::Bearer(forger.sign(&claims));
    registry
        .client(token)
        .get(MANIFEST)
        .await
        .assert_status(200);
}

/// A token's three parts, and the first of them decoded.
fn parts_of(client: &Client) -> (Vec<String>, Value) {
    let parts: Vec<String> = bearer(client).split('.').map(str::to_owned).collect();
    let header = BASE64URL.decode(&parts[0]).expect("base64url");
    let header = serde_json::from_slice(&header).expect("a header");
    (parts, header)
}

/// A header with some fields changed, encoded.
fn with(header: &Value, changes: &Value) -> String {
    let mut header = header.clone();
    for (name, value) in changes.as_object().expect("an object") {
        header[name] = value.clone();
    }
    BASE64URL.encode(header.to_string())
}

/// T16: a token does not choose how it is checked: not the algorithm, not the key, not where the key comes from.
#[tokio::test]
async fn t16_a_token_does_not_say_how_to_check_it() {
    let (registry, forger) = started().await;
    let good = registry.with_token(&[SCOPE]).await;
    let claims = claims_of(&good);
    let (parts, header) = parts_of(&good);
    for algorithm in ["none", "None", "NONE", "nOnE", ""] {
        let header = with(&header, &json!({ "alg": algorithm }));
        for signature in ["", &parts[2]] {
            let token = format!("{header}.{}.{signature}", parts[1]);
            expect_refused(&registry, &format!("alg {algorithm:?}"), &token).await;
        }
        expect_refused(
            &registry,
            "without signature",
            &format!("{header}.{}", parts[1]),
        )
        .await;
    }
    for algorithm in ["HS256", "RS256", "ES256", "PS256", "HS512"] {
        let mut changed = header.clone();
        changed["alg"] = algorithm.into();
        let token = forger.mac_by_public_key(&changed.to_string(), &claims);
        expect_refused(&registry, algorithm, &token).await;
    }
}

/// T16: a token brings no key along, and no way to one.
#[tokio::test]
async fn t16_a_token_does_not_bring_its_key() {
    let (registry, forger) = started().await;
    let good = registry.with_token(&[SCOPE]).await;
    let claims = claims_of(&good);
    let (parts, header) = parts_of(&good);
    let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": BASE64URL.encode([7; 32]) });
    for (name, value) in [
        ("jwk", jwk),
        ("jku", json!("https://evil.example/jwks.json")),
        ("x5u", json!("https://evil.example/cert.pem")),
        ("x5c", json!(["MIIB"])),
        ("crit", json!(["exp"])),
        ("typ", json!("JWT")),
        ("typ", json!("refresh+jwt")),
    ] {
        let token = format!(
            "{}.{}.{}",
            with(&header, &json!({ name: value })),
            parts[1],
            parts[2]
        );
        expect_refused(&registry, name, &token).await;
    }
    for key_id in [
        "../../../../etc/passwd",
        "' OR 1=1 --",
        "",
        "https://evil.example/key",
        "\u{0}",
        &"k".repeat(4000),
    ] {
        let token = format!(
            "{}.{}.{}",
            with(&header, &json!({ "kid": key_id })),
            parts[1],
            parts[2]
        );
        expect_refused(&registry, key_id, &token).await;
    }
    // Somebody else's key, under our key's id.
    let stranger = keys::SigningKey::generate(&keys::SystemRandom);
    let strangers = keys::SigningKeys::new(stranger, Vec::new());
    let theirs = strangers.issue(&claims).expect("a token");
    expect_refused(&registry, "another key", &theirs).await;
    let theirs: Vec<&str> = theirs.split('.').collect();
    let disguised = format!(
        "{}.{}.{}",
        with(&header, &json!({ "kid": forger.key_id() })),
        theirs[1],
        theirs[2]
    );
    expect_refused(&registry, "another key under our id", &disguised).await;
}

/// What is wrong with a token.
type Change = fn(&mut keys::Claims);

/// T17: a token of another time, issuer or service is none, and so is one that is huge or says things twice.
#[tokio::test]
async fn t17_a_token_is_of_its_time_and_place() {
    let (registry, forger) = started().await;
    let good = claims_of(&registry.with_token(&[SCOPE]).await);
    let changes: [(&str, Change); 8] = [
        ("another issuer", |c| c.iss = "elsewhere".to_owned()),
        ("no issuer", |c| c.iss = String::new()),
        ("another audience", |c| c.aud = "elsewhere".to_owned()),
        ("a longer audience", |c| c.aud = format!("{} other", c.aud)),
        ("expired", |c| {
            (c.iat, c.nbf, c.exp) = (c.iat - 600, c.nbf - 600, c.iat - 300);
        }),
        ("just expired", |c| {
            (c.exp, c.iat, c.nbf) = (c.iat, c.iat - 300, c.nbf - 300);
        }),
        ("not yet valid", |c| {
            (c.nbf, c.exp) = (c.nbf + 600, c.exp + 600);
        }),
        ("issued in the future", |c| {
            (c.iat, c.exp) = (c.iat + 600, c.exp + 600);
        }),
    ];
    for (what, change) in changes {
        let mut claims = good.clone();
        change(&mut claims);
        expect_refused(&registry, what, &forger.sign(&claims)).await;
    }
    let token = forger.sign(&good);
    let mut changed = token.clone().into_bytes();
    let last = changed.len() - 1;
    changed[last] = if changed[last] == b'A' { b'B' } else { b'A' };
    // The last character of a signature holds bits that do not count; the one before it holds only such that do.
    changed[last - 1] = if changed[last - 1] == b'A' {
        b'B'
    } else {
        b'A'
    };
    let changed = String::from_utf8(changed).expect("ASCII");
    expect_refused(&registry, "another signature", &changed).await;
    expect_refused(&registry, "a longer token", &format!("{token}A")).await;
    expect_refused(&registry, "huge", &"a".repeat(20_000)).await;
    expect_refused(&registry, "dots", &".".repeat(20_000)).await;
    // Larger than all headers together may be.
    let header = format!("Authorization: Bearer {}\r\n", "a".repeat(1024 * 1024));
    let answer = registry.raw(request("GET /v2/", &header, "")).await;
    // The connection may be cut while we still send.
    assert!(answer.is_empty() || raw_status(&answer).0 == 431);
    registry.get("/v2/").await.assert_status(200);
}

/// A refresh token of a caller who shows a password or a personal access token.
async fn refresh_token_of(client: &Client) -> String {
    let answer = client
        .get(&format!("/service/token?offline_token=true&scope={SCOPE}"))
        .await
        .assert_status(200);
    answer.json()["refresh_token"]
        .as_str()
        .expect("one")
        .to_owned()
}

/// T18: a secret of one kind is nothing as another: refresh, access and personal access token, password.
#[tokio::test]
async fn t18_no_token_passes_for_another_kind() {
    let (registry, _) = started().await;
    let access = bearer(&registry.with_token(&[SCOPE]).await);
    let refresh = refresh_token_of(&registry).await;
    let personal = secret_of(&registry.create_access_token(ADMIN, "t18", &[]));
    for (what, secret) in [
        ("refresh", refresh.as_str()),
        ("personal", &personal),
        ("password", ADMIN_PASSWORD),
    ] {
        expect_refused(&registry, what, secret).await;
    }
    for secret in [&access, &refresh] {
        let client = registry.as_user(ADMIN, secret);
        client.get(MANIFEST).await.assert_error(401, "UNAUTHORIZED");
        client
            .get("/service/token")
            .await
            .assert_error(401, "UNAUTHORIZED");
        let form = format!("grant_type=password&username={ADMIN}&password={secret}");
        post_form(&registry, &form)
            .await
            .assert_error(401, "UNAUTHORIZED");
    }
    for secret in [&access, &personal, ADMIN_PASSWORD, ""] {
        let form = format!("grant_type=refresh_token&refresh_token={secret}&scope={SCOPE}");
        post_form(&registry, &form)
            .await
            .assert_error(401, "UNAUTHORIZED");
    }
    // An access token gets no other: one that leaked would live for ever.
    let client = registry.client(Credentials::Bearer(access));
    client
        .get("/service/token")
        .await
        .assert_error(401, "UNAUTHORIZED");
    // As what they are, they are good.
    let form = format!("grant_type=refresh_token&refresh_token={refresh}&scope={SCOPE}");
    let answer = post_form(&registry, &form).await.assert_status(200).json();
    assert!(
        answer.get("refresh_token").is_none(),
        "a refresh token begets none"
    );
    let token = answer["access_token"].as_str().expect("a token").to_owned();
    registry
        .client(Credentials::Bearer(token))
        .get(MANIFEST)
        .await
        .assert_status(200);
}

async fn refreshed(registry: &TestRegistry, refresh: &str) -> super::Answer {
    let form = format!("grant_type=refresh_token&refresh_token={refresh}&scope={SCOPE}");
    post_form(registry, &form).await
}

/// T21: what is taken away is gone at once wherever it is asked for, and from tokens within their lifetime.
#[tokio::test]
async fn t21_what_is_taken_away_is_gone() {
    let (registry, _) = started().await;
    let alice = registry.create_member("library", "alice", "guest");
    let personal = registry.create_access_token("alice", "ci", &[]);
    let granted = async |client: &Client| {
        let answer = client.get(&format!("/service/token?scope={SCOPE}")).await;
        (answer.status() == 200).then(|| answer.json()["scope"].clone())
    };
    let (by_password, by_token) = (
        refresh_token_of(&alice).await,
        refresh_token_of(&personal).await,
    );
    for refresh in [&by_password, &by_token] {
        assert_eq!(refreshed(&registry, refresh).await.json()["scope"], SCOPE);
    }
    // Nothing lives longer than it says, and it says five minutes.
    let answer = alice
        .get(&format!("/service/token?scope={SCOPE}"))
        .await
        .json();
    assert_eq!(answer["expires_in"], 300);

    // Out of the namespace: every next token is for less.
    registry.admin(&["member", "remove", "library", "alice"]);
    alice.get(MANIFEST).await.assert_error(404, "NAME_UNKNOWN");
    assert_eq!(granted(&alice).await, Some(json!("")));
    for refresh in [&by_password, &by_token] {
        assert_eq!(refreshed(&registry, refresh).await.json()["scope"], "");
    }
    // Back in; the personal token revoked: its refresh token goes with it, the password's stays.
    registry.admin(&["member", "add", "library", "alice", "--role", "guest"]);
    assert_eq!(granted(&alice).await, Some(json!(SCOPE)));
    registry.admin(&["token", "revoke", "alice", "ci"]);
    assert_eq!(granted(&personal).await, None);
    personal
        .get(MANIFEST)
        .await
        .assert_error(401, "UNAUTHORIZED");
    refreshed(&registry, &by_token)
        .await
        .assert_error(401, "UNAUTHORIZED");
    refreshed(&registry, &by_password).await.assert_status(200);
    // Another password: the old one is nothing, and neither is what was got with it.
    let reset = registry.admin(&["user", "reset-password", "alice"]);
    alice.get(MANIFEST).await.assert_error(401, "UNAUTHORIZED");
    refreshed(&registry, &by_password)
        .await
        .assert_error(401, "UNAUTHORIZED");
    let alice = registry.as_user("alice", reset["password"].as_str().expect("a password"));
    let refresh = refresh_token_of(&alice).await;
    // Disabled: nothing; and after that is undone, what was before stays dead.
    registry.admin(&["user", "disable", "alice"]);
    alice.get(MANIFEST).await.assert_error(401, "UNAUTHORIZED");
    assert_eq!(granted(&alice).await, None);
    refreshed(&registry, &refresh)
        .await
        .assert_error(401, "UNAUTHORIZED");
    registry.admin(&["user", "enable", "alice"]);
    alice.get(MANIFEST).await.assert_status(200);
    refreshed(&registry, &refresh)
        .await
        .assert_error(401, "UNAUTHORIZED");
}
