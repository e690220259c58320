//! What a database has read, by table.

use std::collections::BTreeMap;

use anyhow::Context as _;

/// Rows and entries of indexes that were read, by table; for SQLite one number, without a name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts(BTreeMap<String, u64>);

impl Counts {
    pub(super) fn of_all(count: u64) -> Self {
        Self(BTreeMap::from([(String::new(), count)]))
    }

    /// From lines of a name, a bar and a number.
    pub(super) fn parse(lines: &str) -> anyhow::Result<Self> {
        let pair = |line: &str| {
            let (table, count) = line.split_once('|')?;
            Some((table.to_owned(), count.parse().ok()?))
        };
        lines
            .lines()
            .filter(|line| !line.is_empty())
            .map(|line| pair(line).with_context(|| format!("no count of a table: {line:?}")))
            .collect::<anyhow::Result<_>>()
            .map(Self)
    }

    /// What was read since an earlier count.
    pub(super) fn since(&self, earlier: &Self) -> Self {
        let grown = self.0.iter().map(|(table, count)| {
            let before = earlier.0.get(table).copied().unwrap_or(0);
            (table.clone(), count.saturating_sub(before))
        });
        Self(grown.collect())
    }

    pub(super) fn total(&self) -> u64 {
        self.0.values().sum()
    }

    /// The tables in which most was read, and how much.
    pub(super) fn most(&self) -> String {
        let mut tables: Vec<_> = self.0.iter().collect();
        tables.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        let most = tables.iter().take(5);
        most.map(|(table, count)| format!("{table} {count}"))
            .collect::<Vec<_>>()
            .join(", ")
    }

    /// The tables in which most was read beyond what `other` read in them, and both numbers.
    pub(super) fn most_beyond(&self, other: &Self) -> Vec<(&str, u64, u64)> {
        let theirs = |table: &String| other.0.get(table).copied().unwrap_or(0);
        let mut tables: Vec<_> = self
            .0
            .iter()
            .map(|(table, count)| (table.as_str(), theirs(table), *count))
            .filter(|(_, theirs, ours)| ours > theirs)
            .collect();
        tables.sort_by_key(|(_, theirs, ours)| theirs.abs_diff(*ours));
        tables.reverse();
        tables.truncate(3);
        tables
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_told_apart_by_table() -> anyhow::Result<()> {
        let before = Counts::parse("tags|5\nblobs|7\n")?;
        let after = Counts::parse("tags|9\nblobs|7\nevents|1\n")?;
        let since = after.since(&before);
        assert_eq!(since.total(), 5);
        assert_eq!(
            since.most_beyond(&Counts::default()),
            [("tags", 0, 4), ("events", 0, 1)]
        );
        assert!(Counts::parse("tags").is_err());
        Ok(())
    }
}
