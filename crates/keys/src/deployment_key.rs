//! The one key of a deployment: 32 random bytes from a file that only we can read.
//!
//! It is never used itself. HKDF-SHA256 makes a key from it for each use and [`Purpose`], so that what was sealed or
//! hashed for one can never be taken for another. Two uses:
//!
//! - [`seal`](DeploymentKey::seal): secrets that must be readable again (signing keys, OIDC and webhook secrets).
//!   AES-256-GCM with a random nonce; purpose and context are authenticated with it.
//! - [`keyed_hash`](DeploymentKey::keyed_hash): random secrets that only need recognising (personal access tokens,
//!   robot secrets). A stolen database alone does not let anyone test guesses.

use std::fmt;
use std::path::Path;

use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use aws_lc_rs::{hkdf, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use crate::random::Random;
use crate::secret::{SecretBytes, constant_time_eq, hex};

mod file;

pub use file::KeyFileError;

/// Length of the key, in bytes.
pub const KEY_LENGTH: usize = 32;

const NONCE_LENGTH: usize = 12;
const TAG_LENGTH: usize = 16;
const SEAL_VERSION: &str = "v1";

/// What something is sealed or hashed for. Two purposes never share a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Purpose(&'static str);

impl Purpose {
    /// Private keys that sign access tokens.
    pub const SIGNING_KEY: Self = Self::new("signing-key");
    /// Personal access tokens of users.
    pub const PERSONAL_ACCESS_TOKEN: Self = Self::new("personal-access-token");
    /// Secrets of robot accounts.
    pub const ROBOT_SECRET: Self = Self::new("robot-secret");
    /// Refresh tokens of the token endpoint.
    pub const REFRESH_TOKEN: Self = Self::new("refresh-token");
    /// Cookies of the console's logins.
    pub const SESSION: Self = Self::new("session");
    /// State and signed addresses of uploads.
    pub const UPLOAD: Self = Self::new("upload");
    /// Positions in lists that clients carry from page to page.
    pub const PAGE_CURSOR: Self = Self::new("page-cursor");
    /// Passwords and tokens for upstream registries and replica targets.
    pub const UPSTREAM_SECRET: Self = Self::new("upstream-secret");
    /// Secrets with which webhooks are signed.
    pub const WEBHOOK_SECRET: Self = Self::new("webhook-secret");
    /// Addresses of sinks, and what lets the registry in there.
    pub const SINK_SECRET: Self = Self::new("sink-secret");
    /// Codes by which addresses for mail are confirmed.
    pub const MAIL_CODE: Self = Self::new("mail-code");
    /// The text of such a code, made of whom it is for and of the request for it.
    pub const MAIL_CODE_TEXT: Self = Self::new("mail-code-text");
    /// Codes by which whoever reads an address's mail ends it.
    pub const MAIL_STOP: Self = Self::new("mail-stop");
    /// Addresses for mail, where only their number counts.
    pub const MAIL_ADDRESS: Self = Self::new("mail-address");
    /// Client secrets and bind passwords of identity sources.
    pub const IDENTITY_SOURCE_SECRET: Self = Self::new("identity-source-secret");

    /// What a browser carries from the beginning of a login elsewhere to its end.
    pub const LOGIN: Self = Self::new("login");

    /// What a host name has to show to be proved an account's.
    pub const ADDRESS_PROOF: Self = Self::new("address-proof");
    /// Private keys of the certificates of accounts' host names.
    pub const ADDRESS_CERTIFICATE: Self = Self::new("address-certificate");

    /// A purpose by its name, which must never change once something was sealed or hashed for it.
    pub const fn new(name: &'static str) -> Self {
        Self(name)
    }
}

/// Why something could not be unsealed. Texts name no secret and no plaintext.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnsealError {
    /// Not made by [`DeploymentKey::seal`], or cut short.
    #[error(
        "the sealed text is not in a form this release reads; it may be damaged or from a later release"
    )]
    Malformed,
    /// Sealed by another deployment's key.
    #[error(
        "the secret was sealed with the deployment key {sealed_with}, but {ours} is loaded; restore the key file that belongs to this database"
    )]
    OtherKey {
        /// Id of the key it was sealed with.
        sealed_with: String,
        /// Id of the key that is loaded.
        ours: String,
    },
    /// Changed, or sealed for another purpose or context.
    #[error("the sealed text was changed, or belongs to another purpose or place")]
    Refused,
}

/// The key of a deployment. Never printed; wiped when dropped.
pub struct DeploymentKey {
    /// Input of every derivation; HKDF's extract step over the file's bytes.
    root: hkdf::Prk,
    id: String,
}

impl DeploymentKey {
    /// Reads the key from its file, or creates the file (mode 0600, on disk before this returns) where there is none.
    /// Of several processes that create it at once, all get the one key that came first.
    ///
    /// Refused: a file that others can read or change, another length than 32 bytes, anything but a regular file.
    pub fn load_or_create(path: &Path, random: &dyn Random) -> Result<Self, KeyFileError> {
        let bytes = file::load_or_create(path, random)?;
        Ok(Self::from_bytes(&bytes))
    }

    /// Reads the key from its file, which must exist: for commands that work on an existing deployment.
    pub fn load(path: &Path) -> Result<Self, KeyFileError> {
        let bytes = file::load(path)?;
        Ok(Self::from_bytes(&bytes))
    }

