//! The accounts of whoever is signed in, and how one of them is.

use super::failed::Failed;
use super::sent::Sent;
use super::visit::Visit;
use model::Action;
use pages::account::{
    AccountLine, AccountUsage, Accounts, Concern, FirstPush, Overview, RecentRepository,
};
use pages::charts::{Chart, Style, Unit};
use pages::{Bytes, Language, Link, Moment, Page as _, Section};
use services::{AccountContext, DayUsage, ListQuery, Order};

/// Accounts on a page.
const PAGE: usize = 50;
/// Days that an overview shows.
pub(super) const DAYS: u8 = 30;
/// Repositories that an overview shows.
const RECENT: i64 = 8;

/// `GET /`: the only account, or a list of them.
pub(super) async fn home(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let after = visit.query.get("after").to_owned();
    let is_first = after.is_empty();
    let accounts = &visit.services().accounts;
    let listed = accounts.list_own(visit.caller()?, (after, PAGE)).await?;
    if let ([only], None, true) = (listed.items.as_slice(), &listed.next, is_first) {
        let notice = visit.query.get("notice");
        let link = Link::Account(&only.account.name);
        return Ok(Sent::to(&match notice {
            "" => link.to_string(),
            notice => format!("{link}?notice={notice}"),
        }));
    }
    let lines = listed.items.into_iter().map(|summary| AccountLine {
        name: summary.account.name,
        plan: summary.plan,
        used: Bytes(summary.used_bytes),
        limit: summary.limit_bytes.map(Bytes),
    });
    let page = Accounts {
        frame: visit.frame(),
        accounts: lines.collect(),
        next: listed.next.map(|next| visit.page_after(&next)),
    };
    Ok(Sent::page(page.html()))
}

/// `GET /accounts/{account}`.
pub(super) async fn overview(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    let services = visit.services();
    let counted = services.statistics.counts(&by).await?;
    let repositories = counted.public.repositories + counted.private.repositories;
    let namespaces = counted.public.namespaces + counted.private.namespaces;
    let (usage, mut near) = usage(visit, &by).await?;
    near.extend(concerns(visit, &by).await?);
    let page = Overview {
        frame: visit.frame_of(&by, Section::Overview).await?,
        account: by.account().name.clone(),
        namespaces: unsigned(namespaces),
        repositories: unsigned(repositories),
        concerns: near,
        usage,
        first_push: match repositories {
            0 => first_push(visit, &by).await?,
            _ => None,
        },
        recent: recent(visit, &by).await?,
    };
    Ok(Sent::page(page.html()))
}

/// What the account uses, and what of that is near its end; nothing for those who may not know.
async fn usage(
    visit: &Visit<'_>,
    by: &AccountContext,
) -> Result<(Option<AccountUsage>, Vec<Concern>), Failed> {
    if !visit.may(by, Action::QuotaRead).await? {
        return Ok((None, Vec::new()));
    }
    let service = &visit.services().usage;
    let usage = service.of_account(by, None).await?;
    let days = service.of_days(by, DAYS).await?;
    let Some(now) = usage.now else {
        return Ok((None, Vec::new()));
    };
    let concerns = [
        now.storage_warning
            .map(|percent| Concern::Storage(percent.into())),
        now.pull_warning
            .map(|percent| Concern::Pulls(percent.into())),
    ];
    let limit = now.storage_limit_bytes;
    let full_in_days = limit.and_then(|limit| days_until_full(&days, now.used_bytes, limit));
    let shown = AccountUsage {
        plan: usage.plan,
        used: Bytes(now.used_bytes),
        limit: limit.map(Bytes),
        full_in_days,
        pulled: Bytes(usage.traffic.pull_bytes),
        pulls: usage.traffic.pulls,
        pushes: usage.traffic.pushes,
        charts: charts(visit.language, &days, limit),
    };
    Ok((Some(shown), concerns.into_iter().flatten().collect()))
}

/// What was done and stored in the last days, as drawings; without those that would show nothing.
pub(super) fn charts(language: Language, days: &[DayUsage], limit: Option<u64>) -> Vec<Chart> {
    let t = language.texts();
    let columns = |figures: fn(&DayUsage) -> Vec<Option<u64>>| {
        let columns = days.iter().map(|day| (day.day.clone(), figures(day)));
        columns.collect::<Vec<_>>()
    };
    let traffic = Chart {
        language,
        title: t.pulls_and_pushes,
        style: Style::Bars,
        unit: Unit::Count,
        names: vec![t.pulls, t.pushes],
        columns: columns(|day| vec![Some(day.traffic.pulls), Some(day.traffic.pushes)]),
        limit: None,
    };
    let storage = Chart {
        language,
        title: t.storage_by_day,
        style: Style::Line,
        unit: Unit::Bytes,
        names: vec![t.storage],
        columns: columns(|day| vec![day.stored_bytes]),
        limit: limit.map(|limit| (limit, t.storage_limit)),
    };
    let known = days.iter().filter(|day| day.stored_bytes.is_some()).count();
    let drawn = [(traffic, true), (storage, known > 1)];
    let drawn = drawn
        .into_iter()
        .filter(|(chart, is_known)| *is_known && !chart.is_empty());
    drawn.map(|(chart, _)| chart).collect()
}

