//! Sinks: places outside to which an account's log goes; and what the account's own monitoring reads.

use super::network::{Versioned, if_match};
use super::openapi::Schemas;
use super::reply::{Answered, Answers, Created, Done, List, Shown};
use super::time::Time;
use super::{ApiError, Call};
use crate::body::Body;
use http::{HeaderValue, Response, StatusCode, header};
use model::Page;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use services::{SecretString, SinkKind, SinkSettings, SinkSpec, SinkTrial, SinkView};
use utoipa::ToSchema;

/// What receives.
#[derive(Clone, Copy, PartialEq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum SinkReceiver {
    /// Syslog, RFC 5424, over TCP or TLS.
    Syslog,
    /// Any receiver over HTTPS.
    Https,
    /// A bucket, which gets objects of JSON lines.
    S3,
    /// A collector of OpenTelemetry's logs, by OTLP over HTTP.
    Otlp,
}

/// What is sent to a receiver of type `https`.
#[derive(Clone, Copy, Default, PartialEq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum SinkFormat {
    /// Batches of CloudEvents 1.0.
    #[default]
    Cloudevents,
    /// Batches of CADF events.
    Cadf,
}

fn enabled() -> bool {
    true
}

/// A sink, to be made or to become.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SinkText {
    /// Its name, unique in the account.
    #[schema(min_length = 1, max_length = 128)]
    name: String,
    /// What receives. It does not change.
    #[serde(rename = "type")]
    kind: SinkReceiver,
    /// Where it is sent: `syslog://HOST:PORT` (TCP), `syslogs://HOST:PORT` (TLS), or `https://…`; of a bucket the store's URL
    /// with the bucket and perhaps a prefix behind it. Only scheme, host and port are shown; without it, it stays.
    #[schema(max_length = 2048, example = "https://logs.example.com/audit")]
    url: Option<String>,
    /// Of `https` and `otlp` what is sent as `Authorization`, of `s3` the access key's secret. It is never shown; without it, it
    /// stays; empty for none. Another host needs it anew.
    #[schema(max_length = 1024)]
    secret: Option<String>,
    /// Of `https`: what is sent.
    #[serde(default)]
    format: SinkFormat,
    /// Of `s3`: the bucket's region; `us-east-1` without.
    #[serde(default)]
    #[schema(max_length = 256)]
    region: String,
    /// Of `s3`: the access key's name.
    #[serde(default)]
    #[schema(max_length = 256)]
    access_key_id: String,
    /// Of `syslog` over TLS: the authorities to believe, in PEM; the system's without.
    #[serde(default)]
    #[schema(max_length = 65536)]
    ca_certificates: String,
    /// Of `otlp`: whether the account's metrics are pushed once a minute, too. Its URL ends in `/v1/logs` then; metrics go to
    /// `/v1/metrics` beside it.
    #[serde(default)]
    metrics: bool,
    /// Whether the receiver may show any certificate.
    #[serde(default)]
    skip_cert_verify: bool,
    /// Whether anything is sent at present.
    #[serde(default = "enabled")]
    enabled: bool,
}

/// From where on a sink that was paused goes on.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SinkResumption {
    /// Whether what happened meanwhile is left out.
    #[serde(default)]
    skip: bool,
}

/// A sink.
#[derive(Serialize, ToSchema)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a field of the answer"
)]
pub(super) struct SinkShown {
    /// Its identifier.
    id: String,
    /// Its name.
    name: String,
    /// What receives.
    #[serde(rename = "type")]
    kind: SinkReceiver,
    /// Scheme, host and port of the receiver.
    receiver: String,
    /// Whether it has a secret.
    has_secret: bool,
    /// Of `https`: what is sent.
    format: SinkFormat,
    /// Of `s3`: the bucket's region.
    region: String,
    /// Of `s3`: the access key's name.
    access_key_id: String,
    /// Of `syslog`: the authorities that are believed.
    ca_certificates: String,
    /// Of `otlp`: whether the account's metrics are pushed, too.
    metrics: bool,
    /// When the receiver last took some of them.
    metrics_sent_at: Option<Time>,
    /// Why it did not take the last of them.
    metrics_error: Option<String>,
    /// Whether the receiver may show any certificate.
    skip_cert_verify: bool,
    /// Whether anything is sent at present.
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
    /// Events that the receiver has not taken yet.
    lag_events: i64,
    /// For how long the first of them has been waiting, in seconds.
    lag_seconds: i64,
    /// Events that the receiver took, those that came twice counted twice.
    sent_events: i64,
    /// When it last took some.
    sent_at: Option<Time>,
    /// Events that were purged before they were sent.
    missed_events: i64,
    /// Who made it.
    creator: String,
    /// When it was made.
    created_at: Time,
    /// When it was last changed.
    updated_at: Time,
}

/// What came of a trial.
#[derive(Serialize, ToSchema)]
pub(super) struct SinkTrialShown {
    /// Whether the receiver took it.
    delivered: bool,
    /// Why not.
    error: Option<String>,
}

/// Figures in Prometheus' text form.
pub(super) struct MetricsText(String);

impl Answers for MetricsText {
    const STATUS: StatusCode = StatusCode::OK;

