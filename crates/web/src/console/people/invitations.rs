//! Invitations: of an account, and those that the caller may accept.

use super::{members, mendable_name, parts};
use crate::console::failed::{Failed, mendable};
use crate::console::sent::Sent;
use crate::console::visit::Visit;
use http::StatusCode;
use model::{Action, Role};
use pages::people::invitations::{InvitationForm, InvitationLine, Invitations, OwnInvitations};
use pages::people::parts::Part;
use pages::{Link, Moment, Notice, Page as _, Section};
use services::{AccountContext, Error, InvitationRow, InvitationText, ListQuery, Refused};

/// Invitations of an account that are open, and of a user that are shown, at most.
const MOST: i64 = 100;

fn all_open() -> ListQuery {
    ListQuery {
        limit: MOST,
        is_uncounted: true,
        ..ListQuery::default()
    }
}

/// `GET /accounts/{account}/invitations`.
pub(super) async fn list(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    let form = InvitationForm {
        role: Role::Developer.as_str().to_owned(),
        days: "7".to_owned(),
        ..InvitationForm::default()
    };
    let page = page(visit, &by, form).await?;
    Ok(Sent::page(page.html()))
}

async fn page(
    visit: &Visit<'_>,
    by: &AccountContext,
    mut form: InvitationForm,
) -> Result<Invitations, Failed> {
    let invitations = &visit.services().invitations;
    let listed = invitations.list(by, all_open()).await?;
    let may_invite = visit.may(by, Action::InvitationCreate).await?;
    if may_invite {
        form.roles = members::roles(visit, by, false).await?;
    }
    Ok(Invitations {
        frame: visit.frame_of(by, Section::Members).await?,
        account: by.account().name.clone(),
        parts: parts(visit, by, Part::Invitations).await?,
        invitations: listed
            .items
            .into_iter()
            .map(|row| InvitationLine {
                name: row.user_name.clone(),
                ..line(row)
            })
            .collect(),
        may_revoke: visit.may(by, Action::InvitationDelete).await?,
        form: may_invite.then_some(form),
    })
}

/// An invitation as who is invited sees it.
fn line(row: InvitationRow) -> InvitationLine {
    InvitationLine {
        id: row.id.to_string(),
        name: row.account_name,
        role: row.role_name,
        namespace: row.namespace_name,
        by: row.invited_by,
        ends: Moment(row.expires_at_ms),
    }
}

/// `POST /accounts/{account}/invitations`.
pub(super) async fn invite(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    let text = |name| visit.form.get(name).trim().to_owned();
    let invited = match wanted(visit) {
        Ok(wanted) => visit.services().invitations.create(&by, wanted).await,
        Err(refused) => Err(refused),
    };
    match invited {
        Ok(_) => Ok(there(&by, Notice::Saved)),
        Err(refused) => {
            let form = InvitationForm {
                name: text("name"),
                role: text("role"),
                roles: Vec::new(),
                namespace: text("namespace"),
                days: text("days"),
                failed: Some(mendable_name(refused)?),
            };
            let page = page(visit, &by, form).await?;
            Ok(Sent::page(page.html()).with_status(StatusCode::UNPROCESSABLE_ENTITY))
        }
    }
}

fn wanted(visit: &Visit<'_>) -> Result<InvitationText, Refused> {
    let text = |name| visit.form.get(name).trim().to_owned();
    let days = text("days").parse().map_err(|_| {
        let text = visit.language.texts().people.open_days_hint;
        Error::Invalid(text.to_owned())
    })?;
    Ok(InvitationText {
        user: text("name"),
        role: text("role"),
        namespace: Some(text("namespace")).filter(|name| !name.is_empty()),
        days: Some(days),
    })
}

fn there(by: &AccountContext, notice: Notice) -> Sent {
    let link = Link::In(&by.account().name, "invitations");
    Sent::to(&format!("{link}?notice={}", notice.word()))
}

/// `POST /accounts/{account}/invitations/{invitation}/revoke`.
pub(super) async fn revoke(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    let id = visit.param("invitation");
    visit.services().invitations.revoke(&by, id).await?;
    Ok(there(&by, Notice::Deleted))
}

/// `GET /invitations`: those of others to the caller.
pub(super) async fn own(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let page = own_page(visit, None).await?;
    Ok(Sent::page(page.html()))
}

async fn own_page(visit: &Visit<'_>, failed: Option<String>) -> Result<OwnInvitations, Failed> {
    let rows = list_own(visit).await?;
    Ok(OwnInvitations {
        frame: visit.frame(),
        invitations: rows.into_iter().map(line).collect(),
        failed,
    })
}

async fn list_own(visit: &Visit<'_>) -> Result<Vec<InvitationRow>, Failed> {
    let invitations = &visit.services().invitations;
    let listed = invitations.list_own(visit.caller()?, all_open()).await?;
    Ok(listed.items)
}

/// `POST /invitations/{invitation}/accept`: then to the account.
pub(super) async fn accept(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let id = visit.param("invitation");
    let rows = list_own(visit).await?;
    let found = rows.into_iter().find(|row| row.id.as_str() == id);
    let row = found.ok_or_else(Failed::not_found)?;
    let accepted = visit.services().invitations.accept(visit.caller()?, id);
    match accepted.await {
        Ok(()) => {
            let link = Link::Account(&row.account_name);
            Ok(Sent::to(&format!("{link}?notice={}", Notice::Saved.word())))
        }
        Err(refused) => {
            let page = own_page(visit, Some(mendable(refused)?)).await?;
            Ok(Sent::page(page.html()).with_status(StatusCode::UNPROCESSABLE_ENTITY))
        }
    }
}

/// `POST /invitations/{invitation}/decline`.
pub(super) async fn decline(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let id = visit.param("invitation");
    let invitations = &visit.services().invitations;
    invitations.decline(visit.caller()?, id).await?;
    let notice = Notice::Deleted.word();
    Ok(Sent::to(&format!("{}?notice={notice}", Link::Invitations)))
}
