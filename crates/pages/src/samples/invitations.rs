//! Samples of the pages about invitations.

use super::{Kind, NOW, frame};
use crate::people::invitations::{InvitationForm, InvitationLine, Invitations, OwnInvitations};
use crate::people::parts::{Part, Parts};
use crate::{Language, Page, Section};

fn line(kind: Kind, at: usize) -> InvitationLine {
    InvitationLine {
        id: kind.name("01J"),
        name: kind.name("bob"),
        role: kind.name("developer"),
        namespace: Some(kind.name("library")).filter(|_| at > 0),
        by: kind.name("ann"),
        ends: NOW,
    }
}

pub(super) fn pages(kind: Kind, language: Language) -> Vec<Box<dyn Page>> {
    vec![
        Box::new(Invitations {
            frame: frame(kind, language, Section::Members),
            account: kind.name("acme"),
            parts: Parts {
                account: kind.name("acme"),
                seen: vec![Part::Members, Part::Invitations],
                here: Part::Invitations,
            },
            invitations: kind.lines(|at| line(kind, at)),
            may_revoke: kind != Kind::Usual,
            form: Some(InvitationForm {
                name: kind.name("bob"),
                role: kind.name("developer"),
                roles: kind.few(|_| kind.name("developer")),
                namespace: kind.name("library"),
                days: kind.name("7"),
                failed: kind.failed(),
            })
            .filter(|_| kind != Kind::Empty),
        }),
        Box::new(OwnInvitations {
            frame: frame(kind, language, Section::None),
            invitations: kind.lines(|at| line(kind, at)),
            failed: kind.failed(),
        }),
    ]
}
