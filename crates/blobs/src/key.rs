//! The name of a stored object.

use std::fmt;
use std::sync::Arc;

/// Names one object in the store: the id of the upload that made it, as 36 characters of lowercase,
/// hyphenated UUID text. A key is never used for a second object and says nothing about the content,
/// so a deletion that comes late, or twice, can never hit a newer copy of the same digest.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectKey(Arc<str>);

/// The text is not the name of an object.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not an object key: expected a lowercase, hyphenated UUID of 36 characters")]
pub struct InvalidObjectKey {
    /// What was given, shortened to 64 characters.
    pub text: String,
}

impl ObjectKey {
    /// Length of every key, in characters.
    pub const LENGTH: usize = 36;

    /// Reads a key. Anything but lowercase, hyphenated UUID text is refused, so a key is always
    /// safe as a file name and as part of a URL.
    pub fn parse(text: &str) -> Result<Self, InvalidObjectKey> {
        let is_key = text.len() == Self::LENGTH
            && text.bytes().enumerate().all(|(at, byte)| match at {
                8 | 13 | 18 | 23 => byte == b'-',
                _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
            });
        if is_key {
            Ok(Self(text.into()))
        } else {
            Err(InvalidObjectKey {
                text: text.chars().take(64).collect(),
            })
        }
    }

    /// The 36 characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last two hexadecimal digits. They are random in every UUID version; the first ones of a
    /// version 7 id are a time, and would put all objects of one day into the same place.
    pub(crate) fn shard(&self) -> &str {
        &self.0[Self::LENGTH - 2..]
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ObjectKey({})", self.0)
    }
}

impl std::str::FromStr for ObjectKey {
    type Err = InvalidObjectKey;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lowercase_hyphenated_uuid_text_is_a_key() {
        let key = ObjectKey::parse("01890a5d-ac96-774b-bcce-b302099a80f4").expect("a key");
        assert_eq!(key.as_str(), "01890a5d-ac96-774b-bcce-b302099a80f4");
        assert_eq!(key.shard(), "f4");
        for text in [
            "",
            "01890a5dac96774bbcceb302099a80f4",
            "01890A5D-AC96-774B-BCCE-B302099A80F4",
            "01890a5d-ac96-774b-bcce-b302099a80f",
            "01890a5d-ac96-774b-bcce-b302099a80f44",
            "../../../../../../../../etc/passwd00",
            "01890a5d/ac96/774b/bcce/b302099a80f4",
            "01890a5d-ac96-774b-bcce-b302099a80é",
        ] {
            assert!(ObjectKey::parse(text).is_err(), "{text}");
        }
    }
}
