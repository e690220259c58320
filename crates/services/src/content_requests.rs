//! Operators see infrastructure, not content. One who has to look at what is in an account asks; the account's administrators
//! decide, and may end it at any time. Both logs tell all of it.

use crate::access::Refused;
use crate::account_access::AccountContext;
use crate::accounts::Accounts;
use crate::core::Core;
use crate::deployment::Deployment;
use crate::operators::{OperatorAction, OperatorContext};
use crate::{Error, Result};
use metadata::{ContentRequestRow, ContentRequestsOf, ListQuery, Listed, Reader, Tx};
use model::caller::Origin;
use model::content_request::{MAX_HOURS, MAX_REASON_CHARS};
use model::{
    Action, Address, Caller, ContentRequest, ContentRequestId, ContentRequestState as State, Event,
};

/// Requests of one operator that nobody has decided about.
const MAX_OPEN: i64 = 20;
const HOUR_MS: i64 = 3_600_000;
/// The longest name of a namespace that is asked for.
const MAX_NAMESPACE_BYTES: usize = 255;

/// What an operator asks for.
#[derive(Clone, Debug)]
pub struct ContentRequestText {
    /// The account's name.
    pub account: String,
    /// The only namespace that is wanted, by its name; `None` for all.
    pub namespace: Option<String>,
    /// Why.
    pub reason: String,
    /// For how long, from when it is granted.
    pub hours: i64,
}

/// What an account's administrator decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentDecision {
    /// The operator may look for so many hours, as many as it asked for when nothing is said.
    Grant(Option<i64>),
    /// It may not.
    Decline,
    /// It may no longer.
    Revoke,
}

impl Deployment {
    /// Asks to see what is in an account.
    ///
    /// # Errors
    /// [`Error::NotFound`] for the account. Whether the namespace is there is not told.
    pub async fn request_content(
        &self,
        by: &OperatorContext,
        text: ContentRequestText,
    ) -> Result<ContentRequestRow, Refused> {
        self.authorizer
            .require_operator(by, OperatorAction::ContentRequestCreate)?;
        let operator = by.caller().user_id().cloned().ok_or_else(|| {
            Error::Invalid(
                "content is asked for by an operator who is a user, with the API".to_owned(),
            )
        })?;
        text.check()?;
        let id = ContentRequestId::new(self.core.ids.next_id());
        let asked = self.change(by, move |core, tx| {
            let found = tx.find_account_by_name(&text.account)?;
            let account =
                found.ok_or_else(|| Error::NotFound(format!("the account {}", text.account)))?;
            if tx.count_open_content_requests(&operator)? >= MAX_OPEN {
                return Err(Error::NotNow(format!(
                    "you have {MAX_OPEN} requests that nobody has decided about; withdraw some first"
                )));
            }
            let request = ContentRequest {
                id,
                account_id: account.id.clone(),
                operator_id: operator,
                namespace_name: text.namespace.clone(),
                namespace_id: None,
                reason: text.reason.clone(),
                hours: text.hours,
                state: State::Asked,
                asked_at_ms: core.now_ms(),
                decided_by: None,
                decided_at_ms: None,
                expires_at_ms: None,
            };
            tx.create_content_request(&request)?;
            let row = find(tx, &request.id)?;
            let event = Event::ContentRequested {
                content_request: request.id.to_string(),
                account: account.name,
                operator: row.operator_name.clone(),
                namespace: text.namespace,
                reason: text.reason,
                hours: text.hours,
            };
            Ok((row, account.id, event))
        });
        Ok(asked.await?)
    }

    /// Requests to see what is in accounts. Fields: `state`, `operator`, `account`, `asked_at`; the newest first.
    pub async fn list_content_requests(
        &self,
        by: &OperatorContext,
        query: ListQuery,
    ) -> Result<Listed<ContentRequestRow>, Refused> {
        self.authorizer
            .require_operator(by, OperatorAction::ContentRequestList)?;
        let listed = self.core.metadata.list(move |reader| {
            Ok::<_, Error>(reader.list_content_requests(ContentRequestsOf::All, &query)?)
        });
        Ok(listed.await?)
    }

    /// Takes one's own request back; one that was granted ends with that.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a request of somebody else, too; [`Error::NotNow`] for one that has ended.
    pub async fn withdraw_content_request(
        &self,
        by: &OperatorContext,
        id: &str,
    ) -> Result<(), Refused> {
        self.authorizer
            .require_operator(by, OperatorAction::ContentRequestCreate)?;
        let (id, by_user) = (ContentRequestId::new(id), by.caller().user_id().cloned());
        let who = by.clone();
        let withdrawn = self.change(by, move |core, tx| {
            let row = find(tx, &id)?;
            if Some(&row.request.operator_id) != by_user.as_ref() {
                return Err(unknown(&id));
            }
            let from = row.request.state;
            if !matches!(from, State::Asked | State::Granted) {
                return Err(ended(&row));
            }
            let request = ContentRequest {
                state: State::Withdrawn,
                decided_by: Some(who.caller().display_name().to_owned()),
                decided_at_ms: Some(core.now_ms()),
                ..row.request.clone()
            };
            if !tx.decide_content_request(&request, from)? {
                return Err(ended(&row));
            }
            Ok(((), request.account_id, ending(&row, State::Withdrawn)))
        });
        Ok(withdrawn.await?)
    }
}

