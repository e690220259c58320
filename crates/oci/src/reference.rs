//! References: a tag or a digest, as they stand in manifest URLs.

use crate::{Digest, DigestInvalid, Tag, TagInvalid};

/// What follows `/manifests/` in a URL.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Reference {
    /// A mutable name.
    Tag(Tag),
    /// A content address.
    Digest(Digest),
}

/// The text is neither a tag nor a digest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceInvalid {
    /// It has no colon, so it was read as a tag.
    #[error(transparent)]
    Tag(#[from] TagInvalid),
    /// It has a colon, so it was read as a digest.
    #[error(transparent)]
    Digest(#[from] DigestInvalid),
}

impl Reference {
    /// A text with a colon is a digest, any other a tag: no tag can hold a colon.
    pub fn parse(text: &str) -> Result<Self, ReferenceInvalid> {
        if text.contains(':') {
            Ok(Self::Digest(Digest::parse(text)?))
        } else {
            Ok(Self::Tag(Tag::parse(text)?))
        }
    }

    /// The tag or digest as text.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Tag(tag) => tag.as_str(),
            Self::Digest(digest) => digest.as_str(),
        }
    }

    /// The tag, if it is one.
    pub fn tag(&self) -> Option<&Tag> {
        match self {
            Self::Tag(tag) => Some(tag),
            Self::Digest(_) => None,
        }
    }

    /// The digest, if it is one.
    pub fn digest(&self) -> Option<&Digest> {
        match self {
            Self::Digest(digest) => Some(digest),
            Self::Tag(_) => None,
        }
    }
}

impl std::fmt::Display for Reference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for Reference {
    type Err = ReferenceInvalid;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl From<Tag> for Reference {
    fn from(tag: Tag) -> Self {
        Self::Tag(tag)
    }
}

impl From<Digest> for Reference {
    fn from(digest: Digest) -> Self {
        Self::Digest(digest)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_colon_decides() {
        let digest = Digest::sha256_of(b"{}");
        assert_eq!(
            Reference::parse(digest.as_str()),
            Ok(Reference::Digest(digest))
        );
        assert_eq!(
            Reference::parse("v1"),
            Ok(Reference::Tag(Tag::parse("v1").unwrap()))
        );
        assert!(matches!(
            Reference::parse("sha256:abc"),
            Err(ReferenceInvalid::Digest(_))
        ));
        assert!(matches!(
            Reference::parse("a/b"),
            Err(ReferenceInvalid::Tag(_))
        ));
        assert!(matches!(
            Reference::parse(""),
            Err(ReferenceInvalid::Tag(_))
        ));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]
        #[test]
        fn what_parses_is_shown_unchanged(text in "[a-z0-9:._/%-]{0,80}|sha256:[a-f0-9]{64}") {
            if let Ok(reference) = Reference::parse(&text) {
                prop_assert_eq!(reference.to_string(), text);
            }
        }
    }
}
