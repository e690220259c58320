//! Everything about secrets, and nothing about HTTP or SQL: the deployment's key and what it seals, passwords,
//! access tokens, and the two things that keep them cheap and safe to check (a cache and a throttle).
//!
//! | module | one line |
//! | --- | --- |
//! | [`secret`] | text and bytes that are wiped when dropped and never printed |
//! | [`random`] | where randomness comes from; passwords and opaque secrets made of it |
//! | [`deployment_key`] | the one key of a deployment: seals what must be readable, hashes what must not |
//! | [`identity_token`] | what other issuers say of people and workloads, and every reason not to believe it |
//! | [`password`] | Argon2id in a bounded pool; what a new password must look like |
//! | [`server_certificate`] | what a TLS server shows: a chain and its key, looked at before they are believed |
//! | [`signature`] | what proves to a receiver who sent something, and when |
//! | [`throttle`] | how often a name and an address may try |
//! | [`token`] | access tokens: issued, and refused for every reason there is |
//! | [`token_cache`] | what was verified once need not be verified again until it ends |
//!
//! Nothing here reads a clock: whoever calls says what time it is, in milliseconds since 1970 (`now_ms`).

pub mod deployment_key;
pub mod identity_token;
pub mod password;
pub mod random;
pub mod secret;
pub mod server_certificate;
pub mod signature;
pub mod throttle;
pub mod token;
pub mod token_cache;

pub use deployment_key::{DeploymentKey, KeyFileError, Purpose, UnsealError};
pub use identity_token::{
    IdentityClaims, IdentityExpected, IdentityToken, IdentityTokenRejected, IssuerKeys,
    IssuerKeysInvalid,
};
pub use password::{Busy, PasswordError, PasswordHasher, PasswordRejected, check_new_password};
pub use random::{Random, SystemRandom, generate_password, generate_token};
pub use secret::{SecretBytes, SecretString, constant_time_eq};
pub use server_certificate::{CertificateFacts, CertificateRejected, ServerCertificate};
pub use signature::{hmac_sha256, sign_message};
pub use throttle::{LoginThrottle, RetryAfter, ThrottleLimits};
pub use token::{
    AccessEntry, Claims, CredentialKind, CredentialRef, Expected, SigningKey, SigningKeys,
    TokenRejected, VerifyingKey,
};
pub use token_cache::{CacheKey, TokenCache};
