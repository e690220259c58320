//! What webhooks were told of, as people see it: lists, trials, and what is sent again.

use super::ends::{FORGOTTEN, REMEMBERED};
use super::payload::trial;
use super::{Webhooks, unknown};
use crate::access::Refused;
use crate::account_access::{AccountContext, NamespaceRef};
use crate::core::Core;
use crate::job_queue::JobRequest;
use crate::{Error, Result};
use metadata::{DeliveryRow, ListQuery, Listed, Tx, WebhookRow};
use model::{Action, Event, JobKind};

/// Trials and repetitions of an account that wait at a time.
const MAX_BY_HAND: i64 = 20;

impl Webhooks {
    /// What a webhook was told of, the newest first. Fields: `id`, `status`, `event_type`, `creation_time`.
    pub async fn deliveries(
        &self,
        by: &AccountContext,
        (named, number): (NamespaceRef<'_>, i64),
        query: ListQuery,
    ) -> Result<Listed<DeliveryRow>, Refused> {
        let action = Action::NotificationPolicyRead;
        let (_, row) = self.find(by, (named, number), action).await?;
        let listed = self
            .core
            .metadata
            .list(move |reader| Ok::<_, Error>(reader.list_deliveries(&row.id, &query)?));
        Ok(listed.await?)
    }

    /// One of them.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn delivery(
        &self,
        by: &AccountContext,
        (named, number): (NamespaceRef<'_>, i64),
        delivery: i64,
    ) -> Result<DeliveryRow, Refused> {
        let action = Action::NotificationPolicyRead;
        let (_, row) = self.find(by, (named, number), action).await?;
        let found = self
            .core
            .metadata
            .read(|reader| Ok::<_, Error>(reader.find_delivery(&row.id, delivery)?));
        Ok(found.await?.ok_or_else(|| no_delivery(delivery))?)
    }

    /// When each webhook of a namespace was last told of each type of event that it is told of: (webhook, type, when).
    pub async fn last_triggers(
        &self,
        by: &AccountContext,
        named: NamespaceRef<'_>,
    ) -> Result<Vec<(WebhookRow, String, Option<i64>)>, Refused> {
        let action = Action::NotificationPolicyRead;
        let namespace = self.authorizer.namespace(by, named, action).await?;
        let id = namespace.id.clone();
        let listed = self.core.metadata.list(move |reader| {
            let query = ListQuery {
                limit: super::MAX_OF_NAMESPACE,
                ..ListQuery::default()
            };
            let mut triggers = Vec::new();
            for webhook in reader.list_webhooks(&id, &query)?.items {
                for event_type in &webhook.event_types {
                    let last = reader.find_last_delivery(&webhook.id, event_type)?;
                    triggers.push((webhook.clone(), event_type.clone(), last));
                }
            }
            Ok::<_, Error>(triggers)
        });
        Ok(listed.await?)
    }

    /// Sends a trial to a webhook, once, whether or not it is enabled. Answers with the delivery, which waits.
    ///
    /// # Errors
    /// [`Error::NotNow`] while 20 trials and repetitions of the account wait.
    pub async fn test(
        &self,
        by: &AccountContext,
        (named, number): (NamespaceRef<'_>, i64),
    ) -> Result<DeliveryRow, Refused> {
        let action = Action::NotificationPolicyUpdate;
        let (namespace, row) = self.find(by, (named, number), action).await?;
        let place = self.place(&row, &namespace).await?;
        let (id, now_ms) = (self.core.ids.next_id(), self.core.now_ms());
        let told = trial(
            &place,
            &id,
            now_ms,
            by.authenticated().caller.display_name(),
        );
        let delivery = DeliveryRow {
            webhook_id: row.id.clone(),
            number: 0,
            account_id: row.account_id.clone(),
            event_id: id,
            event_type: told.event_type,
            cause: "trial".to_owned(),
            of_number: None,
            state: "waiting".to_owned(),
            content_type: told.content_type.to_owned(),
            payload: told.payload,
            attempts: 0,
            response_status: None,
            response: None,
            error: None,
            duration_ms: None,
            created_at_ms: now_ms,
            sent_at_ms: None,
            ended_at_ms: None,
        };
        let namespace = namespace.name.clone();
        let tested = self.core.change(by, move |core, tx, _| {
            let delivery = by_hand(core, tx, delivery)?;
            let event = Event::WebhookTested {
                webhook: row.name,
                namespace,
                delivery: delivery.number,
            };
            Ok((delivery, Some(event)))
        });
        Ok(tested.await?)
    }

    /// Sends what was sent once more, with what was stored of it, to where the webhook is now. Answers with the new delivery,
    /// which waits.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::NotNow`] while it waits, or waits to be sent again, and while 20 of the account do.
    pub async fn redeliver(
        &self,
        by: &AccountContext,
        (named, number): (NamespaceRef<'_>, i64),
        of: i64,
    ) -> Result<DeliveryRow, Refused> {
        let action = Action::NotificationPolicyUpdate;
        let (namespace, row) = self.find(by, (named, number), action).await?;
        let namespace = namespace.name.clone();
        let redelivered = self.core.change(by, move |core, tx, _| {
            let old = tx.find_delivery(&row.id, of)?;
            let old = old.ok_or_else(|| no_delivery(of))?;
            if old.state == "waiting" {
                return Err(Error::NotNow(format!(
                    "the delivery {of} has not ended yet"
                )));
            }
            let delivery = DeliveryRow {
                cause: "again".to_owned(),
                // What was sent again can be sent again: all of them are of the first.
                of_number: Some(old.of_number.unwrap_or(of)),
                state: "waiting".to_owned(),
                attempts: 0,
                created_at_ms: core.now_ms(),
                ..old
            };
            let delivery = by_hand(core, tx, delivery)?;
            let event = Event::WebhookRedelivered {
                webhook: row.name,
                namespace,
                delivery: delivery.number,
                of,
            };
            Ok((delivery, Some(event)))
        });
        Ok(redelivered.await?)
    }
}

/// Stores a delivery that somebody asked for, and asks for its job.
fn by_hand(core: &Core, tx: &mut Tx<'_>, mut delivery: DeliveryRow) -> Result<DeliveryRow> {
    // Numbering it keeps others from doing the same to this webhook; those of other webhooks may be a few too many.
    let number = tx.number_deliveries(&delivery.webhook_id, 1)?;
    delivery.number = number.ok_or_else(|| unknown(0))?;
    tx.forget_deliveries_through(
        &delivery.webhook_id,
        delivery.number - REMEMBERED,
        (false, FORGOTTEN),
    )?;
    if tx.count_deliveries_by_hand(&delivery.account_id)? >= MAX_BY_HAND {
        return Err(Error::NotNow(format!(
            "{MAX_BY_HAND} deliveries that people asked for wait; ask again when they have ended"
        )));
    }
    if !tx.create_delivery(&delivery)? {
        return Err(Error::NotNow(
            "it waits to be sent again already; ask again when that has ended".to_owned(),
        ));
    }
    let payload =
        serde_json::json!({ "webhook": delivery.webhook_id, "delivery": delivery.number });
    let job = JobRequest {
        kind: JobKind::DELIVER_BY_HAND,
        account: Some(delivery.account_id.clone()),
        payload: payload.to_string(),
        dedup_key: Some(format!(
            "deliver:{}:{}",
            delivery.webhook_id, delivery.number
        )),
        run_at_ms: None,
    };
    core.enqueue(tx, &job)?;
    Ok(delivery)
}

fn no_delivery(number: i64) -> Error {
    Error::NotFound(format!("the delivery {number}"))
}
