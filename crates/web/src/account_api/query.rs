//! What a query string asks. Each operation says which parameters it knows; another, or a value that is none, is refused.

use super::operations::Operation;
use super::{ApiError, Time};
use crate::token::decode;
use serde_json::{Value, json};

/// Entries of a page when the request says nothing.
const PAGE_SIZE: i64 = 50;
/// Most entries of a page.
const MAX_PAGE_SIZE: i64 = 1000;
/// The longest marker of a page.
const CURSOR_BYTES: usize = 300;
/// The longest query string.
const QUERY_BYTES: usize = 4096;

const CURSOR: &str = "cursor";
const SIZE: &str = "page_size";

/// What every list knows.
const PAGING: [Parameter; 2] = [
    Parameter::text(
        CURSOR,
        "Where the page begins: `next` of the page before it.",
        CURSOR_BYTES,
    ),
    Parameter::number(SIZE, "Entries of a page; 50 without it.", 1, MAX_PAGE_SIZE),
];

/// A parameter of query strings.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parameter {
    name: &'static str,
    description: &'static str,
    kind: Kind,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Text { max_bytes: usize },
    OneOf(&'static [&'static str]),
    Number { min: i64, max: i64 },
    Time,
    Flag,
}

impl Parameter {
    pub(super) const fn text(
        name: &'static str,
        description: &'static str,
        max_bytes: usize,
    ) -> Self {
        let kind = Kind::Text { max_bytes };
        Self::of(name, description, kind)
    }

    pub(super) const fn one_of(
        name: &'static str,
        description: &'static str,
        words: &'static [&'static str],
    ) -> Self {
        Self::of(name, description, Kind::OneOf(words))
    }

    /// A whole number between two, both included.
    pub(super) const fn number(
        name: &'static str,
        description: &'static str,
        min: i64,
        max: i64,
    ) -> Self {
        Self::of(name, description, Kind::Number { min, max })
    }

    pub(super) const fn time(name: &'static str, description: &'static str) -> Self {
        Self::of(name, description, Kind::Time)
    }

    pub(super) const fn flag(name: &'static str, description: &'static str) -> Self {
        Self::of(name, description, Kind::Flag)
    }

    const fn of(name: &'static str, description: &'static str, kind: Kind) -> Self {
        Self {
            name,
            description,
            kind,
        }
    }

    fn check(&self, value: &str) -> Result<(), ApiError> {
        let name = self.name;
        let wanted = match self.kind {
            Kind::Text { max_bytes } if value.len() <= max_bytes && !value.contains('\0') => {
                return Ok(());
            }
            Kind::Text { max_bytes } => format!("a text of at most {max_bytes} bytes"),
            Kind::OneOf(words) if words.contains(&value) => return Ok(()),
            Kind::OneOf(words) => format!("one of {}", words.join(", ")),
            Kind::Number { min, max } => match value.parse::<i64>() {
                Ok(number) if (min..=max).contains(&number) => return Ok(()),
                _ => format!("a number from {min} to {max}"),
            },
            Kind::Time if Time::parse(value).is_some() => return Ok(()),
            Kind::Time => "a time such as 2026-11-22T09:00:00Z".to_owned(),
            Kind::Flag if matches!(value, "true" | "false") => return Ok(()),
            Kind::Flag => "true or false".to_owned(),
        };
        Err(ApiError::bad_request(format!("{name} has to be {wanted}")))
    }

    /// As the OpenAPI document has it.
    pub(super) fn described(&self) -> Value {
        let schema = match self.kind {
            Kind::Text { max_bytes } => json!({ "type": "string", "maxLength": max_bytes }),
            Kind::OneOf(words) => json!({ "type": "string", "enum": words }),
            Kind::Number { min, max } => {
                json!({ "type": "integer", "minimum": min, "maximum": max })
            }
            Kind::Time => json!({ "type": "string", "format": "date-time" }),
            Kind::Flag => json!({ "type": "boolean" }),
        };
        json!({ "name": self.name, "in": "query", "description": self.description, "schema": schema })
    }
}

/// The parameters that an operation knows.
pub(super) fn known(operation: &Operation) -> impl Iterator<Item = &Parameter> {
    let paging: &[Parameter] = if operation.is_list { &PAGING } else { &[] };
    operation.query.iter().chain(paging)
}

/// A query string, read and found to be in order.
#[derive(Debug, Default)]
pub(super) struct Query {
    text: String,
    params: Vec<(String, String)>,
}

