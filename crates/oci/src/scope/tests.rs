use proptest::prelude::*;

use super::*;

fn parse(parameters: &[&str]) -> Vec<String> {
    parse_scopes(parameters.iter().copied())
        .iter()
        .map(Scope::to_string)
        .collect()
}

#[test]
fn repeated_and_separated_by_spaces() {
    let expected = ["repository:a/b:pull,push", "repository:c:pull"];
    assert_eq!(
        parse(&["repository:a/b:pull,push", "repository:c:pull"]),
        expected
    );
    assert_eq!(
        parse(&["repository:a/b:pull,push repository:c:pull"]),
        expected
    );
    assert_eq!(
        parse(&[
            " repository:a/b:push  repository:c:pull ",
            "repository:a/b:pull"
        ]),
        expected
    );
}

#[test]
fn all_actions() {
    assert_eq!(
        parse(&["repository:a:*"]),
        ["repository:a:pull,push,delete"]
    );
    assert_eq!(
        parse(&["repository:a:pull,push,*"]),
        ["repository:a:pull,push,delete"]
    );
    assert_eq!(
        parse(&["repository:a:delete,fly,pull"]),
        ["repository:a:pull,delete"]
    );
    assert_eq!(parse(&["repository(plugin):x:pull"]), ["repository:x:pull"]);
    assert_eq!(parse(&["registry:catalog:*"]), ["registry:catalog:*"]);
}

#[test]
fn what_is_not_valid_is_left_out() {
    let bad = [
        "",
        ":",
        "::",
        "repository",
        "repository:a",
        "repository::pull",
        "repository:a:",
        "repository:a:fly",
        "repository:a:Pull",
        "repository:A:pull",
        "repository:a:80/b:pull",
        "repository:a%2fb:pull",
        "repository:../a:pull",
        "repository:a\nb:pull",
        "repository(plugin:x:pull",
        "Repository:a:pull",
        "registry:catalog:pull",
        "registry:other:*",
        "user:a:*",
    ];
    assert_eq!(parse(&bad), [""; 0]);
    let mut mixed = bad.to_vec();
    mixed.push("repository:a:pull");
    assert_eq!(parse(&mixed), ["repository:a:pull"]);
}

#[test]
fn bounded() {
    let many: Vec<_> = (0..10_000)
        .map(|at| format!("repository:r{at}:pull"))
        .collect();
    let scopes = parse_scopes(many.iter().map(String::as_str));
    assert_eq!(scopes.len(), MAX_SCOPES);
    assert_eq!(scopes[0].to_string(), "repository:r0:pull");
    assert_eq!(parse(&[&many.join(" ")]).len(), MAX_SCOPES);
}

#[test]
fn sets_of_actions() {
    let both = ScopeActions::PULL | ScopeActions::PUSH;
    assert!(both.contains(ScopeActions::PULL) && !both.contains(ScopeActions::ALL));
    assert_eq!(both & ScopeActions::DELETE, ScopeActions::NONE);
    assert_eq!(both.to_string(), "pull,push");
    assert_eq!(ScopeActions::NONE.to_string(), "");
    let none = Scope {
        actions: ScopeActions::NONE,
        ..Scope::catalog()
    };
    assert_eq!(none.claim(), ("registry", "catalog", Vec::new()));
    assert_eq!(Scope::catalog().claim(), ("registry", "catalog", vec!["*"]));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn any_text(
        text in "((repository|registry|repository\\(p\\)):[a-c/]{0,4}(catalog)?:(pull|push|\\*|,|x){0,3}[ \n]){0,6}|\\PC{0,30}"
    ) {
        crate::fuzzing::scope(text.as_bytes());
    }
}
