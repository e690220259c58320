//! What a list of artifacts is narrowed by, in Harbor's words.

use super::Artifacts;
use super::kinds::{TypesOf, types_of};
use crate::account_access::AccountContext;
use crate::{Error, Result};
use metadata::{ArtifactFilter, Comparison, Condition, ListQuery, Numbered, TagFilter, Value};

/// The field of a list that kinds of artifacts are looked for in.
const TYPE_FIELDS: [&str; 2] = ["artifact_type", "media_type"];

impl Artifacts {
    /// Takes the conditions out of a query that are about more than an artifact's own fields.
    pub(super) async fn filter(
        &self,
        by: &AccountContext,
        query: ListQuery,
    ) -> Result<(ArtifactFilter, ListQuery)> {
        let mut filter = ArtifactFilter::default();
        let mut conditions = Vec::new();
        for condition in query.conditions {
            match (condition.field.as_str(), condition.comparison) {
                ("base", Comparison::AnyOf(values)) => {
                    filter.shows_all |= values.iter().any(|value| value.text == "*");
                }
                ("tags", comparison) => filter.tags = tags(comparison),
                ("labels", Comparison::AnyOf(values)) => {
                    filter.labels = self.label_ids(by, &values).await?;
                }
                ("type", Comparison::AnyOf(kinds)) => {
                    conditions.push(of_kinds(&kinds));
                }
                (_, comparison) => conditions.push(Condition {
                    field: condition.field,
                    comparison,
                }),
            }
        }
        Ok((
            filter,
            ListQuery {
                conditions,
                ..query
            },
        ))
    }

    async fn label_ids(&self, by: &AccountContext, numbers: &[Value]) -> Result<Vec<String>> {
        let mut ids = Vec::new();
        for number in numbers {
            let found = match number.text.parse() {
                Ok(number) => {
                    self.core
                        .find_numbered(by.id(), Numbered::Label, number)
                        .await?
                }
                Err(_) => None,
            };
            // Nothing carries a label that there is not.
            ids.push(found.unwrap_or_default());
        }
        Ok(ids)
    }
}

fn tags(comparison: Comparison) -> Option<TagFilter> {
    match comparison {
        Comparison::Contains(part) => Some(TagFilter::Containing(part)),
        Comparison::AnyOf(values) => {
            let names: Vec<String> = values.into_iter().map(|value| value.text).collect();
            Some(match names.as_slice() {
                [one] if one == "*" => TagFilter::Some,
                [one] if one == "nil" => TagFilter::None,
                _ => TagFilter::Named(names),
            })
        }
        Comparison::Between(..) => None,
    }
}

fn of_kinds(kinds: &[Value]) -> Condition {
    let found = kinds.iter().map(|kind| types_of(&kind.text));
    let mut these = Vec::new();
    let mut having = None;
    for types in found {
        match types {
            TypesOf::These(types) => these.extend(types.iter().map(|one| Value {
                text: (*one).to_owned(),
                time_ms: None,
            })),
            TypesOf::Having(part) => having = Some(part),
        }
    }
    let comparison = match having {
        Some(part) if these.is_empty() => Comparison::Contains(part),
        _ => Comparison::AnyOf(these),
    };
    Condition {
        field: TYPE_FIELDS[0].to_owned(),
        comparison,
    }
}

/// The one artifact type that a query is about.
pub(super) fn one_type(query: &ListQuery) -> Result<String> {
    let conditions = query.conditions.iter();
    let mut kinds = conditions.filter(|one| TYPE_FIELDS.contains(&one.field.as_str()));
    if let (Some(one), None) = (kinds.next(), kinds.next())
        && let Comparison::AnyOf(values) = &one.comparison
        && let [value] = values.as_slice()
    {
        return Ok(value.text.clone());
    }
    Err(Error::Invalid(
        "either artifact_type or media_type must be in q, with one value, to see the latest in each repository"
            .to_owned(),
    ))
}
