//! LDAP's messages: the few that are sent, and the answers to them (RFC 4511, section 4).

use super::ber::{
    BOOLEAN, ENUMERATED, Elements, INTEGER, NotLdap, OCTET_STRING, SEQUENCE, SET, element,
    elements, number, text,
};
use super::{DirectoryEntry, DirectorySearch};

const BIND_REQUEST: u8 = 0x60;
const BIND_RESPONSE: u8 = 0x61;
const UNBIND_REQUEST: u8 = 0x42;
const SEARCH_REQUEST: u8 = 0x63;
const SEARCH_ENTRY: u8 = 0x64;
const SEARCH_DONE: u8 = 0x65;
const SEARCH_REFERENCE: u8 = 0x73;
const EXTENDED_REQUEST: u8 = 0x77;
const EXTENDED_RESPONSE: u8 = 0x78;
/// StartTLS (RFC 4511, section 4.14.1).
const START_TLS: &[u8] = b"1.3.6.1.4.1.1466.20037";
const VERSION: u32 = 3;
/// How long a directory may look, in seconds.
const SEARCH_SECS: u32 = 5;
/// How much of what a directory says about an error is kept.
const MAX_TEXT: usize = 200;

pub(super) const SUCCESS: u32 = 0;
pub(super) const SIZE_LIMIT_EXCEEDED: u32 = 4;
pub(super) const NO_SUCH_OBJECT: u32 = 32;
/// What a directory says when it does not take a password: constraint, no such entry, no password there, wrong, not enough
/// rights, unwilling.
pub(super) const REFUSED: &[u32] = &[19, 32, 48, 49, 50, 53];

/// How an operation ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) code: u32,
    /// What the directory says about it, on one line.
    pub(super) text: String,
}

/// An answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Bound(Outcome),
    Found(DirectoryEntry),
    /// Somewhere else there may be more; nobody goes there.
    Elsewhere,
    Searched(Outcome),
    Extended(Outcome),
}

fn message(id: u32, operation: Vec<u8>) -> Vec<u8> {
    elements(SEQUENCE, &[number(INTEGER, id), operation])
}

pub(super) fn bind(id: u32, name: &str, password: &str) -> Vec<u8> {
    let parts = [
        number(INTEGER, VERSION),
        text(name),
        element(0x80, password.as_bytes()),
    ];
    message(id, elements(BIND_REQUEST, &parts))
}

pub(super) fn start_tls(id: u32) -> Vec<u8> {
    message(id, elements(EXTENDED_REQUEST, &[element(0x80, START_TLS)]))
}

pub(super) fn unbind(id: u32) -> Vec<u8> {
    message(id, element(UNBIND_REQUEST, &[]))
}

pub(super) fn search(id: u32, search: &DirectorySearch<'_>) -> Vec<u8> {
    const NEVER: u32 = 0;
    let attributes: Vec<Vec<u8>> = search.attributes.iter().map(|name| text(name)).collect();
    let parts = [
        text(search.base),
        number(ENUMERATED, search.scope as u32),
        number(ENUMERATED, NEVER),
        number(
            INTEGER,
            u32::try_from(search.limit).unwrap_or(u32::from(u16::MAX)),
        ),
        number(INTEGER, SEARCH_SECS),
        element(BOOLEAN, &[0]),
        search.filter.encode(),
        elements(SEQUENCE, &attributes),
    ];
    message(id, elements(SEARCH_REQUEST, &parts))
}

/// What a whole message says, and to which request. Its number is 0 when the directory says goodbye.
pub(super) fn read(bytes: &[u8]) -> Result<(u32, Answer), NotLdap> {
    let mut whole = Elements(Elements(bytes).expect(SEQUENCE)?);
    let id = whole.number(INTEGER)?;
    let (tag, content) = whole.next()?.ok_or(NotLdap)?;
    let answer = match tag {
        BIND_RESPONSE => Answer::Bound(outcome(content)?),
        SEARCH_ENTRY => Answer::Found(entry(content)?),
        SEARCH_REFERENCE => Answer::Elsewhere,
        SEARCH_DONE => Answer::Searched(outcome(content)?),
        EXTENDED_RESPONSE => Answer::Extended(outcome(content)?),
        _ => return Err(NotLdap),
    };
    Ok((id, answer))
}

fn outcome(content: &[u8]) -> Result<Outcome, NotLdap> {
    let mut parts = Elements(content);
    let code = parts.number(ENUMERATED)?;
    parts.expect(OCTET_STRING)?;
    let said = String::from_utf8_lossy(parts.expect(OCTET_STRING)?);
    let line = said.chars().take(MAX_TEXT);
    Ok(Outcome {
        code,
        text: line
            .map(|letter| if letter.is_control() { ' ' } else { letter })
            .collect(),
    })
}

fn entry(content: &[u8]) -> Result<DirectoryEntry, NotLdap> {
    let mut parts = Elements(content);
    let name = String::from_utf8(parts.expect(OCTET_STRING)?.to_owned());
    let mut entry = DirectoryEntry {
        name: name.map_err(|_| NotLdap)?,
        attributes: Vec::new(),
    };
    let mut attributes = Elements(parts.expect(SEQUENCE)?);
    while let Some((tag, attribute)) = attributes.next()? {
        if tag != SEQUENCE {
            return Err(NotLdap);
        }
        let mut attribute = Elements(attribute);
        let kind = String::from_utf8_lossy(attribute.expect(OCTET_STRING)?).into_owned();
        let mut values = Elements(attribute.expect(SET)?);
        let mut all = Vec::new();
        while let Some((tag, value)) = values.next()? {
            if tag != OCTET_STRING {
                return Err(NotLdap);
            }
            all.push(value.to_owned());
        }
        entry.attributes.push((kind, all));
    }
    Ok(entry)
}

#[cfg(test)]
mod tests;
