//! What a server must be to hold the registry.

use super::address::PostgresAddress;
use super::session::Session;
use crate::connection::Connection;
use crate::error::{Error, Result};

/// Refuses a server or a database that cannot hold the registry.
pub(super) fn require_usable(session: &Session, address: &PostgresAddress) -> Result<()> {
    const SQL: &str = "SELECT CAST(current_setting('server_version_num') AS BIGINT), \
         current_setting('server_version'), current_setting('server_encoding'), \
         CASE WHEN pg_is_in_recovery() THEN 1 ELSE 0 END";
    let (number, version, encoding, is_standby) =
        Connection::postgres(session).get(SQL, &[], |row| {
            Ok((row.int(0)?, row.text(1)?, row.text(2)?, row.flag(3)?))
        })?;
    let refused = |why: String| Err(Error::Unavailable(format!("{address}: {why}")));
    if number < 130_000 {
        return refused(format!(
            "the server is PostgreSQL {version}; 13 or newer is needed"
        ));
    }
    if encoding != "UTF8" {
        return refused(format!(
            "the database's encoding is {encoding}; make one with: CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0"
        ));
    }
    if is_standby {
        return refused(
            "the server is a standby, which takes no writes; name the primary".to_owned(),
        );
    }
    Ok(())
}
