//! `[database]`: SQLite in the data directory, or a PostgreSQL.

use super::DatabaseConfig;
use super::reader::Section;
use super::typed::{GIB, HOUR, KIB, readable_file};
use metadata::{PostgresAddress, PostgresOptions, ReadReplicaOptions};

pub(super) fn read(database: &mut Section<'_, '_>) -> DatabaseConfig {
    let password = database.optional("password_file", |file| {
        readable_file(file)?;
        let text = std::fs::read_to_string(file);
        let text = text.map_err(|error| format!("cannot read {file}: {error}"))?;
        Ok(text.trim_end_matches(['\n', '\r']).to_owned())
    });
    let address = database.optional("url", |url| {
        PostgresAddress::parse(url, password.as_deref())
    });
    let replica = database.optional("read_url", |url| {
        PostgresAddress::parse(url, password.as_deref())
    });
    if database.text("url").is_empty() {
        for needy in ["password_file", "read_url"] {
            if !database.text(needy).is_empty() {
                database.refuse(needy, "needs url beside it");
            }
        }
    }
    let max_lag = database.seconds("read_max_lag_secs", 2..=HOUR);
    let connections = database.count("connections", 4..=1000);
    let connect_limit = database.seconds("connect_timeout_secs", 1..=60);
    let wait_limit = database.seconds("connection_wait_secs", 1..=60);
    let time_limit = database.seconds("statement_timeout_secs", 1..=HOUR);
    DatabaseConfig {
        cache_bytes: database.number("cache_bytes", 64 * KIB..=4 * GIB),
        postgres: address.map(|address| PostgresOptions {
            address,
            connections,
            connect_limit,
            wait_limit,
            time_limit,
            read_replica: replica.map(|address| ReadReplicaOptions { address, max_lag }),
        }),
    }
}
