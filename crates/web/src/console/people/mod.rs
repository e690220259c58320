//! Who may do what in an account: people and programs.

mod groups;
mod invitations;
mod members;
mod permissions;
mod rights;
mod robots;
mod roles;
mod tokens;
mod trust_rules;
mod users;

use super::failed::{Failed, mendable_name};
use super::routes::{PageRoute, pages};
use super::visit::Visit;
use model::Action;
use pages::people::parts::{Part, Parts};
use pages::people::robots::RobotState;
use pages::{Frame, Moment, Section, Tab};
use services::{AccountContext, Error, ListQuery, Refused};

const DAY_MS: i64 = 24 * 3_600_000;
/// What expires within so many days is marked.
const SOON_DAYS: i64 = 14;

/// The pages.
pub(super) const PAGES: &[PageRoute] = pages! {
    GET "/accounts/{account}/robots" SIGNED_IN robots::list;
    POST "/accounts/{account}/robots" SIGNED_IN robots::create;
    GET "/accounts/{account}/robots/{robot}" SIGNED_IN robots::show;
    POST "/accounts/{account}/robots/{robot}" SIGNED_IN robots::change;
    POST "/accounts/{account}/robots/{robot}/secret" SIGNED_IN robots::rotate;
    POST "/accounts/{account}/robots/{robot}/delete" SIGNED_IN robots::delete;
    GET "/accounts/{account}/namespaces/{namespace}/robots" SIGNED_IN robots::list;
    POST "/accounts/{account}/namespaces/{namespace}/robots" SIGNED_IN robots::create;
    GET "/accounts/{account}/members" SIGNED_IN members::list;
    POST "/accounts/{account}/members" SIGNED_IN members::give;
    GET "/accounts/{account}/members/{grant}" SIGNED_IN members::show;
    POST "/accounts/{account}/members/{grant}" SIGNED_IN members::change;
    POST "/accounts/{account}/members/{grant}/delete" SIGNED_IN members::take;
    GET "/accounts/{account}/namespaces/{namespace}/members" SIGNED_IN members::list;
    POST "/accounts/{account}/namespaces/{namespace}/members" SIGNED_IN members::give;
    GET "/accounts/{account}/rights" SIGNED_IN rights::show;
    GET "/accounts/{account}/namespaces/{namespace}/rights" SIGNED_IN rights::show;
    GET "/accounts/{account}/users" SIGNED_IN users::list;
    POST "/accounts/{account}/users" SIGNED_IN users::create;
    GET "/accounts/{account}/users/{user}" SIGNED_IN users::show;
    POST "/accounts/{account}/users/{user}/state" SIGNED_IN users::switch;
    POST "/accounts/{account}/users/{user}/password" SIGNED_IN users::reset;
    POST "/accounts/{account}/users/{user}/delete" SIGNED_IN users::delete;
    GET "/accounts/{account}/invitations" SIGNED_IN invitations::list;
    POST "/accounts/{account}/invitations" SIGNED_IN invitations::invite;
    POST "/accounts/{account}/invitations/{invitation}/revoke" SIGNED_IN invitations::revoke;
    GET "/invitations" SIGNED_IN invitations::own;
    POST "/invitations/{invitation}/accept" SIGNED_IN invitations::accept;
    POST "/invitations/{invitation}/decline" SIGNED_IN invitations::decline;
    GET "/accounts/{account}/groups" SIGNED_IN groups::list;
    POST "/accounts/{account}/groups" SIGNED_IN groups::create;
    GET "/accounts/{account}/groups/{group}" SIGNED_IN groups::show;
    POST "/accounts/{account}/groups/{group}/add" SIGNED_IN groups::add;
    POST "/accounts/{account}/groups/{group}/remove" SIGNED_IN groups::remove;
    POST "/accounts/{account}/groups/{group}/delete" SIGNED_IN groups::delete;
    GET "/accounts/{account}/roles" SIGNED_IN roles::list;
    POST "/accounts/{account}/roles" SIGNED_IN roles::create;
    GET "/accounts/{account}/roles/{role}" SIGNED_IN roles::show;
    POST "/accounts/{account}/roles/{role}" SIGNED_IN roles::change;
    POST "/accounts/{account}/roles/{role}/delete" SIGNED_IN roles::delete;
    GET "/accounts/{account}/trust-rules" SIGNED_IN trust_rules::list;
    POST "/accounts/{account}/trust-rules" SIGNED_IN trust_rules::create;
    GET "/accounts/{account}/trust-rules/{rule}" SIGNED_IN trust_rules::show;
    POST "/accounts/{account}/trust-rules/{rule}" SIGNED_IN trust_rules::change;
    POST "/accounts/{account}/trust-rules/{rule}/delete" SIGNED_IN trust_rules::delete;
    GET "/tokens" SIGNED_IN tokens::list;
    POST "/tokens" SIGNED_IN tokens::create;
    GET "/tokens/{token}" SIGNED_IN tokens::show;
    POST "/tokens/{token}" SIGNED_IN tokens::revoke;
};

/// The namespace of the path, if the page is about one.
fn place<'a>(visit: &'a Visit<'_>) -> Option<&'a str> {
    Some(visit.param("namespace")).filter(|name| !name.is_empty())
}

/// What is around a page of a namespace, or of the account.
async fn surroundings(
    visit: &Visit<'_>,
    by: &AccountContext,
    (place, section, tab): (Option<&str>, Section, Tab),
) -> Result<Frame, Failed> {
    match place {
        Some(name) => visit.frame_in(by, name, tab).await,
        None => visit.frame_of(by, section).await,
    }
}

/// The days that were typed; -1 for never.
fn days(visit: &Visit<'_>) -> Result<i64, Refused> {
    match visit.form.get("days").trim() {
        "" => Ok(-1),
        text => text.parse().map(|days: u32| days.into()).map_err(|_| {
            let text = visit.language.texts().people.no_days;
            Error::Invalid(text.to_owned()).into()
        }),
    }
}

/// How something is that is good until then.
fn until(expires_at_ms: Option<i64>, now_ms: i64) -> RobotState {
    match expires_at_ms {
        None => RobotState::Active,
        Some(at_ms) if at_ms <= now_ms => RobotState::Expired(Moment(at_ms)),
        Some(at_ms) if at_ms <= now_ms + SOON_DAYS * DAY_MS => RobotState::Soon(Moment(at_ms)),
        Some(at_ms) => RobotState::Until(Moment(at_ms)),
    }
}

/// The parts of the account's people that the caller may see.
async fn parts(visit: &Visit<'_>, by: &AccountContext, here: Part) -> Result<Parts, Failed> {
    let mut seen = Vec::new();
    for (part, action) in [
        (Part::Members, Action::GrantList),
        (Part::Users, Action::UserList),
        (Part::Invitations, Action::InvitationList),
        (Part::Groups, Action::UserGroupList),
        (Part::Roles, Action::RoleRead),
        (Part::TrustRules, Action::TrustRuleList),
    ] {
        if visit.may(by, action).await? {
            seen.push(part);
        }
    }
    Ok(Parts {
        account: by.account().name.clone(),
        seen,
        here,
    })
}

/// [`Visit::list_by_name`] of a list that calls the name otherwise.
fn list_by(visit: &Visit<'_>, field: &str) -> ListQuery {
    let mut query = visit.list_by_name();
    for condition in &mut query.conditions {
        field.clone_into(&mut condition.field);
    }
    query
}
