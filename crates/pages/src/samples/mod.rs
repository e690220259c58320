//! Every page with what it may have to show: nothing, what is usual, very much, and names that would break out.

use crate::{AccountFrame, Frame, Language, Moment, NamespaceFrame, Notice, Reader, Section, Tab};

mod content;
mod first;
mod invitations;
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

    /// Lines of what has at most so many.
    fn some<T>(self, most: usize, line: impl Fn(usize) -> T) -> Vec<T> {
        (0..self.many().min(most)).map(line).collect()
    }

    /// Lines of what has few.
    fn few<T>(self, line: impl Fn(usize) -> T) -> Vec<T> {
        self.some(15, line)
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

/// Every page of every kind in every language, as HTML.
fn all() -> Vec<(Kind, String)> {
    let mut rendered = Vec::new();
    for kind in Kind::ALL {
        for language in Language::ALL {
            let mut pages = Vec::new();
            for part in [
                first::pages,
                content::pages,
                invitations::pages,
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
            "{kind:?}: {} + {shared} of {}",
            html.len(),
            html.split("<h1>").nth(1).unwrap_or_default()
        );
    }
}
