//! The schema, as numbered files that are compiled in and applied in order.

use crate::error::{Error, Result};

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
];

/// Brings the schema up to date, each step in a transaction of its own.
pub(crate) fn migrate(connection: &mut rusqlite::Connection) -> Result<()> {
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let known = MIGRATIONS.last().map_or(0, |migration| migration.version);
    if found > known {
        return Err(Error::TooNew { found, known });
    }
    for migration in MIGRATIONS
        .iter()
        .filter(|migration| migration.version > found)
    {
        let tx = connection.transaction()?;
        // SQLite compares text by its bytes anyway, and has no collation of that name.
        tx.execute_batch(&migration.sql.replace(" COLLATE \"C\"", ""))?;
        tx.pragma_update(None, "user_version", migration.version)?;
        tx.commit()?;
    }
    Ok(())
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
