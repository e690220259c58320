//! Every page with what it may have to show: nothing, what is usual, very much, and names that would break out.

use crate::account::{
    AccountLine, AccountUsage, Accounts, Concern, FirstPush, Overview, RecentRepository,
};
use crate::artifact::{Artifact, LayerLine, PartLine, ReferrerLine, TagLine};
use crate::artifacts::{ArtifactLine, Artifacts};
use crate::charts::{Chart, Style, Unit};
use crate::failure::Failure;
use crate::namespaces::{NamespaceForm, NamespaceLine, Namespaces};
use crate::repositories::{Repositories, RepositoryLine};
use crate::sign_in::{Password, SignIn};
use crate::{
    AccountFrame, Bytes, Frame, Language, Moment, NamespaceFrame, Notice, Page, Reader, Section, Tab,
};

mod content;
mod operator;
mod people;
mod policies;
mod settings;
mod work;

const HOSTILE: &str = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>&amp;";
const NOW: Moment = Moment(1_795_426_496_789);
/// What a page may weigh with its style and script, in bytes.
const WEIGHT: usize = 60_000;

/// How much there is to show, and what it is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Empty,
    Usual,
    Huge,
    Hostile,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Empty, Self::Usual, Self::Huge, Self::Hostile];

    fn many(self) -> usize {
        match self {
            Self::Empty => 0,
            Self::Usual | Self::Hostile => 3,
            Self::Huge => 50,
        }
    }

    fn name(self, usual: &str) -> String {
        match self {
            Self::Empty | Self::Usual => usual.to_owned(),
            Self::Huge => format!("{usual}-{}", "long".repeat(10)),
            Self::Hostile => format!("{usual}{HOSTILE}"),
        }
    }

    fn count(self) -> u64 {
        match self {
            Self::Empty => 0,
            Self::Usual | Self::Hostile => 3,
            Self::Huge => 123_456_789,
        }
    }

    fn lines<T>(self, line: impl Fn(usize) -> T) -> Vec<T> {
        (0..self.many()).map(line).collect()
    }

    /// Lines of what has few.
    fn few<T>(self, line: impl Fn(usize) -> T) -> Vec<T> {
        (0..self.many().min(15)).map(line).collect()
    }

    fn next(self) -> Option<String> {
        (self == Self::Huge).then(|| "?after=x".to_owned())
    }

    fn failed(self) -> Option<String> {
        (self != Self::Usual).then(|| self.name("it is not so"))
    }
}

fn frame(kind: Kind, language: Language, section: Section) -> Frame {
    let reader = Reader {
        name: kind.name("admin"),
        csrf: "token".to_owned(),
    };
    let account = AccountFrame {
        name: kind.name("acme"),
        has_others: kind == Kind::Huge,
        sections: vec![Section::Overview, section],
    };
    Frame {
        language,
        path: "/console/accounts/acme?q=%22&after=x".to_owned(),
        reader: Some(reader).filter(|_| kind != Kind::Empty),
        account: Some(account).filter(|_| section != Section::None),
        namespace: Some(NamespaceFrame {
            name: kind.name("library"),
            tabs: vec![Tab::Repositories, Tab::Robots],
            here: Tab::Robots,
        })
        .filter(|_| kind != Kind::Empty && section != Section::None),
        section,
        notice: Some(Notice::PasswordChanged).filter(|_| kind == Kind::Usual),
    }
}

fn digest(at: usize) -> String {
    format!("sha256:{at:064x}")
}

fn plain_pages(kind: Kind, language: Language) -> Vec<Box<dyn Page>> {
    let frame = || frame(kind, language, Section::None);
    vec![
        Box::new(SignIn {
            frame: frame(),
            next: kind.name("/console"),
            name: kind.name("admin"),
            failed: kind.failed(),
            elsewhere: kind.lines(|_| (kind.name("/c/oidc/login"), kind.name("Company"))),
        }),
        Box::new(Password {
            frame: frame(),
            name: kind.name("admin"),
            failed: kind.failed(),
        }),
        Box::new(Failure {
            frame: frame(),
            why: language.texts().failure_not_found,
            detail: kind.failed(),
        }),
        Box::new(Accounts {
            frame: frame(),
            accounts: kind.lines(|at| AccountLine {
                name: kind.name("acme"),
                plan: Some(kind.name("M")).filter(|_| at > 0),
                used: Bytes(kind.count()),
                limit: Some(Bytes(1 << 40)).filter(|_| at > 0),
            }),
            next: kind.next(),
        }),
    ]
}

