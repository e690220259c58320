//! Repository names, and the namespaces they begin with.

use std::sync::Arc;

use crate::validated_text::validated_text;

/// The text is not a repository name; answered as `NAME_INVALID`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a repository name has at most 255 characters and is made of components separated by '/'; a component holds lower-case letters and digits, which may be separated by one '.', one or two '_', or any number of '-'"
)]
pub struct RepositoryNameInvalid;

/// A repository name: `<namespace>[/<path>]` (distribution-spec, "Pulling manifests").
///
/// Ordered by bytes, which is the order of the catalog. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RepositoryName(Arc<str>);

validated_text!(RepositoryName, RepositoryNameInvalid);

impl RepositoryName {
    /// The most bytes a name may have: clients count the host name in, and stop at this number.
    pub const MAX_LEN: usize = 255;

    /// Checks the grammar of the spec, and the length.
    pub fn parse(text: &str) -> Result<Self, RepositoryNameInvalid> {
        if text.len() <= Self::MAX_LEN && text.split('/').all(is_component) {
            Ok(Self(text.into()))
        } else {
            Err(RepositoryNameInvalid)
        }
    }

    /// The first component. It need not be a valid [`NamespaceName`]: that grammar is narrower.
    pub fn namespace(&self) -> &str {
        self.0
            .split_once('/')
            .map_or(self.as_str(), |(namespace, _)| namespace)
    }

    /// Everything after the first component; `None` for a name of one component.
    pub fn path(&self) -> Option<&str> {
        self.0.split_once('/').map(|(_, path)| path)
    }
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`
fn is_component(text: &str) -> bool {
    let bytes = text.as_bytes();
    let word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let mut at = 0;
    loop {
        let start = at;
        while at < bytes.len() && word(bytes[at]) {
            at += 1;
        }
        if at == start {
            return false;
        }
        match &bytes[at..] {
            [] => return true,
            [b'_', b'_', ..] => at += 2,
            [b'.' | b'_', ..] => at += 1,
            [b'-', ..] => at += bytes[at..].iter().take_while(|byte| **byte == b'-').count(),
            _ => return false,
        }
    }
}

/// The text is not a namespace name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a namespace name has 1 to 255 characters: lower-case letters and digits, which may be separated by a single '.', '_' or '-'"
)]
pub struct NamespaceNameInvalid;

/// The name of a namespace: `[a-z0-9]+(?:[._-][a-z0-9]+)*`, 1 to 255 bytes, as Harbor's projects.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NamespaceName(Arc<str>);

validated_text!(NamespaceName, NamespaceNameInvalid);

impl NamespaceName {
    /// The most bytes a namespace name may have.
    pub const MAX_LEN: usize = 255;

    /// Checks the grammar and the length.
    pub fn parse(text: &str) -> Result<Self, NamespaceNameInvalid> {
        let word = |part: &str| {
            !part.is_empty()
                && part
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        };
        if text.len() <= Self::MAX_LEN && text.split(['.', '_', '-']).all(word) {
            Ok(Self(text.into()))
        } else {
            Err(NamespaceNameInvalid)
        }
    }
}

#[cfg(test)]
mod tests;
