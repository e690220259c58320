//! How deliveries end that are not sent: their webhook is paused or goes away, or their job is called off.

use super::MAX_OF_NAMESPACE;
use crate::core::Core;
use crate::{Error, Result};
use metadata::{FollowerRow, JobRow, ListQuery, Tx};
use model::{Event, JobKind, JobState, NamespaceId};
use std::sync::Arc;

/// Deliveries that one transaction forgets.
pub(super) const FORGOTTEN: i64 = 200;
/// Deliveries of a webhook that are remembered.
pub(super) const REMEMBERED: i64 = 1000;

/// Says that a webhook was paused, and gives up what it was still to be told.
pub(crate) fn paused(
    core: &Core,
    tx: &mut Tx<'_>,
    follower: &FollowerRow,
    failing_since_ms: i64,
) -> Result<()> {
    let Some(row) = tx.find_webhook(&follower.id)? else {
        return Ok(());
    };
    let why = (
        "failed",
        "the receiver failed for a day, and the webhook was paused",
    );
    let given_up = tx.end_waiting_deliveries(&row.id, why, core.now_ms())?;
    let namespace = tx.find_namespace_by_id(&row.namespace_id)?;
    let event = Event::WebhookPaused {
        webhook: row.name,
        namespace: namespace.map_or_else(String::new, |namespace| namespace.name),
        failing_since_ms,
        given_up: given_up as u64,
    };
    core.record_by_itself(tx, &event, &row.account_id)
}

/// A job ended without having been done: deliveries that waited for it wait no more if it was called off.
pub(crate) fn job_ended(core: &Core, tx: &mut Tx<'_>, job: &JobRow, state: JobState) -> Result<()> {
    let payload: serde_json::Value = serde_json::from_str(&job.payload).unwrap_or_default();
    let text = |field: &str| payload.get(field).and_then(serde_json::Value::as_str);
    let why = "its job was called off";
    if job.kind == JobKind::DELIVER_WEBHOOKS.name && state == JobState::Cancelled {
        if let Some(webhook) = text("follower") {
            tx.end_waiting_deliveries(webhook, ("cancelled", why), core.now_ms())?;
        }
    } else if job.kind == JobKind::DELIVER_BY_HAND.name
        && matches!(state, JobState::Cancelled | JobState::Failed)
        && let Some(webhook) = text("webhook")
        && let Some(number) = payload.get("delivery").and_then(serde_json::Value::as_i64)
        && let Some(mut delivery) = tx.find_delivery(webhook, number)?
    {
        "cancelled".clone_into(&mut delivery.state);
        delivery.error = Some(why.to_owned());
        delivery.ended_at_ms = Some(core.now_ms());
        tx.put_attempt(&delivery)?;
    }
    Ok(())
}

/// Forgets what a webhook was told of, some at a time, so that little is left to go with it.
pub(super) async fn forget_ended(core: &Arc<Core>, webhook: &str) -> Result<()> {
    loop {
        let id = webhook.to_owned();
        let gone = core.metadata.write_relaxed(move |tx| {
            Ok::<_, Error>(tx.forget_deliveries_through(&id, i64::MAX, (false, FORGOTTEN))?)
        });
        if gone.await? == 0 {
            return Ok(());
        }
    }
}

/// The same for all webhooks of a namespace that is about to be deleted.
pub(crate) async fn forget_ended_of(core: &Arc<Core>, namespace: &NamespaceId) -> Result<()> {
    let query = ListQuery {
        limit: MAX_OF_NAMESPACE,
        ..ListQuery::default()
    };
    let id = namespace.clone();
    let listed = core
        .metadata
        .list(move |reader| Ok::<_, Error>(reader.list_webhooks(&id, &query)?));
    for webhook in listed.await?.items {
        forget_ended(core, &webhook.id).await?;
    }
    Ok(())
}