fn charts(kind: Kind, language: Language) -> Vec<Chart> {
    let t = language.texts();
    let chart = |style, unit, names: &[&'static str]| Chart {
        language,
        title: t.pulls_and_pushes,
        style,
        unit,
        names: names.to_vec(),
        columns: kind.few(|at| {
            (
                kind.name("2026-11-23"),
                vec![Some(kind.count()).filter(|_| at > 0); names.len()],
            )
        }),
        limit: Some((kind.count() * 2, t.storage_limit)),
    };
    vec![
        chart(Style::Bars, Unit::Count, &[t.pulls, t.pushes]),
        chart(Style::Line, Unit::Bytes, &[t.storage]),
    ]
}

fn overview(kind: Kind, language: Language) -> Overview {
    Overview {
        frame: frame(kind, language, Section::Overview),
        account: kind.name("acme"),
        namespaces: kind.count(),
        repositories: kind.count(),
        concerns: kind.few(|at| match at % 6 {
            0 => Concern::Storage(80),
            1 => Concern::Pulls(95),
            2 => Concern::RobotExpires(kind.name("ci"), NOW),
            3 => Concern::RobotExpired(kind.name("ci"), NOW),
            4 => Concern::FailedJobs(kind.count()),
            _ => Concern::SinkFails(kind.name("siem")),
        }),
        usage: Some(AccountUsage {
            plan: Some(kind.name("M")),
            used: Bytes(kind.count()),
            limit: Some(Bytes(1000)),
            full_in_days: Some(kind.count()),
            pulled: Bytes(kind.count()),
            pulls: kind.count(),
            pushes: kind.count(),
            charts: charts(kind, language),
        })
        .filter(|_| kind != Kind::Empty),
        first_push: Some(FirstPush {
            registry: kind.name("registry.example.com"),
            user: kind.name("admin"),
            namespace: kind.name("library"),
        })
        .filter(|_| matches!(kind, Kind::Empty | Kind::Hostile)),
        recent: kind.lines(|_| RecentRepository {
            name: kind.name("library/app"),
            artifacts: kind.count(),
            updated: NOW,
        }),
    }
}

fn lists(kind: Kind, language: Language) -> Vec<Box<dyn Page>> {
    let frame = || frame(kind, language, Section::Namespaces);
    let words = if kind == Kind::Usual {
        String::new()
    } else {
        kind.name("app")
    };
    vec![
        Box::new(Namespaces {
            frame: frame(),
            account: kind.name("acme"),
            words: words.clone(),
            namespaces: kind.lines(|at| NamespaceLine {
                name: kind.name("library"),
                is_public: at == 0,
                repositories: kind.count(),
            }),
            next: kind.next(),
            form: Some(NamespaceForm {
                name: kind.name("team"),
                failed: kind.failed(),
            }),
        }),
        Box::new(Repositories {
            frame: frame(),
            account: kind.name("acme"),
            namespace: kind.name("library"),
            words,
            repositories: kind.lines(|at| RepositoryLine {
                name: kind.name("library/app"),
                artifacts: kind.count(),
                pulls: kind.count(),
                last_pull: Some(NOW).filter(|_| at > 0),
                updated: NOW,
            }),
            next: kind.next(),
        }),
        Box::new(Artifacts {
            frame: frame(),
            account: kind.name("acme"),
            namespace: kind.name("library"),
            repository: kind.name("library/app"),
            description_html: "<p>Made safe by the service.</p>".to_owned(),
            artifacts: kind.few(|at| ArtifactLine {
                digest: digest(at),
                kind: kind.name("IMAGE"),
                tags: (0..at.min(3)).map(|_| kind.name("v1")).collect(),
                labels: (0..at.min(2)).map(|_| kind.name("checked")).collect(),
                size: Bytes(kind.count()),
                pushed: NOW,
                last_pull: Some(NOW).filter(|_| at > 0),
            }),
            next: kind.next(),
        }),
    ]
}

fn artifact(kind: Kind, language: Language) -> Artifact {
    Artifact {
        frame: frame(kind, language, Section::Namespaces),
        account: kind.name("acme"),
        repository: kind.name("library/app"),
        digest: digest(1),
        kind: kind.name("IMAGE"),
        media_type: kind.name("application/vnd.oci.image.index.v1+json"),
        size: Bytes(kind.count()),
        pushed: NOW,
        last_pull: Some(NOW).filter(|_| kind != Kind::Empty),
        tags: kind.lines(|at| TagLine {
            name: kind.name("v1"),
            set: NOW,
            is_immutable: at == 0,
        }),
        labels: kind.few(|_| kind.name("checked")),
        parts: kind.few(|at| PartLine {
            digest: digest(at),
            platform: kind.name("linux/arm64/v8"),
            is_there: at == 0,
        }),
        layers: kind.lines(|at| LayerLine {
            digest: digest(at),
            size: Bytes(kind.count()),
            step: kind.name("RUN make"),
        }),
        facts: kind.few(|_| (kind.name("os"), kind.name("linux"))),
        annotations: kind.few(|_| (kind.name("org.example"), kind.name("value"))),
        referrers: kind.few(|at| ReferrerLine {
            digest: digest(at),
            kind: kind.name("application/spdx+json"),
            size: Bytes(kind.count()),
        }),
        commands: vec![(
            "docker",
            kind.name("docker pull registry.example.com/library/app:v1"),
        )],
    }
}

