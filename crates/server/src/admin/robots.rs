//! Carrying out `roadstead admin robot`.

use super::Answer;
use crate::cli::{NewRobotArgs, RobotCommand};
use crate::text::{date, table};
use anyhow::Context as _;
use model::Action;
use serde_json::{Value, json};
use services::{
    AccountContext, ListQuery, NamedPermission, NamespaceRef, NewRobot, PermissionPlace, Refused,
    RobotLevel, RobotRef, RobotView, Robots, RobotsOf, SecretString,
};

/// Robot accounts of one list.
const PAGE: i64 = 1000;
/// For ever, in days.
const FOR_EVER: i64 = -1;

pub(super) async fn carry_out(
    robots: &Robots,
    by: &AccountContext,
    command: RobotCommand,
) -> anyhow::Result<Answer> {
    Ok(match command {
        RobotCommand::Create(args) => {
            let created = robots.create(by, new_robot(args)?).await?;
            let until = match created.expires_at_ms {
                Some(_) => format!(", until {}", date(created.expires_at_ms)),
                None => String::new(),
            };
            let text = format!("robot account {} was created{until}", created.name);
            let expires_at = created.expires_at_ms.map(|at_ms| date(Some(at_ms)));
            with_secret(&created.name, &text, &created.secret, expires_at.as_deref())
        }
        RobotCommand::List { namespace } => {
            let all = all_robots(robots, by, namespace.as_deref()).await?;
            let text = table(
                &["NAME", "STATE", "EXPIRES", "LAST USED", "DESCRIPTION"],
                all.iter().map(row),
            );
            Answer::new(all.iter().map(to_json).collect(), text)
        }
        RobotCommand::Delete { name } => {
            robots.delete(by, RobotRef::Name(&name)).await?;
            let text = format!("robot account {name} is deleted\n");
            Answer::new(json!({ "name": name }), text)
        }
        RobotCommand::Rotate { name } => {
            let named = RobotRef::Name(&name);
            let secret = robots.replace_secret(by, named, None).await?;
            let secret = secret.context("a new secret was asked for, and none was made")?;
            let text = format!("robot account {name} has a new secret");
            with_secret(&name, &text, &secret, None)
        }
    })
}

fn new_robot(args: NewRobotArgs) -> anyhow::Result<NewRobot> {
    let (level, place) = match args.namespace {
        Some(name) => (RobotLevel::Namespace, PermissionPlace::Namespace(name)),
        None => (RobotLevel::Account, PermissionPlace::EveryNamespace),
    };
    let asked = if args.may.is_empty() {
        vec!["pull".to_owned()]
    } else {
        args.may
    };
    let actions: anyhow::Result<Vec<Action>> = asked.iter().map(|word| action_of(word)).collect();
    // What is not done in a namespace is done to the account.
    let (of_account, of_namespaces): (Vec<Action>, Vec<Action>) =
        actions?.into_iter().partition(|action| {
            level == RobotLevel::Account && Robots::is_grantable_for_account_only(*action)
        });
    let permissions = [
        (PermissionPlace::Account, of_account),
        (place, of_namespaces),
    ];
    let permissions = permissions
        .into_iter()
        .filter(|(_, actions)| !actions.is_empty())
        .map(|(place, actions)| NamedPermission { place, actions });
    Ok(NewRobot {
        name: args.name,
        level,
        description: args.description,
        is_disabled: false,
        duration_days: if args.never_expires {
            Some(FOR_EVER)
        } else {
            args.expires_in_days.map(i64::from)
        },
        permissions: permissions.collect(),
    })
}

pub(super) fn action_of(word: &str) -> anyhow::Result<Action> {
    let name = match word {
        "pull" => "repository:pull".to_owned(),
        "push" => "repository:push".to_owned(),
        "delete" => "artifact:delete".to_owned(),
        // Harbor's word for a namespace.
        other => match other.strip_prefix("project:") {
            Some(action) => format!("namespace:{action}"),
            None => other.to_owned(),
        },
    };
    Action::parse(&name).with_context(|| {
        format!("{word} is no action; use pull, push, delete or a pair such as tag:create")
    })
}

fn with_secret(name: &str, what: &str, secret: &SecretString, expires_at: Option<&str>) -> Answer {
    let text = format!(
        "{what}; the secret, shown this once:\n\n    {}\n\n",
        secret.expose()
    );
    let mut json = json!({ "name": name, "secret": secret.expose() });
    if let Some(expires_at) = expires_at {
        json["expires_at"] = expires_at.into();
    }
    Answer::new(json, text)
}

fn state(robot: &RobotView) -> &'static str {
    if robot.is_disabled {
        "disabled"
    } else {
        "enabled"
    }
}

fn row(robot: &RobotView) -> Vec<String> {
    vec![
        robot.name.clone(),
        state(robot).to_owned(),
        robot
            .expires_at_ms
            .map_or_else(|| "never".to_owned(), |at_ms| date(Some(at_ms))),
        date(robot.last_used_at_ms),
        robot.description.clone(),
    ]
}

fn to_json(robot: &RobotView) -> Value {
    let at = |at_ms: Option<i64>| at_ms.map(|at_ms| date(Some(at_ms)));
    let actions = robot
        .permissions
        .iter()
        .flat_map(|permission| &permission.actions);
    json!({
        "name": robot.name,
        "description": robot.description,
        "is_disabled": robot.is_disabled,
        "may": actions.map(|action| action.as_str()).collect::<Vec<_>>(),
        "created_at": at(Some(robot.created_at_ms)),
        "expires_at": at(robot.expires_at_ms),
        "last_used_at": at(robot.last_used_at_ms),
    })
}

async fn all_robots(
    robots: &Robots,
    by: &AccountContext,
    namespace: Option<&str>,
) -> Result<Vec<RobotView>, Refused> {
    let of = match namespace {
        Some(name) => RobotsOf::Namespace(NamespaceRef::Name(name)),
        None => RobotsOf::Account,
    };
    let mut all = Vec::new();
    let mut query = ListQuery {
        limit: PAGE,
        ..ListQuery::default()
    };
    loop {
        let page = robots.list(by, of, query.clone()).await?.items;
        if page.is_empty() {
            return Ok(all);
        }
        query.offset += PAGE;
        all.extend(page);
    }
}
