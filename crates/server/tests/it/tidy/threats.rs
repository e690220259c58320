//! The page on threats names tests; each is there.

use std::collections::BTreeSet;

use super::{expect_none, files, files_ending};

const PAGE: &str = "docs/explanation/threats.md";

/// The names of all functions that are tests.
fn tests() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for file in files_ending(".rs") {
        let mut is_test = false;
        for line in file.text.lines().map(str::trim) {
            if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
                is_test = true;
            } else if is_test && let Some((_, rest)) = line.split_once("fn ") {
                let name = rest.split('(').next().unwrap_or_default();
                names.insert(name.to_owned());
                is_test = false;
            }
        }
    }
    names
}

/// What the last column of each row of its tables names.
fn rows(page: &str) -> Vec<(usize, Vec<&str>)> {
    let rows = page.lines().enumerate().filter_map(|(index, line)| {
        let cells = line.strip_prefix("| ")?.strip_suffix(" |")?;
        let (_, last) = cells.rsplit_once(" | ")?;
        let is_head = last == "Proven by" || last == "---";
        let names = last.split('`').skip(1).step_by(2).collect();
        (!is_head).then_some((index + 1, names))
    });
    rows.collect()
}

#[test]
fn every_test_that_the_page_on_threats_names_is_there() {
    let page = files().iter().find(|file| file.path == PAGE);
    let rows = rows(&page.expect("the page is there").text);
    assert!(rows.len() > 20, "its tables are read");
    let tests = tests();
    let mut problems = Vec::new();
    for (line, names) in rows {
        if names.is_empty() {
            problems.push(format!("{PAGE}:{line}: no test is named"));
        }
        let missing = names.iter().filter(|name| !tests.contains(**name));
        problems.extend(missing.map(|name| format!("{PAGE}:{line}: {name}")));
    }
    expect_none("these tests are not there", &problems);
}

#[test]
fn a_row_names_its_tests_in_its_last_column() {
    let page = "| a | b | Proven by |\n| --- | --- | --- |\n| `x` | y | `t1`, `t2` |\ntext `t3`\n";
    assert_eq!(rows(page), [(3, vec!["t1", "t2"])]);
    assert!(tests().contains("a_row_names_its_tests_in_its_last_column"));
}
