//! The programs that serve the deployment, this one and the others: each says now and then that it is there.

use crate::access::Refused;
use crate::authorizer::Authorizer;
use crate::core::Core;
use crate::operators::{OperatorAction, OperatorContext};
use crate::{Error, Result};
use metadata::ReplicaRow;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// How often each says so.
pub const LOOK_IN_EVERY: Duration = Duration::from_secs(20);
/// Whoever has not said so for so long is not there any more.
pub(crate) const GONE_AFTER_MS: i64 = 60 * 1000;
/// And is forgotten after so long.
const FORGOTTEN_AFTER_MS: i64 = 24 * 60 * 60 * 1000;

/// What is there, and of what version.
pub struct Replicas {
    core: Arc<Core>,
    authorizer: Arc<Authorizer>,
    itself: OnceLock<ReplicaRow>,
}

impl Replicas {
    pub(crate) fn new(core: Arc<Core>, authorizer: Arc<Authorizer>) -> Self {
        Self {
            core,
            authorizer,
            itself: OnceLock::new(),
        }
    }

    /// Says that this program serves on a machine, at these addresses, separated by spaces; the first call says where for all
    /// later ones.
    pub async fn look_in(&self, host: &str, addresses: &str) -> Result<()> {
        let now_ms = self.core.now_ms();
        let itself = self.itself.get_or_init(|| ReplicaRow {
            id: self.core.ids.next_id(),
            host: host.to_owned(),
            addresses: addresses.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_at_ms: now_ms,
            seen_at_ms: now_ms,
            schema_version: Some(metadata::MetadataStore::newest_schema()),
        });
        let row = ReplicaRow {
            seen_at_ms: now_ms,
            ..itself.clone()
        };
        let put = self.core.metadata.write_relaxed(move |tx| {
            tx.put_replica(&row, now_ms - FORGOTTEN_AFTER_MS)?;
            Ok::<_, Error>(())
        });
        put.await
    }

    /// Says that this program ends.
    pub async fn leave(&self) -> Result<()> {
        let Some(itself) = self.itself.get() else {
            return Ok(());
        };
        let id = itself.id.clone();
        let left = self.core.metadata.write_relaxed(move |tx| {
            tx.delete_replica(&id)?;
            Ok::<_, Error>(())
        });
        left.await
    }

    /// Those that are there, the oldest first.
    pub async fn list(&self, by: &OperatorContext) -> Result<Vec<ReplicaRow>, Refused> {
        self.authorizer
            .require_operator(by, OperatorAction::DeploymentRead)?;
        let since_ms = self.core.now_ms() - GONE_AFTER_MS;
        let listed = self
            .core
            .metadata
            .list(move |reader| Ok::<_, Error>(reader.list_replicas(since_ms)?));
        Ok(listed.await?)
    }
}
