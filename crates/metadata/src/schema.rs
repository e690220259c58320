//! The schema, as numbered files that are compiled in and applied in order.

use crate::connection::{Connection, params};
use crate::error::{Error, Result};
use crate::postgresql::{Failure, Session};
use std::time::Duration;

/// Begins a transaction that makes all others wait who want to change the schema.
const BEGIN: &str = "BEGIN; SET LOCAL statement_timeout = 0; SELECT pg_advisory_xact_lock(7236834171250737); \
     CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL PRIMARY KEY)";
/// How often the schema is upgraded again because others were in the way, and how long after.
const ATTEMPTS: u32 = 30;
const PAUSE: Duration = Duration::from_millis(200);
const VERSION: &str = "INSERT INTO schema_version (version) VALUES (?1)";

/// Which schema was found, and which there is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SchemaVersions {
    /// 0 for an empty database.
    pub found: i64,
    /// What there is: the newest step that this release knows, or a newer one that it can work with.
    pub now: i64,
}

/// One step of the schema. A step that has been released never changes.
struct Migration {
    version: i64,
    /// The newest step that a program has to know to work with this one: its own number, unless it only adds what older
    /// programs may leave alone. Replicas are upgraded one after the other, so a step that older programs cannot work with
    /// has to be split over two releases.
    oldest_program: i64,
    /// What has to be done to what is there before `sql` can add to it.
    widened: &'static [Widened],
    sql: &'static str,
}

/// A step, and the newest that a program has to know to work with it, which changes nothing of what is there.
const fn step((version, oldest_program): (i64, i64), sql: &'static str) -> Migration {
    Migration {
        version,
        oldest_program,
        widened: &[],
        sql,
    }
}

/// A column that may have more values from now on: `CHECK (column IN (…))`. The databases have no common words for that.
struct Widened {
    table: &'static str,
    column: &'static str,
    /// The list before, as it stands in the step that made it.
    old: &'static str,
    new: &'static str,
}

impl Widened {
    fn check(&self, values: &str) -> String {
        format!("CHECK ({} IN ({values}))", self.column)
    }

    /// SQLite keeps the text that made a table, and this way of changing a constraint is the one that its documentation
    /// gives (ALTER TABLE, section 8).
    fn sqlite(&self, connection: &rusqlite::Connection) -> Result<()> {
        const SQL: &str = "UPDATE sqlite_schema SET sql = replace(sql, ?1, ?2) \
             WHERE type = 'table' AND name = ?3 AND instr(sql, ?1) > 0";
        connection.pragma_update(None, "writable_schema", true)?;
        let params = (self.check(self.old), self.check(self.new), self.table);
        let changed = connection.execute(SQL, params)?;
        connection.execute_batch("PRAGMA writable_schema = RESET")?;
        self.require(changed == 1)
    }

    /// PostgreSQL names such a constraint after table and column.
    fn postgres(&self, session: &Session) -> Result<()> {
        let (table, check) = (self.table, self.check(self.new));
        let name = format!("{table}_{}_check", self.column);
        session.script(&format!(
            "ALTER TABLE {table} DROP CONSTRAINT {name}; ALTER TABLE {table} ADD CONSTRAINT {name} {check}"
        ))
    }

    fn require(&self, is_done: bool) -> Result<()> {
        if is_done {
            return Ok(());
        }
        let (table, column) = (self.table, self.column);
        Err(Error::Database(format!(
            "the schema could not be brought up to date: {table}.{column} is not as an earlier release made it"
        )))
    }
}

/// The step since which each says which programs work with it.
const COMPATIBILITY: i64 = 6;

