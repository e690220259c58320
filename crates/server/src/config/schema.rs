//! Which settings exist: exactly those of `config.default.toml`, which is the schema.

use std::fmt;
use std::sync::LazyLock;

use toml::Value;
use toml::de::{DeTable, DeValue};

/// The text of `config.default.toml`.
pub(crate) const DEFAULTS: &str = include_str!("../../../../config.default.toml");

/// The section whose settings exist once per listener.
pub(super) const LISTENERS: &str = "listeners";

/// More listeners than this are a mistake.
pub(super) const MAX_LISTENERS: usize = 64;

/// Names one setting.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Key {
    /// Empty for the settings that stand before the first section.
    pub(super) section: &'static str,
    /// Which listener, from 0; 0 in every other section.
    pub(super) index: usize,
    pub(super) name: &'static str,
}

impl Key {
    /// The environment variable that sets it.
    pub(super) fn variable(self) -> String {
        let name = self.name.to_uppercase();
        match self.section {
            "" => format!("ROADSTEAD_{name}"),
            LISTENERS => format!("ROADSTEAD_LISTENERS__{}__{name}", self.index),
            section => format!("ROADSTEAD_{}__{name}", section.to_uppercase()),
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.section {
            "" => f.write_str(self.name),
            LISTENERS => write!(f, "[[listeners]] {}", self.name),
            section => write!(f, "[{section}] {}", self.name),
        }
    }
}

/// A setting of `config.default.toml`; for listeners, of the one listener there, which is the model for all.
#[derive(Debug)]
pub(super) struct DefaultSetting {
    pub(super) key: Key,
    pub(super) value: Value,
    /// Where its name starts in [`DEFAULTS`].
    pub(super) offset: usize,
}

/// All settings, as they stand in the document.
pub(super) fn schema() -> &'static [DefaultSetting] {
    static SCHEMA: LazyLock<Vec<DefaultSetting>> = LazyLock::new(parse_defaults);
    &SCHEMA
}

/// The setting of that name in that section.
pub(super) fn find(section: &str, name: &str) -> Option<&'static DefaultSetting> {
    schema()
        .iter()
        .find(|setting| setting.key.section == section && setting.key.name == name)
}

/// The names of the sections, each once.
pub(super) fn sections() -> impl Iterator<Item = &'static str> {
    let mut last = "";
    schema().iter().filter_map(move |setting| {
        let is_new = setting.key.section != last;
        last = setting.key.section;
        is_new.then_some(last)
    })
}

fn parse_defaults() -> Vec<DefaultSetting> {
    let document = DeTable::parse(DEFAULTS).expect("config.default.toml is TOML");
    let mut settings = Vec::new();
    for (key, value) in document.get_ref() {
        let name = &DEFAULTS[key.span()];
        match value.get_ref() {
            DeValue::Table(section) => collect(name, section, &mut settings),
            DeValue::Array(items) if name == LISTENERS => {
                let model = items.first().and_then(|item| item.get_ref().as_table());
                collect(name, model.expect("a listener is a table"), &mut settings);
            }
            plain => settings.push(DefaultSetting {
                key: Key {
                    section: "",
                    index: 0,
                    name,
                },
                value: to_value(plain),
                offset: key.span().start,
            }),
        }
    }
    settings.sort_by_key(|setting| setting.offset);
    settings
}

fn collect(section: &'static str, table: &DeTable<'_>, settings: &mut Vec<DefaultSetting>) {
    settings.extend(table.iter().map(|(key, value)| DefaultSetting {
        key: Key {
            section,
            index: 0,
            name: &DEFAULTS[key.span()],
        },
        value: to_value(value.get_ref()),
        offset: key.span().start,
    }));
}

/// The value without its place. An integer beyond 64 bits is infinite, and so is of the wrong kind.
pub(super) fn to_value(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Integer(digits) => i64::from_str_radix(digits.as_str(), digits.radix())
            .map_or_else(|_| Value::Float(f64::INFINITY), Value::Integer),
        DeValue::Float(digits) => digits
            .as_str()
            .parse()
            .map_or_else(|_| Value::String(digits.to_string()), Value::Float),
        DeValue::Boolean(flag) => Value::Boolean(*flag),
        DeValue::Datetime(time) => Value::Datetime(*time),
        DeValue::Array(items) => {
            Value::Array(items.iter().map(|item| to_value(item.get_ref())).collect())
        }
        DeValue::Table(table) => Value::Table(
            table
                .iter()
                .map(|(k, v)| (k.get_ref().to_string(), to_value(v.get_ref())))
                .collect(),
        ),
    }
}
