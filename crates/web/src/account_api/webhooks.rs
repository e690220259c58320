//! Webhooks: receivers that a namespace tells of what happens in it.

use super::network::{Versioned, if_match};
use super::query::Parameter;
use super::reply::{Answered, Created, Done, List, Shown};
use super::time::Time;
use super::{ApiError, Call};
use serde::{Deserialize, Serialize};
use services::{
    Comparison, Condition, DeliveryRow, NamespaceRef, SecretString, Value, WebhookKind,
    WebhookSpec, WebhookView,
};
use utoipa::ToSchema;

pub(super) const DELIVERIES: &[Parameter] = &[Parameter::one_of(
    "state",
    "Only deliveries in this state.",
    &["waiting", "delivered", "failed", "cancelled"],
)];

/// What receives.
#[derive(Clone, Copy, Default, PartialEq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum WebhookReceiver {
    /// Any receiver.
    #[default]
    Http,
    /// Slack, or what understands its messages.
    Slack,
}

/// What is sent to a receiver of type `http`.
#[derive(Clone, Copy, Default, PartialEq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum WebhookFormat {
    /// Harbor's form.
    #[default]
    Default,
    /// CloudEvents 1.0, structured JSON.
    Cloudevents,
}

fn enabled() -> bool {
    true
}

/// A webhook, to be made or to become.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WebhookText {
    /// Its name, unique in the namespace.
    #[schema(min_length = 1, max_length = 128)]
    name: String,
    /// What people say of it.
    #[serde(default)]
    #[schema(max_length = 1024)]
    description: String,
    /// What receives.
    #[serde(default, rename = "type")]
    kind: WebhookReceiver,
    /// What is sent.
    #[serde(default)]
    format: WebhookFormat,
    /// Where it is sent. It may carry a secret, so of its query nothing is shown; without it, or as it is shown, it stays.
    #[schema(max_length = 2048, example = "https://ci.example.com/hooks/images")]
    url: Option<String>,
    /// What is sent as `Authorization`. It is never shown; without it, it stays; empty for none.
    #[schema(max_length = 1024)]
    auth_header: Option<String>,
    /// What signs each delivery. It is never shown; without it, it stays; empty for none.
    #[schema(max_length = 1024)]
    secret: Option<String>,
    /// Whether the receiver may show any certificate.
    #[serde(default)]
    skip_cert_verify: bool,
    /// What it is told of.
    #[schema(min_items = 1, max_items = 20, example = json!(["PUSH_ARTIFACT"]))]
    event_types: Vec<String>,
    /// Only repositories like this pattern, without the namespace; empty for all.
    #[serde(default)]
    #[schema(max_length = 256, example = "web/**")]
    repositories: String,
    /// Only tags like this pattern; empty for all.
    #[serde(default)]
    #[schema(max_length = 256, example = "v*")]
    tags: String,
    /// Whether it is told of anything at present.
    #[serde(default = "enabled")]
    enabled: bool,
}

/// From where on a webhook that was paused goes on.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WebhookResumption {
    /// Whether what happened meanwhile is left out.
    #[serde(default)]
    skip: bool,
}

/// A webhook.
#[derive(Serialize, ToSchema)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a field of the answer"
)]
pub(super) struct WebhookShown {
    /// Its number.
    id: i64,
    /// Its name.
    name: String,
    /// What people say of it.
    description: String,
    /// What receives.
    #[serde(rename = "type")]
    kind: WebhookReceiver,
    /// What is sent.
    format: WebhookFormat,
    /// Where it is sent, without what may be secret.
    url: String,
    /// Whether something is sent as `Authorization`.
    has_auth_header: bool,
    /// Whether deliveries are signed.
    has_secret: bool,
    /// Whether the receiver may show any certificate.
    skip_cert_verify: bool,
    /// What it is told of.
    event_types: Vec<String>,
    /// The pattern of repositories.
    repositories: String,
    /// The pattern of tags.
    tags: String,
    /// Whether it is told of anything at present.
    enabled: bool,
    /// Whether it was stopped because its receiver failed for a day.
    paused: bool,
    /// Failures since the last success.
    failures: i64,
    /// Since when nothing but failures came.
    failing_since: Option<Time>,
    /// When it is tried again.
    retry_at: Option<Time>,
    /// Why it failed last.
    last_error: Option<String>,
    /// Events of the account that it has not read yet.
    events_behind: i64,
    /// Events that were purged before it read them.
    events_missed: i64,
    /// Who made it.
    creator: String,
    /// When it was made.
    created_at: Time,
    /// When it was last changed.
    updated_at: Time,
}

