//! Where the console's pages are.

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use std::fmt::{self, Display};

/// What cannot stand in a segment or a query as it is.
const ENCODED: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'&')
    .add(b'\'')
    .add(b'+')
    .add(b'/')
    .add(b'<')
    .add(b'=')
    .add(b'>')
    .add(b'?')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// One of the console's pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link<'a> {
    /// The caller's accounts, or the only one.
    Home,
    /// Signing in; afterwards to this page of ours.
    SignIn(&'a str),
    /// Ends the session.
    SignOut,
    /// The caller's own password.
    Password,
    /// The caller's own access tokens.
    Tokens,
    /// One of them.
    Token(&'a str),
    /// The invitations that the caller may accept.
    Invitations,
    /// The deployment's accounts, for operators.
    OperatorAccounts,
    /// One of them.
    OperatorAccount(&'a str),
    /// Speaks another language from now on, and goes on at this page of ours.
    Speak(&'a str, &'a str),
    /// An account's overview.
    Account(&'a str),
    /// A page of an account that needs no name: `people/robots`.
    In(&'a str, &'static str),
    /// A page of an account at segments that may be names.
    Under(&'a str, &'a [&'a str]),
    /// An account's namespaces.
    Namespaces(&'a str),
    /// A namespace's repositories.
    Repositories(&'a str, &'a str),
    /// A repository's artifacts, by its whole name.
    Artifacts(&'a str, &'a str),
    /// An artifact, by the repository's whole name and a digest or a tag.
    Artifact(&'a str, &'a str, &'a str),
}

/// A text as it can stand in a segment or a query.
pub fn encoded(text: &str) -> impl Display {
    utf8_percent_encode(text, ENCODED)
}

impl Display for Link<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Home => write!(f, "/console"),
            Self::SignIn("") => write!(f, "/console/sign-in"),
            Self::SignIn(next) => write!(f, "/console/sign-in?next={}", encoded(next)),
            Self::SignOut => write!(f, "/console/sign-out"),
            Self::Password => write!(f, "/console/password"),
            Self::Tokens => write!(f, "/console/tokens"),
            Self::Token(id) => write!(f, "/console/tokens/{}", encoded(id)),
            Self::Invitations => write!(f, "/console/invitations"),
            Self::OperatorAccounts => write!(f, "/console/operator/accounts"),
            Self::OperatorAccount(account) => {
                write!(f, "{}/{}", Self::OperatorAccounts, encoded(account))
            }
            Self::Speak(code, next) => {
                write!(f, "/console/language?to={code}&next={}", encoded(next))
            }
            Self::Account(account) => write!(f, "/console/accounts/{}", encoded(account)),
            Self::In(account, "") => Self::Account(account).fmt(f),
            Self::In(account, place) => write!(f, "{}/{place}", Self::Account(account)),
            Self::Under(account, segments) => {
                Self::Account(account).fmt(f)?;
                let mut segments = segments.iter();
                segments.try_for_each(|segment| write!(f, "/{}", encoded(segment)))
            }
            Self::Namespaces(account) => write!(f, "{}/namespaces", Self::Account(account)),
            Self::Repositories(account, namespace) => {
                write!(f, "{}/{}", Self::Namespaces(account), encoded(namespace))
            }
            Self::Artifacts(account, repository) => {
                let account = Self::Account(account);
                write!(f, "{account}/repositories/{}", encoded(repository))
            }
            Self::Artifact(account, repository, reference) => {
                let repository = Self::Artifacts(account, repository);
                write!(f, "{repository}/{}", encoded(reference))
            }
        }
    }
}

/// A path that a form or a link brought along, if it is one of the console's own pages: whoever follows it stays here.
pub fn within(path: &str) -> Option<&str> {
    let is_ours =
        path == "/console" || path.starts_with("/console/") || path.starts_with("/console?");
    let is_plain = path
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    let place = path.split('?').next().unwrap_or_default();
    let is_dotted = place.split('/').any(|segment| {
        let text = percent_decode_str(segment).collect::<Vec<u8>>();
        matches!(text.as_slice(), b"." | b"..")
    });
    (is_ours && is_plain && !is_dotted && path.len() <= 2048).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_leave_their_place() {
        let link = Link::Artifact("acme", "team/app", "sha256:ab?x#y&z=1");
        let expected = "/console/accounts/acme/repositories/team%2Fapp/sha256:ab%3Fx%23y%26z%3D1";
        assert_eq!(link.to_string(), expected);
        let link = Link::Under("acme", &["people", "a/b"]);
        assert_eq!(link.to_string(), "/console/accounts/acme/people/a%2Fb");
        let link = Link::SignIn("/console/accounts/a?b=\"c\"");
        let expected = "/console/sign-in?next=%2Fconsole%2Faccounts%2Fa%3Fb%3D%22c%22";
        assert_eq!(link.to_string(), expected);
    }

    #[test]
    fn only_our_own_pages_are_gone_on_to() {
        for ours in ["/console", "/console/accounts/a?page=2", "/console?x"] {
            assert_eq!(within(ours), Some(ours));
        }
        for others in [
            "",
            "//evil.example",
            "https://evil.example",
            "/\\evil.example",
            "/console/\\evil",
            "/consoles",
            "/console/../c/log_out",
            "/console/%2e%2E/c/log_out",
            "/console/./a",
            "/console/a b",
            "/console/a\r\nSet-Cookie: x=y",
            "javascript:alert(1)",
        ] {
            assert_eq!(within(others), None, "{others}");
        }
    }
}
