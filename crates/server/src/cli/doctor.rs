//! `roadstead doctor`.

use clap::Args;

use super::ServeArgs;

#[derive(Args, Debug)]
#[command(after_help = "\
Looks at settings, data directory, database, deployment key, blob store, clocks, certificates, addresses and limits; one
line for each, and below what is wrong a line that says what to do. Takes the flags of serve, works beside a running
registry, changes nothing, and prints no secret. Exits with 1 if a check failed.

Examples:
  roadstead doctor --config /etc/roadstead.toml
  roadstead doctor --json")]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    pub(crate) serve: ServeArgs,
    /// Print JSON instead of text
    #[arg(long)]
    pub(crate) json: bool,
}
