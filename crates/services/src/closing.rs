//! Closing an account: a while in which it can be restored, then the destruction of what it has, and a receipt.

mod destroying;
mod receipt;

pub use receipt::Receipt;

use crate::DEFAULT_ACCOUNT;
use crate::access::Refused;
use crate::core::Core;
use crate::deployment::Deployment;
use crate::operators::{OperatorAction, OperatorContext};
use crate::{Error, Result};
use metadata::{AccountTerms, Tx};
use model::{Account, AccountState, Event};

const DAY_MS: i64 = 86_400_000;
/// The longest that an account waits for its end.
const MAX_GRACE_DAYS: u32 = 3650;
/// The longest reason, in bytes.
const REASON_BYTES: usize = 1000;

/// How an account is to be closed.
#[derive(Clone, Debug, Default)]
pub struct Closing {
    /// For how many days it can be restored, 3,650 at most; `None` for as many as the deployment's settings say.
    pub grace_days: Option<u32>,
    /// Whether it may be pulled from until then.
    pub allows_pull: bool,
    /// Why, in words for its administrators; empty for nothing.
    pub reason: String,
}

impl Deployment {
    /// Begins to close an account: nothing may be changed in it from the next request on, and after the grace period what it
    /// has is destroyed. Says from when on.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::NotNow`] for one that is closing already; [`Error::NotAllowed`] for `default`, which
    /// the deployment cannot be without.
    pub async fn close_account(
        &self,
        by: &OperatorContext,
        name: &str,
        closing: Closing,
    ) -> Result<i64, Refused> {
        self.authorizer
            .require_operator(by, OperatorAction::AccountClose)?;
        let grace_ms = check(name, &closing, self.core.settings.closing_grace_ms)?;
        let name = name.to_owned();
        let closed = self.change(by, move |core, tx| {
            let (account, terms) = take(core, tx, &name)?;
            if terms.destroy_at_ms.is_some() {
                let state = terms.shown_state(account.state);
                return Err(Error::NotNow(format!(
                    "the account {name} is {state} already"
                )));
            }
            let now_ms = core.now_ms();
            let destroy_at_ms = now_ms.saturating_add(grace_ms);
            let state = if closing.allows_pull {
                AccountState::Suspended
            } else {
                AccountState::Closing
            };
            tx.set_account_state(&account.id, state)?;
            let reason = Some(closing.reason.as_str()).filter(|reason| !reason.is_empty());
            tx.set_state_reason(&account.id, reason, now_ms)?;
            tx.set_account_end(&account.id, Some(destroy_at_ms), now_ms)?;
            let event = Event::AccountClosing {
                account: name,
                destroy_at_ms,
                allows_pull: closing.allows_pull,
            };
            Ok((destroy_at_ms, account.id, event))
        });
        Ok(closed.await?)
    }

    /// Lets an account that is being closed go on, with all that it had.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::NotNow`] for one that is not closing, and when its destruction has begun.
    pub async fn restore_account(&self, by: &OperatorContext, name: &str) -> Result<(), Refused> {
        self.authorizer
            .require_operator(by, OperatorAction::AccountClose)?;
        let name = name.to_owned();
        let restored = self.change(by, move |core, tx| {
            let (account, terms) = take(core, tx, &name)?;
            if terms.destroy_at_ms.is_none() {
                return Err(Error::NotNow(format!(
                    "the account {name} is not being closed"
                )));
            }
            if terms.receipt.is_some() {
                return Err(Error::NotNow(format!(
                    "the account {name} cannot be restored: the destruction of what it had has begun"
                )));
            }
            let now_ms = core.now_ms();
            tx.set_account_state(&account.id, AccountState::Active)?;
            tx.set_state_reason(&account.id, None, now_ms)?;
            tx.set_account_end(&account.id, None, now_ms)?;
            let event = Event::AccountRestored { account: name };
            Ok(((), account.id, event))
        });
        Ok(restored.await?)
    }

    /// What was destroyed of an account, for ever.
    ///
    /// # Errors
    /// [`Error::NotFound`] for an account, and for one whose destruction has not begun.
    pub async fn find_receipt(&self, by: &OperatorContext, name: &str) -> Result<Receipt, Refused> {
        self.authorizer
            .require_operator(by, OperatorAction::AccountRead)?;
        let found = self.core.metadata.read(|reader| {
            let Some(account) = reader.find_account_by_name(name)? else {
                return Ok(None);
            };
            let terms = reader.find_account_terms(&account.id)?;
            Ok::<_, Error>(Some((account, terms)))
        });
        let (account, terms) = found
            .await?
            .ok_or_else(|| Error::NotFound(format!("the account {name}")))?;
        if terms.receipt.is_none() {
            let text = format!("a receipt of the account {}", account.name);
            return Err(Error::NotFound(text).into());
        }
        Ok(Receipt::of(&account.name, &terms)?)
    }
}

/// How long an account can be restored, if it may be closed so.
fn check(name: &str, closing: &Closing, usual_ms: i64) -> Result<i64> {
    if name == DEFAULT_ACCOUNT {
        return Err(Error::NotAllowed(format!(
            "the account {name} cannot be closed: the deployment needs it"
        )));
    }
    if closing.reason.len() > REASON_BYTES || closing.reason.chars().any(char::is_control) {
        return Err(Error::Invalid(format!(
            "a reason has at most {REASON_BYTES} bytes and no control characters such as line breaks"
        )));
    }
    match closing.grace_days {
        None => Ok(usual_ms),
        Some(days) if days <= MAX_GRACE_DAYS => Ok(i64::from(days) * DAY_MS),
        Some(_) => Err(Error::Invalid(format!(
            "an account waits {MAX_GRACE_DAYS} days for its end at most"
        ))),
    }
}

/// Refuses to change an account whose destruction has begun: whatever came into it would stay for ever.
pub(crate) fn require_kept(tx: &Tx<'_>, account: &Account) -> Result<()> {
    if tx.find_account_terms(&account.id)?.receipt.is_none() {
        return Ok(());
    }
    Err(Error::NotNow(format!(
        "the account {} is closed for good; nothing can be changed in it any more",
        account.name
    )))
}

/// An account that nobody else closes or restores meanwhile.
fn take(core: &Core, tx: &mut Tx<'_>, name: &str) -> Result<(Account, AccountTerms)> {
    let found = tx.find_account_by_name(name)?;
    let account = found.ok_or_else(|| Error::NotFound(format!("the account {name}")))?;
    let terms = tx.take_account_terms(&account.id, core.now_ms())?;
    Ok((account, terms))
}