/// In how many days a limit is reached, if what is stored goes on growing along the straight line that lies nearest to the
/// last days (least squares). `None` when nothing grows, three days are not known yet, or it takes longer than anybody plans.
fn days_until_full(days: &[DayUsage], now: u64, limit: u64) -> Option<u64> {
    let known: Vec<(i128, i128)> = days
        .iter()
        .zip(0..)
        .filter_map(|(day, at)| Some((at, i128::from(day.stored_bytes?))))
        .collect();
    let count = i128::try_from(known.len())
        .ok()
        .filter(|count| *count >= 3)?;
    let sum = |of: fn(&(i128, i128)) -> i128| known.iter().map(of).sum::<i128>();
    let (at, bytes) = (sum(|(at, _)| *at), sum(|(_, bytes)| *bytes));
    let across = count * sum(|(at, _)| at * at) - at * at;
    let up = count * sum(|(at, bytes)| at * bytes) - at * bytes;
    if up <= 0 {
        return None;
    }
    let left = i128::from(limit.saturating_sub(now));
    let days = left.checked_mul(across)? / up;
    u64::try_from(days).ok().filter(|days| *days <= 365)
}

/// What people should look at.
async fn concerns(visit: &Visit<'_>, by: &AccountContext) -> Result<Vec<Concern>, Failed> {
    let found = visit.services().attention.of(by).await?;
    let concerns = found.into_iter().map(|concern| match concern {
        services::Concern::RobotExpires {
            name,
            at_ms,
            has_expired: false,
        } => Concern::RobotExpires(name, Moment(at_ms)),
        services::Concern::RobotExpires { name, at_ms, .. } => {
            Concern::RobotExpired(name, Moment(at_ms))
        }
        services::Concern::FailedJobs(count) => Concern::FailedJobs(count),
        services::Concern::SinkFails(name) => Concern::SinkFails(name),
    });
    Ok(concerns.collect())
}

/// What to type first, in a namespace that the caller sees.
async fn first_push(visit: &Visit<'_>, by: &AccountContext) -> Result<Option<FirstPush>, Failed> {
    let query = ListQuery {
        limit: 1,
        is_uncounted: true,
        ..ListQuery::default()
    };
    let listed = visit.services().namespaces.list(by, query).await?;
    let origin = visit.registry_name().await;
    let first = listed.items.into_iter().next();
    Ok(first.map(|namespace| FirstPush {
        registry: origin,
        user: by.authenticated().name.as_deref().unwrap_or("").to_owned(),
        namespace: namespace.details.namespace.name,
    }))
}

async fn recent(visit: &Visit<'_>, by: &AccountContext) -> Result<Vec<RecentRepository>, Failed> {
    let query = ListQuery {
        order: vec![Order {
            field: "update_time".to_owned(),
            is_descending: true,
        }],
        limit: RECENT,
        is_uncounted: true,
        ..ListQuery::default()
    };
    let listed = visit.services().repositories.list_all(by, query).await?;
    let lines = listed.items.into_iter().map(|view| RecentRepository {
        name: view.details.name,
        artifacts: unsigned(view.details.artifacts),
        updated: Moment(view.details.updated_at_ms),
    });
    Ok(lines.collect())
}

pub(super) fn unsigned(count: i64) -> u64 {
    u64::try_from(count).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(stored: &[Option<u64>]) -> Vec<DayUsage> {
        let days = stored.iter().map(|stored_bytes| DayUsage {
            day: "2026-11-23".to_owned(),
            traffic: services::MonthTraffic::default(),
            stored_bytes: *stored_bytes,
        });
        days.collect()
    }

    #[test]
    fn a_limit_is_foreseen_from_how_the_last_days_went() {
        let grows = days(&[Some(100), None, Some(120), Some(130)]);
        assert_eq!(days_until_full(&grows, 130, 230), Some(10), "10 a day");
        assert_eq!(days_until_full(&grows, 130, 130), Some(0));
        let rests = days(&[Some(7), Some(7), Some(7)]);
        assert_eq!(days_until_full(&rests, 7, 600), None, "nothing grows");
        let shrinks = days(&[Some(9), Some(8), Some(7)]);
        assert_eq!(days_until_full(&shrinks, 7, 600), None);
        let short = days(&[Some(1), None, Some(7)]);
        assert_eq!(days_until_full(&short, 7, 600), None, "too early");
        let slow = days(&[Some(1), Some(2), Some(3)]);
        assert_eq!(days_until_full(&slow, 3, u64::MAX), None, "years");
    }
}
