//! The audit log of an account, and the deployment's own, page by page or as lines for other programs.

use super::openapi::Schemas;
use super::query::Parameter;
use super::reply::{Answered, Answers, List};
use super::{Call, Time};
use crate::body::Body;
use http::{HeaderValue, Response, StatusCode, header};
use model::Page;
use serde::Serialize;
use serde_json::{Value, json};
use services::{AuditChain, EventFilter, EventRow, to_cadf};
use utoipa::ToSchema;

/// Lines of JSON.
const LINES: &str = "application/x-ndjson";

/// What both lists know.
pub(super) const LIST: &[Parameter] = &[
    Parameter::text(
        "kind",
        "Events of this kind, such as `manifest.pushed`.",
        63,
    ),
    Parameter::text(
        "actor",
        "What this user or robot account did, by its whole name.",
        255,
    ),
    Parameter::time("since", "Events of this time and later ones."),
    Parameter::time("until", "Events of this time and earlier ones."),
    Parameter::one_of(
        "format",
        "`json` is a page with items; `jsonl` has an event in each line, `cadf` the same in the form of CADF. Without it: \
         what the header `Accept` asks for, else `json`.",
        &["json", "jsonl", "cadf"],
    ),
];

/// An event: something that was done, or refused.
#[derive(Serialize, ToSchema)]
pub(super) struct AuditEventShown {
    /// Its number in its log; every number is there once.
    number: Option<i64>,
    id: String,
    at: Time,
    /// What happened, such as `manifest.pushed`.
    kind: String,
    /// Who did it.
    caller: String,
    /// How the caller proved that.
    credential: String,
    /// From where.
    address: Option<String>,
    /// With which program, as that calls itself.
    agent: Option<String>,
    /// What it was done to.
    resource: Option<String>,
    /// Everything about it; what there is depends on its kind.
    #[schema(value_type = Object)]
    event: Value,
    /// Its link of the chain that shows when an event is missing.
    hash: Option<String>,
}

/// A page of a log, or the same as lines.
pub(super) enum AuditPage {
    Json(List<AuditEventShown>),
    Lines(Response<Body>),
}

impl Answers for AuditPage {
    const STATUS: StatusCode = StatusCode::OK;
    const IS_LIST: bool = true;

    fn description() -> &'static str {
        "A page of the log, the newest event first. Its header `Link` leads to the next one."
    }

    fn content(schemas: &mut Schemas) -> Option<Value> {
        let mut content = <List<AuditEventShown> as Answers>::content(schemas)?;
        content[LINES] = json!({
            "schema": { "type": "string", "description": "A JSON object in each line." },
        });
        Some(content)
    }

    fn into_response(self) -> Response<Body> {
        match self {
            Self::Json(list) => list.into_response(),
            Self::Lines(response) => response,
        }
    }
}

fn shown(event: EventRow) -> AuditEventShown {
    AuditEventShown {
        number: event.number,
        id: event.id,
        at: Time::from_ms(event.at_ms),
        kind: event.kind,
        caller: event.caller,
        credential: event.credential,
        address: event.address,
        agent: event.agent,
        resource: event.resource,
        event: serde_json::from_str(&event.payload).unwrap_or(Value::Null),
        hash: event.hash,
    }
}

async fn read(call: &Call<'_>, chain: AuditChain<'_>) -> Answered<Page<EventRow>> {
    let text = |name| call.query.text(name).unwrap_or_default().to_owned();
    let filter = EventFilter {
        kind: text("kind"),
        caller: text("actor"),
        since_ms: call.query.time_ms("since").unwrap_or(i64::MIN),
        until_ms: call.query.time_ms("until").unwrap_or(i64::MAX),
    };
    let before = match call.query.position()? {
        0 => i64::MAX,
        before => before,
    };
    let (_, limit) = call.after();
    let audit = &call.services().audit;
    Ok(audit.browse(chain, filter, (before, limit)).await?)
}

fn written(call: &Call<'_>, page: Page<EventRow>, account: Option<&str>) -> AuditPage {
    let asks_for_lines = call
        .header(&header::ACCEPT)
        .is_some_and(|accept| accept.contains(LINES));
    let format = match call.query.text("format") {
        Some(format) => format,
        None if asks_for_lines => "jsonl",
        None => "json",
    };
    if format == "json" {
        return AuditPage::Json(call.page(page, shown));
    }
    let is_cadf = format == "cadf";
    let lines = page.items.into_iter().map(|event| {
        let line = if is_cadf {
            to_cadf(&event, account)
        } else {
            json!(shown(event))
        };
        format!("{line}\n")
    });
    let mut response = Response::new(Body::full(lines.collect::<String>()));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(LINES));
    if let Some(link) = page.next.as_ref().map(|next| call.link_to(next))
        && let Ok(link) = HeaderValue::from_str(&link)
    {
        headers.insert(header::LINK, link);
    }
    AuditPage::Lines(response)
}

/// `listAuditEvents`.
pub(super) async fn list(call: &Call<'_>) -> Answered<AuditPage> {
    let by = call.account().await?;
    let page = read(call, AuditChain::Account(&by)).await?;
    Ok(written(call, page, Some(&by.account().name)))
}

/// `listDeploymentAuditEvents`.
pub(super) async fn list_of_deployment(call: &Call<'_>) -> Answered<AuditPage> {
    let by = call.operator().await?;
    let page = read(call, AuditChain::Deployment(&by)).await?;
    Ok(written(call, page, None))
}
