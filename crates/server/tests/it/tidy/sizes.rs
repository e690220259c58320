//! Sizes of files and functions, as a ratchet: `tidy_exceptions.txt` names what is larger, and an
//! entry may only shrink.

use std::collections::{BTreeMap, BTreeSet};

use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Attribute, ImplItemFn, Item, ItemFn, ItemImpl, ItemTrait, Signature, TraitItemFn};

use super::{SourceFile, expect_none, files_ending};

const FILE_LINES: usize = 400;
const FUNCTION_LINES: usize = 70;
const PARAMETERS: usize = 6;

const EXCEPTIONS: &str = include_str!("../tidy_exceptions.txt");

/// What is measured: `file PATH`, `function PATH NAME` or `parameters PATH NAME`.
type Sizes = BTreeMap<String, usize>;

#[test]
fn files_and_functions_stay_small() {
    let mut problems = Vec::new();
    let mut exceptions = exceptions(&mut problems);
    for (what, size) in measure_all() {
        let limit = limit(&what);
        match exceptions.remove(&what) {
            None if size > limit => problems.push(format!("{what}: {size}, limit {limit}")),
            Some(noted) if size > noted => {
                problems.push(format!("{what}: {size}, grown from the {noted} noted"));
            }
            Some(noted) if size <= limit => problems.push(format!(
                "{what}: {size} is within the limit of {limit}: remove its exception ({noted})"
            )),
            _ => {}
        }
    }
    problems.extend(
        exceptions
            .keys()
            .map(|what| format!("{what} is gone: remove its exception")),
    );
    expect_none(
        "split it; or note it in tidy_exceptions.txt, with the reason",
        &problems,
    );
}

fn limit(what: &str) -> usize {
    match what.split(' ').next() {
        Some("file") => FILE_LINES,
        Some("function") => FUNCTION_LINES,
        _ => PARAMETERS,
    }
}

/// Lines `WHAT = SIZE # reason`.
fn exceptions(problems: &mut Vec<String>) -> Sizes {
    let mut noted = Sizes::new();
    for line in EXCEPTIONS
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
    {
        let parsed = line.split_once(" # ").and_then(|(entry, reason)| {
            let (what, size) = entry.split_once(" = ")?;
            (!reason.is_empty()).then_some((what.to_owned(), size.trim().parse().ok()?))
        });
        match parsed {
            Some((what, size)) => drop(noted.insert(what, size)),
            None => problems.push(format!(
                "tidy_exceptions.txt: not `WHAT = SIZE # why`: {line}"
            )),
        }
    }
    noted
}

fn measure_all() -> Sizes {
    let parsed: Vec<(&SourceFile, syn::File)> = files_ending(".rs")
        .map(|file| {
            (
                file,
                syn::parse_file(&file.text).expect("what cargo compiled is Rust"),
            )
        })
        .collect();
    let test_files: BTreeSet<String> = parsed
        .iter()
        .flat_map(|(file, syntax)| test_modules(&file.path, syntax))
        .collect();
    let mut sizes = Sizes::new();
    for (file, syntax) in &parsed {
        if !file.path.contains("/tests/") && !test_files.contains(&file.path) {
            let lines = file.text.lines().count() - test_lines(syntax);
            sizes.insert(format!("file {}", file.path), lines);
        }
        let mut functions = Functions {
            path: &file.path,
            within: Vec::new(),
            sizes: &mut sizes,
        };
        functions.visit_file(syntax);
    }
    sizes
}

/// The files of those modules of this file that exist only under test.
fn test_modules(path: &str, file: &syn::File) -> Vec<String> {
    let directory = match path.rsplit_once('/') {
        Some((directory, "lib.rs" | "main.rs" | "mod.rs")) => directory,
        _ => path.trim_end_matches(".rs"),
    };
    let name = |item: &Item| match item {
        Item::Mod(module) if module.content.is_none() => Some(module.ident.to_string()),
        _ => None,
    };
    let is_test = |item: &&Item| attributes(item).iter().any(is_cfg_test);
    let names = file.items.iter().filter(is_test).filter_map(name);
    names.map(|name| format!("{directory}/{name}.rs")).collect()
}

