//! What a registry of a test keeps its records and bytes in. The engines are shared by all tests of the run; each registry
//! has a database and a bucket of its own in them.

use std::sync::atomic::{AtomicU32, Ordering};

use engines::{Postgres, SeaweedFs};

/// Where metadata lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Database {
    Sqlite,
    Postgres,
}

/// Where blobs lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Store {
    Files,
    S3,
}

/// One of the four combinations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Backends {
    pub(crate) database: Database,
    pub(crate) store: Store,
}

impl Backends {
    pub(crate) const EMBEDDED: Self = Self {
        database: Database::Sqlite,
        store: Store::Files,
    };
    pub(crate) const PRODUCTION: Self = Self {
        database: Database::Postgres,
        store: Store::S3,
    };

    /// Makes what a new registry needs on these; returns its settings, named as in [`super::Setup::setting`].
    pub(crate) fn provide(self) -> Vec<(String, String)> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let mut settings = Vec::new();
        if self.database == Database::Postgres {
            settings.extend(database_settings(
                Postgres::shared(),
                &format!("registry_{number}"),
            ));
        }
        if self.store == Store::S3 {
            settings.extend(store_settings(
                SeaweedFs::shared(),
                &format!("registry-{number}"),
            ));
        }
        settings
    }
}

/// Makes a database; returns the settings that name it.
pub(crate) fn database_settings(postgres: &Postgres, name: &str) -> Vec<(String, String)> {
    let url = postgres.create_database(name).expect("PostgreSQL takes it");
    vec![("DATABASE__URL".to_owned(), url)]
}

/// Makes a bucket; returns the settings that name it.
pub(crate) fn store_settings(store: &SeaweedFs, bucket: &str) -> Vec<(String, String)> {
    store.create_bucket(bucket).expect("the store takes it");
    [
        ("S3__ENDPOINT", store.endpoint()),
        ("S3__BUCKET", bucket.to_owned()),
        ("S3__REGION", store.region().to_owned()),
        ("S3__ACCESS_KEY", store.access_key().to_owned()),
        ("S3__SECRET_KEY", store.secret_key().to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}
