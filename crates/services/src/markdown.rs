//! Markdown that somebody wrote, made into HTML that any page may show: what people say of a repository.
//!
//! Nothing of the source becomes HTML by itself. Of what was understood, the elements of [`WRITTEN`] are written here, one by
//! one and balanced; everything else, HTML among it, is text with its `<`, `>` and `&` escaped. No element has an attribute
//! but `href` and `rel` of links and `start` of lists, none of them loads anything, and none changes how a page is parsed
//! (`svg`, `style`, `template`): so there is nothing that reading the result again could bring back to life.

#[cfg(test)]
mod tests;

use pulldown_cmark::{Event, HeadingLevel, LinkType, Options, Parser, Tag, TagEnd};

/// Elements that a rendering has, and no others.
#[cfg(test)]
const WRITTEN: &[&str] = &[
    "a",
    "blockquote",
    "br",
    "code",
    "del",
    "em",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "li",
    "ol",
    "p",
    "pre",
    "strong",
    "table",
    "tbody",
    "td",
    "th",
    "thead",
    "tr",
    "ul",
];

/// Where a rendering ends, in bytes: what is longer is cut there, and says so.
const MAX_HTML: usize = 512 * 1024;
/// Elements within each other; deeper ones are left out, and their text stays.
const MAX_DEPTH: usize = 32;
/// The longest address of a link, in bytes.
const MAX_ADDRESS: usize = 2048;
/// What stands before the address of a link, and what comes after it: a page learns nothing of who follows it.
const LINK: (&str, &str) = ("<a href=\"", "\" rel=\"nofollow noopener noreferrer\">");

/// Renders Markdown (CommonMark with tables, strikethrough and lists of tasks) as HTML of at most some more than 512 KiB,
/// in a time that grows with the source. HTML in it is shown as text. Images are links, so that nobody who reads is seen by
/// whoever keeps the image. A link leads to an absolute `http`, `https` or `mailto` address, or is text.
pub(crate) fn render(source: &str) -> String {
    let options =
        Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let mut rendering = Rendering::default();
    for event in Parser::new_ext(source, options) {
        if rendering.html.len() >= MAX_HTML {
            return rendering.cut();
        }
        rendering.take(event);
    }
    rendering.closed()
}

/// An element that is open; `None` for one that was left out.
type Open = Option<&'static str>;

#[derive(Default)]
struct Rendering {
    html: String,
    open: Vec<Open>,
    is_in_link: bool,
    is_in_head: bool,
}

