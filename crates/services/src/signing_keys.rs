//! The keys that sign access tokens: made, replaced when old, shared by all replicas.

use crate::core::Core;
use crate::management_tokens::LIFETIME_MS;
use crate::trust_rules::LONGEST_WORKLOAD_TOKEN_MS;
use crate::{Error, Result};
use keys::{DeploymentKey, Random, SigningKey, SigningKeys};
use metadata::{SigningKeyRow, Turn};
use std::sync::Arc;

/// How long a signing key signs before a new one takes its place.
const SIGNING_KEY_MS: i64 = 90 * 24 * 3600 * 1000;

/// Opens the keys that the database holds. Makes a new one when the newest is old, and forgets those whose tokens have
/// all ended.
pub(crate) async fn load_signing_keys(
    core: &Core,
    key: &Arc<DeploymentKey>,
    random: &Arc<dyn Random>,
) -> Result<Arc<SigningKeys>> {
    let now_ms = core.now_ms();
    // A key is kept for as long as a token signed with it may live, and a while longer.
    let longest_ms = core
        .settings
        .token_lifetime_ms
        .max(LIFETIME_MS)
        .max(LONGEST_WORKLOAD_TOKEN_MS);
    let forget_before_ms = now_ms - SIGNING_KEY_MS - 2 * longest_ms;
    let mut rows = core
        .metadata
        .read(|reader| Ok::<_, Error>(reader.list_signing_keys()?))
        .await?;
    let is_due = move |row: &SigningKeyRow| row.created_at_ms + SIGNING_KEY_MS <= now_ms;
    let is_over = |row: &SigningKeyRow| row.created_at_ms < forget_before_ms;
    if rows.first().is_none_or(is_due) || rows.iter().any(is_over) {
        let (key, random) = (key.clone(), random.clone());
        let change = core.metadata.write(move |tx| {
            tx.take_turn(Turn::SigningKeys)?;
            if tx.list_signing_keys()?.first().is_none_or(is_due) {
                let made = SigningKey::generate(&*random);
                tx.create_signing_key(&SigningKeyRow {
                    id: made.id().to_owned(),
                    sealed_private: made.seal(&key),
                    created_at_ms: now_ms,
                })?;
            }
            tx.delete_signing_keys(forget_before_ms)?;
            Ok::<_, Error>(tx.list_signing_keys()?)
        });
        rows = change.await?;
    }
    let mut keys = rows.iter().map(|row| {
        SigningKey::unseal(key, &row.id, &row.sealed_private).map_err(|error| {
            tracing::error!(%error, key = row.id, "a signing key cannot be opened; is the deployment key the right one?");
            Error::Internal
        })
    });
    let current = keys.next().ok_or(Error::Internal)??;
    let others = keys.map(|key| key.map(|key| key.verifying_key().clone()));
    Ok(Arc::new(SigningKeys::new(
        current,
        others.collect::<Result<_>>()?,
    )))
}
