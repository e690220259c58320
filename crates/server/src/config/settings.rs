//! The settings as text: the defaults, and over them file, environment and flags, each value with its origin.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use toml::Value;

use super::origin::{Origin, Problem};
use super::schema::{self, Key, LISTENERS};

/// One value in effect.
#[derive(Clone, Debug)]
pub(super) struct Setting {
    pub(super) value: Value,
    pub(super) origin: Origin,
}

/// Every setting that is in effect.
#[derive(Debug)]
pub(crate) struct Settings {
    entries: BTreeMap<Key, Setting>,
    listener_count: usize,
}

impl Settings {
    /// The built-in defaults.
    pub(super) fn defaults() -> Self {
        let entries = schema::schema()
            .iter()
            .map(|default| {
                let setting = Setting {
                    value: default.value.clone(),
                    origin: Origin::Default,
                };
                (default.key, setting)
            })
            .collect();
        Self {
            entries,
            listener_count: 1,
        }
    }

    /// The value of `key`, which must exist.
    pub(super) fn get(&self, key: Key) -> &Setting {
        &self.entries[&key]
    }

    /// How many listeners there are.
    pub(super) fn listener_count(&self) -> usize {
        self.listener_count
    }

    /// Sets `key` if `value` is of the default's kind; otherwise says what kind was expected.
    pub(super) fn set(&mut self, key: Key, value: Value, origin: Origin) -> Result<(), Problem> {
        let Some(setting) = self.entries.get_mut(&key) else {
            return Err(Problem::with_value(&origin, key, "unknown setting"));
        };
        let value = match (&setting.value, value) {
            // `1` is as good as `1.0`.
            (Value::Float(_), Value::Integer(whole)) => {
                Value::Float(i32::try_from(whole).map_or(f64::NAN, f64::from))
            }
            (_, value) => value,
        };
        if !setting.value.same_type(&value) {
            let expected = kind_expected(&setting.value);
            let message = format!("expected {expected}, found {}", kind_found(&value));
            return Err(Problem::with_value(&origin, key, message));
        }
        *setting = Setting { value, origin };
        Ok(())
    }

    /// Replaces all listeners by new ones, one per place that declares one; their addresses are still to be set.
    pub(super) fn declare_listeners(&mut self, origins: &[Origin]) {
        self.truncate_listeners(0);
        for origin in origins {
            self.add_listener(origin);
        }
    }

    /// Adds a listener with the default settings, but without an address: there can be only one at the default one.
    pub(super) fn add_listener(&mut self, origin: &Origin) {
        let index = self.listener_count;
        for default in schema::schema()
            .iter()
            .filter(|default| default.key.section == LISTENERS)
        {
            let setting = match default.key.name {
                "address" => Setting {
                    value: "".into(),
                    origin: origin.clone(),
                },
                _ => Setting {
                    value: default.value.clone(),
                    origin: Origin::Default,
                },
            };
            self.entries.insert(
                Key {
                    index,
                    ..default.key
                },
                setting,
            );
        }
        self.listener_count += 1;
    }

    /// Keeps the first `count` listeners.
    pub(super) fn truncate_listeners(&mut self, count: usize) {
        self.listener_count = self.listener_count.min(count);
        self.entries
            .retain(|key, _| key.section != LISTENERS || key.index < count);
    }

    /// The settings in effect as TOML; a comment names the origin of everything that is not a default.
    pub(crate) fn to_toml(&self) -> String {
        let mut text = String::new();
        for section in std::iter::once("").chain(schema::sections()) {
            let count = if section == LISTENERS {
                self.listener_count
            } else {
                1
            };
            for index in 0..count {
                match section {
                    "" => {}
                    LISTENERS => text.push_str("\n[[listeners]]\n"),
                    section => _ = writeln!(text, "\n[{section}]"),
                }
                for default in schema::schema().iter().filter(|d| d.key.section == section) {
                    let key = Key {
                        index,
                        ..default.key
                    };
                    let Setting { value, origin } = self.get(key);
                    let value = without_secret(key, value);
                    _ = match origin {
                        Origin::Default => writeln!(text, "{} = {value}", key.name),
                        origin => writeln!(text, "{} = {value}  # {origin}", key.name),
                    };
                }
            }
        }
        text
    }
}

/// A value as it may be shown to anyone.
fn without_secret(key: Key, value: &Value) -> Value {
    match value {
        Value::String(url)
            if key.section == "database" && matches!(key.name, "url" | "read_url") =>
        {
            Value::String(metadata::PostgresAddress::hide_password(url))
        }
        Value::String(secret) if key.name == "secret_key" && !secret.is_empty() => {
            Value::String("(hidden)".to_owned())
        }
        value => value.clone(),
    }
}

fn kind_expected(example: &Value) -> String {
    match example {
        Value::String(_) => "a text in quotes".to_owned(),
        Value::Integer(number) => format!("a whole number, as in {number}"),
        Value::Float(number) => format!("a number, as in {number:?}"),
        Value::Boolean(_) => "true or false".to_owned(),
        Value::Array(_) => "a list, as in [\"a\", \"b\"]".to_owned(),
        Value::Datetime(_) | Value::Table(_) => "another kind of value".to_owned(),
    }
}

fn kind_found(value: &Value) -> String {
    match value {
        Value::String(text) if text.chars().count() <= 60 => format!("the text {text:?}"),
        Value::String(_) => "a long text".to_owned(),
        Value::Integer(number) => format!("the number {number}"),
        Value::Float(number) if number.is_infinite() => "a number that is too large".to_owned(),
        Value::Float(number) => format!("the number {number:?}"),
        Value::Boolean(flag) => flag.to_string(),
        Value::Array(_) => "a list".to_owned(),
        Value::Datetime(_) => "a date".to_owned(),
        Value::Table(_) => "a table".to_owned(),
    }
}