const MIGRATIONS: &[Migration] = &[
    step(
        (1, 1),
        include_str!("../../../migrations/0001_accounts.sql"),
    ),
    step((2, 2), include_str!("../../../migrations/0002_content.sql")),
    step((3, 3), include_str!("../../../migrations/0003_events.sql")),
    step((4, 4), include_str!("../../../migrations/0004_jobs.sql")),
    step(
        (5, 5),
        include_str!("../../../migrations/0005_collection.sql"),
    ),
    step(
        (COMPATIBILITY, 5),
        include_str!("../../../migrations/0006_compatibility.sql"),
    ),
    step((7, 5), include_str!("../../../migrations/0007_backups.sql")),
    Migration {
        version: 8,
        oldest_program: 5,
        widened: &[
            Widened {
                table: "identity_sources",
                column: "kind",
                old: "'password'",
                new: "'password', 'oidc', 'ldap', 'workload'",
            },
            Widened {
                table: "grants",
                column: "subject_kind",
                old: "'user'",
                new: "'user', 'group'",
            },
        ],
        sql: include_str!("../../../migrations/0008_people.sql"),
    },
    step(
        (9, 5),
        include_str!("../../../migrations/0009_identity.sql"),
    ),
    step((10, 5), include_str!("../../../migrations/0010_rights.sql")),
    step(
        (11, 5),
        include_str!("../../../migrations/0011_network.sql"),
    ),
    step((12, 5), include_str!("../../../migrations/0012_usage.sql")),
    step((13, 5), include_str!("../../../migrations/0013_ldap.sql")),
    step(
        (14, 5),
        include_str!("../../../migrations/0014_invitations.sql"),
    ),
    step(
        (15, 5),
        include_str!("../../../migrations/0015_certificates.sql"),
    ),
    step((16, 5), include_str!("../../../migrations/0016_limits.sql")),
    step(
        (17, 5),
        include_str!("../../../migrations/0017_retention.sql"),
    ),
    step(
        (18, 5),
        include_str!("../../../migrations/0018_immutability.sql"),
    ),
    step((19, 5), include_str!("../../../migrations/0019_trash.sql")),
    step((20, 5), include_str!("../../../migrations/0020_outbox.sql")),
    step((21, 5), include_str!("../../../migrations/0021_sinks.sql")),
    step(
        (22, 5),
        include_str!("../../../migrations/0022_account_jobs.sql"),
    ),
    step(
        (23, 5),
        include_str!("../../../migrations/0023_pull_times.sql"),
    ),
    step(
        (24, 5),
        include_str!("../../../migrations/0024_sink_metrics.sql"),
    ),
    step((25, 5), include_str!("../../../migrations/0025_mail.sql")),
    step(
        (26, 5),
        include_str!("../../../migrations/0026_account_collection.sql"),
    ),
    step(
        (27, 5),
        include_str!("../../../migrations/0027_label_ends.sql"),
    ),
    step(
        (28, 5),
        include_str!("../../../migrations/0028_mail_patience.sql"),
    ),
    step(
        (29, 5),
        include_str!("../../../migrations/0029_push_times.sql"),
    ),
    step(
        (30, 5),
        include_str!("../../../migrations/0030_account_days.sql"),
    ),
    step(
        (31, 5),
        include_str!("../../../migrations/0031_newest_manifests.sql"),
    ),
];

pub(crate) fn known() -> i64 {
    MIGRATIONS.last().map_or(0, |migration| migration.version)
}

/// What is to be done to a schema.
fn steps(found: i64) -> impl Iterator<Item = &'static Migration> {
    MIGRATIONS
        .iter()
        .filter(move |migration| migration.version > found)
}

/// Fails if this release does not work with the schema: a step that it does not know may need a newer one.
pub(crate) fn require_compatible(connection: &Connection<'_>, found: i64) -> Result<()> {
    const NEWER: &str =
        "SELECT COUNT(*), COALESCE(MAX(oldest_program), 0) FROM schema_steps WHERE version > ?1";
    let known = known();
    if found <= known {
        return Ok(());
    }
    let (newer, oldest_program) =
        connection.get(NEWER, params![known], |row| Ok((row.int(0)?, row.int(1)?)))?;
    if newer == found - known && oldest_program <= known {
        Ok(())
    } else {
        Err(Error::TooNew { found, known })
    }
}

/// Notes which programs work with a step, in the transaction that takes it.
fn note(connection: &Connection<'_>, step: &Migration) -> Result<()> {
    const NOTE: &str = "INSERT INTO schema_steps (version, oldest_program) VALUES (?1, ?2)";
    if step.version >= COMPATIBILITY {
        connection.execute(NOTE, params![step.version, step.oldest_program])?;
    }
    Ok(())
}

fn take_sqlite(connection: &rusqlite::Connection, step: &Migration) -> Result<()> {
    for widened in step.widened {
        widened.sqlite(connection)?;
    }
    // SQLite compares text by its bytes anyway, and has no collation of that name.
    connection.execute_batch(&step.sql.replace(" COLLATE \"C\"", ""))?;
    note(&Connection::sqlite(connection), step)
}

fn take_postgres(session: &Session, step: &Migration) -> Result<()> {
    for widened in step.widened {
        widened.postgres(session)?;
    }
    session.script(step.sql)?;
    note(&Connection::postgres(session), step)?;
    session.execute(VERSION, params![step.version])?;
    Ok(())
}

