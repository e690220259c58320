//! What every service stands on.

use crate::access::Access;
use crate::account_access::AccountContext;
use crate::audit::{Initiator, Subject};
use crate::numbers::KnownNumbers;
use crate::settings::Settings;
use crate::{Error, Result};
use blobs::{BlobStore, ObjectKey};
use metadata::{MetadataStore, NewEvent, Tx};
use model::caller::Origin;
use model::{AccountId, Caller, Clock, Event, IdSource};
use std::sync::Arc;

/// Where the bytes of accounts without a key of their own are stored: once for all of them.
pub(crate) const SHARED_STORAGE: &str = "shared";

pub(crate) struct Core {
    pub(crate) metadata: MetadataStore,
    pub(crate) blobs: BlobStore,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<dyn IdSource>,
    pub(crate) settings: Settings,
    /// Numbers that were given: they never change.
    pub(crate) known_numbers: KnownNumbers,
}

impl Core {
    pub(crate) fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }

    /// Writes a fact about an account's repository into the transaction that makes it true.
    pub(crate) fn record<A>(
        &self,
        tx: &mut Tx<'_>,
        event: &Event,
        access: &Access<A>,
    ) -> Result<()> {
        self.record_for(tx, event, &access.account, (&access.caller, &access.origin))
    }

    /// The same for whoever has no access to a repository.
    pub(crate) fn record_for(
        &self,
        tx: &mut Tx<'_>,
        event: &Event,
        account: &AccountId,
        (caller, origin): (&Caller, &Origin),
    ) -> Result<()> {
        self.write_event(tx, event, Some(account), &Initiator::of(caller, origin))
    }

    /// One transaction of a caller that was authorized, with the event that it makes true. An account that may only read
    /// changes nothing, unless the operator at the machine does.
    pub(crate) async fn change<T: Send + 'static>(
        self: &Arc<Self>,
        by: &AccountContext,
        work: impl FnOnce(&Core, &mut Tx<'_>, &AccountId) -> Result<(T, Option<Event>)>
        + Clone
        + Send
        + 'static,
    ) -> Result<T> {
        if !by.account.state.allows_push() && !by.is_local_operator() {
            return Err(Error::AccountSuspended);
        }
        let (core, by) = (self.clone(), by.clone());
        self.metadata
            .write(move |tx| {
                if by.is_local_operator() {
                    crate::closing::require_kept(tx, by.account())?;
                }
                let (answer, event) = work(&core, tx, by.id())?;
                if let Some(event) = event {
                    core.record_by(tx, &event, &by)?;
                }
                Ok(answer)
            })
            .await
    }

    /// Writes a fact about an account into the transaction in which its caller makes it true.
    pub(crate) fn record_by(
        &self,
        tx: &mut Tx<'_>,
        event: &Event,
        by: &AccountContext,
    ) -> Result<()> {
        let caller = &by.context.authenticated.caller;
        self.record_for(tx, event, by.id(), (caller, &by.context.origin))
    }

    /// The same for a fact about the deployment as a whole.
    pub(crate) fn record_for_deployment(
        &self,
        tx: &mut Tx<'_>,
        event: &Event,
        (caller, origin): (&Caller, &Origin),
    ) -> Result<()> {
        self.write_event(tx, event, None, &Initiator::of(caller, origin))
    }

    /// The same for what the registry found and did by itself.
    pub(crate) fn record_by_itself(
        &self,
        tx: &mut Tx<'_>,
        event: &Event,
        account: &AccountId,
    ) -> Result<()> {
        self.write_event(tx, event, Some(account), &Initiator::registry())
    }

    /// The same for any initiator; of no account, when it is about the deployment as a whole.
    pub(crate) fn write_event(
        &self,
        tx: &mut Tx<'_>,
        event: &Event,
        account: Option<&AccountId>,
        by: &Initiator,
    ) -> Result<()> {
        let written = Written::of(self, event)?;
        tx.record_event(&written.by(account, by))?;
        Ok(())
    }

    /// The same as [`record_for`](Self::record_for) for many facts, in one question.
    pub(crate) fn record_all_for(
        &self,
        tx: &mut Tx<'_>,
        events: &[Event],
        account: &AccountId,
        (caller, origin): (&Caller, &Origin),
    ) -> Result<()> {
        let by = Initiator::of(caller, origin);
        let written = events.iter().map(|event| Written::of(self, event));
        let written = written.collect::<Result<Vec<_>>>()?;
        let rows: Vec<NewEvent<'_>> = written
            .iter()
            .map(|one| one.by(Some(account), &by))
            .collect();
        tx.record_events(&rows)?;
        Ok(())
    }

    /// Deletes the bytes of an object that a request has just condemned. The request is done whether or not that works.
    pub(crate) async fn delete_condemned_now(&self, location: &str) {
        if let Err(error) = self.delete_condemned(location).await {
            tracing::warn!(%error, location, "a needless object is deleted later");
        }
    }

    /// Deletes the bytes of an object that no row names any more, then forgets it. When that fails the row stays, and
    /// maintenance tries again.
    pub(crate) async fn delete_condemned(&self, location: &str) -> Result<()> {
        let key = ObjectKey::parse(location).map_err(|error| {
            tracing::error!(%error, location, "a condemned object has an unreadable key");
            Error::Internal
        })?;
        self.blobs.delete(&key).await?;
        let location = location.to_owned();
        self.metadata
            .write_relaxed(move |tx| Ok(tx.delete_condemned_object(&location)?))
            .await
    }
}

/// A fact in the form in which it is stored.
struct Written {
    id: String,
    kind: &'static str,
    payload: String,
    subject: Subject,
    at_ms: i64,
}

impl Written {
    fn of(core: &Core, event: &Event) -> Result<Self> {
        let payload = serde_json::to_string(event).map_err(|error| {
            tracing::error!(%error, "an event cannot be written as JSON");
            Error::Internal
        })?;
        Ok(Self {
            id: core.ids.next_id(),
            kind: event.kind(),
            subject: Subject::of(event.kind(), &payload),
            payload,
            at_ms: core.now_ms(),
        })
    }

    fn by<'a>(&'a self, account: Option<&'a AccountId>, by: &'a Initiator) -> NewEvent<'a> {
        NewEvent {
            id: &self.id,
            account_id: account,
            kind: self.kind,
            caller: &by.caller,
            credential: by.credential,
            address: by.address.as_deref(),
            agent: by.agent.as_deref(),
            payload: &self.payload,
            resource: self.subject.resource.as_deref(),
            namespace: self.subject.namespace.as_deref(),
            at_ms: self.at_ms,
        }
    }
}
