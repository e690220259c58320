//! What a query string asks of a list: `page`, `page_size`, `q` and `sort`, in Harbor's language.

use super::error::HarborError;
use crate::token::decode;
use jiff::{Timestamp, civil, tz::TimeZone};
use percent_encoding::percent_decode_str;
use services::{Comparison, Condition, ListQuery, Order, Value};

/// Entries of a page when the request says nothing.
const PAGE_SIZE: i64 = 10;
/// Most entries of a page.
const MAX_PAGE_SIZE: i64 = 100;
/// Most parameters of a query, conditions of a `q`, and values of one of those.
const MAX_PARTS: usize = 100;

/// A query string, decoded.
#[derive(Debug, Default)]
pub(super) struct Query {
    text: String,
    params: Vec<(String, String)>,
}

/// Which page of a list is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PageAsked {
    pub(super) page: i64,
    pub(super) size: i64,
}

impl Query {
    pub(super) fn parse(text: &str) -> Self {
        let params = decode(text).into_iter().take(MAX_PARTS);
        Self {
            text: text.to_owned(),
            params: params
                .map(|(name, value)| (name.into_owned(), value.into_owned()))
                .collect(),
        }
    }

    /// The query as it came, for links to other pages.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let found = self.params.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// A parameter that is `true` or `false`.
    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, HarborError> {
        match self.get(name) {
            None | Some("") => Ok(None),
            Some("true" | "1") => Ok(Some(true)),
            Some("false" | "0") => Ok(Some(false)),
            Some(_) => Err(HarborError::unprocessable(format!(
                "{name} in query must be of type boolean"
            ))),
        }
    }

    /// A parameter that is a number.
    pub(super) fn number(&self, name: &str) -> Result<Option<i64>, HarborError> {
        match self.get(name) {
            None | Some("") => Ok(None),
            Some(text) => text.parse().map(Some).map_err(|_| {
                HarborError::unprocessable(format!("{name} in query must be of type int64"))
            }),
        }
    }

    /// The page that is wanted.
    pub(super) fn page(&self) -> Result<PageAsked, HarborError> {
        let page = self.number("page")?.unwrap_or(1);
        let size = self.number("page_size")?.unwrap_or(PAGE_SIZE);
        if page < 1 {
            return Err(HarborError::unprocessable(
                "page in query should be greater than or equal to 1",
            ));
        }
        if size > MAX_PAGE_SIZE {
            return Err(HarborError::unprocessable(format!(
                "page_size in query should be less than or equal to {MAX_PAGE_SIZE}"
            )));
        }
        // Harbor reads 0 as everything; here that is a page as large as any.
        let size = if size < 1 { MAX_PAGE_SIZE } else { size };
        Ok(PageAsked { page, size })
    }

    /// Everything that is wanted of a list.
    pub(super) fn list(&self) -> Result<ListQuery, HarborError> {
        let page = self.page()?;
        Ok(ListQuery {
            conditions: conditions(self.get("q").unwrap_or_default())?,
            order: order(self.get("sort").unwrap_or_default()),
            offset: (page.page - 1).saturating_mul(page.size),
            limit: page.size,
            is_uncounted: false,
        })
    }
}

/// A condition that a field is exactly this.
pub(super) fn is(field: &str, text: &str) -> Condition {
    Condition {
        field: field.to_owned(),
        comparison: Comparison::AnyOf(vec![value(text)]),
    }
}

/// A condition that a field holds this text.
pub(super) fn holds(field: &str, text: &str) -> Condition {
    Condition {
        field: field.to_owned(),
        comparison: Comparison::Contains(text.to_owned()),
    }
}

/// `-creation_time,name`: the latest first, then by name.
fn order(text: &str) -> Vec<Order> {
    let fields = text
        .split(',')
        .map(str::trim)
        .filter(|field| !field.is_empty());
    fields
        .take(MAX_PARTS)
        .map(|field| match field.strip_prefix('-') {
            Some(field) => Order {
                field: field.to_owned(),
                is_descending: true,
            },
            None => Order {
                field: field.to_owned(),
                is_descending: false,
            },
        })
        .collect()
}

/// Harbor's `q`: `k1=v1,k2=~v2,k3=[lo~hi],k4={a b},k5=(a b)`. It is decoded once more than other parameters.
pub(super) fn conditions(text: &str) -> Result<Vec<Condition>, HarborError> {
    let text = percent_decode_str(text).decode_utf8_lossy();
    let text = text.trim();
    if text.is_empty() {
        return Ok(Vec::new());
    }
    split_outside(text, ',')
        .into_iter()
        .take(MAX_PARTS)
        .map(condition)
        .collect()
}

