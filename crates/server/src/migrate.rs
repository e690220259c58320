//! `roadstead migrate`.

use crate::config::Config;
use crate::data_dir::DataDir;
use anyhow::{Context as _, bail};
use metadata::MetadataStore;

/// Makes or upgrades the schema, and says what was done.
pub(crate) fn run(config: &Config) -> anyhow::Result<String> {
    let metadata = if let Some(postgres) = &config.database.postgres {
        // Everything is elsewhere: nothing is made on this machine.
        MetadataStore::open_postgres(postgres).context("[database] url")?
    } else {
        let Some(directory) = DataDir::lock(&config.data_dir)? else {
            bail!(
                "a roadstead runs on {}; it has upgraded the database at its start",
                config.data_dir.display()
            );
        };
        directory.open_database(config)?
    };
    let versions = metadata.schema_versions();
    Ok(if versions.found == versions.now {
        format!(
            "the schema has version {}; nothing was to be done\n",
            versions.now
        )
    } else {
        format!(
            "the schema had version {} and has {} now\n",
            versions.found, versions.now
        )
    })
}
