//! Tokens that others sign: what an OpenID issuer says of a person or of a workload (OpenID Connect Core 1.0, section 2;
//! RFC 7519; RFC 8725 for what goes wrong). One way to check them, for logins and for workloads alike.
//!
//! The key is the issuer's own, found by `kid` in the document that was fetched from the issuer; the algorithm is one that
//! goes with the key's type, never a shared secret and never none; a key that a token brings along is not looked at, and a
//! header that has one is refused. What has to stand in the claims is listed in [`IdentityExpected`].

mod issuer_keys;

use crate::secret::SecretString;
use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use issuer_keys::algorithm;
pub use issuer_keys::{IssuerKeys, IssuerKeysInvalid};
use jsonwebtoken::Algorithm;
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use std::fmt;

/// Longest token, in bytes. Those of large issuers have 1 to 4 KiB.
pub const MAX_IDENTITY_TOKEN_BYTES: usize = 16 * 1024;
/// How far ahead of ours an issuer's clock may be, in seconds.
pub const IDENTITY_LEEWAY_SECS: i64 = 60;

const MAX_HEADER_BYTES: usize = 2048;
const MAX_KEY_ID_BYTES: usize = 256;
const MAX_SUBJECT_BYTES: usize = 512;

/// Why a token counts for nothing. The reasons are for our log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum IdentityTokenRejected {
    /// Longer than [`MAX_IDENTITY_TOKEN_BYTES`].
    #[error("the token is longer than 16 KiB")]
    TooLarge,
    /// Not three base64url parts, no JSON, a claim given twice or of another type.
    #[error("the token is malformed")]
    Malformed,
    /// The header brings a key or has parameters that must be understood and are not.
    #[error("the token's header has fields that are not allowed")]
    Header,
    /// Another kind of token.
    #[error("the token is not an identity token")]
    Kind,
    /// An algorithm that is not accepted, or not the key's.
    #[error("the token names an algorithm that is not accepted, or another than its key has")]
    Algorithm,
    /// The issuer has no such key.
    #[error("the issuer has no key of the token's id")]
    UnknownKey,
    /// Not signed by that key.
    #[error("the token's signature is wrong")]
    Signature,
    /// From someone else.
    #[error("the token has another issuer")]
    Issuer,
    /// For someone else, or not for us alone.
    #[error("the token is for another audience, or not for one alone")]
    Audience,
    /// Ended, or without an end.
    #[error("the token has expired, or has no end")]
    Expired,
    /// Not begun, or issued in the future.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// Nobody, or a name that cannot be one.
    #[error("the token names no subject, or one that cannot be used")]
    Subject,
    /// Made for another login.
    #[error("the token belongs to another login")]
    Nonce,
}

/// Whom a token must be from and for.
#[derive(Debug, Clone, Copy)]
pub struct IdentityExpected<'a> {
    /// The only `iss` accepted, byte for byte.
    pub issuer: &'a str,
    /// The only `aud` accepted: a text, or a list of this one alone. Whoever else a token is for could show it to us.
    pub audience: &'a str,
    /// What a login sent along; `None` for tokens that no login asked for.
    pub nonce: Option<&'a str>,
}

/// What a token says that was found right.
#[derive(Debug, Clone)]
pub struct IdentityClaims {
    /// Whom it is about: 1 to 512 bytes, no control characters.
    pub subject: String,
    /// When it ends, in seconds since 1970.
    pub expires_at_secs: i64,
    /// Everything that it says.
    pub all: Map<String, Value>,
}

impl IdentityClaims {
    /// A claim that is a text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.all.get(name).and_then(Value::as_str)
    }
}

#[derive(Deserialize)]
struct TokenHeader {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
}

/// A token taken apart; nothing of it is believed yet.
#[derive(Debug)]
pub struct IdentityToken<'a> {
    algorithm: Algorithm,
    key_id: Option<String>,
    /// What was signed: header, dot, claims.
    message: &'a str,
    signature: &'a str,
    claims: Map<String, Value>,
}

impl<'a> IdentityToken<'a> {
    /// Takes a token apart and looks at its header.
    pub fn parse(token: &'a str) -> Result<Self, IdentityTokenRejected> {
        use IdentityTokenRejected as R;
        if token.len() > MAX_IDENTITY_TOKEN_BYTES {
            return Err(R::TooLarge);
        }
        let (message, signature) = token.rsplit_once('.').ok_or(R::Malformed)?;
        let (header, claims) = message.split_once('.').ok_or(R::Malformed)?;
        if claims.contains('.') || header.len() > MAX_HEADER_BYTES || signature.is_empty() {
            return Err(R::Malformed);
        }
        let fields = unique_fields(&decoded(header)?)?;
        let is_forbidden = |name: &&str| {
            matches!(
                *name,
                "jwk" | "jku" | "x5u" | "x5c" | "crit" | "b64" | "zip" | "enc"
            )
        };
        if fields
            .keys()
            .map(String::as_str)
            .any(|name| is_forbidden(&name))
        {
            return Err(R::Header);
        }
        let header: TokenHeader =
            serde_json::from_value(Value::Object(fields)).map_err(|_| R::Malformed)?;
        let kind = header.typ.as_deref().unwrap_or("JWT");
        if !kind.eq_ignore_ascii_case("jwt") {
            return Err(R::Kind);
        }
        if header
            .kid
            .as_ref()
            .is_some_and(|id| id.len() > MAX_KEY_ID_BYTES)
        {
            return Err(R::UnknownKey);
        }
        Ok(Self {
            algorithm: algorithm(&header.alg).ok_or(R::Algorithm)?,
            key_id: header.kid,
            message,
            signature,
            claims: unique_fields(&decoded(claims)?)?,
        })
    }

