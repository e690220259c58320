//! Mail: of what an account is told, and who is.

use crate::frame::Frame;
use crate::links::Link;
use crate::texts::Texts;
use crate::values::Moment;
use askama::Template;

/// An account's mail.
#[derive(Clone, Debug, Template)]
#[template(path = "settings/mail.html")]
pub struct Mail {
    /// What is around it.
    pub frame: Frame,
    /// The account's name.
    pub account: String,
    /// Kinds of events that can be told, and whether they are.
    pub kinds: Vec<(&'static str, bool)>,
    /// Who is told, or is asked to agree.
    pub addresses: Vec<MailAddress>,
    /// How telling fares.
    pub state: MailState,
    /// Whether the reader may decide of what is told, and add addresses.
    pub may_change: bool,
    /// Whether the reader may take addresses away and let mail go on.
    pub may_remove: bool,
    /// What was typed as a new address.
    pub typed: String,
    /// Why something did not work, and with what.
    pub failed: Option<(MailForm, String)>,
}

/// A form of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailForm {
    /// Of what is told.
    Kinds,
    /// Another address.
    Address,
    /// What stood in a mail.
    Code,
    /// What a line of the list or the state has.
    Line,
}

/// An address.
#[derive(Clone, Debug)]
pub struct MailAddress {
    /// Its identifier.
    pub id: String,
    /// The address.
    pub address: String,
    /// How far it is.
    pub standing: AddressStanding,
    /// Why the last mail to it was not sent.
    pub error: Option<String>,
    /// Who wrote it down.
    pub creator: String,
}

/// How far an address is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressStanding {
    /// Nobody there has agreed yet; until when the code is good that was sent.
    Asked(Option<Moment>),
    /// It is told.
    Told,
    /// The mail server takes nothing for it.
    Refused,
}

/// How telling fares.
#[derive(Clone, Debug, Default)]
pub struct MailState {
    /// Whether it was stopped because the mail server failed for long.
    pub is_paused: bool,
    /// Why the mail server took nothing, while it does not.
    pub error: Option<String>,
    /// Events that were not looked at yet.
    pub behind: u64,
    /// Mails that the mail server took.
    pub sent: u64,
    /// When it last took one.
    pub sent_at: Option<Moment>,
}

impl Mail {
    fn place(&self) -> String {
        Link::In(&self.account, "settings/mail").to_string()
    }

    fn of_address(&self, id: &str, what: &str) -> String {
        let segments = ["settings", "mail", "addresses", id, what];
        Link::Under(&self.account, &segments).to_string()
    }

    fn failed_of(&self, form: MailForm) -> Option<&String> {
        let failed = self.failed.as_ref().filter(|(of, _)| *of == form);
        failed.map(|(_, why)| why)
    }

    fn why_kinds(&self) -> Option<&String> {
        self.failed_of(MailForm::Kinds)
    }

    fn why_address(&self) -> Option<&String> {
        self.failed_of(MailForm::Address)
    }

    fn why_code(&self) -> Option<&String> {
        self.failed_of(MailForm::Code)
    }

    fn why_line(&self) -> Option<&String> {
        self.failed_of(MailForm::Line)
    }

    /// Whether somebody may have a code.
    fn awaits_code(&self) -> bool {
        let standings = self.addresses.iter().map(|one| one.standing);
        let mut open = standings.filter(|standing| *standing != AddressStanding::Told);
        open.next().is_some() || self.why_code().is_some()
    }

    /// The kinds in words.
    fn choices(&self) -> Vec<(&'static str, &'static str, bool)> {
        let t = self.frame.t();
        let choices = self.kinds.iter();
        choices
            .map(|(name, is_told)| (*name, words(t, name), *is_told))
            .collect()
    }
}

/// A kind of events in words.
fn words(t: &'static Texts, kind: &'static str) -> &'static str {
    let s = t.settings;
    match kind {
        "job.failed" => s.job_failed,
        "webhook.paused" => s.webhook_paused,
        "sink.paused" => s.sink_paused,
        "account.storage_warning" => s.storage_warning,
        "quota.exceeded" => s.quota_exceeded,
        "address.certificate_ending" => s.certificate_ending,
        other => other,
    }
}
