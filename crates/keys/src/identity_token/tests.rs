use super::*;
use IdentityTokenRejected as R;
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeySize, PublicKeyComponents};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
    RsaKeyPair,
};
use serde_json::json;
use std::sync::LazyLock;

const NOW: i64 = 1_790_000_000;
const NOW_MS: i64 = NOW * 1000 + 500;
const ISSUER: &str = "https://issuer.example.com";
const US: IdentityExpected<'static> = IdentityExpected {
    issuer: ISSUER,
    audience: "registry",
    nonce: None,
};

static RSA: LazyLock<RsaKeyPair> =
    LazyLock::new(|| RsaKeyPair::generate(KeySize::Rsa2048).unwrap());
static EC: LazyLock<EcdsaKeyPair> =
    LazyLock::new(|| EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap());
static ED: LazyLock<Ed25519KeyPair> = LazyLock::new(|| Ed25519KeyPair::generate().unwrap());

fn encoded(part: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(part)
}

fn rsa_modulus() -> Vec<u8> {
    let components: PublicKeyComponents<Vec<u8>> = RSA.public_key().into();
    components.n
}

fn published() -> Value {
    let components: PublicKeyComponents<Vec<u8>> = RSA.public_key().into();
    let point = EC.public_key().as_ref();
    let ed = ED.public_key().as_ref();
    json!({ "keys": [
        { "kty": "oct", "kid": "shared", "k": encoded(b"secret") },
        { "kty": "RSA", "kid": "rsa", "use": "sig", "alg": "RS256", "n": encoded(&components.n), "e": encoded(&components.e) },
        { "kty": "RSA", "kid": "for encryption", "use": "enc", "n": encoded(&components.n), "e": encoded(&components.e) },
        { "kty": "RSA", "kid": "small", "n": encoded(&components.n[..128]), "e": encoded(&components.e) },
        { "kty": "EC", "kid": "ec", "crv": "P-256", "x": encoded(&point[1..33]), "y": encoded(&point[33..]) },
        { "kty": "OKP", "kid": "ed", "crv": "Ed25519", "x": encoded(ed) },
        { "kty": "EC", "kid": "unknown curve", "crv": "P-999", "x": "", "y": "" },
        { "no": "key" },
    ] })
}

fn keys() -> IssuerKeys {
    IssuerKeys::parse(published().to_string().as_bytes()).unwrap()
}

fn claims() -> Value {
    json!({ "iss": ISSUER, "aud": "registry", "sub": "repo:acme/app", "exp": NOW + 300, "iat": NOW, "nbf": NOW })
}

fn with(field: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[field] = value;
    claims
}

fn without(field: &str) -> Value {
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove(field);
    claims
}

fn sign(header: &str, claims: &str) -> String {
    let message = format!("{}.{}", encoded(header), encoded(claims));
    let bytes = message.as_bytes();
    let signature = if header.contains("\"ec\"") {
        EC.sign(&SystemRandom::new(), bytes)
            .unwrap()
            .as_ref()
            .to_vec()
    } else if header.contains("\"ed\"") {
        ED.sign(bytes).as_ref().to_vec()
    } else {
        let mut signature = vec![0; RSA.public_modulus_len()];
        RSA.sign(
            &RSA_PKCS1_SHA256,
            &SystemRandom::new(),
            bytes,
            &mut signature,
        )
        .unwrap();
        signature
    };
    format!("{message}.{}", encoded(signature))
}

fn rsa_token(claims: &Value) -> String {
    sign(
        r#"{"alg":"RS256","kid":"rsa","typ":"JWT","x5t":"thumb"}"#,
        &claims.to_string(),
    )
}

fn verdict(token: &str) -> Result<IdentityClaims, R> {
    IdentityToken::parse(token)?.verify(&keys(), &US, NOW_MS)
}

#[track_caller]
fn assert_refused(token: &str, reason: R) {
    assert_eq!(verdict(token).map(|claims| claims.subject), Err(reason));
}

#[test]
fn each_kind_of_key_verifies_its_tokens() {
    for header in [
        r#"{"alg":"RS256","kid":"rsa","typ":"JWT"}"#,
        r#"{"alg":"ES256","kid":"ec"}"#,
        r#"{"alg":"EdDSA","kid":"ed","typ":"jwt"}"#,
    ] {
        let claims = verdict(&sign(header, &claims().to_string())).unwrap();
        assert_eq!(claims.subject, "repo:acme/app");
        assert_eq!(claims.expires_at_secs, NOW + 300);
        assert_eq!(claims.text("iss"), Some(ISSUER));
    }
}

