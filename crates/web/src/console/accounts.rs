//! The accounts of whoever is signed in, and how one of them is.

use super::failed::Failed;
use super::sent::Sent;
use super::visit::Visit;
use pages::account::{AccountLine, AccountUsage, Accounts, FirstPush, Overview, RecentRepository};
use pages::{Bytes, Link, Moment, Page as _, Section};
use services::{AccountContext, ListQuery, Order, Refused};

/// Accounts on a page.
const PAGE: usize = 50;
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
    let counted = services.statistics.of_account(&by).await?.counts;
    let repositories = counted.public.repositories + counted.private.repositories;
    let namespaces = counted.public.namespaces + counted.private.namespaces;
    let page = Overview {
        frame: visit.frame_of(&by, Section::Overview),
        account: by.account().name.clone(),
        namespaces: unsigned(namespaces),
        repositories: unsigned(repositories),
        usage: usage(visit, &by).await?,
        first_push: match repositories {
            0 => first_push(visit, &by).await?,
            _ => None,
        },
        recent: recent(visit, &by).await?,
    };
    Ok(Sent::page(page.html()))
}

/// What the account uses; nothing for those who may not know.
async fn usage(visit: &Visit<'_>, by: &AccountContext) -> Result<Option<AccountUsage>, Failed> {
    let service = &visit.services().usage;
    let usage = match service.of_account(by, None).await {
        Ok(usage) => usage,
        Err(Refused::Forbidden | Refused::InsufficientScope | Refused::Hidden) => return Ok(None),
        Err(refused) => return Err(refused.into()),
    };
    let Some(now) = usage.now else {
        return Ok(None);
    };
    let mean = usage.storage.byte_hours.checked_div(usage.storage.hours);
    let full_in_days = mean.and_then(|mean| {
        days_until_full(
            (mean, now.used_bytes),
            usage.storage.hours,
            now.storage_limit_bytes?,
        )
    });
    Ok(Some(AccountUsage {
        plan: usage.plan,
        used: Bytes(now.used_bytes),
        limit: now.storage_limit_bytes.map(Bytes),
        full_in_days,
        pulled: Bytes(usage.traffic.pull_bytes),
        pulls: usage.traffic.pulls,
        pushes: usage.traffic.pushes,
    }))
}

/// In how many days a limit is reached: what is stored now lies as far above the month's mean as it grows in half of the
/// month's hours. `None` when nothing grows, when there is too little to tell, or it takes longer than anybody plans.
fn days_until_full((mean, now): (u64, u64), hours: u64, limit: u64) -> Option<u64> {
    if hours < 48 {
        return None;
    }
    let grown = now.checked_sub(mean).filter(|grown| *grown > 0)?;
    let left = limit.saturating_sub(now);
    let hours_left = u128::from(left) * u128::from(hours) / 2 / u128::from(grown);
    u64::try_from(hours_left / 24)
        .ok()
        .filter(|days| *days <= 365)
}

/// What to type first, in a namespace that the caller sees.
async fn first_push(visit: &Visit<'_>, by: &AccountContext) -> Result<Option<FirstPush>, Failed> {
    let query = ListQuery {
        limit: 1,
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

    #[test]
    fn a_limit_is_foreseen_from_how_the_month_went() {
        // Ten days: 100 more than the mean means 200 in ten days; 400 are left.
        assert_eq!(days_until_full((100, 200), 240, 600), Some(20));
        assert_eq!(days_until_full((100, 200), 240, 200), Some(0));
        assert_eq!(days_until_full((200, 200), 240, 600), None, "nothing grows");
        assert_eq!(days_until_full((300, 200), 240, 600), None, "it shrinks");
        assert_eq!(days_until_full((100, 200), 47, 600), None, "too early");
        assert_eq!(days_until_full((1, 2), 240, u64::MAX), None, "years");
    }
}