/// What a webhook was told of, or waits to be.
#[derive(Serialize, ToSchema)]
pub(super) struct DeliveryShown {
    /// Its number in the webhook.
    id: i64,
    /// The event: the same for all deliveries of one, and the `id` of a CloudEvent.
    event_id: String,
    /// What happened.
    event_type: String,
    /// Why: `event`, `trial` or `again`.
    cause: String,
    /// The delivery that is sent again.
    of: Option<i64>,
    /// `waiting`, `delivered`, `failed` or `cancelled`.
    state: String,
    /// Requests so far.
    attempts: i64,
    /// The last answer's status.
    response_status: Option<i64>,
    /// Some of the last answer.
    response: Option<String>,
    /// Why the last request failed.
    error: Option<String>,
    /// How long the last request took.
    duration_ms: Option<i64>,
    /// What is sent.
    payload: String,
    /// When it was made.
    created_at: Time,
    /// When the last request began.
    sent_at: Option<Time>,
    /// When it was delivered or given up.
    ended_at: Option<Time>,
}

fn read(text: WebhookText) -> WebhookSpec {
    WebhookSpec {
        name: text.name,
        description: text.description,
        kind: match text.kind {
            WebhookReceiver::Http => WebhookKind::Http,
            WebhookReceiver::Slack => WebhookKind::Slack,
        },
        is_cloud_event: text.format == WebhookFormat::Cloudevents,
        url: text.url,
        auth_header: text.auth_header.map(SecretString::new),
        secret: text.secret.map(SecretString::new),
        verifies_certificate: !text.skip_cert_verify,
        event_types: text.event_types,
        repositories: Some(text.repositories),
        tags: Some(text.tags),
        is_enabled: text.enabled,
    }
}

fn shown(view: WebhookView) -> WebhookShown {
    let (row, follower) = (view.row, view.follower);
    let time = |at_ms: Option<i64>| at_ms.map(Time::from_ms);
    WebhookShown {
        id: view.number,
        name: row.name,
        description: row.description,
        kind: if row.kind == "slack" {
            WebhookReceiver::Slack
        } else {
            WebhookReceiver::Http
        },
        format: if row.format == "cloudevents" {
            WebhookFormat::Cloudevents
        } else {
            WebhookFormat::Default
        },
        url: row.shown_url,
        has_auth_header: row.sealed_auth.is_some(),
        has_secret: row.sealed_secret.is_some(),
        skip_cert_verify: !row.verifies_certificate,
        event_types: row.event_types,
        repositories: row.repositories,
        tags: row.tags,
        enabled: row.is_enabled,
        paused: follower.as_ref().is_some_and(|follower| follower.is_paused),
        failures: follower.as_ref().map_or(0, |follower| follower.failures),
        failing_since: time(follower.as_ref().and_then(|it| it.failing_since_ms)),
        retry_at: time(follower.as_ref().and_then(|it| it.retry_at_ms)),
        events_behind: view.lag.unwrap_or_default(),
        events_missed: follower.as_ref().map_or(0, |follower| follower.missed),
        last_error: follower.and_then(|follower| follower.last_error),
        creator: row.creator,
        created_at: Time::from_ms(row.created_at_ms),
        updated_at: Time::from_ms(row.updated_at_ms),
    }
}

fn told(delivery: DeliveryRow) -> DeliveryShown {
    DeliveryShown {
        id: delivery.number,
        event_id: delivery.event_id,
        event_type: delivery.event_type,
        cause: delivery.cause,
        of: delivery.of_number,
        state: delivery.state,
        attempts: delivery.attempts,
        response_status: delivery.response_status,
        response: delivery.response,
        error: delivery.error,
        duration_ms: delivery.duration_ms,
        payload: delivery.payload,
        created_at: Time::from_ms(delivery.created_at_ms),
        sent_at: delivery.sent_at_ms.map(Time::from_ms),
        ended_at: delivery.ended_at_ms.map(Time::from_ms),
    }
}

/// The webhook that a path names.
fn place<'a>(call: &'a Call<'_>) -> Answered<(NamespaceRef<'a>, i64)> {
    Ok((namespace(call), number(call, "webhook")?))
}

fn namespace<'a>(call: &'a Call<'_>) -> NamespaceRef<'a> {
    NamespaceRef::Name(call.param("namespace"))
}

