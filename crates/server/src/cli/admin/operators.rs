//! `roadstead admin operator`.

use clap::{Subcommand, ValueEnum};
use serde::{Deserialize, Serialize};

#[derive(Subcommand, Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OperatorCommand {
    /// Give a user a role of operators; it keeps those that it has
    #[command(after_help = "\
Examples:
  roadstead admin operator add alice --role administrator
  roadstead admin operator add bob --role support")]
    Add {
        /// The user
        user: String,
        /// What it is for
        #[arg(long, value_enum)]
        role: OperatorRoleWord,
    },
    /// List the operators with their roles
    List,
    /// Take a role from an operator; the last administrator keeps it
    Remove {
        /// The user
        user: String,
        /// Which role
        #[arg(long, value_enum)]
        role: OperatorRoleWord,
    },
}

/// The roles of operators.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum OperatorRoleWord {
    /// Everything that operators may do, other operators included
    Administrator,
    /// See accounts, and ask to see what is in them
    Support,
    /// Plans, and what was used
    Billing,
    /// See the deployment's log, its operators and accounts
    Auditor,
}
