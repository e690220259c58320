//! The command line: what can be typed, and the help that teaches it.

mod admin;
mod backup;
mod doctor;
mod upkeep;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

pub(crate) use admin::{
    AccountCommand, AddressCommand, AdminArgs, AdminCommand, AuditCommand, AuditFormat, AuditStep,
    CertificateCommand, GroupCommand, IdentitySourceCommand, JobStateWord, JobsCommand,
    MemberCommand, MemberRole, NamespaceCommand, NetworkCommand, NewOidcSource, NewRobotArgs,
    NewTrustRuleArgs, OperatorCommand, OperatorRoleWord, PlanCommand, RobotCommand, TokenAction,
    TokenCommand, TrustRuleCommand, UserCommand,
};

pub(crate) use backup::{
    BackupArgs, BackupCommand, BackupStep, Outcome, Place, Reach, RestoreArgs,
};
pub(crate) use doctor::DoctorArgs;
pub(crate) use upkeep::{FsckArgs, GcArgs, ScrubArgs, UpkeepStep};

use crate::config::Flags;

/// Version, and the commit if the program was built from a checkout.
pub(crate) const VERSION: &str = match option_env!("BUILD_VERSION") {
    Some(version) => version,
    None => env!("CARGO_PKG_VERSION"),
};

/// A private container registry: one program, nothing else to install.
#[derive(Parser, Debug)]
#[command(
    name = "roadstead",
    version = VERSION,
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = "\
Examples:
  roadstead serve
      Start a registry on 127.0.0.1:5000 with its data in ./roadstead-data. The first start
      prints the password of user admin and the commands for a first push.
  roadstead serve --config /etc/roadstead.toml
      Start with settings of your own.
  roadstead check-config --config /etc/roadstead.toml
      See which settings are in effect and where each comes from.
  roadstead admin user reset-password admin
      Give a user a new password, also while the registry is running."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Run the registry
    #[command(after_help = "\
Examples:
  roadstead serve
  roadstead serve --data-dir /var/lib/roadstead --listen 127.0.0.1:5000 --listen '[::1]:5000'
  ROADSTEAD_LOG__FORMAT=json roadstead serve --config /etc/roadstead.toml

SIGTERM ends it gracefully: running requests are finished, new ones refused.
ROADSTEAD_ADMIN_PASSWORD, at the first start only, is the password of user admin.")]
    Serve(ServeArgs),
    /// Check the settings and print those in effect, each with its origin
    #[command(after_help = "\
Takes the flags of serve. Prints TOML; a comment names the file and line, the variable or the
flag of everything that is not a default. If anything is wrong, prints all of it and exits with 1.

Examples:
  roadstead check-config --config /etc/roadstead.toml
  roadstead check-config --defaults > roadstead.toml")]
    CheckConfig(CheckConfigArgs),
    /// Look at everything that the registry stands on, and say what to mend
    Doctor(DoctorArgs),
    /// Make or upgrade the database's schema
    #[command(after_help = "\
serve does the same at its start; of several that start together, one does it and the others wait.
A schema that a newer release made is refused and left alone.

Examples:
  roadstead migrate --config /etc/roadstead.toml
  ROADSTEAD_DATABASE__URL=postgres://owner@db.example.com/roadstead roadstead migrate")]
    Migrate(ConfigArgs),
    /// Manage users, namespaces, members and tokens on this machine
    Admin(AdminArgs),
    /// Copy everything to a directory or another bucket, while the registry runs
    Backup(BackupArgs),
    /// Make a deployment from a backup
    Restore(RestoreArgs),
    /// Take away blobs that nothing needs any more, or say which would go
    Gc(GcArgs),
    /// Compare the database with the store, both ways
    Fsck(FsckArgs),
    /// Read stored blobs again and compare them with their digests
    Scrub(ScrubArgs),
    /// Print a completion script for a shell
    #[command(after_help = "\
Examples:
  roadstead completions bash > /etc/bash_completion.d/roadstead
  roadstead completions zsh > \"${fpath[1]}/_roadstead\"
  roadstead completions fish > ~/.config/fish/completions/roadstead.fish")]
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print the manual page, or write one per command into a directory
    #[command(after_help = "\
Examples:
  roadstead man | man -l -
  roadstead man --dir /usr/local/share/man/man1")]
    Man {
        /// Write roadstead.1, roadstead-serve.1 and so on there
        #[arg(long, value_name = "DIRECTORY")]
        dir: Option<PathBuf>,
    },
    /// Print the version
    Version,
}

/// Which settings to use.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct ConfigArgs {
    /// File with the settings that differ from the defaults [or: ROADSTEAD_CONFIG]
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) config: Option<PathBuf>,
    /// Directory for everything that must survive [default: roadstead-data]
    #[arg(long, value_name = "DIRECTORY", global = true)]
    pub(crate) data_dir: Option<PathBuf>,
}

impl ConfigArgs {
    /// As the settings understand it.
    pub(crate) fn to_flags(&self) -> Flags {
        Flags {
            config_file: self.config.clone(),
            data_dir: self.data_dir.clone(),
            listen: vec![],
        }
    }
}

#[derive(Args, Clone, Debug, Default)]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// Address to listen on, instead of the configured ones [default: 127.0.0.1:5000]
    ///
    /// May be given several times. The first takes its other settings, such as TLS, from the first configured
    /// listener, the second from the second, and so on; configured listeners beyond the last are left out.
    #[arg(long, value_name = "IP:PORT")]
    pub(crate) listen: Vec<SocketAddr>,
}

impl ServeArgs {
    /// As the settings understand it.
    pub(crate) fn to_flags(&self) -> Flags {
        Flags {
            listen: self.listen.clone(),
            ..self.config.to_flags()
        }
    }
}

#[derive(Args, Debug)]
pub(crate) struct CheckConfigArgs {
    #[command(flatten)]
    pub(crate) serve: ServeArgs,
    /// Print every setting with its default and what it does, and nothing else
    #[arg(long)]
    pub(crate) defaults: bool,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_has_help_and_no_flag_takes_a_secret() {
        fn check(command: &clap::Command, path: &str) {
            let path = format!("{path} {}", command.get_name());
            assert!(command.get_about().is_some(), "{path} has no help");
            for argument in command.get_arguments() {
                let id = argument.get_id().as_str();
                assert!(argument.get_help().is_some(), "{path} {id} has no help");
                let takes_value = argument.get_action().takes_values();
                assert!(
                    !(takes_value && id.contains("password")),
                    "{path} {id} takes a password"
                );
            }
            command
                .get_subcommands()
                .for_each(|inner| check(inner, &path));
        }
        check(&Cli::command(), "");
    }

    #[test]
    fn listen_may_be_repeated_and_wants_addresses() {
        let parse = |arguments: &[&str]| Cli::try_parse_from(arguments).map(|cli| cli.command);
        let parsed = parse(&[
            "roadstead",
            "serve",
            "--listen",
            "127.0.0.1:1",
            "--listen",
            "[::1]:2",
        ]);
        let Ok(Command::Serve(serve)) = parsed else {
            panic!("{parsed:?}")
        };
        assert_eq!(serve.to_flags().listen.len(), 2);
        assert!(parse(&["roadstead", "serve", "--listen", "5000"]).is_err());
    }
}
