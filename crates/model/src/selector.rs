//! Selectors of rules: which repositories, and which artifacts by their tags or labels, a rule is about.

use crate::glob::{Glob, GlobError, MAX_PATTERN, bounded, compile};
use regex::Regex;
use serde::{Deserialize, Serialize};

/// In which words a pattern is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SelectorKind {
    /// Those of [`Glob`], as Harbor has it.
    Doublestar,
    /// A regular expression that the whole text has to match. Its engine takes linear time.
    Regex,
    /// The exact name of a label that artifacts carry.
    Label,
}

/// What a pattern is held against, and whether it is to match.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Decoration {
    /// Artifacts with a tag (or a label) that matches.
    Matches,
    /// Artifacts with a tag that does not match, or without the label.
    Excludes,
    /// Repositories whose name, without the namespace, matches.
    RepoMatches,
    /// All others.
    RepoExcludes,
}

impl Decoration {
    /// Harbor's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Matches => "matches",
            Self::Excludes => "excludes",
            Self::RepoMatches => "repoMatches",
            Self::RepoExcludes => "repoExcludes",
        }
    }

    /// Whether it is about repositories.
    pub fn is_of_repositories(self) -> bool {
        matches!(self, Self::RepoMatches | Self::RepoExcludes)
    }
}

impl SelectorKind {
    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Doublestar => "doublestar",
            Self::Regex => "regex",
            Self::Label => "label",
        }
    }
}

/// Why a selector is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SelectorError {
    /// The pattern is not one of doublestar's.
    #[error(transparent)]
    Glob(#[from] GlobError),
    /// The pattern is no regular expression, or becomes too large.
    #[error("the pattern is no regular expression of at most 256 bytes and moderate size")]
    Regex,
    /// A label selects artifacts, never repositories.
    #[error("a label selects artifacts, not repositories")]
    LabelOfRepository,
}

/// A selector as it is written and stored: Harbor's fields.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SelectorText {
    /// In which words.
    pub kind: SelectorKind,
    /// Held against what.
    pub decoration: Decoration,
    /// The pattern, at most 256 bytes.
    pub pattern: String,
    /// Whether artifacts without a tag match (with `matches`), or are excluded (with `excludes`).
    #[serde(default)]
    pub untagged: bool,
}

#[derive(Clone, Debug)]
enum Pattern {
    Glob(Glob),
    Regex(Regex),
    Label(String),
}

/// A selector that was understood.
#[derive(Clone, Debug)]
pub struct Selector {
    text: SelectorText,
    pattern: Pattern,
}

impl Selector {
    /// Understands a selector.
    pub fn parse(text: SelectorText) -> Result<Self, SelectorError> {
        let pattern = match text.kind {
            SelectorKind::Doublestar => Pattern::Glob(Glob::parse(&text.pattern)?),
            _ if text.pattern.is_empty() => return Err(GlobError::Empty.into()),
            _ if text.pattern.len() > MAX_PATTERN => return Err(SelectorError::Regex),
            SelectorKind::Regex => {
                // Once by itself: `a)|(b` must not be made well-formed by what is put around it.
                bounded(&text.pattern).ok_or(SelectorError::Regex)?;
                Pattern::Regex(compile(&text.pattern).ok_or(SelectorError::Regex)?)
            }
            SelectorKind::Label if text.decoration.is_of_repositories() => {
                return Err(SelectorError::LabelOfRepository);
            }
            SelectorKind::Label => Pattern::Label(text.pattern.clone()),
        };
        Ok(Self { text, pattern })
    }

    /// The selector as it was written.
    pub fn text(&self) -> &SelectorText {
        &self.text
    }

    /// Whether it asks for labels.
    pub fn is_of_labels(&self) -> bool {
        matches!(self.pattern, Pattern::Label(_))
    }

    fn is_match(&self, text: &str) -> bool {
        match &self.pattern {
            Pattern::Glob(glob) => glob.matches(text),
            Pattern::Regex(regex) => regex.is_match(text),
            Pattern::Label(label) => label == text,
        }
    }

    /// Whether it selects a repository, by its name without the namespace. One that is about artifacts selects all.
    pub fn selects_repository(&self, name: &str) -> bool {
        match self.text.decoration {
            Decoration::RepoMatches => self.is_match(name),
            Decoration::RepoExcludes => !self.is_match(name),
            Decoration::Matches | Decoration::Excludes => true,
        }
    }

