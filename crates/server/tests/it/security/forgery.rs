//! Tokens that are made with the registry's own key, or pretend to be: what a thief of the key could, and others must
//! not.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use keys::{Claims, DeploymentKey, SigningKey, SigningKeys};
use sha2::Digest as _;

use crate::registry::TestRegistry;
use crate::registry::client::{Client, Credentials};

/// Signs whatever it is told to, with a running registry's key.
pub(super) struct Forger {
    keys: SigningKeys,
    public_key: Vec<u8>,
    key_id: String,
}

impl Forger {
    /// Takes the key from the data directory.
    pub(super) fn of(registry: &TestRegistry) -> Self {
        let directory = registry.data_dir();
        let key = DeploymentKey::load(&directory.join("deployment.key")).expect("the key's file");
        let rows = registry.sql("SELECT id, sealed_private FROM signing_keys");
        let [id, sealed] = rows[0].clone().try_into().expect("two columns");
        let signing = SigningKey::unseal(&key, &id, &sealed).expect("it opens");
        let public_key = signing.verifying_key().bytes().to_vec();
        Self {
            keys: SigningKeys::new(signing, Vec::new()),
            public_key,
            key_id: id,
        }
    }

    /// A well-formed token with these claims.
    pub(super) fn sign(&self, claims: &Claims) -> String {
        self.keys.issue(claims).expect("a token")
    }

    pub(super) fn key_id(&self) -> &str {
        &self.key_id
    }

    /// A token with any header, and a MAC over it under the public key as secret: what a verifier that lets the token
    /// choose the algorithm accepts.
    pub(super) fn mac_by_public_key(&self, header: &str, claims: &Claims) -> String {
        let claims = serde_json::to_vec(claims).expect("JSON");
        let message = format!("{}.{}", BASE64URL.encode(header), BASE64URL.encode(claims));
        let mac = hmac_sha256(&self.public_key, message.as_bytes());
        format!("{message}.{}", BASE64URL.encode(mac))
    }
}

/// What a caller's token says.
pub(super) fn claims_of(client: &Client) -> Claims {
    let token = bearer(client);
    let claims = token.split('.').nth(1).expect("three parts");
    let bytes = BASE64URL.decode(claims).expect("base64url");
    serde_json::from_slice(&bytes).expect("claims")
}

/// The token that a caller shows.
pub(super) fn bearer(client: &Client) -> String {
    match client.credentials() {
        Credentials::Bearer(token) => token.clone(),
        other => panic!("not a token: {other:?}"),
    }
}

/// RFC 2104, for keys that are no longer than a block.
fn hmac_sha256(key: &[u8], message: &[u8]) -> Vec<u8> {
    let pad = |with: u8| -> Vec<u8> {
        (0..64)
            .map(|at| key.get(at).copied().unwrap_or(0) ^ with)
            .collect()
    };
    let inner = sha2::Sha256::new()
        .chain_update(pad(0x36))
        .chain_update(message)
        .finalize();
    sha2::Sha256::new()
        .chain_update(pad(0x5c))
        .chain_update(inner)
        .finalize()
        .to_vec()
}