fn condition(text: &str) -> Result<Condition, HarborError> {
    let malformed = || {
        HarborError::bad_request(
            "the query string must contain \"=\" and the key/value cannot be empty",
        )
    };
    let (field, wanted) = text.split_once('=').ok_or_else(malformed)?;
    let (field, wanted) = (field.trim(), wanted.trim());
    if field.is_empty() || wanted.is_empty() {
        return Err(malformed());
    }
    let comparison = if let Some(part) = wanted.strip_prefix('~') {
        Comparison::Contains(unquoted(part).to_owned())
    } else if let Some(range) = within(wanted, '[', ']') {
        let (from, to) = range.split_once('~').ok_or_else(|| {
            HarborError::bad_request(format!("the range {wanted:?} needs a ~ between its ends"))
        })?;
        let end = |text: &str| {
            let text = unquoted(text.trim());
            (!text.is_empty()).then(|| value(text))
        };
        Comparison::Between(end(from), end(to))
    } else if let Some(list) = within(wanted, '{', '}').or_else(|| within(wanted, '(', ')')) {
        let values = split_outside(list, ' ');
        let values = values.into_iter().filter(|text| !text.is_empty());
        Comparison::AnyOf(
            values
                .take(MAX_PARTS)
                .map(|text| value(unquoted(text)))
                .collect(),
        )
    } else {
        let wanted = wanted.strip_prefix('\\').unwrap_or(wanted);
        Comparison::AnyOf(vec![value(unquoted(wanted))])
    };
    Ok(Condition {
        field: field.to_owned(),
        comparison,
    })
}

fn within(text: &str, open: char, close: char) -> Option<&str> {
    text.strip_prefix(open)?.strip_suffix(close)
}

/// Splits where no bracket and no quote is open.
fn split_outside(text: &str, separator: char) -> Vec<&str> {
    let (mut parts, mut begun, mut depth, mut is_quoted) = (Vec::new(), 0, 0_i32, false);
    for (at, letter) in text.char_indices() {
        match letter {
            '\'' => is_quoted = !is_quoted,
            '[' | '{' | '(' if !is_quoted => depth += 1,
            ']' | '}' | ')' if !is_quoted => depth -= 1,
            _ if letter == separator && depth <= 0 && !is_quoted => {
                parts.push(&text[begun..at]);
                begun = at + letter.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(&text[begun..]);
    parts
}

fn unquoted(text: &str) -> &str {
    within(text, '\'', '\'').unwrap_or(text)
}

fn value(text: &str) -> Value {
    Value {
        text: text.to_owned(),
        time_ms: time_ms(text),
    }
}

/// A time as Harbor's clients write it: `2026-11-22T09:00:00`, with a zone or without.
fn time_ms(text: &str) -> Option<i64> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(time.as_millisecond());
    }
    let time: civil::DateTime = text.parse().ok()?;
    let time = time.to_zoned(TimeZone::UTC).ok()?;
    Some(time.timestamp().as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Vec<Condition> {
        conditions(text).map_err(|_| text).expect("conditions")
    }

    fn any_of(values: &[&str]) -> Comparison {
        Comparison::AnyOf(values.iter().map(|text| value(text)).collect())
    }

    #[test]
    fn each_form_of_a_condition_is_read() {
        for (text, expected) in [
            ("name=app", any_of(&["app"])),
            ("name='a,b'", any_of(&["a,b"])),
            ("name=\\~odd", any_of(&["~odd"])),
            ("name=~App", Comparison::Contains("App".to_owned())),
            ("name={a 'b c' d}", any_of(&["a", "b c", "d"])),
            ("name=(1 2)", any_of(&["1", "2"])),
            (
                "name=[1~2]",
                Comparison::Between(Some(value("1")), Some(value("2"))),
            ),
            ("name=[~2]", Comparison::Between(None, Some(value("2")))),
            ("name%3Dapp", any_of(&["app"])),
        ] {
            assert_eq!(parsed(text)[0].comparison, expected, "{text}");
            assert_eq!(parsed(text)[0].field, "name", "{text}");
        }
        assert_eq!(parsed("a=1,b={x,y z},c=~d").len(), 3);
        assert_eq!(parsed(""), []);
        for malformed in ["name", "=x", "name=", "a=1,", "a=[1]"] {
            assert!(conditions(malformed).is_err(), "{malformed}");
        }
    }

    #[test]
    fn times_are_read_with_and_without_a_zone() {
        assert_eq!(time_ms("1970-01-01T00:00:01"), Some(1000));
        assert_eq!(time_ms("1970-01-01T00:00:01.5Z"), Some(1500));
        assert_eq!(time_ms("1970-01-01T01:00:00+01:00"), Some(0));
        assert_eq!(time_ms("yesterday"), None);
    }

    #[test]
    fn a_page_has_bounds() {
        let page = |text| Query::parse(text).page();
        assert!(matches!(page(""), Ok(PageAsked { page: 1, size: 10 })));
        assert!(matches!(
            page("page=3&page_size=100"),
            Ok(PageAsked { page: 3, size: 100 })
        ));
        for text in [
            "page=0",
            "page=-1",
            "page_size=101",
            "page=x",
            "page=99999999999999999999",
        ] {
            assert!(page(text).is_err(), "{text}");
        }
        let far = Query::parse("page=9223372036854775807&page_size=100").list();
        assert!(far.is_ok_and(|query| query.offset > 0));
    }
}