fn number(call: &Call<'_>, what: &str) -> Answered<i64> {
    call.param(what)
        .parse()
        .map_err(|_| ApiError::invalid(format!("the {what} in the path is named by its number")))
}

fn versioned(view: WebhookView) -> Versioned<Shown<WebhookShown>> {
    Versioned {
        version: view.row.version,
        answer: Shown(shown(view)),
    }
}

pub(super) async fn list(call: &Call<'_>) -> Answered<List<WebhookShown>> {
    let by = call.account().await?;
    let (webhooks, query) = (&call.services().webhooks, call.list_query()?);
    let listed = webhooks.list(&by, namespace(call), query).await?;
    call.counted(listed, shown)
}

pub(super) async fn create(call: &Call<'_>, text: WebhookText) -> Answered<Created<WebhookShown>> {
    let by = call.account().await?;
    let webhooks = &call.services().webhooks;
    let made = webhooks.create(&by, namespace(call), read(text)).await?;
    let location = call.location(&made.number.to_string());
    Ok(Created::at(location, shown(made)))
}

pub(super) async fn get(call: &Call<'_>) -> Answered<Versioned<Shown<WebhookShown>>> {
    let by = call.account().await?;
    let (namespace, number) = place(call)?;
    let webhooks = &call.services().webhooks;
    Ok(versioned(webhooks.get(&by, namespace, number).await?))
}

pub(super) async fn put(
    call: &Call<'_>,
    text: WebhookText,
) -> Answered<Versioned<Shown<WebhookShown>>> {
    let by = call.account().await?;
    let (webhooks, version) = (&call.services().webhooks, if_match(call));
    let updated = webhooks.update(&by, place(call)?, read(text), version);
    Ok(versioned(updated.await?))
}

pub(super) async fn delete(call: &Call<'_>) -> Answered<Done> {
    let by = call.account().await?;
    let (namespace, number) = place(call)?;
    let webhooks = &call.services().webhooks;
    webhooks.delete(&by, namespace, number).await?;
    Ok(Done)
}

pub(super) async fn test(call: &Call<'_>) -> Answered<Created<DeliveryShown>> {
    let by = call.account().await?;
    let webhooks = &call.services().webhooks;
    let delivery = webhooks.test(&by, place(call)?).await?;
    Ok(made(call, "/test", delivery))
}

pub(super) async fn deliveries(call: &Call<'_>) -> Answered<List<DeliveryShown>> {
    let by = call.account().await?;
    let mut query = call.list_query()?;
    if let Some(state) = call.query.text("state") {
        query.conditions.push(Condition {
            field: "status".to_owned(),
            comparison: Comparison::AnyOf(vec![Value {
                text: state.to_owned(),
                time_ms: None,
            }]),
        });
    }
    let webhooks = &call.services().webhooks;
    let listed = webhooks.deliveries(&by, place(call)?, query).await?;
    call.counted(listed, told)
}

pub(super) async fn delivery(call: &Call<'_>) -> Answered<Shown<DeliveryShown>> {
    let by = call.account().await?;
    let webhooks = &call.services().webhooks;
    let found = webhooks.delivery(&by, place(call)?, number(call, "delivery")?);
    Ok(Shown(told(found.await?)))
}

pub(super) async fn redeliver(call: &Call<'_>) -> Answered<Created<DeliveryShown>> {
    let by = call.account().await?;
    let webhooks = &call.services().webhooks;
    let of = number(call, "delivery")?;
    let delivery = webhooks.redeliver(&by, place(call)?, of).await?;
    Ok(made(
        call,
        &format!("/deliveries/{of}/redelivery"),
        delivery,
    ))
}

pub(super) async fn resume(
    call: &Call<'_>,
    from: WebhookResumption,
) -> Answered<Shown<WebhookShown>> {
    let by = call.account().await?;
    let webhooks = &call.services().webhooks;
    let view = webhooks.resume(&by, place(call)?, from.skip).await?;
    Ok(Shown(shown(view)))
}

/// A new delivery, whose path is that of the webhook with its number.
fn made(call: &Call<'_>, asked: &str, delivery: DeliveryRow) -> Created<DeliveryShown> {
    let path = call.path.trim_end_matches('/');
    let webhook = path.strip_suffix(asked).unwrap_or(path);
    let location = format!("{webhook}/deliveries/{}", delivery.number);
    Created::at(location, told(delivery))
}
