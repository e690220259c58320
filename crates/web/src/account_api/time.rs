//! Times as this API writes and reads them: RFC 3339, in UTC, with milliseconds.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type};
use utoipa::{PartialSchema, ToSchema};

/// A time: `2026-11-22T09:00:00.000Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Time(Timestamp);

impl Time {
    /// From milliseconds since 1970.
    pub(super) fn from_ms(ms: i64) -> Self {
        Self(Timestamp::from_millisecond(ms).unwrap_or(Timestamp::UNIX_EPOCH))
    }

    /// Milliseconds since 1970.
    pub(super) fn ms(self) -> i64 {
        self.0.as_millisecond()
    }

    /// Reads one with a zone; `None` for everything else.
    pub(super) fn parse(text: &str) -> Option<Self> {
        text.parse().ok().map(Self)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = self.0.strftime("%Y-%m-%dT%H:%M:%S.%3fZ");
        serializer.collect_str(&text)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text)
            .ok_or_else(|| serde::de::Error::custom("a time is written like 2026-11-22T09:00:00Z"))
    }
}

impl PartialSchema for Time {
    fn schema() -> RefOr<Schema> {
        let format = SchemaFormat::KnownFormat(KnownFormat::DateTime);
        let time = ObjectBuilder::new().schema_type(Type::String);
        time.format(Some(format)).into()
    }
}

impl ToSchema for Time {}

#[cfg(test)]
mod tests {
    use super::Time;

    #[test]
    fn a_time_is_read_as_it_is_written() {
        let time = Time::from_ms(1_700_000_000_005);
        let text = serde_json::to_string(&time).expect("JSON");
        assert_eq!(text, "\"2023-11-14T22:13:20.005Z\"");
        let read: Time = serde_json::from_str(&text).expect("a time");
        assert_eq!(read.ms(), 1_700_000_000_005);
        for text in ["yesterday", "2026-11-22", "2026-11-22T09:00:00", ""] {
            assert_eq!(Time::parse(text), None, "{text}");
        }
    }
}
