//! Objects in a sink's bucket, and the signature that they are put with (AWS Signature Version 4).

use keys::{SecretString, hmac_sha256};
use oci::Digest;
use std::fmt::Write as _;

/// Who puts an object.
pub(super) struct AccessKey<'a> {
    pub(super) id: &'a str,
    pub(super) secret: &'a SecretString,
    pub(super) region: &'a str,
}

/// What is put, and when.
pub(super) struct Object<'a> {
    /// The store's host, with its port if that is not the usual one.
    pub(super) host: &'a str,
    /// `/BUCKET/KEY`, of characters that need no escapes.
    pub(super) path: &'a str,
    pub(super) body: &'a [u8],
    /// `YYYYMMDDTHHMMSSZ`.
    pub(super) at: &'a str,
}

/// The headers of a request that puts an object.
pub(super) fn headers(key: &AccessKey<'_>, object: &Object<'_>) -> [(&'static str, String); 3] {
    let content = sha256(object.body);
    let (at, host, region) = (object.at, object.host, key.region);
    let names = "host;x-amz-content-sha256;x-amz-date";
    let request = format!(
        "PUT\n{}\n\nhost:{host}\nx-amz-content-sha256:{content}\nx-amz-date:{at}\n\n{names}\n{content}",
        object.path
    );
    let day = at.get(..8).unwrap_or_default();
    let scope = format!("{day}/{region}/s3/aws4_request");
    let signed = format!(
        "AWS4-HMAC-SHA256\n{at}\n{scope}\n{}",
        sha256(request.as_bytes())
    );
    let first = format!("AWS4{}", key.secret.expose());
    let mut signing = hmac_sha256(first.as_bytes(), day.as_bytes());
    for part in [region, "s3", "aws4_request"] {
        signing = hmac_sha256(&signing, part.as_bytes());
    }
    let mut signature = String::with_capacity(64);
    for byte in hmac_sha256(&signing, signed.as_bytes()) {
        let _ = write!(signature, "{byte:02x}");
    }
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={names}, Signature={signature}",
        key.id
    );
    [
        ("authorization", authorization),
        ("x-amz-content-sha256", content),
        ("x-amz-date", at.to_owned()),
    ]
}

fn sha256(bytes: &[u8]) -> String {
    let digest = Digest::sha256_of(bytes).to_string();
    digest.rsplit(':').next().unwrap_or_default().to_owned()
}
