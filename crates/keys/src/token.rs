//! Access tokens: JSON Web Tokens (RFC 7519) signed with Ed25519 (`EdDSA`, RFC 8037), the only algorithm there is.
//!
//! What a token may look like is decided here, by listing what is allowed rather than what is forbidden: the header has
//! exactly `alg`, `typ` and `kid`, so a key that a token brings along (`jwk`, `jku`, `x5u`, `x5c`) is refused unread;
//! `typ` is [`ACCESS_TOKEN_TYP`], so nothing else that we sign passes for an access token; the key is ours, found by
//! `kid`, and the algorithm is the key's. Size is looked at before anything is parsed, the signature before the claims.
//!
//! Claims unknown to this release are ignored, since releases run side by side during an upgrade. A claim that narrows
//! what a token allows therefore needs a new `typ`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;
use serde::{Deserialize, Serialize};

mod signing_keys;

pub use signing_keys::{ImportError, SigningKey, SigningKeys, VerifyingKey};

/// The header's `typ` (RFC 8725, section 3.11).
pub const ACCESS_TOKEN_TYP: &str = "roadstead-access+jwt";
/// Longest token, in bytes. It has to pass through headers, where 16 KiB is already much.
pub const MAX_TOKEN_BYTES: usize = 16 * 1_024;
/// Most entries in `access`.
pub const MAX_ACCESS_ENTRIES: usize = 100;
/// How far ahead of ours the clock of the replica that issued a token may be, in seconds.
pub const LEEWAY_SECS: i64 = 5;

/// Longest encoded header; ours have some 120 bytes.
const MAX_HEADER_BYTES: usize = 512;
const MAX_KEY_ID_BYTES: usize = 64;

/// What a token says (RFC 7519, section 4.1, and the token specification of the distribution project for `access`).
/// Times are whole seconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Who issued it: this deployment.
    pub iss: String,
    /// Whom it is about: the name that the client logged in with; empty for anonymous.
    pub sub: String,
    /// Id of the user; empty where it is nobody.
    #[serde(default)]
    pub user: String,
    /// The service it is for. One text: a list that also names others is refused.
    pub aud: String,
    /// When it ends. Without leeway: rights do not outlive their lifetime.
    pub exp: i64,
    /// When it begins.
    pub nbf: i64,
    /// When it was issued.
    pub iat: i64,
    /// Its own id.
    pub jti: String,
    /// Id of the account in which its rights hold; empty where it belongs to none.
    pub account: String,
    /// What it was issued for.
    pub credential: CredentialRef,
    /// What it allows; nothing is implied.
    #[serde(default)]
    pub access: Vec<AccessEntry>,
    /// Id of the request by which an operator may see something of it; empty for everyone else.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub content_request: String,
}

/// Actions on one resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessEntry {
    /// `repository` or `registry`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Full name of the resource: `namespace/path`, or `catalog`.
    pub name: String,
    /// `pull`, `push`, `delete`, `*`.
    pub actions: Vec<String>,
}

/// What the caller proved to get the token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CredentialRef {
    /// Its kind.
    pub kind: CredentialKind,
    /// Id of the user, personal access token, robot account or trust rule; empty for anonymous.
    pub id: String,
}

/// Kinds of credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CredentialKind {
    /// None at all.
    Anonymous,
    /// A user's password.
    Password,
    /// A personal access token of a user.
    PersonalAccessToken,
    /// A secret of a robot account.
    Robot,
    /// A login of the console.
    Session,
    /// A workload's token from a trusted issuer.
    Workload,
}

/// Whom a token must be from and for.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// The only `iss` accepted.
    pub issuer: &'a str,
    /// The only `aud` accepted.
    pub audience: &'a str,
}

