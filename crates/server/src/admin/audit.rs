//! Carrying out `roadstead admin audit`, step by step, so that a running registry is never held up.

use super::{Answer, DAY_MS};
use crate::cli::{AccountCommand, AdminCommand, AuditCommand, AuditFormat, AuditStep};
use crate::system::SystemClock;
use crate::target::Target;
use crate::text::date;
use crate::upkeep::show_progress;
use anyhow::{Context as _, bail};
use model::Clock as _;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use services::{
    AccountContext, AuditChain, ChainPosition, ChainProblem, EventRow, Services, to_cadf,
};
use std::fmt::Write as _;

/// What a step of a proof found, on its way from a running registry.
#[derive(Serialize, Deserialize)]
struct Verified {
    checked: u64,
    problems: Vec<ChainProblem>,
    position: ChainPosition,
    is_done: bool,
}

/// Carries a whole command out, for `account` or the deployment.
pub(super) fn run(
    target: &Target,
    account: &str,
    command: &AuditCommand,
    as_json: bool,
) -> anyhow::Result<()> {
    match *command {
        AuditCommand::Verify { deployment, all } => {
            let logs = match (all, deployment) {
                (true, _) => every_log(target)?,
                (false, true) => vec![None],
                (false, false) => vec![Some(account.to_owned())],
            };
            verify(target, &logs, as_json)
        }
        AuditCommand::Export {
            deployment,
            from,
            format,
        } => {
            let mut after = from.saturating_sub(1);
            loop {
                let step = AuditStep::Export {
                    deployment,
                    after,
                    format,
                };
                let answer = ask(target, account, step)?;
                match answer.json()["last"].as_i64() {
                    None => return Ok(()),
                    Some(last) => after = last,
                }
                answer.print(false)?;
            }
        }
        AuditCommand::Purge {
            deployment,
            older_than_days,
        } => {
            let before_ms = SystemClock.now_ms() - i64::from(older_than_days) * DAY_MS;
            let mut purged = 0;
            loop {
                let step = AuditStep::Purge {
                    deployment,
                    before_ms,
                };
                let count: u64 = parse(&ask(target, account, step)?)?;
                if count == 0 {
                    break;
                }
                purged += count;
                show_progress(&format!("{purged} events purged"));
            }
            Answer::new(
                json!({ "purged": purged }),
                format!("{purged} events were purged\n"),
            )
            .print(as_json)
        }
        AuditCommand::Step(_) => bail!("a step is no command"),
    }
}

/// The deployment's log, and that of each account.
fn every_log(target: &Target) -> anyhow::Result<Vec<Option<String>>> {
    let accounts = target.ask(AdminCommand::Account(AccountCommand::List))?;
    let accounts = accounts.json().as_array().cloned().unwrap_or_default();
    let names = accounts
        .iter()
        .map(|account| account["name"].as_str().map(str::to_owned));
    Ok(std::iter::once(None).chain(names).collect())
}

fn verify(target: &Target, logs: &[Option<String>], as_json: bool) -> anyhow::Result<()> {
    let (mut reports, mut text, mut broken) = (Vec::new(), String::new(), 0);
    for log in logs {
        let name = log.as_deref().unwrap_or("the deployment");
        let (mut from, mut checked, mut problems) = (None, 0, Vec::new());
        let end = loop {
            let step = AuditStep::Verify {
                deployment: log.is_none(),
                from,
            };
            let account = log.as_deref().unwrap_or(services::DEFAULT_ACCOUNT);
            let step: Verified = parse(&ask(target, account, step)?)?;
            checked += step.checked;
            problems.extend(step.problems);
            show_progress(&format!("{name}: {checked} events"));
            if step.is_done {
                break step.position;
            }
            from = Some(step.position);
        };
        for problem in &problems {
            _ = writeln!(text, "{name}: {}", problem.detail);
        }
        let outcome = match problems.len() {
            0 => "all as they were sealed".to_owned(),
            1 => "1 problem".to_owned(),
            count => format!("{count} problems"),
        };
        _ = writeln!(text, "{name}: {checked} events, {outcome}");
        if end.number > 0 {
            _ = writeln!(
                text,
                "{name}: event {} has the link {}",
                end.number, end.hash
            );
        }
        broken += problems.len();
        reports.push(json!({
            "account": log,
            "checked": checked,
            "number": end.number,
            "hash": end.hash,
            "problems": problems,
        }));
    }
    Answer::new(Value::Array(reports), text).print(as_json)?;
    if broken > 0 {
        bail!("the audit log is not what was sealed");
    }
    Ok(())
}

fn ask(target: &Target, account: &str, step: AuditStep) -> anyhow::Result<Answer> {
    let command = AdminCommand::Audit(AuditCommand::Step(step));
    target.ask(AdminCommand::InAccount(
        account.to_owned(),
        Box::new(command),
    ))
}

fn parse<T: DeserializeOwned>(answer: &Answer) -> anyhow::Result<T> {
    T::deserialize(answer.json()).context("the running registry answered something else")
}

/// Carries one step out.
pub(super) async fn carry_out(
    services: &Services,
    by: &AccountContext,
    command: AuditCommand,
) -> anyhow::Result<Answer> {
    let AuditCommand::Step(step) = command else {
        bail!("an audit command is carried out step by step");
    };
    let operator = services.deployment.enter_locally();
    let chain = |deployment| {
        if deployment {
            AuditChain::Deployment(&operator)
        } else {
            AuditChain::Account(by)
        }
    };
    let audit = &services.audit;
    // What was done just before is to be seen.
    services.sealer.seal().await?;
    let json = match step {
        AuditStep::Verify { deployment, from } => {
            let step = audit.verify(chain(deployment), from).await?;
            serde_json::to_value(Verified {
                checked: step.checked,
                problems: step.problems,
                position: step.position,
                is_done: step.is_done,
            })?
        }
        AuditStep::Export {
            deployment,
            after,
            format,
        } => {
            let account = (!deployment).then(|| by.account().name.as_str());
            let events = audit.export(chain(deployment), after).await?;
            let last = events.last().and_then(|event| event.number);
            let lines = events.iter().map(|event| match format {
                AuditFormat::JsonLines => format!("{}\n", line(event)),
                AuditFormat::Cadf => format!("{}\n", to_cadf(event, account)),
            });
            return Ok(Answer::new(
                json!({ "last": last }),
                lines.collect::<String>(),
            ));
        }
        AuditStep::Purge {
            deployment,
            before_ms,
        } => json!(audit.purge(chain(deployment), before_ms).await?),
    };
    Ok(Answer::new(json, ""))
}

fn line(event: &EventRow) -> Value {
    json!({
        "number": event.number,
        "id": event.id,
        "at": date(Some(event.at_ms)),
        "kind": event.kind,
        "caller": event.caller,
        "credential": event.credential,
        "address": event.address,
        "agent": event.agent,
        "resource": event.resource,
        "event": serde_json::from_str::<Value>(&event.payload).unwrap_or(Value::Null),
        "hash": event.hash,
    })
}
