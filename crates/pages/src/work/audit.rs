//! The audit log: what was done in an account, and the proof that nothing of it is missing.

use crate::frame::Frame;
use crate::links::{Link, encoded};
use crate::values::Moment;
use askama::Template;

/// Events of an account.
#[derive(Clone, Debug, Template)]
#[template(path = "work/audit.html")]
pub struct AuditLog {
    /// What is around it.
    pub frame: Frame,
    /// The account's name.
    pub account: String,
    /// What is looked for.
    pub filter: AuditFilter,
    /// The events, the newest first.
    pub events: Vec<EventLine>,
    /// Where the older ones are.
    pub next: Option<String>,
    /// Whether new events come by themselves.
    pub is_followed: bool,
    /// Events that a file has, at most.
    pub most_exported: u64,
    /// Why nothing was looked for.
    pub failed: Option<String>,
}

/// Which events are looked for; what is empty is not asked about.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// The kind, as `manifest.pushed`.
    pub kind: String,
    /// Who did it.
    pub actor: String,
    /// The first day, as `2026-11-23`.
    pub since: String,
    /// The last day.
    pub until: String,
}

/// An event.
#[derive(Clone, Debug)]
pub struct EventLine {
    /// Its number in the log.
    pub number: u64,
    /// When.
    pub at: Moment,
    /// What happened.
    pub kind: String,
    /// Who did it.
    pub actor: String,
    /// From where.
    pub address: Option<String>,
    /// To what.
    pub resource: Option<String>,
    /// Everything about it.
    pub details: String,
}

impl AuditFilter {
    /// The same as part of an address.
    pub fn query(&self) -> String {
        let fields = [
            ("kind", &self.kind),
            ("actor", &self.actor),
            ("since", &self.since),
            ("until", &self.until),
        ];
        let said = fields.into_iter().filter(|(_, value)| !value.is_empty());
        let pairs: Vec<String> = said
            .map(|(name, value)| format!("{name}={}", encoded(value)))
            .collect();
        pairs.join("&")
    }
}

impl AuditLog {
    /// Where events are that are looked for otherwise.
    pub(crate) fn only(&self, kind: &str, actor: &str) -> String {
        let filter = AuditFilter {
            kind: kind.to_owned(),
            actor: actor.to_owned(),
            ..AuditFilter::default()
        };
        format!("{}?{}", Link::In(&self.account, "audit"), filter.query())
    }

    pub(crate) fn export(&self, format: &str) -> String {
        let place = Link::In(&self.account, "audit/export");
        format!("{place}?format={format}&{}", self.filter.query())
    }

    /// Where the same is, with new events as they come, or without.
    pub(crate) fn follow(&self) -> String {
        let place = Link::In(&self.account, "audit");
        let query = self.filter.query();
        if self.is_followed {
            format!("{place}?{query}")
        } else {
            format!("{place}?follow=yes&{query}")
        }
    }
}

/// A proof of the log, as far as it has come.
#[derive(Clone, Debug, Template)]
#[template(path = "work/audit_proof.html")]
pub struct AuditProof {
    /// What is around it.
    pub frame: Frame,
    /// The account's name.
    pub account: String,
    /// The number of the last event that was looked at.
    pub number: u64,
    /// The number of the newest.
    pub newest: u64,
    /// What is wrong, in words.
    pub problems: Vec<String>,
    /// Where the proof goes on; `None` once it is through.
    pub next: Option<String>,
}
