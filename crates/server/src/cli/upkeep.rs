//! `roadstead gc`, `fsck` and `scrub`. Each is done a step at a time, so that a running registry is never held up and the
//! program says how far it is.

use clap::Args;
use serde::{Deserialize, Serialize};
use services::{FsckPosition, PreviewPosition};

use super::ConfigArgs;

#[derive(Args, Debug)]
#[command(after_help = "\
Collects what is due: blobs that nothing has needed for the grace period. A running registry does so by itself all the
time; this only does it now.

Examples:
  roadstead gc --dry-run
  roadstead gc --history")]
pub(crate) struct GcArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// Say what would go, and let it stay
    #[arg(long, conflicts_with = "history")]
    pub(crate) dry_run: bool,
    /// Show the last runs that found something to do
    #[arg(long)]
    pub(crate) history: bool,
    /// Print JSON instead of text
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Compares the database with the store both ways: every blob has its object, every object has a row. Contents are not
read; that is what scrub does. Works beside a running registry. Exits with 1 if anything is wrong.

Examples:
  roadstead fsck
  roadstead fsck --repair --json")]
pub(crate) struct FsckArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// Have objects deleted that no row names and that are older than a day, and have the collector look at what was
    /// forgotten; nothing else is changed
    #[arg(long)]
    pub(crate) repair: bool,
    /// Print JSON instead of text
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Reads every stored blob again and compares it with its digest, once through everything, going on where an earlier run
stopped. What is damaged is not served any more until it is pushed again. Exits with 1 if anything is damaged.

Examples:
  roadstead scrub
  roadstead scrub --mib-per-sec 20")]
pub(crate) struct ScrubArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// How fast to read, in MiB per second, 1 to 100000
    #[arg(long, value_name = "MIB", default_value_t = 50,
        value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) mib_per_sec: u32,
    /// Print JSON instead of text
    #[arg(long)]
    pub(crate) json: bool,
}

/// One step, as plain data, so that it can travel to a running registry.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum UpkeepStep {
    /// The run that goes on, unless this is its first step.
    Collect(Option<String>),
    Preview(Option<PreviewPosition>),
    History,
    Fsck {
        at: FsckPosition,
        repairs: bool,
    },
    Scrub {
        bytes_per_sec: u64,
    },
}
