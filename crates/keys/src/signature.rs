//! What proves to a receiver who sent something, and when: HMAC-SHA256 (RFC 2104) over the time and what was sent.

use crate::secret::{SecretString, hex};
use aws_lc_rs::hmac;

/// The signature of `<seconds since 1970>.<body>`, 64 hexadecimal digits.
pub fn sign_message(secret: &SecretString, at_secs: i64, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes());
    let mut context = hmac::Context::with_key(&key);
    context.update(at_secs.to_string().as_bytes());
    context.update(b".");
    context.update(body);
    hex(context.sign().as_ref())
}

/// HMAC-SHA256 of a message, for signatures that are made in several steps.
pub fn hmac_sha256(key: &[u8], message: &[u8]) -> [u8; 32] {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    let mut tag = [0; 32];
    tag.copy_from_slice(hmac::sign(&key, message).as_ref());
    tag
}

#[cfg(test)]
mod tests {
    use super::sign_message;
    use crate::SecretString;

    #[test]
    fn a_signature_is_of_time_and_body() {
        // From `printf '%s' '1700000000.{"a":1}' | openssl dgst -sha256 -hmac secret`.
        let signature = sign_message(&SecretString::new("secret"), 1_700_000_000, br#"{"a":1}"#);
        assert_eq!(
            signature,
            "49f24e537407743fa4a0242bb63b94b9a47ee99cbbe071ccd8a22550ae411686"
        );
        let later = sign_message(&SecretString::new("secret"), 1_700_000_001, br#"{"a":1}"#);
        assert_ne!(signature, later);
    }
}
