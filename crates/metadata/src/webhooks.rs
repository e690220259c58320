//! Webhooks of namespaces.

use crate::connection::{Param, Row, params};
use crate::error::{Error, Result};
use crate::query::{Field, Kind, ListQuery, ListSource, Listed, list};
use crate::{Reader, Tx};
use model::{AccountId, NamespaceId};

/// A webhook. What is sealed has no readable form here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookRow {
    /// Its identifier.
    pub id: String,
    /// Whose it is.
    pub account_id: AccountId,
    /// The namespace whose events it is told of.
    pub namespace_id: NamespaceId,
    /// Its name, unique in the namespace.
    pub name: String,
    /// What people say of it.
    pub description: String,
    /// What receives it: `http` or `slack`.
    pub kind: String,
    /// What is sent: `default`, `cloudevents` or `slack`.
    pub format: String,
    /// Where it is sent, sealed.
    pub sealed_url: String,
    /// What people may see of that.
    pub shown_url: String,
    /// Scheme, host and port of that.
    pub origin: String,
    /// What is sent as `Authorization`, sealed.
    pub sealed_auth: Option<String>,
    /// What signs it, sealed.
    pub sealed_secret: Option<String>,
    /// Whether the receiver's certificate is verified.
    pub verifies_certificate: bool,
    /// What it is told of, in Harbor's words.
    pub event_types: Vec<String>,
    /// The pattern of the repositories that it is told of, without the namespace; empty for all.
    pub repositories: String,
    /// The pattern of tags; empty for all.
    pub tags: String,
    /// Whether it is told of anything at present.
    pub is_enabled: bool,
    /// Who made it.
    pub creator: String,
    /// Grows with each change.
    pub version: i64,
    /// When it was made.
    pub created_at_ms: i64,
    /// When it was last changed.
    pub updated_at_ms: i64,
}

const FIELDS: &[Field] = &[
    Field {
        name: "name",
        column: "w.name",
        kind: Kind::Text,
    },
    Field {
        name: "creation_time",
        column: "w.created_at_ms",
        kind: Kind::Time,
    },
    Field {
        name: "update_time",
        column: "w.updated_at_ms",
        kind: Kind::Time,
    },
];

macro_rules! columns {
    () => {
        "w.id, w.account_id, w.namespace_id, w.name, w.description, w.kind, w.format, w.sealed_url, w.shown_url, w.origin, \
         w.sealed_auth, w.sealed_secret, w.verifies_certificate, w.event_types, w.repositories, w.tags, w.is_enabled, \
         w.creator, w.version, w.created_at_ms, w.updated_at_ms"
    };
}

fn read_webhook(row: &Row<'_>) -> Result<WebhookRow> {
    Ok(WebhookRow {
        id: row.text(0)?,
        account_id: AccountId::new(row.text(1)?),
        namespace_id: NamespaceId::new(row.text(2)?),
        name: row.text(3)?,
        description: row.text(4)?,
        kind: row.text(5)?,
        format: row.text(6)?,
        sealed_url: row.text(7)?,
        shown_url: row.text(8)?,
        origin: row.text(9)?,
        sealed_auth: row.optional_text(10)?,
        sealed_secret: row.optional_text(11)?,
        verifies_certificate: row.flag(12)?,
        event_types: row.text(13)?.split(' ').map(str::to_owned).collect(),
        repositories: row.text(14)?,
        tags: row.text(15)?,
        is_enabled: row.flag(16)?,
        creator: row.text(17)?,
        version: row.int(18)?,
        created_at_ms: row.int(19)?,
        updated_at_ms: row.int(20)?,
    })
}

impl Reader<'_> {
    /// A webhook, whoever's it is.
    pub fn find_webhook(&self, id: &str) -> Result<Option<WebhookRow>> {
        const SQL: &str = concat!("SELECT ", columns!(), " FROM webhooks w WHERE w.id = ?1");
        self.connection.find(SQL, params![id], read_webhook)
    }

    /// The webhooks of a namespace. Fields: `name`, `creation_time`, `update_time`; by name.
    pub fn list_webhooks(
        &self,
        namespace: &NamespaceId,
        query: &ListQuery,
    ) -> Result<Listed<WebhookRow>> {
        let source = ListSource {
            columns: columns!(),
            from: "webhooks w WHERE w.namespace_id = ?1".to_owned(),
            params: vec![Param::from(namespace.as_str())],
            fields: FIELDS,
            order: "w.name",
        };
        list(&self.connection, &source, query, read_webhook)
    }

    /// When an event last said that a namespace's push was refused for want of room.
    pub fn find_quota_refusal(&self, namespace: &NamespaceId) -> Result<Option<i64>> {
        const SQL: &str = "SELECT told_at_ms FROM quota_refusals WHERE namespace_id = ?1";
        self.connection
            .find(SQL, params![namespace.as_str()], |row| row.int(0))
    }

    /// How many webhooks an account has, and a namespace of it.
    pub fn count_webhooks(
        &self,
        account: &AccountId,
        namespace: &NamespaceId,
    ) -> Result<(i64, i64)> {
        const SQL: &str = "SELECT COUNT(*), COUNT(CASE WHEN namespace_id = ?2 THEN 1 END) FROM webhooks \
             WHERE account_id = ?1";
        let params = params![account.as_str(), namespace.as_str()];
        self.connection
            .get(SQL, params, |row| Ok((row.int(0)?, row.int(1)?)))
    }
}

