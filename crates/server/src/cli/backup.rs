//! `roadstead backup` and `roadstead restore`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};

use super::ConfigArgs;
use crate::config::{parse_bucket, parse_prefix};

#[derive(Args, Debug)]
#[command(
    subcommand_negates_reqs = true,
    after_help = "\
Writes a snapshot of everything that the registry knows, and copies the blobs that it names and that PLACE does not have
yet. Works beside a running registry, which goes on taking pushes; nothing is deleted from its store meanwhile. If it is cut
off, the same command goes on where it was. Exits with 1 if a blob could not be read: the backup has all the others.

PLACE is a directory, or s3://BUCKET/PREFIX. It holds password hashes, and needs the deployment's key to be of use: keep
deployment.key and the settings elsewhere.

Examples:
  roadstead backup --to /mnt/backup/roadstead
  roadstead backup --to s3://backups/roadstead --bucket-settings /etc/roadstead-backup.toml
  roadstead backup list --from /mnt/backup/roadstead
  roadstead backup verify --from /mnt/backup/roadstead
  roadstead backup prune --from /mnt/backup/roadstead --keep 14"
)]
pub(crate) struct BackupArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// Where the backup is to be: a directory, or s3://BUCKET/PREFIX
    #[arg(long, value_name = "PLACE", required = true)]
    pub(crate) to: Option<Place>,
    #[command(flatten)]
    pub(crate) reach: Reach,
    #[command(subcommand)]
    pub(crate) command: Option<BackupCommand>,
}

/// How a place is reached, and how it is told.
#[derive(Args, Clone, Debug)]
pub(crate) struct Reach {
    /// Settings file whose [s3] says how to reach the bucket; without it, the registry's own [s3] does
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) bucket_settings: Option<PathBuf>,
    /// Print JSON instead of text
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

#[derive(Subcommand, Debug)]
pub(crate) enum BackupCommand {
    /// List the backups that are kept in a place
    List {
        /// Where they are
        #[arg(long, value_name = "PLACE")]
        from: Place,
    },
    /// Read a backup again and compare everything in it with its digests
    #[command(after_help = "Exits with 1 if anything is damaged.")]
    Verify {
        /// Where it is
        #[arg(long, value_name = "PLACE")]
        from: Place,
        /// Which one; the newest unless it is named
        #[arg(long, value_name = "ID")]
        backup: Option<String>,
        /// Take damaged objects away, so that the next backup brings them anew
        #[arg(long)]
        remove_damaged: bool,
    },
    /// Take old backups away, and the objects that no other one needs
    #[command(after_help = "\
The newest backup that is whole always stays. What a backup that was cut off had copied goes, too.")]
    Prune {
        /// Where they are
        #[arg(long, value_name = "PLACE")]
        from: Place,
        /// How many of the newest to keep, 1 to 100000
        #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=100_000))]
        keep: u32,
    },
}

#[derive(Args, Debug)]
#[command(after_help = "\
Into an empty deployment only, on whichever database and store the settings name: also to move from SQLite and files to
PostgreSQL and S3. The deployment.key of the deployment that was backed up has to be in its place. Every blob is compared
with its digest; the database is filled in one step, at the end. If it is cut off, the same command goes on where it was.

Examples:
  roadstead restore --from /mnt/backup/roadstead --data-dir /var/lib/roadstead
  roadstead restore --from s3://backups/roadstead --config /etc/roadstead.toml")]
pub(crate) struct RestoreArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// Where the backup is: a directory, or s3://BUCKET/PREFIX
    #[arg(long, value_name = "PLACE")]
    pub(crate) from: Place,
    /// Which one; the newest unless it is named
    #[arg(long, value_name = "ID")]
    pub(crate) backup: Option<String>,
    /// Restore although objects of the backup are damaged or missing; their blobs have to be pushed again
    #[arg(long)]
    pub(crate) despite_damage: bool,
    #[command(flatten)]
    pub(crate) reach: Reach,
}

/// Where backups are kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    Directory(PathBuf),
    Bucket { bucket: String, prefix: String },
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(rest) = text.strip_prefix("s3://") {
            let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
            let prefix = prefix.trim_matches('/');
            return Ok(Self::Bucket {
                bucket: parse_bucket(bucket)?,
                prefix: if prefix.is_empty() {
                    String::new()
                } else {
                    parse_prefix(prefix)?
                },
            });
        }
        if text.is_empty() || text.contains("://") {
            return Err("name a directory, or a bucket as in s3://bucket/prefix".to_owned());
        }
        Ok(Self::Directory(PathBuf::from(text)))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(path) => path.display().fmt(f),
            Self::Bucket { bucket, prefix } => write!(f, "s3://{bucket}/{prefix}"),
        }
    }
}

/// What a running registry does for a backup, as plain data.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum BackupStep {
    Begin { place: String, prunes: bool },
    Renew { id: String },
    End { id: String, outcome: Outcome },
}

/// What became of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    Whole,
    Incomplete,
    Failed,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_directory_or_a_bucket() {
        let bucket = |bucket: &str, prefix: &str| Place::Bucket {
            bucket: bucket.to_owned(),
            prefix: prefix.to_owned(),
        };
        for (text, place, shown) in [
            (
                "/mnt/backup",
                Place::Directory("/mnt/backup".into()),
                "/mnt/backup",
            ),
            ("s3", Place::Directory("s3".into()), "s3"),
            ("s3://backups", bucket("backups", ""), "s3://backups/"),
            ("s3://backups/", bucket("backups", ""), "s3://backups/"),
            (
                "s3://backups/a/b/",
                bucket("backups", "a/b"),
                "s3://backups/a/b",
            ),
        ] {
            let parsed: Place = text.parse().expect(text);
            assert_eq!(parsed, place);
            assert_eq!(parsed.to_string(), shown);
        }
        for text in [
            "",
            "s3://",
            "s3://B/x",
            "s3://backups/a//b",
            "https://backups/x",
        ] {
            assert!(text.parse::<Place>().is_err(), "{text}");
        }
    }
}
