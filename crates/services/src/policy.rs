//! What decides about access, remembered for as long as nothing of it changes.

use crate::core::Core;
use crate::{Error, Result};
use metadata::{GrantRow, NamespaceRow};
use model::{Address, UserId};
use quick_cache::sync::Cache;
use std::sync::Arc;

/// Namespaces and users remembered.
const REMEMBERED: usize = 10_000;

/// A value, and the policy epoch in which it was read.
#[derive(Clone)]
struct Remembered<T> {
    epoch: u64,
    value: T,
}

/// Everything granted to a user.
#[derive(Clone, Debug)]
pub(crate) struct UserRights {
    pub(crate) grants: Vec<GrantRow>,
}

pub(crate) struct Policy {
    core: Arc<Core>,
    namespaces: Cache<(Address, String), Remembered<Option<Arc<NamespaceRow>>>>,
    users: Cache<UserId, Remembered<Option<Arc<UserRights>>>>,
    hosts: Cache<String, Remembered<Address>>,
}

impl Policy {
    pub(crate) fn new(core: Arc<Core>) -> Self {
        Self {
            core,
            namespaces: Cache::new(REMEMBERED),
            users: Cache::new(REMEMBERED),
            hosts: Cache::new(REMEMBERED),
        }
    }

    /// The door that a host name is.
    pub(crate) async fn address_of(&self, host: &str) -> Result<Address> {
        let epoch = self.core.metadata.epochs().policy();
        if let Some(known) = self.hosts.get(host).filter(|known| known.epoch == epoch) {
            return Ok(known.value);
        }
        let owner = self
            .core
            .metadata
            .read(|reader| reader.find_account_by_host(host))
            .await?;
        let value = owner.map_or(Address::Shared, Address::Account);
        self.hosts.insert(
            host.to_owned(),
            Remembered {
                epoch,
                value: value.clone(),
            },
        );
        Ok(value)
    }

    /// The namespace that a name means at an address.
    pub(crate) async fn find_namespace(
        &self,
        address: &Address,
        name: &str,
    ) -> Result<Option<Arc<NamespaceRow>>> {
        let epoch = self.core.metadata.epochs().policy();
        let key = (address.clone(), name.to_owned());
        if let Some(known) = self
            .namespaces
            .get(&key)
            .filter(|known| known.epoch == epoch)
        {
            return Ok(known.value);
        }
        let found = self
            .core
            .metadata
            .read(|reader| reader.find_namespace(address, name))
            .await?;
        let value = found.map(Arc::new);
        // A name that is no namespace's is not worth a place: strangers could fill the memory with such names.
        if value.is_some() {
            self.namespaces.insert(
                key,
                Remembered {
                    epoch,
                    value: value.clone(),
                },
            );
        }
        Ok(value)
    }

    /// A user and everything granted to it; `None` when there is no such user, or it is disabled.
    pub(crate) async fn find_rights(&self, user: &UserId) -> Result<Option<Arc<UserRights>>> {
        let epoch = self.core.metadata.epochs().policy();
        if let Some(known) = self.users.get(user).filter(|known| known.epoch == epoch) {
            return Ok(known.value);
        }
        let value = self
            .core
            .metadata
            .read(|reader| {
                let Some(user) = reader.find_user(user)?.filter(|user| !user.is_disabled) else {
                    return Ok(None);
                };
                let grants = reader.list_grants(&user.id)?;
                Ok::<_, metadata::Error>(Some(Arc::new(UserRights { grants })))
            })
            .await
            .map_err(Error::from)?;
        self.users.insert(
            user.clone(),
            Remembered {
                epoch,
                value: value.clone(),
            },
        );
        Ok(value)
    }
}
