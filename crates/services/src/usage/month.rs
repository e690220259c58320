//! Calendar months, in UTC.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use std::fmt;

/// A month of the years 1970 to 9998. Written as `2026-11`, which sorts as time goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month {
    year: i16,
    month: i8,
}

const FIRST_YEAR: i16 = 1970;
const LAST_YEAR: i16 = 9998;

impl Month {
    /// The month of a time.
    pub fn at(at_ms: i64) -> Self {
        let time = Timestamp::from_millisecond(at_ms).unwrap_or(Timestamp::UNIX_EPOCH);
        let date = time.to_zoned(TimeZone::UTC).date();
        Self {
            year: date.year().clamp(FIRST_YEAR, LAST_YEAR),
            month: date.month(),
        }
    }

    /// Reads a month; `None` for whatever is not written like one.
    pub fn parse(text: &str) -> Option<Self> {
        let (year, month) = text.split_once('-')?;
        let is_number =
            |text: &str, digits| text.len() == digits && text.bytes().all(|b| b.is_ascii_digit());
        if !is_number(year, 4) || !is_number(month, 2) {
            return None;
        }
        let (year, month) = (year.parse().ok()?, month.parse().ok()?);
        let is_known = (FIRST_YEAR..=LAST_YEAR).contains(&year) && (1..=12).contains(&month);
        is_known.then_some(Self { year, month })
    }

    /// The one after it.
    #[must_use]
    pub fn next(self) -> Self {
        match self.month {
            12 => Self {
                year: self.year + 1,
                month: 1,
            },
            month => Self {
                year: self.year,
                month: month + 1,
            },
        }
    }

    /// When it begins.
    pub fn starts_at_ms(self) -> i64 {
        let first = Date::new(self.year, self.month, 1).and_then(|date| {
            let start = date.to_zoned(TimeZone::UTC)?;
            Ok(start.timestamp().as_millisecond())
        });
        first.unwrap_or(i64::MAX)
    }

    /// When the next one begins.
    pub fn ends_at_ms(self) -> i64 {
        self.next().starts_at_ms()
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

#[cfg(test)]
mod tests {
    use super::Month;

    #[test]
    fn a_month_begins_where_the_one_before_ends() {
        // 2026-11-22 12:00 UTC.
        let november = Month::at(1_795_348_800_000);
        assert_eq!(november.to_string(), "2026-11");
        assert_eq!(Month::parse("2026-11"), Some(november));
        let december = november.next();
        assert_eq!(december.to_string(), "2026-12");
        assert_eq!(december.next().to_string(), "2027-01");
        assert_eq!(november.ends_at_ms(), december.starts_at_ms());
        assert_eq!(Month::at(november.ends_at_ms()), december);
        assert_eq!(Month::at(november.ends_at_ms() - 1), november);
        assert_eq!(Month::at(0).starts_at_ms(), 0);
        assert!(november < december);
    }

    #[test]
    fn what_is_not_written_like_a_month_is_none() {
        for text in [
            "",
            "2026",
            "2026-1",
            "2026-00",
            "2026-13",
            "26-11",
            "2026-11-01",
            "+026-11",
            "1969-12",
            "9999-01",
            "2026‐11",
        ] {
            assert_eq!(Month::parse(text), None, "{text}");
        }
    }
}
