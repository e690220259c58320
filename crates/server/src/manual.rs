//! Manual pages and shell completions, both made from the command line's own description.

use std::path::Path;

use anyhow::Context as _;
use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::cli::Cli;

/// The completion script for `shell`.
pub(crate) fn completions(shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "roadstead", &mut script);
    script
}

/// The manual page of the program as a whole, in roff.
pub(crate) fn page() -> anyhow::Result<Vec<u8>> {
    let mut page = Vec::new();
    clap_mangen::Man::new(Cli::command()).render(&mut page)?;
    Ok(page)
}

/// Writes `roadstead.1`, and one page per command, into `dir`, which is created if it is not there.
pub(crate) fn write_pages(dir: &Path) -> anyhow::Result<()> {
    let failed = || format!("cannot write manual pages into {}", dir.display());
    std::fs::create_dir_all(dir).with_context(failed)?;
    // "help" explains the command line to someone who is at it; a page of its own says nothing new.
    let command = Cli::command().disable_help_subcommand(true);
    clap_mangen::generate_to(command, dir).with_context(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names of the pages of `command` and everything below it.
    fn page_names(command: &clap::Command, prefix: &str, names: &mut Vec<String>) {
        let name = format!("{prefix}{}", command.get_name());
        for inner in command.get_subcommands() {
            page_names(inner, &format!("{name}-"), names);
        }
        names.push(format!("{name}.1"));
    }

    #[test]
    fn every_command_has_a_manual_page_that_names_it() {
        let dir = tempfile::tempdir().expect("a directory");
        write_pages(dir.path()).expect("pages");
        let mut expected = Vec::new();
        page_names(&Cli::command(), "", &mut expected);
        let mut written: Vec<String> = std::fs::read_dir(dir.path())
            .expect("the directory")
            .map(|entry| {
                entry
                    .expect("an entry")
                    .file_name()
                    .into_string()
                    .expect("ASCII")
            })
            .collect();
        expected.sort();
        written.sort();
        assert_eq!(written, expected);
        assert!(expected.contains(&"roadstead-admin-user-create.1".to_owned()));
        for name in written {
            let text = std::fs::read_to_string(dir.path().join(&name)).expect("a page");
            let title = name
                .strip_suffix(".1")
                .expect("section 1")
                .replace('-', "\\-");
            assert!(
                text.contains(".TH") && text.contains(&title),
                "{name}:\n{text}"
            );
        }
    }

    #[test]
    fn the_page_of_the_program_shows_examples() {
        let page = String::from_utf8(page().expect("a page")).expect("text");
        assert!(page.contains("reset\\-password"), "{page}");
    }

    #[test]
    fn each_shell_gets_completions_that_know_the_commands() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let script = String::from_utf8(completions(shell)).expect("text");
            assert!(script.contains("check-config"), "{shell}");
            assert!(script.contains("namespace"), "{shell}");
        }
    }
}
