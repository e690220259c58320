//! Where a value comes from, and what may be wrong with it.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use super::schema::Key;

/// Where a setting got its value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Origin {
    /// `config.default.toml`.
    Default,
    /// The user's file; line and column count from 1, columns in characters.
    File {
        file: Arc<str>,
        line: usize,
        column: usize,
    },
    /// An environment variable, by name.
    Variable(String),
    /// A flag of the command line.
    Flag(&'static str),
}

impl Origin {
    /// The place in `file`, whose text is `text`, where the byte range `span` starts.
    pub(super) fn in_file(file: &Arc<str>, text: &str, span: &Range<usize>) -> Self {
        let before = text.get(..span.start).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self::File {
            file: Arc::clone(file),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }

    /// Problems are listed as a reader meets them: the file from top to bottom, then the rest.
    fn position(&self) -> (bool, usize, usize) {
        match self {
            Self::File { line, column, .. } => (false, *line, *column),
            _ => (true, 0, 0),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { file, line, column } => write!(f, "{file}:{line}:{column}"),
            Self::Variable(name) => f.write_str(name),
            Self::Flag(flag) => f.write_str(flag),
        }
    }
}

/// One thing that must be put right before the settings can be used.
#[derive(Clone, Debug)]
pub(super) struct Problem {
    pub(super) origin: Origin,
    /// What the value is for, in the words of the file; empty when the message says it all.
    pub(super) subject: String,
    pub(super) message: String,
}

impl Problem {
    /// A problem with the value of `key`.
    pub(super) fn with_value(origin: &Origin, key: Key, message: impl Into<String>) -> Self {
        Self {
            origin: origin.clone(),
            subject: key.to_string(),
            message: message.into(),
        }
    }

    /// A problem with something that is no setting; `subject` is what was written.
    pub(super) fn with_key(
        origin: &Origin,
        subject: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            origin: origin.clone(),
            subject: subject.into(),
            message: message.into(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.origin {
            Origin::Default => {}
            // The name of the variable is the name of the setting.
            Origin::Variable(_) => return write!(f, "{}: {}", self.origin, self.message),
            Origin::File { .. } | Origin::Flag(_) => write!(f, "{}: ", self.origin)?,
        }
        if !self.subject.is_empty() && !matches!(self.origin, Origin::Flag(_)) {
            write!(f, "{}: ", self.subject)?;
        }
        f.write_str(&self.message)
    }
}

/// Everything that is wrong with the settings, one line each.
#[derive(Debug)]
pub(super) struct Problems(Vec<Problem>);

impl Problems {
    /// `problems`, in reading order.
    pub(super) fn new(mut problems: Vec<Problem>) -> Self {
        problems.sort_by_key(|problem| problem.origin.position());
        Self(problems)
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.0.iter().enumerate() {
            let newline = if i == 0 { "" } else { "\n" };
            write!(f, "{newline}{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}