impl Query {
    pub(super) fn read(text: &str, operation: &Operation) -> Result<Self, ApiError> {
        if text.len() > QUERY_BYTES {
            let message = format!("the query has more than {QUERY_BYTES} bytes");
            return Err(ApiError::bad_request(message));
        }
        let mut params: Vec<(String, String)> = Vec::new();
        for (name, value) in decode(text) {
            let parameter = known(operation).find(|parameter| parameter.name == name);
            let Some(parameter) = parameter else {
                let names: Vec<&str> = known(operation).map(|parameter| parameter.name).collect();
                return Err(ApiError::bad_request(match &names[..] {
                    [] => format!("{name} is no parameter of this operation, which has none"),
                    names => format!(
                        "{name} is no parameter of this operation; it knows {}",
                        names.join(", ")
                    ),
                }));
            };
            if params.iter().any(|(known, _)| *known == name) {
                return Err(ApiError::bad_request(format!("{name} stands there twice")));
            }
            parameter.check(&value)?;
            params.push((name.into_owned(), value.into_owned()));
        }
        Ok(Self {
            text: text.to_owned(),
            params,
        })
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        let found = self.params.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    pub(super) fn number(&self, name: &str) -> Option<i64> {
        self.text(name)?.parse().ok()
    }

    pub(super) fn time_ms(&self, name: &str) -> Option<i64> {
        Time::parse(self.text(name)?).map(Time::ms)
    }

    /// Whether a flag is there, and true.
    pub(super) fn flag(&self, name: &str) -> bool {
        self.text(name) == Some("true")
    }

    /// Where the page begins, if not at the beginning.
    pub(super) fn cursor(&self) -> Option<&str> {
        self.text(CURSOR).filter(|cursor| !cursor.is_empty())
    }

    /// The same of a list whose pages begin at a number.
    pub(super) fn position(&self) -> Result<i64, ApiError> {
        let Some(cursor) = self.cursor() else {
            return Ok(0);
        };
        let position = cursor.parse().ok().filter(|position| *position >= 0);
        position.ok_or_else(|| {
            ApiError::bad_request("cursor has to be what `next` of the page before says")
        })
    }

    /// Entries of a page.
    pub(super) fn page_size(&self) -> i64 {
        self.number(SIZE).unwrap_or(PAGE_SIZE)
    }

    /// The same query for the page that begins there.
    pub(super) fn with_cursor(&self, cursor: &str) -> String {
        let kept = self.text.split('&');
        let mut parts: Vec<String> = kept
            .filter(|pair| !pair.is_empty() && !pair.starts_with("cursor="))
            .map(str::to_owned)
            .collect();
        let cursor =
            percent_encoding::utf8_percent_encode(cursor, percent_encoding::NON_ALPHANUMERIC);
        parts.push(format!("{CURSOR}={cursor}"));
        parts.join("&")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account_api::OPERATIONS;

    fn operation() -> &'static Operation {
        let mut operations = OPERATIONS.iter();
        let found = operations.find(|operation| operation.id == "listAccounts");
        found.expect("it is there")
    }

    #[test]
    fn a_page_is_asked_for_by_where_it_begins() {
        let query = Query::read("q=ac%2Bme&page_size=7&cursor=a%20b", operation());
        let query = query.expect("a query");
        assert_eq!((query.text("q"), query.page_size()), (Some("ac+me"), 7));
        assert_eq!(query.cursor(), Some("a b"));
        assert!(query.position().is_err());
        assert_eq!(
            query.with_cursor("c&d"),
            "q=ac%2Bme&page_size=7&cursor=c%26d"
        );
        let first = Query::read("", operation()).expect("a query");
        assert_eq!((first.cursor(), first.page_size()), (None, 50));
        assert_eq!(first.with_cursor("x"), "cursor=x");
    }

    #[test]
    fn what_an_operation_does_not_know_is_refused() {
        for text in [
            "page_size=0",
            "page_size=1001",
            "page_size=9999999999999999999999",
            "page_size=",
            "name=x",
            "q=a&q=b",
            "state=none",
            "q=%00",
        ] {
            assert!(Query::read(text, operation()).is_err(), "{text}");
        }
        let long = format!("q={}", "a".repeat(QUERY_BYTES));
        assert!(Query::read(&long, operation()).is_err());
    }
}