impl Accounts {
    /// Operators' requests to see what is in the account. Fields: `state`, `operator`, `asked_at`; the newest first.
    pub async fn list_content_requests(
        &self,
        by: &AccountContext,
        query: ListQuery,
    ) -> Result<Listed<ContentRequestRow>, Refused> {
        self.authorizer
            .require(by, Action::ContentRequestList)
            .await?;
        let account = by.id().clone();
        let listed = self.core.metadata.list(move |reader| {
            let of = ContentRequestsOf::Account(&account);
            Ok::<_, Error>(reader.list_content_requests(of, &query)?)
        });
        Ok(listed.await?)
    }

    /// Decides about an operator's request; also in an account that may only read at present.
    ///
    /// # Errors
    /// [`Error::NotFound`] for another account's, too; [`Error::NotAllowed`] for the operator itself; [`Error::NotNow`] when
    /// it stands elsewhere, or is for a namespace that is not there.
    pub async fn decide_content_request(
        &self,
        by: &AccountContext,
        id: &str,
        decision: ContentDecision,
    ) -> Result<ContentRequestRow, Refused> {
        self.authorizer
            .require(by, Action::ContentRequestUpdate)
            .await?;
        let (core, by, id) = (self.core.clone(), by.clone(), ContentRequestId::new(id));
        let decided = self.core.metadata.write(move |tx| {
            let row = find(tx, &id)?;
            if row.request.account_id != *by.id() {
                return Err(unknown(&id));
            }
            let caller = &by.context.authenticated.caller;
            let request = decide(&core, tx, &row, (caller, decision))?;
            if !tx.decide_content_request(&request, row.request.state)? {
                return Err(ended(&row));
            }
            let event = match request.expires_at_ms {
                Some(expires_at_ms) if request.state == State::Granted => {
                    Event::ContentRequestGranted {
                        content_request: request.id.to_string(),
                        account: row.account_name.clone(),
                        operator: row.operator_name.clone(),
                        expires_at_ms,
                    }
                }
                _ => ending(&row, request.state),
            };
            record(&core, tx, &event, (by.id(), caller, &by.context.origin))?;
            find(tx, &request.id)
        });
        Ok(decided.await?)
    }
}

/// What a request is after a decision.
fn decide(
    core: &Core,
    tx: &Tx<'_>,
    row: &ContentRequestRow,
    (caller, decision): (&Caller, ContentDecision),
) -> Result<ContentRequest> {
    let (request, now_ms) = (&row.request, core.now_ms());
    let mut decided = ContentRequest {
        decided_by: Some(caller.display_name().to_owned()),
        decided_at_ms: Some(now_ms),
        ..request.clone()
    };
    match (decision, request.state) {
        (ContentDecision::Grant(hours), State::Asked) => {
            if caller.user_id() == Some(&request.operator_id) {
                let message = "nobody decides about its own request; ask another administrator";
                return Err(Error::NotAllowed(message.to_owned()));
            }
            let hours = hours.unwrap_or(request.hours);
            if !(1..=request.hours).contains(&hours) {
                return Err(Error::Invalid(format!(
                    "a request is granted for 1 to {} hours, as many as were asked for",
                    request.hours
                )));
            }
            if let Some(name) = &request.namespace_name {
                let address = Address::Account(request.account_id.clone());
                let found = tx.find_namespace(&address, name)?;
                let gone = || Error::NotNow(format!("there is no namespace {name}; decline it"));
                decided.namespace_id = Some(found.ok_or_else(gone)?.id);
            }
            decided.state = State::Granted;
            decided.expires_at_ms = Some(now_ms + hours * HOUR_MS);
        }
        (ContentDecision::Decline, State::Asked) => decided.state = State::Declined,
        (ContentDecision::Revoke, State::Granted) => decided.state = State::Revoked,
        _ => return Err(ended(row)),
    }
    Ok(decided)
}

/// Whoever runs the deployment sees in its log, too, what was decided.
fn record(
    core: &Core,
    tx: &mut Tx<'_>,
    event: &Event,
    (account, caller, origin): (&model::AccountId, &Caller, &Origin),
) -> Result<()> {
    core.record_for(tx, event, account, (caller, origin))?;
    core.record_for_deployment(tx, event, (caller, origin))
}

impl ContentRequestText {
    fn check(&self) -> Result<()> {
        let reason = self.reason.trim();
        if reason.is_empty()
            || self.reason.chars().count() > MAX_REASON_CHARS
            || self.reason.chars().any(char::is_control)
        {
            return Err(Error::Invalid(format!(
                "a request needs a reason of 1 to {MAX_REASON_CHARS} characters, in one line"
            )));
        }
        if !(1..=MAX_HOURS).contains(&self.hours) {
            return Err(Error::Invalid(format!(
                "content is asked for for 1 to {MAX_HOURS} hours"
            )));
        }
        let is_no_name = |name: &String| name.is_empty() || name.len() > MAX_NAMESPACE_BYTES;
        if self.namespace.as_ref().is_some_and(is_no_name) {
            return Err(Error::Invalid(
                "this cannot be a namespace's name".to_owned(),
            ));
        }
        Ok(())
    }
}

/// A request has ended without being granted any more.
fn ending(row: &ContentRequestRow, state: State) -> Event {
    Event::ContentRequestEnded {
        content_request: row.request.id.to_string(),
        account: row.account_name.clone(),
        operator: row.operator_name.clone(),
        state: state.as_str().to_owned(),
    }
}

fn find(reader: &Reader<'_>, id: &ContentRequestId) -> Result<ContentRequestRow> {
    let found = reader.find_content_request(id)?;
    found.ok_or_else(|| unknown(id))
}

fn unknown(id: &ContentRequestId) -> Error {
    Error::NotFound(format!("the content request {id}"))
}

fn ended(row: &ContentRequestRow) -> Error {
    Error::NotNow(format!(
        "this cannot be done to a request that is {}",
        row.request.state.as_str()
    ))
}
