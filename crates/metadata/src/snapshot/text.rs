//! The lines of a snapshot: how they are written, and how they are read as they come.

use super::{SnapshotError, SnapshotHeader};
use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::fmt;

/// A line is a row, and the largest thing in a row is a manifest of some MiB, in which each character may take six.
const LONGEST_LINE: usize = 64 << 20;

/// One value of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cell {
    Null,
    Int(i64),
    Text(String),
}

/// A line that is no row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Mark {
    /// Rows of this table follow.
    Table { name: String, columns: Vec<String> },
    /// Nothing follows.
    End { rows: u64 },
}

/// A line that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Line {
    Header(SnapshotHeader),
    Table(String, Vec<String>),
    Row(Vec<Cell>),
    /// With the number of rows before it.
    End(u64),
}

/// A blob as a snapshot names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotBlob {
    /// The key of its object.
    pub location: String,
    /// Its digest.
    pub digest: String,
    /// Its size.
    pub size_bytes: u64,
    /// Whether it was in quarantine: its bytes were known to be damaged.
    pub is_quarantined: bool,
}

/// Reads a snapshot whose bytes come in pieces.
#[derive(Debug, Default)]
pub struct SnapshotParser {
    buffer: Vec<u8>,
    /// Bytes of the buffer that were read.
    read: usize,
    /// Bytes of the buffer that have no end of a line in them.
    searched: usize,
    header: Option<SnapshotHeader>,
    /// Columns of the present table, and whether it is that of blobs.
    columns: usize,
    blobs: Option<BlobColumns>,
    rows: u64,
    is_over: bool,
    are_blobs_over: bool,
}

/// Where in a row of `blobs` is what.
#[derive(Clone, Copy, Debug)]
struct BlobColumns {
    location: usize,
    digest: usize,
    size_bytes: usize,
    /// Not there before schema 5.
    quarantined: Option<usize>,
}

impl BlobColumns {
    fn find(columns: &[String]) -> Result<Self, SnapshotError> {
        let at = |name: &str| columns.iter().position(|column| column == name);
        let need = |name: &str| at(name).ok_or_else(|| wrong(&format!("blobs have no {name}")));
        Ok(Self {
            location: need("location")?,
            digest: need("digest")?,
            size_bytes: need("size_bytes")?,
            quarantined: at("quarantined_at_ms"),
        })
    }

    fn read(self, row: &[Cell]) -> Result<SnapshotBlob, SnapshotError> {
        let text = |at: usize| match row.get(at) {
            Some(Cell::Text(text)) => Ok(text.clone()),
            _ => Err(wrong("a blob has no text where one always is")),
        };
        let size_bytes = match row.get(self.size_bytes) {
            Some(Cell::Int(size)) => u64::try_from(*size).ok(),
            _ => None,
        };
        Ok(SnapshotBlob {
            location: text(self.location)?,
            digest: text(self.digest)?,
            size_bytes: size_bytes.ok_or_else(|| wrong("a blob has no size"))?,
            is_quarantined: self
                .quarantined
                .is_some_and(|at| row.get(at) != Some(&Cell::Null)),
        })
    }
}

impl SnapshotParser {
    /// Takes the next bytes.
    ///
    /// # Errors
    /// [`SnapshotError::Unreadable`] for a line that does not end.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(), SnapshotError> {
        self.buffer.drain(..self.read);
        self.searched -= self.read;
        self.read = 0;
        if self.buffer.len() + bytes.len() > LONGEST_LINE + (1 << 20) {
            return Err(wrong("a line does not end"));
        }
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }

    /// What the snapshot says of itself, once that has come.
    pub fn header(&self) -> Option<&SnapshotHeader> {
        self.header.as_ref()
    }

    /// Reads all lines that have come, and answers with the blobs among them.
    ///
    /// # Errors
    /// [`SnapshotError::Unreadable`], and [`crate::Error::TooNew`] for rows that this release does not know.
    pub fn blobs(&mut self) -> Result<VecDeque<SnapshotBlob>, SnapshotError> {
        let mut found = VecDeque::new();
        while let Some(line) = self.next_line()? {
            if let (Line::Row(row), Some(columns)) = (line, self.blobs) {
                found.push_back(columns.read(&row)?);
            }
        }
        Ok(found)
    }

    /// Whether no blob comes any more.
    pub fn are_blobs_over(&self) -> bool {
        self.are_blobs_over
    }

    /// Fails unless everything came, to the last line.
    ///
    /// # Errors
    /// [`SnapshotError::Unreadable`].
    pub fn finish(&self) -> Result<(), SnapshotError> {
        if self.is_over && self.read == self.buffer.len() {
            Ok(())
        } else {
            Err(wrong("it does not end as it should"))
        }
    }

    /// The next line, if all of it has come.
    pub(super) fn next_line(&mut self) -> Result<Option<Line>, SnapshotError> {
        let unsearched = self.buffer.get(self.searched..).unwrap_or_default();
        let Some(length) = unsearched.iter().position(|byte| *byte == b'\n') else {
            self.searched = self.buffer.len();
            return Ok(None);
        };
        let (begin, end) = (self.read, self.searched + length);
        (self.read, self.searched) = (end + 1, end + 1);
        let line = parse(&self.buffer[begin..end], self.header.is_none())?;
        self.follow(&line)?;
        Ok(Some(line))
    }

    /// Checks that a line may stand where it does.
    fn follow(&mut self, line: &Line) -> Result<(), SnapshotError> {
        if self.is_over {
            return Err(wrong("something follows its end"));
        }
        match line {
            Line::Header(header) => {
                header.require_readable()?;
                self.header = Some(header.clone());
            }
            Line::Table(name, columns) => {
                self.are_blobs_over = name != "blobs";
                self.blobs = (name == "blobs")
                    .then(|| BlobColumns::find(columns))
                    .transpose()?;
                self.columns = columns.len();
            }
            Line::Row(row) => {
                if row.len() != self.columns {
                    return Err(wrong("a row has not as many values as there are columns"));
                }
                self.rows += 1;
            }
            Line::End(rows) => {
                if *rows != self.rows {
                    return Err(wrong("rows are missing"));
                }
                self.is_over = true;
                self.are_blobs_over = true;
            }
        }
        Ok(())
    }
}

