//! What is around every page: who reads it, in which language, and the ways to the others.

use crate::links::Link;
use crate::texts::{Language, Texts};

/// Whoever is signed in.
#[derive(Clone, Debug)]
pub struct Reader {
    /// The user's name.
    pub name: String,
    /// What every form has to send along.
    pub csrf: String,
}

/// The account that a page is about, and what of it its reader may see.
#[derive(Clone, Debug)]
pub struct AccountFrame {
    /// Its name.
    pub name: String,
    /// Whether the reader has others.
    pub has_others: bool,
}

/// A part of the console that has a place of its own in the navigation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// None of them.
    None,
    /// How the account is.
    Overview,
    /// What is in it.
    Namespaces,
}

/// What was done by the request before this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The session has ended.
    SignedOut,
    /// There is another password.
    PasswordChanged,
}

impl Notice {
    const ALL: [Self; 2] = [Self::SignedOut, Self::PasswordChanged];

    /// Its word in an address.
    pub const fn word(self) -> &'static str {
        match self {
            Self::SignedOut => "signed-out",
            Self::PasswordChanged => "password-changed",
        }
    }

    /// The notice of a word.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|notice| notice.word() == word)
    }

    fn text(self, t: &'static Texts) -> &'static str {
        match self {
            Self::SignedOut => t.signed_out,
            Self::PasswordChanged => t.password_changed,
        }
    }
}

/// What is around a page.
#[derive(Clone, Debug)]
pub struct Frame {
    /// The language.
    pub language: Language,
    /// The page's own path with its query, to come back to.
    pub path: String,
    /// Whoever is signed in.
    pub reader: Option<Reader>,
    /// The account, on pages that are about one.
    pub account: Option<AccountFrame>,
    /// Where in the console the page is.
    pub section: Section,
    /// What was just done.
    pub notice: Option<Notice>,
}

impl Frame {
    /// The texts of the page's language.
    pub const fn t(&self) -> &'static Texts {
        self.language.texts()
    }

    pub(crate) fn said(&self) -> Option<&'static str> {
        self.notice.map(|notice| notice.text(self.t()))
    }

    pub(crate) fn csrf(&self) -> &str {
        self.reader.as_ref().map_or("", |reader| &reader.csrf)
    }

    /// The ways to the account's parts: where, what it is called, whether this page is there.
    pub(crate) fn ways(&self) -> Vec<(String, &'static str, bool)> {
        let Some(account) = &self.account else {
            return Vec::new();
        };
        let t = self.t();
        let ways = [
            (Link::Account(&account.name), t.overview, Section::Overview),
            (
                Link::Namespaces(&account.name),
                t.namespaces,
                Section::Namespaces,
            ),
        ];
        ways.map(|(link, text, section)| (link.to_string(), text, section == self.section))
            .into()
    }

    /// The same page in the other languages: where, the language's code and name.
    pub(crate) fn languages(&self) -> Vec<(String, &'static str, &'static str)> {
        let others = Language::ALL
            .into_iter()
            .filter(|language| *language != self.language);
        others
            .map(|other| {
                let link = Link::Speak(other.code(), &self.path).to_string();
                (link, other.code(), other.name())
            })
            .collect()
    }
}
