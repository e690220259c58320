//! What an account decides about itself: mail, sinks, identity sources, addresses, collections.

mod addresses;
mod collections;
mod identity_sources;
mod mail;
mod sinks;

use super::accounts::unsigned;
use super::failed::Failed;
use super::routes::{PageRoute, pages};
use super::sent::Sent;
use super::visit::Visit;
use model::Action;
use pages::settings::addresses::CertificateStanding;
use pages::settings::sinks::SinkStanding;
use pages::settings::{Settings, Standing};
use pages::{Link, Notice, Page as _, Section};
use services::{AccountContext, MailAddressState};

/// The pages.
pub(super) const PAGES: &[PageRoute] = pages! {
    GET "/accounts/{account}/settings" SIGNED_IN index;
    GET "/accounts/{account}/settings/mail" SIGNED_IN mail::show;
    POST "/accounts/{account}/settings/mail" SIGNED_IN mail::decide;
    POST "/accounts/{account}/settings/mail/resume" SIGNED_IN mail::resume;
    POST "/accounts/{account}/settings/mail/confirm" SIGNED_IN mail::confirm;
    POST "/accounts/{account}/settings/mail/addresses" SIGNED_IN mail::add;
    POST "/accounts/{account}/settings/mail/addresses/{mail_address}/ask" SIGNED_IN mail::ask_again;
    POST "/accounts/{account}/settings/mail/addresses/{mail_address}/delete" SIGNED_IN mail::remove;
    GET "/accounts/{account}/settings/sinks" SIGNED_IN sinks::list;
    POST "/accounts/{account}/settings/sinks" SIGNED_IN sinks::create;
    GET "/accounts/{account}/settings/sinks/{sink}" SIGNED_IN sinks::show;
    POST "/accounts/{account}/settings/sinks/{sink}" SIGNED_IN sinks::change;
    POST "/accounts/{account}/settings/sinks/{sink}/test" SIGNED_IN sinks::test;
    POST "/accounts/{account}/settings/sinks/{sink}/resume" SIGNED_IN sinks::resume;
    POST "/accounts/{account}/settings/sinks/{sink}/delete" SIGNED_IN sinks::delete;
    GET "/accounts/{account}/settings/identity-sources" SIGNED_IN identity_sources::list;
    POST "/accounts/{account}/settings/identity-sources" SIGNED_IN identity_sources::create;
    GET "/accounts/{account}/settings/identity-sources/{source}" SIGNED_IN identity_sources::show;
    POST "/accounts/{account}/settings/identity-sources/{source}" SIGNED_IN identity_sources::change;
    POST "/accounts/{account}/settings/identity-sources/{source}/test" SIGNED_IN identity_sources::test;
    POST "/accounts/{account}/settings/identity-sources/{source}/delete" SIGNED_IN identity_sources::delete;
    GET "/accounts/{account}/settings/addresses" SIGNED_IN addresses::list;
    POST "/accounts/{account}/settings/addresses" SIGNED_IN addresses::claim;
    GET "/accounts/{account}/settings/addresses/{host}" SIGNED_IN addresses::show;
    POST "/accounts/{account}/settings/addresses/{host}/prove" SIGNED_IN addresses::prove;
    POST "/accounts/{account}/settings/addresses/{host}/certificate" SIGNED_IN addresses::put_certificate;
    POST "/accounts/{account}/settings/addresses/{host}/certificate/delete" SIGNED_IN addresses::delete_certificate;
    POST "/accounts/{account}/settings/addresses/{host}/delete" SIGNED_IN addresses::delete;
    GET "/accounts/{account}/settings/collections" SIGNED_IN collections::show;
    POST "/accounts/{account}/settings/collections" SIGNED_IN collections::start;
    POST "/accounts/{account}/settings/collections/schedule" SIGNED_IN collections::plan;
    POST "/accounts/{account}/settings/collections/{number}/stop" SIGNED_IN collections::stop;
};

/// The way to a page of the settings that needs no name, with what was done.
fn there(by: &AccountContext, place: &'static str, notice: Notice) -> Sent {
    let link = Link::In(&by.account().name, place);
    Sent::to(&format!("{link}?notice={}", notice.word()))
}

/// `GET /accounts/{account}/settings`: the parts that the caller may see.
async fn index(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    let parts = parts(visit, &by).await?;
    if parts.is_empty() {
        let authorizer = &visit.services().authorizer;
        authorizer.require(&by, Action::MailRead).await?;
    }
    let page = Settings {
        frame: visit.frame_of(&by, Section::Settings).await?,
        account: by.account().name.clone(),
        parts,
    };
    Ok(Sent::page(page.html()))
}

async fn parts(visit: &Visit<'_>, by: &AccountContext) -> Result<Vec<Standing>, Failed> {
    let mut parts = Vec::new();
    if visit.may(by, Action::MailRead).await? {
        parts.push(of_mail(visit, by).await?);
    }
    if visit.may(by, Action::SinkList).await? {
        parts.push(of_sinks(visit, by).await?);
    }
    if visit.may(by, Action::IdentitySourceList).await? {
        let all = identity_sources::count(visit, by).await?;
        parts.push(Standing::IdentitySources { all });
    }
    if visit.may(by, Action::AccountRead).await? {
        parts.push(of_addresses(visit, by).await?);
    }
    if visit.may(by, Action::GarbageCollectionList).await? {
        let freed = collections::freed(visit, by).await?;
        parts.push(Standing::Collections { freed });
    }
    Ok(parts)
}

async fn of_mail(visit: &Visit<'_>, by: &AccountContext) -> Result<Standing, Failed> {
    let view = visit.services().mail.get(by).await?;
    let is_told = |state| state == MailAddressState::Confirmed;
    let states = view.addresses.iter().map(|row| row.state);
    let told = states.filter(|state| is_told(*state)).count();
    Ok(Standing::Mail {
        told: told as u64,
        others: (view.addresses.len() - told) as u64,
        is_failing: view.follower.is_some_and(|one| one.failures > 0),
    })
}

async fn of_sinks(visit: &Visit<'_>, by: &AccountContext) -> Result<Standing, Failed> {
    let listed = visit.services().sinks.list(by).await?;
    let standings = listed.iter().map(sinks::standing);
    let is_failing =
        |one: &SinkStanding| matches!(one, SinkStanding::Failing(..) | SinkStanding::Paused(..));
    Ok(Standing::Sinks {
        all: listed.len() as u64,
        failing: standings.filter(is_failing).count() as u64,
    })
}

async fn of_addresses(visit: &Visit<'_>, by: &AccountContext) -> Result<Standing, Failed> {
    let listed = visit.services().addresses.list(by).await?;
    let claimed = listed.iter().filter(|one| one.claim.is_some()).count();
    let mut certificates = listed.iter().filter_map(|one| one.certificate.as_ref());
    Ok(Standing::Addresses {
        own: (listed.len() - claimed) as u64,
        claimed: claimed as u64,
        is_ending: certificates.any(|one| addresses::standing(one) != CertificateStanding::Good),
    })
}
