//! What the cases begin with.

use crate::{Error, MetadataStore, NewUser, Options, RepositoryKey, Tx};
use model::{Account, AccountId, AccountState, NamespaceId, RepositoryId, UserId};
use oci::{Digest, RepositoryName};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tempfile::TempDir;

/// An identifier that no other case has.
pub(super) fn id() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("01890a5d-ac96-774b-bcce-{number:012x}")
}

pub(super) fn digest(text: &str) -> Digest {
    Digest::sha256_of(text.as_bytes())
}

pub(super) fn options(path: &Path) -> Options {
    Options {
        path: path.to_owned(),
        cache_bytes: 1 << 20,
        transaction_time_limit: Duration::from_secs(30),
    }
}

/// A SQLite database in a directory of its own.
pub(crate) struct Database {
    pub(crate) store: MetadataStore,
    pub(crate) path: PathBuf,
    pub(crate) directory: TempDir,
}

impl Database {
    pub(crate) fn new() -> Self {
        Self::with_time_limit(Duration::from_secs(30))
    }

    pub(super) fn with_time_limit(limit: Duration) -> Self {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("metadata.db");
        let options = Options {
            transaction_time_limit: limit,
            ..options(&path)
        };
        Self {
            store: MetadataStore::open(&options).unwrap(),
            path,
            directory,
        }
    }
}

/// A durable transaction that has to succeed.
pub(super) async fn write<T: Send + 'static>(
    store: &MetadataStore,
    work: impl FnOnce(&mut Tx<'_>) -> Result<T, Error> + Clone + Send + 'static,
) -> T {
    store.write(work).await.unwrap()
}

/// An account with a user, a namespace and a repository.
#[derive(Clone)]
pub(super) struct World {
    pub(super) account: Account,
    pub(super) user: UserId,
    pub(super) user_name: String,
    pub(super) namespace: NamespaceId,
    pub(super) namespace_name: String,
    pub(super) repository: RepositoryId,
    pub(super) key: RepositoryKey,
}

impl World {
    pub(super) async fn create(store: &MetadataStore) -> Self {
        let suffix = id().replace('-', "");
        let account = Account {
            id: AccountId::new(id()),
            name: format!("account-{suffix}"),
            state: AccountState::Active,
            creates_namespaces_on_push: true,
        };
        let namespace_name = format!("n{suffix}");
        let name = RepositoryName::parse(&format!("{namespace_name}/app")).unwrap();
        let world = Self {
            user: UserId::new(id()),
            user_name: format!("user-{suffix}"),
            namespace: NamespaceId::new(id()),
            repository: RepositoryId::new(id()),
            key: RepositoryKey {
                account_id: account.id.clone(),
                name,
            },
            namespace_name,
            account,
        };
        let new = world.clone();
        write(store, move |tx| {
            tx.create_account(&new.account, 1)?;
            let source = if let Some(source) = tx.find_password_source()? {
                source
            } else {
                let source = id();
                tx.create_password_source(&source)?;
                source
            };
            let user = NewUser {
                id: new.user.clone(),
                source_id: source,
                name: new.user_name.clone(),
                home_account_id: new.account.id.clone(),
                password_hash: None,
            };
            tx.create_user(&user, 2)?;
            tx.create_namespace(
                &new.namespace,
                &new.account.id,
                &new.namespace_name,
                false,
                3,
            )?;
            tx.create_repository(&new.repository, &new.key, &new.namespace, 4)
        })
        .await;
        world
    }

    /// Another repository of the namespace.
    pub(super) async fn add_repository(
        &self,
        store: &MetadataStore,
        name: &str,
    ) -> (RepositoryId, RepositoryKey) {
        let name = RepositoryName::parse(&format!("{}/{name}", self.namespace_name)).unwrap();
        let key = RepositoryKey {
            account_id: self.account.id.clone(),
            name,
        };
        let (repository, namespace) = (RepositoryId::new(id()), self.namespace.clone());
        let new = (repository.clone(), key.clone());
        write(store, move |tx| {
            tx.create_repository(&new.0, &new.1, &namespace, 4)
        })
        .await;
        (repository, key)
    }

    /// A stored blob of `size_bytes` that the repository knows.
    pub(super) async fn add_blob(&self, store: &MetadataStore, digest: &Digest, size_bytes: u64) {
        let (world, digest) = (self.clone(), digest.clone());
        write(store, move |tx| {
            tx.put_blob(("shared", &digest), size_bytes, &id(), 5)?;
            tx.put_repository_blob(&world.account.id, &world.repository, "shared", &digest, 5)
        })
        .await;
    }
}
