//! Samples of the pages of `policies`.

use super::{Kind, NOW, digest, frame};
use crate::policies::retention::{Decision, Pattern, Preview, Retention, RuleForm, RunLine};
use crate::{Language, Page, Section};

fn rule(kind: Kind, at: usize) -> RuleForm {
    let pattern = || Pattern {
        text: kind.name("v*"),
        excludes: at == 1,
        untagged: at == 1,
    };
    RuleForm {
        action: "keep".to_owned(),
        template: kind.name("latestPushedK"),
        count: kind.name("10"),
        repositories: pattern(),
        tags: pattern(),
        is_off: at == 1,
        sealed: Some(kind.name("{}")).filter(|_| at == 2),
    }
}

pub(super) fn pages(kind: Kind, language: Language) -> Vec<Box<dyn Page>> {
    let preview = Preview {
        kept: kind.count(),
        removed: kind.count(),
        is_whole: kind == Kind::Usual,
        artifacts: (0..kind.many().min(25))
            .map(|at| Decision {
                repository: kind.name("library/app"),
                digest: digest(at),
                tags: vec![kind.name("v1")],
                pushed: NOW,
                stays: at > 0,
                why: kind.name("rule 1 keeps it"),
            })
            .collect(),
    };
    vec![Box::new(Retention {
        frame: frame(kind, language, Section::Namespaces),
        account: kind.name("acme"),
        namespace: kind.name("library"),
        note: kind.failed(),
        rules: kind.few(|at| rule(kind, at)),
        schedule: kind.name("daily"),
        may_change: kind != Kind::Empty,
        failed: kind.failed(),
        preview: Some(preview),
        is_saved: true,
        runs: (0..kind.many().min(5))
            .map(|at| RunLine {
                number: kind.count(),
                created: NOW,
                is_dry: at == 1,
                is_going: at == 2,
                state: ["queued", "running", "done", "stopped", "failed"][at % 5],
                total: kind.count(),
                removed: kind.count(),
                why: kind.failed(),
            })
            .collect(),
    })]
}