fn parse(line: &[u8], is_first: bool) -> Result<Line, SnapshotError> {
    let unreadable = |error: serde_json::Error| wrong(&error.to_string());
    if is_first {
        return serde_json::from_slice(line)
            .map(Line::Header)
            .map_err(unreadable);
    }
    if line.first() == Some(&b'[') {
        return serde_json::from_slice(line)
            .map(Line::Row)
            .map_err(unreadable);
    }
    match serde_json::from_slice(line).map_err(unreadable)? {
        Mark::Table { name, columns } => Ok(Line::Table(name, columns)),
        Mark::End { rows } => Ok(Line::End(rows)),
    }
}

fn wrong(what: &str) -> SnapshotError {
    SnapshotError::Unreadable(what.to_owned())
}

impl<'de> Deserialize<'de> for Cell {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfCell;

        impl Visitor<'_> for OfCell {
            type Value = Cell;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, a whole number or null")
            }

            fn visit_unit<E: de::Error>(self) -> Result<Cell, E> {
                Ok(Cell::Null)
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Cell, E> {
                Ok(Cell::Int(value))
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Cell, E> {
                i64::try_from(value).map(Cell::Int).map_err(E::custom)
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Cell, E> {
                Ok(Cell::Text(text.to_owned()))
            }
        }

        deserializer.deserialize_any(OfCell)
    }
}

/// One value of a row that is being written.
#[derive(Clone, Copy, Debug)]
pub(super) enum Written<'a> {
    Null,
    Int(i64),
    Text(&'a str),
}

/// Writes a snapshot, in pieces.
pub(super) struct SnapshotWriter<'o> {
    buffer: Vec<u8>,
    out: &'o mut dyn FnMut(Vec<u8>) -> Result<(), SnapshotError>,
    rows: u64,
}

/// Bytes of a piece, more or less.
const PIECE: usize = 256 * 1024;

impl<'o> SnapshotWriter<'o> {
    pub(super) fn new(out: &'o mut dyn FnMut(Vec<u8>) -> Result<(), SnapshotError>) -> Self {
        Self {
            buffer: Vec::with_capacity(PIECE * 2),
            out,
            rows: 0,
        }
    }

    pub(super) fn header(&mut self, header: &SnapshotHeader) -> Result<(), SnapshotError> {
        self.line(header)
    }

    pub(super) fn table(&mut self, name: &str, columns: &[String]) -> Result<(), SnapshotError> {
        self.line(&Mark::Table {
            name: name.to_owned(),
            columns: columns.to_vec(),
        })
    }

    pub(super) fn row<'v>(
        &mut self,
        values: impl Iterator<Item = Written<'v>>,
    ) -> Result<(), SnapshotError> {
        self.buffer.push(b'[');
        for (index, value) in values.enumerate() {
            if index > 0 {
                self.buffer.push(b',');
            }
            match value {
                Written::Null => self.buffer.extend_from_slice(b"null"),
                Written::Int(value) => self.json(&value)?,
                Written::Text(text) => self.json(text)?,
            }
        }
        self.buffer.extend_from_slice(b"]\n");
        self.rows += 1;
        self.pass_on(PIECE)
    }

    pub(super) fn end(mut self) -> Result<(), SnapshotError> {
        self.line(&Mark::End { rows: self.rows })?;
        self.pass_on(0)
    }

    fn line(&mut self, line: &impl Serialize) -> Result<(), SnapshotError> {
        self.json(line)?;
        self.buffer.push(b'\n');
        self.pass_on(PIECE)
    }

    fn json<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), SnapshotError> {
        serde_json::to_writer(&mut self.buffer, value)
            .map_err(|error| SnapshotError::Io(error.into()))
    }

    fn pass_on(&mut self, from: usize) -> Result<(), SnapshotError> {
        if self.buffer.len() < from.max(1) {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.buffer, Vec::with_capacity(PIECE * 2));
        (self.out)(piece)
    }
}
