//! The `Content-Range` of upload chunks, and the `Range` their answers carry.

use std::ops::Range;

/// Which bytes of a blob a chunk holds: `<first>-<last>`, both inclusive (distribution-spec,
/// "Pushing a blob in chunks"). So a chunk is never empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContentRange {
    first: u64,
    last: u64,
}

/// The header does not say which bytes the chunk holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the Content-Range of a chunk is written <first byte>-<last byte>, both counted from 0 and inclusive, such as 0-1023"
)]
pub struct ContentRangeInvalid;

impl ContentRange {
    /// Reads `<first>-<last>`; also `bytes <first>-<last>/<size>` as RFC 9110 writes it and some
    /// clients send it (the size may be `*`, or missing).
    ///
    /// Positions go up to 2^63 - 2, so lengths and sums of them do not overflow.
    pub fn parse(header: &str) -> Result<Self, ContentRangeInvalid> {
        let text = header.trim_matches([' ', '\t']);
        let range = match text.split_once(' ') {
            None => text,
            Some((unit, range)) if unit.eq_ignore_ascii_case("bytes") => {
                match range.split_once('/') {
                    None => range,
                    Some((range, size)) if size == "*" || is_number(size) => range,
                    Some(_) => return Err(ContentRangeInvalid),
                }
            }
            Some(_) => return Err(ContentRangeInvalid),
        };
        let (first, last) = range.split_once('-').ok_or(ContentRangeInvalid)?;
        let (first, last) = (position(first)?, position(last)?);
        if last < first {
            return Err(ContentRangeInvalid);
        }
        Ok(Self { first, last })
    }

    /// The offset of the first byte.
    pub fn start(self) -> u64 {
        self.first
    }

    /// The offset of the last byte.
    pub fn last(self) -> u64 {
        self.last
    }

    /// How many bytes the chunk holds; at least 1.
    #[expect(clippy::len_without_is_empty, reason = "a chunk is never empty")]
    pub fn len(self) -> u64 {
        self.last - self.first + 1
    }

    /// The bytes as a half-open range.
    pub fn bytes(self) -> Range<u64> {
        self.first..self.last + 1
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn position(text: &str) -> Result<u64, ContentRangeInvalid> {
    // `u64::from_str` takes a leading '+', the grammar does not.
    if !is_number(text) {
        return Err(ContentRangeInvalid);
    }
    let position: u64 = text.parse().map_err(|_| ContentRangeInvalid)?;
    if position < i64::MAX as u64 {
        Ok(position)
    } else {
        Err(ContentRangeInvalid)
    }
}

/// The `Range` of an upload's answers after `received` bytes: `0-<last byte>`. Clients expect
/// `0-0` for none.
pub fn upload_range(received: u64) -> String {
    format!("0-{}", received.saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn accepts_both_spellings() {
        for (text, bytes) in [
            ("0-0", 0..1),
            ("5-9", 5..10),
            (" 007-9 ", 7..10),
            ("bytes 5-9/100", 5..10),
            ("bytes 5-9/*", 5..10),
            ("Bytes 5-9", 5..10),
            ("0-9223372036854775806", 0..9_223_372_036_854_775_807),
        ] {
            assert_eq!(
                ContentRange::parse(text).map(ContentRange::bytes),
                Ok(bytes),
                "{text}"
            );
        }
    }

    #[test]
    fn refuses_the_rest() {
        for text in [
            "",
            "-",
            "5",
            "5-",
            "-5",
            "5-4",
            "0-18446744073709551615",
            "0-18446744073709551616",
            "0-9223372036854775807",
            "+1-2",
            "1-+2",
            "1--2",
            "1-2-3",
            "0x1-2",
            "1 - 2",
            "bytes=1-2",
            "bytes */5",
            "bytes 1-2/x",
            "bytes 1-2/",
            "1-2/5",
            "lines 1-2",
            "1-2,4-5",
        ] {
            assert_eq!(
                ContentRange::parse(text),
                Err(ContentRangeInvalid),
                "{text}"
            );
        }
    }

    #[test]
    fn what_an_upload_answers() {
        assert_eq!(upload_range(0), "0-0");
        assert_eq!(upload_range(1), "0-0");
        assert_eq!(upload_range(1024), "0-1023");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn reads_what_is_written(first in 0..i64::MAX as u64, length in 1..1_u64 << 40) {
            let last = first.saturating_add(length - 1).min(i64::MAX as u64 - 1);
            let range = ContentRange::parse(&format!("{first}-{last}")).unwrap();
            prop_assert_eq!((range.start(), range.last()), (first, last));
            prop_assert_eq!(range.len(), last - first + 1);
        }

        #[test]
        fn any_text(text in "(bytes )?[0-9]{0,22}-?[0-9]{0,22}(/[0-9*]{0,3})?|\\PC{0,20}") {
            crate::fuzzing::content_range(text.as_bytes());
        }
    }
}
