//! Carrying out `roadstead admin operator`.

use super::Answer;
use crate::cli::{OperatorCommand, OperatorRoleWord};
use crate::text::{date, table};
use model::OperatorRole;
use serde_json::{Value, json};
use services::Deployment;

pub(super) async fn carry_out(
    deployment: &Deployment,
    command: OperatorCommand,
) -> anyhow::Result<Answer> {
    let by = deployment.enter_locally();
    Ok(match command {
        OperatorCommand::Add { user, role } => {
            let role = role_of(role);
            deployment.add_operator(&by, &user, role).await?;
            let text = format!("{user} is an operator: {}\n", role.as_str());
            Answer::new(json!({ "user": user, "role": role.as_str() }), text)
        }
        OperatorCommand::List => {
            let operators = deployment.list_operators(&by).await?;
            let rows = operators.iter().map(|one| {
                let since = date(Some(one.created_at_ms));
                vec![one.name.clone(), one.role.as_str().to_owned(), since]
            });
            let text = table(&["USER", "ROLE", "SINCE"], rows);
            let json = operators.iter().map(|one| {
                json!({
                    "user": one.name,
                    "role": one.role.as_str(),
                    "created_at": date(Some(one.created_at_ms)),
                })
            });
            Answer::new(json.collect::<Value>(), text)
        }
        OperatorCommand::Remove { user, role } => {
            let role = role_of(role);
            deployment.remove_operator(&by, &user, role).await?;
            let text = format!(
                "{user} is no operator of the role {} any more\n",
                role.as_str()
            );
            Answer::new(json!({ "user": user, "role": role.as_str() }), text)
        }
    })
}

fn role_of(word: OperatorRoleWord) -> OperatorRole {
    match word {
        OperatorRoleWord::Administrator => OperatorRole::Administrator,
        OperatorRoleWord::Support => OperatorRole::Support,
        OperatorRoleWord::Billing => OperatorRole::Billing,
        OperatorRoleWord::Auditor => OperatorRole::Auditor,
    }
}