    /// The key made of these bytes, for key providers other than a file and for tests.
    pub fn from_bytes(bytes: &[u8; KEY_LENGTH]) -> Self {
        let root = hkdf::Salt::new(hkdf::HKDF_SHA256, b"roadstead deployment key").extract(bytes);
        let mut id = [0; 8];
        expand(&root, &[b"id"], &mut id);
        Self { root, id: hex(&id) }
    }

    /// A name for the key that may be shown: 16 hexadecimal digits, telling nothing about it.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Seals bytes for a purpose and a context: the id of the row they are kept in, so that a sealed text copied to
    /// another row is refused there. Gives
    /// `v1.<key id>.<base64url>`: 58 characters and 4/3 of the plaintext.
    pub fn seal(&self, purpose: Purpose, context: &str, plaintext: &[u8]) -> String {
        // Room for the tag, so that growing does not leave a copy of the plaintext behind.
        let mut buffer = Zeroizing::new(Vec::with_capacity(plaintext.len() + TAG_LENGTH));
        buffer.extend_from_slice(plaintext);
        let nonce = self
            .sealing_key(purpose)
            .seal_in_place_append_tag(Aad::from(self.bound_to(purpose, context)), &mut *buffer)
            .expect("AES-256-GCM seals anything up to 64 GiB");
        let mut sealed = Vec::with_capacity(NONCE_LENGTH + buffer.len());
        sealed.extend_from_slice(nonce.as_ref());
        sealed.extend_from_slice(&buffer);
        format!(
            "{SEAL_VERSION}.{}.{}",
            self.id,
            URL_SAFE_NO_PAD.encode(sealed)
        )
    }

    /// The bytes that [`seal`](Self::seal) sealed for the same purpose and context.
    pub fn unseal(
        &self,
        purpose: Purpose,
        context: &str,
        sealed: &str,
    ) -> Result<SecretBytes, UnsealError> {
        let mut parts = sealed.splitn(3, '.');
        let (Some(SEAL_VERSION), Some(key_id), Some(encoded)) =
            (parts.next(), parts.next(), parts.next())
        else {
            return Err(UnsealError::Malformed);
        };
        if key_id.len() != self.id.len() || !key_id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(UnsealError::Malformed);
        }
        if key_id != self.id {
            return Err(UnsealError::OtherKey {
                sealed_with: key_id.to_owned(),
                ours: self.id.clone(),
            });
        }
        let mut bytes = URL_SAFE_NO_PAD
            .decode(encoded)
            .map_err(|_| UnsealError::Malformed)?;
        if bytes.len() < NONCE_LENGTH + TAG_LENGTH {
            return Err(UnsealError::Malformed);
        }
        let ciphertext = bytes.split_off(NONCE_LENGTH);
        let nonce = Nonce::try_assume_unique_for_key(&bytes).map_err(|_| UnsealError::Malformed)?;
        let mut ciphertext = Zeroizing::new(ciphertext);
        let plaintext = self
            .sealing_key(purpose)
            .open_in_place(
                nonce,
                Aad::from(self.bound_to(purpose, context)),
                &mut ciphertext,
            )
            .map_err(|_| UnsealError::Refused)?;
        Ok(SecretBytes::new(&*plaintext))
    }

    /// HMAC-SHA256 for a purpose, as 64 hexadecimal digits: what is kept of a random secret, and looked up by. Not for
    /// passwords: those can be guessed, so they need [`PasswordHasher`](crate::password::PasswordHasher).
    pub fn keyed_hash(&self, purpose: Purpose, secret: &[u8]) -> String {
        let mut key = Zeroizing::new([0; 32]);
        expand(
            &self.root,
            &[b"keyed-hash", purpose.0.as_bytes()],
            &mut *key,
        );
        let key = hmac::Key::new(hmac::HMAC_SHA256, &*key);
        hex(hmac::sign(&key, secret).as_ref())
    }

    /// Whether the secret has this keyed hash; takes the same time wherever they differ.
    pub fn matches_keyed_hash(&self, purpose: Purpose, secret: &[u8], kept: &str) -> bool {
        constant_time_eq(self.keyed_hash(purpose, secret).as_bytes(), kept.as_bytes())
    }

    fn sealing_key(&self, purpose: Purpose) -> RandomizedNonceKey {
        let mut key = Zeroizing::new([0; 32]);
        expand(&self.root, &[b"sealing", purpose.0.as_bytes()], &mut *key);
        RandomizedNonceKey::new(&AES_256_GCM, &*key).expect("an AES-256 key is 32 bytes")
    }

    /// What a sealed text is bound to. Lengths stand before the parts, so no two pairs give the same bytes.
    fn bound_to(&self, purpose: Purpose, context: &str) -> Vec<u8> {
        let mut bytes = Vec::new();
        for part in [SEAL_VERSION, &self.id, purpose.0, context] {
            bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
            bytes.extend_from_slice(part.as_bytes());
        }
        bytes
    }
}

impl fmt::Debug for DeploymentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeploymentKey")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// A key for one use. Labels are separated by a zero byte, which none of them contains.
fn expand(root: &hkdf::Prk, labels: &[&[u8]], key: &mut [u8]) {
    /// Says to HKDF how much is wanted.
    struct Length(usize);
    impl hkdf::KeyType for Length {
        fn len(&self) -> usize {
            self.0
        }
    }
    let mut info = Vec::new();
    for label in labels {
        info.extend_from_slice(label);
        info.push(0);
    }
    root.expand(&[&info], Length(key.len()))
        .and_then(|output| output.fill(key))
        .expect("HKDF-SHA256 gives up to 8,160 bytes");
}

#[cfg(test)]
mod tests;
