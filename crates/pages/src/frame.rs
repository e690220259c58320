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
    /// The parts of it that the reader may see, in their order.
    pub sections: Vec<Section>,
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
    /// What was deleted.
    Trash,
    /// How programs log in.
    Robots,
    /// Its people: members, users, groups, roles.
    Members,
    /// What is done for it in the background.
    Jobs,
    /// What was done in it.
    Audit,
    /// What it decides about itself.
    Settings,
}

impl Section {
    /// Where in an account it begins, and what it is called.
    fn way(self, t: &'static Texts) -> (&'static str, &'static str) {
        match self {
            Self::None | Self::Overview => ("", t.overview),
            Self::Namespaces => ("namespaces", t.namespaces),
            Self::Trash => ("trash", t.content.trash),
            Self::Robots => ("robots", t.people.robots),
            Self::Members => ("members", t.people.people),
            Self::Jobs => ("jobs", t.work.jobs),
            Self::Audit => ("audit", t.work.audit),
            Self::Settings => ("settings", t.settings.settings),
        }
    }
}

/// The namespace that a page is about, and what of it its reader may see.
#[derive(Clone, Debug)]
pub struct NamespaceFrame {
    /// Its name.
    pub name: String,
    /// The parts of it that the reader may see, in their order.
    pub tabs: Vec<Tab>,
    /// Where in it the page is.
    pub here: Tab,
}

/// A part of a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tab {
    /// What is in it.
    Repositories,
    /// Its robot accounts.
    Robots,
    /// Who has which role in it.
    Members,
    /// What stays in it and what goes.
    Retention,
}

impl Tab {
    /// Its place below the namespace, and what it is called.
    fn way(self, t: &'static Texts) -> (&'static str, &'static str) {
        match self {
            Self::Repositories => ("", t.repositories),
            Self::Retention => ("retention", t.policies.retention),
            Self::Robots => ("robots", t.people.robots),
            Self::Members => ("members", t.people.members),
        }
    }
}

/// What was done by the request before this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The session has ended.
    SignedOut,
    /// There is another password.
    PasswordChanged,
    /// What was typed is kept.
    Saved,
    /// Work was begun.
    Started,
    /// Work was called off.
    Stopped,
    /// Something came back from the trash.
    Restored,
    /// Something is no longer there.
    Deleted,
    /// Something is no longer there, but may be in the trash.
    Trashed,
    /// There is another like it.
    Copied,
}

impl Notice {
    const ALL: [Self; 9] = [
        Self::SignedOut,
        Self::PasswordChanged,
        Self::Saved,
        Self::Started,
        Self::Stopped,
        Self::Restored,
        Self::Deleted,
        Self::Trashed,
        Self::Copied,
    ];

    /// Its word in an address.
    pub const fn word(self) -> &'static str {
        match self {
            Self::SignedOut => "signed-out",
            Self::PasswordChanged => "password-changed",
            Self::Saved => "saved",
            Self::Started => "started",
            Self::Stopped => "stopped",
            Self::Restored => "restored",
            Self::Deleted => "deleted",
            Self::Trashed => "trashed",
            Self::Copied => "copied",
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
            Self::Saved => t.saved,
            Self::Started => t.policies.started,
            Self::Stopped => t.policies.stopped,
            Self::Restored => t.content.restored,
            Self::Deleted => t.deleted,
            Self::Trashed => t.content.trashed,
            Self::Copied => t.content.copied,
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
    /// The namespace, on pages that are about one.
    pub namespace: Option<NamespaceFrame>,
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
        let ways = account.sections.iter().map(|section| {
            let (place, text) = section.way(self.t());
            let link = Link::In(&account.name, place).to_string();
            (link, text, *section == self.section)
        });
        ways.collect()
    }

    /// The ways to the namespace's parts, in the same way.
    pub(crate) fn tabs(&self) -> Vec<(String, &'static str, bool)> {
        let (Some(account), Some(namespace)) = (&self.account, &self.namespace) else {
            return Vec::new();
        };
        let tabs = namespace.tabs.iter().map(|tab| {
            let (place, text) = tab.way(self.t());
            let all = ["namespaces", &namespace.name, place];
            let segments = if place.is_empty() {
                &all[..2]
            } else {
                &all[..]
            };
            let link = Link::Under(&account.name, segments).to_string();
            (link, text, *tab == namespace.here)
        });
        tabs.collect()
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
