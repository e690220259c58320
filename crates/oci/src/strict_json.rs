//! Reading JSON objects that other parsers must not be able to read differently.
//!
//! The same bytes are parsed by this registry and by clients in other languages. Where parsers
//! disagree (which of two equal keys wins; whether `Layers` is `layers`), an attacker can show one
//! document to us and another to them. Such documents are refused.

use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// How many fields beyond the known ones an object may have.
const MAX_OTHER_FIELDS: usize = 1_000;

/// Sorts the keys of one object into known fields and others, and refuses ambiguous ones.
pub(crate) struct Keys {
    known: &'static [&'static str],
    seen: u32,
    others: HashSet<String>,
}

impl Keys {
    /// `known` has at most 32 fields, in lower or mixed case ASCII.
    pub(crate) fn new(known: &'static [&'static str]) -> Self {
        debug_assert!(known.len() <= 32);
        Self {
            known,
            seen: 0,
            others: HashSet::new(),
        }
    }

    /// The known field a key stands for, or `None` for a field to ignore.
    pub(crate) fn take<E: serde::de::Error>(
        &mut self,
        key: String,
    ) -> Result<Option<&'static str>, E> {
        if let Some(at) = self.known.iter().position(|known| *known == key) {
            let bit = 1 << at;
            if self.seen & bit != 0 {
                return Err(E::custom(format_args!(
                    "the field {} appears twice",
                    self.known[at]
                )));
            }
            self.seen |= bit;
            return Ok(Some(self.known[at]));
        }
        if let Some(known) = self
            .known
            .iter()
            .find(|known| same_but_for_case(known, &key))
        {
            return Err(E::custom(format_args!(
                "a field must be written {known}, in this case"
            )));
        }
        if self.others.len() == MAX_OTHER_FIELDS {
            return Err(E::custom(format_args!(
                "more than {MAX_OTHER_FIELDS} unknown fields"
            )));
        }
        if self.others.contains(&key) {
            return Err(E::custom(format_args!("the field {key:.64} appears twice")));
        }
        self.others.insert(key);
        Ok(None)
    }
}

/// Compares as lenient parsers do: Unicode's simple folding has two letters that fold to ASCII.
fn same_but_for_case(known: &str, key: &str) -> bool {
    let fold = |char| match char {
        '\u{017f}' => 's',
        '\u{212a}' => 'k',
        _ => char.to_ascii_lowercase(),
    };
    known.chars().map(fold).eq(key.chars().map(fold))
}

/// Any value, checked as thoroughly as one we keep (number ranges, nesting depth), then dropped.
/// serde's own `IgnoredAny` checks neither.
pub(crate) struct Skipped;

impl<'de> Deserialize<'de> for Skipped {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(SkippedVisitor)
    }
}

struct SkippedVisitor;

impl<'de> Visitor<'de> for SkippedVisitor {
    type Value = Skipped;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Skipped, E> {
        Ok(Skipped)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Skipped, E> {
        Ok(Skipped)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Skipped, E> {
        Ok(Skipped)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Skipped, E> {
        Ok(Skipped)
    }

    fn visit_str<E>(self, _: &str) -> Result<Skipped, E> {
        Ok(Skipped)
    }

    fn visit_unit<E>(self) -> Result<Skipped, E> {
        Ok(Skipped)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Skipped, A::Error> {
        while seq.next_element::<Skipped>()?.is_some() {}
        Ok(Skipped)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Skipped, A::Error> {
        while map.next_entry::<Skipped, Skipped>()?.is_some() {}
        Ok(Skipped)
    }
}
