//! Which entries a search finds (RFC 4511, section 4.5.1.7), and how people write that (RFC 4515).
//!
//! What somebody types at a login becomes a value in a tree, never a part of a text that is parsed.

use super::ber::{element, elements, text};
use std::fmt;
use std::str::FromStr;

/// The longest text of a filter.
const MAX_BYTES: usize = 1024;
/// Filters in filters in filters.
const MAX_DEPTH: usize = 16;

/// Which entries a search finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filter {
    /// Those that all find.
    All(Vec<Filter>),
    /// Those that any finds.
    Any(Vec<Filter>),
    /// Those that it does not find.
    Not(Box<Filter>),
    /// Those with this value.
    Equals(String, Vec<u8>),
    /// Those with a value that has these parts in this order; the first and the last are its ends, and may be empty.
    Like(String, Vec<Vec<u8>>),
    /// Those with a value that is not less.
    AtLeast(String, Vec<u8>),
    /// Those with a value that is not greater.
    AtMost(String, Vec<u8>),
    /// Those with a value that is nearly this.
    About(String, Vec<u8>),
    /// Those with any value.
    Has(String),
    /// Those that a rule of the directory's own finds.
    Matches {
        /// The attribute; empty for all that have the rule.
        attribute: String,
        /// The rule; empty for the attribute's own.
        rule: String,
        /// Whether parts of the entry's name count, too.
        with_name: bool,
        /// What it is compared with.
        value: Vec<u8>,
    },
}

/// A text is no filter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no filter; write it as in \"(&(objectClass=person)(!(title=guest)))\"")]
pub struct NoFilter(String);

impl Filter {
    /// Those whose attribute has this value, whatever is in it.
    pub fn equals(attribute: &str, value: &[u8]) -> Self {
        Self::Equals(attribute.to_owned(), value.to_owned())
    }

    /// Those with a value that has this text in it.
    pub fn holds(attribute: &str, value: &str) -> Self {
        let parts = vec![Vec::new(), value.as_bytes().to_owned(), Vec::new()];
        Self::Like(attribute.to_owned(), parts)
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let all = |filters: &[Self]| filters.iter().map(Self::encode).collect::<Vec<_>>();
        let pair = |tag, attribute: &str, value: &[u8]| {
            elements(tag, &[text(attribute), element(0x04, value)])
        };
        match self {
            Self::All(filters) => elements(0xa0, &all(filters)),
            Self::Any(filters) => elements(0xa1, &all(filters)),
            Self::Not(filter) => element(0xa2, &filter.encode()),
            Self::Equals(attribute, value) => pair(0xa3, attribute, value),
            Self::Like(attribute, parts) => like(attribute, parts),
            Self::AtLeast(attribute, value) => pair(0xa5, attribute, value),
            Self::AtMost(attribute, value) => pair(0xa6, attribute, value),
            Self::Has(attribute) => element(0x87, attribute.as_bytes()),
            Self::About(attribute, value) => pair(0xa8, attribute, value),
            Self::Matches {
                attribute,
                rule,
                with_name,
                value,
            } => {
                let named = |tag, name: &str| match name {
                    "" => Vec::new(),
                    name => element(tag, name.as_bytes()),
                };
                let with_name: &[u8] = if *with_name { &[0x84, 1, 0xff] } else { &[] };
                let parts = [
                    named(0x81, rule),
                    named(0x82, attribute),
                    element(0x83, value),
                    with_name.to_owned(),
                ];
                elements(0xa9, &parts)
            }
        }
    }
}

fn like(attribute: &str, parts: &[Vec<u8>]) -> Vec<u8> {
    let last = parts.len().saturating_sub(1);
    let tagged = parts
        .iter()
        .enumerate()
        .filter(|(_, part)| !part.is_empty());
    let tagged: Vec<Vec<u8>> = tagged
        .map(|(at, part)| {
            let tag = match at {
                0 => 0x80,
                at if at == last => 0x82,
                _ => 0x81,
            };
            element(tag, part)
        })
        .collect();
    elements(0xa4, &[text(attribute), elements(0x30, &tagged)])
}

impl FromStr for Filter {
    type Err = NoFilter;

    fn from_str(written: &str) -> Result<Self, NoFilter> {
        let wrong = || NoFilter(written.chars().take(80).collect());
        if written.len() > MAX_BYTES {
            return Err(wrong());
        }
        let whole = written.trim();
        let mut parser = Parser { rest: whole };
        let parsed = if whole.starts_with('(') {
            parser.filter(0)
        } else {
            parser.item()
        };
        match parsed {
            Some(filter) if parser.rest.is_empty() => Ok(filter),
            _ => Err(wrong()),
        }
    }
}

struct Parser<'a> {
    rest: &'a str,
}

