//! `roadstead admin member` and `roadstead admin group`.

use clap::{Subcommand, ValueEnum};
use serde::{Deserialize, Serialize};

#[derive(Subcommand, Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum MemberCommand {
    /// Give a user or a group a role in a namespace, instead of the one held before
    #[command(after_help = "\
Examples:
  roadstead admin member add team alice --role developer
  roadstead admin member add team builders --group --role maintainer")]
    Add {
        /// The namespace
        namespace: String,
        /// The user, or with --group the group
        user: String,
        /// What the user may do there
        #[arg(long, value_enum)]
        role: MemberRole,
        /// It is a group, not a user
        #[arg(long)]
        #[serde(default)]
        group: bool,
    },
    /// Take a user's or a group's role in a namespace away
    Remove {
        /// The namespace
        namespace: String,
        /// The user, or with --group the group
        user: String,
        /// It is a group, not a user
        #[arg(long)]
        #[serde(default)]
        group: bool,
    },
    /// List the members of a namespace
    List {
        /// The namespace
        namespace: String,
    },
}

/// Harbor's five roles.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum MemberRole {
    /// Everything in the namespace, its members included
    ProjectAdmin,
    /// Pull, push and delete, tags and policies
    Maintainer,
    /// Pull and push
    Developer,
    /// Pull, and see what is there
    Guest,
    /// Pull what one knows the name of
    LimitedGuest,
}

#[derive(Subcommand, Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum GroupCommand {
    /// Create a group with nobody in it
    #[command(after_help = "\
Example:
  roadstead admin group create builders
  roadstead admin group add-member builders alice
  roadstead admin member add team builders --group --role developer")]
    Create {
        /// Its name, unique in the account
        name: String,
    },
    /// List all groups
    List,
    /// List the users in a group
    Members {
        /// The group
        name: String,
    },
    /// Put a user into a group: it gets the group's roles
    AddMember {
        /// The group
        name: String,
        /// The user
        user: String,
    },
    /// Take a user out of a group
    RemoveMember {
        /// The group
        name: String,
        /// The user
        user: String,
    },
    /// Delete a group and its roles; its users stay
    Delete {
        /// The group
        name: String,
    },
}
