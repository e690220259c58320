//! What a new deployment begins with.

use crate::core::Core;
use crate::{Error, Result};
use keys::{DeploymentKey, PasswordHasher, SecretString};
use metadata::{NewUser, Numbered, Turn};
use model::{Account, AccountId, AccountState, GrantId, NamespaceId, OperatorRole, Role, UserId};
use std::sync::Arc;

/// The account that a single team works in.
pub const DEFAULT_ACCOUNT: &str = "default";
/// The namespace it begins with.
pub const FIRST_NAMESPACE: &str = "library";
/// The user that administers it.
pub const FIRST_USER: &str = "admin";

/// Under which name the database keeps the id of the key that its secrets are sealed with.
pub const DEPLOYMENT_KEY_ID: &str = "deployment_key_id";

/// Refuses a key other than the one that the deployment began with: nothing that it sealed could be opened.
pub(crate) async fn require_key(core: &Core, key: &DeploymentKey) -> Result<()> {
    let id = key.id().to_owned();
    let known = core
        .metadata
        .read(|reader| Ok::<_, Error>(reader.find_deployment_value(DEPLOYMENT_KEY_ID)?))
        .await?;
    let known = if let Some(known) = known {
        known
    } else {
        let id = id.clone();
        core.metadata
            .write(move |tx| Ok::<_, Error>(tx.keep_deployment_value(DEPLOYMENT_KEY_ID, &id)?))
            .await?
    };
    if known == id {
        return Ok(());
    }
    Err(Error::Invalid(format!(
        "the deployment's key is {id}, but this database was begun with {known}; give this server a copy of the file \
         deployment.key that the others have (setting deployment_key)"
    )))
}

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
        .read(|reader| reader.find_account_by_name(DEFAULT_ACCOUNT))
        .await?;
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
            tx.take_turn(Turn::FirstStart)?;
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
            tx.put_operator_role(&user.id, OperatorRole::Administrator, now_ms)?;
            let namespace = NamespaceId::new(core.ids.next_id());
            tx.create_namespace(&namespace, &account.id, FIRST_NAMESPACE, false, now_ms)?;
            // In Harbor the project `library` and the user `admin` have number 1, and scripts know it.
            tx.give_number(&account.id, Numbered::Namespace, namespace.as_str())?;
            tx.give_number(&account.id, Numbered::User, user.id.as_str())?;
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
        .read(|reader| reader.find_account_by_name(DEFAULT_ACCOUNT))
        .await?;
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
