//! `roadstead admin robot`.

use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};

/// What can be done to robot accounts.
#[derive(Subcommand, Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RobotCommand {
    /// Create a robot account; its secret is printed once and never again
    #[command(after_help = "\
Examples:
  roadstead admin robot create ci --namespace team --may pull --may push
  roadstead admin robot create mirror --may pull --expires-in-days 365
  roadstead admin robot create setup --may project:create --may robot:create --never-expires")]
    Create(NewRobotArgs),
    /// List the robot accounts of the account, or those of a namespace
    List {
        /// Those of this namespace
        #[arg(long)]
        namespace: Option<String>,
    },
    /// Delete a robot account; no new login, and registry tokens end within minutes
    Delete {
        /// Its whole name, as list shows it
        name: String,
    },
    /// Give a robot account a new secret; the one before is good for a while
    #[command(after_help = "\
The old secret is good for registry.robot_secret_overlap_secs, an hour by default, so that the new one
can be put wherever it is in use. Rotating twice ends a secret that leaked at once.

Example:
  roadstead admin robot rotate 'robot$team+ci'")]
    Rotate {
        /// Its whole name, as list shows it
        name: String,
    },
}

/// A robot account to be made.
#[derive(Args, Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct NewRobotArgs {
    /// Its name, without robot$ and namespace
    pub(crate) name: String,
    /// Make it of this namespace alone, with which it goes; otherwise it is of the account, for every namespace
    #[arg(long)]
    pub(crate) namespace: Option<String>,
    /// What it may do: pull, push, delete, or RESOURCE:ACTION of Harbor's permissions; several times [default: pull]
    #[arg(long, value_name = "ACTION")]
    pub(crate) may: Vec<String>,
    /// What it is for
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) description: String,
    /// Days until it expires [default: what the account's settings say, 30 at first]
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=36_500))]
    pub(crate) expires_in_days: Option<u32>,
    /// Never let it expire
    #[arg(long, conflicts_with = "expires_in_days")]
    pub(crate) never_expires: bool,
}
