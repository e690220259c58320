//! Rules about everything that is not Rust code: words, links, settings, migrations.

use super::{SourceFile, expect_none, files, files_ending, root};
use std::process::Command;

/// Marks of unfinished work, and names of places outside the repository. Each is written in two
/// parts, so that this file does not hold it.
const MARKS: &[&str] = &[
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
];
const OUTSIDE: &[&str] = &[
    concat!("/wo", "rk/"),
    concat!("/tmp", "/rs"),
    concat!("deb.deb", "ian.org"),
    concat!("security.deb", "ian.org"),
    concat!("snapshot.deb", "ian.org"),
    concat!("py", "pi.org"),
    concat!("python", "hosted"),
    concat!("registry.npm", "js"),
    concat!("crates", ".io"),
    concat!("proxy.go", "lang.org"),
    concat!("repo1.", "maven"),
    concat!("sub", "agent"),
    concat!("clau", "de"),
    concat!("anthro", "pic"),
    concat!("chat", "gpt"),
    concat!("open", "ai"),
];

/// Files that a tool writes: what they hold is not our choice.
fn is_generated(file: &SourceFile) -> bool {
    file.path.ends_with("Cargo.lock") || file.path.ends_with("package-lock.json")
}

fn lines() -> impl Iterator<Item = (&'static SourceFile, usize, &'static str)> {
    let in_file = |file: &'static SourceFile| {
        file.text
            .lines()
            .enumerate()
            .map(move |(index, line)| (file, index + 1, line))
    };
    files()
        .iter()
        .filter(|file| !is_generated(file))
        .flat_map(in_file)
}

fn holds_word(line: &str, word: &str) -> bool {
    line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .any(|found| found == word)
}

#[test]
fn no_mark_of_unfinished_work_is_left() {
    let problems: Vec<String> = lines()
        .filter(|(_, _, line)| MARKS.iter().any(|mark| holds_word(line, mark)))
        .map(|(file, number, line)| format!("{}:{number}: {}", file.path, line.trim()))
        .collect();
    expect_none("finish it, or write an issue", &problems);
}

#[test]
fn nothing_names_a_place_outside_the_repository() {
    let names_one = |line: &str| {
        let line = line.to_ascii_lowercase();
        OUTSIDE.iter().any(|place| line.contains(place))
    };
    let problems: Vec<String> = lines()
        .filter(|(_, _, line)| names_one(line))
        .map(|(file, number, line)| format!("{}:{number}: {}", file.path, line.trim()))
        .collect();
    expect_none("a checkout must mean the same on every machine", &problems);
}

/// The targets of `[text](target)` outside fenced code, with their lines.
fn links(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut is_fenced = false;
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            is_fenced = !is_fenced;
        } else if !is_fenced {
            let targets = line
                .split("](")
                .skip(1)
                .filter_map(|rest| rest.split_once(')'));
            found.extend(targets.map(|(target, _)| (index + 1, target)));
        }
    }
    found
}

#[test]
fn links_between_documents_lead_somewhere() {
    let mut problems = Vec::new();
    for file in files_ending(".md") {
        for (line, target) in links(&file.text) {
            let path = target.split('#').next().unwrap_or_default();
            let is_elsewhere = target.contains("://") || target.starts_with("mailto:");
            let here = root().join(&file.path);
            if !is_elsewhere && !path.is_empty() && !here.with_file_name(path).exists() {
                problems.push(format!("{}:{line}: {target}", file.path));
            }
        }
    }
    expect_none("these links lead nowhere", &problems);
}

#[test]
fn every_setting_has_a_comment_above_it() {
    let Some(config) = files_ending("config.default.toml").next() else {
        panic!("config.default.toml is missing");
    };
    let lines: Vec<&str> = config.text.lines().collect();
    let mut problems = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let key = line.split_once('=').map(|(key, _)| key.trim());
        let is_key = |key: &str| key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        // Two settings that only make sense together may share a comment.
        let mut above = lines[index.saturating_sub(2)..index].iter().rev();
        let is_explained = above
            .find(|line| !line.contains(" = ") || line.starts_with('#'))
            .is_some_and(|line| line.starts_with("# "));
        if key.is_some_and(|key| !key.is_empty() && is_key(key)) && !is_explained {
            problems.push(format!("config.default.toml:{}: {line}", index + 1));
        }
    }
    expect_none("say in the line above what the setting does", &problems);
}

#[test]
fn migrations_are_numbered_without_gaps_and_run_in_that_order() {
    let mut names: Vec<&str> = files_ending(".sql")
        .filter_map(|file| file.path.strip_prefix("migrations/"))
        .collect();
    names.sort_unstable();
    assert!(!names.is_empty(), "there are no migrations");
    for (index, name) in names.iter().enumerate() {
        let (number, title) = name.split_once('_').unwrap_or_default();
        assert_eq!(
            number,
            format!("{:04}", index + 1),
            "the number of migrations/{name}"
        );
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        let title = title.trim_end_matches(".sql");
        assert!(
            title.chars().all(is_plain),
            "migrations/{name}: lower case and underscores"
        );
    }
    let runs_all = |file: &SourceFile| {
        let places: Option<Vec<usize>> = names.iter().map(|name| file.text.find(name)).collect();
        file.path.starts_with("crates/metadata/src/")
            && places.is_some_and(|places| places.is_sorted())
    };
    assert!(
        files().iter().any(runs_all),
        "no file of metadata names all migrations in order"
    );
}

#[test]
fn links_in_code_blocks_are_not_followed() {
    let text = "[a](b.md#c) and [d](e)\n```\n[f](g)\n```\n";
    assert_eq!(links(text), [(1, "b.md#c"), (1, "e")]);
}

/// A manual page is written for every command: one that has no pages below it is a command that can be typed.
#[test]
fn the_overview_of_the_command_line_has_every_command() {
    let place = tempfile::tempdir().expect("a directory");
    let written = Command::new(env!("CARGO_BIN_EXE_roadstead"))
        .args(["man", "--dir"])
        .arg(place.path())
        .status();
    assert!(written.expect("the program runs").success());
    let pages: Vec<String> = std::fs::read_dir(place.path())
        .expect("the directory is there")
        .map(|page| page.expect("an entry").file_name().into_string())
        .map(|name| name.expect("plain").trim_end_matches(".1").to_owned())
        .collect();
    let is_above = |above: &str, page: &str| {
        page.strip_prefix(above)
            .is_some_and(|rest| rest.starts_with('-'))
    };
    let overview = root().join("docs/reference/command-line.md");
    let overview = std::fs::read_to_string(overview).expect("the overview is there");
    let is_named = |page: &String| {
        let above = pages.iter().filter(|above| is_above(above, page));
        let above = above.max_by_key(|above| above.len()).expect("the program");
        let begin = format!("`{} ", above.replace('-', " "));
        let name = &page[above.len() + 1..];
        // A command's own name may hold hyphens.
        let is_row = |row: &&str| row.replace('-', " ").contains(&begin);
        let mut rows = overview.lines().filter(is_row);
        rows.any(|row| row.split(['`', ' ']).any(|word| word == name))
    };
    let typed = pages
        .iter()
        .filter(|page| !pages.iter().any(|other| is_above(page, other)));
    let problems: Vec<String> = typed.filter(|page| !is_named(page)).cloned().collect();
    expect_none("give each a row", &problems);
}
