//! What an account decides about itself: mail, sinks, identity sources, addresses, collections.

pub mod addresses;
pub mod collections;
pub mod identity_sources;
pub mod mail;
pub mod sinks;

use crate::frame::Frame;
use crate::links::Link;
use crate::texts::Texts;
use crate::values::Bytes;
use askama::Template;

/// The parts of an account's settings that its reader may see, each with how it stands.
#[derive(Clone, Debug, Template)]
#[template(path = "settings/index.html")]
pub struct Settings {
    /// What is around it.
    pub frame: Frame,
    /// The account's name.
    pub account: String,
    /// The parts.
    pub parts: Vec<Standing>,
}

/// How a part of the settings stands.
#[derive(Clone, Copy, Debug)]
pub enum Standing {
    /// Mail.
    Mail {
        /// Addresses that are told.
        told: u64,
        /// Those whose readers have not agreed, or that the mail server refuses.
        others: u64,
        /// Whether mail could not be sent lately.
        is_failing: bool,
    },
    /// Sinks.
    Sinks {
        /// All that there are.
        all: u64,
        /// Those that fail, or were stopped because of it.
        failing: u64,
    },
    /// Identity sources.
    IdentitySources {
        /// All that there are.
        all: u64,
    },
    /// Addresses.
    Addresses {
        /// Those that are the account's own.
        own: u64,
        /// Those that are to be proved.
        claimed: u64,
        /// Whether a certificate has ended or does so soon.
        is_ending: bool,
    },
    /// Collections of garbage.
    Collections {
        /// What the last one freed, if one ran.
        freed: Option<Bytes>,
    },
}

impl Standing {
    /// Where it is, what it is called, and what it is for.
    fn words(self, t: &'static Texts) -> (&'static str, &'static str, &'static str) {
        let s = t.settings;
        match self {
            Self::Mail { .. } => ("settings/mail", s.mail, s.mail_hint),
            Self::Sinks { .. } => ("settings/sinks", s.sinks, s.sinks_hint),
            Self::IdentitySources { .. } => {
                ("settings/identity-sources", s.sources, s.sources_hint)
            }
            Self::Addresses { .. } => ("settings/addresses", s.addresses, s.addresses_hint),
            Self::Collections { .. } => ("settings/collections", s.collections, s.collections_hint),
        }
    }

    /// How it stands, in one line; and whether somebody should look at it.
    fn line(self, t: &'static Texts) -> (String, bool) {
        let s = t.settings;
        match self {
            Self::Mail {
                told,
                others,
                is_failing,
            } => {
                let mut line = s.mail_told.of(&told);
                if others > 0 {
                    line = format!("{line} {}", s.mail_others.of(&others));
                }
                if is_failing {
                    line = format!("{line} {}", s.mail_failing);
                }
                (line, is_failing)
            }
            Self::Sinks { all, failing } if failing > 0 => {
                let (all, failing) = (s.sinks_count.of(&all), s.sinks_failing.of(&failing));
                (format!("{all} {failing}"), true)
            }
            Self::Sinks { all, .. } => (s.sinks_count.of(&all), false),
            Self::IdentitySources { all } => (s.sources_count.of(&all), false),
            Self::Addresses {
                own,
                claimed,
                is_ending,
            } => {
                let mut line = s.addresses_count.of(&own);
                if claimed > 0 {
                    line = format!("{line} {}", s.addresses_claimed.of(&claimed));
                }
                if is_ending {
                    line = format!("{line} {}", s.certificates_ending);
                }
                (line, is_ending)
            }
            Self::Collections { freed: None } => (s.collections_none.to_owned(), false),
            Self::Collections { freed: Some(freed) } => {
                let freed = t.size(&freed);
                (crate::texts::fill(s.collections_last, &freed), false)
            }
        }
    }
}

impl Settings {
    /// The parts as the page has them: where, what, what for, how it stands, whether that is bad.
    fn lines(&self) -> Vec<(String, &'static str, &'static str, String, bool)> {
        let t = self.frame.t();
        let lines = self.parts.iter().map(|part| {
            let (place, title, purpose) = part.words(t);
            let (state, is_bad) = part.line(t);
            let link = Link::In(&self.account, place).to_string();
            (link, title, purpose, state, is_bad)
        });
        lines.collect()
    }
}
