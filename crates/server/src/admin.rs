//! Carrying out `roadstead admin`: on the running registry if there is one, otherwise on its data directory.

mod accounts;
mod audit;
mod certificates;
mod groups;
mod identity;
mod jobs;
mod network;
mod operators;
mod robots;

use crate::backup;
use crate::cli::{AdminCommand, NamespaceCommand, TokenAction, TokenCommand, UserCommand};
use crate::config::{Config, Secret};
use crate::system::SystemClock;
use crate::target::Target;
use crate::text::{date, table};
use crate::upkeep;
use keys::{SecretString, SystemRandom};
use model::{Action, Clock as _};
use oci::ScopeActions;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use services::{
    AccountContext, Accounts, DEFAULT_ACCOUNT, NamespaceChange, NamespaceRef, Namespaces,
    NewAccountUser, NewNamespace, Refused, Services, UserProfile,
};

const DAY_MS: i64 = 24 * 3600 * 1000;

/// What a command came to, for programs and for people.
#[derive(Serialize, Deserialize)]
pub(crate) struct Answer {
    json: Value,
    text: String,
}

impl Answer {
    pub(crate) fn new(json: Value, text: impl Into<String>) -> Self {
        Self {
            json,
            text: text.into(),
        }
    }

    /// For programs.
    pub(crate) fn json(&self) -> &Value {
        &self.json
    }

    /// Prints it, as JSON if `as_json`.
    pub(crate) fn print(&self, as_json: bool) -> anyhow::Result<()> {
        if as_json {
            crate::print(format!("{:#}\n", self.json).as_bytes())
        } else {
            crate::print(self.text.as_bytes())
        }
    }
}

/// Carries `command` out on the data directory of `config`, and prints the result, as JSON if `json`.
pub(crate) fn run(command: AdminCommand, json: bool, config: &Config) -> anyhow::Result<()> {
    let target = Target::find(config)?;
    let (account, command) = match command {
        AdminCommand::InAccount(account, command) => (account, *command),
        command => (DEFAULT_ACCOUNT.to_owned(), command),
    };
    if let AdminCommand::Audit(command) = command {
        return audit::run(&target, &account, &command, json);
    }
    let command = AdminCommand::InAccount(account, Box::new(command));
    target.ask(command)?.print(json)
}

/// Carries a command out in its account.
pub(crate) async fn carry_out(
    services: &Services,
    command: AdminCommand,
) -> anyhow::Result<Answer> {
    let (account, command) = match command {
        AdminCommand::InAccount(account, command) => (account, *command),
        command => (DEFAULT_ACCOUNT.to_owned(), command),
    };
    let accounts = &services.accounts;
    let by = accounts
        .enter_locally(&account)
        .await
        .map_err(|refused| match refused {
            Refused::Failed(error) => anyhow::Error::from(error),
            refused => anyhow::Error::from(refused),
        })?;
    match command {
        AdminCommand::InAccount(..) => anyhow::bail!("a command is about one account"),
        AdminCommand::Account(command) => accounts::carry_out(&services.deployment, command).await,
        AdminCommand::Plan(command) => {
            accounts::carry_out_plan(&services.deployment, command).await
        }
        AdminCommand::Operator(command) => {
            operators::carry_out(&services.deployment, command).await
        }
        AdminCommand::User(command) => user(accounts, &by, command).await,
        AdminCommand::Namespace(command) => namespace(&services.namespaces, &by, command).await,
        AdminCommand::Member(command) => groups::member(accounts, &by, command).await,
        AdminCommand::Group(command) => groups::group(accounts, &by, command).await,
        AdminCommand::Token(command) => token(accounts, &by, command).await,
        AdminCommand::Robot(command) => robots::carry_out(&services.robots, &by, command).await,
        AdminCommand::IdentitySource(command) => identity::carry_out(services, &by, command).await,
        AdminCommand::TrustRule(command) => {
            identity::carry_out_trust_rule(services, &by, command).await
        }
        AdminCommand::Address(command) => network::carry_out_address(services, &by, command).await,
        AdminCommand::Network(command) => {
            network::carry_out(&services.network_rules, &by, command).await
        }
        AdminCommand::Jobs(command) => jobs::carry_out(&services.jobs, &by, command).await,
        AdminCommand::Audit(command) => audit::carry_out(services, &by, command).await,
        AdminCommand::Upkeep(step) => upkeep::carry_out(services, step).await,
        AdminCommand::Backup(step) => backup::carry_out(services, step).await,
    }
}