/// Lines in items that exist only under test.
fn test_lines(file: &syn::File) -> usize {
    let lines_of = |item: &Item| {
        let is_test = attributes(item).iter().any(is_cfg_test);
        let (start, end) = (item.span().start().line, item.span().end().line);
        if is_test { end - start + 1 } else { 0 }
    };
    file.items.iter().map(lines_of).sum()
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Mod(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        _ => &[],
    }
}

fn is_cfg_test(attribute: &Attribute) -> bool {
    let says_test = |condition: &str| {
        let mut words = condition.split(|c: char| !c.is_alphanumeric() && c != '_');
        words.clone().any(|word| word == "test") && !words.any(|word| word == "not")
    };
    attribute.path().is_ident("cfg")
        && attribute
            .meta
            .require_list()
            .is_ok_and(|list| says_test(&list.tokens.to_string()))
}

/// Notes every function it meets, named with the type or trait it belongs to.
struct Functions<'a> {
    path: &'a str,
    within: Vec<String>,
    sizes: &'a mut Sizes,
}

impl Functions<'_> {
    /// A function's lines are those from `fn` to its closing brace.
    fn note(&mut self, signature: &Signature, body: &syn::Block) {
        let name = self
            .within
            .iter()
            .cloned()
            .chain([signature.ident.to_string()]);
        let name = name.collect::<Vec<_>>().join("::");
        let first = signature.fn_token.span.start().line;
        let last = body.brace_token.span.close().end().line;
        // Two functions may share a name (an impl per feature): the larger one counts.
        for (kind, size) in [
            ("function", last - first + 1),
            ("parameters", signature.inputs.len()),
        ] {
            let noted = self
                .sizes
                .entry(format!("{kind} {} {name}", self.path))
                .or_default();
            *noted = size.max(*noted);
        }
    }

    fn within(&mut self, name: String, look: impl FnOnce(&mut Self)) {
        self.within.push(name);
        look(self);
        self.within.pop();
    }
}

impl<'ast> Visit<'ast> for Functions<'_> {
    fn visit_item_fn(&mut self, function: &'ast ItemFn) {
        self.note(&function.sig, &function.block);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast ImplItemFn) {
        self.note(&function.sig, &function.block);
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast TraitItemFn) {
        if let Some(body) = &function.default {
            self.note(&function.sig, body);
        }
        visit::visit_trait_item_fn(self, function);
    }

    fn visit_item_impl(&mut self, item: &'ast ItemImpl) {
        let name = item
            .self_ty
            .span()
            .source_text()
            .unwrap_or_default()
            .replace(' ', "");
        self.within(name, |functions| visit::visit_item_impl(functions, item));
    }

    fn visit_item_trait(&mut self, item: &'ast ItemTrait) {
        self.within(item.ident.to_string(), |functions| {
            visit::visit_item_trait(functions, item);
        });
    }
}

#[test]
fn lengths_are_measured_on_the_syntax_not_on_the_text() {
    let text = "struct A;\nimpl A {\n    fn f(&self, b: char) {\n        g(\"}{\", r#\"}\"#, '{');\n    }\n}\n\
                #[cfg(test)]\nmod tests {\n    // {\n}\n";
    let syntax = syn::parse_file(text).expect("it is Rust");
    let mut sizes = Sizes::new();
    Functions {
        path: "a.rs",
        within: Vec::new(),
        sizes: &mut sizes,
    }
    .visit_file(&syntax);
    assert_eq!(sizes["function a.rs A::f"], 3);
    assert_eq!(sizes["parameters a.rs A::f"], 2);
    assert_eq!(test_lines(&syntax), 4);
}
