//! Which repositories of a namespace a grant is for.

use std::fmt;
use std::sync::Arc;

/// The longest pattern, in bytes.
pub const MAX_PATTERN_BYTES: usize = 128;

/// Why a text is no pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a pattern has 1 to 128 small letters, digits, '.', '_', '-', '/' between parts, '*' for any part of a name without \
     '/', and '**' for anything"
)]
pub struct PatternInvalid;

/// What the name of a repository within its namespace has to be like, from its first letter to its last: `*` stands for any
/// run without `/`, `**` for any run at all.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RepositoryPattern(Arc<str>);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Piece {
    Byte(u8),
    /// Any run without `/`.
    Part,
    /// Any run.
    Any,
}

/// The pieces of a pattern.
fn pieces(text: &str) -> impl Iterator<Item = Piece> + '_ {
    let mut bytes = text.bytes().peekable();
    std::iter::from_fn(move || {
        let byte = bytes.next()?;
        Some(match byte {
            b'*' if bytes.next_if_eq(&b'*').is_some() => Piece::Any,
            b'*' => Piece::Part,
            byte => Piece::Byte(byte),
        })
    })
}

impl RepositoryPattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// [`PatternInvalid`] for one that no repository's name could be like, or that is too long.
    pub fn parse(text: &str) -> Result<Self, PatternInvalid> {
        let is_letter = |byte: u8| {
            byte.is_ascii_lowercase()
                || byte.is_ascii_digit()
                || matches!(byte, b'.' | b'_' | b'-' | b'*' | b'/')
        };
        let is_fine = (1..=MAX_PATTERN_BYTES).contains(&text.len())
            && text.bytes().all(is_letter)
            && !text.contains("***")
            && text.split('/').all(|part| !part.is_empty());
        if is_fine {
            Ok(Self(text.into()))
        } else {
            Err(PatternInvalid)
        }
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the name of a repository within its namespace is like it.
    pub fn matches(&self, path: &str) -> bool {
        matches_pattern(&self.0, path)
    }
}

impl fmt::Debug for RepositoryPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

impl fmt::Display for RepositoryPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether a text is like a pattern with `*` and `**`. Takes as many steps as the pattern has pieces for each byte of the
/// text, whatever they are: nothing is ever tried twice.
pub fn matches_pattern(pattern: &str, text: &str) -> bool {
    let pieces: Vec<Piece> = pieces(pattern).collect();
    // `reached[i]`: the first `i` pieces are like the text so far.
    let mut reached = vec![false; pieces.len() + 1];
    if let Some(first) = reached.first_mut() {
        *first = true;
    }
    pass_empty_runs(&pieces, &mut reached);
    for byte in text.bytes() {
        let mut next = vec![false; reached.len()];
        for (at, piece) in pieces.iter().enumerate() {
            if !reached[at] {
                continue;
            }
            match piece {
                Piece::Byte(wanted) => next[at + 1] |= *wanted == byte,
                Piece::Part => next[at] |= byte != b'/',
                Piece::Any => next[at] = true,
            }
        }
        pass_empty_runs(&pieces, &mut next);
        reached = next;
    }
    reached.last().copied().unwrap_or(false)
}

/// A run may be empty.
fn pass_empty_runs(pieces: &[Piece], reached: &mut [bool]) {
    for (at, piece) in pieces.iter().enumerate() {
        if reached[at] && !matches!(piece, Piece::Byte(_)) {
            reached[at + 1] = true;
        }
    }
}

/// The same question as an anchored regular expression of POSIX's kind, for databases.
pub fn regular_expression(pattern: &str) -> String {
    let mut text = String::with_capacity(pattern.len() * 2);
    for piece in pieces(pattern) {
        match piece {
            Piece::Byte(byte) if byte.is_ascii_alphanumeric() || b"/-_".contains(&byte) => {
                text.push(char::from(byte));
            }
            Piece::Byte(byte) => {
                text.push('[');
                text.push(char::from(byte));
                text.push(']');
            }
            Piece::Part => text.push_str("[^/]*"),
            Piece::Any => text.push_str(".*"),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, path: &str) -> bool {
        let pattern = RepositoryPattern::parse(pattern).expect("a pattern");
        pattern.matches(path)
    }

    #[test]
    fn a_pattern_is_anchored_and_one_star_stays_in_its_part() {
        for (pattern, path) in [
            ("app", "app"),
            ("app-*", "app-"),
            ("app-*", "app-web"),
            ("*", "app"),
            ("*/api", "team/api"),
            ("**", "a/b/c"),
            ("**", "a"),
            ("team/**", "team/a/b"),
            ("**/api", "a/b/api"),
            ("a*b*c", "abbcbc"),
            ("a.b", "a.b"),
            ("*/**/x", "a/b/c/x"),
        ] {
            assert!(matches(pattern, path), "{pattern} {path}");
        }
        for (pattern, path) in [
            ("app", "app2"),
            ("app", "my-app"),
            ("app-*", "app-web/api"),
            ("*", "team/app"),
            ("*/api", "a/b/api"),
            ("team/**", "team"),
            ("team/**", "team2/a"),
            ("a.b", "axb"),
            ("a*b/**", "a/xb/c"),
            ("**/api", "a/b/api2"),
        ] {
            assert!(!matches(pattern, path), "{pattern} {path}");
        }
    }

    #[test]
    fn what_no_repository_could_be_called_is_no_pattern() {
        let long = "a".repeat(MAX_PATTERN_BYTES + 1);
        for text in [
            "", "/a", "a/", "a//b", "A", "a b", "a%", "[a]", "a?", "***", "a***", "ä", "a\n",
            "(a+)+", &long,
        ] {
            assert_eq!(
                RepositoryPattern::parse(text),
                Err(PatternInvalid),
                "{text}"
            );
        }
        assert!(RepositoryPattern::parse(&"a".repeat(MAX_PATTERN_BYTES)).is_ok());
    }

    /// As many stars as fit, and a name that is like none of it: a matcher that went back would not come to an end.
    #[test]
    fn the_worst_pattern_is_answered() {
        let pattern = "a*".repeat(MAX_PATTERN_BYTES / 2);
        assert!(!matches(&pattern, &format!("{}b", "a".repeat(40))));
        let pattern = format!("{}b", "**a".repeat(42));
        assert!(!matches(&pattern, &"a".repeat(255)));
    }

    #[test]
    fn a_regular_expression_says_the_same() {
        assert_eq!(regular_expression("a.b-*/**"), "a[.]b-[^/]*/.*");
    }
}
