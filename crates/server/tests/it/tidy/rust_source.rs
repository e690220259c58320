//! Rules about Rust code, checked on its tokens: comments and strings do not confuse them.

use proc_macro2::{Ident, TokenStream, TokenTree};

use super::{SourceFile, expect_none, files_ending};

/// The one file that may talk to the kernel without the compiler's protection.
const MAY_BE_UNSAFE: &str = "crates/blobs/src/kernel.rs";

/// Flattened tokens: groups are walked through, their delimiters left out.
fn tokens(file: &SourceFile) -> Vec<TokenTree> {
    fn flatten(stream: TokenStream, into: &mut Vec<TokenTree>) {
        for token in stream {
            match token {
                TokenTree::Group(group) => flatten(group.stream(), into),
                other => into.push(other),
            }
        }
    }
    let mut flat = Vec::new();
    flatten(
        file.text.parse().expect("what cargo compiled has tokens"),
        &mut flat,
    );
    flat
}

fn is(token: Option<&TokenTree>, text: &str) -> bool {
    token.is_some_and(|token| token.to_string() == text)
}

fn place(file: &SourceFile, ident: &Ident) -> String {
    format!("{}:{}: {ident}", file.path, ident.span().start().line)
}

/// Every identifier, with the tokens before and after it, that `is_wrong` names.
fn identifiers(
    file: &SourceFile,
    is_wrong: impl Fn(&Ident, Option<&TokenTree>, Option<&TokenTree>) -> bool,
) -> Vec<String> {
    let tokens = tokens(file);
    let mut problems = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        let before = index.checked_sub(1).and_then(|index| tokens.get(index));
        if let TokenTree::Ident(ident) = token
            && is_wrong(ident, before, tokens.get(index + 1))
        {
            problems.push(place(file, ident));
        }
    }
    problems
}

#[test]
fn unsafe_code_is_in_one_file() {
    let problems: Vec<String> = files_ending(".rs")
        .filter(|file| file.path != MAY_BE_UNSAFE)
        .flat_map(|file| identifiers(file, |ident, _, _| ident == "unsafe"))
        .collect();
    expect_none(
        "move it behind a safe function of kernel.rs, or do without",
        &problems,
    );
}

#[test]
fn lints_are_expected_with_a_reason_never_allowed() {
    let is_allow = |ident: &Ident, before: Option<&TokenTree>, _: Option<&TokenTree>| {
        ident == "allow" && (is(before, "#") || is(before, "!"))
    };
    let problems: Vec<String> = files_ending(".rs")
        .flat_map(|file| identifiers(file, is_allow))
        .collect();
    expect_none("write #[expect(lint, reason = \"…\")]", &problems);
}

#[test]
fn nothing_is_left_to_be_done() {
    let is_stub = |ident: &Ident, _: Option<&TokenTree>, after: Option<&TokenTree>| {
        (ident == "todo" || ident == "unimplemented") && is(after, "!")
    };
    let problems: Vec<String> = files_ending(".rs")
        .flat_map(|file| identifiers(file, is_stub))
        .collect();
    expect_none("finish it, or take it out", &problems);
}

#[test]
fn sql_is_written_in_metadata_only() {
    let is_sql = |literal: &str| {
        let text = literal
            .trim_start_matches(['r', '#', 'b', '"'])
            .trim_start();
        [
            "SELECT ",
            "INSERT INTO ",
            "UPDATE ",
            "DELETE FROM ",
            "CREATE TABLE ",
        ]
        .iter()
        .any(|verb| text.starts_with(verb))
    };
    let mut problems = Vec::new();
    for file in files_ending(".rs") {
        if file.path.starts_with("crates/metadata/")
            || file.path.starts_with("crates/server/tests/")
            // Fills databases by hand for the soak, and asks them what they have counted.
            || file.path.starts_with("xtask/src/scale/")
            // Asks a server that it has started whether it is one.
            || file.path == "crates/engines/src/postgres/tests.rs"
            // Asks PostgreSQL how much it was asked.
            || file.path == "xtask/src/bench/engines.rs"
        {
            continue;
        }
        for token in tokens(file) {
            if let TokenTree::Literal(literal) = token
                && is_sql(&literal.to_string())
            {
                problems.push(format!("{}:{}", file.path, literal.span().start().line));
            }
        }
    }
    expect_none(
        "a query is a method of a table family in metadata",
        &problems,
    );
}

#[test]
fn every_module_says_what_it_is_for() {
    let says_nothing = |file: &&SourceFile| {
        let mut lines = file.text.lines();
        let is_preface = |line: &str| line.is_empty() || line.starts_with("#!");
        // `tags.rs` says what `tags/tests.rs` is for; a fuzz target is one line.
        !file.path.ends_with("/tests.rs")
            && !file.path.starts_with("fuzz/fuzz_targets/")
            && !lines
                .find(|line| !is_preface(line))
                .is_some_and(|line| line.starts_with("//! "))
    };
    let problems: Vec<String> = files_ending(".rs")
        .filter(says_nothing)
        .map(|file| file.path.clone())
        .collect();
    expect_none("begin the file with a `//!` sentence", &problems);
}

#[test]
fn modules_are_named_for_what_they_hold() {
    const SAY_NOTHING: &[&str] = &[
        "util",
        "utils",
        "helper",
        "helpers",
        "common",
        "manager",
        "processor",
        "impl",
        "misc",
    ];
    let says_nothing = |file: &&SourceFile| {
        let path = file.path.trim_end_matches(".rs");
        path.split(['/', '_'])
            .any(|word| SAY_NOTHING.contains(&word))
    };
    let problems: Vec<String> = files_ending(".rs")
        .filter(says_nothing)
        .map(|file| file.path.clone())
        .collect();
    expect_none("a name that fits everything tells nothing", &problems);
}
