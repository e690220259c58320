//! `roadstead admin`: plain data, so that a command can travel to a running registry.

mod accounts;
mod audit;
mod certificates;
mod groups;
mod identity;
mod jobs;
mod network;
mod operators;
mod robots;

use std::io::BufRead;

use anyhow::{Context as _, ensure};
use clap::{Args, Subcommand, ValueEnum};
use serde::{Deserialize, Serialize};

pub(crate) use accounts::{AccountCommand, PlanCommand};
pub(crate) use audit::{AuditCommand, AuditFormat, AuditStep};
pub(crate) use certificates::CertificateCommand;
pub(crate) use groups::{GroupCommand, MemberCommand, MemberRole};
pub(crate) use identity::{
    IdentitySourceCommand, NewOidcSource, NewTrustRuleArgs, TrustRuleCommand,
};
pub(crate) use jobs::{JobStateWord, JobsCommand};
pub(crate) use network::{AddressCommand, NetworkCommand};
pub(crate) use operators::{OperatorCommand, OperatorRoleWord};
pub(crate) use robots::{NewRobotArgs, RobotCommand};

use super::ConfigArgs;
use super::backup::BackupStep;
use super::upkeep::UpkeepStep;
use crate::config::Secret;

/// A longer line on standard input is no password.
const MAX_PASSWORD_BYTES: u64 = 1024;

#[derive(Args, Debug)]
#[command(
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = "\
Works on the data directory, also while the registry runs on it. Whoever may write to that
directory may use it; what it does appears in the log of the account.

Examples:
  roadstead admin user create alice
  roadstead admin namespace create team
  roadstead admin member add team alice --role developer
  roadstead admin token create alice ci --may pull --expires-in-days 30
  roadstead admin --json user list"
)]
pub(crate) struct AdminArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// Print JSON instead of text
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// The account that the command is about
    #[arg(long, global = true, value_name = "NAME", default_value = "default")]
    pub(crate) account: String,
    #[command(subcommand)]
    pub(crate) command: AdminCommand,
}

/// What can be asked for.
#[derive(Subcommand, Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AdminCommand {
    /// The deployment's accounts: who owns namespaces
    #[command(subcommand)]
    Account(AccountCommand),
    /// Plans: named limits that accounts agree to
    #[command(subcommand)]
    Plan(PlanCommand),
    /// Operators: people who run the deployment
    #[command(subcommand)]
    Operator(OperatorCommand),
    /// People who may log in
    #[command(subcommand)]
    User(UserCommand),
    /// Namespaces: the first part of a repository's name
    #[command(subcommand)]
    Namespace(NamespaceCommand),
    /// Who may do what in a namespace
    #[command(subcommand)]
    Member(MemberCommand),
    /// Groups of users: a role given to a group is each one's
    #[command(subcommand)]
    Group(GroupCommand),
    /// Personal access tokens: passwords for one purpose, for scripts and CI
    #[command(subcommand)]
    Token(TokenCommand),
    /// Robot accounts: logins for machines, with rights of their own
    #[command(subcommand)]
    Robot(RobotCommand),
    /// Sources by which people log in elsewhere: the account's, or the deployment's
    #[command(subcommand)]
    IdentitySource(IdentitySourceCommand),
    /// Trust rules: workloads that need no secret here
    #[command(subcommand)]
    TrustRule(TrustRuleCommand),
    /// Under which host names the account is reached
    #[command(subcommand)]
    Address(AddressCommand),
    /// From where the account may be reached
    #[command(subcommand)]
    Network(NetworkCommand),
    /// Work in the background: what waits, what runs, what became of it
    #[command(subcommand)]
    Jobs(JobsCommand),
    /// The audit log: proof that nothing is missing, export, purge
    #[command(subcommand)]
    Audit(AuditCommand),
    /// A command about another account than `default`: `--account`.
    #[command(skip)]
    InAccount(String, Box<AdminCommand>),
    /// A step of `roadstead gc`, `fsck` or `scrub`: not for typing.
    #[command(skip)]
    Upkeep(UpkeepStep),
    /// A step of `roadstead backup`: not for typing.
    #[command(skip)]
    Backup(BackupStep),
}

