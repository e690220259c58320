//! Values as people read them.

use crate::texts::Language;
use jiff::Timestamp;

/// A number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bytes(pub u64);

impl Bytes {
    /// As people read it, with at most one digit after the point: `1.5 GiB`.
    pub fn text(self, language: Language) -> String {
        let units = match language {
            Language::English => ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB"],
            Language::French => ["octets", "Kio", "Mio", "Gio", "Tio", "Pio"],
        };
        let mut unit = 0;
        let mut scale: u64 = 1;
        while unit + 1 < units.len() && self.0 / scale >= 1024 {
            scale *= 1024;
            unit += 1;
        }
        let number = if unit == 0 {
            language.number(self.0)
        } else {
            let tenths = u128::from(self.0) * 10 / u128::from(scale);
            language.tenths(u64::try_from(tenths).unwrap_or(u64::MAX))
        };
        format!("{number} {}", units[unit])
    }

    /// How many hundredths of `all` this is.
    pub fn percent_of(self, all: Self) -> u64 {
        match all.0 {
            0 => 0,
            all => u64::try_from(u128::from(self.0) * 100 / u128::from(all)).unwrap_or(u64::MAX),
        }
    }
}

/// A moment. The page's script writes it in the zone of whoever reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment(pub i64);

impl Moment {
    fn at(self) -> Timestamp {
        Timestamp::from_millisecond(self.0).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// For machines: RFC 3339, to the second.
    pub fn machine(self) -> String {
        self.at().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }

    /// For people, in UTC.
    pub fn text(self) -> String {
        self.at().strftime("%Y-%m-%d %H:%M UTC").to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_the_unit_that_suits_them() {
        let (en, fr) = (Language::English, Language::French);
        for (bytes, english, french) in [
            (0, "0 bytes", "0 octets"),
            (1023, "1,023 bytes", "1\u{202f}023 octets"),
            (1024, "1.0 KiB", "1,0 Kio"),
            (1536 << 20, "1.5 GiB", "1,5 Gio"),
            (u64::MAX, "16,383.9 PiB", "16\u{202f}383,9 Pio"),
        ] {
            assert_eq!(Bytes(bytes).text(en), english);
            assert_eq!(Bytes(bytes).text(fr), french);
        }
        assert_eq!(Bytes(u64::MAX).percent_of(Bytes(u64::MAX)), 100);
        assert_eq!(Bytes(5).percent_of(Bytes(0)), 0);
    }

    #[test]
    fn moments_are_told_in_utc() {
        let moment = Moment(1_795_426_496_789);
        assert_eq!(moment.machine(), "2026-11-23T09:34:56Z");
        assert_eq!(moment.text(), "2026-11-23 09:34 UTC");
        assert_eq!(Moment(i64::MAX).text(), "1970-01-01 00:00 UTC");
    }
}
