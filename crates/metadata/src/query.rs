//! Lists that people filter and sort by what they choose: the one place where a text is put together at run time.
//!
//! What is put together is only what stands in a list's own table of [`Field`]s, with its comparisons and its order; every
//! value is a parameter. A field that the table does not have is passed over, so that no other column can be asked about.

use crate::connection::{Connection, Param, Row};
use crate::error::Result;

/// A value to compare with, as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value {
    /// The text.
    pub text: String,
    /// The same as a time, when it can be read as one: milliseconds since 1970.
    pub time_ms: Option<i64>,
}

/// What a field is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// It is one of these.
    AnyOf(Vec<Value>),
    /// It holds this text, whatever the case of ASCII letters.
    Contains(String),
    /// It lies between these, both included.
    Between(Option<Value>, Option<Value>),
}

/// One condition; all of a list's hold at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// The field's name outside.
    pub field: String,
    /// What it is compared with.
    pub comparison: Comparison,
}

/// One field to sort by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// The field's name outside.
    pub field: String,
    /// The greatest first.
    pub is_descending: bool,
}

/// What is wanted of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListQuery {
    /// Conditions.
    pub conditions: Vec<Condition>,
    /// The order; the list's own where it says nothing.
    pub order: Vec<Order>,
    /// Rows to pass over.
    pub offset: i64,
    /// Rows at most.
    pub limit: i64,
    /// Whether nobody asks how much there is in all: [`Listed::total`] goes to this page's end only, and the question costs
    /// what the page costs.
    pub is_uncounted: bool,
}

/// A page of a list, and how much there is in all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed<T> {
    /// The page.
    pub items: Vec<T>,
    /// Items of all pages; of those up to this one's end where they were not counted.
    pub total: i64,
}

impl<T> Listed<T> {
    /// The same of other items.
    pub fn map<U>(self, change: impl FnMut(T) -> U) -> Listed<U> {
        Listed {
            items: self.items.into_iter().map(change).collect(),
            total: self.total,
        }
    }
}

/// How a column is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Int,
    /// Milliseconds.
    Time,
    /// 0 or 1, outside `true` and `false`.
    Flag,
}

/// A field that a list may be filtered and sorted by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    /// Its name outside.
    pub(crate) name: &'static str,
    /// The column, or an expression of columns.
    pub(crate) column: &'static str,
    pub(crate) kind: Kind,
}

/// What a list is made from.
pub(crate) struct ListSource<'a> {
    /// Columns to be read.
    pub(crate) columns: &'static str,
    /// Tables and how they are joined, then `WHERE` and the conditions that always hold, with parameters from `?1` on.
    pub(crate) from: String,
    /// The values of those.
    pub(crate) params: Vec<Param<'a>>,
    /// What people may ask about.
    pub(crate) fields: &'static [Field],
    /// The list's own order, of columns, so that no two rows are equal in it.
    pub(crate) order: &'static str,
}

/// A value of a condition, kept until the question is asked.
enum Bound {
    Text(String),
    Int(i64),
}

struct Conditions {
    sql: String,
    bound: Vec<Bound>,
    /// Parameters that come before.
    before: usize,
}

impl Conditions {
    fn of(source: &ListSource<'_>, query: &ListQuery) -> Self {
        let mut conditions = Self {
            sql: String::new(),
            bound: Vec::new(),
            before: source.params.len(),
        };
        for condition in &query.conditions {
            let field = source
                .fields
                .iter()
                .find(|field| field.name == condition.field);
            if let Some(field) = field {
                conditions.add(*field, &condition.comparison);
            }
        }
        conditions
    }

    fn bind(&mut self, value: Bound) -> String {
        self.bound.push(value);
        format!("?{}", self.before + self.bound.len())
    }

    fn add(&mut self, field: Field, comparison: &Comparison) {
        let column = field.column;
        let text = match comparison {
            Comparison::AnyOf(values) => {
                let values: Vec<_> = values
                    .iter()
                    .filter_map(|value| bound(field.kind, value))
                    .collect();
                let places: Vec<_> = values.into_iter().map(|value| self.bind(value)).collect();
                if places.is_empty() {
                    NEVER.to_owned()
                } else {
                    format!("{column} IN ({})", places.join(", "))
                }
            }
            Comparison::Contains(part) if field.kind == Kind::Text => {
                let place = self.bind(Bound::Text(pattern(part)));
                format!("LOWER({column}) LIKE {place} ESCAPE '!'")
            }
            Comparison::Contains(_) => NEVER.to_owned(),
            Comparison::Between(from, to) => {
                let ends = [(from, ">="), (to, "<=")];
                let mut parts = Vec::new();
                for (value, operator) in ends {
                    let Some(value) = value else { continue };
                    parts.push(match bound(field.kind, value) {
                        Some(value) => format!("{column} {operator} {}", self.bind(value)),
                        None => NEVER.to_owned(),
                    });
                }
                if parts.is_empty() {
                    return;
                }
                parts.join(" AND ")
            }
        };
        self.sql.push_str(" AND ");
        self.sql.push_str(&text);
    }

    fn params<'a>(&'a self, source: &ListSource<'a>) -> Vec<Param<'a>> {
        let own = self.bound.iter().map(|value| match value {
            Bound::Text(text) => Param::Text(text),
            Bound::Int(value) => Param::Int(*value),
        });
        source.params.iter().copied().chain(own).collect()
    }
}

