use proptest::prelude::*;

use super::*;

#[test]
fn accepts_what_the_grammar_allows() {
    let longest = format!("a/{}", "b".repeat(253));
    for text in [
        "a",
        "0/1",
        "library/alpine",
        "a.b/c_d/e__f/g-h/i---j",
        "a/blobs/uploads",
        "manifests/manifests",
        &longest,
    ] {
        assert_eq!(RepositoryName::parse(text).unwrap().as_str(), text);
    }
}

#[test]
fn refuses_the_rest() {
    let too_long = format!("a/{}", "b".repeat(254));
    let many = "a/".repeat(10_000);
    for text in [
        "", "/", "/a", "a/", "a//b", ".", "..", "a/..", "a/../b", "a/./b", "A", "a/B", "-a", "a-",
        ".a", "a.", "_a", "a_", "a..b", "a___b", "a._b", "a-_b", "a-.b", "a b", "a\\b", "a\0",
        "a\n", "a%2fb", "%2e%2e", "%252e", "a:80/b", "a@b", "аdmin", "ａ", "_catalog", "a/_oci",
        &too_long, &many,
    ] {
        assert_eq!(
            RepositoryName::parse(text),
            Err(RepositoryNameInvalid),
            "{text:.40?}"
        );
    }
}

#[test]
fn the_parts() {
    let parts = |text| {
        let name = RepositoryName::parse(text).unwrap();
        (name.namespace().to_owned(), name.path().map(str::to_owned))
    };
    assert_eq!(parts("a"), ("a".into(), None));
    assert_eq!(parts("a/b"), ("a".into(), Some("b".into())));
    assert_eq!(parts("a/b/c"), ("a".into(), Some("b/c".into())));
}

#[test]
fn namespaces() {
    let longest = "a".repeat(255);
    for text in ["a", "0", "my-team", "a.b_c-d", &longest] {
        assert_eq!(NamespaceName::parse(text).unwrap().as_str(), text);
    }
    let too_long = "a".repeat(256);
    for text in [
        "", "a/b", "a--b", "a__b", "a._b", "-a", "a-", "A", "a b", "ä", &too_long,
    ] {
        assert_eq!(
            NamespaceName::parse(text),
            Err(NamespaceNameInvalid),
            "{text:.40?}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// The generator is the spec's own expression.
    #[test]
    fn every_name_of_the_grammar(
        text in "[a-z0-9]{1,9}((\\.|_|__|-{1,3})[a-z0-9]{1,4}){0,3}(/[a-z0-9]{1,9}((\\.|_|__|-{1,3})[a-z0-9]{1,4}){0,3}){0,4}"
    ) {
        prop_assert_eq!(RepositoryName::parse(&text).unwrap().to_string(), text);
    }

    #[test]
    fn any_text(text in "[a-c./_:@A%-]{0,12}|\\PC{0,20}") {
        crate::fuzzing::names(text.as_bytes());
    }
}
