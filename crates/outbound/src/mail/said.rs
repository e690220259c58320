//! What a mail server says, and about whom.

use super::MailFailed;
use lettre::transport::smtp::Error as SmtpError;
use std::error::Error as _;

/// As much of a server's own words as is kept, in characters.
const MAX_WORDS: usize = 200;

/// What a server says about a mail, or a connection: it may be different later.
pub(super) fn failed(error: &SmtpError) -> MailFailed {
    if error.is_timeout() {
        MailFailed::TimedOut
    } else {
        MailFailed::Failed(words(error))
    }
}

/// What a server says about an address. Servers say there as well what is about the registry: that it may not send by them, has
/// sent too much, is not believed. The enhanced code tells (RFC 3463, section 3): only what is about the address or its mailbox
/// is the address's; and only what says that there is none is for good.
pub(super) fn of_address(error: &SmtpError) -> MailFailed {
    let Some(code) = error.status().map(|code| code.to_string()) else {
        return failed(error);
    };
    let said = error.source().map(ToString::to_string).unwrap_or_default();
    match blamed(&code, enhanced(&said)) {
        Blamed::Nobody => failed(error),
        Blamed::AddressForNow => MailFailed::Later(words(error)),
        Blamed::Address => MailFailed::Refused(words(error)),
    }
}

/// Whose fault it is that nothing is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Blamed {
    /// Not the address's, as far as can be told.
    Nobody,
    AddressForNow,
    Address,
}

/// The enhanced status code that a server's words begin with, as `5.1.1`.
fn enhanced(said: &str) -> Option<&str> {
    let first = said.split_ascii_whitespace().next()?;
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let parts: Vec<&str> = first.split('.').collect();
    (parts.len() == 3 && parts.into_iter().all(is_number)).then_some(first)
}

fn blamed(code: &str, enhanced: Option<&str>) -> Blamed {
    match enhanced {
        Some("5.1.1" | "5.1.2" | "5.1.3" | "5.1.6" | "5.1.10" | "5.2.1") => Blamed::Address,
        Some(enhanced) => match enhanced.split('.').nth(1) {
            Some("1" | "2") => Blamed::AddressForNow,
            _ => Blamed::Nobody,
        },
        // Without one, these are for mailboxes (RFC 5321, section 4.2.3), and too often for something else to be for good.
        None if matches!(code, "450" | "550" | "551" | "553") => Blamed::AddressForNow,
        None => Blamed::Nobody,
    }
}

/// A text with three dots wherever an address stood, in small letters or capital ones.
pub(super) fn hidden(text: &str, address: &str) -> String {
    // ASCII letters alone change, so that places in one are places in the other.
    let (folded, address) = (text.to_ascii_lowercase(), address.to_ascii_lowercase());
    let (mut shown, mut from) = (String::new(), 0);
    for (at, _) in folded.match_indices(&address) {
        shown += &text[from..at];
        shown.push('…');
        from = at + address.len();
    }
    shown + &text[from..]
}

/// An error's words in one line of bounded length.
pub(super) fn words(error: &SmtpError) -> String {
    let plain = |letter: char| if letter.is_control() { ' ' } else { letter };
    error
        .to_string()
        .chars()
        .map(plain)
        .take(MAX_WORDS)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_blamed_for_what_is_said_of_it_alone() {
        for (code, said, expected) in [
            ("550", "5.1.1 <ops@example.com>: unknown", Blamed::Address),
            (
                "554",
                "5.7.1 <ops@example.com>: Relay access denied",
                Blamed::Nobody,
            ),
            (
                "550",
                "5.4.5 Daily user sending limit exceeded",
                Blamed::Nobody,
            ),
            ("554", "5.2.0 STOREDRV; quota", Blamed::AddressForNow),
            ("452", "4.2.2 the mailbox is full", Blamed::AddressForNow),
            ("452", "4.3.1 Insufficient system storage", Blamed::Nobody),
            ("450", "4.7.1 greylisted", Blamed::Nobody),
            ("550", "no such user here", Blamed::AddressForNow),
            ("554", "message rejected", Blamed::Nobody),
            ("530", "5.7.0 must issue STARTTLS", Blamed::Nobody),
            ("550", "5.1 is no code", Blamed::AddressForNow),
            ("550", "", Blamed::AddressForNow),
        ] {
            assert_eq!(blamed(code, enhanced(said)), expected, "{code} {said}");
        }
    }
}
