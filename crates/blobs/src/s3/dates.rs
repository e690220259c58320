//! The two ways in which a store writes times, both of them in UTC, in milliseconds since 1970.

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

use http::HeaderValue;

/// The time in a `Date` header.
pub(crate) fn of_header(value: &HeaderValue) -> Option<i64> {
    http_ms(value.to_str().ok()?)
}

/// `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, 5.6.7).
pub(crate) fn http_ms(text: &str) -> Option<i64> {
    let (_, date) = text.split_once(", ")?;
    let mut words = date.strip_suffix(" GMT")?.split(' ');
    let day = words.next()?.parse().ok()?;
    let name = words.next()?;
    let month = MONTHS.iter().position(|month| *month == name)? + 1;
    let year = words.next()?.parse().ok()?;
    let days = days_since_1970(year, i64::try_from(month).ok()?, day);
    Some(days * 86_400_000 + time_ms(words.next()?)?)
}

/// `1994-11-06T08:49:37.123Z` (RFC 3339).
pub(crate) fn iso_ms(text: &str) -> Option<i64> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let mut numbers = date.split('-').map(str::parse);
    let mut next = || numbers.next()?.ok();
    let days = days_since_1970(next()?, next()?, next()?);
    Some(days * 86_400_000 + time_ms(time)?)
}

/// `08:49:37`, with or without a fraction.
fn time_ms(text: &str) -> Option<i64> {
    let mut numbers = text.split(':');
    let hours: i64 = numbers.next()?.parse().ok()?;
    let minutes: i64 = numbers.next()?.parse().ok()?;
    let (seconds, fraction) = numbers.next()?.split_once('.').unwrap_or_else(|| {
        let whole = text.rsplit(':').next().unwrap_or_default();
        (whole, "0")
    });
    let seconds: i64 = seconds.parse().ok()?;
    let millis: i64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    Some(((hours * 60 + minutes) * 60 + seconds) * 1000 + millis)
}

/// Days of the Gregorian calendar.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    // Years that begin in March have the leap day at their end.
    let (year, month) = if month < 3 {
        (year - 1, month + 9)
    } else {
        (year, month - 3)
    };
    year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_of_writing_a_time_mean_the_same() {
        assert_eq!(http_ms("Thu, 01 Jan 1970 00:00:00 GMT"), Some(0));
        assert_eq!(
            http_ms("Sun, 06 Nov 1994 08:49:37 GMT"),
            Some(784_111_777_000)
        );
        assert_eq!(iso_ms("1994-11-06T08:49:37Z"), Some(784_111_777_000));
        assert_eq!(iso_ms("1994-11-06T08:49:37.12Z"), Some(784_111_777_120));
        assert_eq!(
            iso_ms("2024-02-29T23:59:59.999999Z"),
            Some(1_709_251_199_999)
        );
        assert_eq!(
            http_ms("Fri, 01 Mar 2024 00:00:00 GMT"),
            Some(1_709_251_200_000)
        );
        for text in [
            "",
            "yesterday",
            "2024-02-29",
            "2024-02-29T23:59Z",
            "2024-02-29T23:59:59",
        ] {
            assert_eq!((http_ms(text), iso_ms(text)), (None, None), "{text}");
        }
    }
}
