//! The part of BER that LDAP uses (RFC 4511, section 5.1): lengths are definite, tags have one byte.
//!
//! What a directory sends is read without recursion and without trust: nothing is looked at beyond what is there, whatever a
//! length says.

pub(super) const BOOLEAN: u8 = 0x01;
pub(super) const INTEGER: u8 = 0x02;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const ENUMERATED: u8 = 0x0a;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;
/// A tag whose number does not fit into its byte; LDAP has none.
const LONG_TAG: u8 = 0x1f;

/// An element with this tag around what is given.
pub(super) fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(content.len() + 6);
    bytes.push(tag);
    let length = content.len();
    if let Ok(short @ 0..0x80) = u8::try_from(length) {
        bytes.push(short);
    } else {
        let significant: Vec<u8> = length
            .to_be_bytes()
            .into_iter()
            .skip_while(|byte| *byte == 0)
            .collect();
        // At most eight bytes of a `usize`.
        bytes.push(0x80 | u8::try_from(significant.len()).unwrap_or(8));
        bytes.extend(significant);
    }
    bytes.extend_from_slice(content);
    bytes
}

/// Elements one after the other, in one.
pub(super) fn elements(tag: u8, parts: &[Vec<u8>]) -> Vec<u8> {
    element(tag, &parts.concat())
}

pub(super) fn text(text: &str) -> Vec<u8> {
    element(OCTET_STRING, text.as_bytes())
}

/// A number that is not negative, with a tag of its kind.
pub(super) fn number(tag: u8, value: u32) -> Vec<u8> {
    let mut bytes: Vec<u8> = value
        .to_be_bytes()
        .into_iter()
        .skip_while(|byte| *byte == 0)
        .collect();
    // The first bit is a sign.
    if bytes.first().is_none_or(|byte| byte & 0x80 != 0) {
        bytes.insert(0, 0);
    }
    element(tag, &bytes)
}

/// How long the element is that begins here, head included; `None` while that is not to be seen yet.
///
/// # Errors
/// When no message begins so.
pub(super) fn length_of(bytes: &[u8]) -> Result<Option<usize>, NotLdap> {
    let Some(&tag) = bytes.first() else {
        return Ok(None);
    };
    if tag & LONG_TAG == LONG_TAG {
        return Err(NotLdap);
    }
    Ok(match head(bytes)? {
        Some((begin, length)) => Some(begin.checked_add(length).ok_or(NotLdap)?),
        None => None,
    })
}

/// Where an element's content begins, and how long it is.
fn head(bytes: &[u8]) -> Result<Option<(usize, usize)>, NotLdap> {
    let Some(&first) = bytes.get(1) else {
        return Ok(None);
    };
    if first < 0x80 {
        return Ok(Some((2, usize::from(first))));
    }
    let count = usize::from(first & 0x7f);
    // Without a length, or with one that nothing is as long as.
    if !(1..=4).contains(&count) {
        return Err(NotLdap);
    }
    let Some(digits) = bytes.get(2..2 + count) else {
        return Ok(None);
    };
    let length = digits
        .iter()
        .fold(0_usize, |length, digit| (length << 8) | usize::from(*digit));
    Ok(Some((2 + count, length)))
}

/// Bytes that are no LDAP.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NotLdap;

/// Elements one after the other.
#[derive(Clone, Copy)]
pub(super) struct Elements<'a>(pub(super) &'a [u8]);

impl<'a> Elements<'a> {
    /// The next element: its tag and its content. `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<(u8, &'a [u8])>, NotLdap> {
        let Some(&tag) = self.0.first() else {
            return Ok(None);
        };
        if tag & LONG_TAG == LONG_TAG {
            return Err(NotLdap);
        }
        let (begin, length) = head(self.0)?.ok_or(NotLdap)?;
        let end = begin.checked_add(length).ok_or(NotLdap)?;
        let content = self.0.get(begin..end).ok_or(NotLdap)?;
        self.0 = &self.0[end..];
        Ok(Some((tag, content)))
    }

    /// The next element, which has this tag.
    pub(super) fn expect(&mut self, tag: u8) -> Result<&'a [u8], NotLdap> {
        match self.next()? {
            Some((found, content)) if found == tag => Ok(content),
            _ => Err(NotLdap),
        }
    }

    /// The next element, a number of at most four bytes that is not negative.
    pub(super) fn number(&mut self, tag: u8) -> Result<u32, NotLdap> {
        let bytes = self.expect(tag)?;
        let is_fine = (1..=4).contains(&bytes.len()) && bytes[0] < 0x80;
        if !is_fine {
            return Err(NotLdap);
        }
        Ok(bytes
            .iter()
            .fold(0, |number, byte| (number << 8) | u32::from(*byte)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_as_short_as_they_can_be() {
        assert_eq!(element(0x04, b"ab"), [0x04, 2, b'a', b'b']);
        assert_eq!(element(0x04, &[7; 127])[..2], [0x04, 127]);
        assert_eq!(element(0x04, &[7; 128])[..3], [0x04, 0x81, 128]);
        assert_eq!(element(0x04, &[7; 300])[..4], [0x04, 0x82, 1, 44]);
        for length in [0, 1, 127, 128, 255, 256, 70_000] {
            let bytes = element(0x30, &vec![7; length]);
            assert_eq!(length_of(&bytes), Ok(Some(bytes.len())), "{length}");
            let mut read = Elements(&bytes);
            assert_eq!(read.expect(0x30).map(<[u8]>::len), Ok(length));
            assert_eq!(read.next(), Ok(None));
        }
    }

    #[test]
    fn numbers_are_not_taken_for_negative_ones() {
        for (value, bytes) in [
            (0, &[2, 1, 0][..]),
            (127, &[2, 1, 127]),
            (128, &[2, 2, 0, 128]),
            (65_535, &[2, 3, 0, 255, 255]),
        ] {
            assert_eq!(number(INTEGER, value), bytes, "{value}");
            assert_eq!(Elements(bytes).number(INTEGER), Ok(value));
        }
        for wrong in [
            &[2, 0][..],
            &[2, 1, 0x80],
            &[2, 5, 0, 0, 0, 0, 1],
            &[4, 1, 0],
        ] {
            assert_eq!(Elements(wrong).number(INTEGER), Err(NotLdap), "{wrong:?}");
        }
    }

    #[test]
    fn what_is_not_there_is_not_read() {
        for wrong in [
            &[0x30][..],
            &[0x30, 5, 1],
            &[0x30, 0x80, 0, 0],
            &[0x30, 0x85, 0, 0, 0, 0, 1, 7],
            &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff],
            &[0x30, 0x82, 1],
            &[0x1f, 1, 0],
            &[0xff, 0x81, 0x81, 1, 0],
        ] {
            assert_eq!(Elements(wrong).next(), Err(NotLdap), "{wrong:?}");
        }
        assert_eq!(length_of(&[]), Ok(None));
        assert_eq!(length_of(&[0x30]), Ok(None));
        assert_eq!(length_of(&[0x30, 0x82, 1]), Ok(None));
        assert_eq!(length_of(b"HTTP/1.1 400"), Ok(Some(2 + 0x54)));
        assert_eq!(length_of(&[0x30, 0x80]), Err(NotLdap));
        assert_eq!(length_of(&[0xff, 1]), Err(NotLdap));
    }
}
