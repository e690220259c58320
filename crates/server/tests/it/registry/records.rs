//! A registry's own database, read and changed behind its back, whichever it is.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use engines::Postgres;
use rusqlite::types::ValueRef;

use super::{Setup, TestRegistry};

/// What was counted in memory goes into these.
const WRITTEN_LATER: [&str; 10] = [
    "account_days",
    "account_storage",
    "account_traffic",
    "namespace_traffic",
    "events",
    "event_chains",
    "manifest_pulls",
    "repository_details",
    "tag_moves",
    "trash_recounts",
];

impl TestRegistry {
    /// Runs one statement that answers with rows; see [`Setup::sql`].
    pub(crate) fn sql(&self, sql: &str) -> Vec<Vec<String>> {
        self.setup.sql(sql)
    }

    /// Every row of every table, as the table's name and its columns as text; without the tables of which some rows are
    /// written now and then, after the requests they are about, and without what manifests say.
    pub(crate) fn rows(&self) -> Vec<Vec<String>> {
        const BETWEEN: char = '\u{241f}';
        let columns = match self.setup.database() {
            Some(_) => {
                "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public' \
                 ORDER BY table_name, ordinal_position"
            }
            None => {
                "SELECT one.name, column_of.name FROM sqlite_schema one JOIN pragma_table_info(one.name) column_of \
                 WHERE one.type = 'table' AND one.name NOT LIKE 'sqlite_%' ORDER BY one.name, column_of.cid"
            }
        };
        let mut tables: BTreeMap<String, String> = BTreeMap::new();
        for row in self.sql(columns) {
            let (table, column) = (&row[0], &row[1]);
            if WRITTEN_LATER.contains(&table.as_str()) || column == "content" {
                continue;
            }
            let text = tables.entry(table.clone()).or_insert(format!("'{table}'"));
            let _ = write!(
                text,
                " || '{BETWEEN}' || COALESCE(CAST({column} AS TEXT), '')"
            );
        }
        let all: Vec<String> = tables
            .iter()
            .map(|(table, columns)| format!("SELECT {columns} FROM {table}"))
            .collect();
        assert!(!all.is_empty(), "a registry has tables");
        let rows = self.sql(&all.join(" UNION ALL "));
        let split = |row: Vec<String>| row.join("|").split(BETWEEN).map(str::to_owned).collect();
        rows.into_iter().map(split).collect()
    }

    /// How many rows each table has; without those of which some are written now and then, after the requests they are
    /// about.
    pub(crate) fn rows_per_table(&self) -> BTreeMap<String, String> {
        let tables = match self.setup.database() {
            Some(_) => "SELECT tablename FROM pg_catalog.pg_tables WHERE schemaname = 'public'",
            None => {
                "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
            }
        };
        let counts: Vec<String> = self
            .sql(tables)
            .into_iter()
            .flatten()
            .filter(|table| !WRITTEN_LATER.contains(&table.as_str()))
            .map(|table| format!("SELECT '{table}', COUNT(*) FROM {table}"))
            .collect();
        assert!(!counts.is_empty(), "a registry has tables");
        let rows = self.sql(&counts.join(" UNION ALL "));
        rows.into_iter()
            .map(|row| (row[0].clone(), row[1].clone()))
            .collect()
    }
}

impl Setup {
    /// Runs one statement, as the database's owner, and returns its rows as text, without `|` and line ends in them. One
    /// that changes something says what it changed by `RETURNING`.
    pub(crate) fn sql(&self, sql: &str) -> Vec<Vec<String>> {
        match self.database() {
            Some(url) => {
                let (server, name) = url.rsplit_once('/').expect("a URL with a database");
                let shared = Postgres::shared();
                assert!(shared.url().starts_with(server), "it is the tests' own");
                let printed = shared.psql(name, sql).expect("PostgreSQL takes it");
                let rows = printed.lines();
                rows.map(|row| row.split('|').map(str::to_owned).collect())
                    .collect()
            }
            None => self.sqlite(sql),
        }
    }

    /// The URL of its PostgreSQL, if that is where its records are.
    fn database(&self) -> Option<&str> {
        let mut settings = self.settings.iter().rev();
        let (_, url) = settings.find(|(name, _)| name == "ROADSTEAD_DATABASE__URL")?;
        Some(url)
    }

    fn sqlite(&self, sql: &str) -> Vec<Vec<String>> {
        let database = rusqlite::Connection::open(self.data_dir().join("roadstead.db"));
        let database = database.expect("the database opens");
        let mut statement = database.prepare(sql).expect("SQLite takes it");
        let columns = statement.column_count();
        let rows = statement.query_map([], |row| {
            (0..columns)
                .map(|column| {
                    Ok(match row.get_ref(column)? {
                        ValueRef::Integer(number) => number.to_string(),
                        ValueRef::Null => String::new(),
                        other => other.as_str()?.to_owned(),
                    })
                })
                .collect()
        });
        let rows: Result<_, _> = rows.expect("it runs").collect();
        rows.expect("rows of numbers and text")
    }
}