/// Every page of every kind in every language, as HTML.
fn all() -> Vec<(Kind, String)> {
    let mut rendered = Vec::new();
    for kind in Kind::ALL {
        for language in Language::ALL {
            let mut pages = plain_pages(kind, language);
            pages.push(Box::new(overview(kind, language)));
            pages.extend(lists(kind, language));
            pages.push(Box::new(artifact(kind, language)));
            for part in [
                content::pages,
                operator::pages,
                people::pages,
                policies::pages,
                settings::pages,
                work::pages,
            ] {
                pages.extend(part(kind, language));
            }
            rendered.extend(pages.iter().map(|page| (kind, page.html())));
        }
    }
    rendered
}

/// The tags of a document in their order: the name with its slash, and the attributes.
fn tags(html: &str) -> Vec<(&str, &str)> {
    let parts = html
        .split('<')
        .skip(1)
        .filter(|part| !part.starts_with('!'));
    let tags = parts.map(|part| part.split('>').next().unwrap_or_default());
    tags.map(|tag| tag.split_once(char::is_whitespace).unwrap_or((tag, "")))
        .collect()
}

/// The values of an attribute, wherever it stands.
fn attributes<'a>(html: &'a str, name: &str) -> Vec<&'a str> {
    let start = format!(" {name}=\"");
    let parts = html.split(start.as_str()).skip(1);
    parts.filter_map(|part| part.split('"').next()).collect()
}

#[test]
fn no_name_breaks_out_of_its_place() {
    for (kind, html) in all() {
        if kind == Kind::Hostile {
            assert!(html.contains("alert(1)"), "the sample is shown");
        }
        for raw in ["<script>alert", "<img src=x", "\"'>", "&amp;amp;amp;"] {
            assert!(!html.contains(raw), "{raw} in {html}");
        }
        for (tag, rest) in tags(&html) {
            let outside_quotes = rest.split('"').step_by(2);
            let is_inline = outside_quotes
                .flat_map(str::split_whitespace)
                .map(|part| part.split('=').next().unwrap_or_default())
                .any(|name| name == "style" || name.starts_with("on"));
            assert!(
                !is_inline,
                "<{tag} {rest}>: the policy forbids what is inline"
            );
        }
    }
}

#[test]
fn every_element_ends_where_it_should() {
    let void = ["meta", "link", "input", "img", "br", "hr"];
    for (kind, html) in all() {
        let mut open = Vec::new();
        for (tag, rest) in tags(&html) {
            match tag.strip_prefix('/') {
                Some(ended) => assert_eq!(open.pop(), Some(ended), "{kind:?} {html}"),
                None if void.contains(&tag.trim_end_matches('/')) || rest.ends_with('/') => {}
                None => open.push(tag),
            }
        }
        assert_eq!(open, Vec::<&str>::new(), "{kind:?} {html}");
    }
}

#[test]
fn what_a_label_or_a_description_names_is_there_once() {
    for (kind, html) in all() {
        let ids = attributes(&html, "id");
        for id in &ids {
            let count = ids.iter().filter(|other| other == &id).count();
            assert_eq!(count, 1, "{kind:?}: {id}");
        }
        for name in ["for", "aria-labelledby", "aria-describedby"] {
            let named = attributes(&html, name);
            for id in named.iter().flat_map(|ids| ids.split(' ')) {
                assert!(
                    ids.contains(&id),
                    "{kind:?}: {name} names {id}, which is not there"
                );
            }
        }
        assert_eq!(html.matches("<h1").count(), 1, "{html}");
        assert!(html.starts_with("<!doctype html>\n<html lang=\""), "{html}");
    }
}

#[test]
fn a_page_is_light() {
    let shared: usize = [
        crate::assets::style(),
        crate::assets::script(),
        crate::assets::icon(),
    ]
    .iter()
    .filter_map(|path| crate::find_asset(path))
    .map(|asset| asset.content.len())
    .sum();
    for (kind, html) in all() {
        assert!(
            html.len() + shared <= WEIGHT,
            "{kind:?}: {} + {shared}",
            html.len()
        );
    }
}