#[derive(Subcommand, Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum UserCommand {
    /// Create a user; prints a generated password unless one is given
    #[command(after_help = "\
Examples:
  roadstead admin user create alice
  roadstead admin user create bob --administrator
  roadstead admin user create carol --password-stdin < password.txt")]
    Create {
        /// Name to log in with
        name: String,
        /// Let the user manage the account: every namespace, every member
        #[arg(long)]
        administrator: bool,
        #[command(flatten)]
        password: NewPassword,
    },
    /// List all users
    List,
    /// Refuse a user's logins and tokens; nothing is deleted
    Disable {
        /// The user
        name: String,
    },
    /// Let a disabled user in again
    Enable {
        /// The user
        name: String,
    },
    /// Give a user a new password; prints a generated one unless one is given
    #[command(after_help = "\
Examples:
  roadstead admin user reset-password alice
  printf %s \"$PASSWORD\" | roadstead admin user reset-password alice --password-stdin")]
    ResetPassword {
        /// The user
        name: String,
        #[command(flatten)]
        password: NewPassword,
    },
}

/// Where a new password comes from.
#[derive(Args, Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(crate) struct NewPassword {
    /// Take the password from standard input, up to the end of the line, instead of generating one
    #[arg(long = "password-stdin")]
    #[serde(skip)]
    from_stdin: bool,
    /// Filled by [`AdminCommand::read_password`]; `None` means: generate one.
    #[arg(skip)]
    pub(crate) given: Option<Secret>,
}

#[derive(Subcommand, Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum NamespaceCommand {
    /// Create a namespace
    Create {
        /// Its name: lower-case letters, digits, and . _ - between them
        name: String,
        /// Let everyone pull from it, also without logging in
        #[arg(long)]
        public: bool,
    },
    /// List all namespaces
    List,
    /// Let everyone pull from a namespace
    SetPublic {
        /// The namespace
        name: String,
    },
    /// Let only members pull from a namespace
    SetPrivate {
        /// The namespace
        name: String,
    },
    /// Delete a namespace that nothing was ever pushed to
    Delete {
        /// The namespace
        name: String,
    },
}

#[derive(Subcommand, Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TokenCommand {
    /// Create a token; it is printed once and never again
    #[command(after_help = "\
Examples:
  roadstead admin token create alice laptop
  roadstead admin token create alice ci --may pull --may push --expires-in-days 30")]
    Create {
        /// The user it stands for
        user: String,
        /// What it is for; unique among the user's tokens
        name: String,
        /// Only this, of all that the user may do; may be given several times [default: everything]
        #[arg(long, value_enum, value_name = "ACTION")]
        may: Vec<TokenAction>,
        /// Days until it expires, 1 to 3650
        #[arg(long, value_name = "DAYS", default_value_t = 90,
            value_parser = clap::value_parser!(u32).range(1..=3650))]
        expires_in_days: u32,
    },
    /// List a user's tokens, without their secrets
    List {
        /// The user
        user: String,
    },
    /// Make a token useless, at once for new logins
    Revoke {
        /// The user
        user: String,
        /// The token's name
        name: String,
    },
}

/// What a token can be restricted to.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum TokenAction {
    Pull,
    Push,
    Delete,
}

impl AdminCommand {
    /// Takes the password or secret from `input`, or from a file, if the command says so. To be called once, before the command
    /// is carried out.
    pub(crate) fn read_password(&mut self, input: impl BufRead) -> anyhow::Result<()> {
        if let Self::IdentitySource(IdentitySourceCommand::AddOidc(new)) = self {
            return new.secret.read(input);
        }
        if let Self::Address(AddressCommand::Certificate(CertificateCommand::Set(files))) = self {
            return files.read();
        }
        let Self::User(
            UserCommand::Create { password, .. } | UserCommand::ResetPassword { password, .. },
        ) = self
        else {
            return Ok(());
        };
        if password.from_stdin {
            password.given = Some(read_line(input)?);
        }
        Ok(())
    }
}