/// Brings the schema up to date, each step in a transaction of its own.
pub(crate) fn migrate(connection: &mut rusqlite::Connection) -> Result<SchemaVersions> {
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    require_compatible(&Connection::sqlite(connection), found)?;
    for step in steps(found) {
        let tx = connection.transaction()?;
        take_sqlite(&tx, step)?;
        tx.pragma_update(None, "user_version", step.version)?;
        tx.commit()?;
    }
    Ok(SchemaVersions {
        found,
        now: found.max(known()),
    })
}

/// The same, in one transaction for all steps. Whoever does it makes all others wait who come at the same time; when
/// nothing is to be done, nobody waits and no right to change the schema is needed.
pub(crate) fn migrate_postgres(session: &Session) -> Result<SchemaVersions> {
    let connection = Connection::postgres(session);
    let found = version_of(&connection)?;
    require_compatible(&connection, found)?;
    if steps(found).next().is_some() {
        upgrade_postgres(session)?;
    }
    Ok(SchemaVersions {
        found,
        now: found.max(known()),
    })
}

/// A step takes locks of several tables, and so does a push to a replica of the release before: when each waits for the
/// other, the server ends one of them. Nothing was changed then, and it may go well the next time.
fn upgrade_postgres(session: &Session) -> Result<()> {
    let mut attempt = 1;
    loop {
        match try_to_upgrade(session) {
            Err(error) if session.failure() == Some(Failure::Passing) && attempt < ATTEMPTS => {
                tracing::warn!(%error, attempt, "the schema is upgraded again in a moment");
                session.roll_back();
                session.begin_reading();
                std::thread::sleep(PAUSE);
                attempt += 1;
            }
            Err(error) => {
                session.roll_back();
                return Err(error);
            }
            upgraded => return upgraded,
        }
    }
}

fn try_to_upgrade(session: &Session) -> Result<()> {
    session.script(BEGIN)?;
    let connection = Connection::postgres(session);
    let found = version_of(&connection)?;
    // Somebody may have been quicker, and newer.
    require_compatible(&connection, found)?;
    steps(found).try_for_each(|step| take_postgres(session, step))?;
    session.commit()
}

/// Brings the new schema of a file to a version that need not be the newest: that of the rows that are to come.
pub(crate) fn migrate_to(connection: &rusqlite::Connection, version: i64) -> Result<()> {
    for step in steps(0).filter(|step| step.version <= version) {
        take_sqlite(connection, step)?;
    }
    connection.pragma_update(None, "user_version", version)?;
    Ok(())
}

/// Begins a transaction in which nobody else changes the schema.
pub(crate) fn begin_postgres(session: &Session) -> Result<()> {
    session.script(BEGIN)
}

/// The same as [`migrate_to`] in such a transaction, whatever was found.
pub(crate) fn migrate_postgres_to(session: &Session, version: i64) -> Result<()> {
    let connection = Connection::postgres(session);
    let found = version_of(&connection)?;
    for step in steps(found).filter(|step| step.version <= version) {
        take_postgres(session, step)?;
    }
    Ok(())
}

pub(crate) fn version_of(connection: &Connection<'_>) -> Result<i64> {
    const IS_THERE: &str = "SELECT 1 FROM pg_catalog.pg_class WHERE relname = 'schema_version' \
         AND pg_catalog.pg_table_is_visible(oid)";
    const NEWEST: &str = "SELECT COALESCE(MAX(version), 0) FROM schema_version";
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
        assert!(
            MIGRATIONS
                .iter()
                .all(|migration| migration.oldest_program <= migration.version)
        );
    }

    /// A schema with steps that this release does not know.
    fn from_the_future(notes: &[(i64, i64)]) -> Result<rusqlite::Connection> {
        let mut connection = rusqlite::Connection::open_in_memory()?;
        migrate(&mut connection)?;
        for (version, oldest_program) in notes {
            connection.execute(
                "INSERT INTO schema_steps (version, oldest_program) VALUES (?1, ?2)",
                (version, oldest_program),
            )?;
        }
        connection.pragma_update(None, "user_version", known() + 2)?;
        Ok(connection)
    }

    #[test]
    fn a_schema_from_the_future_is_refused_unless_each_step_says_that_it_fits() -> Result<()> {
        let known = known();
        let fits = [(known + 1, known), (known + 2, known - 1)];
        let opened = migrate(&mut from_the_future(&fits)?)?;
        let there = known + 2;
        assert_eq!((opened.found, opened.now), (there, there));
        for does_not in [
            &[][..],
            &fits[..1],
            &fits[1..],
            &[(known + 1, known + 1), fits[1]],
        ] {
            assert!(
                matches!(
                    migrate(&mut from_the_future(does_not)?),
                    Err(Error::TooNew { found, .. }) if found == there
                ),
                "{does_not:?}"
            );
        }
        Ok(())
    }
}
