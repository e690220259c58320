//! Carrying out `roadstead admin identity-source` and `roadstead admin trust-rule`.

use super::Answer;
use super::robots::action_of;
use crate::cli::{IdentitySourceCommand, NewOidcSource, NewTrustRuleArgs, TrustRuleCommand};
use crate::text::{date, table};
use model::Action;
use serde_json::{Value, json};
use services::{
    AccountContext, IdentitySourceSpec, IdentitySourceView, ListQuery, NamedPermission,
    PermissionPlace, SecretString, Services, TrustRuleSpec, TrustRuleView,
};
use std::collections::BTreeMap;

/// More trust rules than an account can have.
const PAGE: i64 = 1000;

pub(super) async fn carry_out(
    services: &Services,
    by: &AccountContext,
    command: IdentitySourceCommand,
) -> anyhow::Result<Answer> {
    let sources = &services.identity_sources;
    let operator = services.deployment.enter_locally();
    Ok(match command {
        IdentitySourceCommand::List { owner } => {
            let listed = if owner.deployment {
                sources.list_of_deployment(&operator).await?
            } else {
                sources.list(by).await?
            };
            let text = table(
                &["NAME", "ISSUER", "ACCOUNT", "STATE"],
                listed.iter().map(source_row),
            );
            Answer::new(listed.iter().map(source_json).collect(), text)
        }
        IdentitySourceCommand::AddOidc(new) => {
            let (name, is_deployments) = (new.name.clone(), new.owner.deployment);
            let spec = source_spec(*new);
            let made = if is_deployments {
                let home = Some(by.account().name.clone());
                sources
                    .create_for_deployment(&operator, (name, home), spec)
                    .await?
            } else {
                sources.create(by, name, spec).await?
            };
            let text = format!("people log in by the identity source {} now\n", made.name);
            Answer::new(source_json(&made), text)
        }
        IdentitySourceCommand::Remove { name, owner } => {
            if owner.deployment {
                sources.delete_of_deployment(&operator, &name).await?;
            } else {
                sources.delete(by, &name).await?;
            }
            let text = format!("the identity source {name} is forgotten\n");
            Answer::new(json!({ "name": name }), text)
        }
    })
}

fn source_spec(new: NewOidcSource) -> IdentitySourceSpec {
    let scopes = if new.scopes.is_empty() {
        vec!["profile".to_owned(), "email".to_owned()]
    } else {
        new.scopes
    };
    let secret = new.secret.given;
    IdentitySourceSpec {
        issuer: new.issuer,
        client_id: new.client_id,
        client_secret: secret.map(|secret| SecretString::new(secret.expose())),
        scopes,
        name_claim: new.name_claim,
        groups_claim: new.groups_claim,
        admin_group: new.admin_group,
        button_text: new.button_text,
        onboards: !new.no_newcomers,
        is_disabled: false,
    }
}

fn state(is_disabled: bool) -> String {
    if is_disabled { "disabled" } else { "enabled" }.to_owned()
}

fn source_row(source: &IdentitySourceView) -> Vec<String> {
    vec![
        source.name.clone(),
        source.spec.issuer.clone(),
        source.home_account.clone(),
        state(source.spec.is_disabled),
    ]
}

fn source_json(source: &IdentitySourceView) -> Value {
    json!({
        "name": source.name,
        "home_account": source.home_account,
        "issuer": source.spec.issuer,
        "client_id": source.spec.client_id,
        "has_client_secret": source.has_client_secret,
        "is_disabled": source.spec.is_disabled,
    })
}

/// `roadstead admin trust-rule`.
pub(super) async fn carry_out_trust_rule(
    services: &Services,
    by: &AccountContext,
    command: TrustRuleCommand,
) -> anyhow::Result<Answer> {
    let rules = &services.trust_rules;
    Ok(match command {
        TrustRuleCommand::List => {
            let query = ListQuery {
                limit: PAGE,
                ..ListQuery::default()
            };
            let listed = rules.list(by, query).await?.items;
            let text = table(
                &["NAME", "ISSUER", "STATE", "LAST USED", "DESCRIPTION"],
                listed.iter().map(rule_row),
            );
            Answer::new(listed.iter().map(rule_json).collect(), text)
        }
        TrustRuleCommand::Add(new) => {
            let (name, spec) = (new.name.clone(), rule_spec(*new)?);
            let made = rules.create(by, name, spec).await?;
            let text = format!(
                "workloads that {} vouches for are trusted by the rule {}\n",
                made.spec.issuer, made.name
            );
            Answer::new(rule_json(&made), text)
        }
        TrustRuleCommand::Remove { name } => {
            rules.delete(by, &name).await?;
            let text = format!("the trust rule {name} is deleted\n");
            Answer::new(json!({ "name": name }), text)
        }
    })
}

fn rule_spec(new: NewTrustRuleArgs) -> anyhow::Result<TrustRuleSpec> {
    let mut claims: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, pattern) in new.claims {
        claims.entry(name).or_default().push(pattern);
    }
    let asked = if new.may.is_empty() {
        vec!["pull".to_owned()]
    } else {
        new.may
    };
    let actions: Vec<Action> = asked
        .iter()
        .map(|word| action_of(word))
        .collect::<anyhow::Result<_>>()?;
    let places: Vec<PermissionPlace> = if new.namespaces.is_empty() {
        vec![PermissionPlace::EveryNamespace]
    } else {
        let named = new.namespaces.into_iter();
        named.map(PermissionPlace::Namespace).collect()
    };
    let permissions = places.into_iter().map(|place| NamedPermission {
        place,
        actions: actions.clone(),
    });
    Ok(TrustRuleSpec {
        description: new.description,
        issuer: new.issuer,
        audience: new.audience,
        claims,
        permissions: permissions.collect(),
        token_lifetime_secs: new.token_lifetime_secs,
        is_disabled: false,
    })
}

fn rule_row(rule: &TrustRuleView) -> Vec<String> {
    vec![
        rule.name.clone(),
        rule.spec.issuer.clone(),
        state(rule.spec.is_disabled),
        date(rule.last_used_at_ms),
        rule.spec.description.clone(),
    ]
}

fn rule_json(rule: &TrustRuleView) -> Value {
    let permissions = rule.spec.permissions.iter().map(|permission| {
        let (place, namespace) = match &permission.place {
            PermissionPlace::Account => ("account", None),
            PermissionPlace::EveryNamespace => ("every_namespace", None),
            PermissionPlace::Namespace(name) => ("namespace", Some(name)),
        };
        let actions = permission.actions.iter();
        json!({
            "place": place,
            "namespace": namespace,
            "actions": actions.map(|action| action.as_str()).collect::<Vec<_>>(),
        })
    });
    json!({
        "name": rule.name,
        "description": rule.spec.description,
        "issuer": rule.spec.issuer,
        "audience": rule.spec.audience,
        "claims": rule.spec.claims,
        "permissions": permissions.collect::<Vec<_>>(),
        "token_lifetime_secs": rule.spec.token_lifetime_secs,
        "is_disabled": rule.spec.is_disabled,
        "last_used_at": rule.last_used_at_ms.map(|at| date(Some(at))),
    })
}
