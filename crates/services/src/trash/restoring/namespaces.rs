//! A namespace on its way back, with its repositories.

use super::Restored;
use crate::access::Refused;
use crate::account_access::AccountContext;
use crate::core::Core;
use crate::image_labels::LABELS_END_TAGS;
use crate::pulls_kept::{KEEPS_PULL_TIMES, is_on};
use crate::trash::Trash;
use crate::{Error, Result};
use metadata::{TrashItem, Tx};
use model::{AccountId, CallerKind, Event, GrantId, Role};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What is known of a namespace to make it anew.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct KeptNamespace {
    pub(crate) is_public: bool,
    pub(crate) settings: BTreeMap<String, String>,
    pub(crate) limit_bytes: Option<u64>,
}

impl Trash {
    pub(in crate::trash) async fn restore_namespace(
        &self,
        by: &AccountContext,
        item: &TrashItem,
    ) -> Result<Restored, Refused> {
        self.authorizer.require_namespace_create(by).await?;
        let (first, grant) = (item.clone(), GrantId::new(self.core.ids.next_id()));
        let who = by.clone();
        self.core
            .change(by, move |core, tx, account| {
                make_namespace(core, tx, account, &first, (&who, &grant))?;
                Ok(((), None))
            })
            .await?;
        let mut all = Restored::default();
        loop {
            let (account, parent) = (by.id().clone(), item.id.clone());
            let within = self.core.metadata.list(move |reader| {
                Ok::<_, Error>(reader.list_trash_within(&account, &parent, 1)?)
            });
            let Some(repository) = within.await?.into_iter().next() else {
                break;
            };
            all.add(self.restore_repository(by, &repository).await?);
        }
        let item = item.clone();
        let last = self.core.change(by, move |_, tx, account| {
            let is_there = tx.take_trash(account, &item.id)?.is_some();
            if is_there {
                tx.forget_trash(&item.id)?;
            }
            let event = is_there.then(|| Event::TrashRestored {
                trash: item.namespace.clone(),
                repository: None,
                digest: None,
                tags: Vec::new(),
            });
            Ok(((), event))
        });
        last.await?;
        Ok(all)
    }
}

/// Makes a namespace anew as it was, unless that was done before.
fn make_namespace(
    core: &Core,
    tx: &mut Tx<'_>,
    account: &AccountId,
    item: &TrashItem,
    (by, grant): (&AccountContext, &GrantId),
) -> Result<()> {
    let (id, name) = (&item.namespace_id, item.namespace.as_str());
    if tx.keep_namespace(account, id, name)? {
        return Ok(());
    }
    let content = tx.find_trash_content(account, &item.id)?;
    let content = content.ok_or_else(|| Error::NotFound("that in the trash".to_owned()))?;
    let kept: KeptNamespace = serde_json::from_str(&content).unwrap_or_default();
    crate::plans::require_room_for_namespace(tx, account)?;
    let now_ms = core.now_ms();
    tx.create_namespace(id, account, name, kept.is_public, now_ms)
        .map_err(|error| crate::accounts::existing(error, &format!("the namespace {name}")))?;
    let caller = &by.authenticated().caller;
    tx.put_namespace_settings(id, &kept.settings, caller.display_name(), now_ms)?;
    if kept.settings.contains_key(KEEPS_PULL_TIMES) {
        // What it was before is not known any more.
        tx.set_namespace_pull_times_since(id, now_ms)?;
    }
    tx.set_namespace_reads_labels(id, is_on(&kept.settings, LABELS_END_TAGS))?;
    if kept.limit_bytes.is_some() {
        crate::quotas::put_limit(core, tx, account, id, kept.limit_bytes)?;
    }
    if let CallerKind::User { id: user, .. } = &caller.kind {
        tx.put_member(grant, (account, id), user, Role::ProjectAdmin, now_ms)?;
    }
    let event = Event::NamespaceCreated {
        namespace: name.to_owned(),
        is_public: kept.is_public,
    };
    core.record_by(tx, &event, by)
}
