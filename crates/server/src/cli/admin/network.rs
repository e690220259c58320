//! `roadstead admin network` and `roadstead admin address`.

use super::certificates::CertificateCommand;
use clap::Subcommand;
use serde::{Deserialize, Serialize};

/// What can be done to an account's network rules from the machine itself: its administrators set them, and can lock
/// themselves out.
#[derive(Subcommand, Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum NetworkCommand {
    /// Show from where the account may be reached
    Show,
    /// Let everyone in from everywhere again, in case nobody who may change the rules gets in any more
    #[command(after_help = "\
Takes away every address range of the account and of its namespaces, and private-only access.

Example:
  roadstead admin --account acme network clear")]
    Clear,
}

/// What can be done to an account's host names.
#[derive(Subcommand, Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AddressCommand {
    /// Make a host name the account's own: exactly the account's namespaces exist there
    #[command(after_help = "\
Make sure that the name belongs to whom the account belongs to: nothing proves it here. It has to lead to
this registry in the DNS, and a certificate has to be for it: a listener's, or the name's own.

Example:
  roadstead admin --account acme address add registry.acme.example")]
    Add {
        /// The name, without scheme and port
        host: String,
    },
    /// List the account's host names
    List,
    /// Take a host name from the account, and its certificate with it
    Remove {
        /// The name
        host: String,
    },
    /// The certificate that clients are shown who ask for a name
    #[command(subcommand)]
    Certificate(CertificateCommand),
}
