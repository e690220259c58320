//! Who is calling: from headers to a caller.

use crate::exchange::RequestContext;
use crate::registry::Registry;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, Request, header};
use services::{AuthenticationFailed, CallerContext, Credentials, Origin, SecretString};
use std::sync::Arc;

/// The longest `Authorization` header of a Basic login: a name and a password of 1 KiB each, and their encoding.
const MAX_BASIC_BYTES: usize = 4096;

/// The longest name of a program that is kept.
const MAX_AGENT_BYTES: usize = 255;

/// From where a request comes, and with what.
pub(crate) fn origin(headers: &HeaderMap, context: &RequestContext) -> Origin {
    Origin {
        address: Some(context.client.address),
        agent: agent(headers),
        exposure: context.connection().exposure,
    }
}

/// The client's program as it calls itself, without what could make one line of a log look like two.
pub(crate) fn agent(headers: &HeaderMap) -> Option<Arc<str>> {
    let bytes = headers.get(header::USER_AGENT)?.as_bytes();
    let text = String::from_utf8_lossy(bytes);
    if bytes.len() <= MAX_AGENT_BYTES && !text.chars().any(char::is_control) {
        return (!text.is_empty()).then(|| text.into());
    }
    let mut kept = String::with_capacity(MAX_AGENT_BYTES);
    for letter in text.chars().filter(|letter| !letter.is_control()) {
        if kept.len() + letter.len_utf8() > MAX_AGENT_BYTES {
            break;
        }
        kept.push(letter);
    }
    (!kept.is_empty()).then(|| kept.into())
}

/// The name of a Basic login, right or not.
pub(crate) fn basic_name(headers: &HeaderMap) -> Option<String> {
    match credentials(headers) {
        Ok(Credentials::Basic { name, .. }) => Some(name),
        _ => None,
    }
}

/// What a request's `Authorization` header shows. A header that cannot be understood is a wrong login, never an
/// anonymous one: a client that meant to log in must not silently get less.
pub(crate) fn credentials(headers: &HeaderMap) -> Result<Credentials<'_>, AuthenticationFailed> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        return Ok(Credentials::None);
    };
    if values.next().is_some() {
        return Err(AuthenticationFailed::Wrong);
    }
    let text = value.to_str().map_err(|_| AuthenticationFailed::Wrong)?;
    let (scheme, rest) = text.split_once(' ').ok_or(AuthenticationFailed::Wrong)?;
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        Ok(Credentials::Bearer(rest))
    } else if scheme.eq_ignore_ascii_case("basic") {
        basic(rest).ok_or(AuthenticationFailed::Wrong)
    } else {
        Err(AuthenticationFailed::Wrong)
    }
}

/// RFC 7617: base64 of `name:secret`; the secret may hold colons.
fn basic(encoded: &str) -> Option<Credentials<'static>> {
    if encoded.len() > MAX_BASIC_BYTES {
        return None;
    }
    let decoded = STANDARD.decode(encoded).ok()?;
    let text = String::from_utf8(decoded).ok()?;
    if text.contains('\0') {
        return None;
    }
    let (name, secret) = text.split_once(':')?;
    Some(Credentials::Basic {
        name: name.to_owned(),
        secret: SecretString::new(secret),
    })
}

/// Finds out who is calling, from where and through which door.
pub(crate) async fn authenticate<B>(
    registry: &Registry,
    request: &Request<B>,
    context: &RequestContext,
) -> Result<CallerContext, AuthenticationFailed> {
    let credentials = credentials(request.headers())?;
    authenticate_as(registry, request, context, credentials).await
}

/// The same for credentials that were not in the header.
pub(crate) async fn authenticate_as<B>(
    registry: &Registry,
    request: &Request<B>,
    context: &RequestContext,
    credentials: Credentials<'_>,
) -> Result<CallerContext, AuthenticationFailed> {
    let from = context.client.address;
    let host = context
        .host(request.uri(), request.headers())
        .unwrap_or_default();
    let address = registry.services.address_of(&host_name(host)).await?;
    let authenticated = registry
        .services
        .authenticator
        .authenticate(credentials, Some(from), &address)
        .await?;
    Ok(CallerContext {
        authenticated,
        origin: origin(request.headers(), context),
        address,
    })
}

