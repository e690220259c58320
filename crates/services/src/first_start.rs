//! What a new deployment begins with.

use crate::core::Core;
use crate::{Error, Result};
use keys::{PasswordHasher, SecretString};
use metadata::NewUser;
use model::{Account, AccountId, AccountState, GrantId, NamespaceId, Role, UserId};
use std::sync::Arc;

/// The account that a single team works in.
pub const DEFAULT_ACCOUNT: &str = "default";
/// The namespace it begins with.
pub const FIRST_NAMESPACE: &str = "library";
/// The user that administers it.
pub const FIRST_USER: &str = "admin";

/// Makes the account `default` with the namespace `library` and the user `admin`, who administers it and is the
/// deployment's first operator, unless the deployment has begun before. Says whether it has begun now.
pub(crate) async fn begin(
    core: &Arc<Core>,
    passwords: &PasswordHasher,
    password: SecretString,
    creates_namespaces_on_push: bool,
) -> Result<bool> {
    let account = core
        .metadata
        .read(|reader| reader.find_account_by_name(DEFAULT_ACCOUNT))?;
    if account.is_some() {
        return Ok(false);
    }
    keys::check_new_password(password.expose())
        .map_err(|error| Error::Invalid(error.to_string()))?;
    let hash = passwords
        .hash(password)
        .await
        .map_err(|error| Error::Invalid(error.to_string()))?;
    let closure_core = core.clone();
    core.metadata
        .write(move |tx| {
            let core = closure_core;
            let now_ms = core.now_ms();
            if tx.find_account_by_name(DEFAULT_ACCOUNT)?.is_some() {
                return Ok(false);
            }
            let account = Account {
                id: AccountId::new(core.ids.next_id()),
                name: DEFAULT_ACCOUNT.to_owned(),
                state: AccountState::Active,
                creates_namespaces_on_push,
            };
            tx.create_account(&account, now_ms)?;
            let source_id = core.ids.next_id();
            tx.create_password_source(&source_id)?;
            let user = NewUser {
                id: UserId::new(core.ids.next_id()),
                source_id,
                name: FIRST_USER.to_owned(),
                home_account_id: account.id.clone(),
                password_hash: Some(hash),
            };
            tx.create_user(&user, now_ms)?;
            tx.put_membership(&account.id, &user.id, now_ms)?;
            let grant = GrantId::new(core.ids.next_id());
            tx.grant_account_role(&grant, &account.id, &user.id, Role::Administrator, now_ms)?;
            tx.create_operator(&user.id, now_ms)?;
            let namespace = NamespaceId::new(core.ids.next_id());
            tx.create_namespace(&namespace, &account.id, FIRST_NAMESPACE, false, now_ms)?;
            Ok(true)
        })
        .await
}

/// Makes the account `default` follow the deployment's settings, which may have changed since the last start.
pub(crate) async fn follow_settings(
    core: &Arc<Core>,
    creates_namespaces_on_push: bool,
) -> Result<()> {
    let account = core
        .metadata
        .read(|reader| reader.find_account_by_name(DEFAULT_ACCOUNT))?;
    let stale = account.filter(|one| one.creates_namespaces_on_push != creates_namespaces_on_push);
    let Some(account) = stale else {
        return Ok(());
    };
    core.metadata
        .write(move |tx| {
            Ok(tx.set_creates_namespaces_on_push(&account.id, creates_namespaces_on_push)?)
        })
        .await
}
