//! `roadstead admin account` and `roadstead admin plan`: the deployment's accounts, and what they have agreed to.

use super::Answer;
use crate::cli::{AccountCommand, PlanCommand};
use crate::text::table;
use model::{Account, AccountState, Plan, PlanFeatures, PlanLimits};
use serde_json::{Value, json};
use services::{AccountView, Deployment, NewPlan, OperatorContext};

const GIB: u64 = 1 << 30;

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
                .map(|account| vec![account.name.clone(), account.state.as_str().to_owned()]);
            let text = table(&["NAME", "STATE"], rows);
            let json = accounts
                .iter()
                .map(|account| json!({ "name": account.name, "state": account.state.as_str() }));
            Answer::new(json.collect(), text)
        }
        AccountCommand::Show { name } => shown(&deployment.show_account(&by, &name).await?),
        AccountCommand::SetPlan { name, plan } => {
            deployment.set_plan(&by, &name, &plan).await?;
            let json = json!({ "name": name, "plan": plan });
            Answer::new(json, format!("account {name} has plan {plan}\n"))
        }
        AccountCommand::Suspend { name } => {
            set_state(deployment, &by, &name, AccountState::Suspended).await?
        }
        AccountCommand::Resume { name } => {
            set_state(deployment, &by, &name, AccountState::Active).await?
        }
    })
}

fn shown(view: &AccountView) -> Answer {
    let plan = view.plan.as_ref();
    let limit = |limit: Option<u64>| limit.map_or_else(|| "no limit".to_owned(), |n| n.to_string());
    let limits = plan.map(|plan| plan.limits).unwrap_or_default();
    let rows = [
        ("state", view.account.state.as_str().to_owned()),
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
    let rows = rows.map(|(name, value)| vec![name.to_owned(), value]);
    let text = table(&["ACCOUNT", &view.account.name], rows.into_iter());
    let json = json!({
        "name": view.account.name,
        "state": view.account.state.as_str(),
        "plan": plan.map(|plan| &plan.name),
        "used_bytes": view.usage.used_bytes,
        "limit_bytes": view.usage.limit_bytes,
        "namespaces": view.namespaces,
        "namespaces_limit": limits.namespaces,
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
            scanning,
        } => {
            let new = NewPlan {
                name,
                description,
                limits: PlanLimits {
                    storage_bytes: storage_gib.map(|gib| gib.saturating_mul(GIB)),
                    namespaces,
                    ..PlanLimits::default()
                },
                features: PlanFeatures { scanning },
                is_offered: true,
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
                    limit(limits.namespaces),
                    if plan.features.scanning { "yes" } else { "no" }.to_owned(),
                    plan.description.clone(),
                ]
            });
            let text = table(
                &[
                    "NAME",
                    "STORAGE GIB",
                    "NAMESPACES",
                    "SCANNING",
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
        "namespaces": plan.limits.namespaces,
        "scanning": plan.features.scanning,
    })
}

async fn set_state(
    deployment: &Deployment,
    by: &OperatorContext,
    name: &str,
    state: AccountState,
) -> anyhow::Result<Answer> {
    deployment.set_account_state(by, name, state).await?;
    let what = match state {
        AccountState::Active => "may do everything again",
        AccountState::Suspended => "may pull only",
        AccountState::Closing => "may do nothing any more",
    };
    let json = json!({ "name": name, "state": state.as_str() });
    Ok(Answer::new(json, format!("account {name} {what}\n")))
}

async fn all_accounts(
    deployment: &Deployment,
    by: &OperatorContext,
) -> services::Result<Vec<Account>> {
    let mut accounts: Vec<Account> = Vec::new();
    loop {
        let last = accounts.last();
        let after = last.map_or_else(String::new, |last| last.name.clone());
        let page = deployment.list_accounts(by, after).await?;
        if page.is_empty() {
            return Ok(accounts);
        }
        accounts.extend(page);
    }
}

async fn all_plans(deployment: &Deployment, by: &OperatorContext) -> services::Result<Vec<Plan>> {
    let mut plans: Vec<Plan> = Vec::new();
    loop {
        let last = plans.last();
        let after = last.map_or_else(String::new, |last| last.name.clone());
        let page = deployment.list_plans(by, after).await?;
        if page.is_empty() {
            return Ok(plans);
        }
        plans.extend(page);
    }
}
