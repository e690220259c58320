//! What accounts and namespaces use, month by month: as JSON, or as CSV for whatever makes bills.

use super::openapi::Schemas;
use super::query::Parameter;
use super::reply::{Answered, Answers, List, Shown};
use super::{ApiError, Call, Time};
use crate::body::Body;
use http::{HeaderValue, Response, StatusCode, header};
use model::Page;
use serde::Serialize;
use serde_json::{Value, json};
use services::{AccountMonth, AccountStorage, AccountUsage, Month, MonthTraffic, NamespaceMonth};
use std::borrow::Cow;
use utoipa::ToSchema;

const CSV: &str = "text/csv";

/// What all of them know.
pub(super) const MONTH: &[Parameter] = &[
    Parameter::text(
        "month",
        "A calendar month (UTC), such as `2026-11`; without it, this one.",
        7,
    ),
    Parameter::one_of(
        "format",
        "`json`, or `csv`: lines of values with commas between them, the names of the columns in the first line of the first \
         page. Without it, `json`.",
        &["json", "csv"],
    ),
];

/// Figures as JSON, or as lines.
pub(super) enum Figures<A> {
    Json(A),
    Csv(Response<Body>),
}

impl<A: Answers> Answers for Figures<A> {
    const STATUS: StatusCode = StatusCode::OK;
    const IS_LIST: bool = A::IS_LIST;

    fn description() -> &'static str {
        A::description()
    }

    fn content(schemas: &mut Schemas) -> Option<Value> {
        let mut content = A::content(schemas)?;
        content[CSV] = json!({ "schema": { "type": "string" } });
        Some(content)
    }

    fn into_response(self) -> Response<Body> {
        match self {
            Self::Json(answer) => answer.into_response(),
            Self::Csv(response) => response,
        }
    }
}

/// What was stored: looked at on every full hour.
#[derive(Serialize, ToSchema)]
pub(super) struct StorageFigures {
    /// The sum of the bytes that were there on each full hour: storage and time in one, as bills have it.
    byte_hours: u64,
    /// On how many full hours that was.
    hours: u64,
    /// The mean of them, in bytes.
    mean_bytes: u64,
    /// The most of them.
    peak_bytes: u64,
}

/// What was pulled and pushed.
#[derive(Serialize, ToSchema)]
pub(super) struct TrafficFigures {
    /// Bytes of manifests and blobs that were sent.
    pull_bytes: u64,
    /// Manifests that were pulled.
    pulls: u64,
    /// Manifests that were pushed.
    pushes: u64,
}

/// How things stand at the moment.
#[derive(Serialize, ToSchema)]
pub(super) struct UsageNowShown {
    /// Bytes of the distinct digests that the account's manifests reference.
    used_bytes: u64,
    /// What they may be; null for as much as there is.
    storage_limit_bytes: Option<u64>,
    /// What may be pulled in a month; null for as much as there is.
    pull_limit_bytes: Option<u64>,
    namespaces: u64,
    namespaces_limit: Option<u64>,
    /// The highest of the shares of its storage, in percent, that it is warned of and has reached.
    storage_warning_percent: Option<u8>,
    /// The same of what may be pulled in a month.
    pull_warning_percent: Option<u8>,
}

/// What an account used in a month.
#[derive(Serialize, ToSchema)]
pub(super) struct UsageShown {
    account: String,
    /// The month, such as `2026-11`.
    #[schema(max_length = 7)]
    month: String,
    /// When the figures became final; null while they may change.
    closed_at: Option<Time>,
    /// The plan, or the last that it had in the month; null for none.
    plan: Option<String>,
    storage: StorageFigures,
    traffic: TrafficFigures,
    /// Of this month only.
    #[serde(skip_serializing_if = "Option::is_none")]
    now: Option<UsageNowShown>,
}

/// What a namespace used in a month.
#[derive(Serialize, ToSchema)]
pub(super) struct NamespaceFigures {
    namespace: String,
    traffic: TrafficFigures,
    /// What it stores now; null for another month, and when it is gone.
    used_bytes: Option<u64>,
    /// The limit of its own; null for none.
    limit_bytes: Option<u64>,
}

/// What an account used in a month, in the list of all.
#[derive(Serialize, ToSchema)]
pub(super) struct AccountFigures {
    account: String,
    /// What of its storage is left to bill it for: the plan at the last look; null for none.
    plan: Option<String>,
    storage: StorageFigures,
    traffic: TrafficFigures,
}

