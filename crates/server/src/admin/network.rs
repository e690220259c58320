//! Carrying out `roadstead admin network` and `roadstead admin address`.

use super::{Answer, certificates};
use crate::cli::{AddressCommand, NetworkCommand};
use crate::text::{date, table};
use model::AllowedRange;
use serde_json::{Value, json};
use services::{AccountAddress, AccountContext, NetworkRulesService, NetworkRulesView, Services};

pub(super) async fn carry_out(
    rules: &NetworkRulesService,
    by: &AccountContext,
    command: NetworkCommand,
) -> anyhow::Result<Answer> {
    let account = &by.account().name;
    Ok(match command {
        NetworkCommand::Show => {
            let view = rules.get(by).await?;
            let namespaces = view.namespaces.iter();
            let json = json!({
                "account": account,
                "private_only": view.private_only,
                "management": view.management,
                "registry": view.registry,
                "namespaces": namespaces
                    .map(|(name, list)| json!({ "namespace": name, "registry": list }))
                    .collect::<Vec<_>>(),
                "version": view.version,
            });
            Answer::new(json, text(account, &view))
        }
        NetworkCommand::Clear => {
            rules.clear(by).await?;
            let text = format!("the account {account} may be reached from everywhere\n");
            Answer::new(json!({ "account": account }), text)
        }
    })
}

fn text(account: &str, view: &NetworkRulesView) -> String {
    let listeners = if view.private_only {
        "private listeners only"
    } else {
        "public and private listeners"
    };
    let row = |what: String| {
        move |allowed: &AllowedRange| {
            vec![
                what.clone(),
                allowed.range.to_string(),
                allowed.description.clone(),
            ]
        }
    };
    let everywhere = |what: &str| vec![what.to_owned(), "everywhere".to_owned(), String::new()];
    let mut rows = Vec::new();
    for (what, list) in [("management", &view.management), ("images", &view.registry)] {
        if list.is_empty() {
            rows.push(everywhere(what));
        }
        rows.extend(list.iter().map(row(what.to_owned())));
    }
    for (namespace, list) in &view.namespaces {
        rows.extend(list.iter().map(row(format!("images in {namespace}"))));
    }
    let rows = table(&["WHAT", "FROM", "DESCRIPTION"], rows.into_iter());
    format!("the account {account} is reached through {listeners}\n\n{rows}")
}

pub(super) async fn carry_out_address(
    services: &Services,
    by: &AccountContext,
    command: AddressCommand,
) -> anyhow::Result<Answer> {
    let deployment = &services.deployment;
    let operator = deployment.enter_locally();
    let account = &by.account().name;
    Ok(match command {
        AddressCommand::Add { host } => {
            let host = deployment.add_address(&operator, account, &host).await?;
            let text = format!("{host} is an address of the account {account} now\n");
            Answer::new(json!({ "host": host }), text)
        }
        AddressCommand::List => {
            let all = services.addresses.list(by).await?;
            let text = table(&["ADDRESS", "WHY", "CERTIFICATE"], all.iter().map(row));
            Answer::new(all.iter().map(shown).collect(), text)
        }
        AddressCommand::Remove { host } => {
            deployment.remove_address(&operator, account, &host).await?;
            let text = format!("{host} is no address of the account {account} any more\n");
            Answer::new(json!({ "host": host }), text)
        }
        AddressCommand::Certificate(command) => {
            certificates::carry_out(&services.certificates, by, command).await?
        }
    })
}

fn row(address: &AccountAddress) -> Vec<String> {
    let why = match &address.claim {
        Some(claim) => format!("claimed until {}", date(Some(claim.expires_at_ms))),
        None if address.is_automatic => "by its name".to_owned(),
        None => "its own".to_owned(),
    };
    let certificate = address.certificate.as_ref();
    let certificate = certificate.map(|one| format!("until {}", date(Some(one.ends_at_ms))));
    let certificate = certificate.unwrap_or_else(|| "the listener's".to_owned());
    vec![address.host.clone(), why, certificate]
}

fn shown(address: &AccountAddress) -> Value {
    let host = &address.host;
    json!({
        "host": host,
        "is_automatic": address.is_automatic,
        "is_claimed": address.claim.is_some(),
        "certificate": address.certificate.as_ref().map(|one| certificates::shown(host, one)),
    })
}
