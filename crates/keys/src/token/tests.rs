use aws_lc_rs::hmac;
use serde_json::{Value, json};

use super::*;
use crate::deployment_key::{DeploymentKey, Purpose, UnsealError};
use crate::random::SeededRandom;

const NOW_MS: i64 = 1_790_000_000_500;
const NOW: i64 = 1_790_000_000;
const US: Expected<'static> = Expected {
    issuer: "https://registry.example.com",
    audience: "registry.example.com",
};

fn signing_key(seed: u64) -> SigningKey {
    SigningKey::generate(&SeededRandom::new(seed))
}

fn keys() -> SigningKeys {
    SigningKeys::new(signing_key(1), vec![])
}

fn claims() -> Claims {
    Claims {
        iss: US.issuer.into(),
        sub: "alice".into(),
        user: "u1".into(),
        aud: US.audience.into(),
        exp: NOW + 300,
        nbf: NOW,
        iat: NOW,
        jti: "0198c0de".into(),
        account: "acme".into(),
        credential: CredentialRef {
            kind: CredentialKind::Password,
            id: "u1".into(),
        },
        access: vec![AccessEntry {
            kind: "repository".into(),
            name: "team/app".into(),
            actions: vec!["pull".into(), "push".into()],
        }],
        content_request: String::new(),
    }
}

fn encoded(part: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(part)
}

fn good_header() -> Value {
    json!({"alg": "EdDSA", "typ": ACCESS_TOKEN_TYP, "kid": signing_key(1).id()})
}

/// Our private key, as someone would have to hold it to sign what we do not issue.
fn our_pair() -> aws_lc_rs::signature::Ed25519KeyPair {
    let mut seed = [0; 32];
    crate::random::Random::fill(&SeededRandom::new(1), &mut seed);
    aws_lc_rs::signature::Ed25519KeyPair::from_seed_unchecked(&seed).unwrap()
}

/// A token with this very text as header and claims, signed with our own key.
fn signed(header: &str, claims: &str) -> String {
    let message = format!("{}.{}", encoded(header), encoded(claims));
    let signature = our_pair().sign(message.as_bytes());
    format!("{message}.{}", encoded(signature))
}

fn with_header(field: &str, value: Value) -> String {
    let mut header = good_header();
    header[field] = value;
    signed(
        &header.to_string(),
        &serde_json::to_string(&claims()).unwrap(),
    )
}

fn with_claim(field: &str, value: Value) -> String {
    let mut body = serde_json::to_value(claims()).unwrap();
    if value.is_null() {
        body.as_object_mut().unwrap().remove(field);
    } else {
        body[field] = value;
    }
    signed(&good_header().to_string(), &body.to_string())
}

fn verdict(token: &str) -> Result<Claims, TokenRejected> {
    keys().verify(token, &US, NOW_MS)
}

#[test]
fn what_was_issued_is_accepted_and_says_the_same() {
    let token = keys().issue(&claims()).unwrap();
    assert_eq!(verdict(&token), Ok(claims()));
    let header: Value = serde_json::from_slice(
        &URL_SAFE_NO_PAD
            .decode(token.split('.').next().unwrap())
            .unwrap(),
    )
    .unwrap();
    assert_eq!(header, good_header());
    // The hand-made tokens below are refused for what they change, not for how they are made.
    assert_eq!(verdict(&with_claim("sub", json!("alice"))), Ok(claims()));
}

#[test]
fn algorithms_other_than_the_keys_are_refused() {
    for alg in [
        "none", "None", "NONE", "", "HS256", "HS512", "ES256", "RS256", "PS256", "eddsa", "Ed25519",
    ] {
        assert_eq!(
            verdict(&with_header("alg", json!(alg))),
            Err(TokenRejected::Algorithm),
            "{alg}"
        );
    }
}

