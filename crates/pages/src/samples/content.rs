//! Samples of the pages of `content`.

use super::{Kind, NOW, digest, frame};
use crate::content::tag::{MoveLine, TagChanges, TagNow, TagPage};
use crate::content::trash::{Kept, Trash, TrashLine};
use crate::{Bytes, Language, Page, Section};

pub(super) fn pages(kind: Kind, language: Language) -> Vec<Box<dyn Page>> {
    vec![
        Box::new(trash(kind, language)),
        Box::new(tag(kind, language)),
    ]
}

fn tag(kind: Kind, language: Language) -> TagPage {
    TagPage {
        frame: frame(kind, language, Section::Namespaces),
        account: kind.name("acme"),
        repository: kind.name("library/app"),
        tag: kind.name("v1"),
        now: (kind != Kind::Empty).then(|| TagNow {
            digest: digest(1),
            set: NOW,
            is_immutable: true,
            is_locked: kind == Kind::Huge,
            ends: Some(NOW),
        }),
        moves: kind.lines(|at| MoveLine {
            digest: Some(digest(at)).filter(|_| at > 0),
            by: kind.name("admin"),
            at: NOW,
            is_there: at % 2 == 0,
            can_return: at % 2 == 0,
        }),
        next: kind.next(),
        may: TagChanges {
            revert: true,
            lock: true,
            unlock: true,
            delete: true,
        },
        days: kind.name("3"),
        failed: kind.failed(),
    }
}

fn trash(kind: Kind, language: Language) -> Trash {
    Trash {
        frame: frame(kind, language, Section::Trash),
        account: kind.name("acme"),
        kind: kind.name("tag"),
        items: kind.lines(|at| TrashLine {
            id: kind.name("id"),
            kind: ["manifest", "tag", "repository", "namespace"][at % 4],
            name: kind.name("library/app"),
            digest: Some(digest(at)).filter(|_| at % 4 < 2),
            tags: (0..at.min(3)).map(|_| kind.name("v1")).collect(),
            deleted_by: kind.name("admin"),
            deleted: NOW,
            days_left: kind.count(),
            size: Bytes(kind.count()),
        }),
        next: kind.next(),
        failed: kind.failed(),
        kept: Some(Kept {
            used: Bytes(kind.count()),
            days: kind.count(),
        })
        .filter(|_| kind != Kind::Empty),
    }
}
