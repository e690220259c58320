//! The keys that an issuer publishes.

use super::IdentityToken;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;
use std::fmt;

/// Keys of one issuer that are looked at.
const MAX_KEYS: usize = 100;
/// The sizes of RSA keys, in bytes of the modulus: 2048 to 8192 bits.
const RSA_BYTES: std::ops::RangeInclusive<usize> = 256..=1024;

/// The document that should hold an issuer's keys does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the document is not a set of keys (RFC 7517)")]
pub struct IssuerKeysInvalid;

/// The public keys of an issuer that can be used.
#[derive(Clone, Debug, Default)]
pub struct IssuerKeys(Vec<IssuerKey>);

#[derive(Clone)]
pub(super) struct IssuerKey {
    id: Option<String>,
    pub(super) algorithms: Vec<Algorithm>,
    pub(super) decoding: DecodingKey,
}

impl fmt::Debug for IssuerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IssuerKey")
            .field("id", &self.id)
            .field("algorithms", &self.algorithms)
            .finish_non_exhaustive()
    }
}

/// A key as it is published (RFC 7517, RFC 7518 section 6, RFC 8037). Private parts are not read.
#[derive(Deserialize)]
struct PublishedKey {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl PublishedKey {
    fn read(self) -> Option<IssuerKey> {
        if self.usage.as_deref().is_some_and(|usage| usage != "sig") {
            return None;
        }
        let size = |part: &str| URL_SAFE_NO_PAD.decode(part).map(|bytes| bytes.len()).ok();
        let has_size = |part: &str, bytes: usize| size(part) == Some(bytes);
        let (algorithms, decoding) = match (self.kty.as_str(), self.crv.as_deref()) {
            ("RSA", _) => {
                let (n, e) = (self.n?, self.e?);
                if !RSA_BYTES.contains(&size(&n)?) {
                    return None;
                }
                let all = vec![Algorithm::RS256, Algorithm::RS384, Algorithm::RS512];
                (all, DecodingKey::from_rsa_components(&n, &e).ok()?)
            }
            ("EC", Some(curve @ ("P-256" | "P-384"))) => {
                let (x, y) = (self.x?, self.y?);
                let (algorithm, bytes) = match curve {
                    "P-256" => (Algorithm::ES256, 32),
                    _ => (Algorithm::ES384, 48),
                };
                if !has_size(&x, bytes) || !has_size(&y, bytes) {
                    return None;
                }
                let decoding = DecodingKey::from_ec_components(&x, &y).ok()?;
                (vec![algorithm], decoding)
            }
            ("OKP", Some("Ed25519")) => {
                let x = self.x.filter(|x| has_size(x, 32))?;
                let decoding = DecodingKey::from_ed_components(&x).ok()?;
                (vec![Algorithm::EdDSA], decoding)
            }
            _ => return None,
        };
        let algorithms = match &self.alg {
            None => algorithms,
            // A key that is for one algorithm is for no other.
            Some(only) => {
                let only = algorithm(only)?;
                algorithms.into_iter().filter(|one| *one == only).collect()
            }
        };
        Some(IssuerKey {
            id: self.kid,
            algorithms,
            decoding,
        })
    }
}

impl IssuerKeys {
    /// Reads a set of keys. Those of other kinds, for other uses, too small or too large are passed over.
    pub fn parse(document: &[u8]) -> Result<Self, IssuerKeysInvalid> {
        #[derive(Deserialize)]
        struct Document {
            keys: Vec<Value>,
        }
        let document: Document = serde_json::from_slice(document).map_err(|_| IssuerKeysInvalid)?;
        let keys = document.keys.into_iter().take(MAX_KEYS);
        let read = keys.filter_map(|key| serde_json::from_value::<PublishedKey>(key).ok()?.read());
        Ok(Self(read.collect()))
    }

    /// Whether there is a key that the token may have been signed with.
    pub fn know(&self, token: &IdentityToken<'_>) -> bool {
        self.find(token).is_some()
    }

    pub(super) fn find(&self, token: &IdentityToken<'_>) -> Option<&IssuerKey> {
        let Some(id) = &token.key_id else {
            // Without an id it can only be the one that there is.
            return match self.0.as_slice() {
                [only] => Some(only),
                _ => None,
            };
        };
        self.0.iter().find(|key| key.id.as_ref() == Some(id))
    }
}

/// An algorithm that is accepted; none of shared secrets.
pub(super) fn algorithm(name: &str) -> Option<Algorithm> {
    Some(match name {
        "RS256" => Algorithm::RS256,
        "RS384" => Algorithm::RS384,
        "RS512" => Algorithm::RS512,
        "ES256" => Algorithm::ES256,
        "ES384" => Algorithm::ES384,
        "EdDSA" => Algorithm::EdDSA,
        _ => return None,
    })
}
