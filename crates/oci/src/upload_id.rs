//! Upload ids: the opaque last segment of an upload's location.

use std::sync::Arc;

use crate::validated_text::validated_text;

/// The text is not an upload id; answered as `BLOB_UPLOAD_UNKNOWN`, since no such upload exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no such upload; start a new one with POST")]
pub struct UploadIdInvalid;

/// The id of an upload: a UUID as 36 lower-case characters with hyphens.
///
/// It also names files, so only this one spelling exists. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UploadId(Arc<str>);

validated_text!(UploadId, UploadIdInvalid);

impl UploadId {
    /// The length of every upload id, in bytes.
    pub const LEN: usize = 36;

    /// Accepts `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx` with `x` in `0-9a-f`.
    pub fn parse(text: &str) -> Result<Self, UploadIdInvalid> {
        let valid = text.len() == Self::LEN
            && text.bytes().enumerate().all(|(at, byte)| match at {
                8 | 13 | 18 | 23 => byte == b'-',
                _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
            });
        if valid {
            Ok(Self(text.into()))
        } else {
            Err(UploadIdInvalid)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_spelling() {
        let id = "01931c5e-7b1a-7c3d-9e4f-0123456789ab";
        assert_eq!(
            UploadId::parse(id).map(|id| id.to_string()),
            Ok(id.to_owned())
        );
        for text in [
            "",
            "01931C5E-7b1a-7c3d-9e4f-0123456789ab",
            "01931c5e7b1a7c3d9e4f0123456789ab",
            "{01931c5e-7b1a-7c3d-9e4f-0123456789}",
            "01931c5e-7b1a-7c3d-9e4f-0123456789a",
            "../../..-7b1a-7c3d-9e4f-0123456789ab",
            "01931c5e-7b1a-7c3d-9e4f-0123456789abc",
        ] {
            assert_eq!(UploadId::parse(text), Err(UploadIdInvalid), "{text}");
        }
    }
}
