//! Which names can be an account's.

use crate::settings::Settings;
use crate::{Error, Result};

/// The longest host name, and the longest of its labels, in bytes (RFC 1035). What is longer is not even looked at.
const HOST_BYTES: usize = 253;
const LABEL_BYTES: usize = 63;
/// The longest text that is read as one: letters of other scripts take more bytes than what is kept of them.
const TEXT_BYTES: usize = 1024;

/// A host name as it is kept: in lower case, in ASCII (RFC 5891), without a final dot.
///
/// # Errors
/// [`Error::Invalid`] for what is no host name, addresses of IP among it.
pub(crate) fn read(text: &str) -> Result<String> {
    let wrong = || {
        Error::Invalid(
            "an address is a host name with a dot, such as registry.acme.example, without scheme and port".to_owned(),
        )
    };
    if text.len() > TEXT_BYTES {
        return Err(wrong());
    }
    let text = text.strip_suffix('.').unwrap_or(text);
    let host = idna::domain_to_ascii_strict(text).map_err(|_| wrong())?;
    is_host(&host).then_some(host).ok_or_else(wrong)
}

/// Nobody gets a name by which others are reached.
pub(super) fn require_free(settings: &Settings, host: &str) -> Result<()> {
    if settings.shared_host.as_deref() == Some(host) {
        return Err(Error::Invalid(format!(
            "{host} is the address of the whole deployment"
        )));
    }
    if let Some(domain) = &settings.account_domain {
        let is_below = host
            .strip_suffix(domain.as_str())
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
        if is_below {
            return Err(Error::Invalid(format!(
                "names below {domain} follow from the accounts' names by themselves"
            )));
        }
    }
    Ok(())
}

/// RFC 1123, in lower case; with a dot, and no address of IPv4.
fn is_host(host: &str) -> bool {
    let is_end = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_label = |label: &str| {
        let bytes = label.as_bytes();
        matches!(bytes, [first, .., last] | [first @ last] if is_end(*first) && is_end(*last))
            && bytes.len() <= LABEL_BYTES
            && bytes.iter().all(|byte| is_end(*byte) || *byte == b'-')
    };
    let last = host.rsplit('.').next().unwrap_or_default();
    // `0x7f` is a number to whoever reads addresses as C does.
    let is_number = last.bytes().all(|byte| byte.is_ascii_digit())
        || last
            .strip_prefix("0x")
            .is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_hexdigit()));
    host.len() <= HOST_BYTES && host.contains('.') && host.split('.').all(is_label) && !is_number
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_kept_in_one_form_however_it_is_written() {
        for (text, kept) in [
            ("registry.acme.example", "registry.acme.example"),
            ("Registry.ACME.example.", "registry.acme.example"),
            ("a-1.x", "a-1.x"),
            ("BÜCHER.example", "xn--bcher-kva.example"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("XN--BCHER-KVA.example", "xn--bcher-kva.example"),
            ("bücher。example", "xn--bcher-kva.example"),
            ("ａｃｍｅ.example", "acme.example"),
        ] {
            assert_eq!(read(text).expect("a name"), kept, "{text}");
        }
    }

    #[test]
    fn what_is_no_name_is_refused() {
        let long_label = format!("{}.example", "a".repeat(64));
        let long = format!("{}example", "a.".repeat(130));
        let longer = "ä.".repeat(600);
        for text in [
            "",
            ".",
            "localhost",
            "192.0.2.1",
            "１９２.0.2.1",
            "0x7f.1",
            "127.0x1",
            "1.2.3",
            "[::1]",
            "::1",
            "acme.example:5000",
            "https://acme.example",
            "acme.example/",
            "user@acme.example",
            "a..example",
            "acme.example..",
            "-a.example",
            "a_b.example",
            "*.example",
            "a b.example",
            "a%2eb.example",
            "acme\0.example",
            "xn--a.example",
            "xn--\u{1F980}.example",
            "a\u{200d}b.example",
            &long_label,
            &long,
            &longer,
        ] {
            assert!(read(text).is_err(), "{text:?}: {:?}", read(text));
        }
    }

    #[test]
    fn nobody_gets_a_name_by_which_others_are_reached() {
        let settings = Settings {
            account_domain: Some("registry.example".to_owned()),
            shared_host: Some("hub.example".to_owned()),
            ..crate::testing::settings()
        };
        let is_free = |host: &str| require_free(&settings, host).is_ok();
        for free in ["registry.acme.example", "example", "myregistry.example"] {
            assert!(is_free(free), "{free}");
        }
        for taken in [
            "hub.example",
            "registry.example",
            "globex.registry.example",
            "a.globex.registry.example",
        ] {
            assert!(!is_free(taken), "{taken}");
        }
    }
}
