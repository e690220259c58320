//! Who has which role for what.

use super::query::Parameter;
use super::reply::{Answered, Created, Done, List, Shown};
use super::{ApiError, Call, Time};
use model::Scope;
use serde::{Deserialize, Serialize};
use services::{
    Comparison, Condition, GrantPlace, GrantRow, GrantSubject, GrantText, Grantee, SubjectName,
    Value,
};
use utoipa::ToSchema;

/// What `listGrants` knows.
pub(super) const LIST: &[Parameter] = &[
    Parameter::one_of("kind", "Grants to these.", &["user", "group", "robot"]),
    Parameter::text(
        "subject",
        "Grants to this user, group or robot account.",
        300,
    ),
    Parameter::text("role", "Grants of this role.", 63),
    Parameter::one_of(
        "scope",
        "Grants for this.",
        &["account", "namespace", "repositories"],
    ),
    Parameter::text(
        "namespace",
        "Grants on this namespace or a part of it.",
        255,
    ),
];

/// A role that somebody has.
#[derive(Serialize, ToSchema)]
pub(super) struct GrantShown {
    id: String,
    /// `user`, `group` or `robot`.
    kind: &'static str,
    /// Its name.
    subject: String,
    role: String,
    /// `account`, `namespace` or `repositories`.
    scope: &'static str,
    namespace: Option<String>,
    /// What the names of the repositories in the namespace are like.
    pattern: Option<String>,
    created_at: Time,
}

/// A role to be given: to one of user, group and robot account; on the account, or on a namespace or the repositories in it
/// whose names are like a pattern.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct GrantRequest {
    #[serde(default)]
    #[schema(max_length = 255)]
    user: Option<String>,
    #[serde(default)]
    #[schema(max_length = 255)]
    group: Option<String>,
    /// The robot account's whole name.
    #[serde(default)]
    #[schema(max_length = 600)]
    robot: Option<String>,
    #[schema(max_length = 63)]
    role: String,
    /// Without it, the whole account.
    #[serde(default)]
    #[schema(max_length = 255)]
    namespace: Option<String>,
    /// `*` stands for any part of a name without `/`, `**` for anything. Without it, all of the namespace.
    #[serde(default)]
    #[schema(max_length = 128)]
    pattern: Option<String>,
}

impl GrantRequest {
    fn text(self) -> Answered<GrantText> {
        let subject = match (self.user, self.group, self.robot) {
            (Some(name), None, None) => SubjectName::User(name),
            (None, Some(name), None) => SubjectName::Group(name),
            (None, None, Some(name)) => SubjectName::Robot(name),
            _ => {
                return Err(ApiError::invalid(
                    "a grant is for one of user, group and robot",
                ));
            }
        };
        let place = match (self.namespace, self.pattern) {
            (None, None) => GrantPlace::Account,
            (Some(namespace), None) => GrantPlace::Namespace(namespace),
            (Some(namespace), Some(pattern)) => GrantPlace::Repositories(namespace, pattern),
            (None, Some(_)) => {
                return Err(ApiError::invalid(
                    "a pattern is for the repositories of a namespace: say which",
                ));
            }
        };
        Ok(GrantText {
            subject,
            role: self.role,
            place,
        })
    }
}

fn shown(row: GrantRow) -> GrantShown {
    let (scope, pattern) = match &row.scope {
        Scope::Account => ("account", None),
        Scope::Namespace(_) => ("namespace", None),
        Scope::Repositories(_, pattern) => ("repositories", Some(pattern.to_string())),
    };
    GrantShown {
        id: row.id.to_string(),
        kind: match &row.subject {
            GrantSubject::Person(Grantee::User(_)) => "user",
            GrantSubject::Person(Grantee::Group(_)) => "group",
            GrantSubject::Robot(_) => "robot",
        },
        subject: row.name,
        role: row.role_name,
        scope,
        namespace: row.namespace_name,
        pattern,
        created_at: Time::from_ms(row.created_at_ms),
    }
}

/// `listGrants`.
pub(super) async fn list(call: &Call<'_>) -> Answered<List<GrantShown>> {
    let by = call.account().await?;
    let mut query = call.list_query()?;
    for field in ["kind", "subject", "role", "scope", "namespace"] {
        if let Some(text) = call.query.text(field) {
            query.conditions.push(equal(field, text));
        }
    }
    let listed = call.services().grants.list(&by, query).await?;
    call.counted(listed, shown)
}

/// The condition that a field is a text.
pub(super) fn equal(field: &str, text: &str) -> Condition {
    let value = Value {
        text: text.to_owned(),
        time_ms: None,
    };
    Condition {
        field: field.to_owned(),
        comparison: Comparison::AnyOf(vec![value]),
    }
}

/// `createGrant`.
pub(super) async fn create(
    call: &Call<'_>,
    request: GrantRequest,
) -> Answered<Created<GrantShown>> {
    let by = call.account().await?;
    let made = call.services().grants.create(&by, request.text()?).await?;
    Ok(Created::at(call.location(made.id.as_str()), shown(made)))
}

/// `getGrant`.
pub(super) async fn get(call: &Call<'_>) -> Answered<Shown<GrantShown>> {
    let by = call.account().await?;
    let found = call.services().grants.get(&by, call.param("grant")).await?;
    Ok(Shown(shown(found)))
}

/// `deleteGrant`.
pub(super) async fn delete(call: &Call<'_>) -> Answered<Done> {
    let by = call.account().await?;
    call.services()
        .grants
        .delete(&by, call.param("grant"))
        .await?;
    Ok(Done)
}