#[test]
fn an_algorithm_that_is_not_the_keys_is_refused() {
    let body = claims().to_string();
    for (header, reason) in [
        (r#"{"alg":"none","kid":"rsa"}"#, R::Algorithm),
        (r#"{"alg":"None","kid":"rsa"}"#, R::Algorithm),
        (r#"{"alg":"HS256","kid":"rsa"}"#, R::Algorithm),
        (r#"{"alg":"PS256","kid":"rsa"}"#, R::Algorithm),
        (r#"{"alg":"ES256","kid":"rsa"}"#, R::Algorithm),
        (r#"{"alg":"RS256","kid":"ec"}"#, R::Algorithm),
        (r#"{"alg":"EdDSA","kid":"ec"}"#, R::Algorithm),
        // The key is for another of its algorithms.
        (r#"{"alg":"RS512","kid":"rsa"}"#, R::Algorithm),
        (r#"{"alg":"RS256","kid":"shared"}"#, R::UnknownKey),
        (r#"{"alg":"RS256","kid":"for encryption"}"#, R::UnknownKey),
        (r#"{"alg":"RS256","kid":"small"}"#, R::UnknownKey),
        (r#"{"alg":"RS256","kid":"../rsa"}"#, R::UnknownKey),
        (r#"{"alg":"RS256","kid":"' OR 1=1"}"#, R::UnknownKey),
        (r#"{"alg":"RS256"}"#, R::UnknownKey),
        (r#"{"kid":"rsa"}"#, R::Malformed),
    ] {
        assert_refused(&sign(header, &body), reason);
    }
    let long = format!(r#"{{"alg":"RS256","kid":"{}"}}"#, "a".repeat(300));
    assert_refused(&sign(&long, &body), R::UnknownKey);
    // The published modulus as a shared secret.
    let message = format!(
        "{}.{}",
        encoded(r#"{"alg":"HS256","kid":"rsa"}"#),
        encoded(&body)
    );
    let tag = hmac::sign(
        &hmac::Key::new(hmac::HMAC_SHA256, &rsa_modulus()),
        message.as_bytes(),
    );
    assert_refused(&format!("{message}.{}", encoded(tag)), R::Algorithm);
    assert_refused(
        &format!("{}.{}.", encoded(r#"{"alg":"none"}"#), encoded(&body)),
        R::Malformed,
    );
}

#[test]
fn a_key_that_a_token_brings_along_is_refused() {
    for field in ["jwk", "jku", "x5u", "x5c", "crit", "b64", "zip", "enc"] {
        let header =
            format!(r#"{{"alg":"RS256","kid":"rsa","{field}":"https://evil.example.com/"}}"#);
        assert_refused(&sign(&header, &claims().to_string()), R::Header);
    }
    let twice = r#"{"alg":"RS256","kid":"rsa","kid":"rsa"}"#;
    assert_refused(&sign(twice, &claims().to_string()), R::Malformed);
    let other = r#"{"alg":"RS256","kid":"rsa","typ":"at+jwt"}"#;
    assert_refused(&sign(other, &claims().to_string()), R::Kind);
}

#[test]
fn what_was_signed_by_nobody_or_changed_is_refused() {
    let token = rsa_token(&claims());
    let (message, signature) = token.rsplit_once('.').unwrap();
    let (header, _) = message.split_once('.').unwrap();
    let other = encoded(with("sub", json!("repo:evil/app")).to_string());
    assert_refused(&format!("{header}.{other}.{signature}"), R::Signature);
    assert_refused(&format!("{message}.{}", encoded([0; 256])), R::Signature);
    assert_refused(&format!("{message}.!!"), R::Signature);
    for malformed in ["", ".", "..", "a.b.c", "a.b.c.d", &format!("x{token}")] {
        assert_refused(malformed, R::Malformed);
    }
    assert_refused(&"a".repeat(1 << 20), R::TooLarge);
}

#[test]
fn a_token_from_or_for_somebody_else_is_refused() {
    for issuer in [
        "https://evil.example.com",
        "https://issuer.example.com/",
        "HTTPS://issuer.example.com",
        "",
    ] {
        assert_refused(&rsa_token(&with("iss", json!(issuer))), R::Issuer);
    }
    assert_refused(&rsa_token(&with("iss", json!([ISSUER]))), R::Issuer);
    assert_refused(&rsa_token(&without("iss")), R::Issuer);
    for audience in [
        json!("other"),
        json!(["registry", "evil"]),
        json!(["evil", "registry"]),
        json!([]),
        json!([["registry"]]),
        json!(null),
        json!({ "registry": true }),
        json!("registry evil"),
    ] {
        assert_refused(&rsa_token(&with("aud", audience)), R::Audience);
    }
    assert_refused(&rsa_token(&without("aud")), R::Audience);
    assert!(verdict(&rsa_token(&with("aud", json!(["registry"])))).is_ok());
}

#[test]
fn a_token_out_of_its_time_is_refused() {
    assert_refused(&rsa_token(&without("exp")), R::Expired);
    for exp in [json!(NOW), json!(NOW - 1), json!(0), json!(-1)] {
        assert_refused(&rsa_token(&with("exp", exp)), R::Expired);
    }
    for odd in [json!("soon"), json!(null), json!([NOW + 300]), json!(1e300)] {
        assert_refused(&rsa_token(&with("exp", odd)), R::Malformed);
    }
    assert!(verdict(&rsa_token(&with("exp", json!(1_790_000_001.5)))).is_ok());
    for name in ["nbf", "iat"] {
        assert!(verdict(&rsa_token(&with(name, json!(NOW + IDENTITY_LEEWAY_SECS)))).is_ok());
        let later = with(name, json!(NOW + IDENTITY_LEEWAY_SECS + 1));
        assert_refused(&rsa_token(&later), R::NotYetValid);
        assert!(verdict(&rsa_token(&without(name))).is_ok());
    }
}

#[test]
fn claims_that_stand_twice_and_subjects_that_are_none_are_refused() {
    let text = claims().to_string();
    let twice = text.replacen('{', r#"{"sub":"repo:evil/app","#, 1);
    let header = r#"{"alg":"RS256","kid":"rsa"}"#;
    assert_refused(&sign(header, &twice), R::Malformed);
    for subject in [
        json!(""),
        json!(null),
        json!(7),
        json!("a\nb"),
        json!("a".repeat(513)),
    ] {
        assert_refused(&rsa_token(&with("sub", subject)), R::Subject);
    }
    assert_refused(&rsa_token(&without("sub")), R::Subject);
}

#[test]
fn a_logins_token_belongs_to_that_login_and_was_issued_to_us() {
    let login = IdentityExpected {
        nonce: Some("n1"),
        ..US
    };
    let verdict = |claims: &Value| {
        let token = rsa_token(claims);
        let token = IdentityToken::parse(&token).unwrap();
        token
            .verify(&keys(), &login, NOW_MS)
            .map(|claims| claims.subject)
    };
    assert!(verdict(&with("nonce", json!("n1"))).is_ok());
    for nonce in [json!("n2"), json!(""), json!(null), json!(["n1"])] {
        assert_eq!(verdict(&with("nonce", nonce)), Err(R::Nonce));
    }
    assert_eq!(verdict(&claims()), Err(R::Nonce));
    let mut issued = with("nonce", json!("n1"));
    issued["azp"] = json!("registry");
    assert!(verdict(&issued).is_ok());
    issued["azp"] = json!("evil");
    assert_eq!(verdict(&issued), Err(R::Audience));
}

#[test]
fn a_set_with_one_key_needs_no_key_ids() {
    let mut published = published();
    let keys = published["keys"].as_array_mut().unwrap();
    keys.retain(|key| key["kid"] == "ed");
    keys[0].as_object_mut().unwrap().remove("kid");
    let only = IssuerKeys::parse(published.to_string().as_bytes()).unwrap();
    // The test signs with Ed25519 whatever says so.
    let token = sign(
        r#"{"alg":"EdDSA","typ":"JWT","for":"ed","x":"ed"}"#,
        &claims().to_string(),
    );
    let token = IdentityToken::parse(&token).unwrap();
    assert!(only.know(&token));
    assert!(token.verify(&only, &US, NOW_MS).is_ok());
    for document in ["", "{}", "[]", r#"{"keys":{}}"#, "<html>"] {
        assert!(
            IssuerKeys::parse(document.as_bytes()).is_err(),
            "{document}"
        );
    }
}

#[test]
fn a_challenge_is_the_standards_and_a_client_is_named_as_it_says() {
    let verifier = SecretString::new("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
    assert_eq!(
        pkce_challenge(&verifier),
        "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    );
    assert_eq!(
        client_authorization("s6BhdRkqt3", "gX1fBat3bV").expose(),
        "Basic czZCaGRSa3F0MzpnWDFmQmF0M2JW"
    );
}
