use super::*;

fn parse(text: &str) -> Filter {
    text.parse().unwrap()
}

#[test]
fn what_was_read_is_written_the_same() {
    for text in [
        "(uid=zoe)",
        "(objectClass=*)",
        "(cn=a*b*c)",
        "(cn=*b*)",
        "(cn=a*)",
        "(cn=*a)",
        "(&(objectClass=person)(!(title=guest)))",
        "(|(uid=a)(uid=b)(&(cn=c)(sn=d)))",
        "(uidNumber>=1000)",
        "(uidNumber<=1000)",
        "(cn~=zoe)",
        "(cn=\\28a\\29\\2a\\5c\\00)",
        "(userAccountControl:1.2.840.113556.1.4.803:=2)",
        "(memberOf:1.2.840.113556.1.4.1941:=cn=dev,dc=example,dc=com)",
        "(ou:dn:=people)",
        "(:caseExactMatch:=x)",
        "(cn;lang-de=z)",
    ] {
        assert_eq!(parse(text).to_string(), text);
    }
    assert_eq!(parse(" uid=zoe "), parse("(uid=zoe)"));
    assert_eq!(parse("(cn=zo\\c3\\ab)"), parse("(cn=zoë)"));
}

#[test]
fn what_is_no_filter_is_refused() {
    let deep = format!("{}(a=b){}", "(!".repeat(16), ")".repeat(16));
    let long = format!("(a={})", "b".repeat(1024));
    for text in [
        "",
        "()",
        "(",
        "(uid=zoe",
        "uid=zoe)",
        "(uid=zoe))",
        "(uid)",
        "(=zoe)",
        "(&)",
        "(!)",
        "(!(a=b)(c=d))",
        "(&(a=b)c=d)",
        "(a b=c)",
        "(a=b\\)",
        "(a=b\\2)",
        "(a=b\\zz)",
        "(a=(b)",
        "(a>=b*c)",
        "(:=x)",
        "(a:b:c:=x)",
        "(a=b)(c=d)",
        "(a=\0)",
        &deep,
        &long,
    ] {
        assert!(text.parse::<Filter>().is_err(), "{text}");
    }
}

#[test]
fn a_value_is_a_value_whatever_is_in_it() {
    let hostile = Filter::equals("uid", b"*)(uid=*");
    assert_eq!(hostile.to_string(), "(uid=\\2a\\29\\28uid=\\2a)");
    assert_eq!(parse(&hostile.to_string()), hostile);
    assert_eq!(
        hostile.encode(),
        [b"\xa3\x0f\x04\x03uid\x04\x08*)(uid=*".as_slice()].concat()
    );
}

/// The bytes are those of RFC 4511's own ASN.1.
#[test]
fn filters_are_encoded_as_directories_read_them() {
    for (text, bytes) in [
        ("(a=*)", b"\x87\x01a".as_slice()),
        ("(!(a=b))", b"\xa2\x08\xa3\x06\x04\x01a\x04\x01b"),
        ("(&(a=*)(b=*))", b"\xa0\x06\x87\x01a\x87\x01b"),
        ("(|(a=*))", b"\xa1\x03\x87\x01a"),
        ("(a>=1)", b"\xa5\x06\x04\x01a\x04\x011"),
        ("(a<=1)", b"\xa6\x06\x04\x01a\x04\x011"),
        ("(a~=1)", b"\xa8\x06\x04\x01a\x04\x011"),
        (
            "(a=x*y*z)",
            b"\xa4\x0e\x04\x01a\x30\x09\x80\x01x\x81\x01y\x82\x01z",
        ),
        ("(a=*y*)", b"\xa4\x08\x04\x01a\x30\x03\x81\x01y"),
        (
            "(a:dn:1.2:=v)",
            b"\xa9\x0e\x81\x031.2\x82\x01a\x83\x01v\x84\x01\xff",
        ),
    ] {
        assert_eq!(parse(text).encode(), bytes, "{text}");
    }
}