    /// Whether it selects a tag by itself: for rules that are about single tags. One that is about repositories or labels
    /// selects all.
    pub fn selects_tag(&self, tag: &str) -> bool {
        match self.text.decoration {
            _ if self.is_of_labels() => true,
            Decoration::Matches => self.is_match(tag),
            Decoration::Excludes => !self.is_match(tag),
            Decoration::RepoMatches | Decoration::RepoExcludes => true,
        }
    }

    /// Whether it selects an artifact with these tags and labels, as Harbor does: one tag that fits is enough, and what has
    /// no tag is selected by the flag alone.
    pub fn selects_artifact(&self, tags: &[String], labels: &[String]) -> bool {
        let is_match = |text: &String| self.is_match(text);
        match (&self.pattern, self.text.decoration) {
            (Pattern::Label(_), Decoration::Matches) => labels.iter().any(is_match),
            (Pattern::Label(_), _) => !labels.iter().any(is_match),
            (_, Decoration::Matches) if tags.is_empty() => self.text.untagged,
            (_, Decoration::Excludes) if tags.is_empty() => !self.text.untagged,
            (_, Decoration::Matches) => tags.iter().any(is_match),
            (_, Decoration::Excludes) => tags.iter().any(|tag| !self.is_match(tag)),
            (_, Decoration::RepoMatches | Decoration::RepoExcludes) => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selector(
        kind: SelectorKind,
        decoration: Decoration,
        pattern: &str,
        untagged: bool,
    ) -> Selector {
        let text = SelectorText {
            kind,
            decoration,
            pattern: pattern.to_owned(),
            untagged,
        };
        Selector::parse(text).unwrap_or_else(|error| panic!("{pattern}: {error}"))
    }

    #[test]
    fn artifacts_are_selected_by_one_tag_and_the_flag() {
        use Decoration::{Excludes, Matches};
        let tags = ["dev-1".to_owned(), "v1".to_owned()];
        for (decoration, pattern, untagged, with_tags, without) in [
            (Matches, "v*", true, true, true),
            (Matches, "v*", false, true, false),
            (Matches, "x", true, false, true),
            (Excludes, "v*", true, true, false),
            (Excludes, "*", false, false, true),
        ] {
            let selector = selector(SelectorKind::Doublestar, decoration, pattern, untagged);
            assert_eq!(
                selector.selects_artifact(&tags, &[]),
                with_tags,
                "{selector:?}"
            );
            assert_eq!(selector.selects_artifact(&[], &[]), without, "{selector:?}");
        }
    }

    #[test]
    fn labels_and_regular_expressions_select() {
        let label = selector(SelectorKind::Label, Decoration::Matches, "gold", false);
        assert!(label.selects_artifact(&[], &["gold".to_owned()]));
        assert!(!label.selects_artifact(&["gold".to_owned()], &[]));
        let regex = selector(SelectorKind::Regex, Decoration::Matches, "v[0-9]+|x", false);
        assert!(regex.selects_tag("v12") && regex.selects_tag("x"));
        assert!(!regex.selects_tag("v12a") && !regex.selects_tag("ax"));
        let repositories = selector(SelectorKind::Regex, Decoration::RepoExcludes, "a.*", false);
        assert!(repositories.selects_repository("b/a") && !repositories.selects_repository("ab"));
    }

    /// The patterns that make a backtracking engine stand still, over a text of 100,000 characters.
    #[test]
    fn hostile_expressions_are_harmless() {
        let text = format!("{}!", "a".repeat(100_000));
        for pattern in ["(a+)+$", "(a|aa)+$", "(.*a){20}", "^(([a-z])+.)+$"] {
            let regex = selector(SelectorKind::Regex, Decoration::Matches, pattern, false);
            regex.selects_tag(&text);
        }
        for pattern in ["(a{1000}){1000}", "a)|(b", "(", r"(a)\1", "(?=a)"] {
            let text = SelectorText {
                kind: SelectorKind::Regex,
                decoration: Decoration::Matches,
                pattern: pattern.to_owned(),
                untagged: false,
            };
            assert_eq!(
                Selector::parse(text).err(),
                Some(SelectorError::Regex),
                "{pattern}"
            );
        }
    }
}
