//! `roadstead admin jobs`.

use clap::{Subcommand, ValueEnum};
use serde::{Deserialize, Serialize};

#[derive(Subcommand, Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum JobsCommand {
    /// List jobs of all accounts and of the registry itself, newest first, 100 at a time
    #[command(after_help = "\
Examples:
  roadstead admin jobs list
  roadstead admin jobs list --state failed")]
    List {
        /// Only those in this state
        #[arg(long, value_enum)]
        state: Option<JobStateWord>,
        /// Those asked for before this job: the next page
        #[arg(long, value_name = "JOB")]
        before: Option<String>,
    },
    /// Show a job and what its runs had to say
    Show {
        /// The job, as list shows it
        job: String,
    },
    /// Call a job off; a running one stops within seconds
    Cancel {
        /// The job, as list shows it
        job: String,
    },
    /// Run a piece of upkeep now instead of at its next time
    #[command(after_help = "\
Examples:
  roadstead admin jobs run collect_garbage
  roadstead admin jobs run forget_jobs")]
    Run {
        /// What to do, as list shows it under KIND
        kind: String,
    },
}

/// How far a job is.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum JobStateWord {
    /// Waits for its time or its turn
    Queued,
    /// Somebody is at it
    Running,
    /// Went well
    Done,
    /// Was tried as often as it may be
    Failed,
    /// Was called off
    Cancelled,
}
