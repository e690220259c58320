//! Accounts, for whoever has something to do with them.

use super::plans::PlanShown;
use super::reply::{Answered, List, Shown};
use super::{Call, Time};
use serde::Serialize;
use services::{AccountSummary, AccountTerms, AccountView, Error, Refused};
use utoipa::ToSchema;

/// An account in a list.
#[derive(Serialize, ToSchema)]
pub(super) struct AccountListed {
    name: String,
    /// `active`, `suspended`, `closing` or `closed`.
    state: String,
    created_at: Time,
}

/// An account.
#[derive(Serialize, ToSchema)]
pub(super) struct AccountShown {
    name: String,
    /// `active`, `suspended`, `closing` or `closed`.
    state: String,
    /// Why it may not do everything.
    state_reason: Option<String>,
    /// From when on its content is destroyed.
    destroy_at: Option<Time>,
    /// What it has agreed to and uses; left out for whoever may not see that.
    #[serde(skip_serializing_if = "Option::is_none")]
    terms: Option<TermsShown>,
}

/// What an account has agreed to, and what it uses.
#[derive(Serialize, ToSchema)]
pub(super) struct TermsShown {
    /// Null for no plan, and so no limits.
    plan: Option<PlanShown>,
    /// Bytes of the distinct digests that its manifests reference.
    used_bytes: u64,
    /// What it may use; null for as much as there is.
    limit_bytes: Option<u64>,
    namespaces: u64,
}

pub(super) fn shown(view: AccountView) -> AccountShown {
    let terms = TermsShown {
        plan: view.plan.map(Into::into),
        used_bytes: view.usage.used_bytes,
        limit_bytes: view.usage.limit_bytes,
        namespaces: view.namespaces,
    };
    AccountShown {
        terms: Some(terms),
        ..known(
            view.account.name,
            view.terms.shown_state(view.account.state),
            &view.terms,
        )
    }
}

fn known(name: String, state: &str, terms: &AccountTerms) -> AccountShown {
    AccountShown {
        name,
        state: state.to_owned(),
        state_reason: terms.state_reason.clone(),
        destroy_at: terms.destroy_at_ms.map(Time::from_ms),
        terms: None,
    }
}

fn listed(account: AccountSummary) -> AccountListed {
    AccountListed {
        name: account.account.name,
        state: account.state,
        created_at: Time::from_ms(account.created_at_ms),
    }
}

/// `listOwnAccounts`.
pub(super) async fn list(call: &Call<'_>) -> Answered<List<AccountListed>> {
    let accounts = &call.services().accounts;
    let page = accounts.list_own(call.caller(), call.after()).await?;
    Ok(call.page(page, listed))
}

/// `getAccount`.
pub(super) async fn get(call: &Call<'_>) -> Answered<Shown<AccountShown>> {
    let by = call.account().await?;
    let accounts = &call.services().accounts;
    match accounts.show(&by).await {
        Ok(view) => return Ok(Shown(shown(view))),
        Err(Refused::Failed(error)) if !matches!(error, Error::NotAllowed(_)) => {
            return Err(error.into());
        }
        Err(_) => {}
    }
    let terms = accounts.terms(&by).await?;
    let (name, state) = (by.account().name.clone(), by.account().state);
    Ok(Shown(known(name, terms.shown_state(state), &terms)))
}
