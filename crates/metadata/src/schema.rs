//! The schema, as numbered files that are compiled in and applied in order.

use crate::connection::Connection;
use crate::error::{Error, Result};
use crate::postgresql::Session;

/// Which schema was found, and which there is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SchemaVersions {
    /// 0 for an empty database.
    pub found: i64,
    /// What this release knows.
    pub now: i64,
}

/// One step of the schema. A step that has been released never changes.
struct Migration {
    version: i64,
    sql: &'static str,
}

const MIGRATIONS: &[Migration] = &[
    Migration {
        version: 1,
        sql: include_str!("../../../migrations/0001_accounts.sql"),
    },
    Migration {
        version: 2,
        sql: include_str!("../../../migrations/0002_content.sql"),
    },
    Migration {
        version: 3,
        sql: include_str!("../../../migrations/0003_events.sql"),
    },
    Migration {
        version: 4,
        sql: include_str!("../../../migrations/0004_jobs.sql"),
    },
    Migration {
        version: 5,
        sql: include_str!("../../../migrations/0005_collection.sql"),
    },
];

fn known() -> i64 {
    MIGRATIONS.last().map_or(0, |migration| migration.version)
}

/// What is to be done to a schema, or that it cannot be used.
fn steps(found: i64) -> Result<impl Iterator<Item = &'static Migration>> {
    let known = known();
    if found > known {
        return Err(Error::TooNew { found, known });
    }
    Ok(MIGRATIONS
        .iter()
        .filter(move |migration| migration.version > found))
}

/// Brings the schema up to date, each step in a transaction of its own.
pub(crate) fn migrate(connection: &mut rusqlite::Connection) -> Result<SchemaVersions> {
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    for migration in steps(found)? {
        let tx = connection.transaction()?;
        // SQLite compares text by its bytes anyway, and has no collation of that name.
        tx.execute_batch(&migration.sql.replace(" COLLATE \"C\"", ""))?;
        tx.pragma_update(None, "user_version", migration.version)?;
        tx.commit()?;
    }
    Ok(SchemaVersions {
        found,
        now: known(),
    })
}

/// The same, in one transaction for all steps. Whoever does it makes all others wait who come at the same time; when
/// nothing is to be done, nobody waits and no right to change the schema is needed.
pub(crate) fn migrate_postgres(session: &Session) -> Result<SchemaVersions> {
    const BEGIN: &str = "BEGIN; SET LOCAL statement_timeout = 0; SELECT pg_advisory_xact_lock(7236834171250737); \
         CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL PRIMARY KEY)";
    const NOTE: &str = "INSERT INTO schema_version (version) VALUES (?1)";
    let found = version_of(session)?;
    if steps(found)?.next().is_some() {
        session.script(BEGIN)?;
        // Somebody may have been quicker.
        let found = version_of(session)?;
        let upgraded = steps(found)?.try_for_each(|migration| {
            session.script(migration.sql)?;
            session.execute(NOTE, crate::connection::params![migration.version])?;
            Ok(())
        });
        match upgraded {
            Ok(()) => session.commit()?,
            Err(error) => {
                session.roll_back();
                return Err(error);
            }
        }
    }
    Ok(SchemaVersions {
        found,
        now: known(),
    })
}

fn version_of(session: &Session) -> Result<i64> {
    const IS_THERE: &str = "SELECT 1 FROM pg_catalog.pg_class WHERE relname = 'schema_version' \
         AND pg_catalog.pg_table_is_visible(oid)";
    const NEWEST: &str = "SELECT COALESCE(MAX(version), 0) FROM schema_version";
    let connection = Connection::postgres(session);
    if connection.exists(IS_THERE, &[])? {
        connection.get(NEWEST, &[], |row| row.int(0))
    } else {
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrations_are_numbered_without_gaps() {
        let versions: Vec<i64> = MIGRATIONS
            .iter()
            .map(|migration| migration.version)
            .collect();
        assert_eq!(
            versions,
            (1..=i64::try_from(MIGRATIONS.len()).unwrap_or(0)).collect::<Vec<_>>()
        );
    }

    #[test]
    fn a_schema_from_the_future_is_refused() -> Result<()> {
        let mut connection = rusqlite::Connection::open_in_memory()?;
        migrate(&mut connection)?;
        migrate(&mut connection)?;
        connection.pragma_update(None, "user_version", 999)?;
        assert!(matches!(
            migrate(&mut connection),
            Err(Error::TooNew { found: 999, .. })
        ));
        Ok(())
    }
}
