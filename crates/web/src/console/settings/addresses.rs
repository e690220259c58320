//! Addresses: under which host names an account is reached, and with which certificates.

use super::{there, unsigned};
use crate::console::failed::{Failed, mendable};
use crate::console::sent::Sent;
use crate::console::visit::Visit;
use http::StatusCode;
use model::Action;
use pages::settings::addresses::{
    Address, AddressForm, AddressLine, Addresses, Certificate, CertificateStanding, Claim,
};
use pages::{Link, Moment, Notice, Page as _, Section};
use services::{
    AccountAddress, AccountContext, CertificateView, NewCertificate, ProofMethod, Refused,
};

const PLACE: &str = "settings/addresses";
/// What ends within so many days is marked.
const SOON_DAYS: i64 = 30;

/// `GET /accounts/{account}/settings/addresses`.
pub(super) async fn list(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    let page = page(visit, &by).await?;
    Ok(Sent::page(page.html()))
}

async fn page(visit: &Visit<'_>, by: &AccountContext) -> Result<Addresses, Failed> {
    let listed = visit.services().addresses.list(by).await?;
    Ok(Addresses {
        frame: visit.frame_of(by, Section::Settings).await?,
        account: by.account().name.clone(),
        addresses: listed.into_iter().map(line).collect(),
        may_change: visit.may(by, Action::AccountUpdate).await?,
        typed: String::new(),
        failed: None,
    })
}

pub(super) fn standing(view: &CertificateView) -> CertificateStanding {
    match view.days_left {
        ..0 => CertificateStanding::Ended,
        days @ 0..=SOON_DAYS => CertificateStanding::Soon(unsigned(days)),
        _ => CertificateStanding::Good,
    }
}

fn line(address: AccountAddress) -> AddressLine {
    AddressLine {
        host: address.host,
        is_automatic: address.is_automatic,
        claim: address.claim.map(|claim| Claim {
            record: claim.record,
            url: claim.url,
            content: claim.content,
            until: Moment(claim.expires_at_ms),
        }),
        certificate: address.certificate.map(|view| Certificate {
            standing: standing(&view),
            subject: view.subject,
            issuer: view.issuer,
            names: view.names,
            fingerprint: view.fingerprint,
            begins: Moment(view.begins_at_ms),
            ends: Moment(view.ends_at_ms),
        }),
    }
}

fn one(by: &AccountContext, host: &str, notice: Notice) -> Sent {
    let link = Link::Under(&by.account().name, &["settings", "addresses", host]).to_string();
    Sent::to(&format!("{link}?notice={}", notice.word()))
}

/// `POST /accounts/{account}/settings/addresses`: claims one, and goes on to what proves it.
pub(super) async fn claim(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    let host = visit.form.get("host").trim();
    match visit.services().addresses.claim(&by, host).await {
        Ok(claimed) => Ok(one(&by, &claimed.host, Notice::Saved)),
        Err(refused) => {
            let why = mendable(refused)?;
            let mut page = page(visit, &by).await?;
            visit.form.get("host").clone_into(&mut page.typed);
            page.failed = Some(why);
            Ok(Sent::page(page.html()).with_status(StatusCode::UNPROCESSABLE_ENTITY))
        }
    }
}

/// The address of the path.
async fn find(visit: &Visit<'_>, by: &AccountContext) -> Result<Address, Failed> {
    let listed = visit.services().addresses.list(by).await?;
    let mut listed = listed.into_iter();
    let found = listed.find(|address| address.host == visit.param("host"));
    Ok(Address {
        frame: visit.frame_of(by, Section::Settings).await?,
        account: by.account().name.clone(),
        line: line(found.ok_or_else(Failed::not_found)?),
        may_change: visit.may(by, Action::AccountUpdate).await?,
        typed: String::new(),
        failed: None,
    })
}

/// `GET /accounts/{account}/settings/addresses/{host}`.
pub(super) async fn show(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    let page = find(visit, &by).await?;
    Ok(Sent::page(page.html()))
}

/// The page with why something did not work.
fn failed(mut page: Address, form: AddressForm, why: String) -> Sent {
    page.failed = Some((form, why));
    Sent::page(page.html()).with_status(StatusCode::UNPROCESSABLE_ENTITY)
}

/// `POST /accounts/{account}/settings/addresses/{host}/prove`: looks for the proof.
pub(super) async fn prove(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    require_change(visit, &by).await?;
    let page = find(visit, &by).await?;
    let method = match visit.form.get("method") {
        "http" => ProofMethod::Http,
        _ => ProofMethod::Dns,
    };
    let addresses = &visit.services().addresses;
    match addresses.prove(&by, &page.line.host, method).await {
        Ok(proved) => Ok(one(&by, &proved.host, Notice::Saved)),
        Err(refused) => Ok(failed(page, AddressForm::Proof, mendable(refused)?)),
    }
}

/// Whoever may not change addresses is told so before anything else.
async fn require_change(visit: &Visit<'_>, by: &AccountContext) -> Result<(), Refused> {
    let authorizer = &visit.services().authorizer;
    authorizer.require(by, Action::AccountUpdate).await
}

/// `POST /accounts/{account}/settings/addresses/{host}/certificate`: shows another one there from now on.
pub(super) async fn put_certificate(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    require_change(visit, &by).await?;
    let mut page = find(visit, &by).await?;
    let new = NewCertificate {
        chain: visit.form.get("chain").to_owned(),
        private_key: visit.form.secret("key"),
    };
    let certificates = &visit.services().certificates;
    match certificates.put(&by, &page.line.host, new).await {
        Ok(_) => Ok(one(&by, &page.line.host, Notice::Saved)),
        Err(refused) => {
            visit.form.get("chain").clone_into(&mut page.typed);
            Ok(failed(page, AddressForm::Certificate, mendable(refused)?))
        }
    }
}

fn is_sure(visit: &Visit<'_>, host: &str) -> bool {
    let typed = visit.form.get("confirm").trim();
    typed.eq_ignore_ascii_case(host)
}

/// `POST /accounts/{account}/settings/addresses/{host}/certificate/delete`: with the host's name typed.
pub(super) async fn delete_certificate(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    require_change(visit, &by).await?;
    let page = find(visit, &by).await?;
    if !is_sure(visit, &page.line.host) {
        let why = visit.language.texts().people.name_differs.to_owned();
        return Ok(failed(page, AddressForm::NoCertificate, why));
    }
    let certificates = &visit.services().certificates;
    certificates.delete(&by, &page.line.host).await?;
    Ok(one(&by, &page.line.host, Notice::Deleted))
}

/// `POST /accounts/{account}/settings/addresses/{host}/delete`: with its name typed, since nothing brings it back.
pub(super) async fn delete(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    require_change(visit, &by).await?;
    let page = find(visit, &by).await?;
    if !is_sure(visit, &page.line.host) {
        let why = visit.language.texts().people.name_differs.to_owned();
        return Ok(failed(page, AddressForm::Delete, why));
    }
    let addresses = &visit.services().addresses;
    addresses.remove(&by, &page.line.host).await?;
    Ok(there(&by, PLACE, Notice::Deleted))
}