    fn description() -> &'static str {
        "The figures, in Prometheus' text form."
    }

    fn content(_: &mut Schemas) -> Option<Value> {
        Some(json!({ "text/plain": { "schema": { "type": "string" } } }))
    }

    fn into_response(self) -> Response<Body> {
        let mut response = Response::new(Body::full(self.0));
        let text = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
        response.headers_mut().insert(header::CONTENT_TYPE, text);
        response
    }
}

fn read(text: SinkText) -> SinkSpec {
    SinkSpec {
        name: text.name,
        kind: match text.kind {
            SinkReceiver::Syslog => SinkKind::Syslog,
            SinkReceiver::Https => SinkKind::Https,
            SinkReceiver::S3 => SinkKind::S3,
            SinkReceiver::Otlp => SinkKind::Otlp,
        },
        url: text.url.map(SecretString::new),
        secret: text.secret.map(SecretString::new),
        settings: SinkSettings {
            is_cadf: text.format == SinkFormat::Cadf,
            region: text.region,
            access_key_id: text.access_key_id,
            ca_certificates: text.ca_certificates,
            pushes_metrics: text.metrics,
        },
        verifies_certificate: !text.skip_cert_verify,
        is_enabled: text.enabled,
    }
}

fn shown(view: SinkView) -> SinkShown {
    let (row, follower, settings) = (view.row, view.follower, view.settings);
    let time = |at_ms: Option<i64>| at_ms.map(Time::from_ms);
    SinkShown {
        id: row.id,
        name: row.name,
        kind: match row.kind.as_str() {
            "syslog" => SinkReceiver::Syslog,
            "s3" => SinkReceiver::S3,
            "otlp" => SinkReceiver::Otlp,
            _ => SinkReceiver::Https,
        },
        receiver: row.origin,
        has_secret: row.sealed_secret.is_some(),
        format: if settings.is_cadf {
            SinkFormat::Cadf
        } else {
            SinkFormat::Cloudevents
        },
        region: settings.region,
        access_key_id: settings.access_key_id,
        ca_certificates: settings.ca_certificates,
        metrics: settings.pushes_metrics,
        metrics_sent_at: time(row.metrics_sent_at_ms),
        metrics_error: row.metrics_error,
        skip_cert_verify: !row.verifies_certificate,
        enabled: row.is_enabled,
        paused: follower.as_ref().is_some_and(|one| one.is_paused),
        failures: follower.as_ref().map_or(0, |one| one.failures),
        failing_since: time(follower.as_ref().and_then(|one| one.failing_since_ms)),
        retry_at: time(follower.as_ref().and_then(|one| one.retry_at_ms)),
        missed_events: follower.as_ref().map_or(0, |one| one.missed),
        last_error: follower.and_then(|one| one.last_error),
        lag_events: view.lag_events,
        lag_seconds: view.lag_seconds,
        sent_events: row.sent_events,
        sent_at: time(row.sent_at_ms),
        creator: row.creator,
        created_at: Time::from_ms(row.created_at_ms),
        updated_at: Time::from_ms(row.updated_at_ms),
    }
}

fn versioned(view: SinkView) -> Versioned<Shown<SinkShown>> {
    Versioned {
        version: view.row.version,
        answer: Shown(shown(view)),
    }
}

pub(super) async fn list(call: &Call<'_>) -> Answered<List<SinkShown>> {
    let by = call.account().await?;
    let items = call.services().sinks.list(&by).await?;
    Ok(call.page(Page { items, next: None }, shown))
}

pub(super) async fn create(call: &Call<'_>, text: SinkText) -> Answered<Created<SinkShown>> {
    let by = call.account().await?;
    let made = call.services().sinks.create(&by, read(text)).await?;
    let location = call.location(&made.row.id);
    Ok(Created::at(location, shown(made)))
}

pub(super) async fn get(call: &Call<'_>) -> Answered<Versioned<Shown<SinkShown>>> {
    let by = call.account().await?;
    let sinks = &call.services().sinks;
    Ok(versioned(sinks.get(&by, call.param("sink")).await?))
}

pub(super) async fn put(call: &Call<'_>, text: SinkText) -> Answered<Versioned<Shown<SinkShown>>> {
    let by = call.account().await?;
    let (sinks, version) = (&call.services().sinks, if_match(call));
    let updated = sinks.update(&by, call.param("sink"), read(text), version);
    Ok(versioned(updated.await?))
}

pub(super) async fn delete(call: &Call<'_>) -> Answered<Done> {
    let by = call.account().await?;
    let sinks = &call.services().sinks;
    sinks.delete(&by, call.param("sink")).await?;
    Ok(Done)
}

pub(super) async fn test(call: &Call<'_>) -> Answered<Shown<SinkTrialShown>> {
    let by = call.account().await?;
    let sinks = &call.services().sinks;
    let SinkTrial {
        is_delivered: delivered,
        error,
    } = sinks.test(&by, call.param("sink")).await?;
    Ok(Shown(SinkTrialShown { delivered, error }))
}

pub(super) async fn resume(call: &Call<'_>, from: SinkResumption) -> Answered<Shown<SinkShown>> {
    let by = call.account().await?;
    let sinks = &call.services().sinks;
    let view = sinks.resume(&by, call.param("sink"), from.skip).await?;
    Ok(Shown(shown(view)))
}

pub(super) async fn metrics(call: &Call<'_>) -> Answered<MetricsText> {
    let by = call.account().await?;
    let read = call.services().account_metrics.read(&by).await;
    Ok(MetricsText(read.map_err(ApiError::from)?))
}
