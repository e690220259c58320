//! Samples of the pages of `people`.

use super::{Kind, NOW, frame};
use crate::people::groups::{Group, GroupLine, Groups};
use crate::people::members::{Member, MemberForm, MemberLine, Members, SubjectKind};
use crate::people::parts::{Part, Parts};
use crate::people::rights::{GivenBy, GivenIn, RightGiven, Rights, RightsAnswer, RightsForm};
use crate::people::robots::{
    ActionBox, Robot, RobotForm, RobotLine, RobotSecret, RobotState, Robots,
};
use crate::people::roles::{Role, RoleForm, RoleLine, Roles};
use crate::people::tokens::{Token, TokenForm, TokenLine, TokenSecret, Tokens};
use crate::people::trust_rules::{TrustRule, TrustRuleForm, TrustRuleLine, TrustRules};
use crate::people::users::{User, UserForm, UserLine, Users};
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

fn member(kind: Kind, at: usize) -> MemberLine {
    MemberLine {
        id: kind.name("01J"),
        name: kind.name("dora"),
        kind: SubjectKind::ALL[at % 3],
        role: kind.name("developer"),
        pattern: Some(kind.name("app-*")).filter(|_| at > 0),
        given: NOW,
    }
}

fn members(kind: Kind, language: Language) -> Vec<Box<dyn Page>> {
    let frame = || frame(kind, language, Section::Members);
    let list = |namespace: Option<String>| Members {
        frame: frame(),
        account: kind.name("acme"),
        parts: Some(parts(kind, Part::Members)).filter(|_| namespace.is_none()),
        namespace,
        words: kind.failed().unwrap_or_default(),
        members: kind.lines(|at| member(kind, at)),
        next: kind.next(),
        form: Some(MemberForm {
            name: kind.name("dora"),
            kind: SubjectKind::Group,
            role: kind.name("developer"),
            roles: kind.few(|_| kind.name("developer")),
            pattern: kind.name("app-*"),
            failed: kind.failed(),
        }),
        may_ask: kind != Kind::Empty,
    };
    let given = |by, place| RightGiven { by, place };
    let sources = || {
        vec![
            given(GivenBy::Public, GivenIn::Here),
            given(GivenBy::Role("developer"), GivenIn::Namespaces),
            given(GivenBy::Own, GivenIn::Repositories(kind.name("app-*"))),
        ]
    };
    let rights = |namespace: Option<String>| Rights {
        frame: frame(),
        account: kind.name("acme"),
        namespace,
        form: RightsForm {
            name: kind.name("dora"),
            kind: SubjectKind::Robot,
            is_everywhere: kind == Kind::Huge,
            repository: kind.name("app"),
            failed: kind.failed(),
        },
        answer: Some(RightsAnswer {
            is_active: kind != Kind::Huge,
            allowed: kind.lines(|_| ("repository:pull", sources())),
            denied: kind.lines(|_| "repository:push"),
        })
        .filter(|_| kind != Kind::Empty),
    };
    vec![
        Box::new(list(None)),
        Box::new(list(Some(kind.name("library")))),
        Box::new(Member {
            frame: frame(),
            account: kind.name("acme"),
            namespace: Some(kind.name("library")).filter(|_| kind != Kind::Empty),
            line: member(kind, kind.many()),
            roles: kind.few(|_| kind.name("developer")),
            may_take: kind != Kind::Empty,
            failed: kind.failed(),
        }),
        Box::new(rights(None)),
        Box::new(rights(Some(kind.name("library")))),
    ]
}

fn parts(kind: Kind, here: Part) -> Parts {
    let seen = [
        Part::Members,
        Part::Users,
        Part::Groups,
        Part::Roles,
        Part::TrustRules,
    ];
    Parts {
        account: kind.name("acme"),
        seen: seen.into_iter().take(kind.many()).collect(),
        here,
    }
}

fn users(kind: Kind, language: Language) -> Vec<Box<dyn Page>> {
    let frame = || frame(kind, language, Section::Members);
    let failed = || kind.failed();
    vec![
        Box::new(Users {
            frame: frame(),
            account: kind.name("acme"),
            parts: parts(kind, Part::Users),
            words: failed().unwrap_or_default(),
            users: kind.lines(|at| UserLine {
                name: kind.name("dora"),
                real_name: kind.name("Dora"),
                email: kind.name("dora@example.com"),
                is_administrator: at == 0,
                created: NOW,
            }),
            next: kind.next(),
            form: Some(UserForm {
                name: kind.name("dora"),
                real_name: kind.name("Dora"),
                email: kind.name("dora@example.com"),
                failed: failed(),
            }),
        }),
        Box::new(User {
            frame: frame(),
            account: kind.name("acme"),
            name: kind.name("dora"),
            state: state(kind.many().min(4)),
            is_guest: kind == Kind::Hostile,
            created: NOW,
            may_change: kind != Kind::Empty,
            may_delete: kind != Kind::Empty,
            failed: failed(),
            not_deleted: failed(),
        }),
    ]
}

