//! Webhooks: receivers that a namespace tells of what happens in it.
//!
//! A webhook follows its account's events (`outbox.rs`); what it is told of becomes a delivery, with its payload, and is
//! sent in order. Its URL and its secrets are sealed, and never shown.

mod answers;
mod deliveries;
mod delivering;
mod ends;
mod payload;
mod spec;

use crate::access::Refused;
use crate::account_access::{AccountContext, NamespaceRef};
use crate::authorizer::Authorizer;
use crate::core::Core;
use crate::outbox::Outbox;
use crate::{Error, Result};
use ends::forget_ended;
pub(crate) use ends::{forget_ended_of, job_ended, paused};
use keys::DeploymentKey;
use metadata::{
    Error as MetadataError, FollowerKind, FollowerRow, ListQuery, Listed, NamespaceRow, Numbered,
    Turn, WebhookRow,
};
use model::{Action, Event};
use outbound::HttpClient;
pub use spec::{WEBHOOK_EVENT_TYPES, WebhookKind, WebhookSpec};
use std::sync::Arc;

/// Webhooks of one namespace, and of one account.
const MAX_OF_NAMESPACE: i64 = 20;
const MAX_OF_ACCOUNT: i64 = 100;

/// A webhook as people see it.
#[derive(Clone, Debug)]
pub struct WebhookView {
    /// The webhook; what is sealed in it is not for people.
    pub row: WebhookRow,
    /// Harbor's number for it.
    pub number: i64,
    /// Harbor's number for its namespace.
    pub namespace_number: i64,
    /// How it fares; `None` for one that is disabled.
    pub follower: Option<FollowerRow>,
    /// Events of the account that it has not read yet; `None` for one that is disabled.
    pub lag: Option<i64>,
}

/// Webhooks.
#[derive(Clone)]
pub struct Webhooks {
    core: Arc<Core>,
    authorizer: Arc<Authorizer>,
    key: Arc<DeploymentKey>,
    client: HttpClient,
    outbox: Outbox,
}

impl Webhooks {
    pub(crate) fn new(
        (core, authorizer): (Arc<Core>, Arc<Authorizer>),
        (key, client): (Arc<DeploymentKey>, HttpClient),
        outbox: Outbox,
    ) -> Self {
        Self {
            core,
            authorizer,
            key,
            client,
            outbox,
        }
    }

    /// The webhooks of a namespace. Fields: `name`, `creation_time`, `update_time`; by name.
    pub async fn list(
        &self,
        by: &AccountContext,
        named: NamespaceRef<'_>,
        query: ListQuery,
    ) -> Result<Listed<WebhookView>, Refused> {
        let action = Action::NotificationPolicyList;
        let namespace = self.authorizer.namespace(by, named, action).await?;
        let id = namespace.id.clone();
        let listed = self
            .core
            .metadata
            .list(move |reader| Ok::<_, Error>(reader.list_webhooks(&id, &query)?));
        let Listed { items, total } = listed.await?;
        let items = self.views(&namespace, items).await?;
        Ok(Listed { items, total })
    }

    /// A webhook, by its number.
    ///
    /// # Errors
    /// [`Error::NotFound`], also for one of another namespace.
    pub async fn get(
        &self,
        by: &AccountContext,
        named: NamespaceRef<'_>,
        number: i64,
    ) -> Result<WebhookView, Refused> {
        let action = Action::NotificationPolicyRead;
        let (namespace, row) = self.find(by, (named, number), action).await?;
        Ok(self.view(&namespace, row).await?)
    }

