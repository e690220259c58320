//! Nothing is forgotten: every endpoint and error code has a test, and the document lists exactly the tests there are.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use oci::ErrorCode;
use syn::visit::Visit;

/// What a test says of itself in its first line.
struct Story {
    module: String,
    name: String,
    /// `end-4a`, `code-1`, or an area such as `token`.
    about: Vec<String>,
    requirement: String,
    /// The test's own text.
    body: String,
}

fn checkout() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every test of this directory but those of this file, in the order of their modules.
fn stories() -> Vec<Story> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/oci");
    let files = std::fs::read_dir(directory).expect("it is there");
    let mut files: Vec<PathBuf> = files.flatten().map(|entry| entry.path()).collect();
    files.sort();
    let mut stories = Vec::new();
    for file in files {
        let module = file.file_stem().unwrap_or_default().to_string_lossy();
        if module == "completeness" {
            continue;
        }
        let text = read(&file);
        let parsed = syn::parse_file(&text).expect("it compiles");
        for item in parsed.items {
            if let syn::Item::Fn(function) = item
                && is_test(&function)
            {
                stories.push(story(&module, &function, &text));
            }
        }
    }
    stories
}

fn is_test(function: &syn::ItemFn) -> bool {
    let last = |path: &syn::Path| path.segments.last().map(|last| last.ident.to_string());
    let mut attributes = function.attrs.iter();
    attributes.any(|attribute| last(attribute.path()).as_deref() == Some("test"))
}

fn story(module: &str, function: &syn::ItemFn, text: &str) -> Story {
    let name = function.sig.ident.to_string();
    let first = function.attrs.iter().find_map(doc_line);
    let first = first.unwrap_or_else(|| panic!("{module}::{name} says nothing of itself"));
    let (about, requirement) = first
        .split_once(": ")
        .unwrap_or_else(|| panic!("{module}::{name} does not begin with what it is about"));
    let lines = syn::spanned::Spanned::span(&function.block);
    let (start, end) = (lines.start().line, lines.end().line);
    let body: Vec<&str> = text.lines().skip(start - 1).take(end - start + 1).collect();
    Story {
        module: module.to_owned(),
        name,
        about: about.split(',').map(|id| id.trim().to_owned()).collect(),
        requirement: requirement.trim().to_owned(),
        body: body.join("\n"),
    }
}

fn doc_line(attribute: &syn::Attribute) -> Option<String> {
    let syn::Meta::NameValue(meta) = &attribute.meta else {
        return None;
    };
    if !meta.path.is_ident("doc") {
        return None;
    }
    match &meta.value {
        syn::Expr::Lit(literal) => match &literal.lit {
            syn::Lit::Str(text) => Some(text.value().trim().to_owned()),
            _ => None,
        },
        _ => None,
    }
}

/// The ids that `Endpoint::id` can answer with.
fn endpoint_ids() -> BTreeSet<String> {
    struct Texts(BTreeSet<String>);
    impl Visit<'_> for Texts {
        fn visit_lit_str(&mut self, literal: &syn::LitStr) {
            self.0.insert(literal.value());
        }
    }
    let text = read(&checkout().join("crates/oci/src/endpoint.rs"));
    let file = syn::parse_file(&text).expect("it compiles");
    let mut texts = Texts(BTreeSet::new());
    for item in &file.items {
        let syn::Item::Impl(block) = item else {
            continue;
        };
        for member in &block.items {
            if let syn::ImplItem::Fn(function) = member
                && function.sig.ident == "id"
            {
                texts.visit_block(&function.block);
            }
        }
    }
    texts.0
}

#[test]
fn every_endpoint_has_a_test() {
    let ids = endpoint_ids();
    assert_eq!(
        ids.len(),
        20,
        "the specification's 19, and the catalog: {ids:?}"
    );
    let stories = stories();
    let told: BTreeSet<&String> = stories.iter().flat_map(|story| &story.about).collect();
    let untold: Vec<&String> = ids.iter().filter(|id| !told.contains(id)).collect();
    assert!(untold.is_empty(), "no test is about {untold:?}");
}

#[test]
fn every_error_code_has_a_test_that_produces_it() {
    let stories = stories();
    for (number, code) in (1..=14).zip(ErrorCode::ALL) {
        let id = format!("code-{number}");
        let told = stories
            .iter()
            .any(|story| story.about.contains(&id) && story.body.contains(&format!("\"{code}\"")));
        assert!(told, "no test is about {id} and expects {code}");
    }
}

#[test]
fn tests_are_about_something_that_exists() {
    let areas = ["client", "data", "names", "token"];
    let mut known = endpoint_ids();
    known.extend(areas.map(str::to_owned));
    known.extend((1..=14).map(|number| format!("code-{number}")));
    for story in stories() {
        for id in &story.about {
            assert!(known.contains(id), "{}::{}: {id}", story.module, story.name);
        }
        assert!(story.requirement.ends_with('.'), "{}", story.requirement);
    }
}

const DOCUMENT: &str = "docs/reference/distribution-spec.md";
const BEGIN: &str = "<!-- the table of tests begins -->\n";
const END: &str = "<!-- the table of tests ends -->\n";

/// The table, as it must stand in the document.
fn table() -> String {
    let mut text = "\n| requirement | endpoint | test |\n| --- | --- | --- |\n".to_owned();
    for story in stories() {
        let requirement = story.requirement.replace('|', "\\|");
        let (about, module, name) = (story.about.join(", "), story.module, story.name);
        _ = writeln!(
            text,
            "| {requirement} | {about} | `oci::{module}::{name}` |"
        );
    }
    text.push('\n');
    text
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "how a person asks for it to be written"
)]
fn the_document_lists_exactly_the_tests_there_are() {
    let path = checkout().join(DOCUMENT);
    let document = read(&path);
    let (before, rest) = document.split_once(BEGIN).expect("where the table begins");
    let (written, after) = rest.split_once(END).expect("where the table ends");
    let table = table();
    if std::env::var_os("UPDATE_DOCUMENTS").is_some() {
        let document = format!("{before}{BEGIN}{table}{END}{after}");
        std::fs::write(&path, document).expect("it can be written");
        return;
    }
    let written: BTreeSet<&str> = written.lines().collect();
    let expected: BTreeSet<&str> = table.lines().collect();
    let missing: Vec<&&str> = expected.difference(&written).collect();
    let left: Vec<&&str> = written.difference(&expected).collect();
    assert!(
        missing.is_empty() && left.is_empty(),
        "{DOCUMENT} is not what the tests say; write it anew with\n  \
         UPDATE_DOCUMENTS=1 cargo test -p server --test it -- oci::completeness\n\
         not in it: {missing:#?}\nno test: {left:#?}"
    );
}
