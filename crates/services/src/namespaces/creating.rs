//! Making a namespace.

use super::{NamespaceChange, Namespaces};
use crate::access::Refused;
use crate::account_access::AccountContext;
use crate::accounts::existing;
use crate::image_labels::LABELS_END_TAGS;
use crate::plans::require_room_for_namespace;
use crate::pulls_kept::is_on;
use crate::quotas::{put_limit, require_limit};
use crate::retention::begin_with_default;
use crate::{Error, Result};
use metadata::{NamespaceSettings, Numbered};
use model::{Action, CallerKind, Event, GrantId, NamespaceId, Role};
use oci::NamespaceName;

/// A namespace to be made.
#[derive(Clone, Debug)]
pub struct NewNamespace {
    /// Its name.
    pub name: String,
    /// Its settings.
    pub settings: NamespaceChange,
    /// What it may use, in bytes, -1 for as much as the account may; `None` for what the account gives to new ones, and so for
    /// whoever may not decide that.
    pub storage_limit: Option<i64>,
}

/// A namespace that was made.
#[derive(Clone, Debug)]
pub struct CreatedNamespace {
    /// Harbor's number for it.
    pub number: i64,
    /// Whether the deployment's shared address knows it by its name.
    pub is_claimed: bool,
}

impl Namespaces {
    /// Makes a namespace. A user who makes one administers it.
    pub async fn create(
        &self,
        by: &AccountContext,
        new: NewNamespace,
    ) -> Result<CreatedNamespace, Refused> {
        self.authorizer.require_namespace_create(by).await?;
        let name = NamespaceName::parse(&new.name)
            .map_err(|error| Error::NamespaceInvalid(error.to_string()))?;
        let mut settings = NamespaceSettings::new();
        new.settings.apply(&mut settings)?;
        let is_public = new.settings.is_public()?.unwrap_or(false);
        let id = NamespaceId::new(self.core.ids.next_id());
        let grant = GrantId::new(self.core.ids.next_id());
        let caller = by.authenticated().caller.clone();
        let limit_bytes = self.first_limit(by, new.storage_limit).await?;
        let context = by.clone();
        let created = self.core.change(by, move |core, tx, account| {
            let (name, now_ms) = (name.as_str(), core.now_ms());
            require_room_for_namespace(tx, account)?;
            let is_claimed = tx
                .create_namespace(&id, account, name, is_public, now_ms)
                .map_err(|error| existing(error, &format!("the namespace {name}")))?;
            tx.put_namespace_settings(&id, &settings, caller.display_name(), now_ms)?;
            tx.set_namespace_reads_labels(&id, is_on(&settings, LABELS_END_TAGS))?;
            if limit_bytes.is_some() {
                put_limit(core, tx, account, &id, limit_bytes)?;
            }
            if let CallerKind::User { id: user, .. } = &caller.kind {
                tx.put_member(&grant, (account, &id), user, Role::ProjectAdmin, now_ms)?;
            }
            let number = tx.give_number(account, Numbered::Namespace, id.as_str())?;
            if let Some(list) = new.settings.allowlist() {
                let event = list.put(core, tx, account, Some((&id, name)))?;
                core.record_by(tx, &event, &context)?;
            }
            let default = begin_with_default(core, tx, account, (&id, name))?;
            if let Some(event) = default {
                core.record_by(tx, &event, &context)?;
            }
            let event = Event::NamespaceCreated {
                namespace: name.to_owned(),
                is_public,
            };
            let created = CreatedNamespace { number, is_claimed };
            Ok((created, Some(event)))
        });
        Ok(created.await?)
    }

    /// Whether the caller may make a namespace.
    pub async fn may_create(&self, by: &AccountContext) -> Result<bool> {
        match self.authorizer.require_namespace_create(by).await {
            Ok(()) => Ok(true),
            Err(Refused::Failed(error)) => Err(error),
            Err(_) => Ok(false),
        }
    }

    /// The limit of a new namespace: the one that was asked for by whoever may decide it, or the account's for all new ones.
    async fn first_limit(&self, by: &AccountContext, asked: Option<i64>) -> Result<Option<u64>> {
        let limit = match asked {
            Some(limit) if self.authorizer.allows(by, Action::QuotaUpdate).await? => limit,
            _ => {
                let settings = crate::account_settings::read(&self.core, by.id());
                settings.await?.storage_per_namespace
            }
        };
        let limit_bytes = u64::try_from(limit).ok();
        require_limit(limit_bytes)?;
        Ok(limit_bytes)
    }
}
