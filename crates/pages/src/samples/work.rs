//! Samples of the pages about jobs and the audit log.

use super::{Kind, NOW, frame};
use crate::work::audit::{AuditFilter, AuditLog, AuditProof, EventLine};
use crate::work::jobs::{Job, JobLine, Jobs, LogLine};
use crate::{Language, Page, Section};

const STATES: [&str; 5] = ["queued", "running", "done", "failed", "cancelled"];

fn job(kind: Kind, at: usize) -> JobLine {
    JobLine {
        id: kind.name("01J"),
        kind: kind.name("run_retention"),
        state: STATES[at % 5],
        is_stopping: at % 5 == 1 && kind == Kind::Huge,
        created: NOW,
        ended: Some(NOW).filter(|_| at % 5 > 1),
        why: kind.failed().filter(|_| at % 5 == 3),
    }
}

fn jobs(kind: Kind, language: Language) -> Vec<Box<dyn Page>> {
    let frame = || frame(kind, language, Section::Jobs);
    let levels = ["info", "warning", "error"];
    let line = |at: usize| LogLine {
        attempt: 1,
        at: NOW,
        level: levels[at % 3],
        text: kind.name("12 of 40 removed"),
    };
    vec![
        Box::new(Jobs {
            frame: frame(),
            account: kind.name("acme"),
            jobs: kind.lines(|at| job(kind, at)),
            next: kind.next(),
        }),
        Box::new(Job {
            frame: frame(),
            account: kind.name("acme"),
            line: job(kind, kind.many()),
            attempts: 1,
            most_attempts: 5,
            started: Some(NOW).filter(|_| kind != Kind::Empty),
            log: Some(kind.lines(line)).filter(|_| kind != Kind::Hostile),
            next: kind.next(),
            may_stop: kind == Kind::Usual,
            may_retry: kind != Kind::Usual,
            failed: kind.failed(),
        }),
    ]
}

pub(super) fn pages(kind: Kind, language: Language) -> Vec<Box<dyn Page>> {
    let frame = || frame(kind, language, Section::Audit);
    let event = |at: usize| EventLine {
        number: at as u64,
        at: NOW,
        kind: kind.name("manifest.pushed"),
        actor: kind.name("dora"),
        address: Some(kind.name("192.0.2.7")).filter(|_| at > 0),
        resource: Some(kind.name("library/app")).filter(|_| at > 0),
        details: format!("{{\n  \"repository\": {:?}\n}}", kind.name("library/app")),
    };
    let mut pages = jobs(kind, language);
    pages.push(Box::new(AuditLog {
        frame: frame(),
        account: kind.name("acme"),
        filter: AuditFilter {
            kind: kind.failed().unwrap_or_default(),
            actor: kind.name("dora"),
            since: kind.failed().unwrap_or_default(),
            until: String::new(),
        },
        events: kind.lines(event),
        next: kind.next(),
        is_followed: kind == Kind::Huge,
        most_exported: 5000,
        failed: kind.failed(),
    }));
    pages.push(Box::new(AuditProof {
        frame: frame(),
        account: kind.name("acme"),
        number: 10_000,
        newest: 12_000,
        problems: kind.failed().into_iter().collect(),
        next: kind.next(),
    }));
    pages
}