fn groups(kind: Kind, language: Language) -> Vec<Box<dyn Page>> {
    let frame = || frame(kind, language, Section::Members);
    let group = |at: usize| GroupLine {
        name: kind.name("developers"),
        external: Some(kind.name("cn=developers")).filter(|_| at > 0),
        created: NOW,
    };
    vec![
        Box::new(Groups {
            frame: frame(),
            account: kind.name("acme"),
            parts: parts(kind, Part::Groups),
            words: kind.failed().unwrap_or_default(),
            groups: kind.lines(group),
            next: kind.next(),
            form: Some((kind.name("developers"), kind.failed())),
        }),
        Box::new(Group {
            frame: frame(),
            account: kind.name("acme"),
            group: group(kind.many()),
            users: kind.lines(|_| kind.name("dora")),
            next: kind.next(),
            may_change: kind != Kind::Empty,
            may_delete: kind != Kind::Empty,
            typed: kind.name("dora"),
            failed: kind.failed(),
            not_deleted: kind.failed(),
        }),
    ]
}

fn roles(kind: Kind, language: Language) -> Vec<Box<dyn Page>> {
    let frame = || frame(kind, language, Section::Members);
    let role_form = || RoleForm {
        name: kind.name("releaser"),
        description: kind.name("releases"),
        actions: form(kind).actions,
        failed: kind.failed(),
    };
    vec![
        Box::new(Roles {
            frame: frame(),
            account: kind.name("acme"),
            parts: parts(kind, Part::Roles),
            roles: kind.lines(|_| RoleLine {
                name: kind.name("releaser"),
                description: kind.name("releases"),
                actions: kind.count(),
            }),
            next: kind.next(),
            form: Some(role_form()),
        }),
        Box::new(Role {
            frame: frame(),
            account: kind.name("acme"),
            name: kind.name("releaser"),
            description: kind.name("releases"),
            actions: vec!["repository:pull", "repository:push"],
            form: Some(role_form()),
            may_delete: kind != Kind::Empty,
            not_deleted: kind.failed(),
        }),
    ]
}

fn trust_rules(kind: Kind, language: Language) -> Vec<Box<dyn Page>> {
    let frame = || frame(kind, language, Section::Members);
    let line = |at: usize| TrustRuleLine {
        name: kind.name("releases"),
        issuer: kind.name("https://issuer.example.com"),
        is_disabled: at == 0,
        last_used: Some(NOW).filter(|_| at > 0),
    };
    let rule_form = || TrustRuleForm {
        name: kind.name("releases"),
        description: kind.name("of the product"),
        issuer: kind.name("https://issuer.example.com"),
        audience: kind.name("registry.example.com"),
        claims: kind.name("repository = acme/*\nref = refs/tags/*"),
        is_disabled: kind == Kind::Huge,
        rights: form(kind),
        failed: kind.failed(),
    };
    vec![
        Box::new(TrustRules {
            frame: frame(),
            account: kind.name("acme"),
            parts: parts(kind, Part::TrustRules),
            rules: kind.lines(line),
            next: kind.next(),
            form: Some(rule_form()),
        }),
        Box::new(TrustRule {
            frame: frame(),
            account: kind.name("acme"),
            line: line(kind.many()),
            created: NOW,
            permissions: vec![
                (None, kind.name("repository:pull")),
                (Some(kind.name("library")), kind.name("repository:push")),
            ],
            form: Some(rule_form()),
            decides_rights: kind != Kind::Usual,
            may_delete: kind != Kind::Empty,
            not_deleted: kind.failed(),
        }),
    ]
}

fn tokens(kind: Kind, language: Language) -> Vec<Box<dyn Page>> {
    let frame = || frame(kind, language, Section::None);
    let token = |at: usize| TokenLine {
        id: kind.name("01J"),
        name: kind.name("laptop"),
        may: [true, at > 0, at > 1],
        state: state(at),
        last_used: Some(NOW).filter(|_| at > 0),
        created: NOW,
    };
    vec![
        Box::new(Tokens {
            frame: frame(),
            tokens: kind.lines(token),
            next: kind.next(),
            form: TokenForm {
                name: kind.name("laptop"),
                days: kind.name("90"),
                pull: true,
                push: kind == Kind::Huge,
                delete: kind == Kind::Hostile,
                failed: kind.failed(),
            },
        }),
        Box::new(Token {
            frame: frame(),
            token: token(kind.many()),
            failed: kind.failed(),
        }),
        Box::new(TokenSecret {
            frame: frame(),
            token: kind.name("laptop"),
            user: kind.name("dora"),
            secret: kind.name("s3cret"),
            registry: kind.name("registry.example.com"),
        }),
    ]
}

pub(super) fn pages(kind: Kind, language: Language) -> Vec<Box<dyn Page>> {
    let mut pages = robots(kind, language);
    pages.extend(members(kind, language));
    pages.extend(users(kind, language));
    pages.extend(groups(kind, language));
    pages.extend(roles(kind, language));
    pages.extend(trust_rules(kind, language));
    pages.extend(tokens(kind, language));
    pages
}

fn robots(kind: Kind, language: Language) -> Vec<Box<dyn Page>> {
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
