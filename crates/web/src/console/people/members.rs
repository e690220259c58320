//! Members, of an account and of its namespaces: who has which role there.

use super::{mendable_name, parts, place, surroundings};
use crate::console::failed::Failed;
use crate::console::sent::Sent;
use crate::console::visit::Visit;
use http::StatusCode;
use model::{Action, GrantedRole, Role, Scope};
use pages::people::members::{Member, MemberForm, MemberLine, Members, SubjectKind};
use pages::people::part_of;
use pages::people::parts::Part;
use pages::{Moment, Notice, Page as _, Section, Tab};
use services::{
    AccountContext, Comparison, Condition, GrantPlace, GrantRow, GrantSubject, GrantText, Grantee,
    GranteeRef, ListQuery, NamespaceRef, Refused, SubjectName, Value,
};

/// Lines of the list on a page.
const PAGE: usize = 50;
/// Roles that somebody may have in one place, at most: the list goes on within somebody's.
const MOST_OF_ONE: i64 = 201;

/// `GET /accounts/{account}/members` and `GET …/namespaces/{namespace}/members`.
pub(super) async fn list(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    require(visit, &by).await?;
    let form = MemberForm {
        role: Role::Developer.as_str().to_owned(),
        ..MemberForm::default()
    };
    let page = page(visit, &by, form).await?;
    Ok(Sent::page(page.html()))
}

/// `POST` to the same: gives a role.
pub(super) async fn give(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    require(visit, &by).await?;
    let text = |name| visit.form.get(name).trim().to_owned();
    let kind = SubjectKind::of_word(visit.form.get("kind")).unwrap_or_default();
    let name = text("name");
    let grant = GrantText {
        subject: match kind {
            SubjectKind::User => SubjectName::User(name.clone()),
            SubjectKind::Group => SubjectName::Group(name.clone()),
            SubjectKind::Robot => SubjectName::Robot(name.clone()),
        },
        role: text("role"),
        place: match (place(visit), text("pattern")) {
            (None, _) => GrantPlace::Account,
            (Some(place), pattern) if pattern.is_empty() => GrantPlace::Namespace(place.to_owned()),
            (Some(place), pattern) => GrantPlace::Repositories(place.to_owned(), pattern),
        },
    };
    match visit.services().grants.create(&by, grant).await {
        Ok(_) => Ok(Sent::to(&all(&by, place(visit), Notice::Saved))),
        Err(refused) => {
            let form = MemberForm {
                name,
                kind,
                role: text("role"),
                roles: Vec::new(),
                pattern: text("pattern"),
                failed: Some(mendable_name(refused)?),
            };
            let page = page(visit, &by, form).await?;
            Ok(Sent::page(page.html()).with_status(StatusCode::UNPROCESSABLE_ENTITY))
        }
    }
}

/// Whoever may see the members of a place gets a page about them; what it lists is another question.
async fn require(visit: &Visit<'_>, by: &AccountContext) -> Result<(), Failed> {
    let authorizer = &visit.services().authorizer;
    match place(visit) {
        None => authorizer.require(by, Action::GrantList).await?,
        Some(name) => {
            let named = NamespaceRef::Name(name);
            let found = authorizer.namespace(by, named, Action::MemberList);
            found.await.map(drop)?;
        }
    }
    Ok(())
}

/// Where the members of a place are.
fn all(by: &AccountContext, place: Option<&str>, notice: Notice) -> String {
    let link = part_of(&by.account().name, place, "members");
    format!("{link}?notice={}", notice.word())
}