#[test]
fn an_unsigned_token_is_refused() {
    let body = encoded(serde_json::to_string(&claims()).unwrap());
    let none = encoded(
        json!({"alg": "none", "typ": ACCESS_TOKEN_TYP, "kid": signing_key(1).id()}).to_string(),
    );
    assert_eq!(
        verdict(&format!("{none}.{body}.")),
        Err(TokenRejected::Algorithm)
    );
    let bare = encoded(r#"{"alg":"none"}"#);
    assert_eq!(
        verdict(&format!("{bare}.{body}.")),
        Err(TokenRejected::Header)
    );
    let ours = encoded(good_header().to_string());
    assert_eq!(
        verdict(&format!("{ours}.{body}.")),
        Err(TokenRejected::Signature)
    );
    assert_eq!(
        verdict(&format!("{ours}.{body}")),
        Err(TokenRejected::Malformed)
    );
}

#[test]
fn the_public_key_as_an_hmac_secret_signs_nothing() {
    let public = signing_key(1);
    let secret = hmac::Key::new(hmac::HMAC_SHA256, public.verifying_key().bytes());
    for alg in ["HS256", "EdDSA"] {
        let mut header = good_header();
        header["alg"] = json!(alg);
        let message = format!(
            "{}.{}",
            encoded(header.to_string()),
            encoded(serde_json::to_string(&claims()).unwrap())
        );
        let tag = hmac::sign(&secret, message.as_bytes());
        let refused = verdict(&format!("{message}.{}", encoded(tag)));
        assert!(
            matches!(
                refused,
                Err(TokenRejected::Algorithm | TokenRejected::Signature)
            ),
            "{alg}: {refused:?}"
        );
    }
}

/// The forger signs with a key of their own and sends it along.
#[test]
fn a_key_that_the_token_brings_along_is_refused() {
    let forger = signing_key(666);
    let x = encoded(forger.verifying_key().bytes());
    for (field, value) in [
        ("jwk", json!({"kty": "OKP", "crv": "Ed25519", "x": x})),
        ("jku", json!("https://evil.example/keys")),
        ("x5u", json!("https://evil.example/cert")),
        ("x5c", json!(["MIIB"])),
        ("x5t", json!("AAAA")),
        ("crit", json!(["exp"])),
        ("b64", json!(false)),
        ("cty", json!("JWT")),
        ("zip", json!("DEF")),
    ] {
        // Even signed by us: the field itself is refused.
        assert_eq!(
            verdict(&with_header(field, value)),
            Err(TokenRejected::Header),
            "{field}"
        );
    }
    let forged = SigningKeys::new(forger, vec![]).issue(&claims()).unwrap();
    assert_eq!(verdict(&forged), Err(TokenRejected::UnknownKey));
    let renamed = {
        let (_, rest) = forged.split_once('.').unwrap();
        format!("{}.{rest}", encoded(good_header().to_string()))
    };
    assert_eq!(verdict(&renamed), Err(TokenRejected::Signature));
}

#[test]
fn odd_key_ids_are_unknown() {
    let long = "a".repeat(100);
    for kid in [
        "",
        "../../../../dev/null",
        "' OR 1=1 --",
        "a b",
        "\0",
        "ключ",
        "*",
        long.as_str(),
        "00000000000000000000000000000000",
    ] {
        assert_eq!(
            verdict(&with_header("kid", json!(kid))),
            Err(TokenRejected::UnknownKey),
            "{kid}"
        );
    }
    let very_long = with_header("kid", json!("a".repeat(1_000)));
    assert_eq!(verdict(&very_long), Err(TokenRejected::Malformed));
    let upper = signing_key(1).id().to_uppercase();
    assert_eq!(
        verdict(&with_header("kid", json!(upper))),
        Err(TokenRejected::UnknownKey)
    );
    for kid in [json!(null), json!(1), json!(["a"])] {
        assert_eq!(
            verdict(&with_header("kid", kid)),
            Err(TokenRejected::Header)
        );
    }
}

#[test]
fn tokens_of_another_kind_are_refused() {
    for typ in [
        "JWT",
        "at+jwt",
        "",
        "roadstead-upload+jwt",
        "ROADSTEAD-ACCESS+JWT",
        "roadstead-access+jwt ",
    ] {
        assert_eq!(
            verdict(&with_header("typ", json!(typ))),
            Err(TokenRejected::Kind),
            "{typ}"
        );
    }
    let opaque = crate::random::generate_token("rsd_refresh_", &SeededRandom::new(4));
    assert_eq!(verdict(opaque.expose()), Err(TokenRejected::Malformed));
}

#[test]
fn a_missing_header_field_or_one_given_twice_is_refused() {
    let body = serde_json::to_string(&claims()).unwrap();
    let kid = signing_key(1).id().to_owned();
    for header in [
        "{}".to_owned(),
        format!(r#"{{"alg":"EdDSA","kid":"{kid}"}}"#),
        format!(r#"{{"alg":"EdDSA","typ":"{ACCESS_TOKEN_TYP}"}}"#),
        format!(r#"{{"alg":"EdDSA","alg":"none","typ":"{ACCESS_TOKEN_TYP}","kid":"{kid}"}}"#),
        format!(r#"{{"alg":"EdDSA","typ":"{ACCESS_TOKEN_TYP}","kid":"x","kid":"{kid}"}}"#),
        "[]".to_owned(),
        "null".to_owned(),
        "\"EdDSA\"".to_owned(),
    ] {
        assert_eq!(
            verdict(&signed(&header, &body)),
            Err(TokenRejected::Header),
            "{header}"
        );
    }
    for header in ["", "{", "nonsense", "{}{}"] {
        assert!(verdict(&signed(header, &body)).is_err(), "{header}");
    }
}

#[test]
fn texts_that_are_no_tokens_are_malformed() {
    let good = keys().issue(&claims()).unwrap();
    for token in [
        String::new(),
        ".".into(),
        "..".into(),
        "a.b".into(),
        "a.b.c.d".into(),
        format!("{good}.x"),
        format!("{good}."),
        format!(" {good}"),
        format!(".{good}"),
        good.replacen('.', "=.", 1),
        good.replacen("ey", "é", 1),
    ] {
        assert_eq!(verdict(&token), Err(TokenRejected::Malformed), "{token}");
    }
    for token in [format!("{good}="), format!("{good} "), format!("{good}\n")] {
        assert_eq!(verdict(&token), Err(TokenRejected::Signature), "{token}");
    }
}

#[test]
fn every_changed_character_is_noticed() {
    let good = keys().issue(&claims()).unwrap();
    for position in 0..good.len() {
        let replacement = if good.as_bytes()[position] == b'A' {
            "B"
        } else {
            "A"
        };
        let mut changed = good.clone();
        changed.replace_range(position..=position, replacement);
        assert!(verdict(&changed).is_err(), "{position}");
    }
}

#[test]
fn a_huge_token_is_refused_before_it_is_parsed() {
    let filler = "a".repeat(1 << 20);
    let huge = with_claim("sub", json!(filler));
    assert_eq!(verdict(&huge), Err(TokenRejected::TooLarge));
    // Not even a token: size comes first.
    assert_eq!(verdict(&filler), Err(TokenRejected::TooLarge));
    assert_eq!(
        verdict(&filler[..MAX_TOKEN_BYTES]),
        Err(TokenRejected::Malformed)
    );
    assert_eq!(
        verdict(&filler[..=MAX_TOKEN_BYTES]),
        Err(TokenRejected::TooLarge)
    );
}

#[test]
fn ten_thousand_access_entries_are_refused_and_never_issued() {
    let entry = json!({"type": "r", "name": "a", "actions": []});
    let with = |count: usize| with_claim("access", json!(vec![entry.clone(); count]));
    assert!(verdict(&with(MAX_ACCESS_ENTRIES)).is_ok());
    assert_eq!(
        verdict(&with(MAX_ACCESS_ENTRIES + 1)),
        Err(TokenRejected::TooManyAccessEntries)
    );
    assert_eq!(verdict(&with(10_000)), Err(TokenRejected::TooLarge));

    let mut many = claims();
    many.access = vec![many.access[0].clone(); MAX_ACCESS_ENTRIES + 1];
    assert_eq!(keys().issue(&many), Err(IssueError::TooLarge));
    many.access.truncate(MAX_ACCESS_ENTRIES);
    for entry in &mut many.access {
        entry.name = "a/".repeat(120);
    }
    assert_eq!(keys().issue(&many), Err(IssueError::TooLarge));
}

#[test]
fn a_missing_claim_or_one_of_another_type_is_refused() {
    for claim in [
        "iss",
        "sub",
        "aud",
        "exp",
        "nbf",
        "iat",
        "jti",
        "account",
        "credential",
    ] {
        assert_eq!(
            verdict(&with_claim(claim, Value::Null)),
            Err(TokenRejected::Malformed),
            "{claim}"
        );
    }
    for (claim, value) in [
        ("exp", json!("1890000000")),
        ("exp", json!(1.89e9)),
        ("exp", json!(1e300)),
        ("exp", json!(u64::MAX)),
        ("nbf", json!(false)),
        ("aud", json!([US.audience])),
        ("aud", json!([US.audience, "https://evil.example"])),
        ("iss", json!([US.issuer])),
        ("access", json!({})),
        ("credential", json!({"kind": "root", "id": "u1"})),
        ("credential", json!({"id": "u1"})),
    ] {
        assert_eq!(
            verdict(&with_claim(claim, value.clone())),
            Err(TokenRejected::Malformed),
            "{claim} {value}"
        );
    }
}

#[test]
fn a_claim_given_twice_is_refused() {
    let body = serde_json::to_string(&claims()).unwrap();
    for twice in [
        format!(r#""exp":{}"#, NOW + 9_999),
        r#""sub":"admin""#.to_owned(),
        r#""user":"u2""#.to_owned(),
        format!(r#""aud":"{}""#, US.audience),
        r#""account":"other""#.to_owned(),
        r#""access":[]"#.to_owned(),
    ] {
        let doubled = body.replacen('{', &format!("{{{twice},"), 1);
        assert_eq!(
            verdict(&signed(&good_header().to_string(), &doubled)),
            Err(TokenRejected::Malformed),
            "{twice}"
        );
    }
}

#[test]
fn claims_that_are_not_an_object_or_nest_deeply_are_refused() {
    for body in ["", "null", "[]", "\"a\"", "{}", &"[".repeat(9_000)] {
        let refused = verdict(&signed(&good_header().to_string(), body));
        assert_eq!(refused, Err(TokenRejected::Malformed));
    }
    let nested = format!("{}{}", "[".repeat(3_000), "]".repeat(3_000));
    let with_nested = |claim: &str| {
        let body = serde_json::to_string(&claims()).unwrap();
        let body = body.replacen('{', &format!(r#"{{"{claim}":{nested},"#), 1);
        verdict(&signed(&good_header().to_string(), &body))
    };
    assert_eq!(with_nested("access"), Err(TokenRejected::Malformed));
    assert_eq!(
        with_nested("unknown"),
        Ok(claims()),
        "skipped without recursion"
    );
}

/// A later release may add a claim while this one still runs beside it.
#[test]
fn an_unknown_claim_is_ignored() {
    assert_eq!(verdict(&with_claim("colour", json!("blue"))), Ok(claims()));
}

#[test]
fn other_issuers_and_audiences_are_refused() {
    assert_eq!(
        verdict(&with_claim("iss", json!("https://evil.example"))),
        Err(TokenRejected::Issuer)
    );
    assert_eq!(
        verdict(&with_claim("iss", json!(""))),
        Err(TokenRejected::Issuer)
    );
    for aud in [
        "registry.example.com.evil.example",
        "Registry.example.com",
        "registry",
        "",
    ] {
        assert_eq!(
            verdict(&with_claim("aud", json!(aud))),
            Err(TokenRejected::Audience),
            "{aud}"
        );
    }
}

#[test]
fn a_token_counts_from_nbf_to_exp_and_not_a_second_longer() {
    let token = keys().issue(&claims()).unwrap();
    let at = |secs: i64| keys().verify(&token, &US, secs * 1_000).map(|_| ());
    assert_eq!(at(NOW + 299), Ok(()));
    assert_eq!(
        keys()
            .verify(&token, &US, (NOW + 300) * 1_000 - 1)
            .map(|_| ()),
        Ok(())
    );
    assert_eq!(at(NOW + 300), Err(TokenRejected::Expired));
    assert_eq!(at(NOW + 100_000), Err(TokenRejected::Expired));
    assert_eq!(
        at(NOW - LEEWAY_SECS),
        Ok(()),
        "another replica's clock may be ahead a little"
    );
    assert_eq!(at(NOW - LEEWAY_SECS - 1), Err(TokenRejected::NotYetValid));
    assert_eq!(at(0), Err(TokenRejected::NotYetValid));
    assert_eq!(
        keys().verify(&token, &US, i64::MIN).map(|_| ()),
        Err(TokenRejected::NotYetValid)
    );

    assert_eq!(
        verdict(&with_claim("nbf", json!(NOW + 6))),
        Err(TokenRejected::NotYetValid)
    );
    assert_eq!(
        verdict(&with_claim("iat", json!(NOW + 6))),
        Err(TokenRejected::NotYetValid)
    );
    assert_eq!(
        verdict(&with_claim("exp", json!(-1))),
        Err(TokenRejected::Expired)
    );
    assert_eq!(
        verdict(&with_claim("exp", json!(i64::MIN))),
        Err(TokenRejected::Expired)
    );
    assert_eq!(
        verdict(&with_claim("nbf", json!(i64::MAX))),
        Err(TokenRejected::NotYetValid)
    );
}

#[test]
fn a_token_that_would_never_be_valid_is_not_issued() {
    for (exp, nbf, iat) in [
        (NOW, NOW, NOW),
        (NOW + 5, NOW + 5, NOW),
        (NOW + 5, NOW, NOW + 6),
    ] {
        let never = Claims {
            exp,
            nbf,
            iat,
            ..claims()
        };
        assert_eq!(keys().issue(&never), Err(IssueError::EndsBeforeItBegins));
    }
}

#[test]
fn previous_keys_are_accepted_until_they_retire_and_next_ones_before_they_sign() {
    let before = keys();
    let old_token = before.issue(&claims()).unwrap();
    let next = signing_key(2);
    let prepared = SigningKeys::new(signing_key(1), vec![next.verifying_key().clone()]);
    let retires_at_ms = Some(NOW_MS + 1_000);
    let old = VerifyingKey::new(*signing_key(1).verifying_key().bytes(), retires_at_ms);
    let rotated = SigningKeys::new(next, vec![old]);
    assert_ne!(rotated.current_id(), before.current_id());

    let new_token = rotated.issue(&claims()).unwrap();
    assert!(prepared.verify(&new_token, &US, NOW_MS).is_ok());
    assert_eq!(
        before.verify(&new_token, &US, NOW_MS),
        Err(TokenRejected::UnknownKey)
    );
    assert!(rotated.verify(&old_token, &US, NOW_MS).is_ok());
    let retired = rotated.verify(&old_token, &US, NOW_MS + 1_000);
    assert_eq!(retired, Err(TokenRejected::UnknownKey));
}

/// Listing the current key among the others, with an end, must not end it.
#[test]
fn the_current_key_does_not_retire() {
    let ended = VerifyingKey::new(*signing_key(1).verifying_key().bytes(), Some(0));
    let keys = SigningKeys::new(signing_key(1), vec![ended]);
    let token = keys.issue(&claims()).unwrap();
    assert!(keys.verify(&token, &US, NOW_MS).is_ok());
}

#[test]
fn a_signing_key_is_kept_sealed_and_comes_back_under_its_own_id_only() {
    let deployment = DeploymentKey::from_bytes(&[1; 32]);
    let key = signing_key(1);
    let sealed = key.seal(&deployment);
    let back = SigningKey::unseal(&deployment, key.id(), &sealed).unwrap();
    assert_eq!(back.id(), key.id());
    let token = SigningKeys::new(back, vec![]).issue(&claims()).unwrap();
    assert_eq!(verdict(&token), Ok(claims()));

    let other = signing_key(2);
    let moved = SigningKey::unseal(&deployment, other.id(), &sealed).unwrap_err();
    assert_eq!(moved, ImportError::Unseal(UnsealError::Refused));
    let pkcs8 = our_pair().to_pkcs8v1().unwrap();
    let mislabelled = deployment.seal(Purpose::SIGNING_KEY, other.id(), pkcs8.as_ref());
    let error = SigningKey::unseal(&deployment, other.id(), &mislabelled).unwrap_err();
    assert_eq!(
        error,
        ImportError::OtherId {
            expected: other.id().to_owned()
        }
    );
    let nonsense = deployment.seal(Purpose::SIGNING_KEY, "x", b"not a key");
    let error = SigningKey::unseal(&deployment, "x", &nonsense).unwrap_err();
    assert_eq!(error, ImportError::NotAKey);
}

#[test]
fn nothing_of_a_private_key_is_printed() {
    let key = signing_key(1);
    assert_eq!(
        format!("{key:?}"),
        format!("SigningKey {{ id: {:?}, .. }}", key.id())
    );
    let printed = format!("{:?}", keys());
    assert!(
        !printed.contains("redacted") && !printed.contains("pkcs8"),
        "{printed}"
    );
}