async fn user(
    accounts: &Accounts,
    by: &AccountContext,
    command: UserCommand,
) -> anyhow::Result<Answer> {
    Ok(match command {
        UserCommand::Create {
            name,
            administrator,
            password,
        } => {
            let (password, generated) = new_password(password.given.as_ref());
            let new = NewAccountUser {
                name: name.clone(),
                password,
                profile: UserProfile::default(),
                is_administrator: administrator,
            };
            accounts.create_user(by, new).await?;
            with_password(&name, "created", generated)
        }
        UserCommand::List => {
            let users = all_users(accounts, by).await?;
            let rows = users.iter().map(|user| {
                vec![
                    user.name.clone(),
                    if user.is_disabled {
                        "disabled"
                    } else {
                        "enabled"
                    }
                    .to_owned(),
                    date(Some(user.created_at_ms)),
                ]
            });
            let text = table(&["NAME", "STATE", "CREATED"], rows);
            let json = users.iter().map(|user| {
                json!({ "name": user.name, "is_disabled": user.is_disabled, "created_at": date(Some(user.created_at_ms)) })
            });
            Answer::new(json.collect(), text)
        }
        UserCommand::Disable { name } => {
            accounts.set_disabled(by, &name, true).await?;
            Answer::new(
                json!({ "name": name, "is_disabled": true }),
                format!("user {name} is disabled\n"),
            )
        }
        UserCommand::Enable { name } => {
            accounts.set_disabled(by, &name, false).await?;
            Answer::new(
                json!({ "name": name, "is_disabled": false }),
                format!("user {name} is enabled\n"),
            )
        }
        UserCommand::ResetPassword { name, password } => {
            let (password, generated) = new_password(password.given.as_ref());
            accounts.reset_password(by, &name, password).await?;
            with_password(&name, "has a new password", generated)
        }
    })
}

async fn namespace(
    namespaces: &Namespaces,
    by: &AccountContext,
    command: NamespaceCommand,
) -> anyhow::Result<Answer> {
    let changed = |name: &str, verb: &str, is_public: bool| {
        let word = if is_public { "public" } else { "private" };
        let text = format!("namespace {name} {verb} {word}\n");
        Answer::new(json!({ "name": name, "is_public": is_public }), text)
    };
    Ok(match command {
        NamespaceCommand::Create { name, public } => {
            let new = NewNamespace {
                storage_limit: None,
                name: name.clone(),
                settings: access(public),
            };
            namespaces.create(by, new).await?;
            changed(&name, "was created and is", public)
        }
        NamespaceCommand::List => {
            let all = all_namespaces(namespaces, by).await?;
            let rows = all.iter().map(|namespace| {
                let word = if namespace.is_public {
                    "public"
                } else {
                    "private"
                };
                vec![
                    namespace.name.clone(),
                    word.to_owned(),
                    date(Some(namespace.created_at_ms)),
                ]
            });
            let text = table(&["NAME", "ACCESS", "CREATED"], rows);
            let json = all.iter().map(|namespace| {
                json!({ "name": namespace.name, "is_public": namespace.is_public, "created_at": date(Some(namespace.created_at_ms)) })
            });
            Answer::new(json.collect(), text)
        }
        NamespaceCommand::SetPublic { name } => {
            set_public(namespaces, by, &name, true).await?;
            changed(&name, "is", true)
        }
        NamespaceCommand::SetPrivate { name } => {
            set_public(namespaces, by, &name, false).await?;
            changed(&name, "is", false)
        }
        NamespaceCommand::Delete { name } => {
            namespaces.delete(by, NamespaceRef::Name(&name)).await?;
            Answer::new(
                json!({ "name": name }),
                format!("namespace {name} is deleted\n"),
            )
        }
    })
}

