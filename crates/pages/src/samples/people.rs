//! Samples of the pages of `people`.

use super::{Kind, NOW, frame};
use crate::people::robots::{
    ActionBox, Robot, RobotForm, RobotLine, RobotSecret, RobotState, Robots,
};
use crate::{Language, Page, Section};

fn form(kind: Kind) -> RobotForm {
    let names = [
        "repository:pull",
        "repository:push",
        "label:list",
        "log:list",
    ];
    RobotForm {
        name: kind.name("ci"),
        description: kind.name("builds"),
        days: kind.name("90"),
        is_disabled: kind == Kind::Huge,
        actions: names
            .map(|name| ActionBox {
                name,
                is_given: kind != Kind::Usual,
            })
            .to_vec(),
        is_everywhere: kind == Kind::Usual,
        namespaces: kind.name("library"),
        failed: kind.failed(),
    }
}

fn state(at: usize) -> RobotState {
    match at % 5 {
        0 => RobotState::Active,
        1 => RobotState::Until(NOW),
        2 => RobotState::Soon(NOW),
        3 => RobotState::Expired(NOW),
        _ => RobotState::Disabled,
    }
}

pub(super) fn pages(kind: Kind, language: Language) -> Vec<Box<dyn Page>> {
    let frame = || frame(kind, language, Section::Robots);
    let robots = |namespace: Option<String>| Robots {
        frame: frame(),
        account: kind.name("acme"),
        namespace,
        words: kind.failed().unwrap_or_default(),
        robots: kind.lines(|at| RobotLine {
            name: kind.name("robot$ci"),
            description: kind.name("builds"),
            state: state(at),
            last_used: Some(NOW).filter(|_| at > 0),
        }),
        next: kind.next(),
        form: Some(form(kind)),
    };
    vec![
        Box::new(robots(None)),
        Box::new(robots(Some(kind.name("library")))),
        Box::new(Robot {
            frame: frame(),
            account: kind.name("acme"),
            name: kind.name("robot$ci"),
            state: state(kind.many()),
            created: NOW,
            last_used: Some(NOW).filter(|_| kind != Kind::Empty),
            permissions: kind.few(|at| {
                let place = Some(kind.name("library")).filter(|_| at > 0);
                (place, kind.name("repository:pull"))
            }),
            form: Some(form(kind)),
            decides_actions: kind != Kind::Usual,
            decides_places: kind != Kind::Usual,
            may_delete: true,
            not_deleted: kind.failed(),
        }),
        Box::new(RobotSecret {
            frame: frame(),
            account: kind.name("acme"),
            robot: kind.name("robot$ci"),
            secret: kind.name("s3cret"),
            registry: kind.name("registry.example.com"),
            overlap_hours: Some(kind.count()).filter(|_| kind != Kind::Empty),
        }),
    ]
}