fn storage(of: &AccountStorage) -> StorageFigures {
    StorageFigures {
        byte_hours: of.byte_hours,
        hours: of.hours,
        mean_bytes: of.byte_hours.checked_div(of.hours).unwrap_or(0),
        peak_bytes: of.peak_bytes,
    }
}

fn traffic(of: MonthTraffic) -> TrafficFigures {
    TrafficFigures {
        pull_bytes: of.pull_bytes,
        pulls: of.pulls,
        pushes: of.pushes,
    }
}

fn shown(account: &str, usage: AccountUsage) -> UsageShown {
    UsageShown {
        account: account.to_owned(),
        month: usage.month.to_string(),
        closed_at: usage.closed_at_ms.map(Time::from_ms),
        plan: usage.plan,
        storage: storage(&usage.storage),
        traffic: traffic(usage.traffic),
        now: usage.now.map(|now| UsageNowShown {
            used_bytes: now.used_bytes,
            storage_limit_bytes: now.storage_limit_bytes,
            pull_limit_bytes: now.limits.pull_bytes_per_month,
            namespaces: now.namespaces,
            namespaces_limit: now.limits.namespaces,
            storage_warning_percent: now.storage_warning,
            pull_warning_percent: now.pull_warning,
        }),
    }
}

fn of_namespace(month: NamespaceMonth) -> NamespaceFigures {
    NamespaceFigures {
        namespace: month.namespace,
        traffic: traffic(month.traffic),
        used_bytes: month.used_bytes,
        limit_bytes: month.limit_bytes,
    }
}

fn of_account(month: AccountMonth) -> AccountFigures {
    AccountFigures {
        account: month.account,
        plan: month.storage.plan.clone(),
        storage: storage(&month.storage),
        traffic: traffic(month.traffic),
    }
}

const ACCOUNT_COLUMNS: &str =
    "month,account,plan,byte_hours,hours,mean_bytes,peak_bytes,pull_bytes,pulls,pushes\n";
const NAMESPACE_COLUMNS: &str = "month,namespace,pull_bytes,pulls,pushes,used_bytes,limit_bytes\n";

/// A text as a cell of CSV (RFC 4180). One that a spreadsheet would read as a formula begins with an apostrophe, which makes
/// it a text there; one that would end its cell, its line or its quotes stands in quotes.
fn cell(text: &str) -> Cow<'_, str> {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']);
    let is_quoted = is_formula || text.contains([',', ';', '"', '\r', '\n', '\t']);
    if !is_quoted {
        return Cow::Borrowed(text);
    }
    let guard = if is_formula { "'" } else { "" };
    Cow::Owned(format!("\"{guard}{}\"", text.replace('"', "\"\"")))
}

/// Whatever is no number goes through [`cell`].
fn account_line(
    month: Month,
    account: &str,
    plan: Option<&str>,
    (storage, traffic): (&StorageFigures, &TrafficFigures),
) -> String {
    format!(
        "{month},{},{},{},{},{},{},{},{},{}\n",
        cell(account),
        cell(plan.unwrap_or_default()),
        storage.byte_hours,
        storage.hours,
        storage.mean_bytes,
        storage.peak_bytes,
        traffic.pull_bytes,
        traffic.pulls,
        traffic.pushes
    )
}

fn namespace_line(month: Month, of: &NamespaceFigures) -> String {
    let number = |number: Option<u64>| number.map_or_else(String::new, |number| number.to_string());
    format!(
        "{month},{},{},{},{},{},{}\n",
        cell(&of.namespace),
        of.traffic.pull_bytes,
        of.traffic.pulls,
        of.traffic.pushes,
        number(of.used_bytes),
        number(of.limit_bytes)
    )
}

impl Call<'_> {
    fn month(&self) -> Answered<Option<Month>> {
        let Some(text) = self.query.text("month") else {
            return Ok(None);
        };
        let month = Month::parse(text);
        let wrong = || ApiError::bad_request("month has to be one such as 2026-11");
        Ok(Some(month.ok_or_else(wrong)?))
    }

    fn wants_csv(&self) -> bool {
        self.query.text("format") == Some("csv")
    }

    /// A page of lines; `next` is where the one after it begins.
    fn csv<A>(&self, columns: &str, lines: &str, next: Option<&str>) -> Figures<A> {
        let is_first = self.query.cursor().is_none();
        let text = if is_first {
            format!("{columns}{lines}")
        } else {
            lines.to_owned()
        };
        let mut response = Response::new(Body::full(text));
        let headers = response.headers_mut();
        let csv = HeaderValue::from_static("text/csv; charset=utf-8");
        headers.insert(header::CONTENT_TYPE, csv);
        let link = next.map(|next| self.link_to(next));
        if let Some(Ok(link)) = link.map(HeaderValue::try_from) {
            headers.insert(header::LINK, link);
        }
        Figures::Csv(response)
    }
}