/// A host name in lower case, without its port.
pub(crate) fn host_name(host: &str) -> String {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    name.trim_end_matches('.').to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn of(value: &[u8]) -> Result<Credentials<'static>, AuthenticationFailed> {
        let mut headers = HeaderMap::new();
        headers.insert(
            header::AUTHORIZATION,
            HeaderValue::from_bytes(value).expect("a header value"),
        );
        credentials(&headers).map(|credentials| match credentials {
            Credentials::Bearer(token) => Credentials::Bearer(token.to_owned().leak()),
            Credentials::Basic { name, secret } => Credentials::Basic { name, secret },
            Credentials::None | Credentials::Session(_) | Credentials::ManagementToken(_) => {
                Credentials::None
            }
        })
    }

    fn basic_of(text: &[u8]) -> Result<Credentials<'static>, AuthenticationFailed> {
        of(format!("Basic {}", STANDARD.encode(text)).as_bytes())
    }

    #[test]
    fn a_password_may_hold_colons_and_letters_of_any_kind() {
        match basic_of("zoë:p:ä:ss".as_bytes()) {
            Ok(Credentials::Basic { name, secret }) => {
                assert_eq!((name.as_str(), secret.expose()), ("zoë", "p:ä:ss"));
            }
            _ => panic!("not understood"),
        }
    }

    #[test]
    fn what_cannot_be_understood_is_a_wrong_login_and_not_an_anonymous_one() {
        let hostile: [&[u8]; 9] = [
            b"Basic",
            b"Basic !!!",
            b"Basic ",
            b"Digest x",
            b"Negotiate abc",
            b"\xff\xfe",
            b"Basic /w==",
            b"",
            b"Bearer",
        ];
        for value in hostile {
            assert!(of(value).is_err(), "{value:?}");
        }
        for text in [&b"no colon"[..], b"nul\0:x", b"\xff:x"] {
            assert!(basic_of(text).is_err(), "{text:?}");
        }
        assert!(basic_of(&vec![b'a'; 64 * 1024]).is_err());
    }

    #[test]
    fn two_logins_in_one_request_are_none() {
        let mut headers = HeaderMap::new();
        headers.append(
            header::AUTHORIZATION,
            HeaderValue::from_static("Basic YTpi"),
        );
        headers.append(header::AUTHORIZATION, HeaderValue::from_static("Bearer x"));
        assert!(credentials(&headers).is_err());
    }

    #[test]
    fn a_programs_name_is_short_and_one_line() {
        let of = |value: &[u8]| {
            let mut headers = HeaderMap::new();
            let value = HeaderValue::from_bytes(value).expect("a header value");
            headers.insert(header::USER_AGENT, value);
            agent(&headers)
        };
        assert_eq!(
            of(b"docker/28.1 go/1.24").as_deref(),
            Some("docker/28.1 go/1.24")
        );
        assert_eq!(of(b"a\tb").as_deref(), Some("ab"));
        assert_eq!(of(b"").as_deref(), None);
        assert_eq!(
            of("ä".repeat(200).as_bytes()).map(|text| text.len()),
            Some(254)
        );
        assert_eq!(of(b"\xff").as_deref(), Some("\u{fffd}"));
        assert_eq!(of(&[0xff; 300]).map(|text| text.len()), Some(255));
        // NEL, which some readers take for the end of a line.
        assert_eq!(of("a\u{85}b".as_bytes()).as_deref(), Some("ab"));
        assert_eq!(agent(&HeaderMap::new()), None);
    }

    #[test]
    fn a_host_is_compared_without_case_port_and_final_dot() {
        assert_eq!(host_name("Acme.Example.COM:5000"), "acme.example.com");
        assert_eq!(host_name("acme.example.com."), "acme.example.com");
        assert_eq!(host_name("[::1]:5000"), "[::1]");
        assert_eq!(host_name(""), "");
    }
}
