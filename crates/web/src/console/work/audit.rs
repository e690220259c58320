//! The audit log of an account: looked at, followed, taken along, proved.

use crate::console::accounts::unsigned;
use crate::console::failed::Failed;
use crate::console::sent::Sent;
use crate::console::visit::Visit;
use http::{HeaderValue, header};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use pages::work::audit::{AuditFilter, AuditLog, AuditProof, EventLine};
use pages::{Link, Moment, Page as _, Section, encoded};
use serde_json::{Value, json};
use services::{AccountContext, AuditChain, ChainPosition, EventFilter, EventRow};
use std::fmt::Write as _;

/// Events on a page.
const PAGE: usize = 30;
/// Events of a file: they are in memory while it is made.
const MOST_EXPORTED: usize = 5000;
/// Events that are read at a time for it.
const AT_ONCE: usize = 500;
/// Steps of a proof, of 500 events each, in one request.
const STEPS: usize = 20;
const DAY_MS: i64 = 24 * 3_600_000;

fn typed(visit: &Visit<'_>) -> AuditFilter {
    let text = |name| visit.query.get(name).trim().to_owned();
    AuditFilter {
        kind: text("kind"),
        actor: text("actor"),
        since: text("since"),
        until: text("until"),
    }
}

/// When a day begins; `None` for what is no day.
fn begin_ms(day: &str) -> Option<i64> {
    let day: Date = day.parse().ok()?;
    let begin = day.to_zoned(TimeZone::UTC).ok()?;
    Some(begin.timestamp().as_millisecond())
}

/// What is looked for; `None` where a day is none.
fn wanted(typed: &AuditFilter) -> Option<EventFilter> {
    Some(EventFilter {
        kind: typed.kind.clone(),
        caller: typed.actor.clone(),
        since_ms: match typed.since.as_str() {
            "" => i64::MIN,
            day => begin_ms(day)?,
        },
        until_ms: match typed.until.as_str() {
            "" => i64::MAX,
            day => begin_ms(day)?.saturating_add(DAY_MS - 1),
        },
    })
}

/// `GET /accounts/{account}/audit`.
pub(super) async fn list(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    let filter = typed(visit);
    let wanted = wanted(&filter);
    let failed = wanted.is_none().then(|| {
        let texts = visit.language.texts();
        texts.work.no_day.to_owned()
    });
    let before: Option<i64> = visit.query.get("before").parse().ok();
    let audit = &visit.services().audit;
    let listed = audit.browse(
        AuditChain::Account(&by),
        wanted.unwrap_or_else(nothing),
        (before.unwrap_or(i64::MAX), PAGE),
    );
    let listed = listed.await?;
    let next = listed.next.map(|next| {
        let query = filter.query();
        format!("?before={}&{query}", encoded(&next))
    });
    let page = AuditLog {
        frame: visit.frame_of(&by, Section::Audit).await?,
        account: by.account().name.clone(),
        events: listed.items.into_iter().map(line).collect(),
        next,
        is_followed: before.is_none() && visit.query.is_on("follow"),
        most_exported: MOST_EXPORTED as u64,
        failed,
        filter,
    };
    Ok(Sent::page(page.html()))
}

/// What no event is like.
fn nothing() -> EventFilter {
    EventFilter {
        kind: String::new(),
        caller: String::new(),
        since_ms: i64::MAX,
        until_ms: i64::MIN,
    }
}

fn line(event: EventRow) -> EventLine {
    let details: Value = serde_json::from_str(&event.payload).unwrap_or(Value::Null);
    EventLine {
        number: unsigned(event.number.unwrap_or_default()),
        at: Moment(event.at_ms),
        kind: event.kind,
        actor: event.caller,
        address: event.address,
        resource: event.resource,
        details: format!("{details:#}"),
    }
}

/// `GET /accounts/{account}/audit/export`: what is looked for as a file, the newest event first.
pub(super) async fn export(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    let is_csv = visit.query.get("format") == "csv";
    let filter = wanted(&typed(visit)).unwrap_or_else(nothing);
    let mut text = String::new();
    if is_csv {
        text.push_str("number,at,kind,actor,address,resource,event\r\n");
    }
    let (mut before, mut count) = (i64::MAX, 0);
    while count < MOST_EXPORTED {
        let audit = &visit.services().audit;
        let chain = AuditChain::Account(&by);
        let listed = audit.browse(chain, filter.clone(), (before, AT_ONCE));
        let listed = listed.await?;
        count += listed.items.len();
        for event in &listed.items {
            if is_csv {
                write_csv(&mut text, event);
            } else {
                write_json(&mut text, event);
            }
        }
        match listed.next.and_then(|next| next.parse().ok()) {
            Some(next) => before = next,
            None => break,
        }
    }
    let (media_type, ending) = if is_csv {
        ("text/csv; charset=utf-8", "csv")
    } else {
        ("application/x-ndjson", "jsonl")
    };
    let name = format!("attachment; filename=\"audit-log.{ending}\"");
    let name = HeaderValue::from_str(&name).unwrap_or(HeaderValue::from_static("attachment"));
    Ok(Sent::file(text, HeaderValue::from_static(media_type))
        .header(header::CONTENT_DISPOSITION, name))
}

