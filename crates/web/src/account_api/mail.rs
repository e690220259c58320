//! Mail: of what an account is told, and to which addresses; and what whoever reads that mail decides.

use super::Call;
use super::reply::{Answered, Created, Done, Shown};
use super::time::Time;
use serde::{Deserialize, Serialize};
use services::{MailAddressRow, MailAddressState, MailView};
use utoipa::ToSchema;

/// Of what an account is told by mail.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MailText {
    /// Kinds of events, of those that can be told: `job.failed`, `webhook.paused`, `sink.paused`, `account.storage_warning`,
    /// `quota.exceeded`, `address.certificate_ending`; none for no mail.
    #[schema(max_items = 100)]
    event_types: Vec<String>,
}

/// An address to be written down.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MailAddressText {
    /// The address, without a name before it.
    #[schema(max_length = 254, example = "ops@example.com")]
    address: String,
}

/// From where on mail that was paused goes on.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MailResumption {
    /// Whether what happened meanwhile is left out.
    #[serde(default)]
    skip: bool,
}

/// What stands in a mail, and lets its reader decide.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MailCode {
    /// The code.
    #[schema(max_length = 128)]
    code: String,
}

/// How far an address is.
#[derive(Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum MailAddressCondition {
    /// Nobody there has agreed yet.
    Unconfirmed,
    /// It is told.
    Confirmed,
    /// The mail server takes nothing for it; confirmed anew, it is told again.
    Refused,
}

/// An address.
#[derive(Serialize, ToSchema)]
pub(super) struct MailAddressShown {
    /// Its identifier, as in the audit log.
    id: String,
    /// The address.
    address: String,
    /// How far it is.
    state: MailAddressCondition,
    /// Until when the code is good that was sent there last.
    code_until: Option<Time>,
    /// Why the last mail to it was not sent.
    error: Option<String>,
    /// Who wrote it down.
    creator: String,
    /// When that was.
    created_at: Time,
    /// When it was confirmed.
    confirmed_at: Option<Time>,
}

/// What an account has told by mail.
#[derive(Serialize, ToSchema)]
pub(super) struct MailShown {
    /// Kinds of events.
    event_types: Vec<String>,
    /// Addresses, by name; at most ten. Only those that are confirmed are told.
    addresses: Vec<MailAddressShown>,
    /// Whether it was stopped because the mail server failed for a day.
    paused: bool,
    /// Failures since the last success.
    failures: i64,
    /// Since when nothing but failures came.
    failing_since: Option<Time>,
    /// When it is tried again, or there is room for mail again.
    retry_at: Option<Time>,
    /// Why it failed last.
    last_error: Option<String>,
    /// Events of any kind that were not looked at yet.
    lag_events: i64,
    /// Events that were purged before they were looked at.
    missed_events: i64,
    /// Mails that the mail server took, those that came twice counted twice.
    sent_mails: i64,
    /// When it last took one.
    sent_at: Option<Time>,
}

fn shown_address(row: MailAddressRow) -> MailAddressShown {
    MailAddressShown {
        id: row.id,
        address: row.address,
        state: match row.state {
            MailAddressState::Unconfirmed => MailAddressCondition::Unconfirmed,
            MailAddressState::Confirmed => MailAddressCondition::Confirmed,
            MailAddressState::Refused => MailAddressCondition::Refused,
        },
        code_until: row.code_until_ms.map(Time::from_ms),
        error: row.error,
        creator: row.creator,
        created_at: Time::from_ms(row.created_at_ms),
        confirmed_at: row.confirmed_at_ms.map(Time::from_ms),
    }
}

fn shown(call: &Call<'_>, view: MailView) -> Shown<MailShown> {
    let follower = view.follower;
    let time = |at_ms: Option<i64>| at_ms.map(Time::from_ms);
    let now_ms = call.services().now_ms();
    let retry_at_ms = follower.as_ref().and_then(|one| one.retry_at_ms);
    Shown(MailShown {
        event_types: view.event_types,
        addresses: view.addresses.into_iter().map(shown_address).collect(),
        paused: follower.as_ref().is_some_and(|one| one.is_paused),
        failures: follower.as_ref().map_or(0, |one| one.failures),
        failing_since: time(follower.as_ref().and_then(|one| one.failing_since_ms)),
        retry_at: time(retry_at_ms.filter(|at_ms| *at_ms > now_ms)),
        missed_events: follower.as_ref().map_or(0, |one| one.missed),
        last_error: follower.and_then(|one| one.last_error),
        lag_events: view.lag_events,
        sent_mails: view.sent_mails,
        sent_at: time(view.sent_at_ms),
    })
}

pub(super) async fn get(call: &Call<'_>) -> Answered<Shown<MailShown>> {
    let by = call.account().await?;
    Ok(shown(call, call.services().mail.get(&by).await?))
}

pub(super) async fn put(call: &Call<'_>, text: MailText) -> Answered<Shown<MailShown>> {
    let by = call.account().await?;
    let view = call.services().mail.set(&by, text.event_types).await?;
    Ok(shown(call, view))
}

pub(super) async fn resume(call: &Call<'_>, from: MailResumption) -> Answered<Shown<MailShown>> {
    let by = call.account().await?;
    let view = call.services().mail.resume(&by, from.skip).await?;
    Ok(shown(call, view))
}

pub(super) async fn add(
    call: &Call<'_>,
    text: MailAddressText,
) -> Answered<Created<MailAddressShown>> {
    let by = call.account().await?;
    let row = call.services().mail.add(&by, &text.address).await?;
    let location = call.location(&row.id);
    Ok(Created::at(location, shown_address(row)))
}

pub(super) async fn ask_again(call: &Call<'_>) -> Answered<Shown<MailAddressShown>> {
    let by = call.account().await?;
    let mail = &call.services().mail;
    let row = mail.ask_again(&by, call.param("mail_address")).await?;
    Ok(Shown(shown_address(row)))
}

pub(super) async fn remove(call: &Call<'_>) -> Answered<Done> {
    let by = call.account().await?;
    let mail = &call.services().mail;
    mail.remove(&by, call.param("mail_address")).await?;
    Ok(Done)
}

pub(super) async fn confirm(call: &Call<'_>, text: MailCode) -> Answered<Done> {
    let mail = &call.services().mail;
    mail.confirm(call.caller(), &text.code).await?;
    Ok(Done)
}

pub(super) async fn stop(call: &Call<'_>, text: MailCode) -> Answered<Done> {
    let mail = &call.services().mail;
    mail.stop(call.caller(), &text.code).await?;
    Ok(Done)
}
