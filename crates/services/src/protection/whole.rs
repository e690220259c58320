//! Asking for all of a repository or a namespace, before the first step takes anything away.

use super::Protection;
use crate::core::Core;
use crate::{Error, Result};
use metadata::{LockKind, RepositoryKey};
use model::{AccountId, NamespaceId, RepositoryId};
use oci::RepositoryName;

/// Tags that are compared at a time.
const TAGS: i64 = 500;
/// Repositories that are looked up at a time.
const REPOSITORIES: i64 = 100;

/// Asks whether all of a repository may be deleted, before any of it is. Each step asks again for what it deletes.
///
/// # Errors
/// [`Error::Protected`].
pub(crate) async fn ask_repository(
    core: &Core,
    account: &AccountId,
    repository: &RepositoryId,
    name: &RepositoryName,
) -> Result<()> {
    let mut after = String::new();
    loop {
        let (id, name, from) = (repository.clone(), name.clone(), after);
        let key = RepositoryKey {
            account_id: account.clone(),
            name: name.clone(),
        };
        let page = core.metadata.list(move |reader| {
            let protection = Protection::seen(reader, &id, &name)?;
            if protection.is_idle() {
                return Ok::<_, Error>(None);
            }
            for kind in [LockKind::Tag, LockKind::Manifest] {
                let locks = reader.list_locks_of(&id, kind, "", 1)?;
                if let Some(lock) = locks.first() {
                    return Err(contains(&name, &format!("{} is locked", lock.name)));
                }
            }
            let tags = reader.list_tags(&key, &from, TAGS)?;
            match tags.iter().find(|tag| protection.selects(tag)) {
                Some(tag) => Err(contains(
                    &name,
                    &format!("the tag {tag} configured as immutable, cannot be deleted"),
                )),
                None => Ok(tags.into_iter().next_back()),
            }
        });
        match page.await? {
            Some(last) => after = last,
            None => return Ok(()),
        }
    }
}

/// The same for a namespace with all its repositories.
///
/// # Errors
/// [`Error::Protected`].
pub(crate) async fn ask_namespace(
    core: &Core,
    account: &AccountId,
    namespace: &NamespaceId,
) -> Result<()> {
    let mut after = String::new();
    loop {
        let (id, from) = (namespace.clone(), after);
        let page = core.metadata.list(move |reader| {
            Ok::<_, Error>(reader.list_protected_repositories(&id, &from, REPOSITORIES)?)
        });
        let page = page.await?;
        let Some((last, _)) = page.last() else {
            return Ok(());
        };
        after = last.as_str().to_owned();
        for (id, name) in page {
            let name = RepositoryName::parse(&name).map_err(|_| Error::Internal)?;
            ask_repository(core, account, &id, &name).await?;
        }
    }
}

fn contains(repository: &RepositoryName, why: &str) -> Error {
    Error::Protected(format!(
        "the repository {repository} contains what is protected and cannot be deleted: {why}"
    ))
}
