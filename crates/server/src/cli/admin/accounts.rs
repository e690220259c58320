//! `roadstead admin account` and `roadstead admin plan`.

use clap::Subcommand;
use serde::{Deserialize, Serialize};

/// What can be done to accounts.
#[derive(Subcommand, Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AccountCommand {
    /// Make an account, with nothing in it
    #[command(after_help = "\
Examples:
  roadstead admin account create acme --plan S
  roadstead admin --account acme user create alice --administrator")]
    Create {
        /// 1 to 63 lower-case letters, digits and hyphens
        name: String,
        /// Its plan; none: no limits
        #[arg(long)]
        plan: Option<String>,
    },
    /// List the accounts
    List,
    /// Show an account's plan, and what it uses of it
    Show {
        /// Which
        name: String,
    },
    /// Give an account another plan; a smaller one only if what it uses fits
    SetPlan {
        /// Which
        name: String,
        /// The plan
        plan: String,
    },
    /// Let an account pull only, until it is resumed
    Suspend {
        /// Which
        name: String,
    },
    /// Let a suspended account do everything again
    Resume {
        /// Which
        name: String,
    },
}

/// What can be done to plans.
#[derive(Subcommand, Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PlanCommand {
    /// Make a plan; what has no limit may be as much as there is
    #[command(after_help = "\
Examples:
  roadstead admin plan create XS --storage-gib 50 --namespaces 10
  roadstead admin plan create XL --storage-gib 20480 --scanning --description 'for a region'")]
    Create {
        /// 1 to 63 letters, digits, hyphens and underscores
        name: String,
        /// What it is, for people
        #[arg(long, default_value = "")]
        description: String,
        /// Storage, in GiB of distinct content
        #[arg(long, value_name = "GIB")]
        storage_gib: Option<u64>,
        /// Namespaces
        #[arg(long, value_name = "N")]
        namespaces: Option<u64>,
        /// Scanning may be switched on
        #[arg(long)]
        scanning: bool,
    },
    /// List the plans
    List,
    /// Delete a plan that no account has
    Delete {
        /// Which
        name: String,
    },
}