fn read_line(input: impl BufRead) -> anyhow::Result<Secret> {
    let mut line = String::new();
    let mut limited = input.take(MAX_PASSWORD_BYTES + 2);
    limited
        .read_line(&mut line)
        .context("cannot read the password or secret")?;
    let line = line.strip_suffix('\n').unwrap_or(&line);
    let line = line.strip_suffix('\r').unwrap_or(line);
    ensure!(
        !line.is_empty(),
        "there is no password or secret; write it on the first line"
    );
    ensure!(
        line.len() as u64 <= MAX_PASSWORD_BYTES,
        "the first line is longer than {MAX_PASSWORD_BYTES} bytes, too long for a password or secret"
    );
    Ok(Secret::new(line))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::{Cli, Command};

    fn parse(arguments: &[&str]) -> AdminArgs {
        let arguments = ["roadstead", "admin"].iter().chain(arguments);
        match Cli::try_parse_from(arguments).expect("a command").command {
            Command::Admin(admin) => admin,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_password_comes_from_standard_input_and_stays_out_of_debug() {
        let mut command = parse(&["user", "create", "alice", "--password-stdin"]).command;
        command
            .read_password(&b"correct horse\nrest"[..])
            .expect("a password");
        let AdminCommand::User(UserCommand::Create { password, .. }) = &command else {
            panic!()
        };
        assert_eq!(
            password.given.as_ref().map(Secret::expose),
            Some("correct horse")
        );
        assert!(!format!("{command:?}").contains("correct"));
    }

    #[test]
    fn without_the_flag_standard_input_is_not_read() {
        let mut command = parse(&["user", "reset-password", "alice"]).command;
        command
            .read_password(&b"correct horse\n"[..])
            .expect("nothing to do");
        let AdminCommand::User(UserCommand::ResetPassword { password, .. }) = &command else {
            panic!()
        };
        assert_eq!(password.given, None);
    }

    #[test]
    fn an_empty_or_endless_password_is_refused() {
        assert!(read_line(&b""[..]).is_err());
        assert!(read_line(&b"\r\n"[..]).is_err());
        assert!(read_line(std::io::BufReader::new(std::io::repeat(b'a'))).is_err());
        assert_eq!(
            read_line(&[b'a'; 1024][..])
                .expect("just short enough")
                .expose()
                .len(),
            1024
        );
    }

    #[test]
    fn a_command_survives_the_way_to_a_running_registry() {
        for arguments in [
            &["user", "list"][..],
            &["user", "create", "alice", "--administrator"],
            &["namespace", "set-public", "team"],
            &["jobs", "list", "--state", "failed"],
            &["jobs", "run", "collect_garbage"],
            &[
                "robot",
                "create",
                "ci",
                "--namespace",
                "team",
                "--may",
                "push",
                "--never-expires",
            ],
            &["member", "add", "team", "alice", "--role", "limited-guest"],
            &["member", "remove", "team", "builders", "--group"],
            &["group", "add-member", "builders", "alice"],
            &[
                "token",
                "create",
                "alice",
                "ci",
                "--may",
                "pull",
                "--expires-in-days",
                "7",
            ],
        ] {
            let command = parse(arguments).command;
            let sent = serde_json::to_string(&command).expect("plain data");
            assert_eq!(
                serde_json::from_str::<AdminCommand>(&sent).expect("the same"),
                command
            );
        }
    }

    #[test]
    fn flags_for_all_admin_commands_may_stand_at_the_end() {
        let admin = parse(&["user", "list", "--json", "--data-dir", "/srv/registry"]);
        assert!(admin.json);
        assert_eq!(
            admin.config.to_flags().data_dir,
            Some("/srv/registry".into())
        );
    }
}
