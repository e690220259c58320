use super::*;
use crate::directory::{DirectoryScope, Filter};

#[test]
fn requests_are_those_of_the_specification() {
    assert_eq!(
        bind(1, "cn=a", "b"),
        b"\x30\x11\x02\x01\x01\x60\x0c\x02\x01\x03\x04\x04cn=a\x80\x01b"
    );
    assert_eq!(
        start_tls(1),
        b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037"
    );
    assert_eq!(unbind(3), b"\x30\x05\x02\x01\x03\x42\x00");
    let filter = Filter::equals("uid", b"z");
    let asked = DirectorySearch {
        base: "dc=a",
        scope: DirectoryScope::Sub,
        filter: &filter,
        attributes: &["cn"],
        limit: 2,
    };
    let expected =
        b"\x30\x2a\x02\x01\x02\x63\x25\x04\x04dc=a\x0a\x01\x02\x0a\x01\x00\x02\x01\x02\x02\x01\x05\
        \x01\x01\x00\xa3\x08\x04\x03uid\x04\x01z\x30\x04\x04\x02cn";
    assert_eq!(search(2, &asked), expected);
}

#[test]
fn answers_are_read() {
    let refused = b"\x30\x11\x02\x01\x01\x61\x0c\x0a\x01\x31\x04\x00\x04\x05no\nno";
    let outcome = Outcome {
        code: 49,
        text: "no no".to_owned(),
    };
    assert_eq!(read(refused), Ok((1, Answer::Bound(outcome))));
    let found = b"\x30\x1d\x02\x01\x02\x64\x18\x04\x04cn=a\x30\x10\x30\x0e\x04\x02cn\x31\x08\x04\x01a\x04\x03\xff\x00b";
    let entry = DirectoryEntry {
        name: "cn=a".to_owned(),
        attributes: vec![("cn".to_owned(), vec![b"a".to_vec(), b"\xff\x00b".to_vec()])],
    };
    assert_eq!(entry.text("CN"), Some("a"));
    assert_eq!(entry.texts("cn"), ["a"]);
    assert_eq!(entry.text("sn"), None);
    assert_eq!(read(found), Ok((2, Answer::Found(entry))));
    let elsewhere = b"\x30\x0a\x02\x01\x02\x73\x05\x04\x03ref";
    assert_eq!(read(elsewhere), Ok((2, Answer::Elsewhere)));
    // With a part after it that is not known.
    let done = b"\x30\x11\x02\x01\x02\x65\x07\x0a\x01\x00\x04\x00\x04\x00\xa0\x03\x30\x01\x00";
    let outcome = Outcome {
        code: 0,
        text: String::new(),
    };
    assert_eq!(read(done), Ok((2, Answer::Searched(outcome))));
}

#[test]
fn what_is_no_answer_is_refused() {
    let good = b"\x30\x0c\x02\x01\x01\x61\x07\x0a\x01\x00\x04\x00\x04\x00";
    assert!(read(good).is_ok());
    for end in 0..good.len() {
        assert_eq!(read(&good[..end]), Err(NotLdap), "{end}");
    }
    // Any one byte otherwise: an answer or none, and never a panic.
    for at in 0..good.len() {
        for byte in 0..=255 {
            let mut bytes = good.to_vec();
            bytes[at] = byte;
            _ = read(&bytes);
        }
    }
    // Elements in elements, however many: only those that mean something are opened.
    let nested = (0..10_000).fold(Vec::new(), |inner: Vec<u8>, _| {
        if inner.len() > 1 << 14 {
            inner
        } else {
            element(SEQUENCE, &inner)
        }
    });
    let nested = elements(
        SEQUENCE,
        &[number(INTEGER, 1), element(SEARCH_ENTRY, &nested)],
    );
    assert_eq!(read(&nested), Err(NotLdap));
    assert_eq!(read(&element(SEQUENCE, &number(INTEGER, 1))), Err(NotLdap));
    let unknown = elements(SEQUENCE, &[number(INTEGER, 1), element(0x69, &[])]);
    assert_eq!(read(&unknown).unwrap_err(), NotLdap);
}
