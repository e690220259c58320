//! `roadstead admin audit`: proving, exporting and purging the audit log.

use clap::{Subcommand, ValueEnum};
use serde::{Deserialize, Serialize};
use services::ChainPosition;

#[derive(Subcommand, Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AuditCommand {
    /// Prove that no event is missing, changed or moved; exits with 1 if one is
    #[command(after_help = "\
Counts the chain of the account's events anew, from the last purge on, and names what does not come out.

Examples:
  roadstead admin audit verify
  roadstead admin audit verify --account acme
  roadstead admin audit verify --all")]
    Verify {
        /// The deployment's own log, not an account's
        #[arg(long)]
        deployment: bool,
        /// The logs of all accounts, and the deployment's
        #[arg(long, conflicts_with = "deployment")]
        all: bool,
    },
    /// Print events, a line of JSON each, in the order of their numbers
    #[command(after_help = "\
Examples:
  roadstead admin audit export > audit.jsonl
  roadstead admin audit export --from 1201 --format cadf --account acme")]
    Export {
        /// The deployment's own log, not an account's
        #[arg(long)]
        deployment: bool,
        /// The number of the first event to print
        #[arg(long, value_name = "NUMBER", default_value_t = 1)]
        from: i64,
        /// What a line looks like
        #[arg(long, value_enum, default_value_t = AuditFormat::JsonLines)]
        format: AuditFormat,
    },
    /// Delete events that are older than some days; the rest can still be proven
    #[command(after_help = "\
Export them first if they may be needed. That a purge was done is an event of the log itself.

Example:
  roadstead admin audit purge --older-than-days 365")]
    Purge {
        /// The deployment's own log, not an account's
        #[arg(long)]
        deployment: bool,
        /// Events of the last so many days stay, 1 to 36500
        #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=36_500))]
        older_than_days: u32,
    },
    /// A part of one of these: not for typing.
    #[command(skip)]
    Step(AuditStep),
}

/// The form of an exported event.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum AuditFormat {
    /// Everything that is stored of it
    JsonLines,
    /// The form of the Cloud Auditing Data Federation
    Cadf,
}

/// One step, as plain data, so that it can travel to a running registry.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AuditStep {
    Verify {
        deployment: bool,
        from: Option<ChainPosition>,
    },
    Export {
        deployment: bool,
        after: i64,
        format: AuditFormat,
    },
    Purge {
        deployment: bool,
        before_ms: i64,
    },
}
