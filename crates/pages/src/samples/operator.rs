//! Samples of the pages of `operator`.

use super::{Kind, NOW, frame};
use crate::operator::accounts::{Account, AccountLine, Accounts, Forms};
use crate::{Bytes, Language, Page, Section};

const STATES: [&str; 4] = ["active", "suspended", "closing", "closed"];

fn account(kind: Kind, language: Language, state: &str) -> Account {
    Account {
        frame: frame(kind, language, Section::None),
        name: kind.name("acme"),
        state: state.to_owned(),
        reason: kind.failed(),
        ends: (state == "closing").then_some(NOW),
        plan: Some(kind.name("small")).filter(|_| kind != Kind::Empty),
        used: Bytes(kind.count()),
        limit: Some(Bytes(kind.count())),
        namespaces: kind.count(),
        charts: super::first::charts(kind, language),
        forms: Some(Forms {
            plans: kind.lines(|_| kind.name("small")),
            plan_failed: kind.failed(),
            reason: kind.name("unpaid"),
            state_failed: kind.failed(),
        }),
    }
}

pub(super) fn pages(kind: Kind, language: Language) -> Vec<Box<dyn Page>> {
    let accounts = Accounts {
        frame: frame(kind, language, Section::None),
        words: kind.name(""),
        accounts: kind.lines(|at| AccountLine {
            name: kind.name("acme"),
            state: STATES[at % 4].to_owned(),
            plan: Some(kind.name("small")),
            used: Bytes(kind.count()),
            limit: Some(Bytes(kind.count())),
            created: NOW,
        }),
        next: kind.next(),
    };
    let mut pages: Vec<Box<dyn Page>> = vec![Box::new(accounts)];
    for state in STATES {
        pages.push(Box::new(account(kind, language, state)));
    }
    pages
}
