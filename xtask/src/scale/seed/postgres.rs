//! PostgreSQL, filled by one `COPY` per table, all at the same time. Foreign keys are looked at once, at the end.

use std::fmt::Write as _;
use std::io::{BufWriter, Write as _};
use std::process::{Child, ChildStdin, Stdio};

use anyhow::Context as _;
use engines::Postgres;

use super::{Seed, Sink, TABLES, Table, Value};

/// Indexes that belong to no key: what drops them, and what makes them.
const OWN_INDEXES: &str = "SELECT 'DROP INDEX ' || i.indexname, i.indexdef FROM pg_indexes i \
     WHERE i.schemaname = 'public' \
     AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conname = i.indexname)";
/// Foreign keys, dropped and made anew: making one looks at every row.
const FOREIGN_KEYS: &str = "SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname), \
     format('ALTER TABLE %s ADD CONSTRAINT %I %s', conrelid::regclass, conname, pg_get_constraintdef(oid)) \
     FROM pg_constraint WHERE contype = 'f' AND connamespace = 'public'::regnamespace";

/// A database of a server that we started.
pub(in crate::scale) struct PostgresSeed<'s> {
    pub(in crate::scale) server: &'s Postgres,
    pub(in crate::scale) database: String,
}

struct Copy {
    child: Child,
    input: BufWriter<ChildStdin>,
}

struct Copies<'s> {
    of: &'s PostgresSeed<'s>,
    running: Vec<(&'static str, Copy)>,
    line: String,
}

impl Copies<'_> {
    fn start(of: &PostgresSeed<'_>, table: &Table) -> anyhow::Result<Copy> {
        let sql = format!(
            "COPY {} ({}) FROM STDIN",
            table.name,
            table.columns.join(", ")
        );
        let mut child = of
            .server
            .psql_command(&of.database, &sql)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .context("cannot start psql")?;
        let input = child.stdin.take().context("psql has no input")?;
        Ok(Copy {
            child,
            input: BufWriter::with_capacity(1 << 20, input),
        })
    }

    fn finish(self) -> anyhow::Result<()> {
        for (table, copy) in self.running {
            let Copy { mut child, input } = copy;
            // Closing the input is the end of the rows.
            let written = input.into_inner().map(drop);
            anyhow::ensure!(child.wait()?.success(), "rows of {table} were refused");
            written.map_err(std::io::IntoInnerError::into_error)?;
        }
        Ok(())
    }
}

impl Sink for Copies<'_> {
    fn row(&mut self, table: &Table, values: &[Value<'_>]) -> anyhow::Result<()> {
        self.line.clear();
        for (number, value) in values.iter().enumerate() {
            if number > 0 {
                self.line.push('\t');
            }
            match value {
                Value::Text(text) => escape(text, &mut self.line),
                Value::Int(value) => write!(self.line, "{value}")?,
                Value::Null => self.line.push_str("\\N"),
            }
        }
        self.line.push('\n');
        let known = self
            .running
            .iter()
            .position(|(name, _)| *name == table.name);
        let at = if let Some(at) = known {
            at
        } else {
            self.running
                .push((table.name, Self::start(self.of, table)?));
            self.running.len() - 1
        };
        let (_, copy) = &mut self.running[at];
        copy.input
            .write_all(self.line.as_bytes())
            .with_context(|| format!("rows of {} are refused", table.name))
    }
}

/// As `COPY` reads it.
fn escape(text: &str, into: &mut String) {
    for character in text.chars() {
        match character {
            '\\' => into.push_str("\\\\"),
            '\t' => into.push_str("\\t"),
            '\n' => into.push_str("\\n"),
            '\r' => into.push_str("\\r"),
            other => into.push(other),
        }
    }
}

impl PostgresSeed<'_> {
    /// Two columns of statements: what is run first, and what undoes it.
    fn pairs(&self, sql: &str) -> anyhow::Result<(Vec<String>, Vec<String>)> {
        let listed = self.server.psql(&self.database, sql)?;
        let pairs = listed.lines().filter_map(|line| line.split_once('|'));
        Ok(pairs
            .map(|(first, then)| (first.to_owned(), then.to_owned()))
            .unzip())
    }
}

impl Seed for PostgresSeed<'_> {
    fn ask(&self, sql: &str) -> anyhow::Result<String> {
        let answer = self.server.psql(&self.database, sql)?;
        Ok(answer.trim().to_owned())
    }

    fn run(&self, sql: &str) -> anyhow::Result<()> {
        self.server.psql(&self.database, sql)?;
        Ok(())
    }

    fn fill(
        &self,
        write: &mut dyn FnMut(&mut dyn Sink) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let (drop_keys, make_keys) = self.pairs(FOREIGN_KEYS)?;
        anyhow::ensure!(!drop_keys.is_empty(), "the schema has no foreign keys");
        self.run(&drop_keys.join("; "))?;
        let is_empty = self.ask("SELECT NOT EXISTS (SELECT 1 FROM manifests)")? == "t";
        let (drop_indexes, make_indexes) = if is_empty {
            self.pairs(OWN_INDEXES)?
        } else {
            (Vec::new(), Vec::new())
        };
        for sql in drop_indexes {
            self.run(&sql)?;
        }
        let mut copies = Copies {
            of: self,
            running: Vec::new(),
            line: String::new(),
        };
        write(&mut copies)?;
        copies.finish()?;
        for sql in make_indexes.iter().chain(&make_keys) {
            self.run(sql)?;
        }
        let tables: Vec<&str> = TABLES.iter().map(|table| table.name).collect();
        // What the server would do by itself a little later, in the middle of a measurement.
        self.run(&format!("VACUUM (ANALYZE) {}", tables.join(", ")))
    }
}