fn write_json(text: &mut String, event: &EventRow) {
    let details: Value = serde_json::from_str(&event.payload).unwrap_or(Value::Null);
    let line = json!({
        "number": event.number,
        "id": event.id,
        "at": Moment(event.at_ms).machine(),
        "kind": event.kind,
        "caller": event.caller,
        "credential": event.credential,
        "address": event.address,
        "agent": event.agent,
        "resource": event.resource,
        "event": details,
        "hash": event.hash,
    });
    let _ = writeln!(text, "{line}");
}

/// A line as RFC 4180 has it.
fn write_csv(text: &mut String, event: &EventRow) {
    let number = event.number.unwrap_or_default().to_string();
    let at = Moment(event.at_ms).machine();
    let cells = [
        number.as_str(),
        &at,
        &event.kind,
        &event.caller,
        event.address.as_deref().unwrap_or_default(),
        event.resource.as_deref().unwrap_or_default(),
        &event.payload,
    ];
    for (at, cell) in cells.into_iter().enumerate() {
        let comma = if at == 0 { "" } else { "," };
        let _ = write!(text, "{comma}\"{}\"", harmless(cell).replace('"', "\"\""));
    }
    text.push_str("\r\n");
}

/// A text that no table calculates with: somebody else may have chosen it.
fn harmless(cell: &str) -> String {
    let is_formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']);
    if is_formula {
        format!("'{cell}")
    } else {
        cell.to_owned()
    }
}

/// `GET /accounts/{account}/audit/proof`: some steps of a proof, from where the page before ended.
pub(super) async fn prove(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    let number: Option<i64> = visit.query.get("number").parse().ok();
    let mut from = number.map(|number| ChainPosition {
        number,
        hash: visit.query.get("hash").to_owned(),
    });
    let audit = &visit.services().audit;
    let mut problems = Vec::new();
    let mut is_done = false;
    for _ in 0..STEPS {
        let step = audit.verify(AuditChain::Account(&by), from).await?;
        problems.extend(step.problems.into_iter().map(|problem| problem.detail));
        is_done = step.is_done;
        from = Some(step.position);
        if is_done || !problems.is_empty() {
            break;
        }
    }
    let reached = from.as_ref().map_or(0, |position| position.number);
    let place = Link::In(&by.account().name, "audit/proof");
    let next = from.filter(|_| !is_done).map(|position| {
        let hash = encoded(&position.hash).to_string();
        format!("{place}?number={}&hash={hash}", position.number)
    });
    let page = AuditProof {
        frame: visit.frame_of(&by, Section::Audit).await?,
        account: by.account().name.clone(),
        number: unsigned(reached),
        newest: unsigned(newest(visit, &by).await?.max(reached)),
        problems,
        next,
    };
    Ok(Sent::page(page.html()))
}

/// The number of the newest event.
async fn newest(visit: &Visit<'_>, by: &AccountContext) -> Result<i64, Failed> {
    let all = EventFilter {
        since_ms: i64::MIN,
        until_ms: i64::MAX,
        ..nothing()
    };
    let audit = &visit.services().audit;
    let listed = audit.browse(AuditChain::Account(by), all, (i64::MAX, 1));
    let listed = listed.await?;
    Ok(listed
        .items
        .first()
        .and_then(|event| event.number)
        .unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula() {
        for cell in ["=1+1", "+1", "-1", "@sum", "\tx", "\rx", "\nx"] {
            assert_eq!(harmless(cell), format!("'{cell}"));
        }
        assert_eq!(harmless("library/app"), "library/app");
    }

    #[test]
    fn a_day_is_whole() {
        let day = AuditFilter {
            since: "2026-11-23".to_owned(),
            until: "2026-11-23".to_owned(),
            ..AuditFilter::default()
        };
        let found = wanted(&day).expect("a day");
        assert_eq!(found.until_ms - found.since_ms, DAY_MS - 1);
        assert_eq!(found.since_ms, 1_795_392_000_000);
        let none = AuditFilter {
            since: "2026-02-30".to_owned(),
            ..AuditFilter::default()
        };
        assert!(wanted(&none).is_none());
    }
}