async fn page(
    visit: &Visit<'_>,
    by: &AccountContext,
    mut form: MemberForm,
) -> Result<Members, Failed> {
    let services = visit.services();
    let place = place(visit);
    let listed = services.grants.list(by, query(visit, place)).await?;
    let (rows, next) = part(visit, listed.items);
    let may_give = match place {
        None => visit.may(by, Action::GrantCreate).await?,
        Some(name) => visit.may_in(by, name, Action::MemberCreate).await?,
    };
    if may_give {
        form.roles = roles(visit, by, place.is_some()).await?;
    }
    Ok(Members {
        frame: surroundings(visit, by, (place, Section::Members, Tab::Members)).await?,
        account: by.account().name.clone(),
        namespace: place.map(str::to_owned),
        parts: match place {
            None => Some(parts(visit, by, Part::Members).await?),
            Some(_) => None,
        },
        words: visit.query.get("q").to_owned(),
        members: rows.into_iter().map(line).collect(),
        next,
        form: may_give.then_some(form),
        may_ask: match place {
            None => true,
            Some(name) => visit.may_in(by, name, Action::MemberUpdate).await?,
        },
    })
}

/// What to ask for: what was given in this place, from where the page before ended.
fn query(visit: &Visit<'_>, place: Option<&str>) -> ListQuery {
    let value = |text: &str| Value {
        text: text.to_owned(),
        time_ms: None,
    };
    let condition = |field: &str, comparison| Condition {
        field: field.to_owned(),
        comparison,
    };
    let is = |field, text| condition(field, Comparison::AnyOf(vec![value(text)]));
    let mut conditions = vec![match place {
        None => is("scope", "account"),
        Some(name) => is("namespace", name),
    }];
    let (words, after) = (visit.query.get("q").trim(), visit.query.get("after"));
    if !words.is_empty() {
        conditions.push(condition("subject", Comparison::Contains(words.to_owned())));
    }
    let mut limit = i64::try_from(PAGE).unwrap_or(i64::MAX) + 1;
    if let Some((_, name)) = after.split_once(' ') {
        limit += MOST_OF_ONE;
        conditions.push(condition(
            "subject",
            Comparison::Between(Some(value(name)), None),
        ));
    }
    ListQuery {
        conditions,
        limit,
        ..ListQuery::default()
    }
}

/// What of the list comes after the last line of the page before, and where the next page is.
fn part(visit: &Visit<'_>, mut rows: Vec<GrantRow>) -> (Vec<GrantRow>, Option<String>) {
    let after = visit.query.get("after").split_once(' ');
    if let Some(at) = after.and_then(|(id, _)| rows.iter().position(|row| row.id.as_str() == id)) {
        rows.drain(..=at);
    }
    let has_more = rows.len() > PAGE;
    rows.truncate(PAGE);
    let last = rows.last().filter(|_| has_more);
    let next = last.map(|last| visit.page_after(&format!("{} {}", last.id, last.name)));
    (rows, next)
}

/// The roles that there are, the strongest first, the account's own at the end.
pub(super) async fn roles(
    visit: &Visit<'_>,
    by: &AccountContext,
    is_of_namespace: bool,
) -> Result<Vec<String>, Failed> {
    let built_in = Role::ALL.iter();
    let fitting = built_in.filter(|role| !is_of_namespace || !role.is_of_accounts());
    let mut names: Vec<String> = fitting.map(|role| role.as_str().to_owned()).collect();
    let query = ListQuery {
        limit: 200,
        ..ListQuery::default()
    };
    match visit.services().roles.list(by, query).await {
        Ok(own) => names.extend(own.items.into_iter().map(|role| role.name)),
        Err(Refused::Forbidden) => {}
        Err(refused) => return Err(refused.into()),
    }
    Ok(names)
}

fn line(row: GrantRow) -> MemberLine {
    MemberLine {
        id: row.id.to_string(),
        kind: match row.subject {
            GrantSubject::Person(Grantee::User(_)) => SubjectKind::User,
            GrantSubject::Person(Grantee::Group(_)) => SubjectKind::Group,
            GrantSubject::Robot(_) => SubjectKind::Robot,
        },
        name: row.name,
        role: row.role_name,
        pattern: match row.scope {
            Scope::Repositories(_, pattern) => Some(pattern.to_string()),
            _ => None,
        },
        given: Moment(row.created_at_ms),
    }
}

