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
    /// Close an account: nothing may be changed in it, and after a while what it has is destroyed
    #[command(after_help = "\
Examples:
  roadstead admin account close acme --reason 'the contract has ended'
  roadstead admin account close acme --grace-days 90 --allow-pull")]
    Close {
        /// Which
        name: String,
        /// For how many days it can be restored; without this, as many as the setting accounts.closing_grace_days says
        #[arg(long, value_name = "DAYS")]
        grace_days: Option<u32>,
        /// It may be pulled from until then
        #[arg(long)]
        allow_pull: bool,
        /// Why, in words for its administrators
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// Let an account that is being closed go on, with all that it has
    Restore {
        /// Which
        name: String,
    },
    /// Show what was destroyed of a closed account
    Receipt {
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
  roadstead admin plan create XL --storage-gib 20480 --requests-at-once 200 --description 'for a region'
  roadstead admin plan create trial --storage-gib 5 --pull-gib-per-month 20 --not-offered")]
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
        /// Requests answered at once, by each replica
        #[arg(long, value_name = "N")]
        requests_at_once: Option<u64>,
        /// What may be pulled in a calendar month (UTC), in GiB
        #[arg(long, value_name = "GIB")]
        pull_gib_per_month: Option<u64>,
        /// Accounts cannot choose it themselves
        #[arg(long)]
        not_offered: bool,
    },
    /// List the plans
    List,
    /// Delete a plan that no account has
    Delete {
        /// Which
        name: String,
    },
}
