//! `roadstead admin account` and `roadstead admin plan`: the deployment's accounts, and what they have agreed to.

use super::Answer;
use crate::cli::{AccountCommand, PlanCommand};
use crate::text::table;
use model::{Plan, PlanLimits};
use serde_json::{Value, json};
use services::{
    AccountFilter, AccountSummary, AccountView, Closing, Deployment, NewPlan, OperatorContext,
    Receipt, Refused, Suspension,
};

const GIB: u64 = 1 << 30;
/// Rows of one question to the registry.
const PAGE: usize = 1000;

pub(super) async fn carry_out(
    deployment: &Deployment,
    command: AccountCommand,
) -> anyhow::Result<Answer> {
    let by = deployment.enter_locally();
    Ok(match command {
        AccountCommand::Create { name, plan } => {
            deployment
                .create_account(&by, &name, plan.as_deref())
                .await?;
            let text = format!(
                "account {name} was created; give it an administrator with: roadstead admin --account {name} user create NAME --administrator\n"
            );
            Answer::new(
                json!({ "name": name, "state": "active", "plan": plan }),
                text,
            )
        }
        AccountCommand::List => {
            let accounts = all_accounts(deployment, &by).await?;
            let rows = accounts
                .iter()
                .map(|account| vec![account.account.name.clone(), account.state.clone()]);
            let text = table(&["NAME", "STATE"], rows);
            let json = accounts
                .iter()
                .map(|account| json!({ "name": account.account.name, "state": account.state }));
            Answer::new(json.collect(), text)
        }
        AccountCommand::Show { name } => shown(&deployment.show_account(&by, &name).await?),
        AccountCommand::SetPlan { name, plan } => {
            deployment.set_plan(&by, &name, &plan).await?;
            let json = json!({ "name": name, "plan": plan });
            Answer::new(json, format!("account {name} has plan {plan}\n"))
        }
        AccountCommand::Suspend { name } => {
            let mode = Suspension::PullOnly;
            deployment.suspend_account(&by, &name, (mode, "")).await?;
            let json = json!({ "name": name, "state": "suspended" });
            Answer::new(json, format!("account {name} may pull only\n"))
        }
        AccountCommand::Resume { name } => {
            deployment.resume_account(&by, &name).await?;
            let json = json!({ "name": name, "state": "active" });
            Answer::new(json, format!("account {name} may do everything again\n"))
        }
        AccountCommand::Close {
            name,
            grace_days,
            allow_pull,
            reason,
        } => {
            let closing = Closing {
                grace_days,
                allows_pull: allow_pull,
                reason,
            };
            let destroy_at_ms = deployment.close_account(&by, &name, closing).await?;
            closing_begun(&name, &time(destroy_at_ms))
        }
        AccountCommand::Restore { name } => {
            deployment.restore_account(&by, &name).await?;
            let json = json!({ "name": name, "state": "active" });
            Answer::new(json, format!("account {name} goes on as before\n"))
        }
        AccountCommand::Receipt { name } => receipt(&deployment.find_receipt(&by, &name).await?),
    })
}

fn closing_begun(name: &str, at: &str) -> Answer {
    let text = format!(
        "account {name} is closing; what it has is destroyed after {at}. Until then: roadstead admin account restore {name}\n"
    );
    let json = json!({ "name": name, "state": "closing", "destroy_at": at });
    Answer::new(json, text)
}

/// A time as people and programs read it.
fn time(at_ms: i64) -> String {
    jiff::Timestamp::from_second(at_ms.div_euclid(1000))
        .map_or_else(|_| at_ms.to_string(), |time| time.to_string())
}

fn receipt(receipt: &Receipt) -> Answer {
    let destroyed_at = receipt.destroyed_at_ms.map(time);
    let mut rows = vec![
        ("destruction began", time(receipt.begun_at_ms)),
        (
            "nothing was left",
            destroyed_at
                .clone()
                .unwrap_or_else(|| "it goes on".to_owned()),
        ),
    ];
    let counts = receipt.counts.iter();
    rows.extend(counts.map(|(what, count)| (what.as_str(), count.to_string())));
    rows.push(("bytes", receipt.bytes.to_string()));
    let audit = receipt.audit.as_ref();
    if let Some((number, hash)) = audit {
        rows.push(("audit log", format!("event {number}, link {hash}")));
    }
    let rows = rows
        .into_iter()
        .map(|(name, value)| vec![name.to_owned(), value]);
    let text = table(&["RECEIPT OF", &receipt.account], rows);
    let json = json!({
        "account": receipt.account,
        "begun_at": time(receipt.begun_at_ms),
        "destroyed_at": destroyed_at,
        "counts": receipt.counts,
        "bytes": receipt.bytes,
        "audit": audit.map(|(number, hash)| json!({ "number": number, "hash": hash })),
    });
    Answer::new(json, text)
}