impl Tx<'_> {
    /// Makes a webhook.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`] when the namespace has one of that name; the transaction can go on.
    pub fn create_webhook(&mut self, webhook: &WebhookRow) -> Result<()> {
        const SQL: &str = "INSERT INTO webhooks (id, account_id, namespace_id, name, description, kind, format, sealed_url, \
             shown_url, origin, sealed_auth, sealed_secret, verifies_certificate, event_types, repositories, tags, is_enabled, \
             creator, version, last_delivery, created_at_ms, updated_at_ms) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, 1, 0, ?19, ?19) \
             ON CONFLICT (namespace_id, name) DO NOTHING";
        let event_types = webhook.event_types.join(" ");
        let created = self.connection.execute(
            SQL,
            params![
                &webhook.id,
                webhook.account_id.as_str(),
                webhook.namespace_id.as_str(),
                &webhook.name,
                &webhook.description,
                &webhook.kind,
                &webhook.format,
                &webhook.sealed_url,
                &webhook.shown_url,
                &webhook.origin,
                webhook.sealed_auth.as_deref(),
                webhook.sealed_secret.as_deref(),
                webhook.verifies_certificate,
                &event_types,
                &webhook.repositories,
                &webhook.tags,
                webhook.is_enabled,
                &webhook.creator,
                webhook.created_at_ms
            ],
        )?;
        if created == 0 {
            return Err(Error::AlreadyExists);
        }
        Ok(())
    }

    /// Changes everything of a webhook but where it is of, if it is still in the version that `webhook` says. Says whether it
    /// was.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`] when the namespace has another of that name.
    pub fn update_webhook(&mut self, webhook: &WebhookRow, now_ms: i64) -> Result<bool> {
        const OTHER: &str =
            "SELECT 1 FROM webhooks WHERE namespace_id = ?1 AND name = ?2 AND id <> ?3";
        const SQL: &str = "UPDATE webhooks SET name = ?3, description = ?4, kind = ?5, format = ?6, sealed_url = ?7, \
             shown_url = ?8, origin = ?9, sealed_auth = ?10, sealed_secret = ?11, verifies_certificate = ?12, \
             event_types = ?13, repositories = ?14, tags = ?15, is_enabled = ?16, version = version + 1, updated_at_ms = ?17 \
             WHERE id = ?1 AND version = ?2";
        let event_types = webhook.event_types.join(" ");
        let other = params![webhook.namespace_id.as_str(), &webhook.name, &webhook.id];
        if self.connection.exists(OTHER, other)? {
            return Err(Error::AlreadyExists);
        }
        let updated = self.connection.execute(
            SQL,
            params![
                &webhook.id,
                webhook.version,
                &webhook.name,
                &webhook.description,
                &webhook.kind,
                &webhook.format,
                &webhook.sealed_url,
                &webhook.shown_url,
                &webhook.origin,
                webhook.sealed_auth.as_deref(),
                webhook.sealed_secret.as_deref(),
                webhook.verifies_certificate,
                &event_types,
                &webhook.repositories,
                &webhook.tags,
                webhook.is_enabled,
                now_ms
            ],
        )?;
        Ok(updated > 0)
    }

    /// A webhook, which nobody else changes or deletes until the end of the transaction.
    pub fn take_webhook(&mut self, id: &str) -> Result<Option<WebhookRow>> {
        const TAKE: &str = "SELECT 1 FROM webhooks WHERE id = ?1 FOR UPDATE";
        self.connection.keep(TAKE, params![id])?;
        self.find_webhook(id)
    }

    /// Deletes a webhook that has few deliveries left. Says whether there was one.
    pub fn delete_webhook(&mut self, id: &str) -> Result<bool> {
        const SQL: &str = "DELETE FROM webhooks WHERE id = ?1";
        Ok(self.connection.execute(SQL, params![id])? > 0)
    }

    /// Gives the numbers of `count` new deliveries of a webhook; the first of them.
    pub fn number_deliveries(&mut self, webhook: &str, count: i64) -> Result<Option<i64>> {
        const SQL: &str = "UPDATE webhooks SET last_delivery = last_delivery + ?2 WHERE id = ?1 RETURNING last_delivery";
        let last = self
            .connection
            .find(SQL, params![webhook, count], |row| row.int(0))?;
        Ok(last.map(|last| last - count + 1))
    }

    /// Notes that it is said now that a namespace's push was refused for want of room, unless it was said after `before_ms`.
    /// Says whether it was not.
    pub fn tell_quota_refusal(
        &mut self,
        account: &AccountId,
        namespace: &NamespaceId,
        (before_ms, now_ms): (i64, i64),
    ) -> Result<bool> {
        const SQL: &str = "INSERT INTO quota_refusals (namespace_id, account_id, told_at_ms) VALUES (?1, ?2, ?4) \
             ON CONFLICT (namespace_id) DO UPDATE SET told_at_ms = excluded.told_at_ms WHERE quota_refusals.told_at_ms <= ?3";
        let params = params![namespace.as_str(), account.as_str(), before_ms, now_ms];
        Ok(self.connection.execute(SQL, params)? > 0)
    }
}
