//! `[database]`: SQLite in the data directory, or a PostgreSQL.

use super::DatabaseConfig;
use super::reader::Section;
use super::typed::{GIB, HOUR, KIB, readable_file};
use metadata::{PostgresAddress, PostgresOptions};

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
    if database.text("url").is_empty() && !database.text("password_file").is_empty() {
        database.refuse("password_file", "needs url beside it");
    }
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
        }),
    }
}
