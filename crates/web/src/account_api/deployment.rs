//! The deployment and its accounts, for whoever runs it. What is in an account is the account's business.

use super::accounts::{AccountShown, shown};
use super::query::Parameter;
use super::reply::{Answered, Created, Done, List, Shown};
use super::{Call, Time};
use serde::{Deserialize, Serialize};
use services::{AccountFilter, AccountSummary, ReplicaRow, Suspension};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// What `listAccounts` knows.
pub(super) const LIST: &[Parameter] = &[
    Parameter::text("q", "Names that begin with this text.", 63),
    Parameter::one_of(
        "state",
        "Accounts in this state.",
        &["active", "suspended", "closing", "closed"],
    ),
    Parameter::text("plan", "Accounts that have this plan.", 63),
];

/// How much there is, and what runs it.
#[derive(Serialize, ToSchema)]
pub(super) struct Inventory {
    /// The program's version.
    version: &'static str,
    /// The kind of store that blobs lie in: `filesystem` or `s3`.
    storage: &'static str,
    /// How many accounts are in each state that any is in.
    accounts: BTreeMap<String, u64>,
    /// How many accounts have each plan.
    plans: BTreeMap<String, u64>,
    /// Accounts without a plan.
    accounts_without_plan: u64,
    namespaces: u64,
    /// The sum of what the accounts use. Bytes that several use count once for each.
    used_bytes: u64,
    /// The programs that serve it now, the oldest first.
    replicas: Vec<ReplicaShown>,
}

/// A program that serves the deployment.
#[derive(Serialize, ToSchema)]
pub(super) struct ReplicaShown {
    /// The name of the machine that it runs on.
    host: String,
    /// Where it listens.
    addresses: Vec<String>,
    /// Its version.
    version: String,
    started_at: Time,
    /// When it last said that it is there. Some 20 seconds ago, unless it is in trouble.
    seen_at: Time,
}

/// Whether the deployment is well.
#[derive(Serialize, ToSchema)]
pub(super) struct Condition {
    /// Whether all is well.
    is_well: bool,
    /// What is not.
    problems: Vec<&'static str>,
}

/// An account in the deployment's list.
#[derive(Serialize, ToSchema)]
pub(super) struct DeploymentAccount {
    name: String,
    /// `active`, `suspended`, `closing` or `closed`.
    state: String,
    /// The name of its plan; null for none, and so no limits.
    plan: Option<String>,
    /// Bytes of the distinct digests that its manifests reference.
    used_bytes: u64,
    /// What it may use; null for as much as there is.
    limit_bytes: Option<u64>,
    created_at: Time,
}

/// An account to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AccountRequest {
    /// 1 to 63 lower-case letters, digits and hyphens, and no hyphen at its ends.
    #[schema(max_length = 63)]
    name: String,
    /// The name of its plan; without one it has no limits.
    plan: Option<String>,
}

/// Which plan an account is to have.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PlanChoice {
    /// Its name.
    plan: String,
}

/// What a suspended account may still do.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum SuspensionMode {
    /// Pull, and nothing else.
    Pull,
    /// Nothing.
    Nothing,
}

/// How an account is suspended, and why.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SuspensionRequest {
    mode: SuspensionMode,
    /// What its administrators are told.
    #[serde(default)]
    #[schema(max_length = 1000)]
    reason: String,
}

fn listed(account: AccountSummary) -> DeploymentAccount {
    DeploymentAccount {
        name: account.account.name,
        state: account.state,
        plan: account.plan,
        used_bytes: account.used_bytes,
        limit_bytes: account.limit_bytes,
        created_at: Time::from_ms(account.created_at_ms),
    }
}

/// `getDeployment`.
pub(super) async fn get(call: &Call<'_>) -> Answered<Shown<Inventory>> {
    let by = call.operator().await?;
    let counts = call.services().deployment.count(&by).await?;
    let replicas = call.services().replicas.list(&by).await?;
    Ok(Shown(Inventory {
        version: env!("CARGO_PKG_VERSION"),
        storage: call.services().storage_name(),
        accounts: counts.accounts.into_iter().collect(),
        plans: counts.plans.into_iter().collect(),
        accounts_without_plan: counts.without_plan,
        namespaces: counts.namespaces,
        used_bytes: counts.used_bytes,
        replicas: replicas.into_iter().map(replica).collect(),
    }))
}

fn replica(row: ReplicaRow) -> ReplicaShown {
    ReplicaShown {
        host: row.host,
        addresses: row.addresses.split(' ').map(str::to_owned).collect(),
        version: row.version,
        started_at: Time::from_ms(row.started_at_ms),
        seen_at: Time::from_ms(row.seen_at_ms),
    }
}

/// `getDeploymentHealth`: always 200; what is unwell is said inside.
pub(super) async fn health(call: &Call<'_>) -> Answered<Shown<Condition>> {
    let by = call.operator().await?;
    call.services().deployment.require_reader(&by)?;
    let problems = call.registry.unwell().await;
    Ok(Shown(Condition {
        is_well: problems.is_empty(),
        problems,
    }))
}

/// `listAccounts`.
pub(super) async fn list_accounts(call: &Call<'_>) -> Answered<List<DeploymentAccount>> {
    let by = call.operator().await?;
    let text = |name| call.query.text(name).unwrap_or_default().to_owned();
    let filter = AccountFilter {
        name: text("q"),
        state: text("state"),
        plan: text("plan"),
    };
    let deployment = &call.services().deployment;
    let page = deployment.list_accounts(&by, filter, call.after()).await?;
    Ok(call.page(page, listed))
}

/// `createAccount`.
pub(super) async fn create_account(
    call: &Call<'_>,
    request: AccountRequest,
) -> Answered<Created<AccountShown>> {
    let by = call.operator().await?;
    let (deployment, name) = (&call.services().deployment, &request.name);
    let made = deployment
        .create_account(&by, name, request.plan.as_deref())
        .await?;
    let view = deployment.show_account(&by, &made.name).await?;
    Ok(Created::at(call.location(&made.name), shown(view)))
}

/// `getDeploymentAccount`.
pub(super) async fn get_account(call: &Call<'_>) -> Answered<Shown<AccountShown>> {
    let by = call.operator().await?;
    let deployment = &call.services().deployment;
    let view = deployment.show_account(&by, call.param("account")).await?;
    Ok(Shown(shown(view)))
}

/// `setPlan`.
pub(super) async fn set_plan(call: &Call<'_>, choice: PlanChoice) -> Answered<Done> {
    let by = call.operator().await?;
    let (deployment, account) = (&call.services().deployment, call.param("account"));
    deployment.set_plan(&by, account, &choice.plan).await?;
    Ok(Done)
}

/// `suspendAccount`.
pub(super) async fn suspend(call: &Call<'_>, request: SuspensionRequest) -> Answered<Done> {
    let by = call.operator().await?;
    let mode = match request.mode {
        SuspensionMode::Pull => Suspension::PullOnly,
        SuspensionMode::Nothing => Suspension::Nothing,
    };
    let (deployment, account) = (&call.services().deployment, call.param("account"));
    deployment
        .suspend_account(&by, account, (mode, &request.reason))
        .await?;
    Ok(Done)
}

/// `resumeAccount`.
pub(super) async fn resume(call: &Call<'_>) -> Answered<Done> {
    let by = call.operator().await?;
    let deployment = &call.services().deployment;
    deployment
        .resume_account(&by, call.param("account"))
        .await?;
    Ok(Done)
}
