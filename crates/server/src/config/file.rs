//! The user's file over the defaults.

use std::path::Path;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::origin::{Origin, Problem};
use super::schema::{self, Key, LISTENERS, MAX_LISTENERS, to_value};
use super::settings::Settings;
use super::spelling::nearest;

/// A settings file is a few kilobytes; this much is surely the wrong file.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// Reads the file at `path` and lays it over `settings`. `named_by` is the flag or variable that names it.
pub(super) fn overlay(settings: &mut Settings, path: &Path, named_by: &Origin) -> Vec<Problem> {
    match read(path) {
        Ok(text) => {
            let file = path.display().to_string().into();
            FileOverlay {
                file,
                text: &text,
                settings,
                problems: Vec::new(),
            }
            .apply()
        }
        Err(message) => vec![Problem::with_key(named_by, "", message)],
    }
}

fn read(path: &Path) -> Result<String, String> {
    let shown = path.display();
    let failed = |error: std::io::Error| format!("cannot read {shown}: {error}");
    let size = std::fs::metadata(path).map_err(failed)?.len();
    if size > MAX_FILE_BYTES {
        return Err(format!(
            "{shown} has {size} bytes; a settings file has at most {MAX_FILE_BYTES}"
        ));
    }
    std::fs::read_to_string(path).map_err(failed)
}

struct FileOverlay<'a> {
    file: Arc<str>,
    text: &'a str,
    settings: &'a mut Settings,
    problems: Vec<Problem>,
}

impl FileOverlay<'_> {
    fn apply(mut self) -> Vec<Problem> {
        let (document, errors) = DeTable::parse_recoverable(self.text);
        if !errors.is_empty() {
            // What was recovered from a broken file is a guess, not what its author meant.
            return errors
                .iter()
                .map(|error| self.syntax_problem(error))
                .collect();
        }
        for (key, value) in document.get_ref() {
            let name = key.get_ref().as_ref();
            match value.get_ref() {
                _ if name == LISTENERS => self.listeners(value),
                DeValue::Table(section) if schema::sections().any(|known| known == name) => {
                    self.section(name, 0, section);
                }
                _ if schema::sections().any(|known| known == name) => {
                    let message = format!("this is a section; write [{name}], then its settings");
                    self.refuse(key.span(), name, message);
                }
                _ => self.setting("", 0, key, value),
            }
        }
        self.problems
    }

    fn section(&mut self, section: &str, index: usize, table: &DeTable<'_>) {
        for (key, value) in table {
            self.setting(section, index, key, value);
        }
    }

    fn setting(
        &mut self,
        section: &str,
        index: usize,
        key: &Spanned<std::borrow::Cow<'_, str>>,
        value: &Spanned<DeValue<'_>>,
    ) {
        let name = key.get_ref().as_ref();
        let Some(known) = schema::find(section, name) else {
            let is_table = matches!(value.get_ref(), DeValue::Table(_) | DeValue::Array(_));
            let written = match section {
                "" if is_table => format!("[{name}]"),
                "" => name.to_owned(),
                LISTENERS => format!("[[listeners]] {name}"),
                section => format!("[{section}] {name}"),
            };
            return self.refuse(key.span(), &written, unknown(section, name));
        };
        let origin = Origin::in_file(&self.file, self.text, &value.span());
        let key = Key { index, ..known.key };
        self.problems.extend(
            self.settings
                .set(key, to_value(value.get_ref()), origin)
                .err(),
        );
    }

    /// `[[listeners]]` in a file replace the default one.
    fn listeners(&mut self, value: &Spanned<DeValue<'_>>) {
        let items = value
            .get_ref()
            .as_array()
            .into_iter()
            .flat_map(|items| items.iter());
        let tables: Option<Vec<&DeTable<'_>>> = items
            .clone()
            .map(|item| item.get_ref().as_table())
            .collect();
        let Some(tables) = tables.filter(|tables| (1..=MAX_LISTENERS).contains(&tables.len()))
        else {
            let message = format!(
                "write one [[listeners]] per address, each with its settings below; 1 to \
                 {MAX_LISTENERS} of them"
            );
            return self.refuse(value.span(), LISTENERS, message);
        };
        let origins: Vec<Origin> = items
            .map(|item| Origin::in_file(&self.file, self.text, &item.span()))
            .collect();
        self.settings.declare_listeners(&origins);
        for (index, table) in tables.into_iter().enumerate() {
            self.section(LISTENERS, index, table);
        }
    }

    fn refuse(&mut self, span: std::ops::Range<usize>, subject: &str, message: String) {
        let origin = Origin::in_file(&self.file, self.text, &span);
        self.problems
            .push(Problem::with_key(&origin, subject, message));
    }

    fn syntax_problem(&self, error: &toml::de::Error) -> Problem {
        let span = error.span().unwrap_or(0..0);
        let origin = Origin::in_file(&self.file, self.text, &span);
        Problem::with_key(
            &origin,
            "",
            format!("not valid TOML: {}", error.message().trim()),
        )
    }
}

/// What to say of a name that is no setting of `section` ("" outside any section).
fn unknown(section: &str, name: &str) -> String {
    let elsewhere = schema::schema()
        .iter()
        .find(|setting| setting.key.name == name);
    let siblings = schema::schema()
        .iter()
        .filter(|setting| setting.key.section == section);
    let sections = schema::sections().filter(|_| section.is_empty());
    if let Some(setting) = elsewhere {
        return format!("unknown setting here; did you mean {}?", setting.key);
    }
    match nearest(
        name,
        siblings.map(|setting| setting.key.name).chain(sections),
    ) {
        Some(likely) => format!("unknown setting; did you mean {likely}?"),
        None => "unknown setting; `roadstead check-config --defaults` lists all".to_owned(),
    }
}