/// What a value that is none of the column's kind comes to: nothing is equal to it.
const NEVER: &str = "1 = 0";

fn bound(kind: Kind, value: &Value) -> Option<Bound> {
    match kind {
        Kind::Text => Some(Bound::Text(value.text.clone())),
        Kind::Int => value.text.parse().ok().map(Bound::Int),
        Kind::Time => value.time_ms.map(Bound::Int),
        Kind::Flag => match value.text.as_str() {
            "true" | "1" => Some(Bound::Int(1)),
            "false" | "0" => Some(Bound::Int(0)),
            _ => None,
        },
    }
}

/// A text that may stand anywhere, with its own wildcards taken literally.
pub(crate) fn pattern(part: &str) -> String {
    let mut pattern = String::from("%");
    for letter in part.chars() {
        if matches!(letter, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(letter.to_ascii_lowercase());
    }
    pattern.push('%');
    pattern
}

fn order_of(source: &ListSource<'_>, query: &ListQuery) -> String {
    let mut order = String::new();
    for wanted in &query.order {
        if let Some(field) = source
            .fields
            .iter()
            .find(|field| field.name == wanted.field)
        {
            order.push_str(field.column);
            order.push_str(if wanted.is_descending {
                " DESC, "
            } else {
                ", "
            });
        }
    }
    order.push_str(source.order);
    order
}

/// A page of a list, and how much there is.
pub(crate) fn list<T>(
    connection: &Connection<'_>,
    source: &ListSource<'_>,
    query: &ListQuery,
    read: impl FnMut(&Row<'_>) -> Result<T>,
) -> Result<Listed<T>> {
    let conditions = Conditions::of(source, query);
    let mut params = conditions.params(source);
    let (from, wanted) = (&source.from, &conditions.sql);
    let total = if query.is_uncounted {
        None
    } else {
        let count = format!("SELECT COUNT(*) FROM {from}{wanted}");
        let total = connection.list_once(&count, &params, |row| row.int(0))?;
        let total = total.first().copied().unwrap_or(0);
        if total <= query.offset || query.limit <= 0 {
            let items = Vec::new();
            return Ok(Listed { items, total });
        }
        Some(total)
    };
    let next = params.len() + 1;
    params.extend([Param::Int(query.limit), Param::Int(query.offset)]);
    let sql = format!(
        "SELECT {} FROM {from}{wanted} ORDER BY {} LIMIT ?{next} OFFSET ?{}",
        source.columns,
        order_of(source, query),
        next + 1
    );
    let items = connection.list_once(&sql, &params, read)?;
    let seen = query.offset + i64::try_from(items.len()).unwrap_or(i64::MAX);
    let total = total.unwrap_or(seen);
    Ok(Listed { items, total })
}

/// `?3, ?4, ?5`: places for `count` values, after `before` others.
pub(crate) fn places(before: usize, count: usize) -> String {
    let places: Vec<_> = (before + 1..=before + count)
        .map(|at| format!("?{at}"))
        .collect();
    places.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELDS: &[Field] = &[
        Field {
            name: "name",
            column: "n.name",
            kind: Kind::Text,
        },
        Field {
            name: "made",
            column: "n.made",
            kind: Kind::Time,
        },
    ];

    fn source() -> ListSource<'static> {
        ListSource {
            columns: "n.name",
            from: "n WHERE n.owner = ?1".to_owned(),
            params: vec![Param::Text("me")],
            fields: FIELDS,
            order: "n.id",
        }
    }

    fn condition(field: &str, comparison: Comparison) -> ListQuery {
        ListQuery {
            conditions: vec![Condition {
                field: field.to_owned(),
                comparison,
            }],
            ..ListQuery::default()
        }
    }

    fn value(text: &str) -> Value {
        Value {
            text: text.to_owned(),
            time_ms: text.parse().ok(),
        }
    }

    #[test]
    fn only_fields_of_the_list_and_parameters_get_into_the_text() {
        let (source, any) = (source(), |text| Comparison::AnyOf(vec![value(text)]));
        let of = |query: &ListQuery| Conditions::of(&source, query).sql;
        assert_eq!(
            of(&condition("name", any("x' OR 1=1"))),
            " AND n.name IN (?2)"
        );
        assert_eq!(of(&condition("password", any("x"))), "");
        assert_eq!(of(&condition("name = '' OR n.name", any("x"))), "");
        assert_eq!(of(&condition("made", any("no time"))), " AND 1 = 0");
        let range = Comparison::Between(Some(value("1")), Some(value("2")));
        assert_eq!(
            of(&condition("made", range)),
            " AND n.made >= ?2 AND n.made <= ?3"
        );
        assert_eq!(of(&condition("made", Comparison::Between(None, None))), "");
        let query = ListQuery {
            order: ["password", "name"]
                .map(|field| Order {
                    field: field.to_owned(),
                    is_descending: true,
                })
                .to_vec(),
            ..ListQuery::default()
        };
        assert_eq!(order_of(&source, &query), "n.name DESC, n.id");
    }

    #[test]
    fn wildcards_of_the_searched_text_are_letters() {
        assert_eq!(pattern("50%_Off!"), "%50!%!_off!!%");
    }
}