impl Parser<'_> {
    fn takes(&mut self, letter: char) -> bool {
        let rest = self.rest.strip_prefix(letter);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn filter(&mut self, depth: usize) -> Option<Filter> {
        if depth >= MAX_DEPTH || !self.takes('(') {
            return None;
        }
        let filter = if self.takes('&') {
            Filter::All(self.filters(depth)?)
        } else if self.takes('|') {
            Filter::Any(self.filters(depth)?)
        } else if self.takes('!') {
            Filter::Not(Box::new(self.filter(depth + 1)?))
        } else {
            self.item()?
        };
        self.takes(')').then_some(filter)
    }

    fn filters(&mut self, depth: usize) -> Option<Vec<Filter>> {
        let mut filters = Vec::new();
        while self.rest.starts_with('(') {
            filters.push(self.filter(depth + 1)?);
        }
        (!filters.is_empty()).then_some(filters)
    }

    /// `attribute=value` and its relations.
    fn item(&mut self) -> Option<Filter> {
        let (left, _) = self.rest.split_once('=')?;
        let end = self.rest.find(')').unwrap_or(self.rest.len());
        let right = self.rest.get(left.len() + 1..end)?;
        let (relation, name) = match left.chars().next_back()? {
            mark @ ('~' | '<' | '>' | ':') => (mark, &left[..left.len() - 1]),
            _ => ('=', left),
        };
        let parts = values(right)?;
        self.rest = &self.rest[end..];
        if relation == ':' {
            return rule(name, single(parts)?);
        }
        if !is_attribute(name) {
            return None;
        }
        let name = name.to_owned();
        Some(match relation {
            '~' => Filter::About(name, single(parts)?),
            '<' => Filter::AtMost(name, single(parts)?),
            '>' => Filter::AtLeast(name, single(parts)?),
            _ if right == "*" => Filter::Has(name),
            _ if parts.len() > 1 => Filter::Like(name, parts),
            _ => Filter::Equals(name, single(parts)?),
        })
    }
}

/// A value that no star divides.
fn single(mut parts: Vec<Vec<u8>>) -> Option<Vec<u8>> {
    let value = parts.pop()?;
    parts.is_empty().then_some(value)
}

/// `attribute:dn:rule`, of which some may be missing.
fn rule(name: &str, value: Vec<u8>) -> Option<Filter> {
    let mut words = name.split(':');
    let attribute = words.next()?.to_owned();
    let mut words: Vec<&str> = words.collect();
    let with_name = words.first() == Some(&"dn");
    if with_name {
        words.remove(0);
    }
    let rule = match words.as_slice() {
        [] => String::new(),
        [rule] if is_attribute(rule) => (*rule).to_owned(),
        _ => return None,
    };
    let is_fine = match (attribute.as_str(), rule.as_str()) {
        ("", "") => false,
        ("", _) => true,
        (attribute, _) => is_attribute(attribute),
    };
    is_fine.then_some(Filter::Matches {
        attribute,
        rule,
        with_name,
        value,
    })
}

/// The parts of a value between its stars, without its escapes.
fn values(written: &str) -> Option<Vec<Vec<u8>>> {
    let mut parts = vec![Vec::new()];
    let mut bytes = written.bytes();
    while let Some(byte) = bytes.next() {
        let byte = match byte {
            b'*' => {
                parts.push(Vec::new());
                continue;
            }
            b'\\' => {
                let digits = [bytes.next()?, bytes.next()?];
                let digit = |digit: u8| char::from(digit).to_digit(16);
                let code = digit(digits[0])? * 16 + digit(digits[1])?;
                u8::try_from(code).ok()?
            }
            b'(' | 0 => return None,
            byte => byte,
        };
        parts.last_mut()?.push(byte);
    }
    Some(parts)
}

/// Whether a word can be the name of an attribute: a name or an object identifier, with options (RFC 4512, section 2.5).
pub fn is_attribute(word: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b';');
    (1..=255).contains(&word.len())
        && word.as_bytes()[0].is_ascii_alphanumeric()
        && word.bytes().all(is_letter)
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let escaped = |value: &[u8]| -> String {
            let bytes = value.iter().map(|byte| match byte {
                b'*' | b'(' | b')' | b'\\' | 0..0x20 | 0x7f.. => format!("\\{byte:02x}"),
                byte => char::from(*byte).to_string(),
            });
            bytes.collect()
        };
        let many = |f: &mut fmt::Formatter<'_>, mark: char, filters: &[Self]| {
            write!(f, "({mark}")?;
            filters.iter().try_for_each(|filter| filter.fmt(f))?;
            f.write_str(")")
        };
        match self {
            Self::All(filters) => many(f, '&', filters),
            Self::Any(filters) => many(f, '|', filters),
            Self::Not(filter) => write!(f, "(!{filter})"),
            Self::Equals(attribute, value) => write!(f, "({attribute}={})", escaped(value)),
            Self::Like(attribute, parts) => {
                let parts: Vec<String> = parts.iter().map(|part| escaped(part)).collect();
                write!(f, "({attribute}={})", parts.join("*"))
            }
            Self::AtLeast(attribute, value) => write!(f, "({attribute}>={})", escaped(value)),
            Self::AtMost(attribute, value) => write!(f, "({attribute}<={})", escaped(value)),
            Self::About(attribute, value) => write!(f, "({attribute}~={})", escaped(value)),
            Self::Has(attribute) => write!(f, "({attribute}=*)"),
            Self::Matches {
                attribute,
                rule,
                with_name,
                value,
            } => {
                let with_name = if *with_name { ":dn" } else { "" };
                let colon = if rule.is_empty() { "" } else { ":" };
                write!(
                    f,
                    "({attribute}{with_name}{colon}{rule}:={})",
                    escaped(value)
                )
            }
        }
    }
}

#[cfg(test)]
mod tests;