impl Rendering {
    fn take(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text)
            | Event::Html(text)
            | Event::InlineHtml(text)
            | Event::InlineMath(text)
            | Event::DisplayMath(text)
            | Event::FootnoteReference(text) => self.text(&text),
            Event::Code(text) => {
                self.html.push_str("<code>");
                self.text(&text);
                self.html.push_str("</code>");
            }
            Event::SoftBreak => self.html.push('\n'),
            Event::HardBreak => self.html.push_str("<br>"),
            Event::Rule => self.html.push_str("<hr>"),
            Event::TaskListMarker(is_done) => {
                self.html.push_str(if is_done { "[x] " } else { "[ ] " });
            }
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Paragraph | Tag::HtmlBlock => self.element("p"),
            Tag::Heading { level, .. } => self.element(heading(level)),
            Tag::BlockQuote(_) => self.element("blockquote"),
            Tag::CodeBlock(_) => {
                self.element("pre");
                self.element("code");
            }
            Tag::List(None) => self.element("ul"),
            Tag::List(Some(first)) => {
                let start = format!("<ol start=\"{first}\">");
                self.element_as("ol", &start);
            }
            Tag::Item => self.element("li"),
            Tag::Table(_) => self.element("table"),
            Tag::TableHead => {
                self.is_in_head = true;
                self.element("thead");
                self.element("tr");
            }
            Tag::TableRow => self.element("tr"),
            Tag::TableCell => self.element(if self.is_in_head { "th" } else { "td" }),
            Tag::Emphasis => self.element("em"),
            Tag::Strong => self.element("strong"),
            Tag::Strikethrough => self.element("del"),
            Tag::Link {
                link_type,
                dest_url,
                ..
            } => self.link(link_type, &dest_url),
            Tag::Image { dest_url, .. } => {
                self.link(LinkType::Inline, &dest_url);
                self.html.push_str("image: ");
            }
            _ => self.open.push(None),
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::TableHead => {
                self.close();
                self.close();
                self.is_in_head = false;
                // It stays open until the table ends.
                self.element("tbody");
            }
            // The body of a table, and its end; the code, and the block that it stands in.
            TagEnd::Table | TagEnd::CodeBlock => {
                self.close();
                self.close();
            }
            _ => self.close(),
        }
    }

    fn element(&mut self, name: &'static str) {
        self.element_as(name, &format!("<{name}>"));
    }

    fn element_as(&mut self, name: &'static str, written: &str) {
        let is_shown = self.open.len() < MAX_DEPTH;
        if is_shown {
            self.html.push_str(written);
        }
        self.open.push(is_shown.then_some(name));
    }

    /// Links do not stand within each other: a browser would end the first where the second begins.
    fn link(&mut self, kind: LinkType, address: &str) {
        let address = match kind {
            LinkType::Email => format!("mailto:{address}"),
            _ => address.to_owned(),
        };
        if self.is_in_link || self.open.len() >= MAX_DEPTH || !is_harmless(&address) {
            self.open.push(None);
            return;
        }
        self.html.push_str(LINK.0);
        // Whole: part of an address may lead elsewhere.
        for char in address.chars() {
            self.char(char);
        }
        self.html.push_str(LINK.1);
        self.open.push(Some("a"));
        self.is_in_link = true;
    }

    fn close(&mut self) {
        let Some(Some(name)) = self.open.pop() else {
            return;
        };
        if name == "a" {
            self.is_in_link = false;
        }
        self.html.push_str("</");
        self.html.push_str(name);
        self.html.push('>');
    }

    fn text(&mut self, text: &str) {
        for char in text.chars() {
            if self.html.len() >= MAX_HTML {
                return;
            }
            self.char(char);
        }
    }

    /// A character of a text, or of the value of an attribute.
    fn char(&mut self, char: char) {
        match char {
            '&' => self.html.push_str("&amp;"),
            '<' => self.html.push_str("&lt;"),
            '>' => self.html.push_str("&gt;"),
            '"' => self.html.push_str("&quot;"),
            '\'' => self.html.push_str("&#39;"),
            char if char.is_control() && !matches!(char, '\n' | '\t') => {}
            char => self.html.push(char),
        }
    }

    fn closed(mut self) -> String {
        while !self.open.is_empty() {
            self.close();
        }
        self.html
    }

    fn cut(self) -> String {
        let mut html = self.closed();
        html.push_str("<p>…</p>");
        html
    }
}

fn heading(level: HeadingLevel) -> &'static str {
    match level {
        HeadingLevel::H1 => "h1",
        HeadingLevel::H2 => "h2",
        HeadingLevel::H3 => "h3",
        HeadingLevel::H4 => "h4",
        HeadingLevel::H5 => "h5",
        HeadingLevel::H6 => "h6",
    }
}

/// Whether a link may lead to an address: an absolute one of another page, or one for mail. A relative one would lead into
/// whichever page shows the text, where it could look like a part of it; a name before the host is there to deceive.
fn is_harmless(address: &str) -> bool {
    let is_odd =
        |char: char| char.is_control() || char.is_whitespace() || "<>\"'`\\".contains(char);
    if address.len() > MAX_ADDRESS || address.contains(is_odd) {
        return false;
    }
    let Some((scheme, rest)) = address.split_once(':') else {
        return false;
    };
    match scheme.to_ascii_lowercase().as_str() {
        "http" | "https" => rest.strip_prefix("//").is_some_and(|rest| {
            let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
            !host.is_empty() && !host.contains('@')
        }),
        "mailto" => !rest.is_empty(),
        _ => false,
    }
}
