//! Mail: of what an account is told, and who is.

use super::{there, unsigned};
use crate::console::failed::{Failed, mendable, mendable_name};
use crate::console::sent::Sent;
use crate::console::visit::Visit;
use http::StatusCode;
use model::Action;
use pages::settings::mail::{AddressStanding, Mail, MailAddress, MailForm, MailState};
use pages::{Moment, Notice, Page as _, Section};
use services::{AccountContext, MAIL_EVENT_TYPES, MailAddressRow, MailAddressState, MailView};

const PLACE: &str = "settings/mail";

/// `GET /accounts/{account}/settings/mail`.
pub(super) async fn show(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    let page = page(visit, &by).await?;
    Ok(Sent::page(page.html()))
}

async fn page(visit: &Visit<'_>, by: &AccountContext) -> Result<Mail, Failed> {
    let view = visit.services().mail.get(by).await?;
    let is_told = |kind: &str| view.event_types.iter().any(|told| told == kind);
    let may_remove = visit.may(by, Action::MailUpdate).await?;
    Ok(Mail {
        frame: visit.frame_of(by, Section::Settings).await?,
        account: by.account().name.clone(),
        kinds: MAIL_EVENT_TYPES.map(|kind| (kind, is_told(kind))).to_vec(),
        state: state(&view),
        addresses: view.addresses.into_iter().map(address).collect(),
        // Whoever decides what is told where may read it anyway.
        may_change: may_remove && visit.may(by, Action::AuditLogList).await?,
        may_remove,
        typed: String::new(),
        failed: None,
    })
}

fn state(view: &MailView) -> MailState {
    let follower = view.follower.as_ref();
    let failing = follower.filter(|one| one.failures > 0 || one.is_paused);
    MailState {
        is_paused: follower.is_some_and(|one| one.is_paused),
        error: failing.and_then(|one| one.last_error.clone()),
        behind: unsigned(view.lag_events),
        sent: unsigned(view.sent_mails),
        sent_at: view.sent_at_ms.map(Moment),
    }
}

fn address(row: MailAddressRow) -> MailAddress {
    MailAddress {
        standing: match row.state {
            MailAddressState::Unconfirmed => AddressStanding::Asked(row.code_until_ms.map(Moment)),
            MailAddressState::Confirmed => AddressStanding::Told,
            MailAddressState::Refused => AddressStanding::Refused,
        },
        id: row.id,
        address: row.address,
        error: row.error,
        creator: row.creator,
    }
}

/// The page with why something did not work.
async fn failed(
    visit: &Visit<'_>,
    by: &AccountContext,
    (form, why): (MailForm, String),
) -> Result<Sent, Failed> {
    let mut page = page(visit, by).await?;
    match form {
        MailForm::Address => visit.form.get("address").clone_into(&mut page.typed),
        MailForm::Kinds => {
            for (kind, is_told) in &mut page.kinds {
                *is_told = visit.form.all("kind").any(|told| told == *kind);
            }
        }
        MailForm::Code | MailForm::Line => {}
    }
    page.failed = Some((form, why));
    Ok(Sent::page(page.html()).with_status(StatusCode::UNPROCESSABLE_ENTITY))
}

/// `POST /accounts/{account}/settings/mail`: of which kinds of events is told.
pub(super) async fn decide(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    let kinds = visit.form.all("kind").map(str::to_owned).collect();
    match visit.services().mail.set(&by, kinds).await {
        Ok(_) => Ok(there(&by, PLACE, Notice::Saved)),
        Err(refused) => failed(visit, &by, (MailForm::Kinds, mendable(refused)?)).await,
    }
}

/// `POST /accounts/{account}/settings/mail/resume`: lets mail that was stopped go on.
pub(super) async fn resume(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    let skips = visit.form.is_on("skip");
    match visit.services().mail.resume(&by, skips).await {
        Ok(_) => Ok(there(&by, PLACE, Notice::Started)),
        Err(refused) => failed(visit, &by, (MailForm::Line, mendable(refused)?)).await,
    }
}

/// `POST /accounts/{account}/settings/mail/addresses`: writes one down, which gets a code.
pub(super) async fn add(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    let address = visit.form.get("address").trim();
    match visit.services().mail.add(&by, address).await {
        Ok(_) => Ok(there(&by, PLACE, Notice::Saved)),
        Err(refused) => failed(visit, &by, (MailForm::Address, mendable(refused)?)).await,
    }
}

/// `POST /accounts/{account}/settings/mail/addresses/{mail_address}/ask`: sends it another code.
pub(super) async fn ask_again(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    let asked = visit
        .services()
        .mail
        .ask_again(&by, visit.param("mail_address"));
    match asked.await {
        Ok(_) => Ok(there(&by, PLACE, Notice::Started)),
        Err(refused) => failed(visit, &by, (MailForm::Line, mendable(refused)?)).await,
    }
}

/// `POST /accounts/{account}/settings/mail/addresses/{mail_address}/delete`.
pub(super) async fn remove(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    let mail = &visit.services().mail;
    mail.remove(&by, visit.param("mail_address")).await?;
    Ok(there(&by, PLACE, Notice::Deleted))
}

/// `POST /accounts/{account}/settings/mail/confirm`: by the code that an address got.
pub(super) async fn confirm(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    let authorizer = &visit.services().authorizer;
    authorizer.require(&by, Action::MailRead).await?;
    let code = visit.form.get("code").trim();
    let confirmed = visit.services().mail.confirm(visit.caller()?, code).await;
    match confirmed {
        Ok(()) => Ok(there(&by, PLACE, Notice::Saved)),
        Err(error) => failed(visit, &by, (MailForm::Code, mendable_name(error.into())?)).await,
    }
}