fn shown(view: &AccountView) -> Answer {
    let plan = view.plan.as_ref();
    let limit = |limit: Option<u64>| limit.map_or_else(|| "no limit".to_owned(), |n| n.to_string());
    let limits = plan.map(|plan| plan.limits).unwrap_or_default();
    let reason = view.terms.state_reason.clone();
    let end = view.terms.destroy_at_ms.map(time);
    let rows = [
        (
            "state",
            view.terms.shown_state(view.account.state).to_owned(),
        ),
        (
            "plan",
            plan.map_or_else(|| "none".to_owned(), |plan| plan.name.clone()),
        ),
        (
            "storage",
            format!(
                "{} of {} bytes",
                view.usage.used_bytes,
                limit(view.usage.limit_bytes)
            ),
        ),
        (
            "namespaces",
            format!("{} of {}", view.namespaces, limit(limits.namespaces)),
        ),
    ];
    let why = [("reason", reason.clone()), ("destroyed after", end.clone())];
    let why = why
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)));
    let rows = rows.into_iter().chain(why);
    let rows = rows.map(|(name, value)| vec![name.to_owned(), value]);
    let text = table(&["ACCOUNT", &view.account.name], rows);
    let json = json!({
        "name": view.account.name,
        "state": view.terms.shown_state(view.account.state),
        "plan": plan.map(|plan| &plan.name),
        "used_bytes": view.usage.used_bytes,
        "limit_bytes": view.usage.limit_bytes,
        "namespaces": view.namespaces,
        "namespaces_limit": limits.namespaces,
        "state_reason": reason,
        "destroy_at": end,
    });
    Answer::new(json, text)
}

/// `roadstead admin plan`.
pub(super) async fn carry_out_plan(
    deployment: &Deployment,
    command: PlanCommand,
) -> anyhow::Result<Answer> {
    let by = deployment.enter_locally();
    Ok(match command {
        PlanCommand::Create {
            name,
            description,
            storage_gib,
            namespaces,
            requests_at_once,
            pull_gib_per_month,
            not_offered,
        } => {
            let new = NewPlan {
                name,
                description,
                limits: PlanLimits {
                    storage_bytes: storage_gib.map(|gib| gib.saturating_mul(GIB)),
                    pull_bytes_per_month: pull_gib_per_month.map(|gib| gib.saturating_mul(GIB)),
                    requests_at_once,
                    namespaces,
                },
                is_offered: !not_offered,
            };
            let plan = deployment.create_plan(&by, new).await?;
            Answer::new(json_of(&plan), format!("plan {} was created\n", plan.name))
        }
        PlanCommand::List => {
            let plans = all_plans(deployment, &by).await?;
            let limit =
                |limit: Option<u64>| limit.map_or_else(|| "-".to_owned(), |n| n.to_string());
            let rows = plans.iter().map(|plan| {
                let limits = plan.limits;
                vec![
                    plan.name.clone(),
                    limit(limits.storage_bytes.map(|bytes| bytes / GIB)),
                    limit(limits.pull_bytes_per_month.map(|bytes| bytes / GIB)),
                    limit(limits.requests_at_once),
                    limit(limits.namespaces),
                    if plan.is_offered { "yes" } else { "no" }.to_owned(),
                    plan.description.clone(),
                ]
            });
            let text = table(
                &[
                    "NAME",
                    "STORAGE GIB",
                    "PULLS GIB/MONTH",
                    "REQUESTS AT ONCE",
                    "NAMESPACES",
                    "OFFERED",
                    "DESCRIPTION",
                ],
                rows,
            );
            Answer::new(plans.iter().map(json_of).collect(), text)
        }
        PlanCommand::Delete { name } => {
            deployment.delete_plan(&by, &name).await?;
            Answer::new(json!({ "name": name }), format!("plan {name} is deleted\n"))
        }
    })
}

fn json_of(plan: &Plan) -> Value {
    json!({
        "name": plan.name,
        "description": plan.description,
        "storage_bytes": plan.limits.storage_bytes,
        "pull_bytes_per_month": plan.limits.pull_bytes_per_month,
        "requests_at_once": plan.limits.requests_at_once,
        "namespaces": plan.limits.namespaces,
        "is_offered": plan.is_offered,
    })
}

async fn all_accounts(
    deployment: &Deployment,
    by: &OperatorContext,
) -> Result<Vec<AccountSummary>, Refused> {
    let (mut accounts, mut after) = (Vec::new(), String::new());
    loop {
        let (filter, page) = (AccountFilter::default(), (after, PAGE));
        let page = deployment.list_accounts(by, filter, page).await?;
        accounts.extend(page.items);
        match page.next {
            Some(next) => after = next,
            None => return Ok(accounts),
        }
    }
}

async fn all_plans(deployment: &Deployment, by: &OperatorContext) -> Result<Vec<Plan>, Refused> {
    let (mut plans, mut after) = (Vec::new(), String::new());
    loop {
        let page = deployment.list_plans(by, (after, PAGE)).await?;
        plans.extend(page.items);
        match page.next {
            Some(next) => after = next,
            None => return Ok(plans),
        }
    }
}
