//! Tags: the mutable names of manifests.

use std::sync::Arc;

use crate::validated_text::validated_text;

/// The text is not a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a tag starts with a letter, digit or underscore, goes on with letters, digits, '.', '_' or '-', and has at most 128 characters"
)]
pub struct TagInvalid;

/// A tag: `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}` (distribution-spec, "Pulling manifests").
///
/// Ordered by bytes, which is the order tag listings use. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag(Arc<str>);

validated_text!(Tag, TagInvalid);

impl Tag {
    /// The most characters (all of them ASCII) a tag may have.
    pub const MAX_LEN: usize = 128;

    /// Checks the grammar.
    pub fn parse(text: &str) -> Result<Self, TagInvalid> {
        let (first, rest) = text.as_bytes().split_first().ok_or(TagInvalid)?;
        let word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
        let valid = text.len() <= Self::MAX_LEN
            && word(first)
            && rest
                .iter()
                .all(|byte| word(byte) || matches!(byte, b'.' | b'-'));
        if valid {
            Ok(Self(text.into()))
        } else {
            Err(TagInvalid)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn accepts_what_the_grammar_allows() {
        for text in [
            "latest",
            "_",
            "0",
            "V1.2-rc_3",
            "sha256-abc.sig",
            &"a".repeat(128),
        ] {
            assert_eq!(Tag::parse(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn refuses_the_rest() {
        let too_long = "a".repeat(129);
        for text in [
            "", ".a", "-a", "a b", "a/b", "a:b", "a+b", "tête", "a\n", "a\0", "%61", &too_long,
        ] {
            assert_eq!(Tag::parse(text), Err(TagInvalid), "{text:?}");
        }
    }

    #[test]
    fn orders_by_bytes() {
        let mut tags: Vec<_> = ["b", "a", "B", "_", "1"]
            .iter()
            .map(|text| Tag::parse(text).unwrap())
            .collect();
        tags.sort();
        let texts: Vec<_> = tags.iter().map(Tag::as_str).collect();
        assert_eq!(texts, ["1", "B", "_", "a", "b"]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn json_round_trip(text in "[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}") {
            let tag = Tag::parse(&text).unwrap();
            let json = serde_json::to_string(&tag).unwrap();
            prop_assert_eq!(serde_json::from_str::<Tag>(&json).unwrap(), tag);
        }
    }
}