    /// What a namespace's webhooks may be told of.
    pub async fn event_types(
        &self,
        by: &AccountContext,
        named: NamespaceRef<'_>,
    ) -> Result<&'static [&'static str], Refused> {
        let action = Action::NotificationPolicyRead;
        self.authorizer.namespace(by, named, action).await?;
        Ok(&WEBHOOK_EVENT_TYPES)
    }

    /// Makes a webhook. It is told of what happens from then on.
    ///
    /// # Errors
    /// [`Error::Invalid`], [`Error::AlreadyExists`]; [`Error::NotNow`] beyond 20 in a namespace or 100 in an account.
    pub async fn create(
        &self,
        by: &AccountContext,
        named: NamespaceRef<'_>,
        spec: WebhookSpec,
    ) -> Result<WebhookView, Refused> {
        let action = Action::NotificationPolicyCreate;
        let namespace = self.authorizer.namespace(by, named, action).await?;
        let empty = self.empty(by, &namespace);
        let row = spec::stored((&self.key, &self.client), &empty, spec)?;
        self.outbox.settle().await?;
        let (new, place) = (row.clone(), namespace.clone());
        let created = self.core.change(by, move |core, tx, account| {
            // Two at a time could be one too many; and whoever seals next must find the follower.
            tx.take_turn(Turn::Sealing)?;
            let (all, here) = tx.count_webhooks(account, &new.namespace_id)?;
            if all >= MAX_OF_ACCOUNT || here >= MAX_OF_NAMESPACE {
                let text = format!(
                    "a namespace has at most {MAX_OF_NAMESPACE} webhooks, and an account {MAX_OF_ACCOUNT}"
                );
                return Err(Error::NotNow(text));
            }
            tx.create_webhook(&new).map_err(|error| named_twice(error, &new.name))?;
            if new.is_enabled {
                Outbox::follow(core, tx, FollowerKind::Webhook, (&new.id, account))?;
            }
            let event = Event::WebhookCreated {
                webhook: new.name,
                namespace: place.name.clone(),
                receiver: new.origin,
            };
            Ok(((), Some(event)))
        });
        created.await?;
        Ok(self
            .view(&namespace, WebhookRow { version: 1, ..row })
            .await?)
    }

    /// Changes a webhook, if it is in the version `of_version` when one is named.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Invalid`], [`Error::AlreadyExists`]; [`Error::NotNow`] when it was changed meanwhile.
    pub async fn update(
        &self,
        by: &AccountContext,
        (named, number): (NamespaceRef<'_>, i64),
        spec: WebhookSpec,
        of_version: Option<i64>,
    ) -> Result<WebhookView, Refused> {
        let action = Action::NotificationPolicyUpdate;
        let (namespace, old) = self.find(by, (named, number), action).await?;
        if of_version.is_some_and(|version| version != old.version) {
            return Err(changed_meanwhile().into());
        }
        let row = spec::stored((&self.key, &self.client), &old, spec)?;
        let settings = spec::changed(&old, &row);
        if settings.is_empty() {
            return Ok(self.view(&namespace, old).await?);
        }
        if new_follower(&old, &row) {
            self.outbox.settle().await?;
        }
        let (new, place) = (row.clone(), namespace.clone());
        let updated = self.core.change(by, move |core, tx, account| {
            if new.is_enabled != old.is_enabled {
                tx.take_turn(Turn::Sealing)?;
            }
            // Its follower first, as whoever delivers does.
            let follower = tx.take_follower(&new.id)?;
            if !tx
                .update_webhook(&new, core.now_ms())
                .map_err(|error| named_twice(error, &new.name))?
            {
                return Err(changed_meanwhile());
            }
            if !new.is_enabled && follower.is_some() {
                Outbox::unfollow(tx, &new.id)?;
                let why = ("cancelled", "the webhook was disabled");
                tx.end_waiting_deliveries(&new.id, why, core.now_ms())?;
            }
            if new.is_enabled && follower.is_none() {
                Outbox::follow(core, tx, FollowerKind::Webhook, (&new.id, account))?;
            }
            let event = Event::WebhookUpdated {
                webhook: new.name,
                namespace: place.name.clone(),
                receiver: new.origin,
                settings,
            };
            Ok(((), Some(event)))
        });
        updated.await?;
        let row = WebhookRow {
            version: row.version + 1,
            updated_at_ms: self.core.now_ms(),
            ..row
        };
        Ok(self.view(&namespace, row).await?)
    }

    /// Deletes a webhook, with what it was told of and was still to be told.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn delete(
        &self,
        by: &AccountContext,
        named: NamespaceRef<'_>,
        number: i64,
    ) -> Result<(), Refused> {
        let action = Action::NotificationPolicyDelete;
        let (namespace, row) = self.find(by, (named, number), action).await?;
        forget_ended(&self.core, &row.id).await?;
        let deleted = self.core.change(by, move |_, tx, _| {
            tx.take_follower(&row.id)?;
            if !tx.delete_webhook(&row.id)? {
                return Err(unknown(number));
            }
            let event = Event::WebhookDeleted {
                webhook: row.name,
                namespace: namespace.name.clone(),
            };
            Ok(((), Some(event)))
        });
        Ok(deleted.await?)
    }

    /// Lets a webhook that was paused be told of what happens again: of what happened since, too, unless `skips`.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::NotNow`] for one that is not paused.
    pub async fn resume(
        &self,
        by: &AccountContext,
        (named, number): (NamespaceRef<'_>, i64),
        skips: bool,
    ) -> Result<WebhookView, Refused> {
        let action = Action::NotificationPolicyUpdate;
        let (namespace, row) = self.find(by, (named, number), action).await?;
        if skips {
            self.outbox.settle().await?;
        }
        let (id, place) = (row.id.clone(), namespace.clone());
        let name = row.name.clone();
        let resumed = self.core.change(by, move |core, tx, _| {
            if skips {
                tx.take_turn(Turn::Sealing)?;
            }
            let follower = tx.take_follower(&id)?;
            if !follower.is_some_and(|follower| follower.is_paused) {
                return Err(Error::NotNow(format!("the webhook {name} is not paused")));
            }
            Outbox::resume(core, tx, &id, skips)?;
            let event = Event::WebhookResumed {
                webhook: name,
                namespace: place.name.clone(),
                skips,
            };
            Ok(((), Some(event)))
        });
        resumed.await?;
        Ok(self.view(&namespace, row).await?)
    }

    /// A webhook of a namespace, when its caller may do an action to it.
    async fn find(
        &self,
        by: &AccountContext,
        (named, number): (NamespaceRef<'_>, i64),
        action: Action,
    ) -> Result<(Arc<NamespaceRow>, WebhookRow), Refused> {
        let namespace = self.authorizer.namespace(by, named, action).await?;
        let id = self
            .core
            .find_numbered(by.id(), Numbered::Webhook, number)
            .await?;
        let id = id.ok_or_else(|| unknown(number))?;
        let found = self
            .core
            .metadata
            .read(|reader| Ok::<_, Error>(reader.find_webhook(&id)?));
        let row = found.await?;
        let row = row.filter(|row| row.namespace_id == namespace.id);
        Ok((namespace, row.ok_or_else(|| unknown(number))?))
    }

    async fn view(&self, namespace: &NamespaceRow, row: WebhookRow) -> Result<WebhookView> {
        let mut views = self.views(namespace, vec![row]).await?;
        views.pop().ok_or(Error::Internal)
    }

    async fn views(
        &self,
        namespace: &NamespaceRow,
        rows: Vec<WebhookRow>,
    ) -> Result<Vec<WebhookView>> {
        let account = &namespace.account_id;
        let ids: Vec<&str> = rows.iter().map(|row| row.id.as_str()).collect();
        let numbers = self.core.numbers(account, Numbered::Webhook, &ids).await?;
        let namespace_number = self
            .core
            .number(account, Numbered::Namespace, namespace.id.as_str())
            .await?;
        let mut views = Vec::with_capacity(rows.len());
        for row in rows {
            let found = self.core.metadata.read(|reader| {
                Ok::<_, Error>((
                    reader.find_follower(&row.id)?,
                    reader.follower_lag(&row.id)?,
                ))
            });
            let (follower, lag) = found.await?;
            views.push(WebhookView {
                number: numbers.of(&row.id)?,
                namespace_number,
                follower,
                lag,
                row,
            });
        }
        Ok(views)
    }

    /// What a new webhook begins with.
    fn empty(&self, by: &AccountContext, namespace: &NamespaceRow) -> WebhookRow {
        let now_ms = self.core.now_ms();
        WebhookRow {
            id: self.core.ids.next_id(),
            account_id: by.id().clone(),
            namespace_id: namespace.id.clone(),
            name: String::new(),
            description: String::new(),
            kind: String::new(),
            format: String::new(),
            sealed_url: String::new(),
            shown_url: String::new(),
            origin: String::new(),
            sealed_auth: None,
            sealed_secret: None,
            verifies_certificate: true,
            event_types: Vec::new(),
            repositories: String::new(),
            tags: String::new(),
            is_enabled: false,
            creator: by.authenticated().caller.display_name().to_owned(),
            version: 1,
            created_at_ms: now_ms,
            updated_at_ms: now_ms,
        }
    }
}

/// Whether a change makes a webhook follow what happens.
fn new_follower(old: &WebhookRow, new: &WebhookRow) -> bool {
    new.is_enabled && !old.is_enabled
}

fn named_twice(error: MetadataError, name: &str) -> Error {
    match error {
        MetadataError::AlreadyExists => Error::AlreadyExists(format!("the webhook {name}")),
        error => error.into(),
    }
}

fn unknown(number: i64) -> Error {
    Error::NotFound(format!("the webhook {number}"))
}

fn changed_meanwhile() -> Error {
    Error::NotNow(
        "the webhook was changed since you read it; read it again, and change what you find then"
            .to_owned(),
    )
}
