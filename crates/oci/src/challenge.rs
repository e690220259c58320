//! The `WWW-Authenticate` challenge that sends clients to the token endpoint.

use std::fmt::Write as _;

/// Why a token that was presented is not enough (RFC 6750, section 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChallengeError {
    /// It is expired, revoked or not one of ours.
    InvalidToken,
    /// It is good, but does not cover the request; a new one for `scope` may.
    InsufficientScope,
}

impl ChallengeError {
    /// The value of the `error` parameter.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidToken => "invalid_token",
            Self::InsufficientScope => "insufficient_scope",
        }
    }
}

/// A `Bearer` challenge. Shown as the value of a `WWW-Authenticate` header.
///
/// Every parameter is quoted, as clients parse nothing else, and whatever could end the quotes or
/// the header is escaped or left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// The URL of the token endpoint.
    pub realm: String,
    /// Who the token is for.
    pub service: String,
    /// What it must cover: one or more scopes, separated by spaces.
    pub scope: Option<String>,
    /// What was wrong with the token presented.
    pub error: Option<ChallengeError>,
}

impl std::fmt::Display for Challenge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Bearer realm=")?;
        quote(f, &self.realm)?;
        f.write_str(",service=")?;
        quote(f, &self.service)?;
        if let Some(scope) = &self.scope {
            f.write_str(",scope=")?;
            quote(f, scope)?;
        }
        if let Some(error) = self.error {
            f.write_str(",error=")?;
            quote(f, error.as_str())?;
        }
        Ok(())
    }
}

/// Writes a quoted-string (RFC 9110, section 5.6.4) of visible ASCII and spaces.
fn quote(f: &mut std::fmt::Formatter<'_>, text: &str) -> std::fmt::Result {
    f.write_char('"')?;
    for char in text.chars() {
        match char {
            '"' | '\\' => write!(f, "\\{char}")?,
            ' '..='~' => f.write_char(char)?,
            _ => {}
        }
    }
    f.write_char('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_header() {
        let challenge = Challenge {
            realm: "https://registry.example/token".into(),
            service: "registry.example".into(),
            scope: Some("repository:a/b:pull,push repository:c:pull".into()),
            error: Some(ChallengeError::InsufficientScope),
        };
        assert_eq!(
            challenge.to_string(),
            r#"Bearer realm="https://registry.example/token",service="registry.example",scope="repository:a/b:pull,push repository:c:pull",error="insufficient_scope""#
        );
    }

    #[test]
    fn nothing_escapes_from_the_quotes() {
        let challenge = Challenge {
            realm: "https://h/\"\\\r\nSet-Cookie: a=b\u{7f}\0".into(),
            service: "sérvice".into(),
            scope: None,
            error: None,
        };
        assert_eq!(
            challenge.to_string(),
            r#"Bearer realm="https://h/\"\\Set-Cookie: a=b",service="srvice""#
        );
    }
}
