//! Patterns for names of repositories and tags, with the words of doublestar: `*`, `**`, `?`, `{a,b}`, `[a-z]`.
//!
//! A pattern becomes an automaton that takes time linear in the text, whatever the pattern is.

use regex::{Regex, RegexBuilder};

/// The longest pattern, in bytes.
pub const MAX_PATTERN: usize = 256;
/// Alternatives in one pattern, in all its braces together.
const MAX_ALTERNATIVES: usize = 64;
/// Braces within braces.
const MAX_DEPTH: usize = 4;
/// What a pattern may take in memory once it is understood, in bytes.
const MAX_PROGRAM: usize = 256 * 1024;

/// Why a text is no pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GlobError {
    /// It says nothing.
    #[error("a pattern must not be empty")]
    Empty,
    /// It is longer than [`MAX_PATTERN`] bytes, has too many alternatives, or becomes too large.
    #[error("a pattern has at most 256 bytes, 64 alternatives and 4 levels of braces")]
    TooLarge,
    /// A brace or a class is not closed, or a class is empty or backwards, or a backslash is last.
    #[error("the pattern is not well formed: {0}")]
    Malformed(&'static str),
}

/// A pattern in the words of doublestar. `*` and `?` do not match `/`; `**` as a whole part of a path matches any
/// number of parts; `{a,b}` is one of several; `[a-z]` and `[^a-z]` are one character; `\` takes the next one as it is.
#[derive(Clone, Debug)]
pub struct Glob {
    text: String,
    regex: Regex,
}

impl Glob {
    /// Understands a pattern.
    pub fn parse(text: &str) -> Result<Self, GlobError> {
        if text.is_empty() {
            return Err(GlobError::Empty);
        }
        if text.len() > MAX_PATTERN {
            return Err(GlobError::TooLarge);
        }
        let regex = compile(&Translation::of(text)?).ok_or(GlobError::TooLarge)?;
        Ok(Self {
            text: text.to_owned(),
            regex,
        })
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the whole text is what the pattern says.
    pub fn matches(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }
}

impl PartialEq for Glob {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Glob {}

/// A regular expression of bounded size that has to match a whole text; `None` when it is none, or too large.
pub(crate) fn compile(expression: &str) -> Option<Regex> {
    bounded(&format!(r"\A(?:{expression})\z"))
}

/// The same that matches anywhere.
pub(crate) fn bounded(expression: &str) -> Option<Regex> {
    RegexBuilder::new(expression)
        .dot_matches_new_line(true)
        .size_limit(MAX_PROGRAM)
        .dfa_size_limit(MAX_PROGRAM)
        .nest_limit(32)
        .build()
        .ok()
}

/// A pattern on its way to a regular expression.
struct Translation<'a> {
    rest: std::iter::Peekable<std::str::Chars<'a>>,
    out: String,
    depth: usize,
    alternatives: usize,
    /// Whether a part of a path begins here.
    at_start: bool,
}

impl<'a> Translation<'a> {
    fn of(text: &'a str) -> Result<String, GlobError> {
        let mut new = Self {
            rest: text.chars().peekable(),
            out: String::with_capacity(text.len() * 2),
            depth: 0,
            alternatives: 0,
            at_start: true,
        };
        while let Some(next) = new.rest.next() {
            new.take(next)?;
        }
        if new.depth > 0 {
            return Err(GlobError::Malformed("a brace is not closed"));
        }
        Ok(new.out)
    }

    fn take(&mut self, next: char) -> Result<(), GlobError> {
        let at_start = std::mem::replace(&mut self.at_start, false);
        match next {
            '*' => self.star(at_start),
            '?' => self.out.push_str("[^/]"),
            '/' => self.slash(),
            '[' => self.class()?,
            '{' => {
                self.depth += 1;
                self.alternative()?;
                self.out.push_str("(?:");
                self.at_start = at_start;
            }
            ',' if self.depth > 0 => {
                self.alternative()?;
                self.out.push('|');
                self.at_start = true;
            }
            '}' if self.depth > 0 => {
                self.depth -= 1;
                self.out.push(')');
            }
            '\\' => {
                let escaped = self.rest.next();
                let escaped = escaped.ok_or(GlobError::Malformed("a backslash is last"))?;
                self.literal(escaped);
            }
            other => self.literal(other),
        }
        Ok(())
    }

    fn literal(&mut self, character: char) {
        let mut buffer = [0; 4];
        let text = character.encode_utf8(&mut buffer);
        self.out.push_str(&regex::escape(text));
    }

    fn alternative(&mut self) -> Result<(), GlobError> {
        self.alternatives += 1;
        if self.alternatives > MAX_ALTERNATIVES || self.depth > MAX_DEPTH {
            return Err(GlobError::TooLarge);
        }
        Ok(())
    }

    /// Takes further stars along. Says how many there were besides.
    fn stars(&mut self) -> usize {
        let mut more = 0;
        while self.rest.next_if_eq(&'*').is_some() {
            more += 1;
        }
        more
    }

