//! Making a database from a snapshot: all of it, or nothing.

mod file;
mod tables;

use super::text::{Cell, Line, SnapshotParser};
use super::{DatabasePlace, KEPT, SnapshotError, SnapshotHeader, is_name};
use crate::Damage;
use crate::postgresql::Session;
use std::collections::BTreeSet;

/// Where the text comes from: pieces in order, `None` after the last. An error, also in place of that `None`, undoes
/// everything.
pub type SnapshotPieces<'p> = dyn FnMut() -> Result<Option<bytes::Bytes>, SnapshotError> + 'p;

/// Fails if a deployment lives in the database. One that is not there, or has no tables, is as empty as one without rows.
/// Changes nothing.
///
/// # Errors
/// [`SnapshotError::NotEmpty`].
pub fn require_empty(database: &DatabasePlace) -> Result<(), SnapshotError> {
    match database {
        DatabasePlace::Sqlite(path) => file::require_empty(path),
        DatabasePlace::Postgres(options) => {
            tables::require_empty(&Session::open_for_bulk(options)?)
        }
    }
}

/// Makes a database from a snapshot, in one step that happens or does not: the rows of a SQLite database get their name when
/// they are on the disk, those of a PostgreSQL database are one transaction. Its schema is brought up to date on the way.
/// Blobs whose objects' keys are `lost` are in quarantine from the beginning. Blocks.
///
/// # Errors
/// [`SnapshotError::NotEmpty`]; [`SnapshotError::Unreadable`]; [`Error::TooNew`]; whatever `pieces` answers. The database is
/// as it was.
pub fn import_snapshot(
    into: &DatabasePlace,
    pieces: &mut SnapshotPieces<'_>,
    lost: &BTreeSet<String>,
    now_ms: i64,
) -> Result<SnapshotHeader, SnapshotError> {
    let mut lines = Lines {
        pieces,
        parser: SnapshotParser::default(),
    };
    let Some(Line::Header(header)) = lines.next()? else {
        return Err(SnapshotError::Unreadable("it is empty".to_owned()));
    };
    let rows = Rows {
        lines,
        lost,
        now_ms,
    };
    match into {
        DatabasePlace::Sqlite(path) => file::fill(path, rows, &header)?,
        DatabasePlace::Postgres(options) => tables::fill(options, rows, &header)?,
    }
    Ok(header)
}

/// The lines of a text that comes in pieces.
struct Lines<'p, 'f> {
    pieces: &'p mut SnapshotPieces<'f>,
    parser: SnapshotParser,
}

impl Lines<'_, '_> {
    /// The next line; `None` after the last one of a whole snapshot.
    fn next(&mut self) -> Result<Option<Line>, SnapshotError> {
        loop {
            if let Some(line) = self.parser.next_line()? {
                return Ok(Some(line));
            }
            match (self.pieces)()? {
                Some(piece) => self.parser.feed(&piece)?,
                None => return self.parser.finish().map(|()| None),
            }
        }
    }
}

struct Rows<'p, 'f, 'l> {
    lines: Lines<'p, 'f>,
    lost: &'l BTreeSet<String>,
    now_ms: i64,
}

/// Whoever takes rows: first the table that they are of.
trait Sink {
    fn table(&mut self, name: &str, columns: &[String]) -> Result<(), SnapshotError>;
    fn row(&mut self, cells: &[Cell]) -> Result<(), SnapshotError>;
}

impl Rows<'_, '_, '_> {
    fn pour(mut self, sink: &mut dyn Sink) -> Result<(), SnapshotError> {
        let mut quarantine = None;
        while let Some(line) = self.lines.next()? {
            match line {
                Line::Table(name, columns) => {
                    if !KEPT.contains(&name.as_str()) || !columns.iter().all(|one| is_name(one)) {
                        let what =
                            format!("it has a table {name:?}, which this release does not know");
                        return Err(SnapshotError::Unreadable(what));
                    }
                    quarantine = (name == "blobs" && !self.lost.is_empty())
                        .then(|| Quarantine::find(&columns))
                        .transpose()?;
                    sink.table(&name, &columns)?;
                }
                Line::Row(mut cells) => {
                    if let Some(quarantine) = &quarantine {
                        quarantine.apply(&mut cells, self.lost, self.now_ms);
                    }
                    sink.row(&cells)?;
                }
                Line::Header(_) | Line::End(_) => {}
            }
        }
        Ok(())
    }
}

/// Where a row of `blobs` says that it is damaged.
struct Quarantine {
    location: usize,
    at_ms: usize,
    damage: usize,
}

impl Quarantine {
    fn find(columns: &[String]) -> Result<Self, SnapshotError> {
        let find = |name: &str| {
            let found = columns.iter().position(|column| column == name);
            found.ok_or_else(|| {
                let what = "it is from a release that knew no quarantine, and blobs are missing";
                SnapshotError::Unreadable(what.to_owned())
            })
        };
        Ok(Self {
            location: find("location")?,
            at_ms: find("quarantined_at_ms")?,
            damage: find("damage")?,
        })
    }

    fn apply(&self, cells: &mut [Cell], lost: &BTreeSet<String>, now_ms: i64) {
        if matches!(&cells[self.location], Cell::Text(location) if lost.contains(location)) {
            cells[self.at_ms] = Cell::Int(now_ms);
            cells[self.damage] = Cell::Text(Damage::Missing.as_str().to_owned());
        }
    }
}