/// `GET /accounts/{account}/members/{grant}`.
pub(super) async fn show(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    let row = find(visit, &by).await?;
    let page = member(visit, &by, row, None).await?;
    Ok(Sent::page(page.html()))
}

async fn find(visit: &Visit<'_>, by: &AccountContext) -> Result<GrantRow, Failed> {
    let id = visit.param("grant");
    Ok(visit.services().grants.get(by, id).await?)
}

/// Whom a role in a whole namespace is of, which can be changed to another one.
fn changeable(row: &GrantRow) -> Option<(GranteeRef, &str)> {
    let is_built_in = matches!(row.role, GrantedRole::BuiltIn(_));
    let namespace = row.namespace_name.as_deref();
    let namespace = namespace.filter(|_| is_built_in && matches!(row.scope, Scope::Namespace(_)));
    let whom = match &row.subject {
        GrantSubject::Person(Grantee::User(_)) => GranteeRef::UserName(row.name.clone()),
        GrantSubject::Person(Grantee::Group(_)) => GranteeRef::GroupName(row.name.clone()),
        GrantSubject::Robot(_) => return None,
    };
    namespace.map(|namespace| (whom, namespace))
}

async fn member(
    visit: &Visit<'_>,
    by: &AccountContext,
    row: GrantRow,
    failed: Option<String>,
) -> Result<Member, Failed> {
    let (may_change, may_take) = match &row.namespace_name {
        None => (false, visit.may(by, Action::GrantDelete).await?),
        Some(name) => (
            changeable(&row).is_some() && visit.may_in(by, name, Action::MemberUpdate).await?,
            visit.may_in(by, name, Action::MemberDelete).await?,
        ),
    };
    let place = row.namespace_name.as_deref();
    let roles = Role::ALL.iter().filter(|role| !role.is_of_accounts());
    let roles = roles.map(|role| role.as_str().to_owned());
    Ok(Member {
        frame: surroundings(visit, by, (place, Section::Members, Tab::Members)).await?,
        account: by.account().name.clone(),
        namespace: row.namespace_name.clone(),
        line: line(row),
        roles: roles.filter(|_| may_change).collect(),
        may_take,
        failed,
    })
}

async fn refused(
    visit: &Visit<'_>,
    by: &AccountContext,
    row: GrantRow,
    refused: Refused,
) -> Result<Sent, Failed> {
    let failed = Some(mendable_name(refused)?);
    let page = member(visit, by, row, failed).await?;
    Ok(Sent::page(page.html()).with_status(StatusCode::UNPROCESSABLE_ENTITY))
}

/// `POST /accounts/{account}/members/{grant}`: another role in its place.
pub(super) async fn change(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    let row = find(visit, &by).await?;
    let authorizer = &visit.services().authorizer;
    match row.namespace_name.as_deref().map(NamespaceRef::Name) {
        None => authorizer.require(&by, Action::GrantCreate).await?,
        Some(named) => {
            let found = authorizer.namespace(&by, named, Action::MemberUpdate);
            found.await.map(drop)?;
        }
    }
    let role = Role::parse(visit.form.get("role"));
    let (Some((whom, namespace)), Some(role)) = (changeable(&row), role) else {
        let why = services::Error::Invalid(visit.language.texts().people.no_role.to_owned());
        return refused(visit, &by, row, why.into()).await;
    };
    let named = NamespaceRef::Name(namespace);
    let put = visit.services().accounts.put_member(&by, named, whom, role);
    match put.await {
        Ok(()) => Ok(Sent::to(&all(&by, Some(namespace), Notice::Saved))),
        Err(why) => refused(visit, &by, row, why).await,
    }
}

/// `POST /accounts/{account}/members/{grant}/delete`: takes the role.
pub(super) async fn take(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    let row = find(visit, &by).await?;
    match visit.services().grants.delete(&by, row.id.as_str()).await {
        Ok(()) => {
            let place = row.namespace_name.as_deref();
            Ok(Sent::to(&all(&by, place, Notice::Deleted)))
        }
        Err(why) => refused(visit, &by, row, why).await,
    }
}