/// `getUsage`.
pub(super) async fn get(call: &Call<'_>) -> Answered<Figures<Shown<UsageShown>>> {
    let by = call.account().await?;
    let usage = call.services().usage.of_account(&by, call.month()?).await?;
    let month = usage.month;
    let shown = shown(&by.account().name, usage);
    if !call.wants_csv() {
        return Ok(Figures::Json(Shown(shown)));
    }
    let figures = (&shown.storage, &shown.traffic);
    let line = account_line(month, &shown.account, shown.plan.as_deref(), figures);
    Ok(call.csv(ACCOUNT_COLUMNS, &line, None))
}

/// `listNamespaceUsage`.
pub(super) async fn list_namespaces(call: &Call<'_>) -> Answered<Figures<List<NamespaceFigures>>> {
    let by = call.account().await?;
    let service = &call.services().usage;
    let month = call.month()?;
    let page = service.of_namespaces(&by, month, call.after()).await?;
    if !call.wants_csv() {
        return Ok(Figures::Json(call.page(page, of_namespace)));
    }
    let month = month.unwrap_or_else(|| service.this_month());
    let Page { items, next } = page;
    let lines = items
        .into_iter()
        .map(|one| namespace_line(month, &of_namespace(one)));
    let lines: String = lines.collect();
    Ok(call.csv(NAMESPACE_COLUMNS, &lines, next.as_deref()))
}

/// `listUsage`.
pub(super) async fn list(call: &Call<'_>) -> Answered<Figures<List<AccountFigures>>> {
    let by = call.operator().await?;
    let services = call.services();
    let month = call.month()?.unwrap_or_else(|| services.usage.this_month());
    let page = services.deployment.list_usage(&by, month, call.after());
    let page = page.await?;
    if !call.wants_csv() {
        return Ok(Figures::Json(call.page(page, of_account)));
    }
    let Page { items, next } = page;
    let lines = items.into_iter().map(|one| {
        let of = of_account(one);
        let figures = (&of.storage, &of.traffic);
        account_line(month, &of.account, of.plan.as_deref(), figures)
    });
    let lines: String = lines.collect();
    Ok(call.csv(ACCOUNT_COLUMNS, &lines, next.as_deref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula_or_ends_where_it_should_not() {
        for (text, expected) in [
            ("acme", "acme"),
            ("a-b.c_d", "a-b.c_d"),
            ("", ""),
            ("=1+1", "\"'=1+1\""),
            ("+1", "\"'+1\""),
            ("-1", "\"'-1\""),
            ("@SUM(A1)", "\"'@SUM(A1)\""),
            ("\t=1", "\"'\t=1\""),
            ("\r=1", "\"'\r=1\""),
            ("\n=1", "\"'\n=1\""),
            ("a,=1", "\"a,=1\""),
            ("a;=1", "\"a;=1\""),
            ("a\n=1", "\"a\n=1\""),
            ("a\",=1", "\"a\"\",=1\""),
            (
                "=HYPERLINK(\"https://a\")",
                "\"'=HYPERLINK(\"\"https://a\"\")\"",
            ),
        ] {
            assert_eq!(cell(text), expected, "{text:?}");
        }
    }

    /// The grammars of names do not know such; no line depends on that.
    #[test]
    fn every_line_of_figures_guards_its_texts() {
        let month = Month::parse("2026-11").expect("a month");
        let none = TrafficFigures {
            pull_bytes: 1,
            pulls: 2,
            pushes: 3,
        };
        let storage = StorageFigures {
            byte_hours: 4,
            hours: 5,
            mean_bytes: 6,
            peak_bytes: 7,
        };
        assert_eq!(
            account_line(month, "=acme", Some("@plan"), (&storage, &none)),
            "2026-11,\"'=acme\",\"'@plan\",4,5,6,7,1,2,3\n"
        );
        let namespace = NamespaceFigures {
            namespace: "-team,x".to_owned(),
            traffic: none,
            used_bytes: Some(8),
            limit_bytes: None,
        };
        assert_eq!(
            namespace_line(month, &namespace),
            "2026-11,\"'-team,x\",1,2,3,8,\n"
        );
    }
}
