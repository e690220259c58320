//! Finding the repository of a request, and making it when it is pushed to for the first time.

use crate::access::{Access, Push};
use crate::core::Core;
use crate::{Error, Result};
use metadata::{Error as MetadataError, RepositoryRow, Tx};
use model::{Address, Event, NamespaceId, RepositoryId};
use oci::NamespaceName;

/// The repository to write to, made with its namespace if it may be and is not there.
pub(crate) fn ensure_repository(
    core: &Core,
    tx: &mut Tx<'_>,
    access: &Access<Push>,
) -> Result<RepositoryId> {
    let key = access.key();
    if let Some(found) = tx.find_repository(&key)? {
        return require_writable(found);
    }
    let name = access.repository.namespace();
    let namespace = match tx.find_namespace(&Address::Account(access.account.clone()), name)? {
        Some(namespace) if namespace.account_state.allows_push() => namespace.id,
        Some(_) => return Err(Error::AccountSuspended),
        None if access.may_create_namespace => create_namespace(core, tx, access)?,
        None => return Err(Error::NamespaceUnknown(name.to_owned())),
    };
    let id = RepositoryId::new(core.ids.next_id());
    match tx.create_repository(&id, &key, &namespace, core.now_ms()) {
        Ok(true) => Ok(id),
        // Another push was quicker.
        Ok(false) => require_writable(tx.find_repository(&key)?.ok_or(Error::Unavailable)?),
        // The namespace has gone since.
        Err(MetadataError::ReferenceViolated) => Err(Error::NamespaceUnknown(name.to_owned())),
        Err(error) => Err(error.into()),
    }
}

fn require_writable(repository: RepositoryRow) -> Result<RepositoryId> {
    if repository.account_state.allows_push() {
        Ok(repository.id)
    } else {
        Err(Error::AccountSuspended)
    }
}

fn create_namespace(core: &Core, tx: &mut Tx<'_>, access: &Access<Push>) -> Result<NamespaceId> {
    let name = NamespaceName::parse(access.repository.namespace())
        .map_err(|error| Error::NamespaceInvalid(error.to_string()))?;
    let id = NamespaceId::new(core.ids.next_id());
    let claimed = tx.create_namespace(&id, &access.account, name.as_str(), false, core.now_ms());
    match claimed {
        Ok(true) => {}
        // Another account holds the name on the shared address: the caller learns no more than for any such name.
        Ok(false) => return Err(Error::NamespaceUnknown(name.as_str().to_owned())),
        // Another push was quicker.
        Err(MetadataError::AlreadyExists) => {
            let address = Address::Account(access.account.clone());
            let found = tx.find_namespace(&address, name.as_str())?;
            return Ok(found.ok_or(Error::Unavailable)?.id);
        }
        Err(error) => return Err(error.into()),
    }
    let event = Event::NamespaceCreated {
        namespace: name.as_str().to_owned(),
        is_public: false,
    };
    core.record(tx, &event, access)?;
    Ok(id)
}

/// The repository to delete from.
pub(crate) fn get_repository<A>(tx: &Tx<'_>, access: &Access<A>) -> Result<RepositoryId> {
    let found = tx.find_repository(&access.key())?;
    require_writable(found.ok_or(Error::NameUnknown)?)
}