    /// Whom the token claims to be from: to find out whose keys to ask for, and nothing else.
    pub fn claimed_issuer(&self) -> Option<&str> {
        self.claims.get("iss").and_then(Value::as_str)
    }

    /// Whom the token claims to be for, when that is one.
    pub fn claimed_audience(&self) -> Option<&str> {
        match self.claims.get("aud")? {
            Value::String(one) => Some(one),
            Value::Array(all) => match all.as_slice() {
                [Value::String(one)] => Some(one),
                _ => None,
            },
            _ => None,
        }
    }

    /// The claims of a token that is the issuer's, whole, meant for us and in its time.
    pub fn verify(
        &self,
        keys: &IssuerKeys,
        expected: &IdentityExpected<'_>,
        now_ms: i64,
    ) -> Result<IdentityClaims, IdentityTokenRejected> {
        use IdentityTokenRejected as R;
        let key = keys.find(self).ok_or(R::UnknownKey)?;
        if !key.algorithms.contains(&self.algorithm) {
            return Err(R::Algorithm);
        }
        let is_theirs = jsonwebtoken::crypto::verify(
            self.signature,
            self.message.as_bytes(),
            &key.decoding,
            self.algorithm,
        );
        if !is_theirs.unwrap_or(false) {
            return Err(R::Signature);
        }
        if self.claimed_issuer() != Some(expected.issuer) {
            return Err(R::Issuer);
        }
        // Exactly ours, and nobody else's beside.
        if self.claimed_audience() != Some(expected.audience) {
            return Err(R::Audience);
        }
        // Whom a login's token was issued to is us, where it says so. With workloads the word means something else.
        if expected.nonce.is_some()
            && self
                .claims
                .get("azp")
                .is_some_and(|to| to.as_str() != Some(expected.audience))
        {
            return Err(R::Audience);
        }
        let expires_at_secs = require_time(&self.claims, now_ms.div_euclid(1000))?;
        if let Some(nonce) = expected.nonce
            && self.claims.get("nonce").and_then(Value::as_str) != Some(nonce)
        {
            return Err(R::Nonce);
        }
        let subject = self.claims.get("sub").and_then(Value::as_str);
        let is_name = |text: &&str| {
            !text.is_empty()
                && text.len() <= MAX_SUBJECT_BYTES
                && !text.chars().any(char::is_control)
        };
        Ok(IdentityClaims {
            subject: subject.filter(is_name).ok_or(R::Subject)?.to_owned(),
            expires_at_secs,
            all: self.claims.clone(),
        })
    }
}

/// What is shown of a verifier when a login begins (RFC 7636, section 4.2, method S256).
pub fn pkce_challenge(verifier: &SecretString) -> String {
    let hash = digest::digest(&digest::SHA256, verifier.expose().as_bytes());
    URL_SAFE_NO_PAD.encode(hash)
}

/// The `Authorization` header of a client that has a secret (RFC 6749, section 2.3.1). Both are encoded as in forms already.
pub fn client_authorization(id: &str, secret: &str) -> SecretString {
    SecretString::new(format!(
        "Basic {}",
        STANDARD.encode(format!("{id}:{secret}"))
    ))
}

/// When the token ends. Rights do not outlive it by any leeway.
fn require_time(claims: &Map<String, Value>, now_secs: i64) -> Result<i64, IdentityTokenRejected> {
    use IdentityTokenRejected as R;
    let seconds = |name: &str| match claims.get(name) {
        None => Ok(None),
        Some(value) => numeric_date(value).map(Some).ok_or(R::Malformed),
    };
    let ends = seconds("exp")?.ok_or(R::Expired)?;
    if ends <= now_secs {
        return Err(R::Expired);
    }
    let latest = now_secs.saturating_add(IDENTITY_LEEWAY_SECS);
    for name in ["nbf", "iat"] {
        if seconds(name)?.is_some_and(|begins| begins > latest) {
            return Err(R::NotYetValid);
        }
    }
    Ok(ends)
}

/// RFC 7519, section 2: seconds, with a fraction perhaps.
fn numeric_date(value: &Value) -> Option<i64> {
    if let Some(whole) = value.as_i64() {
        return Some(whole);
    }
    let seconds = value.as_f64()?.floor();
    #[expect(clippy::cast_possible_truncation, reason = "it was looked at before")]
    (seconds.abs() < 1e15).then_some(seconds as i64)
}

fn decoded(part: &str) -> Result<Vec<u8>, IdentityTokenRejected> {
    URL_SAFE_NO_PAD
        .decode(part)
        .map_err(|_| IdentityTokenRejected::Malformed)
}

/// The fields of a JSON object, none of them twice: two readers of one that is given twice may each believe another.
fn unique_fields(json: &[u8]) -> Result<Map<String, Value>, IdentityTokenRejected> {
    struct Fields(Map<String, Value>);

    impl<'de> Deserialize<'de> for Fields {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            deserializer.deserialize_map(Each)
        }
    }

    struct Each;

    impl<'de> Visitor<'de> for Each {
        type Value = Fields;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Fields, A::Error> {
            let mut fields = Map::new();
            while let Some((name, value)) = access.next_entry::<String, Value>()? {
                if fields.insert(name, value).is_some() {
                    return Err(A::Error::custom("a field stands twice"));
                }
            }
            Ok(Fields(fields))
        }
    }

    serde_json::from_slice::<Fields>(json)
        .map(|fields| fields.0)
        .map_err(|_| IdentityTokenRejected::Malformed)
}

#[cfg(test)]
mod tests;
