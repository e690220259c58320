//! `roadstead admin identity-source` and `roadstead admin trust-rule`.

use crate::config::Secret;
use anyhow::{Context as _, ensure};
use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;

/// What can be done to the sources by which people log in elsewhere.
#[derive(Subcommand, Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum IdentitySourceCommand {
    /// List the account's sources, or the deployment's
    List {
        #[command(flatten)]
        owner: SourceOwner,
    },
    /// Let people log in by an OpenID Connect issuer
    #[command(after_help = "\
Register the registry at the issuer first, with the address https://HOST/c/oidc/callback to come back to.
The client's secret is read from a file or from standard input, its first line; without one the registry is a public client.

Examples:
  roadstead admin --account acme identity-source add-oidc sso --issuer https://login.acme.example \\
      --client-id registry --client-secret-file secret.txt --groups-claim groups --admin-group registry-admins
  roadstead admin identity-source add-oidc main --deployment --issuer https://login.example.com/realms/main \\
      --client-id registry --client-secret-stdin < secret.txt")]
    AddOidc(Box<NewOidcSource>),
    /// Forget a source that has brought nobody who is still there
    Remove {
        /// Which
        name: String,
        #[command(flatten)]
        owner: SourceOwner,
    },
}

/// Whose sources are meant.
#[derive(Args, Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(crate) struct SourceOwner {
    /// The deployment's, not the account's
    #[arg(long)]
    pub(crate) deployment: bool,
}

/// An issuer to be made known.
#[derive(Args, Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct NewOidcSource {
    /// Its name: lower-case letters, digits, and . _ - between them
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) owner: SourceOwner,
    /// The issuer's URL, exactly as its tokens have it; it can never change
    #[arg(long, value_name = "URL")]
    pub(crate) issuer: String,
    /// Who the registry is there
    #[arg(long, value_name = "ID")]
    pub(crate) client_id: String,
    #[command(flatten)]
    pub(crate) secret: ClientSecret,
    /// What is asked for beside the identity; may be given several times [default: profile, email]
    #[arg(long = "scope", value_name = "WORD")]
    pub(crate) scopes: Vec<String>,
    /// The claim that names a new user
    #[arg(long, value_name = "CLAIM", default_value = "preferred_username")]
    pub(crate) name_claim: String,
    /// The claim that lists groups
    #[arg(long, value_name = "CLAIM", default_value = "")]
    pub(crate) groups_claim: String,
    /// Whoever is in this group administers the account
    #[arg(
        long,
        value_name = "GROUP",
        default_value = "",
        requires = "groups_claim"
    )]
    pub(crate) admin_group: String,
    /// What stands on the button of a login page
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) button_text: String,
    /// Let in only who is a user already: nobody becomes one by coming
    #[arg(long)]
    pub(crate) no_newcomers: bool,
}

/// Where the registry's secret at an issuer comes from.
#[derive(Args, Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(crate) struct ClientSecret {
    /// Take the registry's secret at the issuer from standard input, up to the end of the line
    #[arg(long = "client-secret-stdin")]
    #[serde(skip)]
    from_stdin: bool,
    /// Take the registry's secret at the issuer from a file, its first line
    #[arg(
        long = "client-secret-file",
        value_name = "FILE",
        conflicts_with = "from_stdin"
    )]
    #[serde(skip)]
    file: Option<PathBuf>,
    /// Filled by [`ClientSecret::read`]; `None` means: there is none.
    #[arg(skip)]
    pub(crate) given: Option<Secret>,
}

impl ClientSecret {
    /// Takes the secret from where the command says.
    pub(super) fn read(&mut self, input: impl BufRead) -> anyhow::Result<()> {
        if self.from_stdin {
            self.given = Some(super::read_line(input)?);
        }
        if let Some(path) = &self.file {
            let failed = || format!("cannot read the client's secret from {}", path.display());
            let file = File::open(path).with_context(failed)?;
            let secret = super::read_line(BufReader::new(file));
            self.given = Some(secret.with_context(failed)?);
        }
        Ok(())
    }
}

/// What can be done to the rules by which workloads elsewhere are trusted.
#[derive(Subcommand, Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TrustRuleCommand {
    /// List the account's trust rules
    List,
    /// Trust workloads that an issuer vouches for, without any secret here
    #[command(after_help = "\
A pattern is for a whole claim: * is any run without /, ** any run at all. Of several patterns for one claim one
has to fit, and every claim that is named.

Examples:
  roadstead admin trust-rule add ci --issuer https://token.actions.githubusercontent.com \\
      --audience registry.example.com --claim 'sub=repo:acme/app:ref:refs/heads/main' --namespace team --may push
  roadstead admin --account acme trust-rule add deploy --issuer https://gitlab.example.com \\
      --audience registry.example.com --claim 'project_path=acme/*' --may pull")]
    Add(Box<NewTrustRuleArgs>),
    /// Delete a trust rule; tokens that were got by it end within the hour
    Remove {
        /// Which
        name: String,
    },
}

