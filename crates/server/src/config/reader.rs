//! From text to types: every value is read once, checked, and every problem is kept.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use super::origin::Problem;
use super::schema::{self, Key};
use super::settings::{Setting, Settings};

/// Reads settings. After a refused value it goes on with a permitted one, so that all problems are found at once; the
/// result may be used only if there are none.
pub(super) struct Reader<'s> {
    settings: &'s Settings,
    pub(super) problems: Vec<Problem>,
    /// What was read, with the permitted numbers; the tests compare it with `config.default.toml`.
    pub(super) seen: BTreeMap<Key, Option<RangeInclusive<i64>>>,
}

impl<'s> Reader<'s> {
    pub(super) fn new(settings: &'s Settings) -> Self {
        Self {
            settings,
            problems: Vec::new(),
            seen: BTreeMap::new(),
        }
    }

    /// Reads the settings of one section.
    pub(super) fn section<'r>(&'r mut self, section: &'static str) -> Section<'r, 's> {
        Section {
            reader: self,
            name: section,
            index: 0,
        }
    }

    /// Reads the settings of listener `index`.
    pub(super) fn listener<'r>(&'r mut self, index: usize) -> Section<'r, 's> {
        Section {
            reader: self,
            name: schema::LISTENERS,
            index,
        }
    }
}

/// One section of the settings.
pub(super) struct Section<'r, 's> {
    reader: &'r mut Reader<'s>,
    name: &'static str,
    index: usize,
}

impl<'s> Section<'_, 's> {
    fn get(&mut self, name: &str, range: Option<RangeInclusive<i64>>) -> (Key, &'s Setting) {
        let known = schema::find(self.name, name).expect("config.default.toml has the setting");
        let key = Key {
            index: self.index,
            ..known.key
        };
        self.reader.seen.insert(key, range);
        (key, self.reader.settings.get(key))
    }

    /// Adds a problem with the value of `name`.
    pub(super) fn refuse(&mut self, name: &str, message: impl Into<String>) {
        let known = schema::find(self.name, name).expect("config.default.toml has the setting");
        let key = Key {
            index: self.index,
            ..known.key
        };
        let origin = &self.reader.settings.get(key).origin;
        self.reader
            .problems
            .push(Problem::with_value(origin, key, message));
    }

    /// A text, as it is.
    pub(super) fn text(&mut self, name: &str) -> &'s str {
        self.get(name, None).1.value.as_str().unwrap_or_default()
    }

    /// True or false.
    pub(super) fn flag(&mut self, name: &str) -> bool {
        self.get(name, None).1.value.as_bool().unwrap_or_default()
    }

    /// A number between 0.0 and 1.0.
    pub(super) fn ratio(&mut self, name: &str) -> f64 {
        let ratio = self.get(name, None).1.value.as_float().unwrap_or_default();
        if !(0.0..=1.0).contains(&ratio) {
            self.refuse(
                name,
                format!("{ratio:?} is out of range: write a number from 0.0 to 1.0"),
            );
        }
        ratio
    }

    /// A whole number within `range`, none of it negative.
    pub(super) fn number(&mut self, name: &str, range: RangeInclusive<u64>) -> u64 {
        let signed = |bound: u64| i64::try_from(bound).unwrap_or(i64::MAX);
        let written = signed(*range.start())..=signed(*range.end());
        let value = self
            .get(name, Some(written))
            .1
            .value
            .as_integer()
            .unwrap_or_default();
        let permitted = u64::try_from(value)
            .ok()
            .filter(|number| range.contains(number));
        permitted.unwrap_or_else(|| {
            let (least, most) = (range.start(), range.end());
            let message = format!("{value} is out of range: write a number from {least} to {most}");
            self.refuse(name, message);
            *least
        })
    }

    /// A number of things, in the type of whoever counts them; all of `range` must fit.
    pub(super) fn count<T: TryFrom<u64>>(&mut self, name: &str, range: RangeInclusive<u64>) -> T {
        let number = self.number(name, range);
        T::try_from(number)
            .ok()
            .expect("the permitted numbers fit the type")
    }

    /// A time in seconds.
    pub(super) fn seconds(&mut self, name: &str, range: RangeInclusive<u64>) -> Duration {
        Duration::from_secs(self.number(name, range))
    }

    /// One of a few words.
    pub(super) fn choice<T: Copy>(&mut self, name: &str, choices: &[(&str, T)]) -> T {
        let text = self.text(name);
        if let Some((_, choice)) = choices.iter().find(|(word, _)| *word == text) {
            return *choice;
        }
        let words: Vec<String> = choices
            .iter()
            .map(|(word, _)| format!("\"{word}\""))
            .collect();
        self.refuse(
            name,
            format!("{text:?} is unknown; write one of {}", words.join(", ")),
        );
        choices[0].1
    }

    /// A text that `parse` understands; `None` for an empty one and for one that was refused.
    pub(super) fn optional<T>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let text = self.text(name);
        if text.is_empty() {
            return None;
        }
        parse(text)
            .map_err(|message| self.refuse(name, message))
            .ok()
    }

    /// A list of at most `most` texts, each understood by `T`.
    pub(super) fn list<T>(&mut self, name: &str, most: usize) -> Vec<T>
    where
        T: FromStr<Err: Display>,
    {
        let items = self
            .get(name, None)
            .1
            .value
            .as_array()
            .map_or(&[][..], Vec::as_slice);
        if items.len() > most {
            self.refuse(
                name,
                format!("the list has {} entries; at most {most}", items.len()),
            );
            return Vec::new();
        }
        let mut list = Vec::with_capacity(items.len());
        for item in items {
            match item.as_str().map(str::parse::<T>) {
                Some(Ok(parsed)) => list.push(parsed),
                Some(Err(error)) => self.refuse(name, error.to_string()),
                None => self.refuse(name, format!("{item} is not a text; put it in quotes")),
            }
        }
        list
    }
}
