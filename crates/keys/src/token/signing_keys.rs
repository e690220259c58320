//! The keys that sign access tokens: one that signs, and those whose tokens are still (or will soon be) accepted.

use std::fmt;

use aws_lc_rs::digest;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use jsonwebtoken::{DecodingKey, EncodingKey, Header};
use zeroize::Zeroizing;

use super::{
    ACCESS_TOKEN_TYP, Algorithm, Claims, Expected, IssueError, MAX_ACCESS_ENTRIES, MAX_TOKEN_BYTES,
    Parsed, TokenRejected, check_claims,
};
use crate::deployment_key::{DeploymentKey, Purpose, UnsealError};
use crate::random::Random;
use crate::secret::hex;

const PUBLIC_KEY_LENGTH: usize = 32;

/// Why a stored signing key cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// It could not be unsealed.
    #[error("cannot open the signing key: {0}")]
    Unseal(#[from] UnsealError),
    /// What was sealed is not an Ed25519 key in PKCS#8.
    #[error("the stored signing key is not an Ed25519 key; delete its row, and a new one is made")]
    NotAKey,
    /// It is another key than its row says.
    #[error(
        "the stored signing key does not have the id {expected}; delete its row, and a new one is made"
    )]
    OtherId {
        /// The id that the row gave.
        expected: String,
    },
}

/// An Ed25519 private key and its id.
pub struct SigningKey {
    pkcs8: EncodingKey,
    public: VerifyingKey,
}

impl SigningKey {
    /// A new key.
    pub fn generate(random: &dyn Random) -> Self {
        let mut seed = Zeroizing::new([0; 32]);
        random.fill(&mut *seed);
        let pair = Ed25519KeyPair::from_seed_unchecked(&*seed).expect("any 32 bytes are a seed");
        let pkcs8 = pair.to_pkcs8v1().expect("an Ed25519 key has a PKCS#8 form");
        Self::of(&pair, pkcs8.as_ref())
    }

    /// Its name in tokens and rows: 32 hexadecimal digits, made from the public key.
    pub fn id(&self) -> &str {
        &self.public.id
    }

    /// The half that may be shown.
    pub fn verifying_key(&self) -> &VerifyingKey {
        &self.public
    }

    /// The private key in PKCS#8, sealed for a row under [`id`](Self::id).
    pub fn seal(&self, deployment_key: &DeploymentKey) -> String {
        deployment_key.seal(Purpose::SIGNING_KEY, self.id(), self.pkcs8.as_bytes())
    }

    /// The key that [`seal`](Self::seal) sealed, whose id must be this one.
    pub fn unseal(
        deployment_key: &DeploymentKey,
        id: &str,
        sealed: &str,
    ) -> Result<Self, ImportError> {
        let pkcs8 = deployment_key.unseal(Purpose::SIGNING_KEY, id, sealed)?;
        let pair = Ed25519KeyPair::from_pkcs8(pkcs8.expose()).map_err(|_| ImportError::NotAKey)?;
        let key = Self::of(&pair, pkcs8.expose());
        if key.id() == id {
            Ok(key)
        } else {
            Err(ImportError::OtherId {
                expected: id.to_owned(),
            })
        }
    }

    fn of(pair: &Ed25519KeyPair, pkcs8: &[u8]) -> Self {
        let mut public = [0; PUBLIC_KEY_LENGTH];
        public.copy_from_slice(pair.public_key().as_ref());
        Self {
            pkcs8: EncodingKey::from_ed_der(pkcs8),
            public: VerifyingKey::new(public, None),
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("id", &self.public.id)
            .finish_non_exhaustive()
    }
}

/// An Ed25519 public key, and until when its tokens are accepted.
#[derive(Clone)]
pub struct VerifyingKey {
    id: String,
    bytes: [u8; PUBLIC_KEY_LENGTH],
    decoding: DecodingKey,
    retires_at_ms: Option<i64>,
}

impl VerifyingKey {
    /// A key from its 32 bytes. `retires_at_ms`: when the last token that it signed has expired; `None` for a key that
    /// signs, or is about to.
    pub fn new(bytes: [u8; PUBLIC_KEY_LENGTH], retires_at_ms: Option<i64>) -> Self {
        let hash = digest::digest(&digest::SHA256, &bytes);
        Self {
            id: hex(&hash.as_ref()[..16]),
            decoding: DecodingKey::from_ed_der(&bytes),
            bytes,
            retires_at_ms,
        }
    }

    /// Its id, as [`SigningKey::id`].
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Its 32 bytes (RFC 8032), for its row.
    pub fn bytes(&self) -> &[u8; PUBLIC_KEY_LENGTH] {
        &self.bytes
    }

    fn is_accepted(&self, now_ms: i64) -> bool {
        self.retires_at_ms.is_none_or(|retires| now_ms < retires)
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyingKey")
            .field("id", &self.id)
            .field("retires_at_ms", &self.retires_at_ms)
            .finish_non_exhaustive()
    }
}

/// The key that signs, and the others that are accepted: previous ones until they retire, and a next one before its
/// first token, so that no replica meets a key that it has not heard of. A set never changes; to rotate, make a new one.
#[derive(Debug)]
pub struct SigningKeys {
    current: SigningKey,
    accepted: Vec<VerifyingKey>,
}

impl SigningKeys {
    /// A set that signs with `current` and accepts it and `others`.
    pub fn new(current: SigningKey, others: Vec<VerifyingKey>) -> Self {
        let mut accepted = vec![current.public.clone()];
        accepted.extend(others.into_iter().filter(|key| key.id != current.id()));
        Self { current, accepted }
    }

    /// The id of the key that signs.
    pub fn current_id(&self) -> &str {
        self.current.id()
    }

    /// Signs a token. Refuses what [`verify`](Self::verify) would refuse for its size or its times.
    pub fn issue(&self, claims: &Claims) -> Result<String, IssueError> {
        if claims.access.len() > MAX_ACCESS_ENTRIES {
            return Err(IssueError::TooLarge);
        }
        if claims.exp <= claims.nbf.max(claims.iat) {
            return Err(IssueError::EndsBeforeItBegins);
        }
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some(ACCESS_TOKEN_TYP.to_owned());
        header.kid = Some(self.current.id().to_owned());
        let token = jsonwebtoken::encode(&header, claims, &self.current.pkcs8)
            .expect("claims are plain data and the key was read before");
        if token.len() > MAX_TOKEN_BYTES {
            return Err(IssueError::TooLarge);
        }
        Ok(token)
    }

    /// The claims of a token that is ours, whole, meant for us and in its time. Some 50 µs: remember the outcome in a
    /// [`TokenCache`](crate::TokenCache) until `exp`.
    pub fn verify(
        &self,
        token: &str,
        expected: &Expected<'_>,
        now_ms: i64,
    ) -> Result<Claims, TokenRejected> {
        let parsed = Parsed::new(token)?;
        let key = self
            .accepted
            .iter()
            .find(|key| key.id == parsed.key_id && key.is_accepted(now_ms))
            .ok_or(TokenRejected::UnknownKey)?;
        let is_ours = jsonwebtoken::crypto::verify(
            parsed.signature,
            parsed.message.as_bytes(),
            &key.decoding,
            Algorithm::EdDSA,
        );
        // An error is a signature that is not base64url.
        if !is_ours.unwrap_or(false) {
            return Err(TokenRejected::Signature);
        }
        let claims = parsed.claims()?;
        check_claims(&claims, expected, now_ms)?;
        Ok(claims)
    }
}