/// A trust rule to be made.
#[derive(Args, Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct NewTrustRuleArgs {
    /// Its name: lower-case letters, digits, and . _ - between them
    pub(crate) name: String,
    /// Whose tokens are believed: a URL, exactly as the tokens have it
    #[arg(long, value_name = "URL")]
    pub(crate) issuer: String,
    /// For whom they must be, and for nobody else
    #[arg(long, value_name = "TEXT")]
    pub(crate) audience: String,
    /// What a claim has to be like; may be given several times
    #[arg(long = "claim", value_name = "CLAIM=PATTERN", required = true, value_parser = claim)]
    pub(crate) claims: Vec<(String, String)>,
    /// What workloads may do: pull, push, delete, or RESOURCE:ACTION; several times [default: pull]
    #[arg(long, value_name = "ACTION")]
    pub(crate) may: Vec<String>,
    /// Only in this namespace; may be given several times [default: every namespace]
    #[arg(long = "namespace", value_name = "NAMESPACE")]
    pub(crate) namespaces: Vec<String>,
    /// What it is for
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) description: String,
    /// Seconds that registry tokens live which are got by it, 60 to 3600 [default: as long as others]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(i64).range(60..=3600))]
    pub(crate) token_lifetime_secs: Option<i64>,
}

fn claim(text: &str) -> anyhow::Result<(String, String)> {
    let (name, pattern) = text.split_once('=').unwrap_or_default();
    ensure!(
        !name.is_empty() && !pattern.is_empty(),
        "write it as CLAIM=PATTERN, such as sub=repo:acme/*"
    );
    Ok((name.to_owned(), pattern.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{AdminCommand, Cli, Command};
    use clap::Parser as _;
    use std::io::Write as _;

    fn parse(arguments: &[&str]) -> Result<AdminCommand, clap::Error> {
        let arguments = ["roadstead", "admin"].iter().chain(arguments);
        let Command::Admin(admin) = Cli::try_parse_from(arguments)?.command else {
            panic!("another command");
        };
        Ok(admin.command)
    }

    const SOURCE: &[&str] = &[
        "identity-source",
        "add-oidc",
        "sso",
        "--issuer",
        "https://issuer.example.com",
        "--client-id",
        "registry",
    ];

    fn source(more: &[&str], input: &str) -> anyhow::Result<Option<String>> {
        let mut command = parse(&[SOURCE, more].concat())?;
        command.read_password(input.as_bytes())?;
        // As it travels to a running registry.
        let sent = serde_json::to_string(&command)?;
        let command: AdminCommand = serde_json::from_str(&sent)?;
        let AdminCommand::IdentitySource(IdentitySourceCommand::AddOidc(new)) = command else {
            panic!("{command:?}");
        };
        assert!(!format!("{new:?}").contains("horse"));
        Ok(new.secret.given.map(|secret| secret.expose().to_owned()))
    }

    #[test]
    fn a_clients_secret_comes_from_standard_input_or_a_file_and_never_from_the_command_line() {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        writeln!(file, "file horse").expect("it is written");
        let path = file.path().to_str().expect("plain").to_owned();
        let given = |more: &[&str]| source(more, "input horse\n").expect("it is read");
        assert_eq!(given(&[]), None);
        let from_input = given(&["--client-secret-stdin"]);
        assert_eq!(from_input.as_deref(), Some("input horse"));
        let from_file = given(&["--client-secret-file", &path]);
        assert_eq!(from_file.as_deref(), Some("file horse"));
        assert!(source(&["--client-secret-file", "/nowhere/at/all"], "").is_err());
        assert!(source(&["--client-secret-stdin"], "").is_err());
        for wrong in [
            &["--client-secret-stdin", "--client-secret-file", &path][..],
            &["--client-secret", "horse"],
            &["--admin-group", "admins"],
        ] {
            assert!(source(wrong, "x\n").is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_claim_has_a_name_and_a_pattern() {
        let pair = |name: &str, pattern: &str| (name.to_owned(), pattern.to_owned());
        assert_eq!(claim("sub=a=b").expect("a claim"), pair("sub", "a=b"));
        for wrong in ["", "sub", "sub=", "=x"] {
            assert!(claim(wrong).is_err(), "{wrong}");
        }
        let rule = [
            "trust-rule",
            "add",
            "ci",
            "--issuer",
            "i",
            "--audience",
            "a",
        ];
        assert!(parse(&rule).is_err(), "without a claim");
        let rule = parse(&[&rule[..], &["--claim", "sub=x"]].concat());
        assert!(rule.is_ok());
    }
}
