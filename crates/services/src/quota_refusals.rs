//! That pushes were refused for want of room, said at most once a minute for each namespace: a client that tries again and
//! again fills no log.

use crate::access::{Access, Push};
use crate::core::Core;
use crate::{Error, Result};
use model::{Address, Event};
use std::sync::Arc;

/// How long it is not said again.
const QUIET_MS: i64 = 60_000;

/// Writes down that a push was refused, if that is why it failed. Gives the error back.
pub(crate) async fn told<T>(core: &Arc<Core>, access: &Access<Push>, done: Result<T>) -> Result<T> {
    let (limit_of, limit_bytes) = match &done {
        Err(Error::QuotaExceeded { limit, .. }) => ("account", *limit),
        Err(Error::NamespaceFull { limit, .. }) => ("namespace", *limit),
        _ => return done,
    };
    if let Err(error) = tell(core, access, (limit_of, limit_bytes)).await {
        tracing::warn!(%error, "that a push was refused is not in the audit log");
    }
    done
}

async fn tell(
    core: &Arc<Core>,
    access: &Access<Push>,
    (limit_of, limit_bytes): (&'static str, u64),
) -> Result<()> {
    let now_ms = core.now_ms();
    let name = access.repository.namespace().to_owned();
    let address = Address::Account(access.account.clone());
    let quiet = core.metadata.read(|reader| {
        let Some(namespace) = reader.find_namespace(&address, &name)? else {
            return Ok(None);
        };
        let told = reader.find_quota_refusal(&namespace.id)?;
        let is_due = told.is_none_or(|told| told <= now_ms - QUIET_MS);
        Ok::<_, Error>(is_due.then_some(namespace.id))
    });
    let Some(namespace) = quiet.await? else {
        return Ok(());
    };
    let (own, access) = (core.clone(), access.clone());
    let told = core.metadata.write(move |tx| {
        let times = (now_ms - QUIET_MS, now_ms);
        if !tx.tell_quota_refusal(&access.account, &namespace, times)? {
            return Ok(());
        }
        let event = Event::QuotaExceeded {
            namespace: name,
            repository: access.repository.clone(),
            limit_of,
            limit_bytes,
        };
        own.record(tx, &event, &access)
    });
    told.await
}