async fn token(
    accounts: &Accounts,
    by: &AccountContext,
    command: TokenCommand,
) -> anyhow::Result<Answer> {
    Ok(match command {
        TokenCommand::Create {
            user,
            name,
            may,
            expires_in_days,
        } => {
            let actions = if may.is_empty() {
                ScopeActions::ALL
            } else {
                may.iter()
                    .fold(ScopeActions::NONE, |all, action| all | scope_of(*action))
            };
            let expires_at_ms = SystemClock.now_ms() + i64::from(expires_in_days) * DAY_MS;
            let secret = accounts
                .create_access_token(by, &user, &name, actions, Some(expires_at_ms))
                .await?;
            let expires = date(Some(expires_at_ms));
            let text = format!(
                "token {name} of {user}, to be used as a password, until {expires}; shown this once:\n\n    {}\n\n",
                secret.expose()
            );
            let json = json!({ "user": user, "name": name, "secret": secret.expose(), "expires_at": expires });
            Answer::new(json, text)
        }
        TokenCommand::List { user } => {
            let tokens = accounts.list_access_tokens(by, &user).await?;
            let rows = tokens.iter().map(|token| {
                vec![
                    token.name.clone(),
                    token.actions.to_string(),
                    date(token.expires_at_ms),
                    date(token.last_used_at_ms),
                ]
            });
            let text = table(&["NAME", "MAY", "EXPIRES", "LAST USED"], rows);
            let json = tokens.iter().map(|token| {
                json!({
                    "name": token.name,
                    "may": token.actions.names().collect::<Vec<_>>(),
                    "expires_at": token.expires_at_ms.map(|at| date(Some(at))),
                    "last_used_at": token.last_used_at_ms.map(|at| date(Some(at))),
                })
            });
            Answer::new(json.collect(), text)
        }
        TokenCommand::Revoke { user, name } => {
            accounts.revoke_access_token(by, &user, &name).await?;
            let json = json!({ "user": user, "name": name });
            Answer::new(json, format!("token {name} of {user} is revoked\n"))
        }
    })
}

async fn all_users(
    accounts: &Accounts,
    by: &AccountContext,
) -> Result<Vec<services::User>, Refused> {
    let mut users: Vec<services::User> = Vec::new();
    loop {
        let after = users
            .last()
            .map_or_else(String::new, |last| last.name.clone());
        let page = accounts.list_all_users(by, after).await?;
        if page.is_empty() {
            return Ok(users);
        }
        users.extend(page);
    }
}

fn access(is_public: bool) -> NamespaceChange {
    NamespaceChange::default().set("public", if is_public { "true" } else { "false" })
}

async fn set_public(
    namespaces: &Namespaces,
    by: &AccountContext,
    name: &str,
    is_public: bool,
) -> Result<(), Refused> {
    let named = NamespaceRef::Name(name);
    let action = Action::NamespaceUpdate;
    namespaces
        .update(by, named, access(is_public), action)
        .await
}

async fn all_namespaces(
    services: &Namespaces,
    by: &AccountContext,
) -> Result<Vec<services::Namespace>, Refused> {
    let mut namespaces: Vec<services::Namespace> = Vec::new();
    loop {
        let after = namespaces
            .last()
            .map_or_else(String::new, |last| last.name.clone());
        let page = services.list_all(by, after).await?;
        if page.is_empty() {
            return Ok(namespaces);
        }
        namespaces.extend(page);
    }
}

fn new_password(given: Option<&Secret>) -> (SecretString, Option<SecretString>) {
    if let Some(given) = given {
        return (SecretString::new(given.expose()), None);
    }
    let generated = keys::random::generate_password(&SystemRandom);
    (generated.clone(), Some(generated))
}

fn with_password(name: &str, what: &str, generated: Option<SecretString>) -> Answer {
    match generated {
        Some(password) => Answer::new(
            json!({ "name": name, "password": password.expose() }),
            format!(
                "user {name} {what}; the password, shown this once:\n\n    {}\n\n",
                password.expose()
            ),
        ),
        None => Answer::new(json!({ "name": name }), format!("user {name} {what}\n")),
    }
}

fn scope_of(action: TokenAction) -> ScopeActions {
    match action {
        TokenAction::Pull => ScopeActions::PULL,
        TokenAction::Push => ScopeActions::PUSH,
        TokenAction::Delete => ScopeActions::DELETE,
    }
}