/// Why a token counts for nothing: always 401. The reasons are for our log; clients are told `invalid_token`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum TokenRejected {
    /// Longer than [`MAX_TOKEN_BYTES`].
    #[error("the token is longer than 16 KiB")]
    TooLarge,
    /// Not three base64url parts, or a header or claims that are not JSON of the right shape: a missing claim, one
    /// given twice, one of another type.
    #[error("the token is malformed")]
    Malformed,
    /// The header has other fields than `alg`, `typ` and `kid`, or one of them twice.
    #[error("the token's header has fields that are not allowed")]
    Header,
    /// Another kind of token.
    #[error("the token is not an access token")]
    Kind,
    /// Another algorithm than the key's; `none` is one.
    #[error("the token names another algorithm than its key has")]
    Algorithm,
    /// No key of that id, or no longer.
    #[error("the token's key is not known")]
    UnknownKey,
    /// Not signed by that key.
    #[error("the token's signature is wrong")]
    Signature,
    /// From someone else.
    #[error("the token has another issuer")]
    Issuer,
    /// For someone else.
    #[error("the token is for another service")]
    Audience,
    /// Ended.
    #[error("the token has expired")]
    Expired,
    /// Not begun, or issued in the future.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// More than [`MAX_ACCESS_ENTRIES`].
    #[error("the token has more than 100 access entries")]
    TooManyAccessEntries,
}

/// Why a token could not be issued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IssueError {
    /// It would not be accepted: too long, or too many entries.
    #[error("the token would be too large; ask for fewer scopes at once")]
    TooLarge,
    /// It would never be valid: `exp` is not after `nbf` and `iat`.
    #[error("the token would end before it begins; this is a defect of the server")]
    EndsBeforeItBegins,
}

/// The header, all of it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenHeader {
    alg: String,
    typ: String,
    kid: String,
}

/// A token taken apart and its header looked at; nothing of it is believed yet.
struct Parsed<'a> {
    key_id: String,
    /// What was signed: header, dot, claims.
    message: &'a str,
    claims: &'a str,
    signature: &'a str,
}

impl<'a> Parsed<'a> {
    fn new(token: &'a str) -> Result<Self, TokenRejected> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenRejected::TooLarge);
        }
        let (message, signature) = token.rsplit_once('.').ok_or(TokenRejected::Malformed)?;
        let (header, claims) = message.split_once('.').ok_or(TokenRejected::Malformed)?;
        if claims.contains('.') || header.len() > MAX_HEADER_BYTES {
            return Err(TokenRejected::Malformed);
        }
        Ok(Self {
            key_id: accepted_key_id(header)?,
            message,
            claims,
            signature,
        })
    }

    /// The claims, to be called only once the signature was found right.
    fn claims(&self) -> Result<Claims, TokenRejected> {
        // A claim given twice, missing or of another type is an error of this deserialization.
        serde_json::from_slice(&decoded(self.claims)?).map_err(|_| TokenRejected::Malformed)
    }
}

/// The `kid` of a header in which everything else is as it must be.
fn accepted_key_id(encoded_header: &str) -> Result<String, TokenRejected> {
    let header =
        serde_json::from_slice::<TokenHeader>(&decoded(encoded_header)?).map_err(|error| {
            match error.classify() {
                serde_json::error::Category::Data => TokenRejected::Header,
                _ => TokenRejected::Malformed,
            }
        })?;
    if header.alg != "EdDSA" {
        return Err(TokenRejected::Algorithm);
    }
    if header.typ != ACCESS_TOKEN_TYP {
        return Err(TokenRejected::Kind);
    }
    let is_plausible = (1..=MAX_KEY_ID_BYTES).contains(&header.kid.len())
        && header.kid.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if is_plausible {
        Ok(header.kid)
    } else {
        Err(TokenRejected::UnknownKey)
    }
}

fn decoded(part: &str) -> Result<Vec<u8>, TokenRejected> {
    URL_SAFE_NO_PAD
        .decode(part)
        .map_err(|_| TokenRejected::Malformed)
}

/// Everything about the claims that does not need a key.
fn check_claims(
    claims: &Claims,
    expected: &Expected<'_>,
    now_ms: i64,
) -> Result<(), TokenRejected> {
    if claims.iss != expected.issuer {
        return Err(TokenRejected::Issuer);
    }
    if claims.aud != expected.audience {
        return Err(TokenRejected::Audience);
    }
    let now_secs = now_ms.div_euclid(1_000);
    if claims.exp <= now_secs {
        return Err(TokenRejected::Expired);
    }
    if claims.nbf.max(claims.iat) > now_secs.saturating_add(LEEWAY_SECS) {
        return Err(TokenRejected::NotYetValid);
    }
    if claims.access.len() > MAX_ACCESS_ENTRIES {
        return Err(TokenRejected::TooManyAccessEntries);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
