//! Samples of the pages of `content`.

use super::{Kind, NOW, digest, frame};
use crate::content::trash::{Kept, Trash, TrashLine};
use crate::{Bytes, Language, Page, Section};

pub(super) fn pages(kind: Kind, language: Language) -> Vec<Box<dyn Page>> {
    vec![Box::new(Trash {
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
    })]
}
