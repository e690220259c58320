//! The deployment's accounts: how they are, what they use, and what they may.

use super::enter;
use crate::console::accounts::{DAYS, charts};
use crate::console::failed::{Failed, mendable};
use crate::console::sent::Sent;
use crate::console::visit::Visit;
use http::StatusCode;
use pages::operator::accounts::{Account, AccountLine, Accounts, Forms};
use pages::{Bytes, Link, Moment, Notice, Page as _};
use services::{AccountFilter, OperatorAction, OperatorContext, Suspension};

/// Accounts on a page.
const PAGE: usize = 50;
/// Plans to choose from.
const PLANS: usize = 100;

/// `GET /operator/accounts`.
pub(super) async fn list(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = enter(visit).await?;
    let words = visit.query.get("q").trim();
    let filter = AccountFilter {
        name: words.to_owned(),
        ..AccountFilter::default()
    };
    let after = visit.query.get("after").to_owned();
    let deployment = &visit.services().deployment;
    let listed = deployment.list_accounts(&by, filter, (after, PAGE)).await?;
    let lines = listed.items.into_iter().map(|summary| AccountLine {
        name: summary.account.name,
        state: summary.state,
        plan: summary.plan,
        used: Bytes(summary.used_bytes),
        limit: summary.limit_bytes.map(Bytes),
        created: Moment(summary.created_at_ms),
    });
    let page = Accounts {
        frame: visit.frame(),
        words: words.to_owned(),
        accounts: lines.collect(),
        next: listed.next.map(|next| visit.page_after(&next)),
    };
    Ok(Sent::page(page.html()))
}

/// `GET /operator/accounts/{account}`.
pub(super) async fn show(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = enter(visit).await?;
    let page = page(visit, &by, Forms::default()).await?;
    Ok(Sent::page(page.html()))
}

async fn page(visit: &Visit<'_>, by: &OperatorContext, forms: Forms) -> Result<Account, Failed> {
    let services = visit.services();
    let deployment = &services.deployment;
    let view = deployment.show_account(by, visit.param("account")).await?;
    let limit = view.usage.limit_bytes;
    let charts = if by.may(OperatorAction::UsageRead) {
        let days = services.usage.days_of(by, &view.account.id, DAYS).await?;
        charts(visit.language, &days, limit)
    } else {
        Vec::new()
    };
    let forms = if by.may(OperatorAction::AccountUpdate) {
        let plans = deployment.list_plans(by, (String::new(), PLANS)).await?;
        let plans = plans.items.into_iter().map(|plan| plan.name).collect();
        Some(Forms { plans, ..forms })
    } else {
        None
    };
    Ok(Account {
        frame: visit.frame(),
        state: view.terms.shown_state(view.account.state).to_owned(),
        name: view.account.name,
        reason: view.terms.state_reason,
        ends: view.terms.destroy_at_ms.map(Moment),
        plan: view.plan.map(|plan| plan.name),
        used: Bytes(view.usage.used_bytes),
        limit: limit.map(Bytes),
        namespaces: view.namespaces,
        charts,
        forms,
    })
}

fn saved(visit: &Visit<'_>) -> Sent {
    let link = Link::OperatorAccount(visit.param("account"));
    Sent::to(&format!("{link}?notice={}", Notice::Saved.word()))
}

async fn refused(visit: &Visit<'_>, by: &OperatorContext, forms: Forms) -> Result<Sent, Failed> {
    let page = page(visit, by, forms).await?;
    Ok(Sent::page(page.html()).with_status(StatusCode::UNPROCESSABLE_ENTITY))
}

/// `POST /operator/accounts/{account}/plan`.
pub(super) async fn set_plan(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = enter(visit).await?;
    let (account, plan) = (visit.param("account"), visit.form.get("plan"));
    let deployment = &visit.services().deployment;
    let Err(why) = deployment.set_plan(&by, account, plan).await else {
        return Ok(saved(visit));
    };
    let forms = Forms {
        plan_failed: Some(mendable(why)?),
        ..Forms::default()
    };
    refused(visit, &by, forms).await
}

/// `POST /operator/accounts/{account}/state`: suspends it, with a reason, or lets it do everything again.
pub(super) async fn set_state(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = enter(visit).await?;
    let (account, reason) = (visit.param("account"), visit.form.get("reason").trim());
    let deployment = &visit.services().deployment;
    let mode = match visit.form.get("to") {
        "active" => None,
        "pull" => Some(Suspension::PullOnly),
        "nothing" => Some(Suspension::Nothing),
        _ => {
            let forms = Forms {
                reason: reason.to_owned(),
                state_failed: Some(visit.language.texts().operator.choose.to_owned()),
                ..Forms::default()
            };
            return refused(visit, &by, forms).await;
        }
    };
    let done = match mode {
        None => deployment.resume_account(&by, account).await,
        Some(mode) => {
            let how = (mode, reason);
            deployment.suspend_account(&by, account, how).await
        }
    };
    let Err(why) = done else {
        return Ok(saved(visit));
    };
    let forms = Forms {
        reason: reason.to_owned(),
        state_failed: Some(mendable(why)?),
        ..Forms::default()
    };
    refused(visit, &by, forms).await
}