    fn ends_part(&mut self) -> bool {
        match self.rest.peek() {
            None | Some('/') => true,
            Some(',' | '}') => self.depth > 0,
            Some(_) => false,
        }
    }

    /// `**` between slashes is any number of parts; any other stars are what one part can have.
    fn star(&mut self, at_start: bool) {
        let is_double = self.stars() == 1;
        if !(is_double && at_start && self.ends_part()) {
            self.out.push_str("[^/]*");
        } else if self.rest.next_if_eq(&'/').is_some() {
            self.out.push_str("(?:.*/)?");
            self.at_start = true;
        } else {
            self.out.push_str(".*");
        }
    }

    /// `/**` at the end is the directory itself, too.
    fn slash(&mut self) {
        let mut ahead = self.rest.clone();
        let is_double = ahead.next() == Some('*') && ahead.next() == Some('*');
        let ends = match ahead.next() {
            None => true,
            Some(',' | '}') => self.depth > 0,
            Some(_) => false,
        };
        if is_double && ends {
            self.stars();
            self.out.push_str("(?:/.*)?");
        } else {
            self.out.push('/');
            self.at_start = true;
        }
    }

    fn class(&mut self) -> Result<(), GlobError> {
        const OPEN: GlobError = GlobError::Malformed("a class is not closed");
        let is_negated = self.rest.next_if(|c| matches!(c, '^' | '!')).is_some();
        self.out.push_str(if is_negated { "[^/" } else { "[" });
        let mut is_empty = true;
        loop {
            let first = match self.rest.next().ok_or(OPEN)? {
                ']' if is_empty => return Err(GlobError::Malformed("a class is empty")),
                ']' => break,
                '\\' => self.rest.next().ok_or(OPEN)?,
                other => other,
            };
            is_empty = false;
            self.literal(first);
            if self.rest.next_if_eq(&'-').is_some() {
                let last = match self.rest.next().ok_or(OPEN)? {
                    '\\' => self.rest.next().ok_or(OPEN)?,
                    ']' => return Err(GlobError::Malformed("a range has no end")),
                    other => other,
                };
                if last < first {
                    return Err(GlobError::Malformed("a range is backwards"));
                }
                self.out.push('-');
                self.literal(last);
            }
        }
        self.out.push(']');
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{ProptestConfig, any, prop_assert, proptest};

    fn is(pattern: &str, text: &str) -> bool {
        let glob = Glob::parse(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}"));
        glob.matches(text)
    }

    #[test]
    fn patterns_match_what_doublestar_matches() {
        for (pattern, text) in [
            ("**", "a/b/c"),
            ("**", ""),
            ("*", "a"),
            ("a/**", "a"),
            ("a/**", "a/b/c"),
            ("**/c", "c"),
            ("**/c", "a/b/c"),
            ("a/**/c", "a/c"),
            ("a/**/c", "a/b/b/c"),
            ("v?.*", "v1.2"),
            ("{dev,test}-*", "test-1"),
            ("release-[0-9]", "release-7"),
            ("release-[^0-9]", "release-x"),
            ("release-[!0-9]", "release-x"),
            (r"a\*", "a*"),
            ("{a/**,b}", "a/x/y"),
            ("{a,{b,c}}d", "cd"),
            ("a**b", "axxb"),
            ("{**,x}", "q/r"),
            ("v1.0", "v1.0"),
            ("a{,b}", "a"),
            ("[a.]", "."),
            (r"[\]]", "]"),
            ("a,b", "a,b"),
        ] {
            assert!(is(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [
            ("*", "a/b"),
            ("v1.0", "v1x0"),
            ("a/*", "a"),
            ("a/*", "a/b/c"),
            ("**/c", "cc"),
            ("a?c", "a/c"),
            ("a**b", "a/b"),
            ("[^a]", "/"),
            ("dev", "dev-1"),
            ("dev", "my-dev"),
            ("a/**", "ab"),
            ("*", "a\nb/"),
        ] {
            assert!(!is(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        assert_eq!(Glob::parse(""), Err(GlobError::Empty));
        let long = "a".repeat(MAX_PATTERN + 1);
        let many = format!("{{{}}}", ",".repeat(MAX_ALTERNATIVES));
        for text in [long.as_str(), many.as_str(), "{{{{{a}}}}}"] {
            assert_eq!(Glob::parse(text), Err(GlobError::TooLarge), "{text}");
        }
        for text in ["{a", "[a", "[]", "[z-a]", "[a-]", "\\", "a{b,c"] {
            let refused = Glob::parse(text).expect_err(text);
            assert!(matches!(refused, GlobError::Malformed(_)), "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        #[test]
        fn any_text_is_a_pattern_or_is_refused(text in any::<String>(), name in any::<String>()) {
            if let Ok(glob) = Glob::parse(&text) {
                glob.matches(&name);
            }
        }

        #[test]
        fn a_name_matches_itself(name in "[a-z0-9._/-]{1,40}") {
            prop_assert!(is(&name, &name));
        }
    }
}
